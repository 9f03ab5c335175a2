"""Starting and ending a node: settings, and what is wrong with them."""

import asyncio
import json
import signal

import pytest

from conftest import received
from objects import ask, join


@pytest.fixture
def refusal(programs, tmp_path):
    """What a server says that does not start."""

    def refusal(*options, environment=None, program="BlackJackServer") -> str:
        result = programs.run(program, *options, folder=tmp_path, environment=environment)
        assert result.returncode == 1, result
        said = result.stdout + result.stderr
        assert "listening on" not in said, said
        return said

    return refusal


def test_a_store_in_a_folder_that_is_not_there_is_named(refusal):
    said = refusal("--port", 0, "--store", "sqlite:not/there/game.sqlite")
    assert "cannot open" in said and "not/there/game.sqlite" in said and "no such directory" in said


def test_a_store_that_is_no_database_is_named(refusal, tmp_path):
    (tmp_path / "game.sqlite").write_text("this is not a database, but long enough to be taken for one\n" * 100)
    said = refusal("--port", 0, "--store", "sqlite:game.sqlite")
    assert "game.sqlite" in said


def test_a_store_that_another_node_uses_is_refused(start, refusal):
    start("--store", "sqlite:game.sqlite")
    said = refusal("--port", 0, "--store", "sqlite:game.sqlite")
    assert "game.sqlite" in said and "another node has it open" in said


def test_a_port_that_is_taken_is_refused(start, refusal):
    server = start("--store", "memory")
    said = refusal("--port", server.port, "--store", "memory")
    assert f"cannot listen at nats://127.0.0.1:{server.port}: another program does" in said


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        (["--port", "70000"], {}, "port 70000 is not between 0 and 65535"),
        (["--store", "postgres://x"], {}, "neither"),
        (["--log-level", "loud"], {}, '"loud" is not one of trace'),
        (["--config", "none.yaml"], {}, "none.yaml cannot be read"),
        ([], {"RIVULET_PORT": "abc"}, 'port "abc" is not a number'),
        ([], {"RIVULET_STORE": "files"}, 'store "files" is neither "memory" nor "sqlite:PATH"'),
        ([], {"RIVULET_CONFIG": "none.yaml"}, "none.yaml cannot be read"),
        ([], {"RIVULET_MAX_PAYLOAD": "0"}, "is not positive"),
    ])
def test_a_setting_that_makes_no_sense_is_refused(refusal, options, environment, says):
    assert says in refusal(*options, environment=environment)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("rivulet.yaml", "port: many\n", 'port "many" is not a number'),
        ("rivulet.yaml", ": : [\n", "rivulet.yaml cannot be read"),
        ("rivulet.json", '{"port": ', "rivulet.json cannot be read"),
    ])
def test_a_configuration_file_that_makes_no_sense_is_refused(refusal, tmp_path, file, text, says):
    (tmp_path / file).write_text(text)
    assert says in refusal("--config", file)


def test_an_unknown_option_is_refused_with_the_usage(programs, tmp_path):
    result = programs.run("BlackJackServer", "--colour", "red", folder=tmp_path)
    assert result.returncode == 64
    assert "--colour" in result.stderr and "USAGE" in result.stderr.upper()


async def test_settings_come_from_a_file(start, tmp_path, connect):
    (tmp_path / "rivulet.yaml").write_text("port: 0\nstore: sqlite:from-file.sqlite\nserverName: tavern\nmaxPayload: 2048\n")
    server = start("--config", "rivulet.yaml")
    async with connect(server) as client:
        assert client.max_payload == 2048
        assert client._server_info["server_name"] == "tavern"
    assert (tmp_path / "from-file.sqlite").exists()


async def test_a_json_file_will_do(start, tmp_path, connect):
    (tmp_path / "rivulet.json").write_text(json.dumps({"store": "memory", "maxPayload": 4096}))
    async with connect(start("--config", "rivulet.json")) as client:
        assert client.max_payload == 4096
    assert not list(tmp_path.glob("*.sqlite"))


async def test_variables_come_before_the_file_and_flags_before_both(start, tmp_path, connect):
    (tmp_path / "rivulet.yaml").write_text("store: sqlite:file.sqlite\nmaxPayload: 2048\nserverName: file\n")
    variables = {
        "RIVULET_CONFIG": "rivulet.yaml", "RIVULET_STORE": "sqlite:variable.sqlite", "RIVULET_MAX_PAYLOAD": "8192",
        "RIVULET_PORT": "1",
    }
    async with connect(start("--store", "sqlite:flag.sqlite", environment=variables)) as client:
        assert client.max_payload == 8192
        assert client._server_info["server_name"] == "file"
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["flag.sqlite"]


async def test_info_is_honest(client):
    info = client._server_info
    assert info["rivulet"]
    assert info["version"].startswith("2.")
    assert not info.get("jetstream", False)
    assert info["server_name"]


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_well_when_asked_to(start, with_signal):
    server = start("--store", "sqlite:game.sqlite")
    assert server.end(with_signal) == 0
    assert "draining" in server.output and "stopped" in server.output


def test_the_default_store_is_a_file_in_the_working_directory(start, tmp_path):
    server = start()
    assert "sqlite:rivulet.sqlite" in server.output
    assert server.end() == 0
    assert (tmp_path / "rivulet.sqlite").exists()


async def test_a_turn_under_way_is_answered_before_the_server_ends(start, connect):
    server = start("--store", "sqlite:game.sqlite", "--start-after", 600)
    async with connect(server, allow_reconnect=False) as client:
        joins = [asyncio.create_task(join(client, f"player {number}")) for number in range(20)]
        await joins[0]
        ended = asyncio.create_task(asyncio.to_thread(server.end))
        results = await asyncio.gather(*joins, return_exceptions=True)
        assert await ended == 0
        answered = [result for result in results if isinstance(result, dict)]
    again = await asyncio.to_thread(start, "--store", "sqlite:game.sqlite", "--start-after", 600)
    async with connect(again) as client:
        seats = set()
        for seat in answered:
            table = await ask(client, "GameTable", seat["table"], "GetTable")
            seats.add((seat["table"], table["seats"][seat["seat"] - 1]["player"]))
        assert len(seats) == len(answered)


async def test_rivulet_serve_is_a_broker_without_objects(start, connect):
    async with connect(start("--store", "memory", program="rivulet")) as client:
        subscription = await client.subscribe("chat.*")
        await client.publish("chat.lobby", b"hello")
        (message,) = await received(subscription, 1)
        assert message.data == b"hello"
