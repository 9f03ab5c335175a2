"""When what goes wrong, for a seed."""

import asyncio
import random

from cluster import Cluster
from faults import ALL, Fault
from history import History, Window, now
from writers import Crowd

# How long a run may take to serve again after a fault.
PATIENCE = 30.0
ACCOMPANIED_SHARE = 0.25


class Schedule:
    """One fault after the other: first those that are wanted, or each that is possible, then at random, now and then two at a time."""

    def __init__(self, cluster: Cluster, store, crowd: Crowd, history: History, seed: int, wanted: tuple[type[Fault], ...], say):
        """Those that are wanted come in any order, however long that takes; without any it begins with the most telling ones."""
        self._cluster = cluster
        self._store = store
        self._crowd = crowd
        self._history = history
        self._random = random.Random(f"{seed} faults")
        # Of its own, for how often it is asked depends on how busy the machine is.
        self._random_to_look = random.Random(f"{seed} looks")
        self._say = say
        self._possible = [fault for fault in ALL if fault.is_possible(cluster, store)]
        self._wanted = [fault for fault in self._possible if fault in wanted]
        self._bag = self._random.sample(self._wanted, len(self._wanted)) or list(self._possible)
        self._is_first_round = True

    async def run(self, seconds: float) -> None:
        end = now() + seconds
        while True:
            await asyncio.sleep(self._random.uniform(0.3, 1.0))
            faults = self._choose(end - now())
            if not faults:
                return
            await self._suffer(faults)

    def _choose(self, left: float) -> list[Fault]:
        """The next fault that fits into the time that is left, perhaps with one of another lane."""
        if not self._bag:
            self._is_first_round = False
            self._bag = self._random.sample(self._possible, len(self._possible))
        chosen: list[Fault] = []
        wanted = 2 if not self._is_first_round and self._random.random() < ACCOMPANIED_SHARE else 1
        for kind in list(self._bag):
            fault = kind(self._cluster, self._store, self._crowd, self._random)
            fits = fault.seconds <= left or self._is_first_round and kind in self._wanted
            if fits and all(fault.lane != other.lane for other in chosen):
                chosen.append(fault)
                self._bag.remove(kind)
                if len(chosen) == wanted:
                    break
        return chosen

    async def _suffer(self, faults: list[Fault]):
        window = Window(
            tuple(fault.name for fault in faults), now(), is_alone=len(faults) == 1,
            strikes_database=any(fault.strikes_database for fault in faults), strikes_clock=any(fault.strikes_clock for fault in faults))
        self._history.windows.append(window)
        before, fenced_before = self._history.acknowledged, await self._cluster.count_fenced()
        begun = []
        try:
            for fault in faults:
                begun.append(fault)
                await fault.begin(window)
            await asyncio.sleep(max(fault.seconds for fault in faults))
        finally:
            await asyncio.gather(*(fault.end() for fault in begun))
        window.ended = now()
        await self._recover(window)
        window.fenced = [after - before for before, after in zip(fenced_before, await self._cluster.count_fenced())]
        self._say(
            f"{window.began - self._history.began:6.1f} s  {window.name}: {window.ended - window.began:.1f} s, all nodes serve after "
            f"{window.recovered - window.ended:.1f} s; {self._history.acknowledged - before} appends meanwhile")

    async def _recover(self, window: Window):
        """Waits until every node answers again."""
        waiting = list(self._cluster.nodes)
        while waiting:
            node = waiting[0]
            if await self._cluster.serves(node, f"ledger{self._random_to_look.randrange(20)}"):
                waiting.pop(0)
            elif now() > window.ended + PATIENCE:
                self._history.note(f"node {node.number} does not answer {PATIENCE:.0f} s after: {window.name}")
                break
            else:
                await asyncio.sleep(0.05)
        window.recovered = now()
