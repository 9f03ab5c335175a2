"""A file system with little room, where the machine lets us mount one."""

import os
import subprocess
import sys
from pathlib import Path


class SmallDisk:
    """A folder with so much room, in memory; an ordinary one if it cannot be mounted (not Linux, or not as root)."""

    def __init__(self, path: Path, mebibytes: int):
        self.path = path
        path.mkdir()
        path.chmod(0o755)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "tmpfs", path]
        self.is_small = sys.platform.startswith("linux") and os.getuid() == 0 and subprocess.run(
            mount, stderr=subprocess.DEVNULL).returncode == 0

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Takes all room that is left."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (1 << 20, 4096, 1):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError:
                    pass

    def empty(self) -> None:
        """Gives it back."""
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        if self.is_small:
            subprocess.run(["umount", "-l", self.path], check=True)
