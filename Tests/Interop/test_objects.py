"""Objects, called and listed by a client that knows nothing of them."""

import asyncio
import json

import pytest
from nats.micro.service import ServiceInfo, ServicePing, ServiceStats

from conftest import barrier, received
from objects import Refused, ask, join, name, request, sequence


async def answers(client, subject: str, count: int) -> list[dict]:
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish(subject, b"", reply=inbox)
    return [json.loads(message.data) for message in await received(subscription, count)]


async def test_the_kinds_are_listed_as_services(client):
    pings = [ServicePing.from_dict(answer) for answer in await answers(client, "$SRV.PING", 2)]
    assert {ping.name for ping in pings} == {"Casino", "GameTable"}
    assert len({ping.id for ping in pings}) == 1, "one node, one instance of each"
    (one,) = await answers(client, f"$SRV.PING.GameTable.{pings[0].id}", 1)
    assert one["name"] == "GameTable"


async def test_a_service_tells_what_it_answers(client):
    (info,) = await answers(client, "$SRV.INFO.GameTable", 1)
    assert info["type"] == "io.nats.micro.v1.info_response"
    assert ServiceInfo.from_dict(info).name == "GameTable"
    subjects = {endpoint["name"]: endpoint["subject"] for endpoint in info["endpoints"]}
    assert {name: subjects[name] for name in ("Hit", "Stand", "GetTable")} == {
        "Hit": "obj.GameTable.*.Hit", "Stand": "obj.GameTable.*.Stand", "GetTable": "obj.GameTable.*.GetTable",
    }


async def test_a_service_counts_its_calls_and_errors(client):
    async def statistics():
        (stats,) = await answers(client, "$SRV.STATS.GameTable", 1)
        assert stats["type"] == "io.nats.micro.v1.stats_response"
        assert ServiceStats.from_dict(stats).name == "GameTable"
        return stats["endpoints"][0]

    before = await statistics()
    await ask(client, "GameTable", "counted", "GetTable")
    with pytest.raises(Refused):
        await ask(client, "GameTable", "counted", "Hit", player="nobody")
    # A reply does not wait for being counted.
    async with asyncio.timeout(10):
        while (after := await statistics())["num_requests"] < before["num_requests"] + 2:
            await asyncio.sleep(0.01)
    assert after["num_requests"] == before["num_requests"] + 2
    assert after["num_errors"] == before["num_errors"] + 1
    assert after["processing_time"] > before["processing_time"]


@pytest.mark.parametrize(
    ("subject", "payload", "code", "says"),
    [
        ("obj.Roulette.1.Spin", b"{}", 404, ['no kind "Roulette"', "Casino, GameTable"]),
        ("obj.GameTable.7.Fly", b"{}", 404, ['GameTable has no message "Fly"', "Hit", "Stand", "GetTable"]),
        ("obj.GameTable.7.Hit", b"not json", 400, ["Hit", "not valid JSON"]),
        ("obj.GameTable.7.Hit", b"{}", 400, ['"player" is missing']),
        ("obj.GameTable.7.Hit", b'{"player":7}', 400, ['"player"']),
        ("obj.GameTable.7.Hit", b"[]", 400, ["Hit"]),
        ("obj.GameTable.7.Hit", b"\xff\xfe", 400, ["Hit"]),
        ("obj.GameTable.1.5.GetTable", b"{}", 400, ["four tokens", "%2E"]),
        ("obj.GameTable.GetTable", b"{}", 400, ["four tokens"]),
        ("obj.GameTable.100%.GetTable", b"{}", 400, ["100%25"]),
        ("obj.GameTable.a/b.GetTable", b"{}", 400, ["a%2Fb"]),
    ])
async def test_a_call_that_cannot_be_served_says_why(client, subject, payload, code, says):
    with pytest.raises(Refused) as refusal:
        await request(client, subject, payload)
    assert refusal.value.code == code
    for part in says:
        assert part in refusal.value.message
    assert (await ask(client, "GameTable", "7", "GetTable"))["phase"] == "waiting"


async def test_a_nested_bomb_of_json_is_refused(client):
    with pytest.raises(Refused) as refusal:
        await request(client, "obj.GameTable.7.Hit", b"[" * 500_000)
    assert refusal.value.code == 400
    await barrier(client)


