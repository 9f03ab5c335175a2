"""What the tests share: servers, and clients that are not ours."""

import asyncio
import contextlib
import resource
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from server import TCP, Programs, Server

REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_addoption(parser):
    parser.addoption("--programs", default=str(REPOSITORY / ".build/debug"), help="The folder of the built programs.")
    parser.addoption("--stress", action="store_true", help="The tests under load in full.")


@pytest.fixture(scope="session")
def programs(request) -> Programs:
    return Programs(Path(request.config.getoption("--programs")).resolve())


@pytest.fixture(scope="module")
def transport():
    """How the clients of a file of tests reach the server."""
    return TCP


@pytest.fixture
def start(programs, transport, tmp_path):
    """Starts BlackJackServer; whatever still runs when the test is over must end well when asked to."""
    servers = []

    def start(*options, program="BlackJackServer", port=0, environment=None) -> Server:
        command = [programs.path(program), *(["serve"] if program == "rivulet" else []), *transport.options(port), *options]
        server = Server(command, tmp_path, environment, transport=transport)
        servers.append(server)
        return server

    yield start
    codes = [server.end() for server in servers if server.is_running]
    assert all(code == 0 for code in codes), "\n".join(server.output for server in servers)


@pytest.fixture(scope="module")
def server(programs, transport, tmp_path_factory):
    """One BlackJackServer for a file of tests: games start at three players, and nobody's time runs out."""
    options = [*transport.options(0), "--start-after", 600, "--turn-seconds", 600]
    server = Server([programs.path("BlackJackServer"), *options], tmp_path_factory.mktemp("server"), transport=transport)
    yield server
    assert server.is_running, f"the server ended by itself:\n{server.output}"
    assert server.end() == 0, server.output


@pytest.fixture
def allow_files():
    """Lets this process, and the servers it starts, have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def allow(count: int):
        assert hard == resource.RLIM_INFINITY or hard >= count, f"the system allows {hard} open files"
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))

    yield allow
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def connect():
    """Connects clients that are closed when the test is over."""
    return contextlib.asynccontextmanager(_connect)


async def _connect(server, **options):
    client = await nats.connect(server.url, connect_timeout=10, **server.transport.client_options, **options)
    try:
        yield client
    finally:
        await client.close()


@pytest_asyncio.fixture
async def client(server):
    client = await nats.connect(server.url, connect_timeout=10, **server.transport.client_options)
    yield client
    await client.close()


async def barrier(client) -> None:
    """Waits until the server has done all that the client sent before.

    The client's own flush() does not: nats-py writes its PING at once, past what still waits to be written.
    """
    with contextlib.suppress(nats.errors.NoRespondersError):
        await client.request(client.new_inbox(), b"", timeout=10)


async def received(subscription, count: int, timeout: float = 10) -> list:
    """The next messages of a subscription."""
    return [await subscription.next_msg(timeout) for _ in range(count)]


async def until(condition, timeout: float = 10):
    """Waits until a condition holds."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.01)
