"""Several nodes on one store, as processes of their own."""

import asyncio
import contextlib
import fcntl
import json
import random
import re
import signal
import socket
import ssl
import time
import urllib.request
from pathlib import Path

import nats
import pytest

from conftest import until
from objects import Refused, ask, join, name, sequence
from postgres import Postgres
from server import CERTIFICATES, Server

TTL = 2
PATIENT = ["--start-after", 600, "--turn-seconds", 600]
SETTINGS = {"RIVULET_CLUSTER": "true", "RIVULET_CLUSTER_TTL": f"{TTL}s"}


@pytest.fixture(scope="module")
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.end()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request) -> str:
    return "sqlite:game.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres").make_database()


@pytest.fixture
def start_node(start):
    """Starts a node of the cluster."""

    async def start_node(store, *options, program="BlackJackServer", environment=None):
        options = [*(PATIENT if program == "BlackJackServer" else []), *options]
        return await asyncio.to_thread(
            start, "--store", store, *options, program=program, environment=SETTINGS | (environment or {}))

    return start_node


@contextlib.asynccontextmanager
async def connected(*nodes, **options):
    """A client of each node, which stays there."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [await nats.connect(node.url, connect_timeout=10, allow_reconnect=False, **options) for node in nodes]
        for client in clients:
            stack.push_async_callback(client.close)
        yield clients


async def acquainted(*nodes) -> None:
    """Waits until each node knows the others."""
    await until(lambda: all(node.output.count("another node has joined") >= len(nodes) - 1 for node in nodes), 30)


async def what_became(events, node: str, until: str) -> list[str]:
    """What is told of a node, up to that."""
    kinds = []
    while until not in kinds:
        subject = (await events.next_msg(60)).subject
        if subject.startswith(node):
            kinds.append(subject.removeprefix(node))
    return kinds


def metrics(node) -> dict[str, float]:
    """The cluster's and the relay's, by name and labels."""
    page = urllib.request.urlopen(re.search(r"monitoring=(http://\S+:\d+)", node.output)[1] + "/metrics", timeout=10).read().decode()
    return {name: float(value) for name, value in re.findall(r"^(rivulet_(?:cluster|relayed)_\S+) (\S+)$", page, re.M)}


def changes(node, kind: str) -> float:
    return metrics(node)[f'rivulet_cluster_member_changes_total{{change="{kind}"}}']


async def persistently(call, within: float):
    """The answer to a call that is made again as long as it is told to ask again, and how long that took."""
    begin = time.monotonic()
    while True:
        try:
            return await call(), time.monotonic() - begin
        except (Refused, nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
            assert not isinstance(error, Refused) or error.code == 503, error
            assert time.monotonic() - begin < within, f"no answer within {within} s: {error}"
            await asyncio.sleep(0.02)


async def test_an_object_runs_once_whichever_node_is_called(start_node, store):
    a, b = await start_node(store), await start_node(store, environment={"RIVULET_HTTP_PORT": "0"})
    async with connected(a, b) as (first, second):
        events = await second.subscribe("evt.GameTable.*.PlayerJoined")
        await second.flush()
        seats = [await join((first, second)[number % 2], f"player{number}") for number in range(12)]
        assert seats == [{"table": str(number // 3 + 1), "seat": number % 3 + 1} for number in range(12)]
        seen = [await events.next_msg(10) for _ in range(12)]
        assert [json.loads(event.data)["player"] for event in seen] == [f"player{number}" for number in range(12)]
        assert [sequence(event) for event in seen] == sorted({sequence(event) for event in seen})
        assert {name(event) for event in seen} == {"PlayerJoined"}
    numbers = metrics(b)
    assert numbers["rivulet_cluster_lease_held"] == 1
    assert numbers["rivulet_cluster_forwarded_total"] >= 6
    assert numbers["rivulet_cluster_forward_failures_total"] == 0


async def test_a_killed_nodes_objects_answer_elsewhere(start_node, store):
    a, b = await start_node(store), await start_node(store)
    await acquainted(a, b)
    async with connected(a, b) as (first, second):
        assert (await join(first, "ann"))["seat"] == 1
        assert (await join(second, "bob"))["seat"] == 2
        await asyncio.to_thread(a.end, signal.SIGKILL)
        seat, took = await persistently(lambda: join(second, "cy"), within=TTL + 10)
        assert seat == {"table": "1", "seat": 3}
        # Two seconds are promised on a machine that is not busy with other tests.
        assert took < TTL + 6


async def test_no_call_fails_while_a_node_ends(start_node, store):
    a, b = await start_node(store), await start_node(store)
    await acquainted(a, b)
    async with connected(a, b) as (first, second):
        await join(first, "player0")
        ending = None
        for number in range(1, 60):
            if number == 20:
                ending = asyncio.create_task(asyncio.to_thread(a.end))
            seat, _ = await persistently(lambda: join(second, f"player{number}"), within=20)
            assert seat == {"table": str(number // 3 + 1), "seat": number % 3 + 1}
        assert await ending == 0, a.output


async def test_a_stopped_node_comes_back_as_a_new_member_and_writes_nothing_old(start_node, store):
    a, b = await start_node(store), await start_node(store)
    await acquainted(a, b)
    async with connected(a, b) as (first, second):
        await join(first, "ann")
        a.signal(signal.SIGSTOP)
        try:
            late = asyncio.create_task(ask(first, "Casino", "main", "JoinGame", player="late"))
            await asyncio.sleep(0)
            seat, _ = await persistently(lambda: join(second, "bob"), within=TTL + 20)
            assert seat == {"table": "1", "seat": 2}
        finally:
            a.signal(signal.SIGCONT)
        with contextlib.suppress(Refused, nats.errors.Error):
            await late
        await until(lambda: "lost the place in the cluster" in a.output, 30)
        await until(lambda: a.output.count("joined the cluster") == 2, 30)
        seats = [(await persistently(lambda: join(client, player), within=20))[0] for client, player in ((first, "cy"), (second, "dee"))]
        table = await ask(second, "GameTable", "1", "GetTable")
        assert len({(seat["table"], seat["seat"]) for seat in seats} | {("1", 1), ("1", 2)}) == 4
        assert [seat["player"] for seat in table["seats"]][:2] == ["ann", "bob"]


@pytest.fixture(params=["sqlite", "postgres"])
def breakable(request, tmp_path):
    """A store, and what keeps nodes from writing to it."""

    @contextlib.contextmanager
    def locked():
        with (tmp_path / "game.sqlite.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def killed(postgres):
        postgres.kill()
        try:
            yield
        finally:
            postgres.start()

    if request.param == "sqlite":
        return "sqlite:game.sqlite", locked
    postgres = request.getfixturevalue("postgres")
    return postgres.make_database(), lambda: killed(postgres)


async def test_a_node_that_has_lost_its_place_tells_so_and_takes_another(start_node, breakable):
    store, broken = breakable
    node = await start_node(store, environment={"RIVULET_HTTP_PORT": "0"})
    async with connected(node) as (client,):
        lost = await client.subscribe("$SYS.SERVER.*.LOST")
        await client.flush()
        assert metrics(node)["rivulet_cluster_lease_held"] == 1
        with broken():
            end = time.monotonic() + TTL + 1
            await until(lambda: metrics(node)["rivulet_cluster_lease_held"] == 0, 30)
            # By then the lease is over in the store as well, and cannot be renewed.
            await until(lambda: time.monotonic() > end, 30)
        message = await lost.next_msg(30)
        told = json.loads(message.data)
        assert message.subject == f"$SYS.SERVER.{told['name']}.LOST" and told["address"] == f"127.0.0.1:{node.port}"
        await until(lambda: metrics(node)["rivulet_cluster_lease_held"] == 1, 30)


# A busy machine is not to make a node look dead.
WATCHED = {"RIVULET_HTTP_PORT": "0", "RIVULET_CLUSTER_TTL": "9s"}


@contextlib.asynccontextmanager
async def watched(start_node, store):
    """A node, what it tells, its client, and another node with its subjects' beginning, once it has joined."""
    a = await start_node(store, environment=WATCHED)
    async with connected(a) as (client,):
        events = await client.subscribe("$SYS.SERVER.*.*")
        await client.flush()
        b = await start_node(store, environment=WATCHED)
        joined = await events.next_msg(30)
        assert joined.subject.endswith(".JOINED") and json.loads(joined.data)["address"] == f"127.0.0.1:{b.port}"
        yield a, events, client, b, joined.subject.removesuffix("JOINED")


