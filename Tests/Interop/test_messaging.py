"""The NATS core protocol, spoken by a client that is not ours, over each transport."""

import asyncio

import nats.errors
import pytest

from conftest import barrier, received, until
from server import TRANSPORTS


@pytest.fixture(scope="module", params=TRANSPORTS)
def transport(request):
    return TRANSPORTS[request.param]


async def test_a_message_reaches_every_subscriber_once_and_in_order(client, server, connect):
    async with connect(server) as other:
        subscriptions = [await client.subscribe("chat.lobby"), await other.subscribe("chat.lobby")]
        await barrier(other)
        for number in range(100):
            await client.publish("chat.lobby", str(number).encode())
        await client.publish("chat.lobby", b"")
        for subscription in subscriptions:
            messages = await received(subscription, 101)
            assert [message.data for message in messages] == [str(number).encode() for number in range(100)] + [b""]
            assert subscription.pending_msgs == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("zoo.*.cub", ["zoo.lion.cub", "zoo.bear.cub"]),
        ("zoo.>", ["zoo.lion", "zoo.lion.cub", "zoo.bear.cub", "zoo.lion.cub.name"]),
        ("zoo.lion", ["zoo.lion"]),
        ("*.lion.>", ["zoo.lion.cub", "zoo.lion.cub.name"]),
        (">", ["zoo", "zoo.lion", "zoo.lion.cub", "zoo.bear.cub", "zoo.lion.cub.name"]),
    ])
async def test_wildcards_match_one_token_or_the_rest(start, connect, pattern, expected):
    async with connect(start("--store", "memory")) as client:
        subscription = await client.subscribe(pattern)
        for subject in ["zoo", "zoo.lion", "zoo.lion.cub", "zoo.bear.cub", "zoo.lion.cub.name"]:
            await client.publish(subject, b"")
        assert [message.subject for message in await received(subscription, len(expected))] == expected
        if pattern != ">":  # which would hear the barrier itself
            await barrier(client)
            assert subscription.pending_msgs == 0


async def test_of_a_queue_group_one_member_gets_each_message(client, server, connect):
    async with connect(server) as other:
        members = [await each.subscribe("work.*", queue="workers") for each in (client, client, other)]
        watcher = await other.subscribe("work.>")
        await barrier(other)
        sent = {f"job {number}".encode() for number in range(300)}
        for job in sent:
            await client.publish("work.job", job)
        await barrier(client)
        assert {message.data for message in await received(watcher, 300)} == sent
        await until(lambda: sum(member.pending_msgs for member in members) == 300)
        shares = [await received(member, member.pending_msgs) for member in members]
        assert sorted(message.data for share in shares for message in share) == sorted(sent)
        assert all(shares), "every member gets some"


async def test_a_subscription_ends_after_the_wished_number(client):
    subscription = await client.subscribe("count.me")
    await subscription.unsubscribe(limit=3)
    for number in range(5):
        await client.publish("count.me", str(number).encode())
    await barrier(client)
    assert [message.data for message in await received(subscription, 3)] == [b"0", b"1", b"2"]
    with pytest.raises((nats.errors.TimeoutError, nats.errors.BadSubscriptionError)):
        await subscription.next_msg(0.1)


async def test_without_echo_a_client_does_not_hear_itself(client, server, connect):
    async with connect(server, no_echo=True) as quiet:
        own = await quiet.subscribe("echo.test")
        await quiet.publish("echo.test", b"mine")
        await barrier(quiet)
        await client.publish("echo.test", b"yours")
        assert (await own.next_msg(10)).data == b"yours"


async def test_headers_arrive_as_they_were_sent(client):
    subscription = await client.subscribe("with.headers")
    headers = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Colour": "grün: blau"}
    await client.publish("with.headers", b"body", headers=headers)
    await client.publish("with.headers", b"", headers={"Only": "a header"})
    first, second = await received(subscription, 2)
    assert (first.data, first.headers) == (b"body", headers)
    assert (second.data, second.headers) == (b"", {"Only": "a header"})


async def test_a_request_gets_its_reply(client, server, connect):
    async with connect(server) as other:

        async def answer(message):
            await message.respond(message.data.upper())

        await other.subscribe("shout", cb=answer)
        await barrier(other)
        replies = await asyncio.gather(*(client.request("shout", f"a{number}".encode(), timeout=10) for number in range(50)))
        assert [reply.data for reply in replies] == [f"A{number}".encode() for number in range(50)]


async def test_a_request_nobody_can_answer_fails_at_once(client):
    with pytest.raises(nats.errors.NoRespondersError):
        await client.request("nobody.is.here", b"", timeout=30)


async def test_the_largest_message_passes_and_a_larger_one_is_refused(client):
    subscription = await client.subscribe("large")
    await client.publish("large", b"x" * client.max_payload)
    assert len((await subscription.next_msg(10)).data) == client.max_payload == 1024 * 1024
    with pytest.raises(nats.errors.MaxPayloadError):
        await client.publish("large", b"x" * (client.max_payload + 1))


async def test_draining_a_client_reads_what_had_arrived(server, connect):
    async with connect(server) as publisher, connect(server) as reader:
        seen = []

        async def note(message):
            await asyncio.sleep(0.001)
            seen.append(message.data)

        await reader.subscribe("drain.me", cb=note)
        await barrier(reader)
        for number in range(100):
            await publisher.publish("drain.me", str(number).encode())
        await barrier(publisher)
        await reader.drain()
        assert seen == [str(number).encode() for number in range(100)]
        assert reader.is_closed


async def test_a_server_that_ends_tells_its_clients_first(start, connect):
    told = asyncio.Event()

    async def lame_duck():
        told.set()

    server = start("--store", "memory")
    async with connect(server, lame_duck_mode_cb=lame_duck, allow_reconnect=False):
        assert await asyncio.to_thread(server.end) == 0
        assert told.is_set()


async def test_a_client_finds_back_to_a_server_that_restarts(start, connect):
    first = start("--store", "sqlite:game.sqlite")
    back = asyncio.Event()

    async def reconnected():
        back.set()

    options = {"reconnected_cb": reconnected, "reconnect_time_wait": 0.05, "max_reconnect_attempts": -1}
    async with connect(first, **options) as client:
        subscription = await client.subscribe("still.here")
        await barrier(client)
        assert await asyncio.to_thread(first.end) == 0
        await asyncio.to_thread(start, "--store", "sqlite:game.sqlite", port=first.port)
        await asyncio.wait_for(back.wait(), 30)
        await client.publish("still.here", b"yes")
        assert (await subscription.next_msg(10)).data == b"yes"


async def test_only_objects_write_events(server, connect):
    errors = []

    async def note(error):
        errors.append(str(error))

    async with connect(server, error_cb=note) as client:
        events = await client.subscribe("evt.>")
        await client.publish("evt.GameTable.7.GameSettled", b'{"dealer":0,"results":[]}')
        await barrier(client)
        await until(lambda: errors)
        assert "permissions violation for publish" in errors[0].lower()
        assert "evt.gametable.7.gamesettled" in errors[0].lower()
        subscription = await client.subscribe("still.alive")
        await client.publish("still.alive", b"yes")
        assert (await subscription.next_msg(10)).data == b"yes"
        assert events.pending_msgs == 0
