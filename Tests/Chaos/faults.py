"""What may go wrong. Each fault begins, lasts, and ends; ending it twice does no harm."""

import asyncio
import random

from cluster import Cluster, Node
from history import Window, now
from proxy import Proxy
from writers import Crowd

# How long a fault waits for something that it can harm.
PATIENCE = 3.0


class Fault:
    """Something that goes wrong for some seconds."""

    name = ""
    seconds = 1.0
    # Of two at a time, each has a lane of its own.
    lane = "database"
    strikes_database = False
    strikes_clock = False
    # The promises that it puts to the test, of those that else are not.
    tests: frozenset[int] = frozenset()

    def __init__(self, cluster: Cluster, store, crowd: Crowd, random: random.Random):
        self.cluster = cluster
        self.store = store
        self.crowd = crowd
        self.random = random

    @classmethod
    def is_possible(cls, cluster: Cluster, store) -> bool:
        """Whether this run has what it takes."""
        return True

    async def begin(self, window: Window) -> None:
        raise NotImplementedError

    async def end(self) -> None:
        raise NotImplementedError


class NodeFault(Fault):
    """One node suffers."""

    lane = "node"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.node: Node = self.random.choice(self.cluster.nodes)

    async def choose_owner(self) -> frozenset[str]:
        """Takes the node that owns most if this one owns less than its share, and says what. Only a database that is well can tell."""
        owned: dict[str, set[str]] = {node.address: set() for node in self.cluster.nodes}
        for ledger, address in (await asyncio.to_thread(self.store.owners)).items():
            owned.setdefault(address, set()).add(ledger)
        if len(owned[self.node.address]) * len(owned) < sum(map(len, owned.values())):
            self.node = max(self.cluster.nodes, key=lambda node: len(owned[node.address]))
        return frozenset(owned[self.node.address])


class KilledNode(NodeFault):
    name = "a node is killed"
    tests = frozenset([8])

    @property
    def seconds(self) -> float:
        return 0.3 if self.cluster.is_one else self.cluster.ttl + 2

    async def begin(self, window):
        # With something else that is harmed it cannot be told how soon others answer.
        if not self.cluster.is_one and window.is_alone:
            window.orphans = await self.choose_owner()
        await self.node.look()
        await self.cluster.kill(self.node)

    async def end(self):
        await self.cluster.launch(self.node)


class StoppedNode(NodeFault):
    """For three times as long as its lease: the others have its ledgers when it goes on in the midst of its turns."""

    name = "a node is stopped"
    tests = frozenset([5])
    # How many of its turns are under way besides those of the writers, and how long they last: they begin before it stops, and end after.
    crowd_size = 60
    crowd_milliseconds = 2000

    @property
    def seconds(self) -> float:
        return 3 * self.cluster.ttl

    async def begin(self, window):
        if window.is_alone:
            ledgers = await self.choose_owner()
            self.crowd.append_slowly(self.node.number, ledgers, self.crowd_size, self.crowd_milliseconds)
            await asyncio.sleep(0.5)
        window.stopped = self.node.number
        # With a file it may have the lock, and nobody can take what it owns until it goes on. The first time it does not.
        if self.store.proxies or self.cluster.stops > 0 and self.random.random() < 0.2:
            return self.cluster.stop(self.node)
        with await asyncio.to_thread(self.store.lock):
            self.cluster.stop(self.node)

    async def end(self):
        # Its signs of life are as slow as a network or a machine may make them, so that it writes before it learns what it has lost.
        self._delay_signs_of_life(True)
        self.cluster.go_on(self.node)
        await asyncio.sleep(0.7)
        self._delay_signs_of_life(False)

    def _delay_signs_of_life(self, delays: bool) -> None:
        if self.store.proxies:
            self.store.proxies[self.node.number].slow_word = b"renew" if delays else None
        else:
            self.node.machine.hold_signs_of_life(delays)


class DatabaseFault(Fault):
    strikes_database = True
    tests = frozenset([9])

    @classmethod
    def is_possible(cls, cluster, store):
        return store.proxies != []


class OnLink(NodeFault):
    """Between a node and the others."""

    lane = "link"

    @classmethod
    def is_possible(cls, cluster, store):
        return not cluster.is_one

    @property
    def proxies(self):
        return [self.node.link]


class OnDatabase(DatabaseFault):
    """Between all nodes and the database."""

    @property
    def proxies(self):
        return self.store.proxies


class OnOneWay(NodeFault, DatabaseFault):
    """Between one node and the database, which the others reach."""

    lane = "database"

    @classmethod
    def is_possible(cls, cluster, store):
        return store.proxies != [] and not cluster.is_one

    @property
    def proxies(self):
        return [self.store.proxies[self.node.number]]


class ProxyFault(Fault):
    """A network is bad, on whichever way it is."""

    seconds = 2.0

    async def begin(self, window):
        for proxy in self.proxies:
            self.harm(proxy)

    async def end(self):
        for proxy in self.proxies:
            proxy.reset()

    def harm(self, proxy: Proxy) -> None:
        raise NotImplementedError


class Cut(ProxyFault):
    def harm(self, proxy):
        proxy.refuses = True
        proxy.cut()


class Slow(ProxyFault):
    delays = (0.0, 0.0)

    def harm(self, proxy):
        proxy.delay = self.random.uniform(*self.delays)


class Silent(ProxyFault):
    def harm(self, proxy):
        proxy.swallows = True


