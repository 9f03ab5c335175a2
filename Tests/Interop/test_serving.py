"""Starting and ending a node: settings, and what is wrong with them."""

import asyncio
import json
import shutil
import signal
import socket
import ssl

import nats
import pytest

from conftest import REPOSITORY, barrier, received, until
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
    assert "game.sqlite" in said and "another node has it open" in said and "--cluster" in said


def test_a_port_that_is_taken_is_refused(start, refusal):
    server = start("--store", "memory")
    said = refusal("--port", server.port, "--store", "memory")
    assert f"cannot listen at nats://127.0.0.1:{server.port}: another program does" in said


@pytest.mark.parametrize(
    ("options", "environment", "says"),
    [
        (["--port", "70000"], {}, "port 70000 is not between 0 and 65535"),
        (["--store", "mysql://x"], {}, "neither"),
        (["--log-level", "loud"], {}, '"loud" is not one of trace'),
        (["--config", "none.yaml"], {}, "none.yaml cannot be read"),
        ([], {"RIVULET_PORT": "abc"}, 'port "abc" is not a number'),
        ([], {"RIVULET_STORE": "files"}, 'store "files" is neither "memory" nor "sqlite:PATH"'),
        ([], {"RIVULET_CONFIG": "none.yaml"}, "none.yaml cannot be read"),
        ([], {"RIVULET_MAX_PAYLOAD": "0"}, "maxPayload 0 is not positive"),
        (["--max-payload", "0"], {}, "maxPayload 0 is not positive"),
        (["--max-connections", "0"], {}, "maxConnections 0 is not positive"),
        (["--http-port", "70000"], {}, "httpPort 70000 is not between 0 and 65535"),
        ([], {"RIVULET_LAME_DUCK_DURATION": "long"}, 'lameDuckDuration "long" is not a time such as 90, 1.5s or 2m'),
        ([], {"RIVULET_PING_INTERVAL": "0ms"}, "pingInterval 0ms is not positive"),
        ([], {"RIVULET_PING_MAX": "0"}, "pingMax 0 is not positive"),
    ])
def test_a_setting_that_makes_no_sense_is_refused(refusal, options, environment, says):
    assert says in refusal(*options, environment=environment)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("rivulet.yaml", "port: many\n", 'port "many" is not a number'),
        ("rivulet.yaml", ": : [\n", "rivulet.yaml cannot be read"),
        ("rivulet.json", '{"port": ', "rivulet.json cannot be read"),
        ("rivulet.yaml", "port: 0\nmaxPayloads: 10\n", 'there is no setting "maxPayloads"'),
        ("rivulet.yaml", "port: [1, 2]\n", "port is not one value"),
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


def test_pings_may_be_asked_for_often_and_be_owed(start):
    server = start("--store", "memory", program="rivulet", environment={
        "RIVULET_PING_INTERVAL": "50ms", "RIVULET_PING_MAX": "3"})
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        said = b""
        while chunk := silent.recv(4096):
            said += chunk
    assert said.split(b"\r\n", 1)[1] == b"PING\r\n" * 3 + b"-ERR 'Stale Connection'\r\n"


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_server_ends_well_when_asked_to(start, with_signal):
    server = start("--store", "sqlite:game.sqlite")
    assert server.end(with_signal) == 0
    assert "draining" in server.output and "stopped" in server.output


async def test_the_signal_to_open_log_files_anew_harms_nobody(start, connect):
    server = start("--store", "memory", "--log-level", "debug", program="rivulet")
    async with connect(server) as client:
        server.signal(signal.SIGUSR1)
        await until(lambda: "SIGUSR1 is ignored" in server.output)
        assert await client.rtt() > 0
        ended = asyncio.create_task(asyncio.to_thread(server.end))
        # Nor does it while the server ends.
        await until(lambda: "draining" in server.output)
        server.signal(signal.SIGUSR1)
        assert await ended == 0


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


async def test_flags_limit_payloads_and_connections(start, connect):
    server = start("--store", "memory", "--max-payload", 100, "--max-connections", 1, program="rivulet")
    async with connect(server) as client:
        assert client.max_payload == 100
        with pytest.raises(nats.errors.Error, match="(?i)maximum connections"):
            async with connect(server, allow_reconnect=False):
                pass


async def test_the_printed_settings_are_those_that_hold_without_a_file(programs, start, tmp_path, connect):
    printed = programs.run("rivulet", "serve", "--print-config", folder=tmp_path)
    assert printed.returncode == 0 and "# TCP port; 0 takes one that is free\nport: 4222\n" in printed.stdout
    (tmp_path / "rivulet.yaml").write_text(printed.stdout)
    server = start("--config", "rivulet.yaml")
    assert "sqlite:rivulet.sqlite" in server.output
    async with connect(server) as client:
        assert client.max_payload == 1048576


