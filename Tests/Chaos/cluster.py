"""Nodes as processes, which are started again when they end."""

import asyncio
import contextlib
import json
import queue
import signal
import socket
from pathlib import Path

import nats

from history import History, now
from line import connect
from machine import Machine
from proxy import Proxy
from server import Programs, Server

FENCED = "rivulet_turns_fenced_total"


class Node:
    """A node that listens at the same port whenever it is started."""

    def __init__(self, number: int, folder: Path, seed: int):
        self.number = number
        self.port, self.http_port = free_port(), free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.machine = Machine(folder, f"node{number}")
        # The way by which other nodes reach it.
        self.link = Proxy(self.port, seed + number)
        self.log = folder / f"node{number}.log"
        self.server: Server | None = None
        self.is_down_by_us = True
        self.is_stopped = False
        # Of the processes before this one, and of this one.
        self._fenced_before, self._fenced = 0.0, 0.0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.link.port}"

    @property
    def fenced(self) -> int:
        """How many of its turns the store has refused."""
        return int(self._fenced_before + self._fenced)

    async def look(self) -> None:
        """Reads its metrics, if it answers."""
        with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")
                text = (await reader.read()).decode()
                writer.close()
            # One that has just started may not count yet.
            self._fenced = next((float(line.split()[1]) for line in text.splitlines() if line.startswith(FENCED)), self._fenced)

    def ended(self) -> None:
        """Keeps what is left of a process."""
        with self.log.open("a") as log:
            log.write(self.server.output)
        self._fenced_before, self._fenced = self._fenced_before + self._fenced, 0.0


class Cluster:
    """All nodes of a store."""

    def __init__(self, programs: Programs, count: int, store, folder: Path, ttl: float, history: History, seed: int):
        self.nodes = [Node(number, folder, seed) for number in range(count)]
        self.ttl = ttl
        self.stops = 0
        self.programs = programs
        self._store = store
        self._folder = folder
        self._history = history

    @property
    def is_one(self) -> bool:
        return len(self.nodes) == 1

    @property
    def fenced(self) -> int:
        return sum(node.fenced for node in self.nodes)

    async def count_fenced(self) -> list[int]:
        """How many turns of each node the store has refused until now."""
        await asyncio.gather(*(node.look() for node in self.nodes if not node.is_down_by_us))
        return [node.fenced for node in self.nodes]

    async def start(self) -> None:
        for node in self.nodes:
            await node.link.start()
        for node in self.nodes:
            await self.launch(node)

    async def launch(self, node: Node) -> None:
        """Starts a node that does not run."""
        command = [
            self.programs.path("ChaosServer"), "--port", node.port, "--http-port", node.http_port,
            *([] if self.is_one else ["--cluster"]),
        ]
        environment = {"RIVULET_STORE": self._store.urls[node.number], **node.machine.environment}
        if not self.is_one:
            environment |= {"RIVULET_CLUSTER_TTL": f"{self.ttl}s", "RIVULET_CLUSTER_ADVERTISE": node.address}
        async with asyncio.timeout(60):
            while True:
                try:
                    node.server = await asyncio.to_thread(Server, command, self._folder, environment)
                    break
                except (AssertionError, queue.Empty) as error:
                    # The store may still be held, or just be down.
                    with node.log.open("a") as log:
                        print(error, file=log)
                    await asyncio.sleep(0.2)
        node.is_down_by_us = False

    async def kill(self, node: Node) -> None:
        node.is_down_by_us = True
        await asyncio.to_thread(node.server.end, signal.SIGKILL)
        node.ended()

    def stop(self, node: Node) -> None:
        """Lets it do nothing, as if the machine had been suspended."""
        node.is_stopped = True
        self.stops += 1
        node.server.signal(signal.SIGSTOP)

    def go_on(self, node: Node) -> None:
        node.server.signal(signal.SIGCONT)
        node.is_stopped = False

    async def watch(self) -> None:
        """Reads metrics, and starts again what has ended by itself, until it is cancelled."""
        while True:
            for node in self.nodes:
                if node.is_down_by_us or node.is_stopped:
                    continue
                if not node.server.is_running:
                    node.is_down_by_us = True
                    self._history.note(f"node {node.number} ended by itself with code {node.server.wait()}")
                    node.ended()
                    await self.launch(node)
                else:
                    await node.look()
            await asyncio.sleep(0.2)

    async def end(self) -> None:
        """Ends all nodes as an administrator does."""
        for node in self.nodes:
            if node.server and node.server.is_running:
                await node.look()
                if (code := await asyncio.to_thread(node.server.end)) != 0:
                    self._history.note(f"node {node.number} ended with code {code} when it was told to end")
                node.ended()
            await node.link.end()

    async def abandon(self) -> None:
        """Kills what runs."""
        for node in self.nodes:
            if node.server and node.server.is_running:
                await self.kill(node)

    async def serves(self, node: Node, ledger: str) -> bool:
        """Whether the node answers a call."""
        return ledger in await self.read(node, [ledger])

    async def read(self, node: Node, ledgers: list[str]) -> dict[str, dict]:
        """What a node says of ledgers; nothing of those for which it has no answer."""
        answers = {}
        try:
            client = await connect(node.url, asyncio.Event())
        except Exception:
            return answers
        try:
            for ledger in ledgers:
                reply = await client.request(f"obj.Ledger.{ledger}.Read", b"{}", timeout=5)
                if not (reply.headers and "Nats-Service-Error-Code" in reply.headers):
                    answers[ledger] = json.loads(reply.data)
        except nats.errors.TimeoutError:
            self._history.silences.append(f"at {now() - self._history.began:.1f} s node {node.number} gave no answer for {ledger} in 5 s")
        except (nats.errors.Error, OSError, TimeoutError):
            return answers
        finally:
            with contextlib.suppress(Exception):
                await client.close()
        return answers


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
