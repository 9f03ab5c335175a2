"""Plays a script to a server over plain sockets, and writes down what the server answers.

A script names connections and says which bytes go to which of them, in turn. Unless a step is `Partial`, a PING follows its
bytes, and the next step waits for the PONGs of all connections: what a server has to say about a step then lies between the same
two PONGs, however slow the machine is. Nothing sleeps.
"""

import json
import re
import socket
from collections import Counter
from dataclasses import dataclass, field, replace

PATIENCE = 10.0
CRLF = b"\r\n"
PING = b"PING\r\n"
# Of INFO only what a client's behaviour depends on.
INFO_FIELDS = ("proto", "headers", "max_payload", "auth_required", "tls_required", "tls_available", "tls_verify", "jetstream", "nonce", "ldm")
ACCOUNT_FIELDS = ("user", "account", "account_name", "permissions")
PINGS = re.compile(rb"(?im)^[ \t]*ping\w*")


class Partial(bytes):
    """Bytes that no PING may follow, as they end within a frame. Another connection's round trip separates them from the next."""


class Request(bytes):
    """Bytes whose answer, a message to the same connection, the server makes in its own time."""


@dataclass(frozen=True)
class Script:
    name: str
    steps: list
    """(connection, bytes) in turn. A connection is made when it is first named. `~` in bytes stands for a number that differs
    from script to script, so that none sees what is left of another."""
    number: str = "~"

    def numbered(self, number: int) -> "Script":
        text = f"{number:04}"
        return Script(self.name, [(name, type(data)(data.replace(b"~", text.encode()))) for name, data in self.steps], text)


@dataclass
class Transcript:
    connections: dict[str, list[str]]
    """What each connection was sent."""
    groups: Counter = field(default_factory=Counter)
    """What the members of queue groups were sent; whose turn it is is the server's to choose. Members have sids like `q1-3`,
    the same before the dash for all groups of one name, since those share a message even if their patterns differ."""

    def lines(self) -> list[str]:
        lines = [f"{name}: {line}" for name, lines in self.connections.items() for line in lines]
        return lines + [f"{count} × {line}" for line, count in sorted(self.groups.items())]


class Connection:
    def __init__(self, port: int):
        self.answers = []
        self.is_open = True
        self._buffer = bytearray()
        self._unanswered = b""
        self._pongs = 0
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read_until(lambda: self.answers)

    def send(self, data: bytes):
        self._unanswered += data
        if self.is_open:
            try:
                self._socket.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # What the server said before it closed is still to be read.

    def wait(self):
        """Waits until the server has answered all PINGs that were sent, or has closed the connection."""
        self._pongs += len(PINGS.findall(self._unanswered))
        self._unanswered = b""
        self._read_until(lambda: self._pongs <= 0)

    def wait_for_message(self):
        known = sum(isinstance(answer, Message) for answer in self.answers)
        self._read_until(lambda: sum(isinstance(answer, Message) for answer in self.answers) > known)

    def close(self):
        self._socket.close()

    def _read_until(self, condition):
        while self.is_open and not condition():
            try:
                data = self._socket.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            except TimeoutError:
                self.answers.append("silent")
                data = b""
            if not data:
                self.is_open = False
                self.answers.append("closed")
                return
            self._buffer += data
            while (answer := self._next()) is not None:
                if answer == "PING":
                    continue  # A server asks whenever it likes.
                self._pongs -= answer == "PONG"
                self.answers.append(answer)

    def _next(self):
        end = self._buffer.find(CRLF)
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        words = re.split(rb"[ \t]+", line)
        length = 0
        if words[0] in (b"MSG", b"HMSG"):
            length = int(words[-1]) + 2
            if len(self._buffer) < end + 2 + length:
                return None
        payload = bytes(self._buffer[end + 2 : end + 2 + length])
        del self._buffer[: end + 2 + length]
        if length:
            return _message(words, payload)
        if line.startswith(b"INFO "):
            info = json.loads(line[5:])
            if "nonce" in info:
                info["nonce"] = f"{len(info['nonce'])} characters"
            return "INFO " + json.dumps({name: info[name] for name in INFO_FIELDS if info.get(name)})
        return line.decode("latin1")


@dataclass(frozen=True)
class Message:
    subject: str
    sid: str
    reply: str
    headers: str | None
    payload: str

    def __str__(self):
        headers = "" if self.headers is None else f" with {self.headers}"
        return f"[{self.sid}] {self.subject}{self.reply and f' ({self.reply})'}: {self.payload}{headers}"


def _message(words, payload) -> Message:
    assert payload.endswith(CRLF), (words, payload)
    counts = 2 if words[0] == b"HMSG" else 1
    subject, sid, *reply = (word.decode("latin1") for word in words[1:-counts])
    headers = int(words[-2]) if counts == 2 else 0
    body = payload[headers:-2]
    shown = _without_what_varies(body) if len(body) < 2000 else f"{len(body)} bytes, {Counter(body).most_common(1)}"
    return Message(subject, sid, "".join(reply), repr(payload[:headers])[1:] if headers else None, shown)


def _without_what_varies(body: bytes) -> str:
    """Of JSON that a server made, its shape."""
    if not body.startswith(b'{"server":'):
        return repr(body)[1:]
    data = json.loads(body).get("data", {})
    return f"answer of a server: {({name: data[name] for name in sorted(data) if name in ACCOUNT_FIELDS})}"


def play(script: Script, port: int) -> Transcript:
    """What a server answers to a script."""
    connections: dict[str, Connection] = {}
    clock = Connection(port) if any(isinstance(data, Partial) for _, data in script.steps) else None
    try:
        for name, data in script.steps:
            if name not in connections:
                connections[name] = Connection(port)
            if isinstance(data, Partial):
                connections[name].send(data)
                clock.send(PING)
                clock.wait()
            else:
                if isinstance(data, Request):
                    connections[name].send(data)
                    connections[name].wait_for_message()
                    data = b""
                connections[name].send(data + PING)
                connections[name].wait()
                _settle(connection for other, connection in connections.items() if other != name)
        _settle(connections.values())
        return _transcript(connections)
    finally:
        for connection in [*connections.values(), *([clock] if clock else [])]:
            connection.close()


def _settle(connections):
    connections = list(connections)
    for connection in connections:
        connection.send(PING)
    for connection in connections:
        connection.wait()


def _transcript(connections) -> Transcript:
    transcript = Transcript({})
    for name, connection in connections.items():
        lines = transcript.connections[name] = []
        copies: list[Message] = []
        for answer in [*connection.answers, None]:
            # Which of a connection's subscriptions gets its copy of a message first is the server's to choose.
            if copies and (not isinstance(answer, Message) or _content(answer) != _content(copies[0])):
                lines += map(str, sorted(copies, key=lambda copy: copy.sid))
                copies = []
            if not isinstance(answer, Message):
                lines += [answer] if answer else []
            elif answer.sid.startswith("q"):
                # Not all members understand headers.
                transcript.groups[str(replace(answer, sid=answer.sid.split("-")[0], headers=None))] += 1
            elif (answer.headers or "").startswith("'NATS/1.0 503"):
                # Which of the subscriptions for the reply it goes to is the server's to choose, too.
                copies.append(replace(answer, sid="any"))
            else:
                copies.append(answer)
    return transcript


def _content(message: Message) -> Message:
    return replace(message, sid="")