@pytest.mark.parametrize(
    ("token", "id"), [("🂡", "🂡"), ("tisch-ü", "tisch-ü"), ("a%20b", "a b"), ("1%2E5", "1.5"), ("%2A", "*"), ("%3E", ">"), ("x" * 500, "x" * 500)])
async def test_any_text_can_be_an_id(client, token, id):
    assert (await ask(client, "GameTable", token, "GetTable"))["table"] == id


async def test_an_error_of_the_application_is_a_body_with_a_code(client):
    with pytest.raises(Refused) as refusal:
        await ask(client, "GameTable", "nowhere", "Hit", player="ann")
    assert (refusal.value.code, refusal.value.name) == (422, "NotSeated")
    assert refusal.value.message == "ann does not play at this table"
    assert refusal.value.body == {"player": "ann"}


async def test_moves_are_refused_before_the_game_and_out_of_turn(start, connect):
    async with connect(start("--store", "memory", "--start-after", 600, "--turn-seconds", 600)) as client:
        table = (await join(client, "ann"))["table"]
        with pytest.raises(Refused) as refusal:
            await ask(client, "GameTable", table, "Stand", player="ann")
        assert (refusal.value.code, refusal.value.name, refusal.value.body) == (422, "GameNotRunning", {"phase": "waiting"})
        await join(client, "bob")
        await join(client, "cy")
        snapshot = await ask(client, "GameTable", table, "GetTable")
        if snapshot["phase"] == "settled":
            return  # Three blackjacks.
        waiting = next(seat["player"] for seat in snapshot["seats"] if seat["seat"] != snapshot["turn"]["seat"])
        playing = snapshot["seats"][snapshot["turn"]["seat"] - 1]["player"]
        with pytest.raises(Refused) as refusal:
            await ask(client, "GameTable", table, "Hit", player=waiting)
        assert (refusal.value.code, refusal.value.name) == (422, "NotYourTurn")
        assert refusal.value.body == {"player": waiting, "turn": playing}


@pytest.mark.parametrize("player", ["", " ann", "a\u0000b", "x" * 25, "\u202eevil"])
async def test_a_name_that_is_none_is_refused(client, player):
    with pytest.raises(Refused) as refusal:
        await join(client, player)
    assert (refusal.value.code, refusal.value.name) == (422, "InvalidPlayerName")
    assert refusal.value.body["reason"] == refusal.value.message


async def test_a_repeated_message_id_is_answered_from_the_record(start, connect):
    async with connect(start("--start-after", 600, "--turn-seconds", 600)) as client:
        events = await client.subscribe("evt.GameTable.>")
        seats = [await ask(client, "Casino", "main", "JoinGame", headers={"Nats-Msg-Id": "join-ann"}, player="ann") for _ in range(3)]
        assert seats == [seats[0]] * 3
        table = seats[0]["table"]
        await join(client, "bob")
        await join(client, "cy")
        snapshot = await ask(client, "GameTable", table, "GetTable")
        if snapshot["phase"] == "settled":
            return  # Three blackjacks.
        seat = snapshot["seats"][snapshot["turn"]["seat"] - 1]
        hit = {"Nats-Msg-Id": "one-card"}
        replies = [await ask(client, "GameTable", table, "Hit", headers=hit, player=seat["player"]) for _ in range(3)]
        assert replies == [replies[0]] * 3
        assert len(replies[0]["hand"]) == len(seat["hand"]) + 1
        after = await ask(client, "GameTable", table, "GetTable")
        assert len(after["seats"][seat["seat"] - 1]["hand"]) == len(seat["hand"]) + 1
        await barrier(client)
        seen = await received(events, events.pending_msgs)
        assert [name(event) for event in seen].count("PlayerJoined") == 3
        assert [sequence(event) for event in seen] == list(range(1, len(seen) + 1))


async def test_many_callers_at_once_get_each_their_own_answer(client):
    looks = await asyncio.gather(*(ask(client, "GameTable", f"t{number}", "GetTable") for number in range(200)))
    assert [look["table"] for look in looks] == [f"t{number}" for number in range(200)]
