"""A connection to one node that is made again whenever it is lost."""

import asyncio
import contextlib

import nats

RETRY = 0.05
# How often to look whether the connection was lost without a word: when it breaks while something is written, the client tells nobody.
LOOK = 0.1


class Broken(Exception):
    """The connection was lost, or there is none."""


class Line:
    """Keeps a connection until the task that runs it is cancelled."""

    def __init__(self, node: int, url: str):
        self.node = node
        self.url = url
        self.client = None
        self._broken = asyncio.Event()

    @property
    def is_up(self) -> bool:
        return self.client is not None

    async def run(self) -> None:
        try:
            while True:
                broken = asyncio.Event()
                try:
                    client = await connect(self.url, broken)
                except Exception:
                    await asyncio.sleep(RETRY)
                    continue
                self.client, self._broken = client, broken
                await closed(client, broken)
                broken.set()
                self.client = None
        finally:
            if self.client is not None:
                await self.client.close()

    async def request(self, subject: str, payload: bytes, headers=None, timeout: float = 8.0):
        """The reply.

        Raises Broken, and what the client raises.
        """
        if self.client is None:
            raise Broken
        asking = asyncio.ensure_future(self.client.request(subject, payload, timeout=timeout, headers=headers))
        breaking = asyncio.ensure_future(self._broken.wait())
        try:
            await asyncio.wait({asking, breaking}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise Broken
            return asking.result()
        except nats.errors.TimeoutError:
            # An OSError as well, and another matter.
            raise
        except (nats.errors.ConnectionClosedError, OSError) as error:
            raise Broken from error
        finally:
            for task in (asking, breaking):
                task.cancel()
            with contextlib.suppress(BaseException):
                await asking


async def closed(client, broken: asyncio.Event) -> None:
    """Returns when the connection is lost."""
    while not broken.is_set() and not client.is_closed:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(broken.wait(), LOOK)


async def connect(url: str, broken: asyncio.Event):
    """A connection that notices soon that nobody is there."""

    async def lost():
        broken.set()

    async def ignore(_):
        pass

    return await asyncio.wait_for(
        nats.connect(
            url, allow_reconnect=False, connect_timeout=2, ping_interval=1, max_outstanding_pings=2, closed_cb=lost, error_cb=ignore), 3)
