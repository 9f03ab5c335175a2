"""Short runs of Tests/Chaos; `make chaos` runs longer ones, with more that goes wrong."""

import shutil
import sys

import pytest

from report import lines
from run import STORES, Plan, run

if not sys.platform.startswith("linux"):
    pytest.skip("the processes of a database are looked up in /proc", allow_module_level=True)

NODES = 1


@pytest.mark.timeout(170)
@pytest.mark.parametrize("store", STORES)
async def test_the_promises_are_kept_whatever_goes_wrong(programs, store):
    outcome = await run(Plan(store, seconds=12, seed=1, nodes=NODES, fenced_wanted=0), programs)
    report = "\n".join(lines(outcome))
    print(report)
    assert outcome.is_good, report
    shutil.rmtree(outcome.folder)
