"""Every command and snippet of the README, run in its order; each section has a server of its own.

Differences to what a reader does: `swift run` does not build anew, the server listens at a free port, and nobody waits for players
who do not come. A remark before a block says what a reader would do: type keys, or end the command with Ctrl-C.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys

import nats
import pytest

from conftest import REPOSITORY
from readme import Block, blocks
from server import PATIENCE, Server, clean_environment

README = blocks(REPOSITORY / "README.md")
FIRST = "Rivulet"
IMPATIENT = ["--start-after", 1, "--turn-seconds", 1]
PATIENT = ["--start-after", 600, "--turn-seconds", 600]
SECTIONS = {
    "Play BlackJack": IMPATIENT,
    "Call an object": PATIENT,
    "Follow events, and go on later": PATIENT,
    "Publish and subscribe": PATIENT,
}

# What `swift run` does once everything is built.
SWIFT = """
set -euo pipefail
swift() {
    [ "$1" = run ] || exit 64
    case "$2" in
        BlackJackClient) exec "$PROGRAMS/$2" "${@:3}" --server "$RIVULET_SERVER" ;;
        *) exec "$PROGRAMS/$2" "${@:3}" ;;
    esac
}
"""


def of(*languages, section=None) -> list[Block]:
    return [block for block in README if block.language in languages and section in (None, block.section)]


def test_there_is_no_block_that_is_not_tested():
    assert {block.language for block in README} == {"swift", "sh", "python", "json", "text", "yaml", "sql"}
    run = {block.section for block in of("sh", "python", "json", "text")}
    assert run == {FIRST, *SECTIONS}
    assert "".join(block.text for block in of("sh", section=FIRST)).split() == (
        "make run # builds, and starts a casino for BlackJack make test # builds, and runs all tests".split())


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_does_what_it_says(section, start, programs, tmp_path):
    server = start(*SECTIONS[section])
    said = ""
    for block in of("sh", "python", "json", "text", section=section):
        match block.language:
            case "sh":
                # A line is a command; exec in the function ends a shell.
                said = "".join(shell(line, block, server, programs, tmp_path) for line in block.text.splitlines())
            case "python":
                said = python(block, server, tmp_path)
            case "json":
                assert json.loads(said) == json.loads(block.text), f"README line {block.line}"
            case "text":
                assert said == block.text, f"README line {block.line}"


def shell(command: str, block: Block, server: Server, programs, folder) -> str:
    environment = clean_environment({"PROGRAMS": str(programs.folder), "RIVULET_SERVER": server.url})
    script = ["bash", "-c", SWIFT + command]
    options = {"cwd": folder, "env": environment, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    if block.remark == "runs until Ctrl-C":
        process = subprocess.Popen(script, stdin=subprocess.DEVNULL, **options)
        try:
            first = process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert first and process.returncode == -signal.SIGINT, f"README line {block.line}: {command} ended: {first}{rest}"
        return first + rest
    keys = block.remark.removeprefix("keys: ") if block.remark.startswith("keys: ") else ""
    result = subprocess.run(script, input=keys, timeout=PATIENCE, **options)
    expected = int(block.remark.removeprefix("exits with ")) if block.remark.startswith("exits with ") else 0
    assert result.returncode == expected, f"README line {block.line}: {command}\n{result.stdout}"
    return result.stdout


def python(block: Block, server: Server, folder) -> str:
    assert "nats://localhost:4222" in block.text
    source = block.text.replace("nats://localhost:4222", server.url)
    result = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, f"README line {block.line}: {result.stderr}"
    return result.stdout


def normalised(source: str) -> str:
    """Without indentation and empty lines; a test bundle has an entry point of its own."""
    lines = [line.strip().removeprefix("@main ") for line in source.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"


@pytest.mark.parametrize("block", of("swift"), ids=lambda block: f"line {block.line}")
def test_the_swift_is_compiled_and_run(block):
    sources = [normalised(path.read_text()) for path in (REPOSITORY / "Tests/NodeTests").glob("Readme*.swift")]
    assert any(normalised(block.text) in source for source in sources), f"README line {block.line} is not in Tests/NodeTests/Readme*.swift"


async def test_the_configuration_file_is_one(start, tmp_path, connect):
    block, _ = of("yaml")
    (tmp_path / "rivulet.yaml").write_text(block.text)
    async with connect(start("--config", "rivulet.yaml")) as client:
        assert client._server_info["server_name"] == "casino"
        assert client.max_payload == 65536
    assert (tmp_path / "casino.sqlite").exists()


async def test_the_users_of_the_file_may_do_what_it_says(start, tmp_path, connect):
    _, block = of("yaml")
    (tmp_path / "rivulet.yaml").write_text(block.text)
    server = start("--config", "rivulet.yaml")
    with pytest.raises(nats.errors.Error, match="(?i)authorization violation"):
        async with connect(server, allow_reconnect=False):
            pass
    errors = []

    async def note(error):
        errors.append(str(error))

    async with connect(server, user="ann", password="secret", error_cb=note) as client:
        reply = await client.request("obj.Casino.main.JoinGame", b'{"player":"ann"}', timeout=10)
        assert json.loads(reply.data)["seat"] == 1
        await client.publish("chat.lobby", b"")
        async with asyncio.timeout(10):
            while not errors:
                await asyncio.sleep(0.01)
        assert "chat.lobby" in errors[0]


def test_the_table_of_settings_is_complete(programs, tmp_path):
    rows = re.findall(r"^\| (?:`(--[a-z-]+)`)? ?\| `(RIVULET_[A-Z_]+)` \| `([a-zA-Z]+)` \|", (REPOSITORY / "README.md").read_text(), re.M)
    printed = programs.run("rivulet", "serve", "--print-config", folder=tmp_path).stdout
    keys = set(re.findall(r"^(?:# )?([a-zA-Z]+): \S", printed, re.M))
    assert {key for _, _, key in rows} == keys
    for flag, variable, key in rows:
        assert variable == "RIVULET_" + re.sub(r"([A-Z])", r"_\1", key).upper()
    help = programs.run("rivulet", "serve", "--help", folder=tmp_path).stdout
    flags = set(re.findall(r"^ +(--[a-z-]+)", help, re.M)) - {"--config", "--print-config"}
    assert {flag for flag, _, _ in rows if flag} == flags


@pytest.mark.timeout(1200)
def test_make_run_starts_a_server_and_says_how_to_play(tmp_path):
    environment = {"RIVULET_PORT": "0", "RIVULET_STORE": f"sqlite:{tmp_path}/casino.sqlite"}
    server = Server(["make", "-C", REPOSITORY, "run"], tmp_path, environment, patience=1100)
    try:
        assert "swift run BlackJackClient play --name you\n" in server.output
        assert (tmp_path / "casino.sqlite").exists()
    finally:
        # To the group, as a terminal does.
        server.interrupt()


async def test_a_sqlite_file_can_be_asked_in_sql_while_a_node_has_it(start, tmp_path, connect):
    async with connect(start("--store", "sqlite:game.sqlite", *PATIENT)) as client:
        await client.request("obj.Casino.main.JoinGame", b'{"player":"ann"}', timeout=10)
        _, block = of("sql")
        with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/game.sqlite?mode=ro", uri=True, timeout=10)) as database:
            said = [database.execute(line).fetchall() for line in block.text.splitlines()]
    assert said == [[(1, "waiting")], [(1, "evt.GameTable.1.PlayerJoined", "ann")]]


def test_make_cluster_starts_the_script():
    said = subprocess.run(["make", "-C", REPOSITORY, "--dry-run", "cluster"], capture_output=True, text=True, check=True).stdout
    assert "exec Examples/BlackJack/cluster " in said
    assert os.access(REPOSITORY / "Examples/BlackJack/cluster", os.X_OK)


def test_make_test_is_there():
    said = subprocess.run(["make", "-C", REPOSITORY, "--dry-run", "test"], capture_output=True, text=True, check=True).stdout
    assert "test --skip-build" in said and "Tests/Interop" in said
