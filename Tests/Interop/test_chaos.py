"""Short runs of Tests/Chaos; `make chaos` runs longer ones, with more that goes wrong."""

import dataclasses
import json
import shutil
import sys
import types

import pytest

from checks import CUT_OFF, OFFSET, Demands, Run, add, judge
from faults import CutLink, FullDisk, JumpingClock, KilledNode, LostAnswers, RestartedDatabase, StoppedNode
from followers import Follower, Seen
from history import Append, Attempt, History, Window
from report import lines
from run import STORES, Outcome, Plan, run
from stores import Dump, Event, StoredLedger

# What puts every promise to the test in a short time.
TELLING = (KilledNode, StoppedNode, LostAnswers, FullDisk, RestartedDatabase, JumpingClock, CutLink)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the processes of a database are looked up in /proc")
@pytest.mark.timeout(170)
@pytest.mark.parametrize("store", STORES)
async def test_the_promises_are_kept_whatever_goes_wrong(programs, store):
    outcome = await run(Plan(store, seconds=0, seed=1, fenced_wanted=1, wanted=TELLING), programs)
    report = "\n".join(lines(outcome))
    print(report)
    assert outcome.is_good, report
    shutil.rmtree(outcome.folder)


def good() -> Run:
    """Two ledgers with three entries each, as a follower saw them too."""
    history = History()
    events, last, digests = [], {"a": 0, "b": 0}, {"a": OFFSET, "b": OFFSET}
    for sequence in range(1, 7):
        ledger, count = "ab"[sequence % 2], (sequence + 1) // 2
        digests[ledger] = add(digests[ledger], f"e{sequence}")
        receipt = {"count": count, "digest": f"{digests[ledger]:x}"}
        events.append(Event(sequence, ledger, last[ledger], "Appended", {"entry": f"e{sequence}"} | receipt))
        last[ledger] = sequence
        history.appends.append(
            Append(ledger, f"e{sequence}", sequence, [Attempt(0, sequence, sequence + 1, "answered")], receipt, sequence + 1))
    ledgers = {ledger: StoredLedger(3, {"count": 3, "digest": f"{digest:x}"}) for ledger, digest in digests.items()}
    follower = Follower("follower", [], history, 1)
    follower.events = [
        Seen(event.sequence, event.previous, f"evt.Ledger.{event.ledger}.Appended", json.dumps(event.payload).encode(), "x")
        for event in events]
    return Run(2.0, history, Dump(events, ledgers, 6, "x"), [follower], types.SimpleNamespace(sequences=[*range(1, 7)]), 20, 20, 0.0)


def test_the_report_says_how_late_its_own_clients_were(tmp_path):
    run = good()
    run.history.ended = run.history.began + 1
    outcome = Outcome(Plan("sqlite", 1, 1), judge(run), run.history, tmp_path, [], 0.314)
    assert "  note: the limits above allow for 0.31 s more, the longest that this program itself was held up" in lines(outcome)


def broken(run: Run) -> set[str]:
    """The numbers of the promises that a run has broken."""
    return {verdict.promise.split()[0] for verdict in judge(run) if not verdict.is_kept}


def with_events(run: Run, events: list[Event]) -> Run:
    return dataclasses.replace(run, dump=dataclasses.replace(run.dump, events=events))


def test_a_good_run_is_found_good():
    assert broken(good()) == set()


def test_an_event_that_is_not_there_is_missed():
    run = good()
    assert {"1", "2", "3", "4"} <= broken(with_events(run, run.dump.events[:-1]))


def test_a_turn_that_ran_twice_is_found():
    run = good()
    again = Event(7, "a", 6, "Appended", run.dump.events[5].payload)
    assert {"2", "4", "5", "6"} <= broken(with_events(run, [*run.dump.events, again]))


def test_a_turn_on_an_old_state_is_found():
    run = good()
    stale = dataclasses.replace(run.dump.events[5], payload=run.dump.events[5].payload | {"count": 2})
    assert {"1", "4", "5"} <= broken(with_events(run, [*run.dump.events[:5], stale]))


def test_a_state_without_its_events_is_found():
    run = good()
    ledgers = run.dump.ledgers | {"a": StoredLedger(4, {"count": 4, "digest": "0"})}
    assert broken(dataclasses.replace(run, dump=dataclasses.replace(run.dump, ledgers=ledgers))) == {"4"}


