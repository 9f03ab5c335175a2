"""Header blocks, lines and payloads that are odd or broken, and frames in pieces."""

from differential_transcript import Partial
from differential_writing import BLOCK, HEADERS, MEBIBYTE, PLAIN, VERBOSE, alone, connect, each, hpub, many, pub

# MARK: Headers

MIXED_READERS = [("a", HEADERS + b"SUB s.~ 1\r\n"), ("b", PLAIN + b"SUB s.~ 1\r\n"), ("c", HEADERS)]
HEADER_BLOCKS = {
    "usual": BLOCK, "empty": b"NATS/1.0\r\n\r\n", "status": b"NATS/1.0 503\r\n\r\n",
    "status and text": b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    "repeated": b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n", "without a blank": b"NATS/1.0\r\nA:1\r\n\r\n", "no end": b"NATS/1.0\r\nA: 1\r\n",
    "line feeds": b"NATS/1.0\nA: 1\n\n", "other version": b"NATS/2.0\r\n\r\n", "no version": b"A: 1\r\n\r\n", "garbage": b"garbage",
    "not UTF-8": b"NATS/1.0\r\nA: \xff\r\n\r\n", "empty name": b"NATS/1.0\r\n: 1\r\n\r\n", "no colon": b"NATS/1.0\r\nAbc\r\n\r\n",
    "NUL": b"NATS/1.0\r\nA: \x00\r\n\r\n", "no bytes": b"", "one byte": b"N",
    "large": b"NATS/1.0\r\nA: " + b"v" * 10_000 + b"\r\n\r\n",
}
HEADER_OPERATIONS = each(
    "header block", HEADER_BLOCKS, lambda block: [
        *MIXED_READERS, ("c", hpub(b"s.~", block=block)), ("c", hpub(b"s.~", b"", block=block))]
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

UNAWARE = {
    "overlapping": b"SUB h~.x 1\r\nSUB h~.* 2\r\nSUB h~.> g q1-1\r\nSUB h~.x g q1-2\r\n",
    "limited": b"SUB h~.x 1\r\nUNSUB 1 3\r\n",
    "limited in a queue group": b"SUB h~.x g q1-1\r\nUNSUB q1-1 3\r\n",
}
HEADERS_FOR_ALL = each("headers to those who do not know them,", UNAWARE, lambda said: [
    ("a", PLAIN + said), ("b", HEADERS + said), ("c", HEADERS),
    ("c", hpub(b"h~.x", b"one", b"r.~") + pub(b"h~.x", b"two") + hpub(b"h~.x", b"") + hpub(b"h~.x", b"four")),
    ("c", many(4, lambda i: hpub(b"h~.x", b"more %d" % i)))]
) | {
    "headers to a verbose and pedantic client that does not know them": [
        ("a", connect(verbose=True, pedantic=True) + b"SUB h~ 1\r\n"), ("b", HEADERS + hpub(b"h~") + pub(b"h~"))],
    "headers to a client that learns of them later": [
        ("a", PLAIN), ("a", HEADERS + b"SUB h~ 1\r\n"), ("b", HEADERS + hpub(b"h~"))],
    "headers to a client without echo that does not know them": [
        ("a", connect(echo=False) + b"SUB h~ 1\r\n"), ("b", HEADERS + b"SUB h~ 1\r\n" + hpub(b"h~")), ("a", pub(b"h~"))],
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
    "negative": b"-1", "minus zero": b"-0", "plus": b"+1", "text": b"abc", "hexadecimal": b"0x1",
    "fraction": b"1.0", "exponent": b"1e0",
    "digits and letters": b"1a", "over 32 bits": b"4294967297", "over 64 bits": b"18446744073709551617",
    "64 bits signed": b"9223372036854775807",
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
    "lower case", "ok", "pong with letters", "sub with one argument", "pub with one argument", "unknown operation",
    "line feeds", "two carriage returns")},
    lambda line: alone(line, after=VERBOSE)
) | each("control line of", {f"{length} bytes": length for length in (4000, 4094, 4095, 4096, 4097, 5000, 100_000)},
    lambda length: alone(b"SUB " + b"t" * (length - 2) + b" 1\r\n", pub(b"s.~"))
) | each("publishing control line of", {f"{length} bytes": length for length in (4095, 4096, 4097, 5000)},
    lambda length: alone(b"PUB " + b"t" * (length - 2) + b" 1\r\nx\r\n", pub(b"s.~"))
) | {
    "control line too long and unfinished": [("a", PLAIN), ("a", b"SUB " + b"t" * 5000)],
    "connect line too long": [("a", b'CONNECT {"name":"' + b"n" * 5000 + b'"}\r\n')],
    "payload over the limit is not waited for": alone(b"PUB s.~ %d\r\n" % (MEBIBYTE + 1), after=VERBOSE),
    "payload over the limit by header": alone(b"HPUB s.~ 20 %d\r\n" % (MEBIBYTE + 1), after=HEADERS),
}

