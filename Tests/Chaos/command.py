"""`rivulet events --follow`, whose client library bridges broken connections by itself."""

import subprocess
from pathlib import Path

from history import History
from server import Programs, clean_environment


class CommandFollower:
    """Follows all ledgers at one node, through all of its lives."""

    ledger = None

    def __init__(self, programs: Programs, url: str, folder: Path):
        self._path = folder / "events.log"
        with self._path.open("w") as output, (folder / "events.err").open("w") as errors:
            self._process = subprocess.Popen(
                [programs.path("rivulet"), "events", "Ledger", "--from", "1", "--follow", "--server", url], stdin=subprocess.DEVNULL,
                stdout=output, stderr=errors, env=clean_environment())

    @property
    def sequences(self) -> list[int]:
        """What it has printed."""
        return [int(line.split(" ", 1)[0]) for line in self._path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    @property
    def last(self) -> int:
        return next(iter(self.sequences[-1:]), 0)

    def end(self, history: History) -> None:
        """Ends it; it must not have ended before."""
        if (code := self._process.poll()) is not None:
            history.note(f"rivulet events ended with code {code}")
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
