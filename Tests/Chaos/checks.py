"""Compares what clients were told with what is in the store: the promises, each with its figures."""

import collections
import dataclasses
import json

from command import CommandFollower
from faults import CutWay
from followers import Follower
from history import Append, Attempt, History, Window
from stores import Dump

# FNV-1a, as the server's Digest has it.
OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1

# The most a call may take to fail when there is no database, in seconds.
DATABASE_PATIENCE = 5.0
FAILOVER_MARGIN = 2.0
CUT_OFF = CutWay.name


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What has become of a promise."""

    promise: str
    figures: str
    is_kept: bool
    examples: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Demands:
    """What must have come in a run, so that it proves something."""

    faults: tuple[str, ...] = ()
    # The numbers of the promises that must have been put to the test.
    promises: frozenset[int] = frozenset()


@dataclasses.dataclass(frozen=True)
class Run:
    """All that is known when a run is over."""

    ttl: float
    history: History
    dump: Dump
    followers: list[Follower]
    command: CommandFollower
    fenced: int
    # How many turns the store must have refused for the fifth promise to be put to the test.
    fenced_wanted: int
    # What the clients' own process was late at the most, in seconds.
    lag: float
    demands: Demands = Demands()

    def demands_test_of(self, promise: int) -> bool:
        return promise in self.demands.promises


def judge(run: Run) -> list[Verdict]:
    return [
        acknowledged(run), streams(run), live(run), states(run), owners(run), repeated(run), resumed(run), failover(run), cut_off(run),
        database(run), clocks(run), faults(run), unexpected(run),
    ]


def acknowledged(run: Run) -> Verdict:
    counts: dict[str, set[int]] = collections.defaultdict(set)
    for event in run.dump.events:
        counts[event.payload["entry"]].add(event.payload["count"])
    known = [append for append in run.history.appends if append.is_acknowledged]
    lost = [append for append in known if append.entry not in counts]
    wrong = [append for append in known if append.entry in counts and append.receipt["count"] not in counts[append.entry]]
    asked = {append.entry for append in run.history.appends}
    invented = [entry for entry in counts if entry not in asked]
    given_up = [append for append in run.history.appends if not append.is_acknowledged]
    return Verdict(
        "1 what was acknowledged is kept",
        f"{len(known)} acknowledged, {len(lost)} lost, {len(wrong)} answered wrongly, {len(invented)} that nobody sent, "
        f"{len(given_up)} never answered",
        not (lost or wrong or invented or given_up) and known != [],
        examples([*lost, *wrong, *given_up], described) + examples(invented))


def streams(run: Run) -> Verdict:
    numbers = collections.Counter(event.sequence for event in run.dump.events)
    duplicates = [number for number, count in numbers.items() if count > 1]
    gaps = [number for number in range(1, run.dump.head + 1) if number not in numbers]
    beyond = [number for number in numbers if not 1 <= number <= run.dump.head]
    last: dict[str, int] = {}
    broken = []
    for event in run.dump.events:
        if event.previous != last.get(event.ledger, 0):
            broken.append(f"{event.sequence} of {event.ledger} comes after {event.previous}")
        last[event.ledger] = event.sequence
    return Verdict(
        "2 a stream is 1…n",
        f"{len(numbers)} events, {len(gaps)} gaps, {len(duplicates)} duplicates, {len(beyond)} beyond the head, {len(broken)} broken "
        "chains",
        not (gaps or duplicates or beyond or broken), examples([*gaps, *duplicates, *beyond]) + examples(broken))


def live(run: Run) -> Verdict:
    problems = []
    events = sum(follower.live for follower in run.followers)
    for follower in run.followers:
        expected = [
            (event.sequence, event.previous, f"evt.Ledger.{event.ledger}.{event.name}", event.payload) for event in run.dump.events
            if follower.ledger in (None, event.ledger)]
        got = [(event.sequence, event.previous, event.subject, json.loads(event.payload)) for event in follower.events]
        if got != expected:
            differing = next((at for at, pair in enumerate(zip(got, expected)) if pair[0] != pair[1]), min(len(got), len(expected)))
            problems.append(
                f"{follower.name} has {len(got)} events of {len(expected)}; from the {differing + 1}th on: {got[differing:differing + 1]} "
                f"instead of {expected[differing:differing + 1]}")
        if epochs := {event.epoch for event in follower.events} - {run.dump.epoch}:
            problems.append(f"{follower.name} saw other epochs: {epochs}")
    if (got := run.command.sequences) != list(range(1, run.dump.head + 1)):
        differing = next((at for at, number in enumerate(got) if number != at + 1), len(got))
        problems.append(
            f"rivulet events printed {len(got)} events of {run.dump.head}; the {differing + 1}th is {got[differing:differing + 1]}")
    problems += [text for text in run.history.trouble if " got " in text]
    return Verdict(
        "3 a live follower misses nothing",
        f"{len(run.followers)} followers, {events} events live, and rivulet events --follow; {len(problems)} out of order or missed",
        not problems, examples(problems))


def states(run: Run) -> Verdict:
    counts: dict[str, int] = collections.Counter()
    digests: dict[str, int] = {}
    problems = []
    for event in run.dump.events:
        counts[event.ledger] += 1
        digests[event.ledger] = add(digests.get(event.ledger, OFFSET), event.payload["entry"])
        if (event.payload["count"], event.payload["digest"]) != (counts[event.ledger], f"{digests[event.ledger]:x}"):
            problems.append(f"{event.sequence} of {event.ledger} says {event.payload} as the {counts[event.ledger]}th")
    for ledger, stored in run.dump.ledgers.items():
        expected = {"count": counts[ledger], "digest": f"{digests.get(ledger, OFFSET):x}"}
        if stored.state != expected or stored.version != counts[ledger]:
            problems.append(f"{ledger} is {stored.state} in version {stored.version}, and its events make it {expected}")
    problems += [f"{ledger} has events and no state" for ledger in counts if ledger not in run.dump.ledgers]
    return Verdict(
        "4 state and events agree", f"{len(run.dump.ledgers)} ledgers, {len(problems)} disagreements", not problems, examples(problems))


def owners(run: Run) -> Verdict:
    """A turn on a state that was not the last one would tell a count for the second time."""
    told = collections.Counter((event.ledger, event.payload["count"]) for event in run.dump.events)
    stale = [f"{ledger} has {times} events with the count {count}" for (ledger, count), times in told.items() if times > 1]
    windows = run.history.windows
    each_stopped = [window.fenced[window.stopped] for window in windows if window.stopped is not None]
    of_stopped = sum(each_stopped)
    # Ledgers that somebody claims by SQL alone prove nothing of nodes that come back.
    is_proven = run.fenced >= run.fenced_wanted and (of_stopped >= run.fenced_wanted or not run.demands_test_of(5))
    of_taken = sum(sum(window.fenced) for window in windows if window.takes_ledgers and window.stopped is None)
    return Verdict(
        "5 who lost an object cannot write it",
        f"{len(stale)} stale commits, {run.fenced} refused (at least {run.fenced_wanted} wanted): {of_stopped} of nodes that had been "
        f"stopped {each_stopped}, {of_taken} for claimed ledgers, {run.fenced - of_stopped - of_taken} others",
        not stale and is_proven, examples(stale))


def repeated(run: Run) -> Verdict:
    entries = collections.Counter(event.payload["entry"] for event in run.dump.events)
    twice = [f"{entry} is there {times} times" for entry, times in entries.items() if times > 1]
    again = [append for append in run.history.appends if len([one for one in append.attempts if one.began < append.ended]) > 1]
    different = [text for text in run.history.trouble if "was answered" in text]
    is_tested = again != [] and run.history.repeats > 0
    return Verdict(
        "6 a repeated call applies once",
        f"{len(again)} calls repeated, {len(twice)} applied twice; {run.history.repeats} repeated after their answer, "
        f"{len(different)} answered otherwise",
        not (twice or different) and (is_tested or not run.demands_test_of(6)), examples(twice + different))


def resumed(run: Run) -> Verdict:
    inexact = [text for text in run.history.trouble if " read " in text]
    resumes = sum(follower.resumes for follower in run.followers)
    return Verdict(
        "7 followers go on exactly", f"{resumes} times, {len(inexact)} inexact",
        not inexact and (resumes > 0 or not run.demands_test_of(7)), examples(inexact))


def failover(run: Run) -> Verdict:
    """How long calls of a killed node's ledgers were not answered, counted from the kill or from when they began."""
    allowed = run.ttl + FAILOVER_MARGIN
    times = []
    for window in run.history.windows:
        if not window.is_alone or not window.orphans:
            continue
        times += [
            append.ended - max(append.began, window.began) for append in run.history.appends
            if append.ledger in window.orphans and append.is_acknowledged and append.ended > window.began
            and append.began < window.began + allowed]
    if not times:
        return Verdict("8 failover", "not tested: no node was killed among others", not run.demands_test_of(8))
    percentile = sorted(times)[int(0.99 * (len(times) - 1))]
    return Verdict(
        "8 failover",
        f"{len(times)} calls, p99 {percentile:.2f} s, longest {max(times):.2f} s (p99 at most {allowed:.1f} s wanted)",
        percentile <= allowed + run.lag)


