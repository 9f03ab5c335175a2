"""Servers under more than they like. `make stress` runs these in full, `make test` a shorter form."""

import asyncio
import contextlib
import dataclasses
import json
import signal
import socket
import sys
import time

import pytest

from conftest import until
from process import MEBIBYTE, children_time, descriptors, most_resident, processor_time, resident
from raw import CONNECT, Raw, is_lame_duck, publish, subscribe

if not sys.platform.startswith("linux"):
    pytest.skip("what a process occupies is read from /proc", allow_module_level=True)

pytestmark = pytest.mark.timeout(170)

# How long a busy machine may take for what has its time limits in the server: ten seconds for a write, one to close.
PATIENCE = 60


@pytest.fixture
def size(request):
    """Chooses the size of a test."""
    return lambda short, full: full if request.config.getoption("--stress") else short


@contextlib.contextmanager
def watching(server):
    """Checks that the server holds as many descriptors afterwards as before; gives what it occupied before."""
    before = descriptors(server.pid)
    yield resident(server.pid)
    deadline = time.monotonic() + PATIENCE
    while descriptors(server.pid) > before:
        assert time.monotonic() < deadline, "connections are left"
        time.sleep(0.05)


async def nobody_listens(server, *subjects: str):
    """No subscription is left to the subjects: a request to each is told so."""
    raw = await Raw.open(server)
    await raw.handshake(subscribe("answers.*"))
    for subject in subjects:
        await raw.send(publish(subject, b"", reply="answers.1"))
        line, body = await raw.frame()
        assert line.startswith(b"HMSG answers.1 ") and body.startswith(b"NATS/1.0 503"), line
    raw.leave()


class Follower:
    """A subscriber that reads."""

    def __init__(self, raw: Raw):
        self.raw = raw
        self.seen = []
        self.task = asyncio.create_task(self._read())

    async def _read(self):
        with contextlib.suppress(ConnectionError):
            while True:
                line, body = await self.raw.frame()
                if body:
                    self.seen.append(int(body[:8]))
                elif line == b"PING":
                    await self.raw.send(b"PONG\r\n")


@pytest.mark.parametrize("limit", ["pending", "deadline"])
async def test_those_who_stop_reading_harm_nobody_else(start, size, limit):
    """Stalled ones are cut, for what is pending or when the deadline is over; memory is bounded; the others get all."""
    stalled = size(200, 1000)
    # Enough messages of a kilobyte to be over the limit, or under it, but more than the system takes.
    pending, count = (65_536, 300) if limit == "pending" else (262_144, 240)
    if limit == "deadline" and not size(False, True):
        pytest.skip("takes as long as the deadline")
    server = start("--store", "memory", program="rivulet", environment={"RIVULET_MAX_PENDING": str(pending)})
    with watching(server) as before:
        healthy = [Follower(await Raw.open(server)) for _ in range(10)]
        for follower in healthy:
            await follower.raw.send(CONNECT + subscribe("load"))
        publisher = await Raw.open(server)
        await publisher.handshake()
        sent = 0

        async def publish_to_all() -> float:
            nonlocal sent
            began = time.monotonic()
            for number in range(count):
                await publisher.send(publish("load", b"%08d" % sent + bytes(1016)))
                sent += 1
                # The others may have as much pending, so they get no more at a time than they can read.
                if number % 16 == 15 or number == count - 1:
                    await until(lambda: all(len(follower.seen) == sent for follower in healthy), PATIENCE)
            return time.monotonic() - began

        alone = await publish_to_all()
        sleepers = []
        while len(sleepers) < stalled:
            sleepers += await asyncio.gather(*(Raw.open(server, little_room=True) for _ in range(100)))
        for raw in sleepers:
            # Does not wait for an answer: that would be reading.
            raw.writer.transport.pause_reading()
            await raw.send(CONNECT + subscribe("load"))
        connected = descriptors(server.pid)
        assert connected >= stalled + len(healthy)
        together = await publish_to_all()
        started = time.monotonic()
        await until(lambda: descriptors(server.pid) <= connected - stalled, PATIENCE)
        print(f"{stalled} cut within {time.monotonic() - started:.1f} s")
        alone = max(alone, await publish_to_all())
        assert all(follower.seen == list(range(sent)) for follower in healthy)
        print(f"{count} messages in {alone:.2f} s without the stalled ones, in {together:.2f} s with them")
        # A stalled one costs no more than one that reads.
        assert together < 2 * alone * (stalled + len(healthy)) / len(healthy)
        grown = most_resident(server.pid) - before
        print(f"{grown / MEBIBYTE:.1f} MiB for {stalled} stalled connections")
        # What may be pending, and what a connection needs itself.
        assert grown < stalled * (pending + 65_536) + 32 * MEBIBYTE
        for raw in [*sleepers, *(follower.raw for follower in healthy), publisher]:
            raw.reset()
        await asyncio.gather(*(follower.task for follower in healthy))
    await nobody_listens(server, "load")


