"""Where Rivulet's broker answers otherwise than nats-server 2.15: on purpose, and not yet rightly."""

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
]

CONTROL = ("control character", "delete", "NUL", "vertical tab", "form feed")
WILD = ("star", "only star", "greater", "only greater", "greater not last", "two stars", "star then greater")
EMPTY = ("empty token", "leading dot", "trailing dot", "only a dot")

# What is to be settled: each reason with its scripts. They are expected to differ, and fail the test as soon as they do not.
OPEN_DIFFERENCES = {
    "A verbose client's +OK to a PUB that is refused follows the error; ours precedes it.": [
        "before connect: odd subject", "verbose errors"],
    "A client that is not pedantic may publish to any subject: one with an empty token reaches nobody, without an error.": [
        *(f"{what} {subject}" for what in ("publish to", "subscribe and publish to") for subject in EMPTY),
        "subscribe and publish to greater not last"],
    "Wildcards in a published subject are taken literally and delivered, pedantic (after the error) or not.": [
        *(f"{what} {subject}" for what in ("publish to", "publish, pedantic, to") for subject in WILD),
        *(f"subscribe and publish to {subject}" for subject in WILD if subject != "greater not last")],
    "Control characters may stand in subjects.": [
        *(f"{what} {subject}" for what in (
            "publish to", "publish, pedantic, to", "subscribe to", "subscribe, pedantic, to", "subscribe and publish to")
          for subject in CONTROL)],
    "Subscriptions' subjects may hold bytes that are not UTF-8.": [
        f"{what} not UTF-8" for what in ("subscribe to", "subscribe, pedantic, to", "subscribe and publish to")],
    "A carriage return without a line feed separates the arguments of SUB and UNSUB, and is part of a PUB's; ours is a parser error.": [
        *(f"{what} carriage return" for what in (
            "publish to", "publish, pedantic, to", "subscribe to", "subscribe, pedantic, to", "subscribe and publish to", "reply to",
            "reply, pedantic, to", "sid")),
        "line carriage return alone", "line carriage return within", "line two carriage returns", "verbose line two carriage returns"],
    "A maximum of UNSUB that is no number, or has ten digits or more, counts as none: the subscription ends at once.": [
        f"unsub with maximum {number}" for number in ("-1", "as text", "1.5", "+1", "over 32 bits", "over 64 bits", "of ten digits")],
    "A size has at most nine digits, leading zeros included; otherwise the connection is closed.": [
        "payload twelve digits of leading zeros", "payload thirty digits of leading zeros"],
    "A number in JSON has no leading zero; the connection is closed.": ["connect number with leading zero"],
    "PING and PONG may be followed by anything on the same line, also without a blank.": [
        "line ping with letters", "line pong with letters", "verbose line pong with letters"],
    "-ERR without a text is an unknown operation, and INFO with a blank for its JSON closes the connection.": [
        "line err alone", "line info of nothing"],
    "The subject of a SUB whose sid is in use is not looked at; ours answers that it is invalid.": ["sid twice, second subject invalid"],
    "A 503 for want of responders does not count for a subscription's maximum.": [
        "no responders, inbox limited to one", "no responders, inbox limited to two"],
    "A 503 for want of responders does not go to members of queue groups.": ["no responders, inbox in a queue group"],
    "$SYS.REQ.USER.INFO is answered with the client's user and account; ours says nobody is there.": ["user info", "user info, with body"],
    "$SYS.REQ.ACCOUNT.PING.CONNZ is answered with the account's connections; ours says nobody is there.": ["account ping"],
}


def accepted(reference: Transcript, ours: Transcript) -> tuple[list[str], list[str]]:
    """The lines of both transcripts without the differences that are accepted wherever they occur."""
    expected, answered = {}, {}
    for name, lines in reference.connections.items():
        # nats-server sends INFO once more when it has answered a CONNECT; what that adds (the account, an API level) is about
        # accounts and JetStream.
        lines = lines[:1] + [line for line in lines[1:] if line != lines[0]]
        expected[name] = [CAPITALS.get(line, line) for line in lines]
        answered[name] = list(ours.connections[name])
        closes_silently = lines[-1] == "closed" and not lines[-2].startswith("-ERR")
        if closes_silently and answered[name][-1] == "closed" and answered[name][-2] in SAID_BEFORE_CLOSING:
            del answered[name][-2]
    return Transcript(expected, reference.groups).lines(), Transcript(answered, ours.groups).lines()
