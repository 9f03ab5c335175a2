"""The programs of this repository, run as processes of their own."""

import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

PATIENCE = 30.0
LISTENING = re.compile(r"listening on (nats://\S+:(\d+))\s")


class Programs:
    """Where the built programs are, and how they are run."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, name: str) -> str:
        path = self.folder / name
        assert path.exists(), f"{path} is not built; make test builds it"
        return str(path)

    def run(self, name: str, *arguments, folder: Path, environment=None, keys="") -> subprocess.CompletedProcess:
        """Runs a program to its end."""
        return subprocess.run(
            [self.path(name), *map(str, arguments)], cwd=folder, env=clean_environment(environment), input=keys,
            capture_output=True, text=True, timeout=PATIENCE)


class Server:
    """A server that listens, from when it is made until it is told to end."""

    def __init__(self, command, folder: Path, environment=None, patience=PATIENCE):
        self._process = subprocess.Popen(
            list(map(str, command)), cwd=folder, env=clean_environment(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._lines = queue.Queue()
        self.output = ""
        # Reads to the end, so that the pipe never fills.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url, self.port = self._wait_until_listening(time.monotonic() + patience)
        except BaseException:
            self._process.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self, with_signal=signal.SIGTERM) -> int:
        """Sends the signal and gives the exit code once the process is gone."""
        self._process.send_signal(with_signal)
        return self._wait()

    def interrupt(self) -> int:
        """What Ctrl-C does: interrupts the process and those it started."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._wait()

    def _wait(self) -> int:
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._reader.join(PATIENCE)

    def _read(self):
        for line in self._process.stdout:
            self.output += line
            self._lines.put(line)
        self._lines.put(None)

    def _wait_until_listening(self, deadline: float):
        while True:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            assert line is not None, f"the server ended before it listened:\n{self.output}"
            if match := LISTENING.search(line):
                return match[1], int(match[2])


def clean_environment(additions=None) -> dict:
    """The environment without settings of Rivulet, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RIVULET_")}
    return kept | (additions or {})