async def test_nothing_is_left_of_connections_that_come_and_go(start, size):
    """Clients leave in every way there is; descriptors, memory and subscriptions are as before."""
    server = start("--store", "memory", program="rivulet")
    cycles = size(1500, 10_000)

    async def leave(number: int):
        raw = await Raw.open(server)
        subject = f"cycle.{number % 100}"
        match number % 5:
            case 0:
                await raw.handshake(subscribe(subject), publish(subject, b"x"))
                raw.leave()
            case 1:
                await raw.handshake(subscribe(subject), publish(subject, b"x"))
                raw.reset()
            case 2:
                # In the middle of a message.
                await raw.send(CONNECT + subscribe(subject) + b"PUB " + subject.encode() + b" 100\r\nhalf")
                raw.reset()
            case 3:
                # Ends its half and reads on.
                await raw.send(CONNECT + subscribe(subject) + publish(subject, b"x"))
                raw.writer.write_eof()
                await raw.rest()
                raw.leave()
            case 4:
                raw.reset()

    async def cycle(numbers):
        for number in numbers:
            await leave(number)

    async def run(numbers: range):
        with watching(server):
            await asyncio.gather(*(cycle(numbers[first::40]) for first in range(40)))

    await run(range(500))
    before = resident(server.pid)
    started = time.monotonic()
    await run(range(500, 500 + cycles))
    print(f"{cycles} cycles in {time.monotonic() - started:.1f} s")
    await nobody_listens(server, *(f"cycle.{number}" for number in range(100)))
    grown = resident(server.pid) - before
    print(f"{grown / MEBIBYTE:.1f} MiB more than before")
    assert grown < 16 * MEBIBYTE


@pytest.mark.parametrize("who_ends", ["clients", "server"])
def test_the_end_of_many_costs_each_no_more_than_that_of_few(allow_files, start, size, who_ends):
    """What a server keeps for a client, its timers say, is found without a search among those of all others."""

    def cost(count: int) -> float:
        before = children_time()
        server = start("--store", "memory", program="rivulet", environment={
            "RIVULET_LAME_DUCK_DURATION": "1", "RIVULET_LAME_DUCK_GRACE_PERIOD": "0"})
        idle = descriptors(server.pid)
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(count)]
        for client in clients:
            client.sendall(CONNECT + b"PING\r\n")
        for client in clients:
            said = b""
            while not said.endswith(b"PONG\r\n"):
                said += client.recv(4096)
        began = processor_time(server.pid)
        if who_ends == "server":
            server.signal(signal.SIGTERM)
            for client in clients:
                while client.recv(4096):
                    pass
        for client in clients:
            client.close()
        deadline = time.monotonic() + PATIENCE
        while who_ends == "clients" and descriptors(server.pid) > idle:
            assert time.monotonic() < deadline, "connections are left"
            time.sleep(0.001)
        assert (server.end() if who_ends == "clients" else server.wait()) == 0
        return (children_time() - before - began) / count

    few, many = size((1000, 4000), (2500, 10_000))
    allow_files(many + 500)
    each = cost(few), cost(many)
    print(f"{few} cost {each[0] * 1e6:.0f} µs each, {many} {each[1] * 1e6:.0f} µs")
    assert each[1] < 1.3 * each[0]


async def test_those_who_stay_and_do_not_answer_are_cut(start):
    """Nobody is there any more, and the system has not told so: the pings do."""
    server = start("--store", "memory", program="rivulet", environment={"RIVULET_PING_INTERVAL": "1"})
    with watching(server):
        dead = await asyncio.gather(*(Raw.open(server) for _ in range(50)))
        for raw in dead:
            await raw.send(CONNECT + subscribe("load"))
        texts = await asyncio.wait_for(asyncio.gather(*(raw.rest() for raw in dead)), 10)
        assert all(text.endswith(b"-ERR 'Stale Connection'\r\n") for text in texts)
        for raw in dead:
            raw.leave()
    await nobody_listens(server, "load")


@dataclasses.dataclass
class Player:
    """Joins games as fast as it is answered, until the server is gone."""

    number: int
    seats: list = dataclasses.field(default_factory=list)
    was_told: bool = False

    async def play(self, server):
        raw = await Raw.open(server)
        answers = f"answers.{self.number}"
        await raw.handshake(subscribe(answers))
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            asked = 0
            while True:
                # A few at a time, so that there is always one under way.
                while asked - len(self.seats) < 4 and not self.was_told:
                    joining = json.dumps({"player": f"{self.number}:{asked}"}).encode()
                    await raw.send(publish("obj.Casino.main.JoinGame", joining, reply=answers))
                    asked += 1
                line, body = await raw.frame()
                if is_lame_duck(line):
                    self.was_told = True
                elif line.startswith(b"MSG "):
                    seat = json.loads(body)
                    self.seats.append((seat["table"], seat["seat"]))
        raw.leave()


