"""A game, played, followed and read back without a library of ours."""

import asyncio
import itertools
import json
import signal

import pytest
from nats.js.errors import NotFoundError

from conftest import barrier, received
from objects import ask, essence, join, name, play, previous, read_back, request, sequence

PATIENT = ["--start-after", 600, "--turn-seconds", 600]


def assert_is_one_object_s_history(events: list):
    """Nothing is missing between the events of one object: each names the one before."""
    assert [previous(event) for event in events] == [0, *map(sequence, events)][: len(events)]


async def play_a_game(server, connect, players: list[str]) -> tuple[str, dict]:
    async with connect(server) as one, connect(server) as two, connect(server) as three:
        clients = dict(zip(players, (one, two, three)))
        seats = [await join(client, player) for player, client in clients.items()]
        assert [seat["seat"] for seat in seats] == [1, 2, 3]
        table = seats[0]["table"]
        assert {seat["table"] for seat in seats} == {table}
        return table, await play(clients, table)


@pytest.fixture
def own_server(start):
    return start("--store", "sqlite:game.sqlite", *PATIENT)


async def test_three_players_play_a_game_and_its_events_tell_all_of_it(own_server, connect):
    async with connect(own_server) as watcher:
        live = await watcher.subscribe("evt.GameTable.1.>")
        await barrier(watcher)
        table, end = await play_a_game(own_server, connect, ["ann", "bob", "cy"])
        assert table == "1"
        events = []
        while not events or name(events[-1]) != "GameSettled":
            events.append(await live.next_msg(10))

        assert [sequence(event) for event in events] == list(range(1, len(events) + 1))
        assert_is_one_object_s_history(events)
        assert {event.headers["Nats-Stream"] for event in events} == {"GameTable"}
        assert len({event.headers["Rivulet-Epoch"] for event in events}) == 1

        names = [name(event) for event in events]
        assert names[:4] == ["PlayerJoined"] * 3 + ["GameStarted"]
        assert names[4:12] == ["CardDealt"] * 8, "two cards for each of three players and the dealer"
        assert names[-2:] == ["DealerPlayed", "GameSettled"]
        assert set(names) <= {
            "PlayerJoined", "GameStarted", "CardDealt", "PlayerStood", "PlayerBusted", "DealerPlayed", "GameSettled"}

        hands = {player: [] for player in ("ann", "bob", "cy")}
        hidden = 0
        for event in events:
            if name(event) == "CardDealt":
                dealt = json.loads(event.data)
                if dealt["seat"] == 0:
                    hidden += "card" not in dealt
                else:
                    hands[dealt["player"]].append(dealt["card"])
        assert hidden == 1, "the hole card is not told before the dealer plays"
        assert hands == {seat["player"]: seat["hand"] for seat in end["seats"]}
        dealer = json.loads(events[-2].data)
        assert (dealer["hand"], dealer["total"]) == (end["dealer"]["hand"], end["dealer"]["total"])
        settled = json.loads(events[-1].data)
        assert {result["player"]: result["outcome"] for result in settled["results"]} == {
            seat["player"]: seat["outcome"] for seat in end["seats"]}

        # Asking again after the game gives a seat in a new one.
        assert (await join(watcher, "ann"))["table"] == "2"


async def test_a_player_keeps_the_seat_and_a_full_table_makes_another(own_server, connect):
    async with connect(own_server) as client:
        seat = await join(client, "ann")
        assert await join(client, "ann") == seat == {"table": "1", "seat": 1}
        for player in ("bob", "cy", "dee"):
            last = await join(client, player)
        assert last == {"table": "2", "seat": 1}


async def test_what_is_read_back_is_what_came_live(own_server, connect):
    async with connect(own_server) as client:
        live = await client.subscribe("evt.GameTable.>")
        await barrier(client)
        await asyncio.gather(
            play_a_game(own_server, connect, ["ann", "bob", "cy"]), asyncio.sleep(0))
        await play_a_game(own_server, connect, ["dee", "eve", "flo"])
        await barrier(client)
        seen = await received(live, live.pending_msgs)
        assert [sequence(event) for event in seen] == list(range(1, len(seen) + 1))

        kept, end = await read_back(client, "GameTable", seq=1, batch=1000)
        assert [essence(event) for event in kept] == [essence(event) for event in seen]
        assert end.headers["Status"] == "204"
        assert (end.headers["Nats-Num-Pending"], int(end.headers["Nats-Last-Sequence"])) == ("0", len(seen))
        assert [int(event.headers["Nats-Num-Pending"]) for event in kept] == list(reversed(range(len(kept))))
        assert [int(event.headers["Nats-Last-Sequence"]) for event in kept] == [0, *map(sequence, kept)][: len(kept)]

        # Page by page.
        paged = []
        while True:
            page, end = await read_back(client, "GameTable", seq=len(paged) + 1, batch=7)
            assert len(page) <= 7
            paged += page
            if end.headers["Nats-Num-Pending"] == "0":
                break
        assert [essence(event) for event in paged] == [essence(event) for event in seen]

        # From where a follower stopped.
        rest, _ = await read_back(client, "GameTable", seq=20, batch=1000)
        assert [sequence(event) for event in rest] == list(range(20, len(seen) + 1))

        # One object's.
        for table in ("1", "2"):
            one, _ = await read_back(client, "GameTable", seq=1, batch=1000, next_by_subj=f"evt.GameTable.{table}.>")
            assert [essence(event) for event in one] == [
                essence(event) for event in seen if event.subject.startswith(f"evt.GameTable.{table}.")]
            assert_is_one_object_s_history(one)


