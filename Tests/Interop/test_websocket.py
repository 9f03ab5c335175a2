"""Connections by WebSocket, side by side with nats-server, and how a server comes to take them."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl

import aiohttp
import nats
import pytest

from conftest import received, until
from server import CERTIFICATES, LISTENING, TRANSPORTS, Server, nats_server_port

SECURE = TRANSPORTS["secure WebSocket"]


@pytest.fixture(scope="module")
def transport():
    return TRANSPORTS["WebSocket"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The port at which nats-server takes WebSocket connections."""
    configuration = tmp_path_factory.mktemp("nats-server") / "server.conf"
    configuration.write_text('listen: "127.0.0.1:-1"\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }\n')
    with nats_server_port("--config", configuration, of="websocket clients") as port:
        yield port


def request(method="GET", path="/", **changes) -> bytes:
    headers = {
        "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode()


def frame(opcode: int, payload: bytes, final=True) -> bytes:
    size = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    head += bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONNECT = b'CONNECT {"verbose":false}\r\n'


async def read_frame(reader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    assert first & 0x80
    return first & 0x0F, await reader.readexactly(size)


async def conversation(port: int, *frames: bytes) -> list:
    """What comes back for these frames: control frames, and the data between them; until the end, or the PONG to a last PING."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            writer.write(request())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            opcode, info = await read_frame(reader)
            assert opcode == BINARY and info.startswith(b"INFO {")
            for each in frames:
                writer.write(each)
            said = []
            while True:
                try:
                    opcode, payload = await read_frame(reader)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return [*said, "end"]
                if opcode == BINARY and said and said[-1][0] == BINARY:
                    said[-1] = (BINARY, said[-1][1] + payload)
                else:
                    said.append((opcode, payload))
                if opcode == CLOSE:
                    writer.write(frame(CLOSE, payload))
                elif payload.endswith(b"PONG\r\n"):
                    return said
    finally:
        writer.close()


@pytest.mark.parametrize("frames", {
    "one frame": [frame(BINARY, CONNECT + b"PING\r\n")],
    "text": [frame(TEXT, CONNECT), frame(TEXT, b"PING\r\n")],
    "pieces": [frame(BINARY, CONNECT[:9], False), frame(0, CONNECT[9:] + b"PI", False), frame(0, b"", False), frame(0, b"NG\r\n")],
    "ping between": [frame(BINARY, CONNECT[:9], False), frame(PING, b"hello"), frame(0, CONNECT[9:]), frame(BINARY, b"PING\r\n")],
    "pong": [frame(PONG, b"unasked"), frame(BINARY, CONNECT + b"PING\r\n")],
    "messages": [frame(BINARY, CONNECT + b"SUB a 1\r\n" + b"PUB a 200\r\n" + b"x" * 200 + b"\r\nPUB a 0\r\n\r\nPING\r\n")],
    "close": [frame(CLOSE, b"\x03\xe8bye")],
    "close without a code": [frame(CLOSE, b"")],
    "payload too large": [frame(BINARY, CONNECT + b"PUB a 1048577\r\n")],
}.items(), ids=lambda item: item[0])
async def test_frames_are_answered_as_nats_server_does(server, reference, frames):
    def comparable(said):
        # Reasons are for people.
        return [each if each == "end" or each[0] != CLOSE else (CLOSE, each[1][:2]) for each in said]

    assert comparable(await conversation(server.port, *frames[1])) == comparable(await conversation(reference, *frames[1]))


@pytest.mark.parametrize(("said", "status"), [
    (request(path="/any/path"), 101),
    (request(Connection="keep-alive, UPGRADE"), 101),
    (request(Origin="http://anywhere.example.org"), 101),
    (request("POST"), 405),
    (request(Connection="keep-alive"), 400),
    (request(Sec_WebSocket_Key=None), 400),
    (request(Host=None), 400),
])
async def test_requests_are_answered_as_nats_server_does(server, reference, said, status):
    for port in (server.port, reference):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(10):
                writer.write(said)
                assert (await reader.readline()).startswith(f"HTTP/1.1 {status} ".encode())
        finally:
            writer.close()


async def test_bytes_that_are_no_websocket_harm_nobody(server, client):
    for said in [b"CONNECT {}\r\nPING\r\n", b"\x16\x03\x01\x02\x00", b"\x00" * 5000, os.urandom(3000), request() + os.urandom(3000)]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            writer.write(said)
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
    subscription = await client.subscribe("still.alive")
    await client.publish("still.alive", b"yes")
    assert (await received(subscription, 1))[0].data == b"yes"


async def test_the_file_says_who_may_connect(programs, tmp_path):
    (tmp_path / "rivulet.yaml").write_text(
        "port: 0\nstore: memory\n"
        f"tls:\n  cert_file: {CERTIFICATES}/server.pem\n  key_file: {CERTIFICATES}/server-key.pem\n"
        "websocket:\n  port: 0\n  allowed_origins: ['https://example.org']\n  handshake_timeout: 2s\n")
    server = Server([programs.path("rivulet"), "serve", "--config", "rivulet.yaml"], tmp_path, transport=SECURE)
    try:
        assert server.url.startswith("wss://")
        client = await nats.connect(server.url, ws_connection_headers={"Origin": ["https://example.org"]}, **SECURE.client_options)
        assert client._server_info["tls_required"]
        await client.close()
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(server.url, origin="https://elsewhere.example.org", ssl=SECURE.client_options["tls"])
    finally:
        assert server.end() == 0


def certificate(port: int, is_plain_first: bool) -> bytes:
    """What a server shows at this port."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        if is_plain_first:
            assert connection.recv(4096).startswith(b"INFO ")
        context = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
        context.check_hostname = False
        with context.wrap_socket(connection) as encrypted:
            return encrypted.getpeercert(binary_form=True)


def in_file(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((CERTIFICATES / f"{name}.pem").read_text())


@pytest.mark.parametrize("with_node", [False, True])
async def test_websockets_may_have_tls_of_their_own(programs, tmp_path, with_node):
    def files(name, prefix):
        shutil.copy(CERTIFICATES / f"{name}.pem", tmp_path / f"{prefix}.pem")
        shutil.copy(CERTIFICATES / f"{name}-key.pem", tmp_path / f"{prefix}-key.pem")
        return {"cert_file": f"{prefix}.pem", "key_file": f"{prefix}-key.pem"}

    settings = {"port": 0, "store": "memory", "websocket": {"port": 0, "tls": files("elsewhere", "ws")}}
    if with_node:
        settings["tls"] = files("server", "node")
    (tmp_path / "rivulet.yaml").write_text(json.dumps(settings))
    server = Server([programs.path("rivulet"), "serve", "--config", "rivulet.yaml"], tmp_path, transport=SECURE)
    try:
        assert server.url.startswith("wss://")
        port = int(LISTENING.search(server.output)[2])
        options = SECURE.client_options if with_node else {}
        client = await nats.connect(f"nats://localhost:{port}", allow_reconnect=False, **options)
        assert client._server_info.get("tls_required", False) == with_node
        assert await asyncio.to_thread(certificate, server.port, False) == in_file("elsewhere")
        if with_node:
            assert await asyncio.to_thread(certificate, port, True) == in_file("server")

        # Both change together or not at all.
        files("server", "ws")
        if with_node:
            (tmp_path / "node.pem").write_text("no certificate")
            server.signal(signal.SIGHUP)
            await until(lambda: "settings are wrong" in server.output)
            assert await asyncio.to_thread(certificate, server.port, False) == in_file("elsewhere")
            files("elsewhere", "node")
        server.signal(signal.SIGHUP)
        await until(lambda: "settings read again" in server.output)
        assert await asyncio.to_thread(certificate, server.port, False) == in_file("server")
        secure = await nats.connect(server.url, allow_reconnect=False, **SECURE.client_options)
        assert secure._server_info["tls_required"]
        for each in (secure, client):
            assert await each.rtt() > 0
            await each.close()
    finally:
        assert server.end() == 0


@pytest.mark.parametrize(("file", "says"), [
    ("websocket: {}\n", "websocket needs a port"),
    ("websocket: {port: 70000}\n", "websocket port 70000 is not between 0 and 65535"),
    ("websocket: {port: 0, no_tls: false}\n", "there is no TLS"),
    ("websocket: {port: 0, allowed_origins: [example.org]}\n", '"example.org" is not like https://example.org'),
    ("websocket: {port: 0, no_tls: true, tls: {cert_file: a, key_file: b}}\n", "websocket has tls, and no_tls as well"),
    ("websocket: {port: 0, tls: {cert_file: a}}\n", "TLS needs a certificate and its key"),
    ("websocket: {port: 0, tls: {cert_file: none.pem, key_file: none.pem}}\n", "TLS cannot be used"),
    ("websocket: {port: 0, tls: {cert: a}}\n", 'websocket.tls has no "cert"'),
    ("websocket: {port: 0, compression: true}\n", 'websocket has no "compression"'),
])
def test_a_section_that_makes_no_sense_is_refused(programs, tmp_path, file, says):
    (tmp_path / "rivulet.yaml").write_text("store: memory\nport: 0\n" + file)
    result = programs.run("rivulet", "serve", "--config", "rivulet.yaml", folder=tmp_path)
    assert result.returncode == 1
    assert says in result.stdout + result.stderr
