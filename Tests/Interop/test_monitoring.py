"""Monitoring over HTTP, side by side with nats-server's."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from pathlib import Path

import nats
import pytest

from conftest import barrier, until
from objects import join

MONITORING = re.compile(r"monitoring=(http://\S+:\d+)")


def get(url: str, method: str = "GET"):
    """Status, headers and text."""
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


async def page(server, path: str):
    status, _, text = await asyncio.to_thread(get, url(server) + path)
    assert status == 200, text
    return json.loads(text)


def url(server) -> str:
    return MONITORING.search(server.output)[1]


class NATSServer:
    """The real one, with monitoring."""

    def __init__(self, process, port: int, http_port: int):
        self.process = process
        self.url = f"nats://127.0.0.1:{port}"
        self.output = f"monitoring=http://127.0.0.1:{http_port} "


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def nats_server(tmp_path):
    program = Path(sysconfig.get_path("scripts")) / "nats-server"
    port, http_port = free_port(), free_port()
    log = tmp_path / "nats-server.log"
    command = [program, "--addr", "127.0.0.1", "--port", port, "-m", http_port, "-l", log]
    with subprocess.Popen(list(map(str, command))) as process:
        try:
            while not log.exists() or "Server is ready" not in log.read_text():
                assert process.poll() is None
            yield NATSServer(process, port, http_port)
        finally:
            process.terminate()


def keys(value) -> set:
    return set(value)


async def observe(server):
    """The same traffic, and what the pages say about it."""
    client = await nats.connect(server.url, name="observed", connect_timeout=10)
    try:
        await client.subscribe("a.*", queue="q")
        await client.subscribe("b.>")
        await client.publish("a.b", b"123")
        await client.publish("b.c", b"12345", headers={"k": "v"})
        await barrier(client)
        return {
            path: await page(server, path)
            for path in ["/varz", "/connz", "/connz?subs=1", "/connz?subs=detail", "/subsz?subs=1&test=b.c", "/healthz"]
        }
    finally:
        await client.close()


async def test_pages_say_what_nats_server_says(start, nats_server):
    server = start("--store", "memory", "--http-port", 0, program="rivulet")
    ours, theirs = await observe(server), await observe(nats_server)
    assert ours["/healthz"] == theirs["/healthz"] == {"status": "ok"}

    # nats-server leaves out a limit that it does not have by default.
    ours_alone = {"rivulet", "max_subscriptions"}
    assert keys(ours["/varz"]) - keys(theirs["/varz"]) == ours_alone
    same = ["proto", "max_connections", "ping_interval", "ping_max", "max_control_line", "max_payload", "max_pending", "write_deadline",
            "cores", "connections", "total_connections", "slow_consumers", "host", "http_host"]
    for name in same:
        assert ours["/varz"][name] == theirs["/varz"][name], name
    for name, value in ours["/varz"].items():
        if name not in ours_alone:
            assert isinstance(value, (int, float) if name == "cpu" else type(theirs["/varz"][name])), name

    for path in ["/connz", "/connz?subs=1", "/connz?subs=detail"]:
        assert keys(ours[path]) == keys(theirs[path])
        (our,), (their,) = ours[path]["connections"], theirs[path]["connections"]
        # nats-server asks a client for a sign of life at once, we when it is time to.
        assert keys(their) - keys(our) <= {"rtt"} and keys(our) <= keys(their), path
        for name in ["kind", "type", "ip", "pending_bytes", "name", "lang", "version", "subscriptions", "uptime", "idle"]:
            assert our[name] == their[name] or name in ("uptime", "idle"), name
        for name in ["in_msgs", "in_bytes", "out_msgs", "out_bytes"]:
            assert our[name] > 0 and abs(our[name] - their[name]) <= (1 if name.endswith("msgs") else 80), (name, our, their)
    assert ours["/connz?subs=1"]["connections"][0]["subscriptions_list"][:2] == ["a.*", "b.>"]
    details = [page["/connz?subs=detail"]["connections"][0]["subscriptions_list_detail"] for page in (ours, theirs)]
    # nats-server gives them in any order.
    for detail in [details[0], sorted(details[1], key=lambda one: int(one["sid"]))]:
        assert [(one["subject"], one.get("qgroup"), one["sid"]) for one in detail[:2]] == [("a.*", "q", "1"), ("b.>", None, "2")]
    assert [one["msgs"] for one in details[0][:2]] == [1, 1]

    subscriptions = "/subsz?subs=1&test=b.c"
    assert keys(ours[subscriptions]) <= keys(theirs[subscriptions])
    assert ours[subscriptions]["total"] == theirs[subscriptions]["total"] == 1
    (our,), (their,) = ours[subscriptions]["subscriptions_list"], theirs[subscriptions]["subscriptions_list"]
    assert keys(their) - keys(our) == {"account", "account_tag"}
    assert (our["subject"], our["sid"], our["msgs"]) == (their["subject"], their["sid"], their["msgs"])


async def test_connections_are_sorted_and_paged(start):
    server = start("--store", "memory", "--http-port", 0, program="rivulet")
    clients = [await nats.connect(server.url, name=f"client {number}") for number in range(5)]
    try:
        for number, client in enumerate(clients):
            for _ in range(number):
                await client.publish("nobody", b"12")
            await barrier(client)

        async def names(query):
            return [one["name"] for one in (await page(server, "/connz?" + query))["connections"]]

        assert await names("") == [f"client {number}" for number in range(5)]
        assert await names("sort=msgs_from") == [f"client {number}" for number in (4, 3, 2, 1, 0)]
        assert await names("sort=bytes_from&limit=2") == ["client 4", "client 3"]
        assert await names("offset=3") == ["client 3", "client 4"]
        assert await names("offset=9") == []
        for sort in ["cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last", "idle", "uptime", "rtt"]:
            assert len(await names(f"sort={sort}&state=open")) == 5
        everything = await page(server, "/connz")
        assert everything["total"] == everything["num_connections"] == 5 and everything["limit"] == 1024
        number = everything["connections"][2]["cid"]
        one = await page(server, f"/connz?cid={number}&subs=1")
        assert [one["connections"][0]["name"], one["num_connections"], one["total"]] == ["client 2", 1, 5]
        assert (await page(server, "/connz?cid=999999"))["connections"] == []
    finally:
        for client in clients:
            await client.close()


async def test_secrets_are_not_shown(start, tmp_path):
    (tmp_path / "rivulet.yaml").write_text(
        "authorization: {token: hush-token, users: [{user: ann, password: hush-password}]}\n")
    server = start("--store", "memory", "--http-port", 0, "--config", "rivulet.yaml", program="rivulet")
    token = await nats.connect(server.url, token="hush-token")
    user = await nats.connect(server.url, user="ann", password="hush-password")
    try:
        connections = (await page(server, "/connz?subs=detail&auth=1"))["connections"]
        assert [one["authorized_user"] for one in connections] == ["[REDACTED]", "ann"]
        assert (await page(server, "/varz"))["auth_required"] is True
        for path in ["/varz", "/connz?subs=detail&auth=1", "/subsz?subs=1", "/metrics"]:
            assert "hush" not in get(url(server) + path)[2]
    finally:
        await token.close()
        await user.close()


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="[^"]*"(,[a-zA-Z_][a-zA-Z0-9_]*="[^"]*")*\})? (\S+)')


def metrics(server) -> dict:
    status, headers, text = get(url(server) + "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types and kind in {"counter", "gauge", "summary", "histogram"}
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in types or re.sub("_(sum|count|bucket)$", "", match[1]) in types, line
            assert match[1] + (match[2] or "") not in values
            values[match[1] + (match[2] or "")] = float(match[4])
    return values


async def test_metrics_count_what_happens(start, connect):
    server = start("--store", "sqlite:game.sqlite", "--http-port", 0, "--start-after", 600)
    before = metrics(server)
    assert before["rivulet_connections"] == 0 and before["process_open_fds"] > 5
    async with connect(server) as client:
        await join(client, "ann")
        after = await asyncio.to_thread(metrics, server)
    assert after["rivulet_connections"] == 1
    assert after["rivulet_in_messages_total"] > before["rivulet_in_messages_total"]
    assert after['rivulet_object_turns_total{kind="Casino"}'] == 1
    assert after['rivulet_objects_active{kind="Casino"}'] == 1
    assert after['rivulet_object_mailbox_rejections_total{kind="Casino"}'] == 0
    assert after["rivulet_commit_batch_size_count"] >= 1
    assert after["rivulet_commit_failures_total"] == 0 and after["rivulet_turns_fenced_total"] == 0
    assert after["process_resident_memory_bytes"] > 1e6 and after["process_cpu_seconds_total"] > 0
    assert abs(after["process_start_time_seconds"] - time.time()) < 600


async def test_health_says_that_the_node_drains_and_the_node_ends_in_time(start):
    server = start("--store", "memory", "--http-port", 0, program="rivulet", environment={"RIVULET_LAME_DUCK_DURATION": "3"})
    told = asyncio.Event()

    async def lame_duck():
        told.set()

    client = await nats.connect(server.url, allow_reconnect=False, lame_duck_mode_cb=lame_duck)
    assert get(url(server) + "/healthz")[0] == 200
    # None holds up the end: one connection without a request, one with half of it, one whose body does not come.
    host, port = url(server).removeprefix("http://").split(":")
    idle = socket.create_connection((host, int(port)))
    half = socket.create_connection((host, int(port)))
    half.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    bodiless = socket.create_connection((host, int(port)))
    bodiless.sendall(b"POST /varz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
    assert bodiless.recv(4096).startswith(b"HTTP/1.1 405 ")
    begun = asyncio.get_running_loop().time()
    server.signal(signal.SIGTERM)
    await asyncio.wait_for(told.wait(), 10)
    status, _, text = await asyncio.to_thread(get, url(server) + "/healthz")
    assert status == 503 and json.loads(text) == {"status": "unavailable", "error": "the node is draining"}
    await until(lambda: client.is_closed)
    assert await asyncio.to_thread(server.wait) == 0
    assert asyncio.get_running_loop().time() - begun < 8
    for connection in (idle, half, bodiless):
        connection.close()


def test_a_monitoring_port_that_is_taken_is_refused(programs, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = programs.run("rivulet", "serve", "--store", "memory", "--port", 0, "--http-port", port, folder=tmp_path)
    assert result.returncode == 1
    said = result.stdout + result.stderr
    assert f"cannot serve monitoring at http://127.0.0.1:{port}: another program listens there" in said, said


def test_there_is_no_monitoring_unless_it_is_asked_for(start):
    assert "monitoring" not in start("--store", "memory", program="rivulet").output


def test_the_host_and_port_of_monitoring_come_from_the_file(start, tmp_path):
    (tmp_path / "rivulet.yaml").write_text("httpPort: 0\nhttpHost: localhost\n")
    server = start("--store", "memory", "--config", "rivulet.yaml", program="rivulet")
    assert url(server).startswith("http://localhost:")
    assert get(url(server) + "/healthz")[0] == 200
    assert get(url(server) + "/varz", "POST")[0] == 405