async def test_games_at_the_same_time_keep_their_own_order(own_server, connect):
    async with connect(own_server) as client:
        live = await client.subscribe("evt.GameTable.>")
        await barrier(client)
        games = [["ann", "bob", "cy"], ["dee", "eve", "flo"], ["gil", "hal", "ida"]]
        tables = []
        for players in games:
            tables.append((await asyncio.gather(*(join(client, player) for player in players)))[0]["table"])
        await asyncio.gather(*(play({player: client for player in players}, table) for players, table in zip(games, tables)))
        await barrier(client)
        seen = await received(live, live.pending_msgs)
        assert [sequence(event) for event in seen] == list(range(1, len(seen) + 1))
        by_table = itertools.groupby(sorted(seen, key=lambda event: event.subject.split(".")[2]), lambda event: event.subject.split(".")[2])
        histories = {table: list(events) for table, events in by_table}
        assert set(histories) == {"1", "2", "3"}
        for events in histories.values():
            assert_is_one_object_s_history(sorted(events, key=sequence))
            assert name(events[-1]) == "GameSettled"


async def test_a_stock_jetstream_client_reads_an_event_by_its_number(own_server, connect):
    async with connect(own_server) as client:
        await join(client, "ann")
        event = await client.jetstream().get_msg("GameTable", seq=1, direct=True)
        assert (event.subject, event.seq) == ("evt.GameTable.1.PlayerJoined", 1)
        assert json.loads(event.data)["player"] == "ann"
        with pytest.raises(NotFoundError):
            await client.jetstream().get_msg("GameTable", seq=99, direct=True)


@pytest.mark.parametrize(
    ("stream", "payload", "status"),
    [
        ("Roulette", b'{"seq":1,"batch":5}', "404"),
        ("GameTable", b"not json", "408"),
        ("GameTable", b'{"seq":-1,"batch":5}', "408"),
        ("GameTable", b'{"seq":1,"batch":0}', "408"),
        ("GameTable", b'{"seq":1,"batch":5,"next_by_subj":"a..b"}', "408"),
        ("GameTable", b'{"seq":18446744073709551615,"batch":5}', "204"),
        ("GameTable", b'{"seq":1,"batch":9223372036854775807}', "204"),
        ("GameTable", b'{"seq":1,"batch":5,"max_bytes":-1}', None),
    ])
async def test_a_read_that_cannot_be_served_gets_a_status(client, stream, payload, status):
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    await client.publish(f"$JS.API.DIRECT.GET.{stream}", payload, reply=inbox)
    answer = await answers.next_msg(10)
    while "Status" not in answer.headers:
        answer = await answers.next_msg(10)
    assert status is None or answer.headers["Status"] == status


async def test_what_was_answered_outlives_a_kill(start, connect):
    first = start("--store", "sqlite:game.sqlite", *PATIENT)
    async with connect(first, allow_reconnect=False) as client:
        seats = {player: await join(client, player) for player in ("ann", "bob", "cy", "dee")}
        before = {table: await ask(client, "GameTable", table, "GetTable") for table in ("1", "2")}
        kept, _ = await read_back(client, "GameTable", seq=1, batch=1000)
        assert await asyncio.to_thread(first.end, signal.SIGKILL) == -signal.SIGKILL
    second = await asyncio.to_thread(start, "--store", "sqlite:game.sqlite", *PATIENT)
    async with connect(second) as client:
        assert {table: await ask(client, "GameTable", table, "GetTable") for table in ("1", "2")} == before
        again, _ = await read_back(client, "GameTable", seq=1, batch=1000)
        assert [essence(event) for event in again] == [essence(event) for event in kept]
        live = await client.subscribe("evt.GameTable.2.>")
        assert await join(client, "dee") == seats["dee"]
        assert await join(client, "eve") == {"table": "2", "seat": 2}
        event = await live.next_msg(10)
        assert (name(event), sequence(event)) == ("PlayerJoined", len(kept) + 1)
        reply = await request(client, "obj.GameTable.2.GetTable")
        assert len(json.loads(reply.data)["seats"]) == 2
