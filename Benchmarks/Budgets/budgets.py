#!/usr/bin/env python3
"""Counts how often the server asks for memory per message on the hot paths, and compares that with the budgets beside this file.

Python 3 standard library only. Times vary from run to run, these counts hardly do, so that this can run where nobody watches.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
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


def measure(programs, port, load):
    def run(*arguments):
        done = subprocess.run([programs / "rivulet", *arguments], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{load}: {done.stderr.strip()}")
        return done.stdout

    url = f"nats://127.0.0.1:{port}"

    def allocations(messages):
        before = int(run("request", "--server", url, "obj.Meter.0.Read", "{}"))
        run("bench", *load, "--messages", str(messages), "--server", url, "--json")
        return int(run("request", "--server", url, "obj.Meter.0.Read", "{}")) - before

    allocations(FEW)
    # The difference leaves out what connecting costs.
    return (allocations(MANY) - allocations(FEW)) / (MANY - FEW)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=Path, default=HERE.parent.parent / ".build/release", help="the folder of the built programs")
    options = parser.parse_args()
    budgets = json.loads((HERE / "budgets.json").read_text())
    port = free_port()
    command = [options.programs / "BudgetServer", "--port", str(port), "--store", "memory", "--log-level", "error"]
    over = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server)
            print(f"{'allocations per message':<30}{'found':>10}{'budget':>10}")
            for name, load in LOADS.items():
                found, budget = measure(options.programs, port, load), budgets[name]
                print(f"{name:<30}{found:>10.3f}{budget:>10.3f}{'' if found <= budget else '   over'}", flush=True)
                if found > budget:
                    over.append(name)
        finally:
            server.terminate()
    if over:
        sys.exit(f"over budget: {', '.join(over)}")


if __name__ == "__main__":
    main()
