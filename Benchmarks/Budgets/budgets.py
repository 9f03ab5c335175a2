#!/usr/bin/env python3
"""Counts how often the server asks for memory per message on the hot paths, and compares that with the budgets beside this file.

Python 3 standard library only. Times vary from run to run, these counts hardly do, so that this can run where nobody watches.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from measuring import ROOT, Server

LOADS = {
    "publish to nobody": ["pub", "--size", "16"],
    "publish to 1 subscriber": ["fan-out", "--size", "16"],
    "publish to 10 subscribers": ["fan-out", "--subscribers", "10", "--size", "1024"],
    "publish to 100,000 subjects": ["fan-out", "--subjects", "100000", "--size", "16"],
    "request and reply": ["request", "--depth", "64", "--size", "16"],
    "call an object": ["request", "--depth", "64", "--no-responder", "--subject", "obj.Counter.0.Add", "--payload", "{}"],
}
FEW, MANY = 100_000, 400_000


def node(programs, *arguments):
    return Server("BudgetServer", [str(programs / "BudgetServer"), "--port", "{port}", "--log-level", "error", *arguments])


def run(programs, server, *arguments):
    command = [programs / "rivulet", *arguments, "--server", server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def measure(programs, server, load):
    def allocated():
        # An object of its own for each node, which is where it is called.
        return int(run(programs, server, "request", f"obj.Meter.{server.port}.Read", "{}"))

    def allocations(messages):
        before = allocated()
        run(programs, server, "bench", *load, "--messages", str(messages), "--json")
        return allocated() - before

    allocations(FEW)
    # The difference leaves out what connecting costs.
    return (allocations(MANY) - allocations(FEW)) / (MANY - FEW)


def measure_all(programs):
    with node(programs, "--store", "memory") as server:
        for name, load in LOADS.items():
            yield name, measure(programs, server, load)
    with tempfile.TemporaryDirectory() as folder:
        shared = ["--cluster", "--store", f"sqlite:{folder}/nodes.sqlite"]
        with node(programs, *shared) as first, node(programs, *shared) as second:
            # Makes the first node the owner. What is counted is what the second one does, which hands the calls on.
            run(programs, first, "request", "obj.Counter.0.Add", "{}")
            yield "hand a call on", measure(programs, second, LOADS["call an object"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=Path, default=ROOT / ".build/release", help="the folder of the built programs")
    options = parser.parse_args()
    budgets = json.loads((HERE / "budgets.json").read_text())
    over = []
    print(f"{'allocations per message':<30}{'found':>10}{'budget':>10}")
    for name, found in measure_all(options.programs):
        print(f"{name:<30}{found:>10.3f}{budgets[name]:>10.3f}{'' if found <= budgets[name] else '   over'}", flush=True)
        if found > budgets[name]:
            over.append(name)
    if over:
        sys.exit(f"over budget: {', '.join(over)}")


if __name__ == "__main__":
    main()
