"""What the system says about a process."""

import os
import re
import resource
from pathlib import Path

MEBIBYTE = 1 << 20


def resident(pid: int) -> int:
    """Bytes of memory that the process occupies now."""
    return _size(pid, "VmRSS")


def most_resident(pid: int) -> int:
    """Bytes of memory that it has occupied at the most."""
    return _size(pid, "VmHWM")


def processor_time(pid: int) -> float:
    """Seconds that its threads have run."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def children_time() -> float:
    """Seconds that the threads of all children have run that are gone."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def descriptors(pid: int) -> int:
    """How many files and sockets it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _size(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024
