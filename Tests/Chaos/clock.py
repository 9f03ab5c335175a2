"""Wall clocks that can be set, each for some processes."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """A wall clock of processes that are started with its environment."""

    def __init__(self, folder: Path, name: str):
        path = folder / f"{name}.clock"
        path.write_bytes(bytes(8))
        path.chmod(0o644)
        library = folder / "clock.so"
        self.is_settable = library.exists() or _compile(library)
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(path)} if self.is_settable else {}

    def jump(self, seconds: float) -> None:
        """Sets it to so much more, or less, than the machine's."""
        self._memory[:] = struct.pack("=q", int(seconds * 1e9))


def _compile(library: Path) -> bool:
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None or not Path("/proc/self").exists():
        return False
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
    library.chmod(0o755)
    return True
