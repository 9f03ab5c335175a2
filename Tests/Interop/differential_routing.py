"""Who gets which message: subjects, patterns, limits, queue groups, requests."""

from differential_transcript import Request
from differential_writing import HEADERS, PEDANTIC, PLAIN, RESPONDERS, VERBOSE, alone, connect, each, hpub, many, pub

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
    lambda subject: alone(b"SUB %b 1\r\n" % subject, pub(b"a~.b.c"), pub(b"a.x.~"), pub(b"a.b*c.~"), pub(b"a~.b>"))
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

WILDCARDS = [b"w~.a", b"w~.*", b"w~.>", b"w~.a.b", b"w~.a.*", b"w~.*.b", b"w~.*.*", b"w~.a.>", b"w~.*.>", b"w~.a.b.>",
    b"w~.*.b.c", b">"]
MATCHING = {
    "wildcards": alone(
        many(len(WILDCARDS), lambda i: b"SUB %b %d\r\n" % (WILDCARDS[i], i)),
        pub(b"w~"), pub(b"w~.a"), pub(b"w~.b"), pub(b"w~.a.b"), pub(b"w~.b.a"), pub(b"w~.a.b.c"), pub(b"w~.b.b.c"), pub(b"w~.b.c.d.e")),
    "overlapping subscriptions of two": [
        ("a", PLAIN + b"SUB o~.x 1\r\nSUB o~.* 2\r\nSUB o~.x 3\r\n"), ("b", PLAIN + b"SUB o~.> 1\r\nSUB o~.x 2\r\n"),
        ("a", pub(b"o~.x")), ("b", pub(b"o~.x")), ("a", b"UNSUB 1\r\n"), ("b", pub(b"o~.x") + pub(b"o~.y"))],
    "same subject many times": alone(
        many(20, lambda i: b"SUB s.~ %d\r\n" % i), pub(b"s.~"), many(10, lambda i: b"UNSUB %d\r\n" % i), pub(b"s.~")),
    "overlapping subscriptions and queue groups of one": alone(
        b"SUB o~.x 1\r\nSUB o~.* g q1-1\r\nSUB o~.> 2\r\nSUB o~.x g q1-2\r\nSUB o~.> h q2-1\r\n",
        many(5, lambda i: pub(b"o~.x", b"%d" % i)), b"UNSUB q1-1\r\nUNSUB 2\r\n", many(5, lambda i: pub(b"o~.x", b"then %d" % i))),
    "overlapping subscriptions, each with a limit": alone(
        b"SUB o~.x 1\r\nUNSUB 1 1\r\nSUB o~.* 2\r\nUNSUB 2 2\r\nSUB o~.> 3\r\nUNSUB 3 4\r\n",
        many(6, lambda i: pub(b"o~.x", b"%d" % i))),
    "overlapping subscriptions, the last with a limit answers": alone(
        b"SUB in.~ i\r\nSUB o~.x 1\r\nUNSUB 1 1\r\nSUB o~.* 2\r\nUNSUB 2 2\r\n",
        *[pub(b"o~.x", b"%d" % i, b"in.~") for i in range(4)], after=RESPONDERS),
    "overlapping subscriptions come and go between messages": alone(
        many(20, lambda i: b"SUB o~.x.%d %d\r\nSUB o~.*.%d w%d\r\nSUB o~.x.* v%d\r\n" % (i, i, i, i, i)
             + pub(b"o~.x.%d" % i, b"%d" % i) + b"UNSUB v%d\r\nUNSUB w%d 2\r\n" % (i, i) + pub(b"o~.x.%d" % i, b"again"))),
    "case of subjects counts": alone(b"SUB Foo.~ 1\r\nSUB foo.~ 2\r\n", pub(b"FOO.~") + pub(b"foo.~") + pub(b"Foo.~")),
    "sid twice, same subject": alone(b"SUB s.~ 1\r\n", b"SUB s.~ 1\r\n", pub(b"s.~"), b"UNSUB 1\r\n", pub(b"s.~")),
    "sid twice, other subject": alone(
        b"SUB s.~ 1\r\n", b"SUB t.~ 1\r\n", pub(b"s.~"), pub(b"t.~"), b"UNSUB 1\r\n", pub(b"s.~"), pub(b"t.~")),
    "sid twice, verbose": alone(b"SUB s.~ 1\r\n", b"SUB t.~ 1\r\n", pub(b"t.~"), after=VERBOSE),
    "sid twice, second subject invalid": alone(b"SUB s.~ 1\r\n", b"SUB s..~ 1\r\n", pub(b"s.~")),
    "sid again after unsub": alone(b"SUB s.~ 1\r\nUNSUB 1\r\nSUB t.~ 1\r\n", pub(b"s.~") + pub(b"t.~")),
    "sid again after its maximum": alone(
        b"SUB s.~ 1\r\nUNSUB 1 1\r\n", pub(b"s.~", b"one"), b"SUB t.~ 1\r\n", many(3, lambda i: pub(b"t.~", b"%d" % i))),
    "sids differ by leading zero": alone(b"SUB s.~ 1\r\nSUB s.~ 01\r\nUNSUB 01\r\n", pub(b"s.~")),
    "sids are per connection": [
        ("a", PLAIN + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"), ("b", b"UNSUB 1\r\n"), ("b", pub(b"s.~"))],
}

# MARK: Unsubscribing, queue groups


def limits(count: int, *unsubs: bytes, before: int = 0, after: bytes = PLAIN, sub: bytes = b"SUB s.~ 1\r\n") -> list:
    """So many messages after, and before, the subscription has its limit."""
    earlier = many(before, lambda i: pub(b"s.~", b"before %d" % i))
    later = many(count, lambda i: pub(b"s.~", b"after %d" % i))
    return alone(sub, earlier, *unsubs, later, after=after)


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
        ("a", PLAIN + b"SUB s~.a g q1-1\r\nSUB s~.* g q1-2\r\n"), ("b", PLAIN + b"SUB s~.a g q1-1\r\nSUB s~.> g q1-3\r\n"),
        ("c", PLAIN + many(30, lambda i: pub(b"s~.a", b"%d" % i)))],
    "queue group, member leaves": [
        ("a", PLAIN + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"),
        ("c", PLAIN + many(10, lambda i: pub(b"s.~", b"%d" % i))),
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
    "queue group, member limited under two patterns": alone(
        b"SUB s~.a g q1-1\r\nUNSUB q1-1 2\r\nSUB s~.* g q1-2\r\n", many(9, lambda i: pub(b"s~.a", b"%d" % i))),
    "queue groups, each limited": alone(
        b"SUB s.~ g q1-1\r\nUNSUB q1-1 2\r\nSUB s.~ h q2-1\r\nUNSUB q2-1 5\r\n", many(9, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group, limits of one each": alone(
        many(3, lambda i: b"SUB s.~ g q1-%d\r\nUNSUB q1-%d 1\r\n" % (i, i)), many(9, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group, limit raised": alone(
        b"SUB s.~ g q1-1\r\nUNSUB q1-1 2\r\nUNSUB q1-1 5\r\n", many(9, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group, limit that is no number": alone(
        b"SUB s.~ g q1-1\r\nSUB s.~ g q1-2\r\nUNSUB q1-1 x\r\n", many(9, lambda i: pub(b"s.~", b"%d" % i))),
    "queue group, a limited member is no responder any more": alone(
        b"SUB in.~ 1\r\nSUB s.~ g q1-1\r\nUNSUB q1-1 1\r\n", *[pub(b"s.~", reply=b"in.~")] * 3, after=RESPONDERS),
    "queue group, limited members on three connections": [
        *[(name, PLAIN + b"SUB s.~ g q1-1\r\nUNSUB q1-1 %d\r\n" % limit) for name, limit in (("a", 1), ("b", 2), ("c", 4))],
        ("d", RESPONDERS + b"SUB in.~ 1\r\n"), ("d", many(30, lambda i: pub(b"s.~"))), ("d", pub(b"s.~", reply=b"in.~"))],
    "queue group with the publisher, no echo": [
        ("a", connect(echo=False) + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"),
        ("a", many(20, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue group of the publisher alone, no echo": alone(b"SUB s.~ g q1-1\r\n", pub(b"s.~"), after=connect(echo=False)),
    "queue group of two of the publisher, no echo": alone(
        b"SUB s.~ g q1-1\r\nSUB s.~ g q1-2\r\n", pub(b"s.~") * 5, after=connect(echo=False)),
    "queue group with the publisher and two others, no echo": [
        ("a", connect(echo=False) + b"SUB s.~ g q1-1\r\n"), *[(name, PLAIN + b"SUB s.~ g q1-1\r\n") for name in ("b", "c")],
        ("a", many(30, lambda i: pub(b"s.~", b"%d" % i))), ("b", many(30, lambda i: pub(b"s.~", b"of b %d" % i)))],
    "queue group beside subscriptions of the publisher, no echo": [
        ("a", connect(echo=False) + b"SUB s.~ 1\r\nSUB s.> 2\r\nSUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\nSUB s.~ 1\r\n"),
        ("a", many(9, lambda i: pub(b"s.~", b"%d" % i))), ("b", pub(b"s.~", b"of b"))],
    "queue group of the publisher alone, no echo, nobody answers": alone(
        b"SUB in.~ 1\r\nSUB s.~ g q1-1\r\n", pub(b"s.~", reply=b"in.~"),
        after=connect(headers=True, no_responders=True, echo=False)),
    "queue group with a limited member beside the publisher, no echo": [
        ("a", connect(echo=False) + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\nUNSUB q1-1 3\r\n"),
        ("a", many(9, lambda i: pub(b"s.~", b"%d" % i)))],
    "queue group, member without headers": [
        ("a", HEADERS + b"SUB s.~ g q1-1\r\n"), ("b", PLAIN + b"SUB s.~ g q1-1\r\n"),
        ("c", HEADERS + many(20, lambda i: hpub(b"s.~", b"%d" % i)))],
    "queue group, names differ by case": alone(b"SUB s.~ g q1-1\r\nSUB s.~ G q2-1\r\n", pub(b"s.~")),
    "queue group, sid twice": alone(b"SUB s.~ 1\r\nSUB s.~ g 1\r\n", pub(b"s.~")),
}

# MARK: Echo, responders

REQUESTS = {
    "no echo": [
        ("a", connect(echo=False) + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"),
        ("a", pub(b"s.~", b"of a")), ("b", pub(b"s.~", b"of b"))],
    "request and reply": [
        ("a", PLAIN + b"SUB ask.~ 1\r\n"), ("b", PLAIN + b"SUB in.~.* 1\r\n"),
        ("b", pub(b"ask.~", reply=b"in.~.1")), ("a", pub(b"in.~.1", b"answer"))],
    "no responders": alone(b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders to a request with headers": alone(b"SUB in.~ 1\r\n", hpub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, wildcard inbox": alone(
        b"SUB in.~.* 1\r\nSUB in.~.> 2\r\n", pub(b"nobody.~", reply=b"in.~.7"), after=RESPONDERS),
    "no responders, two inboxes": alone(b"SUB in.~ 1\r\nSUB in.~ 2\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, inbox in a queue group": alone(b"SUB in.~ g 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, inbox of another": [
        ("a", RESPONDERS + b"SUB in.~ 1\r\n"), ("b", RESPONDERS), ("b", pub(b"nobody.~", reply=b"in.~"))],
    "no responders, nobody at the inbox": alone(pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, verbose": alone(
        b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=connect(verbose=True, headers=True, no_responders=True)),
    "no responders, not asked for": alone(b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=HEADERS),
    "no responders, inbox limited to one": alone(
        b"SUB in.~ 1\r\nUNSUB 1 1\r\n", *[pub(b"nobody.~", reply=b"in.~")] * 2, after=RESPONDERS),
    "no responders, inbox limited to two": alone(
        b"SUB in.~ 1\r\nUNSUB 1 2\r\n", *[pub(b"nobody.~", reply=b"in.~")] * 3, after=RESPONDERS),
    "no responders, then an answer, inbox limited to one": [
        ("a", RESPONDERS + b"SUB in.~ 1\r\nUNSUB 1 1\r\n"), ("a", pub(b"nobody.~", reply=b"in.~")), ("b", PLAIN + pub(b"in.~") * 2)],
    "no responders, inbox in a queue group and beside it": alone(
        b"SUB in.~ g q1-1\r\nSUB in.* 2\r\n", pub(b"nobody.~", reply=b"in.~"), after=RESPONDERS),
    "no responders, odd inboxes": alone(
        b"SUB > 1\r\nUNSUB 1 9\r\n", *[pub(b".~", reply=inbox) for inbox in (b"in..~", b".", b"in.*.~", b">", b"in.~\x01")],
        after=RESPONDERS),
    "no responders to a subject that nobody can be subscribed to": alone(b"SUB in.~ 1\r\n", pub(b"a..~", reply=b"in.~"), after=RESPONDERS),
    "no responders without echo": alone(
        b"SUB in.~ 1\r\n", pub(b"nobody.~", reply=b"in.~"), after=connect(headers=True, no_responders=True, echo=False)),
    "no responders, only the asker itself without echo": alone(
        b"SUB in.~ 1\r\nSUB self.~ 2\r\n", pub(b"self.~", reply=b"in.~"), after=connect(headers=True, no_responders=True, echo=False)),
    "no responders, inbox is the subject": alone(b"SUB in.~ 1\r\n", pub(b"in.~", reply=b"in.~"), after=RESPONDERS),
    "user info": alone(b"SUB in.~ 1\r\n", Request(pub(b"$SYS.REQ.USER.INFO", b"", b"in.~")), after=RESPONDERS),
    "user info, with body": alone(b"SUB in.~ 1\r\n", Request(pub(b"$SYS.REQ.USER.INFO", b"{}", b"in.~")), after=RESPONDERS),
    "user info, reply for nobody": alone(pub(b"$SYS.REQ.USER.INFO", b"", b"in.~"), after=RESPONDERS),
    "user info, no reply": alone(pub(b"$SYS.REQ.USER.INFO", b""), after=RESPONDERS),
    "server ping of a plain account": alone(b"SUB in.~ 1\r\n", pub(b"$SYS.REQ.SERVER.PING", b"", b"in.~"), after=RESPONDERS),
    "account ping": alone(b"SUB in.~ 1\r\n", Request(pub(b"$SYS.REQ.ACCOUNT.PING.CONNZ", b"", b"in.~")), after=RESPONDERS),
    "jetstream information without jetstream": alone(b"SUB in.~ 1\r\n", pub(b"$JS.API.INFO", b"", b"in.~"), after=RESPONDERS),
    "system subjects from a plain account": alone(
        b"SUB $SYS.> 1\r\n", pub(b"$SYS.X.~"), b"SUB $SRV.~.> 2\r\n", pub(b"$SRV.~.PING")),
}