class Lossy(ProxyFault):
    loss = 0.0

    async def begin(self, window):
        self._window, self._lost_before = window, sum(proxy.answers_lost for proxy in self.proxies)
        await super().begin(window)

    async def end(self):
        end = now() + PATIENCE
        while not self._lost() and now() < end:
            await asyncio.sleep(0.05)
        await super().end()
        self._window.effects[self.name] = self._lost()

    def _lost(self) -> int:
        return sum(proxy.answers_lost for proxy in self.proxies) - self._lost_before

    def harm(self, proxy):
        proxy.answer_loss = self.loss


class CutLink(OnLink, Cut):
    name = "others cannot reach a node"


class SlowLink(OnLink, Slow):
    name = "others reach a node slowly"
    delays = (0.05, 0.3)


class SilentLink(OnLink, Silent):
    name = "nothing arrives between others and a node"
    seconds = 4.0


class LostLinkAnswers(OnLink, Lossy):
    name = "answers between nodes get lost"
    loss = 0.05


class CutDatabase(OnDatabase, Cut):
    name = "nodes cannot reach the database"


class SlowDatabase(OnDatabase, Slow):
    name = "nodes reach the database slowly"
    delays = (0.02, 0.2)


class CutWay(OnOneWay, Cut):
    """For longer than its lease lasts: it stops to serve by itself, and others take over what it owns while it lives."""

    name = "one node cannot reach the database"
    tests = frozenset([8, 9])

    @property
    def seconds(self) -> float:
        return self.cluster.ttl + 4

    async def begin(self, window):
        if window.is_alone:
            window.its_ledgers = await self.choose_owner()
        window.cut_off = self.node.number
        await super().begin(window)


class SlowWay(OnOneWay, Slow):
    name = "one node reaches the database slowly"
    delays = (0.02, 0.2)


class SilentDatabase(OnDatabase, Silent):
    name = "nothing arrives between nodes and database"
    # Longer than two calls after each other may take to fail.
    seconds = 11.0


class LostAnswers(OnDatabase, Lossy):
    name = "the database's answers get lost"
    loss = 0.03


class KilledDatabase(DatabaseFault):
    name = "the database is killed"
    seconds = 1.0

    async def begin(self, window):
        await asyncio.to_thread(self.store.kill, True)

    async def end(self):
        await asyncio.to_thread(self.store.bring_back)


class KilledPostmaster(KilledDatabase):
    name = "the postmaster is killed"
    seconds = 0.5

    async def begin(self, window):
        await asyncio.to_thread(self.store.kill, False)


class RestartedDatabase(KilledDatabase):
    name = "the database is restarted"
    seconds = 0.2

    async def begin(self, window):
        await asyncio.to_thread(self.store.stop)


class EndedListeners(DatabaseFault):
    name = "listening sessions are ended"
    seconds = 0.2

    @classmethod
    def is_possible(cls, cluster, store):
        # A node alone has nobody to listen to.
        return super().is_possible(cluster, store) and not cluster.is_one

    async def begin(self, window):
        end = now() + PATIENCE
        # Some may just connect anew.
        while not (ended := await asyncio.to_thread(self.store.end_listeners)) and now() < end:
            await asyncio.sleep(0.05)
        window.effects[self.name] = ended

    async def end(self):
        pass


class TakenLedgers(Fault):
    name = "ledgers are claimed by somebody else"
    seconds = 0.3

    async def begin(self, window):
        window.takes_ledgers = True
        await asyncio.to_thread(self.store.take_ledgers, 0.5)

    async def end(self):
        pass


class FullDisk(Fault):
    name = "the disk is full"
    seconds = 2.0
    strikes_database = True
    tests = frozenset([9])

    @classmethod
    def is_possible(cls, cluster, store):
        return store.disk.is_small

    async def begin(self, window):
        await asyncio.to_thread(self.store.disk.fill)
        self._filling = asyncio.create_task(self._fill())

    async def end(self):
        self._filling.cancel()
        await asyncio.wait([self._filling])
        self.store.disk.empty()
        await asyncio.to_thread(self.store.bring_back)

    async def _fill(self):
        """Again and again, for files may shrink."""
        while True:
            await asyncio.sleep(0.1)
            self.store.disk.fill()


class JumpingClock(NodeFault):
    """There and back again; some of the times a long way."""

    name = "a node's clock jumps"
    seconds = 1.0
    lane = "clock"
    strikes_clock = True
    tests = frozenset([10])

    @classmethod
    def is_possible(cls, cluster, store):
        return cluster.nodes[0].machine.is_ours

    @property
    def machine(self):
        return self.node.machine

    async def begin(self, window):
        self.machine.set_clock(self.random.choice([-3600, -30, -2, 2, 30, 3600]))

    async def end(self):
        self.machine.set_clock(0)


class JumpingDatabaseClock(JumpingClock):
    name = "the database's clock jumps"

    @classmethod
    def is_possible(cls, cluster, store):
        return store.machine is not None and store.machine.is_ours

    @property
    def machine(self):
        return self.store.machine


ALL: list[type[Fault]] = [
    TakenLedgers, KilledNode, StoppedNode, LostAnswers, FullDisk, KilledDatabase, JumpingClock, CutLink, EndedListeners, CutDatabase,
    RestartedDatabase, JumpingDatabaseClock, SlowLink, SlowDatabase, KilledPostmaster, LostLinkAnswers, SilentDatabase, SilentLink,
    CutWay, SlowWay,
]