async def test_clients_learn_of_other_nodes_and_are_told_when_they_leave(start_node, store):
    async with watched(start_node, store) as (a, events, client, b, node):
        await until(lambda: any(server.port == b.port for server in client.servers))
        assert await asyncio.to_thread(b.end) == 0
        assert (await what_became(events, node, until="LEFT"))[-1] == "LEFT"
        assert (changes(a, "joined"), changes(a, "left"), changes(a, "died")) == (1, 1, 0)


async def test_clients_are_told_when_a_node_dies(start_node, store):
    async with watched(start_node, store) as (a, events, _, b, node):
        c = await start_node(store, environment=WATCHED)
        await acquainted(a, b, c)
        await asyncio.to_thread(b.end, signal.SIGKILL)
        became = await what_became(events, node, until="DIED")
        assert "LEFT" not in became and became[-2:] == ["SUSPECTED", "DIED"]
        for other in (a, c):
            await until(lambda: changes(other, "died") == 1, 30)
            assert changes(other, "joined") == 2 and changes(other, "suspected") >= 1 and changes(other, "left") == 0


async def test_clients_are_told_of_a_node_that_gives_no_sign_of_life_for_a_while(start_node, store):
    async with watched(start_node, store) as (a, events, _, b, node):
        b.signal(signal.SIGSTOP)
        try:
            assert (await what_became(events, node, until="SUSPECTED"))[-1] == "SUSPECTED"
        finally:
            b.signal(signal.SIGCONT)
        assert await what_became(events, node, until="RECOVERED") == ["RECOVERED"]
        assert changes(a, "suspected") >= 1 and changes(a, "recovered") >= 1 and changes(a, "died") == 0


