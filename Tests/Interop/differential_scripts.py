"""The scripts that both servers are played: what clients do, what they might, and what none should."""

import json
import random

from differential_transcript import Partial, Script

MEBIBYTE = 1 << 20


def connect(**options) -> bytes:
    said = {"verbose": False, "pedantic": False, "protocol": 1} | options
    return b"CONNECT " + json.dumps(said).encode() + b"\r\n"


PLAIN = connect()
PEDANTIC = connect(pedantic=True)
VERBOSE = connect(verbose=True)
HEADERS = connect(headers=True)
RESPONDERS = connect(headers=True, no_responders=True)
BLOCK = b"NATS/1.0\r\nA: b\r\n\r\n"


def pub(subject: bytes, payload: bytes = b"x", reply: bytes = b"") -> bytes:
    return b"PUB %b %b%d\r\n%b\r\n" % (subject, reply and reply + b" ", len(payload), payload)


def hpub(subject: bytes, payload: bytes = b"x", reply: bytes = b"", block: bytes = BLOCK) -> bytes:
    sizes = b"%d %d" % (len(block), len(block) + len(payload))
    return b"HPUB %b %b%b\r\n%b%b\r\n" % (subject, reply and reply + b" ", sizes, block, payload)


def alone(*steps: bytes, after: bytes = PLAIN) -> list:
    """The steps of one connection, which begins with CONNECT."""
    return [("a", after), *(("a", step) for step in steps)]


def each(name: str, cases: dict, make) -> dict:
    return {f"{name} {case}": make(value) for case, value in cases.items()}


def many(count: int, make) -> bytes:
    return b"".join(make(number) for number in range(count))


# MARK: Connecting

BEFORE_CONNECT = {
    "before connect: nothing but ping": [("a", b""), ("a", b"PING\r\n")],
    "before connect: all operations": [("a", b"SUB s.~ 1\r\n"), ("a", pub(b"s.~")), ("a", b"UNSUB 1\r\n"), ("a", b"PONG\r\n")],
    "before connect: headers": [("a", b"SUB s.~ 1\r\n"), ("a", hpub(b"s.~"))],
    "before connect: odd subject": [("a", b"SUB s..~ 1\r\n"), ("a", pub(b"s.*.~"))],
    "connect after operations": [("a", b"SUB s.~ 1\r\n"), ("a", HEADERS), ("a", hpub(b"s.~"))],
}

CONNECTS = each("connect", {
    "empty object": b"CONNECT {}\r\n",
    "plain": PLAIN,
    "verbose": VERBOSE,
    "pedantic": PEDANTIC,
    "all": connect(verbose=True, pedantic=True, headers=True, no_responders=True, echo=False),
    "unknown members": connect(colour="red", depth=[1, {"a": None}]),
    "null members": connect(name=None, verbose=None),
    "other case of members": b'CONNECT {"VERBOSE":false,"Pedantic":false}\r\n',
    "member twice": b'CONNECT {"verbose":true,"verbose":false}\r\n',
    "blanks around": b'CONNECT  \t {"verbose":false} \t \r\n',
    "blanks within": b'CONNECT { "verbose" :\tfalse }\r\n',
    "escapes": b'CONNECT {"verbose":false,"name":"\\u00e9\\n\\ud83d\\ude00\\\\"}\r\n',
    "lower case operation": b'connect {"verbose":false}\r\n',
    "line feed": b'CONNECT {"verbose":false}\n',
    "protocol 0": connect(protocol=0),
    "protocol 2": connect(protocol=2),
    "protocol -1": connect(protocol=-1),
    "protocol as text": connect(protocol="1"),
    "protocol 1.5": connect(protocol=1.5),
    "verbose as text": connect(verbose="true"),
    "verbose as number": connect(verbose=1),
    "name as number": connect(name=1),
    "credentials nobody asked for": connect(user="a", auth_token="b", nkey="c", sig="d", jwt="e", **{"pass": "f"}),
    "no_responders without headers": connect(no_responders=True),
    "tls_required": connect(tls_required=True),
    "nothing": b"CONNECT\r\n",
    "nothing but a blank": b"CONNECT \r\n",
    "array": b"CONNECT []\r\n",
    "null": b"CONNECT null\r\n",
    "text": b"CONNECT hello\r\n",
    "half an object": b'CONNECT {"verbose":\r\n',
    "two objects": b"CONNECT {}{}\r\n",
    "garbage after": b"CONNECT {} x\r\n",
    "single quotes": b"CONNECT {'verbose':false}\r\n",
    "trailing comma": b'CONNECT {"verbose":false,}\r\n',
    "not UTF-8": b'CONNECT {"verbose":false,"name":"\xff\xfe"}\r\n',
    "control character in text": b'CONNECT {"verbose":false,"name":"a\x01b"}\r\n',
    "number with leading zero": b'CONNECT {"protocol":01}\r\n',
    "huge number": b'CONNECT {"verbose":false,"protocol":99999999999999999999}\r\n',
    "deeply nested": b'CONNECT {"verbose":false,"x":' + b"[" * 200 + b"]" * 200 + b"}\r\n",
    "4096 bytes": b'CONNECT {"verbose":false,"name":"' + b"n" * (4096 - 27) + b'"}\r\n',
}, lambda line: [("a", line), ("a", b"SUB s.~ 1\r\n"), ("a", pub(b"s.~"))])

