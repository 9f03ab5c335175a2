"""Durable turns and events through the wire, beside the same SQL in a bare loop and beside JetStream, all with every commit synced."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from measuring import ROOT, TICKS, Server, median, print_table, rate_text, ratio, show

sys.path.insert(0, str(ROOT / "Tests/Interop"))
from postgres import Postgres  # noqa: E402

STORES = ("sqlite", "postgres")
# Where a temporary folder is on a disk, also on systems that keep /tmp in memory.
FOLDER = "/var/tmp"
IN_FLIGHT = ["--requesters", "4", "--depth", "64"]


@dataclass
class Cell:
    """One kind of turns, and the bars they must reach."""

    name: str
    arguments: list
    # Turns a second, by store, at least.
    rate: dict
    # What the bare loop commits.
    bare: list | None = None
    bare_ratio: float | None = None
    # How many times JetStream's rate, at least.
    jetstream: float | None = None
    # Events that a turn publishes.
    per_turn: int = 1


def calls(subject, suffix, objects, payload="{}"):
    suffix = suffix if objects > 1 else f".0{suffix}"
    return ["--subject", subject, "--subjects", str(objects), "--suffix", suffix, "--payload", payload]


CELLS = [
    Cell("turns of 1,000 objects, state + 1 event", calls("obj.Account", ".Deposit", 1000), {"sqlite": 25_000, "postgres": 12_000},
         bare=["--objects", "1000"], bare_ratio=0.5),
    Cell("turns of 1 object, state + 1 event", calls("obj.Account", ".Deposit", 1), {"sqlite": 10_000, "postgres": 10_000}),
    Cell("events, 1 a turn, of 1 object", calls("obj.Journal", ".Record", 1), {"sqlite": 60_000, "postgres": 50_000},
         bare=["--objects", "1", "--events-only"], jetstream=20),
    Cell("events, 1 a turn, of 1,000 objects", calls("obj.Journal", ".Record", 1000), {},
         bare=["--objects", "1000", "--events-only"], jetstream=None),
    Cell("events, 10 a turn, of 1 object", calls("obj.Journal", ".Record", 1, '{"count":10}'), {}, jetstream=20, per_turn=10),
]


@dataclass
class Samples:
    rate: list = field(default_factory=list)
    bare: list = field(default_factory=list)
    batch: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    database_cpu: list = field(default_factory=list)
    p50: list = field(default_factory=list)
    p99: list = field(default_factory=list)


class Disk:
    """A temporary folder on a disk."""

    def __enter__(self):
        kind = subprocess.run(["stat", "-f", "-c", "%T", FOLDER], capture_output=True, text=True).stdout.strip()
        if kind in ("tmpfs", "ramfs"):
            raise SystemExit(f"{FOLDER} is in memory, where nothing is durable")
        self._folder = tempfile.TemporaryDirectory(prefix="rivulet-bench-", dir=FOLDER)
        return Path(self._folder.name)

    def __exit__(self, *_):
        self._folder.cleanup()


class Cluster(Postgres):
    """A PostgreSQL server on a disk."""

    def __init__(self):
        tempfile.tempdir = FOLDER
        super().__init__()

    def drop(self, url):
        self.execute(self.url("postgres"), f"DROP DATABASE {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def cpu_seconds(self):
        total = 0
        for place in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = place.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(place.parent.name) == self._process.pid:
                total += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self._process.pid:
                total += int(fields[11]) + int(fields[12])
        return total / TICKS


def run_json(command, patience):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=patience)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return json.loads(result.stdout)


def metrics(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and not line.startswith("#")}


def measure_node(cell, store, cluster, programs, seconds, samples):
    database_cpu = cluster.cpu_seconds if store.startswith("postgres") else lambda: 0.0
    command = [*programs.objects, "--port", "{port}", "--http-port", "{http}", "--store", store, "--log-level", "error"]
    with Server("rivulet", command) as server:
        load = [*programs.generator, "request", "--no-responder", *IN_FLIGHT, *cell.arguments, "--server", server.url, "--json"]
        run_json([*load, "--duration", "1"], 120)
        known, cpu, database = metrics(server), server.cpu_seconds(), database_cpu()
        found = run_json([*load, "--duration", seconds], seconds * 10 + 120)
        cpu, database, now = server.cpu_seconds() - cpu, database_cpu() - database, metrics(server)
    turns = found["delivered"]
    batches = {part: now[f"rivulet_commit_batch_size_{part}"] - known[f"rivulet_commit_batch_size_{part}"] for part in ("sum", "count")}
    samples.rate.append(turns / found["seconds"])
    samples.batch.append(batches["sum"] / batches["count"])
    samples.cpu.append(cpu / turns * 1e6)
    samples.database_cpu.append(database / turns * 1e6)
    samples.p50.append(found["p50"])
    samples.p99.append(found["p99"])


def measure_bare(cell, store, programs, seconds, samples):
    batch = max(1, round(samples.batch[-1]))
    loop = [programs.bare, "sql", "--store", store, *cell.bare, "--batch", batch, "--duration", seconds]
    samples.bare.append(run_json(loop, seconds * 10 + 120)["turnsPerSecond"])


def measure_jetstream(programs, folder, seconds, samples):
    """Publishes of as many bytes as the events have."""
    settings = folder / "jetstream.conf"
    settings.write_text(f'jetstream {{ store_dir: "{folder}/jetstream", sync_interval: always }}\n')
    with Server("nats-server", [programs.nats_server, "-c", str(settings), "-a", "127.0.0.1", "-p", "{port}"]) as server:
        make_stream(server.port, "BENCH", "bench.journal")
        load = [*programs.generator, "request", "--no-responder", *IN_FLIGHT, "--subject", "bench.journal", "--size", "43"]
        before = server.cpu_seconds()
        found = run_json([*load, "--server", server.url, "--json", "--duration", seconds], seconds * 10 + 120)
        samples.rate.append(found["delivered"] / found["seconds"])
        samples.cpu.append((server.cpu_seconds() - before) / found["delivered"] * 1e6)
        samples.p50.append(found["p50"])
        samples.p99.append(found["p99"])


def make_stream(port, name, subject):
    settings = json.dumps({"name": name, "subjects": [subject], "storage": "file", "retention": "limits", "num_replicas": 1}).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b'CONNECT {"verbose":false}\r\nSUB reply 1\r\n')
        connection.sendall(b"PUB $JS.API.STREAM.CREATE.%s reply %d\r\n%s\r\n" % (name.encode(), len(settings), settings))
        answer = b""
        while b"MSG reply" not in answer or not answer.endswith(b"}\r\n"):
            if not (piece := connection.recv(65536)):
                break
            answer += piece
    if b'"error"' in answer or b'"created"' not in answer:
        raise SystemExit(f"JetStream makes no stream: {answer.decode(errors='replace')}")


def run(programs, cells, rounds, seconds, stores=STORES):
    found = {cell.name: {store: Samples() for store in stores} for cell in cells}
    jetstream = Samples()
    cluster = Cluster() if "postgres" in stores else None
    try:
        for number in range(rounds):
            for cell in cells:
                for store in stores if number % 2 == 0 else reversed(stores):
                    with Disk() as folder:
                        measure_store(cell, store, folder, cluster, programs, seconds, found[cell.name][store])
            if any(cell.jetstream for cell in cells):
                with Disk() as folder:
                    measure_jetstream(programs, folder, seconds, jetstream)
            print(f"durable: round {number + 1} of {rounds} done", file=sys.stderr)
    finally:
        if cluster:
            cluster.end()
    return found, jetstream


def measure_store(cell, store, folder, cluster, programs, seconds, samples):
    def place(name):
        return f"sqlite:{folder}/{name}.sqlite" if store == "sqlite" else cluster.make_database()

    first = place("node")
    measure_node(cell, first, cluster, programs, seconds, samples)
    second = place("bare") if cell.bare else None
    if second:
        measure_bare(cell, second, programs, seconds, samples)
    if store == "postgres":
        for url in filter(None, (first, second)):
            cluster.drop(url)


def rows(cells, found, jetstream):
    table = [["durable, 256 in flight", "store", "rate", "bare loop", "ratio", "JetStream", "ratio", "turns a batch", "node us", "database us",
              "p50/p99 ms"]]
    theirs = median(jetstream.rate)
    for cell in cells:
        for store, samples in found[cell.name].items():
            rate, bare = median(samples.rate), median(samples.bare)
            events = rate * cell.per_turn
            bar = cell.rate.get(store)
            shown = rate_text(events) + (f" {'ok' if rate >= bar else '--'} (>={bar / 1000:g} k/s)" if bar else "")
            table.append([
                cell.name, store, shown, rate_text(bare), show(ratio(rate, bare), cell.bare_ratio),
                rate_text(theirs) if cell.jetstream else "-", show(ratio(events, theirs) if cell.jetstream else None, cell.jetstream),
                f"{median(samples.batch):.0f}", f"{median(samples.cpu):.1f}",
                f"{median(samples.database_cpu):.1f}" if store == "postgres" else "-",
                f"{median(samples.p50) / 1000:.1f}/{median(samples.p99) / 1000:.1f}",
            ])
    return table