def certificate(server) -> bytes:
    """What the server shows a client that connects now."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        assert connection.recv(4096).startswith(b"INFO ")
        context = ssl.create_default_context(cafile=REPOSITORY / "Tests/Certificates/authority.pem")
        context.check_hostname = False
        with context.wrap_socket(connection) as encrypted:
            return encrypted.getpeercert(binary_form=True)


async def test_hangup_reads_users_and_certificates_again(start, tmp_path):
    certificates = REPOSITORY / "Tests/Certificates"

    def configure(users, name):
        shutil.copy(certificates / f"{name}.pem", tmp_path / "cert.pem")
        shutil.copy(certificates / f"{name}-key.pem", tmp_path / "key.pem")
        (tmp_path / "rivulet.yaml").write_text(json.dumps({
            "store": "memory", "tls": {"cert_file": "cert.pem", "key_file": "key.pem"},
            "authorization": {"timeout": 30, "users": [{"user": user, "password": user} for user in users]},
        }))

    configure(["ann", "bob"], "server")
    server = start("--config", "rivulet.yaml", program="rivulet")
    context = ssl.create_default_context(cafile=certificates / "authority.pem")
    context.check_hostname = False
    options = {"tls": context, "tls_hostname": "localhost", "allow_reconnect": False, "connect_timeout": 10}
    ann = await nats.connect(server.url, user="ann", password="ann", **options)
    bob = await nats.connect(server.url, user="bob", password="bob", **options)
    first = await asyncio.to_thread(certificate, server)
    try:
        configure(["ann", "cid"], "elsewhere")
        server.signal(signal.SIGHUP)
        await until(lambda: bob.is_closed)
        assert "settings read again" in server.output
        assert not ann.is_closed and await ann.rtt() > 0
        cid = await nats.connect(server.url, user="cid", password="cid", **options)
        await cid.close()
        with pytest.raises(nats.errors.Error, match="(?i)authorization violation"):
            await nats.connect(server.url, user="bob", password="bob", **options)
        assert await asyncio.to_thread(certificate, server) != first

        # What is wrong changes nothing.
        second = await asyncio.to_thread(certificate, server)
        configure(["bob"], "server")
        (tmp_path / "key.pem").write_text("no key")
        server.signal(signal.SIGHUP)
        await until(lambda: "settings are wrong" in server.output)
        assert await asyncio.to_thread(certificate, server) == second
        assert await ann.rtt() > 0
    finally:
        await ann.close()
        await bob.close()


async def test_hangup_changes_whom_the_anonymous_are_taken_for(start, refusal, tmp_path):
    def configure(name):
        (tmp_path / "rivulet.yaml").write_text(json.dumps({
            "store": "memory", "authorization": {"no_auth_user": name, "users": [
                {"user": user, "password": user, "permissions": {"publish": ["_INBOX.>", f"{user}.>"]}} for user in ("ann", "bob")]}}))

    configure("zed")
    assert 'authorization.no_auth_user "zed" is none of the users' in refusal("serve", "--config", "rivulet.yaml", program="rivulet")
    configure("ann")
    server = start("--config", "rivulet.yaml", program="rivulet")
    errors = []

    async def note(error):
        errors.append(str(error).lower())

    client = await nats.connect(server.url, error_cb=note, allow_reconnect=False)
    try:
        subscription = await client.subscribe("*.to.*")

        async def may_publish(subject) -> bool:
            errors.clear()
            await client.publish(subject, b"")
            await barrier(client)
            return not any("permissions violation" in error for error in errors)

        assert await may_publish("ann.to.1") and not await may_publish("bob.to.1")
        configure("zed")
        server.signal(signal.SIGHUP)
        await until(lambda: "settings are wrong" in server.output)
        assert await may_publish("ann.to.2") and not await may_publish("bob.to.2")
        configure("bob")
        server.signal(signal.SIGHUP)
        await until(lambda: "settings read again" in server.output)
        await barrier(client)
        assert await may_publish("bob.to.3") and not await may_publish("ann.to.3")
        assert [message.subject for message in await received(subscription, 3)] == ["ann.to.1", "ann.to.2", "bob.to.3"]
    finally:
        await client.close()


async def test_hangup_changes_how_long_a_login_may_take(start, tmp_path):
    def configure(timeout):
        (tmp_path / "rivulet.yaml").write_text(f"store: memory\nauthorization: {{token: t, timeout: {timeout}}}\n")

    configure(600)
    server = start("--config", "rivulet.yaml", program="rivulet")
    configure(0.1)
    server.signal(signal.SIGHUP)
    await until(lambda: "settings read again" in server.output)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        said = b""
        while chunk := await asyncio.to_thread(silent.recv, 4096):
            said += chunk
    assert said.endswith(b"-ERR 'Authentication Timeout'\r\n")


async def test_the_server_ends_within_the_configured_time(start, connect):
    server = start("--store", "memory", program="rivulet", environment={
        "RIVULET_LAME_DUCK_DURATION": "1.5", "RIVULET_LAME_DUCK_GRACE_PERIOD": "0.2"})
    clients = [await nats.connect(server.url, allow_reconnect=False) for _ in range(20)]
    loop = asyncio.get_running_loop()
    begun, ends = loop.time(), []

    async def watch(client):
        await until(lambda: client.is_closed)
        ends.append(loop.time() - begun)

    watching = [asyncio.create_task(watch(client)) for client in clients]
    assert await asyncio.to_thread(server.end) == 0
    assert loop.time() - begun < 5
    await asyncio.gather(*watching)
    # Not all at once.
    assert max(ends) - min(ends) > 0.5, ends
