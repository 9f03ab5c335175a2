"""Machines that are worse than this one, each for some processes."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("machine.c")
FIELDS = struct.Struct("=qq")


class Machine:
    """What processes take for their machine that are started with its environment."""

    def __init__(self, folder: Path, name: str):
        path = folder / f"{name}.machine"
        path.write_bytes(bytes(FIELDS.size))
        path.chmod(0o644)
        library = folder / "machine.so"
        self.is_ours = library.exists() or _compile(library)
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), FIELDS.size)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_MACHINE": str(path)} if self.is_ours else {}
        self._seconds_ahead, self._holds_signs_of_life = 0.0, False

    def set_clock(self, seconds_ahead: float) -> None:
        """Sets its wall clock to so much more, or less, than this machine's."""
        self._seconds_ahead = seconds_ahead
        self._tell()

    def hold_signs_of_life(self, holds: bool) -> None:
        """Lets a node's signs of life to a SQLite store wait, and nothing else, as if there were no processor for them."""
        self._holds_signs_of_life = holds
        self._tell()

    def _tell(self) -> None:
        self._memory[:] = FIELDS.pack(int(self._seconds_ahead * 1e9), self._holds_signs_of_life)


def _compile(library: Path) -> bool:
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None or not Path("/proc/self").exists():
        return False
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"], check=True)
    library.chmod(0o755)
    return True
