"""Runs nodes, clients and what goes wrong, and says which promises were kept. `make chaos` calls it."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Interop"))

from faults import ALL  # noqa: E402
from report import lines  # noqa: E402
from run import STORES, Plan, run  # noqa: E402
from server import Programs  # noqa: E402


THOROUGH_SECONDS = 120


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long things go wrong, for each store")
    parser.add_argument("--seed", type=int, default=0, help="what goes wrong when; 0 for something else each time")
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument(
        "--thorough", action=argparse.BooleanOptionalAction,
        help="every fault that is possible has to come, and to put the promises to the test; by default if there is the time for it")
    parser.add_argument("--programs", type=Path, default=HERE.parents[1] / ".build/debug", help="the folder of the built programs")
    options = parser.parse_args()
    seed = options.seed or random.randrange(1, 1 << 32)
    stores = list(STORES) if options.store == "both" else [options.store]
    is_thorough = options.seconds >= THOROUGH_SECONDS if options.thorough is None else options.thorough
    outcomes = []
    for store in stores:
        print(f"{store}, seed {seed}", flush=True)
        plan = Plan(
            store, options.seconds, seed, options.nodes, fenced_wanted=20 if options.nodes > 1 else 0,
            wanted=tuple(ALL) if is_thorough else ())
        outcomes.append(asyncio.run(run(plan, Programs(options.programs.resolve()), lambda text: print(text, flush=True))))
    for outcome in outcomes:
        print("\n".join(["", *lines(outcome)]))
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
