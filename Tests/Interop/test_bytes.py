"""What a client library would not let out: bytes, straight to the port."""

import asyncio

import pytest

from conftest import barrier
from server import Server


async def conversation(server: Server, said: bytes, until: bytes | None = None) -> bytes:
    """What the server says to these bytes, up to some bytes or until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"INFO {")
            writer.write(said)
            await writer.drain()
            return await (reader.readuntil(until) if until else reader.read())
    finally:
        writer.close()


CONNECT = b'CONNECT {"verbose":false,"protocol":1,"headers":true,"no_responders":true}\r\n'


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"PUB large 1048577\r\n", b"-ERR 'Maximum Payload Violation'"),
        (b"PUB large 99999999999999999999999\r\n", b"-ERR '"),
        (b"PUB a -1\r\n", b"-ERR '"),
        (b"GET / HTTP/1.1\r\n\r\n", b"-ERR 'Unknown Protocol Operation'"),
        (b"PUB " + b"a" * 5000 + b" 0\r\n\r\n", b"-ERR 'Maximum Control Line Exceeded'"),
        (b"PUB obj.GameTable.a b.GetTable reply.to 2\r\n{}\r\n", b"-ERR '"),
        (b"\x00\xff\xfe\r\n", b"-ERR '"),
    ])
async def test_bytes_that_are_no_protocol_are_answered_and_the_connection_closed(server, client, said, error):
    answer = await conversation(server, CONNECT + said)
    assert error in answer
    await barrier(client)


@pytest.mark.parametrize("subject", [b"obj.GameTable.*.GetTable", b"obj.GameTable.>", b"obj..GetTable", b"obj.GameTable.\xff.GetTable"])
@pytest.mark.parametrize("pedantic", [b"true", b"false"])
async def test_what_is_no_subject_reaches_no_object(server, subject, pedantic):
    connect = CONNECT.replace(b"{", b'{"pedantic":%b,' % pedantic)
    said = connect + b"SUB reply 1\r\nPUB " + subject + b" reply 2\r\n{}\r\nPING\r\n"
    answer = await conversation(server, said, until=b"PONG\r\n")
    is_told = pedantic == b"true" and b"\xff" not in subject
    notice = b"NATS/1.0 503\r\nNats-Subject: " + subject.replace(b"\xff", "\ufffd".encode()) + b"\r\n\r\n"
    assert answer == b"%bHMSG reply 1 %d %d\r\n%b\r\nPONG\r\n" % (
        b"-ERR 'Invalid Publish Subject'\r\n" if is_told else b"", len(notice), len(notice), notice)


async def test_an_id_with_a_space_is_a_reply_subject_to_the_protocol_and_the_error_goes_there(server, client):
    replies = await client.subscribe("b.GetTable")
    await barrier(client)
    await conversation(server, CONNECT + b"PUB obj.GameTable.a b.GetTable 2\r\n{}\r\nPING\r\n", until=b"PONG\r\n")
    reply = await replies.next_msg(10)
    assert reply.headers["Nats-Service-Error-Code"] == "400"
    assert "four tokens, this has 3" in reply.headers["Nats-Service-Error"]
