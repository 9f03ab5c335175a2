"""Clients that append entries, and repeat each call until it is answered."""

import asyncio
import collections
import json
import random

import nats

from history import Append, Attempt, History, now
from line import Broken, Line

# How long the answer to a call is waited for, which is longer than it may take.
PATIENCE = 8.0
# After so long a writer gives up, which it never should: the longest fault is shorter, and so long replies are remembered.
LIMIT = 60.0
SLOW_SHARE = 0.12
REPEATED_SHARE = 0.03
HOT_SHARE = 0.6


class Ledgers:
    """The names of all ledgers, of which a few are written to most."""

    def __init__(self, count: int, hot: int):
        self.all = [f"ledger{number}" for number in range(count)]
        self.hot = self.all[:hot]

    def choose(self, random: random.Random) -> str:
        return random.choice(self.hot if random.random() < HOT_SHARE else self.all)


class Crowd:
    """Clients that all call at one moment, when a fault wants turns to be under way."""

    def __init__(self, lines: list[Line], ledgers: Ledgers, history: History, seed: int):
        self._lines = lines
        self._ledgers = ledgers
        self._history = history
        self._seed = seed
        self._count = 0
        self.calls: list[asyncio.Task] = []

    def append_slowly(self, node: int, owned: frozenset[str], most: int, milliseconds: int) -> None:
        """Asks a node for so many turns of its ledgers that last so long. Those that others write to most have too many to begin soon."""
        for ledger in [ledger for ledger in self._ledgers.all if ledger in owned and ledger not in self._ledgers.hot][:most]:
            self._count += 1
            writer = Writer(f"crowd{self._count}", self._lines, self._ledgers, self._history, self._seed)
            self.calls.append(asyncio.create_task(writer.append_slowly(ledger, milliseconds, node)))


class Writer:
    """Appends one entry after the other."""

    def __init__(self, name: str, lines: list[Line], ledgers: Ledgers, history: History, seed: int):
        self._name = name
        self._lines = lines
        self._ledgers = ledgers
        self._history = history
        self._random = random.Random(f"{seed} {name}")
        self._answered: collections.deque[tuple[Append, str, bytes]] = collections.deque(maxlen=100)

    async def run(self, end: asyncio.Event) -> None:
        count = 0
        while not end.is_set():
            count += 1
            append = self._begin(self._ledgers.choose(self._random), count)
            milliseconds = self._random.randrange(100, 500) if self._random.random() < SLOW_SHARE else None
            subject, payload = call(append, milliseconds)
            await self._repeat(append, subject, payload)
            if append.is_acknowledged:
                self._answered.append((append, subject, payload))
            if self._answered and self._random.random() < REPEATED_SHARE:
                await self._ask_again(*self._random.choice(self._answered))

    async def append_slowly(self, ledger: str, milliseconds: int, node: int) -> None:
        """Appends one entry, for which it asks that node at first."""
        append = self._begin(ledger, 1)
        await self._repeat(append, *call(append, milliseconds), node)

    def _begin(self, ledger: str, count: int) -> Append:
        append = Append(ledger, f"{self._name}-{count}", now())
        self._history.appends.append(append)
        return append

    async def _repeat(self, append: Append, subject: str, payload: bytes, node: int | None = None):
        while now() < append.began + LIMIT:
            receipt = await self._attempt(append, subject, payload, None if append.attempts else node)
            if receipt is not None:
                append.receipt = receipt
                append.ended = now()
                self._history.acknowledged += 1
                return
            await asyncio.sleep(self._random.uniform(0.02, 0.1))
        append.ended = now()

    async def _ask_again(self, append: Append, subject: str, payload: bytes):
        """A call that was answered has the same answer for as long as it is remembered."""
        if now() > append.ended + LIMIT:
            return
        repeated = await self._attempt(append, subject, payload)
        if repeated is None:
            return
        self._history.repeats += 1
        if repeated != append.receipt:
            self._history.note(f"the call {append.entry} was answered {append.receipt}, and then {repeated}")

    async def _attempt(self, append: Append, subject: str, payload: bytes, node: int | None = None) -> dict | None:
        up = [line for line in self._lines if line.is_up and node in (None, line.node)]
        if not up:
            return None
        line = self._random.choice(up)
        attempt = Attempt(line.node, now())
        append.attempts.append(attempt)
        try:
            reply = await line.request(subject, payload, {"Nats-Msg-Id": append.entry}, PATIENCE)
            if reply.headers and "Nats-Service-Error-Code" in reply.headers:
                attempt.outcome, attempt.says = "refused", " ".join(
                    reply.headers[name] for name in ("Nats-Service-Error-Code", "Nats-Service-Error"))
                return None
            attempt.outcome = "answered"
            return json.loads(reply.data)
        except Broken:
            attempt.outcome = "broken"
        except nats.errors.NoRespondersError:
            attempt.outcome, attempt.says = "refused", "no responders"
        except nats.errors.TimeoutError:
            attempt.outcome = "silent"
        finally:
            attempt.ended = now()
        return None


def call(append: Append, milliseconds: int | None) -> tuple[str, bytes]:
    """The subject and the payload that ask for it, in a turn that lasts so long."""
    message, members = "Append", {"entry": append.entry}
    if milliseconds is not None:
        message, members = "AppendSlowly", members | {"milliseconds": milliseconds}
    return f"obj.Ledger.{append.ledger}.{message}", json.dumps(members).encode()
