"""The broker answers what nats-server answers: both are played the same scripts."""

import contextlib
import difflib
import re

import pytest

from differential_anonymous import ANONYMOUS, KEY
from differential_differences import ACCEPTED, accepted
from differential_permissions import PERMISSIONS
from differential_scripts import SCRIPTS
from differential_transcript import play
from server import Server, nats_server_port

ACCEPTED_SCRIPTS = {difference.script: difference for difference in ACCEPTED}


@contextlib.contextmanager
def _rivulet(programs, folder, *options):
    server = Server([programs.path("rivulet"), "serve", "--store", "memory", "--port", 0, *options], folder)
    yield server
    assert server.is_running, f"the server ended by itself:\n{server.output}"
    assert server.end() == 0, server.output


@pytest.fixture(scope="module")
def nats_server():
    with nats_server_port() as port:
        yield port


@pytest.fixture(scope="module")
def rivulet(programs, tmp_path_factory):
    with _rivulet(programs, tmp_path_factory.mktemp("rivulet")) as server:
        yield server


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_broker_answers_what_nats_server_answers(script, nats_server, rivulet):
    reference = play(script, nats_server)
    ours = play(script, rivulet.port)
    if difference := ACCEPTED_SCRIPTS.get(script.name):
        said = [line for line in ours.lines() if not re.match(r"\w+: (INFO|PONG)", line)]
        assert [line.replace(script.number, "~") for line in said] == list(difference.ours), difference.reason
        assert reference != ours, "no difference any more"
        return
    _compare(script, reference, ours)


# nats-server reads it as well: JSON is also its language.
AUTHORIZATION = """{"authorization": {"users": [
    {"user": "ann", "password": "a", "permissions": {
        "publish": {"allow": ["a.*", "b.>", "c.d"], "deny": ["b.*.x", "b.no.>"]},
        "subscribe": {"deny": ["s.*", "t.a.>"]}, "allow_responses": {"max": 3, "expires": "5s"}}},
    {"user": "root", "password": "r"}]}}"""


@pytest.mark.parametrize("script", PERMISSIONS, ids=lambda script: script.name)
def test_permissions_are_those_of_nats_server(script, programs, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text(AUTHORIZATION)
    with nats_server_port("--config", settings) as port, _rivulet(programs, tmp_path, "--config", settings) as server:
        _compare(script, play(script, port), play(script, server.port))


def _anonymous(authorization: str, for_nats_server: bool) -> str:
    # nats-server has it beside its section.
    return f'{{"no_auth_user": "ann", "authorization": {{{authorization}}}}}' if for_nats_server else (
        f'{{"authorization": {{"no_auth_user": "ann", {authorization}}}}}')


@pytest.fixture(scope="module", params=["passwords", "passwords and keys"])
def both_anonymous(request, programs, tmp_path_factory):
    """Both servers, where those who do not say who they are are taken for ann."""
    folder = tmp_path_factory.mktemp("anonymous")
    keys = f', {{"nkey": "{KEY}"}}' if "keys" in request.param else ""
    users = f""""timeout": 30, "users": [
        {{"user": "ann", "password": "a", "permissions": {{"publish": {{"deny": "b.>"}}, "subscribe": {{"deny": "b.>"}}}}}},
        {{"user": "root", "password": "r"}}{keys}]"""
    (folder / "theirs.json").write_text(_anonymous(users, for_nats_server=True))
    (folder / "ours.json").write_text(_anonymous(users, for_nats_server=False))
    with nats_server_port("--config", folder / "theirs.json") as port, _rivulet(programs, folder, "--config", "ours.json") as server:
        yield port, server.port


@pytest.mark.parametrize("script", ANONYMOUS, ids=lambda script: script.name)
def test_the_anonymous_are_those_of_nats_server(script, both_anonymous):
    theirs, ours = both_anonymous
    _compare(script, play(script, theirs), play(script, ours))


def _compare(script, reference, ours):
    expected, answered = accepted(reference, ours)
    assert not any(line.endswith("silent") for line in expected), "nats-server does not answer; the script waits in vain"
    if expected != answered:
        pytest.fail("\n".join([
            *(f"{name} > {bytes(data[:200])!r}" for name, data in script.steps),
            *difflib.unified_diff(expected, answered, "nats-server", "rivulet", lineterm="")]), pytrace=False)


def test_differences_are_of_scripts_that_exist():
    names = {script.name for script in SCRIPTS}
    assert set(ACCEPTED_SCRIPTS) <= names
    assert len(ACCEPTED_SCRIPTS) == len(ACCEPTED)
    assert len(names) == len(SCRIPTS)