def cut_off(run: Run) -> Verdict:
    """That others go on when one node has lost the database, and have what it owned while it lives."""
    promise = "8 failover of a node that lives without the database"
    windows = [window for window in run.history.windows if window.is_alone and window.its_ledgers]
    # Only where nodes reach the database by ways of their own.
    if not windows:
        return Verdict(promise, "not tested", CUT_OFF not in run.demands.faults)
    allowed = run.ttl + FAILOVER_MARGIN
    firsts, taken, silences = [], 0, []
    refused = sum(
        attempt.node == window.cut_off and attempt.outcome == "refused" and window.began < attempt.ended < window.ended
        for window in windows for append in run.history.appends for attempt in append.attempts)
    for window in windows:
        elsewhere = [
            append for append in run.history.appends if append.is_acknowledged and window.began < append.ended < window.ended
            and answering(append) != window.cut_off]
        # Nobody can have it sooner: it has shown itself a third of the lease ago.
        after = [
            append.ended - window.began for append in elsewhere
            if append.ledger in window.its_ledgers and append.ended > window.began + run.ttl / 2]
        taken += len(after)
        firsts.append(min(after, default=window.ended - window.began))
        silences.append(max_silence(
            sorted(append.ended for append in elsewhere if append.ledger not in window.its_ledgers), window.began, window.ended))
    return Verdict(
        promise,
        f"{len(windows)} times, {refused} calls refused by it, {taken} for its ledgers answered by others, the first after "
        f"{max(firsts):.2f} s (at most {allowed:.1f} s wanted); no answer for other ledgers for {max(silences):.2f} s at the most (at most "
        f"{FAILOVER_MARGIN:.1f} s wanted)",
        taken > 0 and max(firsts) <= allowed + run.lag and max(silences) <= FAILOVER_MARGIN + run.lag)