async def test_links_need_no_settings_where_users_have_to_log_in(start_node, tmp_path):
    (tmp_path / "users.yaml").write_text(
        "authorization: {users: [{user: ann, password: a, permissions: {publish: ['obj.Casino.>'], subscribe: ['_INBOX.>']}}]}\n")
    store = "sqlite:game.sqlite"
    a, b = [await start_node(store, "--config", "users.yaml") for _ in range(2)]
    errors = []

    async def note(error):
        errors.append(str(error))

    async with connected(a, b, user="ann", password="a", error_cb=note) as (first, second):
        assert (await join(first, "ann"))["seat"] == 1
        # Who only says to be a node is not believed.
        assert (await ask(second, "Casino", "main", "JoinGame", headers={"Rivulet-Hop": "x"}, player="bob"))["seat"] == 2
        await first.publish("obj.GameTable.1.GetTable", b"{}")
        await first.flush()
        await until(lambda: errors)
        assert "permissions violation" in errors[0].lower()
    with pytest.raises(nats.errors.Error):
        await nats.connect(a.url, user="$NODE", password="a", allow_reconnect=False, connect_timeout=10)


@pytest.mark.parametrize("has_authority", [True, False])
async def test_links_are_encrypted_where_clients_are(start_node, tmp_path, has_authority):
    authority = CERTIFICATES / "authority.pem"
    (tmp_path / "chain.pem").write_text((CERTIFICATES / "server.pem").read_text() + authority.read_text())
    options = ["--tls-cert", "chain.pem", "--tls-key", CERTIFICATES / "server-key.pem"]
    if has_authority:
        options += ["--tls-ca", authority]
    a, b = [await start_node("sqlite:game.sqlite", *options) for _ in range(2)]
    async with connected(a, b, tls=ssl.create_default_context(cafile=authority)) as (first, second):
        assert (await join(first, "ann"))["seat"] == 1
        assert (await join(second, "bob"))["seat"] == 2


async def test_kinds_are_hosted_where_their_label_is(start_node, store):
    labels = {"RIVULET_CLUSTER_LABELS": "special"}
    a = await start_node(store, program="PlacedObjects", environment=labels)
    b = await start_node(store, program="PlacedObjects")
    await acquainted(a, b)
    async with connected(a, b) as (first, second):
        special = {await ask(client, "Special", str(number), "Where") for number in range(8) for client in (first, second)}
        assert len(special) == 1
        # Each is at one node, and all together are at both: that they are not comes once in 2^31 times.
        anywhere = [{await ask(client, "Anywhere", str(number), "Where") for client in (first, second)} for number in range(32)]
        assert all(len(places) == 1 for places in anywhere)
        assert len(set.union(*anywhere)) == 2
        with pytest.raises(Refused, match="404 there is no kind \"Nowhere\"; the cluster serves Anywhere, Special"):
            await ask(second, "Nowhere", "a", "Where")
        assert "kinds=Special,Anywhere" in a.output and "kinds=Anywhere" in b.output


