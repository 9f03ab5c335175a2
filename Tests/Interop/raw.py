"""Clients that are nothing but a socket: what stock clients would never do."""

import asyncio
import contextlib
import json
import socket
import struct

CONNECT = b'CONNECT {"verbose":false,"headers":true,"no_responders":true,"protocol":1}\r\n'


class Raw:
    """A connection to a server, after its INFO."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, server, little_room=False) -> "Raw":
        """Connects; with little room, a server can send but a few kilobytes that are not read."""
        connection = socket.socket()
        connection.setblocking(False)
        if little_room:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
            raw = cls(*await asyncio.open_connection(sock=connection, limit=4096 if little_room else 1 << 20))
        except BaseException:
            connection.close()
            raise
        assert (await raw.reader.readline()).startswith(b"INFO ")
        return raw

    async def send(self, frames: bytes):
        self.writer.write(frames)
        await self.writer.drain()

    async def handshake(self, *frames: bytes):
        """Connects and has the frames carried out."""
        await self.send(CONNECT + b"".join(frames) + b"PING\r\n")
        while await self.line() != b"PONG":
            pass

    async def line(self) -> bytes:
        line = await self.reader.readline()
        if not line:
            raise ConnectionResetError("the server has closed")
        return line.rstrip(b"\r\n")

    async def frame(self) -> tuple[bytes, bytes]:
        """The next frame: its line, and its message if it has one."""
        line = await self.line()
        if not line.startswith((b"MSG ", b"HMSG ")):
            return line, b""
        body = await self.reader.readexactly(int(line.rsplit(b" ", 1)[1]) + 2)
        return line, body[:-2]

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        text = bytearray()
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(65_536):
                text += piece
        return bytes(text)

    def leave(self):
        self.writer.close()

    def reset(self):
        """Ends as if the client's machine had fallen over: the server gets a reset, no end."""
        if not self.writer.transport.is_closing():
            connection = self.writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def publish(subject: str, payload: bytes, reply: str = "") -> bytes:
    reply = f"{reply} " if reply else ""
    return f"PUB {subject} {reply}{len(payload)}\r\n".encode() + payload + b"\r\n"


def subscribe(subject: str, sid: int = 1) -> bytes:
    return f"SUB {subject} {sid}\r\n".encode()


def is_lame_duck(line: bytes) -> bool:
    return line.startswith(b"INFO ") and json.loads(line[5:]).get("ldm", False)