def database(run: Run) -> Verdict:
    windows = [window for window in run.history.windows if window.strikes_database and window.is_alone]
    others = [window for window in run.history.windows if window not in windows]
    if not windows:
        return Verdict("9 no database, no answers", "not tested", not run.demands_test_of(9))
    waits = [
        (window, attempt, wait) for append in run.history.appends for attempt in append.attempts if attempt.outcome != "broken"
        if (window := next((window for window in windows if overlaps(attempt, window)), None))
        if (wait := waited(attempt, window, others)) > 0]
    late = [(window, attempt, wait) for window, attempt, wait in waits if wait > DATABASE_PATIENCE + run.lag]
    refused = sum(attempt.outcome == "refused" for _, attempt, _ in waits)
    longest = max((wait for _, _, wait in waits), default=0)
    recovery = max(window.recovered - window.ended for window in windows)
    ended = [text for text in run.history.trouble if "by itself" in text or "does not answer" in text]
    return Verdict(
        "9 errors while there is no database, and then service again",
        f"{len(windows)} times, {refused} calls refused, answered within {longest:.2f} s (at most {DATABASE_PATIENCE:.0f} s wanted), all "
        f"nodes served after {recovery:.2f} s, {len(ended)} nodes ended or stayed away",
        not late and not ended, examples(late, delay) + examples(ended))


