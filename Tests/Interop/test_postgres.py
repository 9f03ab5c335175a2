"""A node that keeps its objects and events in PostgreSQL."""

import asyncio
import re
import signal

import pytest

from conftest import REPOSITORY
from objects import Refused, ask, essence, join, name, read_back, sequence
from postgres import PASSWORD, Postgres
from readme import blocks

PATIENT = ["--start-after", 600, "--turn-seconds", 600]


@pytest.fixture(scope="module")
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.end()


@pytest.fixture
def database(postgres) -> str:
    return postgres.make_database()


async def test_what_was_answered_outlives_a_kill(start, connect, database):
    first = start("--store", database, *PATIENT)
    async with connect(first, allow_reconnect=False) as client:
        seats = {player: await join(client, player) for player in ("ann", "bob", "cy", "dee")}
        before = {table: await ask(client, "GameTable", table, "GetTable") for table in ("1", "2")}
        kept, _ = await read_back(client, "GameTable", seq=1, batch=1000)
        assert await asyncio.to_thread(first.end, signal.SIGKILL) == -signal.SIGKILL
    second = await asyncio.to_thread(start, "--store", database, *PATIENT)
    async with connect(second) as client:
        assert {table: await ask(client, "GameTable", table, "GetTable") for table in ("1", "2")} == before
        again, _ = await read_back(client, "GameTable", seq=1, batch=1000)
        assert [essence(event) for event in again] == [essence(event) for event in kept]
        live = await client.subscribe("evt.GameTable.2.>")
        assert await join(client, "dee") == seats["dee"]
        assert await join(client, "eve") == {"table": "2", "seat": 2}
        event = await live.next_msg(10)
        assert (name(event), sequence(event)) == ("PlayerJoined", len(kept) + 1)


async def test_a_node_outlives_its_database_and_goes_on_when_it_is_back(start, connect, database, postgres):
    server = start("--store", database, *PATIENT)
    async with connect(server) as client:
        seat = await join(client, "ann")
        postgres.kill()
        try:
            with pytest.raises(Refused) as refused:
                await join(client, "bob")
            assert refused.value.code == 503
            assert server.is_running
        finally:
            await asyncio.to_thread(postgres.start)
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await join(client, "ann") == seat
                    break
                except Refused as error:
                    assert error.code == 503
    assert PASSWORD not in server.output and "%20" not in server.output


def test_the_log_names_the_store_without_its_password(start, database):
    server = start("--store", database)
    assert server.end() == 0
    shown = database.replace(":" + PASSWORD.replace(" ", "%20"), "")
    assert f"store={shown}" in server.output
    assert PASSWORD not in server.output and "%20" not in server.output


def test_a_second_node_is_refused(start, programs, database, tmp_path):
    start("--store", database)
    result = programs.run("BlackJackServer", "--port", 0, folder=tmp_path, environment={"RIVULET_STORE": database})
    assert result.returncode == 1
    assert "another node" in result.stderr and "%20" not in result.stderr


def test_a_server_that_is_too_old_is_refused(programs, database, postgres, tmp_path):
    postgres.execute(database, f"""
        CREATE SCHEMA old;
        CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS
            $$ SELECT CASE name WHEN 'server_version_num' THEN '140005' ELSE pg_catalog.current_setting(name) END $$;
        ALTER DATABASE {database.rsplit('/', 1)[1]} SET search_path = old, pg_catalog
        """)
    result = programs.run("rivulet", "serve", "--port", 0, folder=tmp_path, environment={"RIVULET_STORE": database})
    assert result.returncode == 1 and "PostgreSQL 14, and 15 or newer is needed" in result.stderr


def test_a_server_that_may_lose_commits_is_refused_unless_that_is_accepted_by_name(start, programs, database, postgres, tmp_path):
    postgres.execute(database, f"ALTER DATABASE {database.rsplit('/', 1)[1]} SET synchronous_commit = off")
    for accepted in (None, "fsync", "all"):
        environment = {"RIVULET_STORE": database} | ({"RIVULET_STORE_ACCEPTED_RISKS": accepted} if accepted else {})
        result = programs.run("rivulet", "serve", "--port", 0, folder=tmp_path, environment=environment)
        assert result.returncode == 1 and "synchronous_commit" in result.stderr
    server = start("--store", database, environment={"RIVULET_STORE_ACCEPTED_RISKS": "fsync,synchronous_commit"})
    assert "accepted=fsync,synchronous_commit" in server.output


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("postgres://ann:secret@127.0.0.1:1/x", "cannot open postgres://ann@127.0.0.1:1/x"),
        ("postgres://ann:secret/x", "port that is no number"),
        ("postgres://ann:sec@ret@127.0.0.1/x", "more than one @"),
        ("postgresql//ann:secret@127.0.0.1/x", "neither"),
        ("postgre://ann:secret@127.0.0.1/x", "neither"),
    ])
def test_a_store_that_cannot_be_opened_is_named_without_its_password(programs, tmp_path, store, says):
    result = programs.run("rivulet", "serve", "--port", 0, folder=tmp_path, environment={"RIVULET_STORE": store})
    assert result.returncode == 1
    assert says in result.stderr and "secret" not in result.stderr and "ret@" not in result.stderr


async def test_objects_and_events_can_be_asked_for_in_sql(start, connect, database, postgres):
    async with connect(start("--store", database, *PATIENT)) as client:
        await join(client, "ann")
    block, _ = [block for block in blocks(REPOSITORY / "README.md") if block.language == "sql"]
    said = [postgres.execute(database, line) for line in block.text.splitlines()]
    assert said == ["1|waiting", "1|PlayerJoined|ann"]


def test_the_readme_tells_the_columns_of_the_views(start, database, postgres):
    start("--store", database)
    for view, told in re.findall(r"^\| `rivulet\.(\w+)` \| (.*) \|$", (REPOSITORY / "README.md").read_text(), re.M):
        columns = postgres.execute(
            database, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'rivulet' AND "
            f"table_name = '{view}' ORDER BY ordinal_position")
        assert re.findall(r"`(\w+)`", told) == columns.split()


@pytest.mark.parametrize(("options", "most"), [([], 5), (["--cluster"], 7)])
async def test_a_node_has_no_more_connections_than_the_readme_says(start, connect, database, postgres, options, most):
    async with connect(start("--store", database, *PATIENT, *options)) as client:
        await asyncio.gather(*(ask(client, "GameTable", f"table{number}", "GetTable") for number in range(200)))
        await read_back(client, "GameTable", seq=1, batch=1000)
        used = int(postgres.execute(
            database, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rivulet' AND datname = current_database()"))
        assert 3 <= used <= most
