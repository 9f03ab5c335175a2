"""CONNECT, as clients write it and as none should."""

from differential_writing import HEADERS, PEDANTIC, PLAIN, VERBOSE, alone, connect, each, hpub, pub

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
