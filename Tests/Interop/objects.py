"""Calling objects and reading their streams with a stock NATS client."""

import asyncio
import json


class Refused(Exception):
    """An error reply, as the NATS service convention has it."""

    def __init__(self, reply):
        self.code = int(reply.headers["Nats-Service-Error-Code"])
        self.message = reply.headers["Nats-Service-Error"]
        self.name = reply.headers.get("Rivulet-Error")
        self.body = json.loads(reply.data) if reply.data else None
        super().__init__(f"{self.code} {self.message}")


async def request(client, subject: str, payload: bytes = b"{}", headers=None, timeout=10):
    """The reply to a request.

    Raises Refused for an error reply.
    """
    reply = await client.request(subject, payload, headers=headers, timeout=timeout)
    if reply.headers and "Nats-Service-Error-Code" in reply.headers:
        raise Refused(reply)
    return reply


async def ask(client, kind: str, id: str, message: str, headers=None, **members):
    """An object's answer, decoded."""
    reply = await request(client, f"obj.{kind}.{id}.{message}", json.dumps(members).encode(), headers)
    return json.loads(reply.data)


async def join(client, player: str) -> dict:
    return await ask(client, "Casino", "main", "JoinGame", player=player)


async def play(clients: dict, table: str) -> dict:
    """Plays a game to its end, each player with a client of their own, and gives the last look at the table."""
    watcher = next(iter(clients.values()))
    while True:
        snapshot = await ask(watcher, "GameTable", table, "GetTable")
        if snapshot["phase"] == "settled":
            return snapshot
        assert snapshot["dealer"]["hidden"] == 1, "the hole card is hidden until the dealer plays"
        seat = snapshot["seats"][snapshot["turn"]["seat"] - 1]
        move = "Hit" if seat["total"] < 15 else "Stand"
        after = await ask(clients[seat["player"]], "GameTable", table, move, player=seat["player"])
        assert after["player"] == seat["player"]
        assert len(after["hand"]) == len(seat["hand"]) + (move == "Hit")


async def read_back(client, stream: str, timeout=10, **request) -> tuple[list, object]:
    """The events that a batch request to a stream is answered with, and the message that ends them."""
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
    events = []
    async with asyncio.timeout(timeout):
        while True:
            message = await answers.next_msg(timeout)
            if message.headers and "Status" in message.headers:
                await answers.unsubscribe()
                return events, message
            events.append(message)


HEADERS = ["Nats-Stream", "Nats-Sequence", "Nats-Time-Stamp", "Rivulet-Epoch", "Rivulet-Previous"]


def essence(event) -> dict:
    """What is the same of an event whether it comes live or is read back."""
    subject = event.headers.get("Nats-Subject", event.subject)
    return {"subject": subject, "data": event.data} | {name: event.headers[name] for name in HEADERS}


def sequence(event) -> int:
    return int(event.headers["Nats-Sequence"])


def previous(event) -> int:
    return int(event.headers["Rivulet-Previous"])


def name(event) -> str:
    return essence(event)["subject"].split(".")[-1]
