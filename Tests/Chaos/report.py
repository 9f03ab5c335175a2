"""What a run has shown, for people."""

from run import Outcome


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
    for silence in history.silences:
        yield f"  note: {silence}"
    if outcome.skipped:
        yield f"  not possible here: {', '.join(outcome.skipped)}"
    yield f"  logs and history: {outcome.folder}"