# What stands before and after something broken in the same read.
WATCHED = [("b", PLAIN + b"SUB s.~ 1\r\n")]
AROUND_ERRORS = each("around", {
    "an unknown operation": b"HELLO\r\n",
    "a wrong size": b"PUB s.~ x\r\n",
    "a payload over the limit": b"PUB s.~ %d\r\n" % (MEBIBYTE + 1),
    "a wrong end of a payload": b"PUB s.~ 1\r\nxyz",
    "a long control line": b"SUB " + b"t" * 5000 + b" 1\r\n",
    "headers not asked for": hpub(b"s.~"),
    "a wrong CONNECT": b"CONNECT {\r\n",
    "a wrong protocol": connect(protocol=7),
    "an error of the client": b"-ERR 'x'\r\n",
    "a wrong subject": b"SUB a..b 2\r\n",
    "an unsub of an unknown sid": b"UNSUB 99\r\n",
}, lambda wrong: WATCHED + alone(b"SUB s.~ 1\r\n" + pub(b"s.~", b"before") + wrong + pub(b"s.~", b"after"), after=VERBOSE)) | {
    "everything in one read": alone(
        many(30, lambda i: b"SUB e~ %d\r\n" % i + pub(b"e~", b"%d" % i) + b"UNSUB %d\r\n" % (i - 5)), after=VERBOSE),
    "sub, limit and messages in one read": alone(b"SUB e~ 1\r\nUNSUB 1 2\r\n" + pub(b"e~") * 3 + b"SUB e~ 1\r\n" + pub(b"e~") * 3),
}

# MARK: Pieces and crowds

SESSION = (
    b'CONNECT {"verbose":true,"headers":true,"no_responders":true}\r\nSUB p.~.> 1\r\nSUB p.~.a q 2\r\nPUB p.~.a 5\r\nhe\r\nl\r\n'
    + hpub(b"p.~.b", b"body", b"p.~.r") + b"pub p.~.c \t p.~.r 0\n\r\nUNSUB 1 4\r\nPING\r\n"
    + b"PUB no.~ p.~.d 1\r\nx\r\nUNSUB 2\r\nPONG\r\n+OK\r\n")
BROKEN_SESSION = b"CONNECT {}\r\nSUB p..~ 1\r\nPUB p.~ 2\r\nabc\r\n"


def cut(session: bytes, at: int) -> list:
    return [("a", Partial(session[:at])), ("a", session[at:])]


# Not pedantic: nats-server tells of a wrong subject twice when the message comes in two reads.
LONG_SESSION = (
    b'CONNECT {"verbose":true,"pedantic":false,"headers":true,"no_responders":true,"protocol":1,"lang":"x","version":"1.2.3"}\r\n'
    + b"SUB p.~.> 1\r\nSUB p.~.*.x g q2\r\nUNSUB q2 3\r\nSUB in.~ i\r\n"
    + pub(b"p.~.a.x", b"PUB p 0\r\n\r\n", b"in.~") + hpub(b"p.~.b.x", b"\r\nHPUB", b"in.~") + hpub(b"p.~.c.x", b"")
    + b"PING\r\nSUB p..~ 3\r\nSUB p.~ 1\r\n" + pub(b"p..~") + pub(b"p.~.*", b"literally") + pub(b"nobody.~", b"", b"in.~")
    + b"hpub\tp.~.d \t 012  013 \nNATS/1.0\r\n\r\n\n\r\nUNSUB 1 9\r\nUNSUB nothing 1\r\n+OK\r\nPONG\r\n"
    + b"UNSUB i x\r\nUNSUB 1 1\r\n" + pub(b"p.~.e", b"not any more") + b"INFO {}\r\nPUB p.~ 0000000003\r\nabc\r\n")