def clocks(run: Run) -> Verdict:
    """That calls go on; whatever else a clock could spoil is found by the other checks."""
    windows = [window for window in run.history.windows if window.strikes_clock and window.is_alone]
    if not windows:
        return Verdict("10 wall clocks may jump", "not tested", not run.demands_test_of(10))
    answered = sorted(append.ended for append in run.history.appends if append.is_acknowledged)
    silences = [max_silence(answered, window.began, window.recovered) for window in windows]
    allowed = run.ttl + FAILOVER_MARGIN
    return Verdict(
        "10 wall clocks may jump",
        f"{len(windows)} times, no answer for {max(silences):.2f} s at the most (at most {allowed:.1f} s wanted)",
        max(silences) <= allowed + run.lag)


def faults(run: Run) -> Verdict:
    """What has gone wrong, and that it did: a fault without effect shows nothing."""
    came = collections.Counter(fault for window in run.history.windows for fault in window.faults)
    effects: collections.Counter[str] = collections.Counter()
    for window in run.history.windows:
        effects.update(window.effects)
    missed = [f"it never came that {fault}" for fault in run.demands.faults if fault not in came]
    idle = [f"without any effect: {fault}" for fault, count in effects.items() if count == 0]
    counted = [
        f"{fault} {times}×" + (f" ({effects[fault]})" if fault in effects else "") for fault, times in sorted(came.items())]
    return Verdict("faults came", "; ".join(counted) or "none", not (missed or idle), examples(missed + idle))


def unexpected(run: Run) -> Verdict:
    told = (" got ", " read ", "was answered", "by itself", "does not answer")
    others = [text for text in run.history.trouble if not any(part in text for part in told)]
    return Verdict("and nothing else", f"{len(others)} other troubles", not others, examples(others))


def add(digest: int, entry: str) -> int:
    for byte in f"{entry}\n".encode():
        digest = (digest ^ byte) * PRIME & MASK
    return digest


def max_silence(moments: list[float], start: float, end: float) -> float:
    inside = [start, *(moment for moment in moments if start < moment < end), end]
    return max(later - earlier for earlier, later in zip(inside, inside[1:]))


def answering(append: Append) -> int:
    """The node that gave the answer."""
    return next(attempt.node for attempt in append.attempts if attempt.outcome == "answered")


def overlaps(attempt: Attempt, window: Window) -> bool:
    return attempt.began < window.recovered and attempt.ended > window.began


def waited(attempt: Attempt, window: Window, others: list[Window]) -> float:
    """How long a call has waited since the database was harmed, and until something else was."""
    if any(other.began <= attempt.began < other.recovered for other in others):
        return 0
    end = min([attempt.ended, *(other.began for other in others if other.began > attempt.began)])
    return end - max(attempt.began, window.began)


def delay(late: tuple[Window, Attempt, float]) -> str:
    window, attempt, wait = late
    return f"{attempt.outcome} {attempt.says[:100]} after {wait:.2f} s at node {attempt.node} while {window.name}"


def described(append: Append) -> str:
    tried = "; ".join(f"node {attempt.node} {attempt.outcome} {attempt.says}".rstrip() for attempt in append.attempts[-5:])
    return f"{append.entry} of {append.ledger}, answered {append.receipt}: {tried}"


def examples(items: list, describe=str) -> tuple[str, ...]:
    return tuple(describe(item) for item in items[:5])
