"""What was tried and what came of it, on one monotonic clock."""

import dataclasses
import json
import time
from pathlib import Path

now = time.monotonic


@dataclasses.dataclass
class Attempt:
    """A call, as it was sent once to one node."""

    node: int
    began: float
    ended: float = 0.0
    # answered, refused, broken (the connection), or silent
    outcome: str = ""
    says: str = ""


@dataclasses.dataclass
class Append:
    """One entry for one ledger, tried until it is answered."""

    ledger: str
    entry: str
    began: float
    attempts: list[Attempt] = dataclasses.field(default_factory=list)
    receipt: dict | None = None
    ended: float = 0.0

    @property
    def is_acknowledged(self) -> bool:
        return self.receipt is not None


@dataclasses.dataclass
class Window:
    """The time of a fault, and until all nodes served again."""

    # The names of what went wrong.
    faults: tuple[str, ...]
    began: float
    ended: float = 0.0
    recovered: float = 0.0
    # Whether no other fault was there at the same time.
    is_alone: bool = True
    strikes_database: bool = False
    strikes_clock: bool = False
    # The ledgers of a node that was killed.
    orphans: frozenset[str] = frozenset()
    # The number of the node that was stopped.
    stopped: int | None = None
    takes_ledgers: bool = False
    # The number of the node that alone could not reach the database, and its ledgers.
    cut_off: int | None = None
    its_ledgers: frozenset[str] = frozenset()
    # How much those faults have harmed that could come without any effect, by name.
    effects: dict[str, int] = dataclasses.field(default_factory=dict)
    # How many turns of each node the store has refused meanwhile.
    fenced: list[int] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return " and ".join(self.faults)


class History:
    """All of a run."""

    def __init__(self):
        self.began = now()
        self.ended = self.began
        self.appends: list[Append] = []
        self.windows: list[Window] = []
        self.acknowledged = 0
        self.repeats = 0
        self.trouble: list[str] = []
        # Looks at nodes that had no answer; others may say why.
        self.silences: list[str] = []

    def note(self, trouble: str) -> None:
        """Something that must not be."""
        self.trouble.append(f"at {now() - self.began:.2f} s: {trouble}")

    def save(self, path: Path) -> None:
        """A line of JSON for each."""
        with path.open("w") as file:
            for kind, items in (("window", self.windows), ("append", self.appends)):
                for item in items:
                    print(json.dumps({"kind": kind} | dataclasses.asdict(item), default=sorted), file=file)
            for text in self.trouble:
                print(json.dumps({"kind": "trouble", "text": text}), file=file)
