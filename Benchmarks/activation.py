"""How fast objects that a large store knows become active, and what one costs while it is idle."""

import subprocess
import sys
import time
from dataclasses import dataclass, field

from durable import IN_FLIGHT, Disk, metrics, run_json
from measuring import Server, median, rate_text

RATE = 5000
MEMORY = 2048


@dataclass
class Samples:
    rate: list = field(default_factory=list)
    memory: list = field(default_factory=list)
    state: int = 0


def run(programs, rounds, known=1_000_000, activated=100_000):
    samples = Samples()
    with Disk() as folder:
        store = f"sqlite:{folder}/objects.sqlite"
        filled = subprocess.run(
            [programs.bare, "fill", "--store", store, "--objects", str(known)], capture_output=True, text=True, timeout=600, check=True)
        samples.state = int(filled.stdout)
        for number in range(rounds):
            measure(programs, store, known, activated, samples)
            print(f"activation: round {number + 1} of {rounds} done", file=sys.stderr)
    return samples


def measure(programs, store, known, activated, samples):
    command = [*programs.objects, "--port", "{port}", "--http-port", "{http}", "--store", store, "--log-level", "error"]
    with Server("rivulet", command) as server:
        load = [*programs.generator, "request", "--no-responder", *IN_FLIGHT, "--server", server.url, "--json", "--subject", "obj.Account",
                "--suffix", ".Balance", "--payload", "{}"]
        metrics(server)
        time.sleep(0.5)
        before = server.resident_bytes()
        found = run_json([*load, "--subjects", known, "--messages", activated], 600)
        time.sleep(1)
        active = metrics(server)['rivulet_objects_active{kind="Account"}']
        samples.rate.append(found["delivered"] / found["seconds"])
        samples.memory.append((server.resident_bytes() - before) / active - samples.state)


def rows(samples):
    rate, memory = median(samples.rate), median(samples.memory)
    return [
        ["activation, SQLite, 1,000,000 objects known", "rate", "memory of an idle one, without its state"],
        ["100,000 activated by calls", f"{rate_text(rate)} {'ok' if rate >= RATE else '--'} (>={RATE / 1000:g} k/s)",
         f"{memory:.0f} B {'ok' if memory <= MEMORY else '--'} (<={MEMORY})"],
    ]
