"""A TCP proxy that is worse than a network."""

import asyncio
import contextlib
import random


class Proxy:
    """Passes connections on to a port, as long as nothing else is wished."""

    def __init__(self, port_behind: int, seed: int):
        self.port_behind = port_behind
        self._random = random.Random(seed)
        self._connections = set()
        self.answers_lost = 0
        # What the server is told with this word in it takes half a second, however good the network is.
        self.slow_word: bytes | None = None
        self.reset()

    def reset(self) -> None:
        """A good network from now on."""
        self.refuses = False
        # The bytes neither arrive nor is the connection lost.
        self.swallows = False
        # Seconds that each piece takes longer.
        self.delay = 0.0
        # How probably the connection breaks after something was sent to the server, and before its answer arrives.
        self.answer_loss = 0.0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def end(self) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Breaks all connections."""
        for connection in list(self._connections):
            connection.close()

    async def _serve(self, reader, writer):
        if self.refuses:
            return writer.transport.abort()
        try:
            behind = await asyncio.open_connection("127.0.0.1", self.port_behind)
        except OSError:
            return writer.transport.abort()
        connection = _Connection(self, (reader, writer), behind)
        self._connections.add(connection)
        await connection.run()
        self._connections.discard(connection)

    def loses_answer(self) -> bool:
        return self._random.random() < self.answer_loss


class _Connection:
    def __init__(self, proxy: Proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.mutes_server = False

    async def run(self):
        await asyncio.gather(self._pass_requests(), self._pass_answers())

    def close(self):
        for _, writer in (self.client, self.server):
            writer.transport.abort()

    async def _pass_requests(self):
        async for piece in self._pieces(self.client, self.server):
            if self.proxy.slow_word and self.proxy.slow_word in piece:
                await asyncio.sleep(0.5)
            if self.proxy.loses_answer():
                self.mutes_server = True
            await self._write(self.server, piece)

    async def _pass_answers(self):
        async for piece in self._pieces(self.server, self.client):
            if self.mutes_server:
                # The server has done it, for it answers; nobody hears of that.
                self.proxy.answers_lost += 1
                return self.close()
            await self._write(self.client, piece)

    async def _pieces(self, source, target):
        with contextlib.suppress(OSError):
            while piece := await source[0].read(65_536):
                if self.proxy.delay:
                    await asyncio.sleep(self.proxy.delay)
                while self.proxy.swallows:
                    await asyncio.sleep(0.02)
                yield piece
        self.close()

    async def _write(self, target, piece: bytes):
        with contextlib.suppress(OSError):
            target[1].write(piece)
            await target[1].drain()
