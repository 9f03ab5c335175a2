"""How fast objects that a large store knows become active, and what one costs while it is idle."""

import subprocess
import sys
import time
from dataclasses import dataclass, field

from durable import IN_FLIGHT, STORES, Cluster, Disk, metrics, run_json
from measuring import Server, median, rate_text

KNOWN = 1_000_000
ACTIVATED = 100_000
# Activations a second, at least.
RATE = 5000
# Bytes, at most.
MEMORY = 2048
# A little more than how long a node that was killed keeps its objects.
LEASE = 6

ALONE = f"{ACTIVATED:,} activated by calls"
CLUSTER = "the same by a node of a cluster"
CELLS = {ALONE: [], CLUSTER: ["--cluster"]}


@dataclass
class Samples:
    rate: list = field(default_factory=list)
    memory: list = field(default_factory=list)


def run(programs, rounds, stores=STORES, known=KNOWN, activated=ACTIVATED):
    found = {cell: {store: Samples() for store in stores} for cell in CELLS}
    cluster = Cluster() if "postgres" in stores else None
    try:
        for store in stores:
            with Disk() as folder:
                place = f"sqlite:{folder}/objects.sqlite" if store == "sqlite" else cluster.make_database()
                filled = subprocess.run(
                    [programs.bare, "fill", "--store", place, "--objects", str(known)], capture_output=True, text=True, timeout=600, check=True)
                for number in range(rounds):
                    for cell, arguments in CELLS.items():
                        measure(programs, arguments, place, known, activated, int(filled.stdout), found[cell][store])
                        if cell == CLUSTER:
                            time.sleep(LEASE)
                    print(f"activation, {store}: round {number + 1} of {rounds} done", file=sys.stderr)
                if store == "postgres":
                    cluster.drop(place)
    finally:
        if cluster:
            cluster.end()
    return found


def measure(programs, arguments, store, known, activated, state, samples):
    command = [*programs.objects, *arguments, "--port", "{port}", "--http-port", "{http}", "--store", store, "--log-level", "error"]
    with Server("rivulet", command) as server:
        load = [*programs.generator, "request", "--no-responder", *IN_FLIGHT, "--server", server.url, "--json", "--subject", "obj.Account",
                "--suffix", ".Balance", "--payload", "{}"]
        time.sleep(1)
        metrics(server)
        before = server.resident_bytes()
        found = run_json([*load, "--subjects", known, "--messages", activated], 600)
        time.sleep(1)
        active = metrics(server)['rivulet_objects_active{kind="Account"}']
        samples.rate.append(found["delivered"] / found["seconds"])
        samples.memory.append((server.resident_bytes() - before) / active - state)


def rows(found):
    table = [[f"activation, {KNOWN:,} objects known", "store", "rate", "memory of an idle one, without its state"]]
    for cell, by_store in found.items():
        for store, samples in by_store.items():
            rate, memory = median(samples.rate), median(samples.memory)
            table.append([
                cell, store, f"{rate_text(rate)} {'ok' if rate >= RATE else '--'} (>={RATE / 1000:g} k/s)",
                f"{memory:.0f} B {'ok' if memory <= MEMORY else '--'} (<={MEMORY})",
            ])
    return table
