"""A PostgreSQL server of the tests' own: in a folder that was made for it, at a loopback port that was free."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PASSWORD = "very secret"
PATIENCE = 60.0


class Postgres:
    """A server that takes connections, from when it is made until it is told to end.

    It lies in the folder, which is made, or in one of its own; its processes get these environment variables besides.
    """

    def __init__(self, folder: Path | None = None, environment: dict | None = None):
        self._binaries = binaries()
        self._environment = os.environ | (environment or {})
        if folder is not None:
            folder.mkdir(mode=0o700)
        self._folder = folder or Path(tempfile.mkdtemp(prefix="rivulet-postgres-"))
        self._count = 0
        (self._folder / "password").write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self._run(
            "initdb", "--pgdata", self._data, "--username", "tester", "--pwfile", self._folder / "password", "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--no-instructions")
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str) -> str:
        return f"postgres://tester:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """The URL of a database with nothing in it."""
        self._count += 1
        self.execute(self.url("postgres"), f"CREATE DATABASE test{self._count}")
        return self.url(f"test{self._count}")

    def execute(self, url: str, sql: str) -> str:
        """The rows, their columns separated by |."""
        command = [self._binaries / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout.strip()

    def start(self) -> None:
        """Starts it, and waits until it takes connections."""
        options = [f"-cport={self.port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={self._folder}"]
        self._log = (self._folder / "log").open("a")
        self._process = subprocess.Popen(
            self._command("postgres", "-D", self._data, *options), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd="/",
            env=self._environment)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.execute(self.url("postgres"), "SELECT 1")
            except subprocess.CalledProcessError:
                assert self._process.poll() is None and time.monotonic() < deadline, self.log
                time.sleep(0.05)

    def kill(self) -> None:
        """Kills all its processes, as a crash of the machine does."""
        others = self.execute(self.url("postgres"), "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        for pid in [self._process.pid, *map(int, others.split())]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def signal(self, number) -> None:
        """Sends the signal, and goes on."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Gives the exit code once the process is gone."""
        return self._process.wait(PATIENCE)

    def end(self) -> None:
        """Stops it and removes what it has stored."""
        if self.is_running:
            self.signal(signal.SIGQUIT)
            self.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments) -> None:
        subprocess.run(self._command(program, *arguments), capture_output=True, check=True, timeout=PATIENCE, cwd="/")

    def _command(self, program: str, *arguments) -> list:
        """PostgreSQL refuses to run as root."""
        user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
        return [*user, self._binaries / program, *arguments]


def binaries() -> Path:
    """Where the server's programs are."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if config := shutil.which("pg_config"):
        candidates.insert(0, Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()))
    found = [folder for folder in candidates if (folder / "initdb").exists()]
    assert found, "PostgreSQL's server is not installed; make test installs it"
    return found[0]