LARGE = hpub(b"s.~", b"z" * (MEBIBYTE - len(BLOCK)), b"r.~")
LARGE_CUTS = {
    "before its headers": LARGE.index(BLOCK), "within its headers": LARGE.index(BLOCK) + 5, "after its headers": LARGE.index(b"zzz"),
    "in the middle": MEBIBYTE // 2, "before its last byte": -3, "before its line end": -2, "within its line end": -1,
}
LARGE_PAYLOADS = {
    "1 MiB to many": [
        ("a", HEADERS + b"SUB l~.x 1\r\nSUB l~.* 2\r\nSUB l~.x g q1-1\r\n"), ("b", PLAIN + b"SUB l~.> 1\r\nSUB l~.x g q1-1\r\n"),
        ("c", HEADERS + pub(b"l~.x", b"y" * MEBIBYTE, b"r.~")), ("c", hpub(b"l~.x", b"y" * (MEBIBYTE - len(BLOCK)), b"r.~"))],
    "1 MiB to a limited subscription": alone(b"SUB l~ 1\r\nUNSUB 1 2\r\n", pub(b"l~", b"y" * MEBIBYTE) * 3),
    "1 MiB between small ones": alone(
        b"SUB l~ 1\r\n", many(4, lambda i: pub(b"l~", b"%d" % i) + pub(b"l~", b"y" * MEBIBYTE) + pub(b"l~", b"after %d" % i))),
    "1 MiB of headers": [
        ("a", HEADERS + b"SUB l~ 1\r\n"), ("b", PLAIN + b"SUB l~ 1\r\n"),
        ("c", HEADERS + hpub(b"l~", b"", block=b"NATS/1.0\r\nA: " + b"v" * (MEBIBYTE - 17) + b"\r\n\r\n"))],
    "1 MiB without echo": [
        ("a", connect(echo=False) + b"SUB l~ 1\r\n"), ("b", PLAIN + b"SUB l~ 1\r\n"), ("a", pub(b"l~", b"y" * MEBIBYTE) * 2)],
    "1 MiB to nobody, verbose": alone(pub(b"l~", b"y" * MEBIBYTE) + pub(b"l~"), after=VERBOSE),
    "1 MiB and one, after 1 MiB": alone(b"SUB l~ 1\r\n", pub(b"l~", b"y" * MEBIBYTE) + b"PUB l~ %d\r\n" % (MEBIBYTE + 1)),
}

PIECES = {
    f"cut at byte {at}": cut(SESSION.replace(b"~", b"%04d" % (9000 + at)), at) for at in range(1, len(SESSION.replace(b"~", b"0000")))
} | {
    f"broken and cut at byte {at}": cut(BROKEN_SESSION.replace(b"~", b"0000"), at) for at in range(1, len(BROKEN_SESSION))
} | {
    f"long and cut at byte {at}": cut(LONG_SESSION.replace(b"~", b"%04d" % (8000 + at)), at)
    for at in range(1, len(LONG_SESSION.replace(b"~", b"0000")))
} | {
    f"large payload cut {place}": [("b", HEADERS + b"SUB s.~ 1\r\n"), ("a", HEADERS), *cut(LARGE.replace(b"~", b"0001"), at)]
    for place, at in LARGE_CUTS.items()
} | {
    "long and byte by byte": [("a", Partial(bytes([byte]))) for byte in LONG_SESSION.replace(b"~", b"7999")] + [("a", b"")],
    "byte by byte": [("a", Partial(bytes([byte]))) for byte in SESSION.replace(b"~", b"8000")] + [("a", b"")],
    "all at once": [("a", SESSION)],
    "large payload in pieces": [
        ("b", PLAIN + b"SUB s.~ 1\r\n"), ("a", PLAIN), ("a", Partial(b"PUB s.~ %d\r\n" % MEBIBYTE)),
        *[("a", Partial(b"z" * 100_000)) for _ in range(10)], ("a", b"z" * (MEBIBYTE - 1_000_000) + b"\r\n")],
    "large payload in many pieces": [
        ("b", PLAIN + b"SUB s.~ 1\r\n"), ("a", PLAIN), ("a", Partial(b"PUB s.~ %d\r\n" % MEBIBYTE)),
        *[("a", Partial(bytes([i]) * 8192)) for i in range(128)], ("a", b"\r\n" + pub(b"s.~", b"after"))],
    "unfinished control line in pieces": [
        ("a", PLAIN), ("a", Partial(b"SUB " + b"t" * 2000)), ("a", Partial(b"t" * 2000)), ("a", b"t" * 2000 + b" 1\r\n")],
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
    "four hundred connections": [
        *[(f"{i}", Partial(PLAIN + b"SUB c~.%d 1\r\nSUB c~.*.x 2\r\n" % i)) for i in range(400)], ("0", b""),
        ("0", many(400, lambda i: pub(b"c~.%d" % i, b"%d" % i))), ("399", pub(b"c~.any.x"))],
    "ten thousand messages": [
        ("b", PLAIN + b"SUB c~.> 1\r\n"), ("a", PLAIN + many(10_000, lambda i: pub(b"c~.%d" % (i % 10), b"%d" % i)))],
}
