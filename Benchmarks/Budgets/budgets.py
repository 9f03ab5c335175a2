#!/usr/bin/env python3
"""Counts how often the server asks for memory per message on the hot paths, and compares that with the budgets beside this file.

Python 3 standard library only. Times vary from run to run, these counts hardly do, so that this can run where nobody watches.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOADS = {
    "publish to nobody": ["pub", "--size", "16"],
    "publish to 1 subscriber": ["fan-out", "--size", "16"],
    "publish to 10 subscribers": ["fan-out", "--subscribers", "10", "--size", "1024"],
    "publish to 100,000 subjects": ["fan-out", "--subjects", "100000", "--size", "16"],
    "request and reply": ["request", "--depth", "64", "--size", "16"],
    "call an object": ["request", "--depth", "64", "--no-responder", "--subject", "obj.Counter.0.Add", "--payload", "{}"],
}
# At the node that hands the calls on.
BY_A_HOP = {"hand a call on": LOADS["call an object"]}
FEW, MANY = 100_000, 400_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit("the server does not start")
            time.sleep(0.05)


@contextmanager
def serving(programs, *arguments):
    """The port of a node, which ends with the block."""
    port = free_port()
    command = [programs / "BudgetServer", "--port", str(port), "--log-level", "error", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()


def run(programs, port, *arguments):
    command = [programs / "rivulet", *arguments, "--server", f"nats://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def measure(programs, port, load):
    def allocated():
        # An object of its own for each node, which is where it is called.
        return int(run(programs, port, "request", f"obj.Meter.{port}.Read", "{}"))

    def allocations(messages):
        before = allocated()
        run(programs, port, "bench", *load, "--messages", str(messages), "--json")
        return allocated() - before

    allocations(FEW)
    # The difference leaves out what connecting costs.
    return (allocations(MANY) - allocations(FEW)) / (MANY - FEW)


def measure_all(programs):
    with serving(programs, "--store", "memory") as port:
        for name, load in LOADS.items():
            yield name, measure(programs, port, load)
    with tempfile.TemporaryDirectory() as folder:
        shared = ["--cluster", "--store", f"sqlite:{folder}/nodes.sqlite"]
        with serving(programs, *shared) as first, serving(programs, *shared) as second:
            # Makes the first node the owner.
            run(programs, first, "request", "obj.Counter.0.Add", "{}")
            for name, load in BY_A_HOP.items():
                yield name, measure(programs, second, load)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=Path, default=HERE.parent.parent / ".build/release", help="the folder of the built programs")
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
