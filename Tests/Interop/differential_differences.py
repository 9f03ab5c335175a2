"""Where Rivulet's broker answers otherwise than nats-server 2.15, on purpose."""

import re
from dataclasses import dataclass

from differential_transcript import Transcript

# Texts that nats-server writes in lower case. Ours are those of the protocol's documentation; clients ignore the case.
CAPITALS = {
    "-ERR 'maximum control line exceeded'": "-ERR 'Maximum Control Line Exceeded'",
    "-ERR 'invalid client protocol'": "-ERR 'Invalid Client Protocol'",
    "-ERR 'no responders requires headers support'": "-ERR 'No Responders Requires Headers Support'",
}

# What Rivulet says before it closes a connection for a malformed or forbidden operation, where nats-server closes without a word
# (and notes the reason in its log). Whoever writes a client is to see what was wrong.
SAID_BEFORE_CLOSING = {
    "-ERR 'Parser Error'",
    "-ERR 'Message Headers Not Supported'",
    "-ERR 'Maximum Payload Violation'",
}


@dataclass(frozen=True)
class Accepted:
    """A script with an answer of our own, which is checked: `ours` are its lines but INFO and PONG."""

    script: str
    reason: str
    ours: tuple[str, ...]


def accept(reason: str, scripts: list[str], *ours: str) -> list[Accepted]:
    """Scripts that all have the same answer."""
    return [Accepted(script, reason, ours) for script in scripts]


# What INFO says about logging in.
LOGIN = re.compile(r', "(auth_required|nonce)": [^,}]+')

NO_TEXT = ("control character", "delete", "NUL", "vertical tab", "form feed", "not UTF-8")

ACCEPTED = [
    Accepted(
        "connect null",
        "CONNECT takes an object; Go's decoder lets null pass for an empty one.",
        ("a: -ERR 'Parser Error'", "a: closed")),
    Accepted(
        "connect deeply nested",
        "How deep JSON from strangers may nest is limited.",
        ("a: -ERR 'Parser Error'", "a: closed")),
    Accepted(
        "connect other case of members",
        "Names in JSON are compared exactly; Go's decoder ignores case, which the protocol does not ask for.",
        ("a: +OK", "a: +OK", "a: +OK", "a: [1] s.~: 'x'")),
    Accepted(
        "connect twice",
        "A second CONNECT changes options only. nats-server also stops delivering to the subscriptions made before.",
        ("a: +OK", "a: +OK", "a: +OK", "a: [1] s.~: 'x'", "a: [1] s.~: 'x'")),
    Accepted(
        "around an error of the client",
        "Nothing counts that follows a client's -ERR; nats-server still carries out what came in the same read.",
        ("b: [1] s.~: 'before'", "a: +OK", "a: +OK", "a: +OK", "a: [1] s.~: 'before'", "a: closed")),
    *accept(
        "What is subscribed to is text, since permissions, monitoring and stores show and keep it. Published subjects may be any bytes.",
        [f"{what} {subject}" for what in ("subscribe to", "subscribe, pedantic, to", "subscribe and publish to") for subject in NO_TEXT],
        "a: -ERR 'Invalid Subject'"),
    *accept(
        "A carriage return belongs to the end of a line. nats-server takes one elsewhere for a blank in SUB and UNSUB and for a part "
        "of the subject in PUB, and then drops the line's last byte if it ends in a line feed only.",
        [*(f"{what} carriage return" for what in (
            "publish to", "publish, pedantic, to", "subscribe to", "subscribe, pedantic, to", "subscribe and publish to", "reply to",
            "reply, pedantic, to", "sid")),
         "line carriage return alone", "line carriage return within", "line two carriage returns"],
        "a: -ERR 'Parser Error'", "a: closed"),
    *accept("The same.", ["verbose line two carriage returns"], "a: +OK", "a: -ERR 'Parser Error'", "a: closed"),
    *accept(
        "PINGS is no operation; nats-server ignores whatever follows PING and PONG on their line.",
        ["line ping with letters", "line pong with letters"],
        "a: -ERR 'Unknown Protocol Operation'", "a: closed"),
    *accept("The same.", ["verbose line pong with letters"], "a: +OK", "a: -ERR 'Unknown Protocol Operation'", "a: closed"),
    *accept("What a client says in INFO means nothing, so it is not read.", ["line info of nothing"]),
    *accept(
        "There are no accounts, so nobody answers for them.", ["account ping"],
        r"a: [any] in.~: '' with 'NATS/1.0 503\r\nNats-Subject: $SYS.REQ.ACCOUNT.PING.CONNZ\r\n\r\n'"),
]



def accepted(reference: Transcript, ours: Transcript) -> tuple[list[str], list[str]]:
    """The lines of both transcripts without the differences that are accepted wherever they occur."""
    expected, answered = {}, {}
    for name, lines in reference.connections.items():
        # nats-server sends INFO once more when it has answered a CONNECT; what that adds (the account, an API level) is about
        # accounts and JetStream, or, where the anonymous may come in, contradicts what it said first.
        lines = lines[:1] + [line for line in lines[1:] if LOGIN.sub("", line) != LOGIN.sub("", lines[0])]
        expected[name] = [CAPITALS.get(line, line) for line in lines]
        answered[name] = list(ours.connections[name])
        closes_silently = lines[-1] == "closed" and not lines[-2].startswith("-ERR")
        if closes_silently and answered[name][-1] == "closed" and answered[name][-2] in SAID_BEFORE_CLOSING:
            del answered[name][-2]
    return Transcript(expected, reference.groups).lines(), Transcript(answered, ours.groups).lines()
