"""Clients that do not say who they are, where such are taken for a user. Who is who stands in test_differential.py."""

from differential_transcript import Partial, Request, Script
from differential_writing import connect, pub

# Ann, whom the anonymous are taken for, may not use `b.>`; root may use everything.
TRIES = b"SUB a.~ 1\r\nSUB b.~ 2\r\n" + pub(b"a.~") + pub(b"b.~")
WHO = Request(b"PUB $SYS.REQ.USER.INFO a.~ 0\r\n\r\n")
NOBODY = connect()
ROOT = connect(user="root", **{"pass": "r"})
WRONG = connect(user="root", **{"pass": "x"})
KEY = "UCK5N7N66OBOINFXAYC2ACJQYFSOD4VYNU6APEJTAVFZB2SVHLKGEW7L"

FIRST = {
    "ping": b"PING\r\n", "pong": b"PONG\r\n", "sub": b"SUB a.~ 3\r\n", "forbidden sub": b"SUB b.~ 3\r\n", "pub": pub(b"a.~"),
    "forbidden pub": pub(b"b.~"), "long pub": pub(b"a.~", b"x" * 20_000), "unsub": b"UNSUB 1\r\n", "ok": b"+OK\r\n",
    "line feed": b"\n", "junk": b"XYZ\r\n", "error": b"-ERR 'x'\r\n",
}
CREDENTIALS = {
    "none": {}, "empty": {"user": "", "pass": "", "auth_token": "", "nkey": "", "jwt": ""}, "name": {"user": "ann"},
    "password": {"pass": "a"}, "name and password": {"user": "ann", "pass": "a"}, "wrong password": {"user": "ann", "pass": "b"},
    "unknown name": {"user": "zed", "pass": "a"}, "token": {"auth_token": "t"}, "key": {"nkey": KEY, "sig": "x"}, "jwt": {"jwt": "x"},
    "signature": {"sig": "x"}, "name and key": {"user": "root", "pass": "r", "nkey": KEY},
}
LATER = {
    "nothing, then a name": [NOBODY, ROOT], "nothing, then a wrong one": [NOBODY, WRONG], "nothing twice": [NOBODY, NOBODY],
    "a name, then nothing": [ROOT, NOBODY], "a name, then a wrong one": [ROOT, WRONG], "ping, then a name": [b"", ROOT],
    "ping, then a wrong one": [b"", WRONG], "ping, then nothing": [b"", NOBODY], "ping, then verbose": [b"", connect(verbose=True)],
}

_STEPS = {
    **{f"first {name}": [data, TRIES] for name, data in FIRST.items()},
    "first half a ping": [Partial(b"PI"), b"NG\r\n" + TRIES],
    "first half a connect": [Partial(b"CONN"), NOBODY[4:] + TRIES],
    **{f"connect with {name}": [connect(**members), TRIES] for name, members in CREDENTIALS.items()},
    **{name: [*steps, TRIES] for name, steps in LATER.items()},
    "who is anonymous": [NOBODY, b"SUB a.~ 1\r\n", WHO],
    "who is anonymous without connect": [b"SUB a.~ 1\r\n", WHO],
}
ANONYMOUS = [
    Script(name, [("a", step) for step in steps]).numbered(number) for number, (name, steps) in enumerate(_STEPS.items())]
