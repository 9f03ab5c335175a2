"""The stores of a run: what nodes are told of them, what is in them, and how they are harmed."""

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import sqlite3
import time
from pathlib import Path

from disk import SmallDisk
from machine import Machine
from postgres import Postgres
from proxy import Proxy


@dataclasses.dataclass(frozen=True)
class Event:
    """A row of the events."""

    sequence: int
    ledger: str
    previous: int
    name: str
    payload: dict


@dataclasses.dataclass(frozen=True)
class StoredLedger:
    """A row of the objects."""

    version: int
    state: dict


@dataclasses.dataclass(frozen=True)
class Dump:
    """All that is in a store."""

    events: list[Event]
    ledgers: dict[str, StoredLedger]
    head: int
    epoch: str

    def save(self, path: Path) -> None:
        """A line of JSON for each row."""
        with path.open("w") as file:
            for row in [*self.events, *({"ledger": ledger} | dataclasses.asdict(row) for ledger, row in self.ledgers.items())]:
                print(json.dumps(row if isinstance(row, dict) else dataclasses.asdict(row)), file=file)


class SQLiteStore:
    """A file."""

    name = "sqlite"
    proxies: list[Proxy] = []
    machine = None

    def __init__(self, folder: Path, nodes: int, seed: int):
        self.disk = SmallDisk(folder / "store", 512)
        self._path = self.disk.path / "chaos.sqlite"
        self.urls = [f"sqlite:{self._path}"] * nodes

    async def start(self) -> None:
        pass

    async def end(self) -> None:
        self.disk.remove()

    def bring_back(self) -> None:
        """Nothing of it can end."""

    def lock(self):
        """Keeps nodes from writing until what it returns is closed, unless one does not let go that has the lock."""
        lock = open(f"{self._path}.lock", "ab")
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.001)
        return lock

    def take_ledgers(self, share: float) -> None:
        """Raises the owner epochs of some ledgers, as another node does that claims them."""
        with open(f"{self._path}.lock", "ab") as lock, contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            # Whoever writes holds it.
            fcntl.flock(lock, fcntl.LOCK_EX)
            database.execute("UPDATE objects SET owner_epoch = owner_epoch + 1 WHERE kind = 'Ledger' AND number % ? = 0", (int(1 / share),))

    def owners(self) -> dict[str, str]:
        """The address of each ledger's owner."""
        return dict(self._rows("SELECT o.id, m.address FROM objects o JOIN members m ON m.lease = o.owner WHERE o.kind = 'Ledger'"))

    def dump(self) -> Dump:
        rows = self._rows("""
            SELECT e.sequence, o.id, e.previous, e.subject, e.payload
            FROM events e JOIN streams s ON s.number = e.stream JOIN objects o ON o.number = e.object
            WHERE s.name = 'Ledger' ORDER BY e.sequence
            """)
        events = [
            Event(sequence, id, previous, subject.split(".")[3], json.loads(payload)) for sequence, id, previous, subject, payload in rows]
        rows = self._rows("SELECT id, version, state FROM objects WHERE kind = 'Ledger' AND version > 0")
        ledgers = {id: StoredLedger(version, json.loads(state)) for id, version, state in rows}
        ((head, epoch),) = self._rows("SELECT head, epoch FROM streams WHERE name = 'Ledger'")
        return Dump(events, ledgers, head, epoch)

    def _rows(self, sql: str) -> list:
        with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql).fetchall()


class PostgresStore:
    """A server of the run's own, which each node reaches through a proxy of its own."""

    name = "postgres"
    proxies: list[Proxy] = []
    urls: list[str] = []

    def __init__(self, folder: Path, nodes: int, seed: int):
        self.disk = SmallDisk(folder / "store", 512)
        self.machine = Machine(folder, "postgres")
        self._folder = folder
        self._nodes = nodes
        self._seed = seed

    async def start(self) -> None:
        self.server = Postgres(self.disk.path / "postgres", self.machine.environment)
        self._direct = self.server.make_database()
        self.proxies = [Proxy(self.server.port, self._seed + number) for number in range(self._nodes)]
        for proxy in self.proxies:
            await proxy.start()
        self.urls = [self._direct.replace(f":{self.server.port}/", f":{proxy.port}/") for proxy in self.proxies]

    async def end(self) -> None:
        for proxy in self.proxies:
            await proxy.end()
        (self._folder / "postgres.log").write_text(self.server.log)
        self.server.end()
        self.disk.remove()

    def owners(self) -> dict[str, str]:
        """The address of each ledger's owner."""
        return dict(self._rows("""
            SELECT o.id, m.address FROM rivulet.object_rows o
            JOIN rivulet.members m ON m.name = o.owner AND m.lease = o.owner_lease WHERE o.kind = 'Ledger'
            """))

    def dump(self) -> Dump:
        rows = self._rows("SELECT sequence, id, previous, event, payload FROM rivulet.events WHERE kind = 'Ledger' ORDER BY sequence")
        events = [Event(*row) for row in rows]
        rows = self._rows("SELECT id, version, state FROM rivulet.objects WHERE kind = 'Ledger'")
        ledgers = {id: StoredLedger(version, state) for id, version, state in rows}
        ((head, epoch),) = self._rows("SELECT head, epoch FROM rivulet.stream_rows WHERE name = 'Ledger'")
        return Dump(events, ledgers, head, epoch)

    def end_listeners(self) -> int:
        """Ends the sessions that wait for notifications, and says how many. They look into the relay in between, and nobody else does."""
        return int(self._run("""
            SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = 'rivulet' AND query ~ '^LISTEN |relay_(heads|rows|drop)'
            """))

    def take_ledgers(self, share: float) -> None:
        """Raises the owner epochs of some ledgers, as another node does that claims them."""
        self._run(f"UPDATE rivulet.object_rows SET owner_epoch = owner_epoch + 1 WHERE kind = 'Ledger' AND random() < {share}")

    def kill(self, with_children: bool) -> None:
        """Kills the postmaster, alone or with all its processes as a crash of the machine does."""
        pid = self.server.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if with_children else []
        for victim in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        self.server.wait()

    def stop(self) -> None:
        """Stops it as an administrator does."""
        self.server.signal(signal.SIGINT)
        self.server.wait()

    def bring_back(self) -> None:
        """Starts it unless it runs. The processes of one that was killed may take a while to notice."""
        deadline = time.monotonic() + 30
        while not self.server.is_running:
            try:
                self.server.start()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _run(self, sql: str) -> str:
        return self.server.execute(self._direct, sql)

    def _rows(self, sql: str) -> list:
        return [list(json.loads(line).values()) for line in self._run(f"SELECT row_to_json(r) FROM ({sql}) AS r").splitlines()]
