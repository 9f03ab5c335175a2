"""What a run has shown, for people."""

from run import Outcome
from writers import PATIENCE


def lines(outcome: Outcome):
    """The report, line by line."""
    plan, history = outcome.plan, outcome.history
    took = history.ended - history.began
    yield (
        f"{plan.store}, seed {plan.seed}: {plan.nodes} nodes, {plan.writers} writers, {plan.ledgers} ledgers ({plan.hot} hot), "
        f"{len(history.windows)} faults in {took:.0f} s, {history.acknowledged / took:.0f} appends a second")
    for verdict in outcome.verdicts:
        yield f"  {'kept  ' if verdict.is_kept else 'BROKEN'} {verdict.promise}: {verdict.figures}"
        for example in verdict.examples:
            yield f"           {example}"
    yield f"  note: the limits above allow for {outcome.lag:.2f} s more, the longest that this program itself was held up"
    for silence in history.silences:
        yield f"  note: {silence}"
    attempts = [attempt for append in history.appends for attempt in append.attempts]
    if silent := sum(attempt.outcome == "silent" for attempt in attempts):
        yield f"  note: {silent} calls had no answer in {PATIENCE:.0f} s"
    if locked_out := sum("has not let go of" in attempt.says for attempt in attempts):
        yield f"  note: {locked_out} calls were refused since a stopped node kept the lock of the store's file"
    if outcome.skipped:
        yield f"  not possible here: {', '.join(outcome.skipped)}"
    yield f"  logs and history: {outcome.folder}"
