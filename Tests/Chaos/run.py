"""A run: a store, its nodes, and clients, while things go wrong; then what came of it."""

import asyncio
import contextlib
import dataclasses
import tempfile
from pathlib import Path

from checks import Demands, Run, Verdict, judge
from cluster import Cluster
from command import CommandFollower
from faults import ALL, Fault
from followers import Follower
from history import History, now
from line import Line
from schedule import Schedule
from server import Programs
from stores import PostgresStore, SQLiteStore
from writers import LIMIT, Crowd, Ledgers, Writer

STORES = {store.name: store for store in (SQLiteStore, PostgresStore)}
LINES_PER_NODE = 3
PATIENCE = 20.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is run."""

    store: str
    # How long faults come, in seconds. Starting and the end come on top.
    seconds: float
    seed: int
    nodes: int = 3
    writers: int = 64
    ledgers: int = 200
    hot: int = 20
    ttl: float = 2.0
    # How many turns the store must have refused for the fifth promise to be put to the test.
    fenced_wanted: int = 0
    # What must come before anything else, however long that takes, if it is possible, and put the promises to the test.
    wanted: tuple[type[Fault], ...] = ()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    plan: Plan
    verdicts: list[Verdict]
    history: History
    # With the nodes' logs and the history.
    folder: Path
    skipped: list[str]
    # What the clients' own process was late at the most, in seconds.
    lag: float

    @property
    def is_good(self) -> bool:
        return all(verdict.is_kept for verdict in self.verdicts)


async def run(plan: Plan, programs: Programs, say=print) -> Outcome:
    """Runs it, and judges it."""
    # Not in anybody's home: PostgreSQL runs as another user.
    folder = Path(tempfile.mkdtemp(prefix=f"rivulet-chaos-{plan.store}-"))
    folder.chmod(0o755)
    history = History()
    store = STORES[plan.store](folder, plan.nodes, plan.seed)
    cluster = Cluster(programs, plan.nodes, store, folder, plan.ttl, history, plan.seed)
    try:
        await store.start()
        await cluster.start()
        outcome = await _run(plan, cluster, store, history, folder, say)
    finally:
        await cluster.abandon()
        history.save(folder / "history.jsonl")
        await store.end()
    return outcome


async def _run(plan: Plan, cluster: Cluster, store, history: History, folder: Path, say) -> Outcome:
    ledgers = Ledgers(plan.ledgers, plan.hot)
    lines = [Line(node.number, node.url) for node in cluster.nodes for _ in range(LINES_PER_NODE)]
    urls = [node.url for node in cluster.nodes]
    # They begin at different nodes, so that whichever is killed or stopped first breaks off a follower.
    followers = [Follower(f"follower {number}", _turned(urls, number), history, plan.seed) for number in range(max(3, plan.nodes))]
    followers.append(Follower("follower of one ledger", urls, history, plan.seed, ledger=ledgers.hot[0]))
    command = CommandFollower(cluster.programs, urls[0], folder)
    clock = Lag()
    end = asyncio.Event()
    history.began = now()
    background = [asyncio.create_task(task) for task in (
        clock.run(), cluster.watch(), *(line.run() for line in lines), *(follower.run() for follower in followers))]
    writing = [
        asyncio.create_task(Writer(str(number), lines, ledgers, history, plan.seed).run(end)) for number in range(plan.writers)]
    crowd = Crowd(lines, ledgers, history, plan.seed)
    schedule = Schedule(cluster, store, crowd, history, plan.seed, plan.wanted, say)
    try:
        await schedule.run(plan.seconds)
        end.set()
        await asyncio.wait_for(asyncio.gather(*writing, *crowd.calls), LIMIT + PATIENCE)
        dump = await asyncio.to_thread(store.dump)
        await asyncio.to_thread(dump.save, folder / "store.jsonl")
        await _reach([*followers, command], dump)
        command.end(history)
        await _compare_states(cluster, dump, history)
        for task in background:
            assert not task.done() or task.exception() is None, task.exception()
    finally:
        command.kill()
        tasks = [*writing, *crowd.calls, *background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await cluster.end()
    history.ended = now()
    possible = [fault for fault in ALL if fault.is_possible(cluster, store)]
    skipped = [fault.name for fault in ALL if fault not in possible]
    result = Run(
        plan.ttl, history, dump, followers, command, cluster.fenced, plan.fenced_wanted, clock.longest,
        _demands([fault for fault in plan.wanted if fault in possible], cluster.is_one))
    return Outcome(plan, judge(result), history, folder, skipped, clock.longest)


def _demands(faults: list, is_one: bool) -> Demands:
    """All that faults can show; nothing if none had to come."""
    if not faults:
        return Demands()
    tested = frozenset().union(*(fault.tests for fault in faults))
    # Writers repeat calls and followers go on whatever goes wrong; nobody takes over from a node alone.
    return Demands(tuple(fault.name for fault in faults), (tested - {5, 8} if is_one else tested) | {6, 7})


def _turned(items: list, count: int) -> list:
    """The items, beginning with another one."""
    first = count % len(items)
    return items[first:] + items[:first]


async def _reach(followers: list, dump):
    """Waits until followers have all events. Those who do not get them are found by the checks."""
    last = {event.ledger: event.sequence for event in dump.events} | {None: dump.head}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while any(follower.last < last.get(follower.ledger, 0) for follower in followers):
                await asyncio.sleep(0.05)


async def _compare_states(cluster: Cluster, dump, history: History):
    """Asks every node for every ledger; again for those that it does not answer, for the dump may have kept it from the database."""
    for node in cluster.nodes:
        answers, deadline = {}, now() + PATIENCE
        while (missing := [ledger for ledger in dump.ledgers if ledger not in answers]) and now() < deadline:
            answers |= await cluster.read(node, missing)
            await asyncio.sleep(0.05)
        for ledger, stored in dump.ledgers.items():
            if answers.get(ledger) != stored.state:
                history.note(f"node {node.number} says {answers.get(ledger)} of {ledger}, which is {stored.state}")


class Lag:
    """How late this process is at times, since the machine is busy."""

    def __init__(self):
        self.longest = 0.0

    async def run(self) -> None:
        while True:
            before = now()
            await asyncio.sleep(0.02)
            self.longest = max(self.longest, now() - before - 0.02)