async def test_a_server_that_is_ended_under_load_keeps_what_it_acknowledged(start, size):
    """SIGTERM among requests and messages at full rate: all are told, what was answered is stored, and the end is in time."""
    options = ["--store", "sqlite:game.sqlite", "--start-after", 600, "--turn-seconds", 600]
    server = await asyncio.to_thread(start, *options)
    players = [Player(number) for number in range(size(16, 64))]
    playing = [asyncio.create_task(player.play(server)) for player in players]

    async def chat(number: int):
        raw = await Raw.open(server)
        await raw.handshake(subscribe(f"chat.{number}"))
        with contextlib.suppress(ConnectionError):
            await raw.send(publish(f"chat.{number}", bytes(1000)) * 50)
            # As much as comes back.
            while piece := await raw.reader.read(65_536):
                await raw.send(publish(f"chat.{number}", bytes(1000)) * (len(piece) // 1000))
        raw.leave()

    chatting = [asyncio.create_task(chat(number)) for number in range(4)]
    await until(lambda: sum(len(player.seats) for player in players) >= size(300, 2000), 120)
    started = time.monotonic()
    code = await asyncio.to_thread(server.end, signal.SIGTERM)
    took = time.monotonic() - started
    await asyncio.gather(*playing, *chatting)
    answered = {seat: player.number for player in players for seat in player.seats}
    print(f"{len(answered)} turns acknowledged, ended in {took:.1f} s")
    assert code == 0
    assert took < 10
    assert all(player.was_told for player in players)
    assert len(answered) == sum(len(player.seats) for player in players), "a seat was given twice"
    again = await asyncio.to_thread(start, *options)
    raw = await Raw.open(again)
    await raw.handshake(subscribe("answers.1"))
    tables = {}
    for table in {table for table, _ in answered}:
        await raw.send(publish(f"obj.GameTable.{table}.GetTable", b"{}", reply="answers.1"))
        tables[table] = json.loads((await raw.frame())[1])
    raw.leave()
    for (table, seat), number in answered.items():
        assert tables[table]["seats"][seat - 1]["player"].startswith(f"{number}:")


async def test_a_connect_that_comes_a_byte_a_second_is_not_waited_for(start):
    """With a login there are two seconds to CONNECT; without, the pings tell that nobody is there."""
    strict = start("--store", "memory", "--token", "secret", program="rivulet")
    open_to_all = start("--store", "memory", program="rivulet", environment={"RIVULET_PING_INTERVAL": "1"})

    async def drip(server) -> tuple[float, bytes]:
        raw = await Raw.open(server)
        reading = asyncio.create_task(raw.rest())
        started = time.monotonic()
        for byte in CONNECT:
            with contextlib.suppress(ConnectionError):
                await raw.send(bytes([byte]))
            await asyncio.wait([reading], timeout=1)
            if reading.done():
                break
        text = await reading
        raw.leave()
        return time.monotonic() - started, text

    with watching(strict), watching(open_to_all):
        (took, text), (took_open, text_open) = await asyncio.gather(drip(strict), drip(open_to_all))
    assert took < 4 and b"-ERR 'Authentication Timeout'" in text
    assert took_open < 6 and b"-ERR 'Stale Connection'" in text_open


@pytest.mark.parametrize("flood", [b"PUB a 100\r\n" + bytes(100) + b"\r\n", b"CONNECT {" + b" " * 4000, b"PUB a 1048576\r\n" + bytes(4096)])
async def test_a_flood_before_the_login_occupies_little(start, flood):
    """64 connections send megabytes without having said who they are."""
    server = start("--store", "memory", "--token", "secret", program="rivulet")

    async def pour():
        raw = await Raw.open(server)
        reading = asyncio.create_task(raw.rest())
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 4 * MEBIBYTE and not reading.done():
                await raw.send(flood)
                sent += len(flood)
        text = await reading
        raw.reset()
        return text

    with watching(server) as before:
        started = time.monotonic()
        texts = await asyncio.gather(*(pour() for _ in range(64)))
        assert time.monotonic() - started < 8
        assert all(b"-ERR '" in text for text in texts if text)
    grown = most_resident(server.pid) - before
    print(f"{grown / MEBIBYTE:.1f} MiB for 64 floods")
    assert grown < 48 * MEBIBYTE