def test_a_follower_without_an_event_is_found():
    run = good()
    del run.followers[0].events[2]
    assert broken(run) == {"3"}


def test_too_few_refused_turns_are_no_proof():
    assert broken(dataclasses.replace(good(), fenced=19)) == {"5"}


@pytest.mark.parametrize("promise", [6, 7, 8, 9, 10])
def test_a_thorough_run_must_put_promises_to_the_test(promise):
    run = dataclasses.replace(good(), demands=Demands(promises=frozenset([promise])))
    assert broken(run) == {str(promise)}


def test_a_thorough_run_is_good_with_all_that_it_must_show():
    run = dataclasses.replace(good(), demands=Demands(("the disk is full", "answers get lost"), frozenset([5, 6, 7, 9, 10])))
    run.history.windows += [
        Window(("the disk is full",), 10.0, 11.0, 11.5, strikes_database=True, strikes_clock=True),
        Window(("a node is stopped",), 15.0, 16.0, 16.5, stopped=1, fenced=[0, 20, 0]),
        Window(("answers get lost",), 20.0, 21.0, 21.5, effects={"answers get lost": 1})]
    run.history.appends[0].attempts.insert(0, Attempt(1, 1.0, 1.0, "broken"))
    run.history.repeats = 1
    run.followers[0].resumes = 1
    assert broken(run) == set()


def test_a_fault_that_never_came_is_missed():
    assert broken(dataclasses.replace(good(), demands=Demands(("the disk is full",)))) == {"faults"}


def test_a_fault_without_effect_is_found():
    run = good()
    windows = [Window(("listeners end",), moment, moment, moment, effects={"listeners end": 0}) for moment in (10.0, 11.0)]
    run.history.windows += windows
    assert broken(run) == {"faults"}
    windows[1].effects["listeners end"] = 1
    assert broken(run) == set()


def test_refused_turns_of_nodes_that_were_not_stopped_are_no_proof():
    run = dataclasses.replace(good(), demands=Demands(promises=frozenset([5])))
    run.history.windows.append(Window(("a node is stopped",), 10.0, 16.0, 16.5, stopped=1, fenced=[20, 19, 0]))
    assert broken(run) == {"5"}


@pytest.mark.parametrize(("answered_by", "answered_at", "others_until", "is_kept"), [
    (0, 13.9, 20.0, True),
    (0, 14.1, 20.0, False),
    # By the node itself, which has lost it; or before others could have it.
    (1, 13.0, 20.0, False),
    (0, 10.9, 20.0, False),
    # Nobody has an answer from the others any more.
    (0, 13.0, 17.9, False),
])
def test_others_take_over_from_a_node_that_has_lost_the_database(answered_by, answered_at, others_until, is_kept):
    run = good()
    run.history.windows.append(Window((CUT_OFF,), 10.0, 20.0, 20.5, cut_off=1, its_ledgers=frozenset("a"), strikes_database=True))
    run.history.appends[1].attempts[0].node = answered_by
    run.history.appends[1].ended = answered_at
    moments = [10 + tenths / 10 for tenths in range(1, 101)]
    run.history.appends += [
        dataclasses.replace(run.history.appends[0], ended=moment) for moment in moments if moment < others_until]
    assert broken(run) == (set() if is_kept else {"8"})


def test_an_append_that_was_never_answered_is_found():
    run = good()
    run.history.appends.append(Append("a", "e7", 1.0, [Attempt(0, 1.0, 2.0, "silent")]))
    assert broken(run) == {"1"}


@pytest.mark.parametrize(("began", "ended", "next_fault", "is_kept"), [
    (11.0, 15.9, 20.0, True),
    (11.0, 16.1, 20.0, False),
    # It began before the database was harmed, which it was for less than that.
    (9.5, 14.9, 20.0, True),
    # Something else was harmed too before its time was over, or only after that.
    (11.0, 17.0, 15.9, True),
    (11.0, 17.0, 16.1, False),
])
def test_calls_wait_for_a_database_no_longer_than_promised(began, ended, next_fault, is_kept):
    run = good()
    run.history.windows += [
        Window(("no database",), 10.0, 13.0, 13.5, strikes_database=True),
        Window(("a broken link",), next_fault, next_fault + 1, next_fault + 1)]
    run.history.appends[0].attempts.append(Attempt(0, began, ended, "refused"))
    assert broken(run) == (set() if is_kept else {"9"})