CONNECTING = BEFORE_CONNECT | CONNECTS | {
    "connect twice": alone(VERBOSE, b"SUB s.~ 1\r\n", pub(b"s.~"), PLAIN, pub(b"s.~")),
    "connect twice keeps what is not mentioned": alone(b"CONNECT {}\r\n", b"SUB s.~ 1\r\n", after=VERBOSE),
    "connect twice turns headers off": alone(connect(headers=False), hpub(b"s.~"), after=HEADERS),
    "connect twice turns echo off": alone(b"SUB s.~ 1\r\n", connect(echo=False), pub(b"s.~")),
    "verbose session": alone(
        b"SUB s.~ 1\r\n", b"SUB s.~ q 2\r\n", pub(b"other.~"), b"UNSUB 2\r\n", pub(b"s.~"), b"UNSUB 1 2\r\n", b"PONG\r\n",
        b"PING\r\n", pub(b"s.~"), b"UNSUB 9\r\n", after=VERBOSE),
    "verbose errors": alone(b"SUB a..b 1\r\n", pub(b"a..b"), after=connect(verbose=True, pedantic=True)),
}

# MARK: Subjects

SUBJECTS = {
    "empty token": b"a..~", "leading dot": b".a~", "trailing dot": b"a~.", "only a dot": b".", "star": b"a.*.~", "only star": b"*",
    "star within a token": b"a.b*c.~", "greater": b"a.~.>", "only greater": b">", "greater not last": b"a.>.~",
    "greater within a token": b"a~.b>", "two stars": b"a~.*.*", "double star": b"a~.**", "star then greater": b"a~.*.>",
    "not UTF-8": b"a~.\xff\xfe", "UTF-8": "a~.é.😀".encode(), "control character": b"a~.\x01", "delete": b"a~.\x7f",
    "NUL": b"a~.\x00b", "vertical tab": b"a~.\x0bb", "form feed": b"a~.\x0c", "dollar": b"$a~.b", "quotes": b"a~.'\"",
    "long": b"a~." + b"t" * 2000, "sixteen tokens": b"a~" + b".t" * 15, "two hundred tokens": b"a~" + b".t" * 199,
    "carriage return": b"a~\rb",
}

SUBJECT_RULES = each(
    "publish to", SUBJECTS, lambda subject: [("b", PLAIN + b"SUB > all\r\nSUB *.> two\r\n"), *alone(pub(subject), pub(b"s.~"))]
) | each(
    "publish, pedantic, to", SUBJECTS, lambda subject: [("b", PLAIN + b"SUB > all\r\n"), *alone(pub(subject), after=PEDANTIC)]
) | each(
    "subscribe to", SUBJECTS,
    lambda subject: alone(b"SUB %b 1\r\n" % subject, pub(b"a~.b.c"), pub(b"a.x.~"), pub(b"a.b*c.~"), pub(b"a~.b>"), pub(b"a.>.~"))
) | each(
    "subscribe, pedantic, to", SUBJECTS, lambda subject: alone(b"SUB %b 1\r\n" % subject, pub(b"a~.b.c"), after=PEDANTIC)
) | each(
    "subscribe and publish to", SUBJECTS, lambda subject: alone(b"SUB %b 1\r\n" % subject, pub(subject))
) | each(
    "reply to", SUBJECTS, lambda subject: alone(b"SUB s.~ 1\r\n", pub(b"s.~", reply=subject))
) | each(
    "reply, pedantic, to", SUBJECTS, lambda subject: alone(b"SUB s.~ 1\r\n", pub(b"s.~", reply=subject), after=PEDANTIC)
) | each(
    "queue named", SUBJECTS, lambda name: alone(b"SUB s.~ %b 1\r\n" % name, pub(b"s.~"), after=PEDANTIC)
) | each(
    "sid", SUBJECTS | {"text": b"abc", "negative": b"-1", "huge": b"9" * 40, "long": b"s" * 1000},
    lambda sid: alone(b"SUB s.~ %b\r\n" % sid, pub(b"s.~"), b"UNSUB %b\r\n" % sid, pub(b"s.~"))
)

