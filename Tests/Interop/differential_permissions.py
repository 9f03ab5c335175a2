"""What users may do to whom not everything is allowed. Who is who stands in test_differential.py."""

from itertools import product

from differential_transcript import Request, Script
from differential_writing import connect, pub

ANN = connect(user="ann", headers=True, no_responders=True, **{"pass": "a"})
VERBOSE_ANN = connect(user="ann", verbose=True, **{"pass": "a"})
ROOT = connect(user="root", **{"pass": "r"})

# Wildcards and empty tokens, too, stand in published subjects, for themselves.
TOKENS = [b"a", b"b", b"c", b"d", b"no", b"s", b"t", b"x", b"*", b">", b""]
SUBJECTS = [b".".join(tokens) for count in (1, 2, 3) for tokens in product(TOKENS, repeat=count)]
MESSAGES = b"".join(map(pub, filter(None, SUBJECTS)))
# A denial of `s.*` does not deny all of `s.>`: what it denies is left out when it is delivered. nats-server refuses it.
PATTERNS = [subject for subject in SUBJECTS if b"" not in subject.split(b".") and subject != b"s.>"]
SUBSCRIPTIONS = b"".join(b"SUB %b %d\r\nSUB %b g q%d\r\n" % (pattern, i, pattern, i) for i, pattern in enumerate(PATTERNS))

PERMISSIONS = [
    Script("publish", [("a", ANN), ("b", ROOT + b"SUB > 1\r\n"), ("a", MESSAGES)]),
    Script("publish, verbose", [("a", VERBOSE_ANN), ("b", ROOT + b"SUB > 1\r\n"), ("a", MESSAGES)]),
    Script("receive", [("a", ANN + b"SUB > 1\r\nSUB *.* 2\r\nSUB > g q1\r\n"), ("b", ROOT), ("b", MESSAGES)]),
    Script("subscribe", [("a", ANN), ("a", SUBSCRIPTIONS)]),
    Script("answer", [
        ("a", ANN + b"SUB ask 1\r\n"), ("b", ROOT + b"SUB > 1\r\n"),
        *[step for reply in (b"r", b"r.*", b">", b"r..s") for step in (("b", pub(b"ask", reply=reply)), ("a", pub(reply) * 4))]]),
    Script("user info", [
        ("a", ANN + b"SUB _INBOX.1 1\r\n"), ("b", ROOT + b"SUB _INBOX.2 1\r\n"),
        ("b", Request(pub(b"$SYS.REQ.USER.INFO", b"", b"_INBOX.2"))), ("a", pub(b"$SYS.REQ.USER.INFO", b"", b"_INBOX.1"))]),
]
