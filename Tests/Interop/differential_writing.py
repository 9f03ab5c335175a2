"""How scripts are written: operations as a client writes them, and what many scripts have in common."""

import json

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