WILDCARDS = [b"w~.a", b"w~.*", b"w~.>", b"w~.a.b", b"w~.a.*", b"w~.*.b", b"w~.*.*", b"w~.a.>", b"w~.*.>", b"w~.a.b.>", b"w~.*.b.c", b">"]
MATCHING = {
    "wildcards": alone(
        many(len(WILDCARDS), lambda i: b"SUB %b %d\r\n" % (WILDCARDS[i], i)),
        pub(b"w~"), pub(b"w~.a"), pub(b"w~.b"), pub(b"w~.a.b"), pub(b"w~.b.a"), pub(b"w~.a.b.c"), pub(b"w~.b.b.c"), pub(b"w~.b.c.d.e")),
    "overlapping subscriptions of two": [
        ("a", PLAIN + b"SUB o~.x 1\r\nSUB o~.* 2\r\nSUB o~.x 3\r\n"), ("b", PLAIN + b"SUB o~.> 1\r\nSUB o~.x 2\r\n"),
        ("a", pub(b"o~.x")), ("b", pub(b"o~.x")), ("a", b"UNSUB 1\r\n"), ("b", pub(b"o~.x") + pub(b"o~.y"))],
    "same subject many times": alone(many(20, lambda i: b"SUB s.~ %d\r\n" % i), pub(b"s.~"), many(10, lambda i: b"UNSUB %d\r\n" % i), pub(b"s.~")),
    "case of subjects counts": alone(b"SUB Foo.~ 1\r\nSUB foo.~ 2\r\n", pub(b"FOO.~") + pub(b"foo.~") + pub(b"Foo.~")),
    "sid twice, same subject": alone(b"SUB s.~ 1\r\n", b"SUB s.~ 1\r\n", pub(b"s.~"), b"UNSUB 1\r\n", pub(b"s.~")),
    "sid twice, other subject": alone(b"SUB s.~ 1\r\n", b"SUB t.~ 1\r\n", pub(b"s.~"), pub(b"t.~"), b"UNSUB 1\r\n", pub(b"s.~"), pub(b"t.~")),
    "sid twice, verbose": alone(b"SUB s.~ 1\r\n", b"SUB t.~ 1\r\n", pub(b"t.~"), after=VERBOSE),
    "sid twice, second subject invalid": alone(b"SUB s.~ 1\r\n", b"SUB s..~ 1\r\n", pub(b"s.~")),
    "sid again after unsub": alone(b"SUB s.~ 1\r\nUNSUB 1\r\nSUB t.~ 1\r\n", pub(b"s.~") + pub(b"t.~")),
    "sid again after its maximum": alone(b"SUB s.~ 1\r\nUNSUB 1 1\r\n", pub(b"s.~", b"one"), b"SUB t.~ 1\r\n", many(3, lambda i: pub(b"t.~", b"%d" % i))),
    "sids differ by leading zero": alone(b"SUB s.~ 1\r\nSUB s.~ 01\r\nUNSUB 01\r\n", pub(b"s.~")),
    "sids are per connection": [("a", PLAIN + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"), ("b", b"UNSUB 1\r\n"), ("b", pub(b"s.~"))],
}

# MARK: Unsubscribing, queue groups


def limits(count: int, *unsubs: bytes, before: int = 0, after: bytes = PLAIN, sub: bytes = b"SUB s.~ 1\r\n") -> list:
    """So many messages after, and before, the subscription has its limit."""
    return alone(sub, many(before, lambda i: pub(b"s.~", b"before %d" % i)), *unsubs, many(count, lambda i: pub(b"s.~", b"after %d" % i)), after=after)


UNSUBSCRIBING = {
    "unsub": limits(2, b"UNSUB 1\r\n", before=1),
    "unsub with maximum": limits(5, b"UNSUB 1 3\r\n"),
    "unsub with maximum, some delivered": limits(5, b"UNSUB 1 3\r\n", before=2),
    "unsub with maximum, as many delivered": limits(5, b"UNSUB 1 3\r\n", before=3),
    "unsub with maximum, more delivered": limits(5, b"UNSUB 1 3\r\n", before=4),
    "unsub with maximum 0": limits(3, b"UNSUB 1 0\r\n"),
    "unsub with maximum -1": limits(3, b"UNSUB 1 -1\r\n"),
    "unsub with maximum 03": limits(5, b"UNSUB 1 03\r\n"),
    "unsub with maximum as text": limits(3, b"UNSUB 1 abc\r\n"),
    "unsub with maximum 1.5": limits(3, b"UNSUB 1 1.5\r\n"),
    "unsub with maximum +1": limits(3, b"UNSUB 1 +1\r\n"),
    "unsub with maximum over 32 bits": limits(3, b"UNSUB 1 4294967297\r\n"),
    "unsub with maximum over 64 bits": limits(3, b"UNSUB 1 99999999999999999999\r\n"),
    "unsub with maximum of nine digits": limits(3, b"UNSUB 1 999999999\r\n"),
    "unsub with maximum of ten digits": limits(3, b"UNSUB 1 1000000000\r\n"),
    "unsub with maximum raised": limits(6, b"UNSUB 1 2\r\n", b"UNSUB 1 4\r\n"),
    "unsub with maximum lowered": limits(6, b"UNSUB 1 4\r\n", b"UNSUB 1 2\r\n"),
    "unsub with maximum lowered to what is delivered": limits(6, b"UNSUB 1 4\r\n", b"UNSUB 1 2\r\n", before=2),
    "unsub with maximum, then without": limits(3, b"UNSUB 1 4\r\n", b"UNSUB 1\r\n"),
    "unsub with maximum, then 0": limits(3, b"UNSUB 1 1\r\n", b"UNSUB 1 0\r\n"),
    "unsub with maximum, verbose": limits(3, b"UNSUB 1 2\r\n", after=VERBOSE),
    "unsub of unknown sid": alone(b"UNSUB 7\r\nUNSUB 7 3\r\n"),
    "unsub of unknown sid, pedantic": alone(b"UNSUB 7\r\nUNSUB 7 3\r\n", after=PEDANTIC),
    "unsub of unknown sid, verbose": alone(b"UNSUB 7\r\nUNSUB 7 3\r\n", after=VERBOSE),
    "unsub twice": alone(b"SUB s.~ 1\r\nUNSUB 1\r\nUNSUB 1\r\n", pub(b"s.~")),
    "unsub before sub": limits(5, b"", sub=b"UNSUB 1 2\r\nSUB s.~ 1\r\n"),
    "unsub without sid": alone(b"UNSUB\r\n"),
    "unsub with a blank for sid": alone(b"UNSUB \r\n"),
    "unsub with three arguments": limits(3, b"UNSUB 1 2 3\r\n"),
    "unsub by sids of another": [("a", PLAIN + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"UNSUB 1\r\n" + pub(b"s.~"))],
    "unsub with maximum, of one of two": [
        ("a", PLAIN + b"SUB s.~ 1\r\nSUB s.~ 2\r\nUNSUB 1 2\r\n"), ("b", PLAIN + many(4, lambda i: pub(b"s.~", b"%d" % i)))],
    "unsub with maximum, wildcard": alone(b"SUB w~.* 1\r\nUNSUB 1 3\r\n", many(5, lambda i: pub(b"w~.%d" % i, b"%d" % i))),
    "a limited subscription is no responder any more": alone(
        b"SUB in.~ 1\r\nSUB s.~ 2\r\nUNSUB 2 1\r\n", pub(b"s.~", reply=b"in.~"), pub(b"s.~", reply=b"in.~"), after=RESPONDERS),
}

QUEUES = {
    "queue group of one": alone(b"SUB s.~ g q1-1\r\n", many(5, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group of three": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\nSUB s.~ g q1-2\r\n"),
        ("c", PLAIN + many(60, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue groups beside subscriptions": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\nSUB s.~ h q2-1\r\nSUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\nSUB s.~ h q2-1\r\n"),
        ("c", PLAIN + many(30, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue groups of one name and two patterns": [
        ("a", PLAIN + b"SUB s~.a g q1-1\r\nSUB s~.* g q2-1\r\n"), ("b", PLAIN + b"SUB s~.a g q1-1\r\nSUB s~.> g q3-1\r\n"),
        ("c", PLAIN + many(30, lambda i: pub(b"s~.a", b"%d" % i)))],
    "queue group, member leaves": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"), ("c", PLAIN + many(10, lambda i: pub(b"s.~", b"%d" % i))),
        ("a", b"UNSUB q1-1\r\n"), ("c", many(10, lambda i: pub(b"s.~", b"then %d" % i)))],
    "queue group, one limited, one not": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\nUNSUB q1-1 3\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"),
        ("c", PLAIN + many(40, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue group, all limited": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\nUNSUB q1-1 3\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\nUNSUB q1-1 4\r\n"),
        ("c", PLAIN + many(40, lambda i: pub(b"s.~")))],
    "queue group, all limited, on one connection": alone(
        b"SUB s.~ g q1-1\r\nUNSUB q1-1 3\r\nSUB s.~ g q1-2\r\nUNSUB q1-2 4\r\n", many(40, lambda i: pub(b"s.~"))),
    "queue group, limited after delivery": alone(
        b"SUB s.~ g q1-1\r\n", many(4, lambda i: pub(b"s.~")), b"UNSUB q1-1 6\r\n", many(9, lambda i: pub(b"s.~")), b"UNSUB q1-1 3\r\n"),
    "queue group, limited to what is delivered": alone(
        b"SUB s.~ g q1-1\r\n", many(4, lambda i: pub(b"s.~")), b"UNSUB q1-1 4\r\n", many(9, lambda i: pub(b"s.~"))),
    "queue group, limited beside a subscription": alone(
        b"SUB s.~ 1\r\nSUB s.~ g q1-1\r\nUNSUB q1-1 2\r\nUNSUB 1 3\r\n", many(9, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group with the publisher, no echo": [
        ("a", connect(echo=False) + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"), ("a", many(20, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue group of the publisher alone, no echo": alone(b"SUB s.~ g q1-1\r\n", pub(b"s.~"), after=connect(echo=False)),
    "queue group, member without headers": [
        ("a", HEADERS + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"), ("c", HEADERS + many(20, lambda i: hpub(b"s.~", b"%d" % i)))],
    "queue group, names differ by case": alone(b"SUB s.~ g q1-1\r\nSUB s.~ G q2-1\r\n", pub(b"s.~")),
    "queue group, sid twice": alone(b"SUB s.~ 1\r\nSUB s.~ g 1\r\n", pub(b"s.~")),
}

# MARK: Echo, responders, headers

REQUESTS = {
    "no echo": [
        ("a", connect(echo=False) + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"), ("a", pub(b"s.~", b"of a")), ("b", pub(b"s.~", b"of b"))],
    "request and reply": [
        ("a", PLAIN + b"SUB ask.~ 1\r\n"), ("b", PLAIN + b"SUB in.~.* 1\r\n"), ("b", pub(b"ask.~", reply=b"in.~.1")), ("a", pub(b"in.~.1", b"answer"))],
    "no responders": alone(b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders to a request with headers": alone(b"SUB in.~ 1\r\n", hpub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, wildcard inbox": alone(b"SUB in.~.* 1\r\nSUB in.~.> 2\r\n", pub(b"nobody.~", reply=b"in.~.7"), after=RESPONDERS),
    "no responders, two inboxes": alone(b"SUB in.~ 1\r\nSUB in.~ 2\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, inbox in a queue group": alone(b"SUB in.~ g 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, inbox of another": [
        ("a", RESPONDERS + b"SUB in.~ 1\r\n"), ("b", RESPONDERS), ("b", pub(b"nobody.~", reply=b"in.~"))],
    "no responders, nobody at the inbox": alone(pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, verbose": alone(b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=connect(verbose=True, headers=True, no_responders=True)),
    "no responders, not asked for": alone(b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=HEADERS),
    "no responders, inbox limited to one": alone(
        b"SUB in.~ 1\r\nUNSUB 1 1\r\n", pub(b"nobody.~", reply=b"in.~"), pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, inbox limited to two": alone(
        b"SUB in.~ 1\r\nUNSUB 1 2\r\n", pub(b"nobody.~", reply=b"in.~"), pub(b"nobody.~", reply=b"in.~"), pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders without echo": alone(
        b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=connect(headers=True, no_responders=True, echo=False)),
    "no responders, only the asker itself without echo": alone(
        b"SUB in.~ 1\r\nSUB self.~ 2\r\n", pub(b"self.~", reply=b"in.~"), after=connect(headers=True, no_responders=True, echo=False)),
    "no responders, inbox is the subject": alone(b"SUB in.~ 1\r\n", pub(b"in.~", reply=b"in.~"), after=RESPONDERS),
    "user info": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.USER.INFO", b"", b"in.~"), after=RESPONDERS),
    "user info, with body": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.USER.INFO", b"{}", b"in.~"), after=RESPONDERS),
    "user info, without headers": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.USER.INFO", b"", b"in.~")),
    "user info, reply for nobody": alone(pub(b"$SYS.REQ.USER.INFO", b"", b"in.~"), after=RESPONDERS),
    "user info, no reply": alone(pub(b"$SYS.REQ.USER.INFO", b""), after=RESPONDERS),
    "server ping of a plain account": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.SERVER.PING", b"", b"in.~"), after=RESPONDERS),
    "account ping": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.ACCOUNT.PING.CONNZ", b"", b"in.~"), after=RESPONDERS),
    "jetstream information without jetstream": alone(b"SUB in.~ 1\r\n", pub(b"$JS.API.INFO", b"", b"in.~"), after=RESPONDERS),
    "system subjects from a plain account": alone(b"SUB $SYS.> 1\r\n", pub(b"$SYS.X.~"), b"SUB $SRV.~.> 2\r\n", pub(b"$SRV.~.PING")),
}

MIXED_READERS = [("a", HEADERS + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"), ("c", HEADERS)]
HEADER_BLOCKS = {
    "usual": BLOCK, "empty": b"NATS/1.0\r\n\r\n", "status": b"NATS/1.0 503\r\n\r\n", "status and text": b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    "repeated": b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n", "without a blank": b"NATS/1.0\r\nA:1\r\n\r\n", "no end": b"NATS/1.0\r\nA: 1\r\n",
    "line feeds": b"NATS/1.0\nA: 1\n\n", "other version": b"NATS/2.0\r\n\r\n", "no version": b"A: 1\r\n\r\n", "garbage": b"garbage",
    "not UTF-8": b"NATS/1.0\r\nA: \xff\r\n\r\n", "empty name": b"NATS/1.0\r\n: 1\r\n\r\n", "no colon": b"NATS/1.0\r\nAbc\r\n\r\n",
    "NUL": b"NATS/1.0\r\nA: \x00\r\n\r\n", "no bytes": b"", "one byte": b"N", "large": b"NATS/1.0\r\nA: " + b"v" * 10_000 + b"\r\n\r\n",
}
HEADER_OPERATIONS = each(
    "header block", HEADER_BLOCKS, lambda block: [*MIXED_READERS, ("c", hpub(b"s.~", block=block)), ("c", hpub(b"s.~", b"", block=block))]
) | each("hpub", {
    "headers only": b"HPUB s.~ 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "header size over total": b"HPUB s.~ 12 11\r\nNATS/1.0\r\n\r\n\r\n",
    "header size negative": b"HPUB s.~ -1 12\r\nNATS/1.0\r\n\r\n\r\n",
    "total negative": b"HPUB s.~ 12 -1\r\nNATS/1.0\r\n\r\n\r\n",
    "header size as text": b"HPUB s.~ x 12\r\nNATS/1.0\r\n\r\n\r\n",
    "total as text": b"HPUB s.~ 12 x\r\nNATS/1.0\r\n\r\n\r\n",
    "both 0": b"HPUB s.~ 0 0\r\n\r\n",
    "header size 0": b"HPUB s.~ 0 1\r\nx\r\n",
    "leading zeros": b"HPUB s.~ 012 0012\r\nNATS/1.0\r\n\r\n\r\n",
    "one size": b"HPUB s.~ 12\r\nNATS/1.0\r\n\r\n\r\n",
    "no size": b"HPUB s.~\r\n",
    "no arguments": b"HPUB\r\n",
    "five arguments": b"HPUB s.~ r x 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "header size overflowing": b"HPUB s.~ 99999999999999999999 12\r\n",
    "total overflowing": b"HPUB s.~ 12 99999999999999999999\r\n",
    "total one past the limit": b"HPUB s.~ 12 %d\r\n" % (MEBIBYTE + 1),
    "total far past the limit": b"HPUB s.~ 12 2147483648\r\n",
    "with reply": hpub(b"s.~", reply=b"r.~"),
    "wrong end": b"HPUB s.~ 12 12\r\nNATS/1.0\r\n\r\nxx",
    "lower case": b"hpub s.~ 12 13\r\nNATS/1.0\r\n\r\nx\r\n",
    "tabs": b"HPUB\ts.~\t12\t13\r\nNATS/1.0\r\n\r\nx\r\n",
    "at the limit": hpub(b"s.~", b"y" * (MEBIBYTE - len(BLOCK))),
}, lambda bytes: [*MIXED_READERS, ("c", bytes)]) | {
    "hpub without headers in connect": alone(b"SUB s.~ 1\r\n", hpub(b"s.~")),
    "hpub without headers in connect, verbose": alone(b"SUB s.~ 1\r\n", hpub(b"s.~"), after=VERBOSE),
    "hpub without headers in connect, broken size": alone(b"HPUB s.~ x 1\r\n"),
    "hpub, verbose": alone(b"SUB s.~ 1\r\n", hpub(b"s.~"), after=connect(verbose=True, headers=True)),
    "hpub, pedantic, to a wildcard": alone(hpub(b"s.*"), after=connect(pedantic=True, headers=True)),
}

# MARK: Lines

LINES = {
    "lower case": b"sub s.~ 1\r\npub s.~ 1\r\nx\r\nunsub 1\r\nping\r\npong\r\n",
    "mixed case": b"sUb s.~ 1\r\nPuB s.~ 1\r\nx\r\nuNsUb 1\r\npInG\r\nPonG\r\n",
    "tabs": b"SUB\ts.~\t1\r\nPUB\ts.~\t1\r\nx\r\nUNSUB\t1\r\n",
    "several blanks": b"SUB   s.~    1  \r\nPUB   s.~  \t 1\t \r\nx\r\nUNSUB  1 \t\r\n",
    "several blanks with reply": b"SUB s.~  \t 1\r\nPUB  s.~\t\tr.~   1 \r\nx\r\n",
    "line feeds": b"SUB s.~ 1\nPUB s.~ 1\nx\r\nUNSUB 1\nPING\nPONG\n",
    "line feed after payload": b"SUB s.~ 1\r\nPUB s.~ 1\r\nx\n",
    "blank before the operation": b" PING\r\n",
    "blank line": b"\r\n",
    "two blank lines": b"\r\n\r\n",
    "line feed alone": b"\n",
    "carriage return alone": b"SUB s.~ 1\rPING\r\n",
    "carriage return within": b"SUB s.~\r 1\r\n",
    "two carriage returns": b"SUB s.~ 1\r\r\n",
    "two carriage returns after pub": b"PUB s.~ 1\r\r\nx\r\n",
    "ping with arguments": b"PING hello\r\n",
    "ping with letters": b"PINGS\r\n",
    "ping with a blank": b"PING \r\n",
    "pong with arguments": b"PONG hello\r\n",
    "pong with letters": b"PONGX\r\n",
    "many pings": b"PING\r\n" * 50,
    "many pongs": b"PONG\r\n" * 50,
    "ok": b"+OK\r\n",
    "ok lower case": b"+ok\r\n",
    "err": b"-ERR 'so'\r\n",
    "err alone": b"-ERR\r\n",
    "info": b"INFO {}\r\n",
    "info of nothing": b"INFO \r\n",
    "msg": b"MSG s.~ 1 1\r\nx\r\n",
    "hmsg": b"HMSG s.~ 1 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "route operations": b"RS+ $G s.~\r\n",
    "leaf operation": b"LS+ s.~\r\n",
    "account operation": b"A+ x\r\n",
    "unknown operation": b"HELLO\r\n",
    "unknown operation, one letter": b"X",
    "half known operation": b"SUC s.~ 1\r\n",
    "operation without blank": b"SUBs.~ 1\r\n",
    "pub without blank": b"PUBs.~ 1\r\nx\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": bytes.fromhex("160301020001000001fc0303"),
    "NUL bytes": b"\x00\x00\x00\r\n",
    "high bytes": b"\xff\xfe\xfd\r\n",
    "sub without arguments": b"SUB\r\n",
    "sub with a blank": b"SUB \r\n",
    "sub with one argument": b"SUB s.~\r\n",
    "sub with four arguments": b"SUB s.~ q 1 2\r\n",
    "sub with six arguments": b"SUB s.~ q 1 2 3 4\r\n",
    "pub without arguments": b"PUB\r\n",
    "pub with a blank": b"PUB \r\n",
    "pub with one argument": b"PUB s.~\r\n",
    "pub with four arguments": b"PUB s.~ r r 1\r\nx\r\n",
    "pub with six arguments": b"PUB s.~ r r r r 1\r\nx\r\n",
}
PAYLOADS = each("size", {
    "negative": b"-1", "minus zero": b"-0", "plus": b"+1", "text": b"abc", "hexadecimal": b"0x1", "fraction": b"1.0", "exponent": b"1e0",
    "digits and letters": b"1a", "over 32 bits": b"4294967297", "over 64 bits": b"18446744073709551617", "64 bits signed": b"9223372036854775807",
    "nine digits": b"999999999", "ten digits": b"1000000000", "forty digits": b"9" * 40, "one past the limit": b"%d" % (MEBIBYTE + 1),
}, lambda size: alone(b"PUB s.~ %b\r\n" % size)) | each("payload", {
    "empty": pub(b"s.~", b""),
    "empty with reply": pub(b"s.~", b"", b"r.~"),
    "line ends": pub(b"s.~", b"\r\n\r\n"),
    "operations": pub(b"s.~", b"PUB s 1\r\nx\r\n"),
    "all bytes": pub(b"s.~", bytes(range(256))),
    "leading zeros": b"PUB s.~ 0003\r\nabc\r\n",
    "nine digits of leading zeros": b"PUB s.~ 000000003\r\nabc\r\n",
    "twelve digits of leading zeros": b"PUB s.~ 000000000003\r\nabc\r\n",
    "thirty digits of leading zeros": b"PUB s.~ %030d\r\nabc\r\n" % 3,
    "too long": b"PUB s.~ 2\r\nabc\r\n",
    "too long by two": b"PUB s.~ 2\r\nabcd\r\n",
    "too short": b"PUB s.~ 4\r\nabc\r\n",
    "too short by two, swallowing the line end": b"PUB s.~ 5\r\nabc\r\n",
    "no line end": b"PUB s.~ 1\r\nx",
    "carriage return only": b"PUB s.~ 1\r\nx\r",
    "line feed and carriage return": b"PUB s.~ 1\r\nx\n\r",
    "letters for the line end": b"PUB s.~ 1\r\nxyz",
    "empty without line end": b"PUB s.~ 0\r\n",
    "1 MiB": pub(b"s.~", b"y" * MEBIBYTE),
    "1 MiB less one": pub(b"s.~", b"y" * (MEBIBYTE - 1)),
    "32 KiB": pub(b"s.~", b"y" * 32768),
    "three of 1 MiB": pub(b"s.~", b"y" * MEBIBYTE) * 3,
}, lambda bytes: [("b", PLAIN + b"SUB s.~ 1\r\n"), *alone(bytes)]) | each(
    "line", LINES, lambda line: alone(line)
) | each("verbose line", {name: LINES[name] for name in (
    "lower case", "ok", "pong with letters", "sub with one argument", "pub with one argument", "unknown operation", "line feeds", "two carriage returns")},
    lambda line: alone(line, after=VERBOSE)
) | each("control line of", {f"{length} bytes": length for length in (4000, 4094, 4095, 4096, 4097, 5000, 100_000)}, lambda length: alone(
    b"SUB " + b"t" * (length - 2) + b" 1\r\n", pub(b"s.~"))
) | each("publishing control line of", {f"{length} bytes": length for length in (4095, 4096, 4097, 5000)}, lambda length: alone(
    b"PUB " + b"t" * (length - 2) + b" 1\r\nx\r\n", pub(b"s.~"))
) | {
    "control line too long and unfinished": [("a", PLAIN), ("a", b"SUB " + b"t" * 5000)],
    "connect line too long": [("a", b'CONNECT {"name":"' + b"n" * 5000 + b'"}\r\n')],
    "payload over the limit is not waited for": alone(b"PUB s.~ %d\r\n" % (MEBIBYTE + 1), after=VERBOSE),
    "payload over the limit by header": alone(b"HPUB s.~ 20 %d\r\n" % (MEBIBYTE + 1), after=HEADERS),
}

# MARK: Pieces and crowds

SESSION = (
    b'CONNECT {"verbose":true,"headers":true,"no_responders":true}\r\nSUB p.~.> 1\r\nSUB p.~.a q 2\r\nPUB p.~.a 5\r\nhe\r\nl\r\n'
    + hpub(b"p.~.b", b"body", b"p.~.r") + b"pub p.~.c \t p.~.r 0\n\r\nUNSUB 1 4\r\nPING\r\nPUB no.~ p.~.d 1\r\nx\r\nUNSUB 2\r\nPONG\r\n+OK\r\n")
BROKEN_SESSION = b"CONNECT {}\r\nSUB p..~ 1\r\nPUB p.~ 2\r\nabc\r\n"


def cut(session: bytes, at: int) -> list:
    return [("a", Partial(session[:at])), ("a", session[at:])]


PIECES = {
    f"cut at byte {at}": cut(SESSION.replace(b"~", b"%04d" % (9000 + at)), at) for at in range(1, len(SESSION.replace(b"~", b"0000")))
} | {
    f"broken and cut at byte {at}": cut(BROKEN_SESSION.replace(b"~", b"0000"), at) for at in range(1, len(BROKEN_SESSION))
} | {
    "byte by byte": [("a", Partial(bytes([byte]))) for byte in SESSION.replace(b"~", b"8000")] + [("a", b"")],
    "all at once": [("a", SESSION)],
    "large payload in pieces": [
        ("b", PLAIN + b"SUB s.~ 1\r\n"), ("a", PLAIN), ("a", Partial(b"PUB s.~ %d\r\n" % MEBIBYTE)),
        *[("a", Partial(b"z" * 100_000)) for _ in range(10)], ("a", b"z" * (MEBIBYTE - 1_000_000) + b"\r\n")],
    "unfinished control line in pieces": [("a", PLAIN), *[("a", Partial(b"SUB " + b"t" * 2000)), ("a", Partial(b"t" * 2000)), ("a", b"t" * 2000 + b" 1\r\n")]],
}

CROWDS = {
    "thousand subscriptions": alone(
        many(1000, lambda i: b"SUB c~.%d.* %d\r\n" % (i, i)), many(1000, lambda i: pub(b"c~.%d.x" % i, b"%d" % i)),
        many(500, lambda i: b"UNSUB %d\r\n" % i), many(1000, lambda i: pub(b"c~.%d.x" % i, b"%d" % i))),
    "thousand subscriptions to one subject": alone(many(1000, lambda i: b"SUB c~ %04d\r\n" % i), pub(b"c~"), after=VERBOSE),
    "thousand queue groups": alone(many(1000, lambda i: b"SUB c~ g%d q%d-1\r\n" % (i, i)), pub(b"c~")),
    "hundred connections": [
        *[(f"{i}", PLAIN + b"SUB c~.all 1\r\nSUB c~.%d 2\r\nSUB c~.all g q1-1\r\n" % i) for i in range(100)],
        *[(f"{i}", pub(b"c~.%d" % ((i * 7) % 100)) + pub(b"c~.all", b"%d" % i)) for i in range(0, 100, 25)]],
    "ten thousand messages": [("b", PLAIN + b"SUB c~.> 1\r\n"), ("a", PLAIN + many(10_000, lambda i: pub(b"c~.%d" % (i % 10), b"%d" % i)))],
}


# MARK: At random


def at_random(seed: int) -> list:
    """Valid operations of up to three connections."""
    choose = random.Random(seed)
    token = [b"a", b"b", b"c"]
    names = ["a", "b", "c"][: choose.randint(1, 3)]
    can = {name: choose.random() < 0.7 for name in names}
    sids: dict[str, list[bytes]] = {name: [] for name in names}
    groups: dict[tuple, int] = {}

    def subject() -> bytes:
        return b".".join([b"r~", *choose.choices(token, k=choose.randint(1, 3))])

    def pattern() -> bytes:
        tokens = [b"r~", *choose.choices([*token, b"*"], k=choose.randint(1, 3))]
        return b".".join(tokens[:-1] + [b">"] if choose.random() < 0.25 else tokens)

    def operation(name: str) -> bytes:
        kind = choose.choices(["pub", "sub", "queue", "unsub", "limit", "ping"], [50, 20, 8, 6, 6, 2])[0]
        if kind == "pub":
            reply = subject() if choose.random() < 0.3 else b""
            payload = choose.randbytes(choose.choice([0, 1, 5, 300])).hex().encode()
            return (hpub if can[name] and choose.random() < 0.4 else pub)(subject(), payload, reply)
        if kind == "sub":
            sid = b"%d" % choose.randint(1, 12)  # Sometimes one that is in use.
            sids[name].append(sid)
            return b"SUB %b %b\r\n" % (pattern(), sid)
        if kind == "queue":
            key = pattern(), choose.choice([b"g", b"h"])
            group = groups.setdefault(key, len(groups))
            sid = b"q%d-%d" % (group, len(sids[name]) + 100)
            sids[name].append(sid)
            return b"SUB %b %b %b\r\n" % (*key, sid)
        if kind == "ping" or not sids[name]:
            return b"PING\r\n"
        sid = choose.choice(sids[name])
        if kind == "unsub" or sid.startswith(b"q"):  # Which member of a group reaches its limit first is by chance.
            return b"UNSUB %b\r\n" % sid
        return b"UNSUB %b %d\r\n" % (sid, choose.randint(1, 6))

    def options(name: str) -> bytes:
        return connect(
            verbose=choose.random() < 0.3, pedantic=choose.random() < 0.3, echo=choose.random() < 0.7, headers=can[name],
            no_responders=can[name] and choose.random() < 0.5)

    steps = [(name, options(name)) for name in names]
    for _ in range(choose.randint(5, 15)):
        name = choose.choice(names)
        steps.append((name, b"".join(operation(name) for _ in range(choose.randint(1, 6)))))
    return steps


RANDOM = {f"at random {seed}": at_random(seed) for seed in range(200)}

TABLE = CONNECTING | SUBJECT_RULES | MATCHING | UNSUBSCRIBING | QUEUES | REQUESTS | HEADER_OPERATIONS | PAYLOADS | PIECES | CROWDS | RANDOM
SCRIPTS = [Script(name, steps).numbered(number) for number, (name, steps) in enumerate(TABLE.items())]