async def test_calls_wait_while_the_only_node_with_a_label_is_replaced(start_node, store):
    labels = {"RIVULET_CLUSTER_LABELS": "special"}
    old, other = [await start_node(store, program="PlacedObjects", environment=environment) for environment in (labels, {})]
    await acquainted(old, other)
    async with connected(other) as (client,):
        place = await ask(client, "Special", "a", "Where")
        assert await asyncio.to_thread(old.end) == 0
        call = asyncio.create_task(persistently(lambda: ask(client, "Special", "a", "Where"), within=30))
        await start_node(store, program="PlacedObjects", environment=labels)
        assert (await call)[0] != place


async def test_a_node_without_kinds_hands_all_calls_on(start_node, store):
    a, b = await start_node(store), await start_node(store, program="rivulet")
    await acquainted(a, b)
    async with connected(a, b) as clients:
        seats = [await join(clients[number % 2], f"player{number}") for number in range(6)]
        assert seats == [{"table": str(number // 3 + 1), "seat": number % 3 + 1} for number in range(6)]


def consecutive_ports(count: int) -> int:
    """The first of as many ports in a row that nobody listens at."""
    for first in random.sample(range(20_000, 32_000), 100):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return first
            except OSError:
                continue
    raise AssertionError("no ports are free")


async def test_one_command_starts_three_nodes_whose_players_share_a_table(programs, tmp_path, store):
    script = Path(__file__).parents[2] / "Examples" / "BlackJack" / "cluster"
    port = consecutive_ports(3)
    nodes = await asyncio.to_thread(
        Server, [script, programs.path("BlackJackServer")], tmp_path, environment={"PORT": str(port), "STORE": store})
    try:
        await until(lambda: nodes.output.count("listening on") == 3, 30)
        seats = []
        for number in range(3):
            client = await nats.connect(f"nats://127.0.0.1:{port + number}", connect_timeout=10)
            seats.append(await join(client, f"player{number}"))
            await client.close()
        assert seats == [{"table": "1", "seat": seat} for seat in (1, 2, 3)]
    finally:
        assert await asyncio.to_thread(nodes.interrupt) == 0, nodes.output
    assert nodes.output.count("stopped") == 3, nodes.output


async def test_nodes_are_one_broker_for_plain_messages(start_node, store):
    a, b = [await start_node(store, environment={"RIVULET_HTTP_PORT": "0"}) for _ in range(2)]
    async with connected(a, b) as (first, second):
        chat = await second.subscribe("chat.*")
        # The same group at both nodes: of its members one gets a message, and one of the same node rather than another.
        near, far = await first.subscribe("work.near", "workers"), await second.subscribe("work.near", "workers")

        async def answer(message):
            await message.respond(b"from the other node: " + message.data)

        await second.subscribe("service.echo", "services", cb=answer)
        await second.flush()
        reply, _ = await persistently(lambda: first.request("service.echo", b"hello", timeout=2), within=20)
        assert reply.data == b"from the other node: hello"
        await until(lambda: [metrics(node)["rivulet_cluster_other_nodes"] for node in (a, b)] == [1, 1], 30)
        before = metrics(a)
        # What was subscribed to before is known by then.
        for number in range(100):
            await first.publish("chat.lobby", str(number).encode())
            await first.publish("work.near", str(number).encode())
        heard = [await chat.next_msg(20) for _ in range(100)]
        assert [int(message.data) for message in heard] == list(range(100))
        assert [int((await near.next_msg(20)).data) for _ in range(100)] == list(range(100))
        with pytest.raises(nats.errors.TimeoutError):
            await far.next_msg(0.05)
        out, arrived = metrics(a), metrics(b)
        # What stayed at its node is not among them.
        assert out["rivulet_relayed_out_messages_total"] - before["rivulet_relayed_out_messages_total"] == 100
        assert arrived["rivulet_relayed_in_messages_total"] == out["rivulet_relayed_out_messages_total"]
        assert arrived["rivulet_relayed_in_bytes_total"] == out["rivulet_relayed_out_bytes_total"]
        with pytest.raises(nats.errors.NoRespondersError):
            await first.request("service.nobody", b"", timeout=10)
        await asyncio.to_thread(b.end)
        await persistently_refused(first, "service.echo")


async def persistently_refused(client, subject) -> None:
    """Waits until nobody is known any more who answers."""

    async def is_refused():
        try:
            await client.request(subject, b"", timeout=1)
        except nats.errors.NoRespondersError:
            return True
        except nats.errors.TimeoutError:
            pass
        return False

    end = time.monotonic() + TTL + 20
    while not await is_refused():
        assert time.monotonic() < end, "a service that is gone is still known"
