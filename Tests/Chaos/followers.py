"""Clients that follow the stream live, and go on where they stopped when they were cut off."""

import asyncio
import contextlib
import dataclasses
import json
import random

import nats

from history import History
from line import closed, connect

STREAM = "Ledger"
PAGE = 500


@dataclasses.dataclass(frozen=True)
class Seen:
    """An event as a follower got it."""

    sequence: int
    previous: int
    subject: str
    payload: bytes
    epoch: str

    @staticmethod
    def of(message) -> "Seen":
        headers = message.headers
        return Seen(
            int(headers["Nats-Sequence"]), int(headers["Rivulet-Previous"]), headers.get("Nats-Subject", message.subject), message.data,
            headers["Rivulet-Epoch"])


class Follower:
    """Follows all ledgers, or one, at one node after the other: the first of them, and then any."""

    def __init__(self, name: str, urls: list[str], history: History, seed: int, ledger: str | None = None):
        self.name = name
        self.ledger = ledger
        self.events: list[Seen] = []
        self.resumes = 0
        self.live = 0
        self._urls = urls
        self._history = history
        self._random = random.Random(f"{seed} {name}")
        self._pattern = f"evt.{STREAM}.{ledger or '*'}.>"

    @property
    def last(self) -> int:
        """The position to go on after."""
        return self.events[-1].sequence if self.events else 0

    async def run(self) -> None:
        while True:
            broken = asyncio.Event()
            try:
                client = await connect(self._random.choice(self._urls) if self.resumes else self._urls[0], broken)
            except Exception:
                await asyncio.sleep(0.05)
                continue
            try:
                await self._follow(client, broken)
            except (nats.errors.Error, OSError, TimeoutError):
                pass
            finally:
                with contextlib.suppress(Exception):
                    await client.close()
            self.resumes += 1

    async def _follow(self, client, broken: asyncio.Event):
        live = asyncio.Queue()
        await client.subscribe(self._pattern, cb=live.put)
        await self._read_back(client)
        start, at = self.last, None
        breaking = asyncio.ensure_future(closed(client, broken))
        breaking.add_done_callback(lambda _: live.put_nowait(None))
        try:
            while (message := await live.get()) is not None:
                at = self._take_live(Seen.of(message), start, at)
        finally:
            breaking.cancel()

    def _take_live(self, event: Seen, start: int, at: int | None) -> int:
        """Takes an event that was delivered after the one at a position; `start` was the end when all until then was read."""
        comes_after = event.previous if self.ledger else event.sequence - 1
        if at is not None and comes_after != at:
            self._history.note(f"{self.name} got {event.sequence}, after {comes_after}, when it was at {at}")
        elif event.sequence > start and comes_after != self.last:
            self._history.note(f"{self.name} got {event.sequence}, after {comes_after}, when it had all until {self.last}")
        if event.sequence > self.last:
            self.events.append(event)
            self.live += 1
        return event.sequence

    async def _read_back(self, client):
        """Reads what it has missed, page by page."""
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        while True:
            request = {"seq": self.last + 1, "batch": PAGE, "next_by_subj": self._pattern}
            await client.publish(f"$JS.API.DIRECT.GET.{STREAM}", json.dumps(request).encode(), reply=inbox)
            while True:
                message = await answers.next_msg(5)
                status = message.headers.get("Status")
                if status is not None:
                    break
                self._take_kept(Seen.of(message))
            if status != "204":
                await asyncio.sleep(0.05)
            elif int(message.headers.get("Nats-Num-Pending", "0")) == 0:
                return await answers.unsubscribe()

    def _take_kept(self, event: Seen):
        comes_after = event.previous if self.ledger else event.sequence - 1
        if comes_after != self.last:
            self._history.note(f"{self.name} read {event.sequence}, after {comes_after}, when it had all until {self.last}")
        self.events.append(event)
