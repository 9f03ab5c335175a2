"""The program rivulet, against a server and beside a client that is not ours."""

import asyncio
import json
import re
import socket
import subprocess

import pytest

from conftest import barrier, received
from objects import join, read_back, sequence
from server import PATIENCE, clean_environment


@pytest.fixture
def rivulet(programs, tmp_path):
    """Runs a command to its end: its exit code, output and errors."""

    async def rivulet(server, *arguments) -> tuple[int, str, str]:
        result = await asyncio.to_thread(
            programs.run, "rivulet", *arguments, folder=tmp_path, environment={"RIVULET_SERVER": server.url})
        return result.returncode, result.stdout, result.stderr

    return rivulet


@pytest.fixture
def listen(programs, tmp_path):
    """Starts a command that listens, and gives it once it does."""
    processes = []

    def listen(server, *arguments) -> subprocess.Popen:
        process = subprocess.Popen(
            [programs.path("rivulet"), *arguments, "--server", server.url], cwd=tmp_path, env=clean_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stderr.readline() in ("live\n", f"listening to {arguments[1]}\n")
        return process

    yield listen
    for process in processes:
        process.kill()
        process.communicate(timeout=PATIENCE)


async def test_pub_publishes(server, client, rivulet):
    subscription = await client.subscribe("chat.>")
    await barrier(client)
    assert await rivulet(server, "pub", "chat.lobby", "grüß dich", "-H", "Colour: blue", "--count", "2") == (0, "", "")
    for message in await received(subscription, 2):
        assert (message.subject, message.data.decode(), message.headers) == ("chat.lobby", "grüß dich", {"Colour": "blue"})


async def test_sub_prints_what_comes_and_ends_after_the_wished_number(server, client, listen):
    process = await asyncio.to_thread(listen, server, "sub", "chat.*", "--count", "2")
    for text in (b"one", b"two", b"three"):
        await client.publish("chat.lobby", text)
    output, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert (process.returncode, output) == (0, "chat.lobby one\nchat.lobby two\n")


async def test_sub_can_share_the_work_in_a_queue_group(server, client, listen):
    process = await asyncio.to_thread(listen, server, "sub", "jobs", "--queue", "workers", "--raw", "--count", "5")
    member = await client.subscribe("jobs", queue="workers")
    await barrier(client)
    sent = [f"job {number}" for number in range(200)]
    for job in sent:
        await client.publish("jobs", job.encode())
    output, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    mine = [message.data.decode() for message in await received(member, member.pending_msgs)]
    assert len(output.splitlines()) == 5
    assert set(output.splitlines()) <= set(sent) - set(mine)


async def test_request_prints_the_reply(server, client, rivulet):
    async def answer(message):
        await message.respond(message.data.upper())

    await client.subscribe("shout", cb=answer)
    await barrier(client)
    assert await rivulet(server, "request", "shout", "hello") == (0, "HELLO\n", "")
    code, output, _ = await rivulet(server, "request", "obj.GameTable.empty.GetTable", "{}")
    assert code == 0 and json.loads(output)["phase"] == "waiting"


@pytest.mark.parametrize(
    ("arguments", "output", "says"),
    [
        (["obj.GameTable.7.Fly", "{}"], "", '404 GameTable has no message "Fly"; it answers '),
        (["obj.GameTable.7.Hit", '{"player":"zoe"}'], '{"player":"zoe"}\n', "422 zoe does not play at this table"),
        (["obj.GameTable.7.Hit", "{}"], "", '400 Hit: "player" is missing'),
        (["nobody.is.here"], "", 'nobody answers "nobody.is.here"'),
        (["two words"], "", "two words"),
    ])
async def test_request_tells_an_error_and_exits_with_1(server, rivulet, arguments, output, says):
    code, said, error = await rivulet(server, "request", *arguments)
    assert (code, said) == (1, output)
    assert says in error


async def test_a_request_without_answer_ends_in_time(server, client, rivulet):
    await client.subscribe("silence")
    await barrier(client)
    code, said, error = await rivulet(server, "request", "silence", "--timeout", "0.2")
    assert (code, said) == (1, "") and error


async def test_pub_tells_that_only_objects_write_events(server, rivulet):
    code, _, error = await rivulet(server, "pub", "evt.GameTable.1.GameSettled", "{}")
    assert code == 1
    assert "permissions violation" in error.lower()


async def test_events_prints_the_stream_from_a_number_on(start, connect, rivulet):
    server = start("--start-after", 600)
    async with connect(server) as client:
        for player in ("ann", "bob"):
            await join(client, player)
        kept, _ = await read_back(client, "GameTable", seq=1, batch=100)
    expected = [
        f"{sequence(event)} {event.headers['Nats-Time-Stamp']} 1 PlayerJoined {event.data.decode()}" for event in kept]
    assert len(expected) == 2
    assert await rivulet(server, "events", "GameTable") == (0, "\n".join(expected) + "\n", "")
    assert await rivulet(server, "events", "GameTable", "1", "--from", "2") == (0, expected[1] + "\n", "")
    assert await rivulet(server, "events", "GameTable", "2") == (0, "", "")


async def test_events_goes_on_live(start, connect, listen):
    server = start("--start-after", 600)
    async with connect(server) as client:
        await join(client, "ann")
        process = await asyncio.to_thread(listen, server, "events", "GameTable", "1", "--follow")
        await join(client, "bob")
        await join(client, "cy")
        lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(4)]
        assert [int(line.split()[0]) for line in lines] == [1, 2, 3, 4]
        assert [line.split()[3] for line in lines] == ["PlayerJoined"] * 3 + ["GameStarted"]


async def test_a_stream_that_is_not_there_is_named(server, rivulet):
    code, said, error = await rivulet(server, "events", "Roulette")
    assert (code, said) == (1, "")
    assert "Roulette" in error


async def test_a_server_that_is_not_there_is_named(programs, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{taken.getsockname()[1]}"
        for command in (["pub", "a", "b"], ["sub", "a"], ["request", "a"], ["events", "GameTable"]):
            result = await asyncio.to_thread(programs.run, "rivulet", *command, "--server", url, folder=tmp_path)
            assert (result.returncode, result.stdout) == (1, "")
            assert url.removeprefix("nats://") in result.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["pub"], ["sub"], ["request"], ["events"]])
def test_help_fits_a_screen(programs, tmp_path, command):
    result = programs.run("rivulet", *command, "--help", folder=tmp_path)
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) <= 40
    assert re.search(r"^USAGE: rivulet", result.stdout, re.M)
