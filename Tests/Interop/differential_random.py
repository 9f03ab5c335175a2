"""Sessions of valid operations at random, the same ones each time."""

import random

from differential_writing import connect, hpub, pub


def at_random(seed: int) -> list:
    """Valid operations of up to three connections."""
    choose = random.Random(seed)
    token = [b"a", b"b", b"c"]
    names = ["a", "b", "c"][: choose.randint(1, 3)]
    can = {name: choose.random() < 0.7 for name in names}
    sids: dict[str, list[bytes]] = {name: [] for name in names}

    def subject(first: bytes = b"r~") -> bytes:
        return b".".join([first, *choose.choices(token, k=choose.randint(1, 3))])

    def pattern(first: bytes = b"r~") -> bytes:
        tokens = [first, *choose.choices([*token, b"*"], k=choose.randint(1, 3))]
        return b".".join(tokens[:-1] + [b">"] if choose.random() < 0.25 else tokens)

    def operation(name: str) -> bytes:
        kind = choose.choices(["pub", "sub", "inbox", "queue", "unsub", "limit", "ping"], [50, 20, 5, 8, 6, 6, 2])[0]
        if kind == "pub":
            reply = subject(b"i~") if choose.random() < 0.3 else b""
            payload = choose.randbytes(choose.choice([0, 1, 5, 300])).hex().encode()
            return (hpub if can[name] and choose.random() < 0.4 else pub)(subject(), payload, reply)
        if kind == "sub":
            sid = b"%d" % choose.randint(1, 12)  # Sometimes one that is in use.
            sids[name].append(sid)
            return b"SUB %b %b\r\n" % (pattern(), sid)
        if kind == "inbox":
            sid = b"i%d" % choose.randint(1, 4)
            sids[name].append(sid)
            return b"SUB %b %b\r\n" % (pattern(b"i~"), sid)
        if kind == "queue":
            group = choose.randint(1, 2)
            sid = b"q%d-%d" % (group, len(sids[name]))
            sids[name].append(sid)
            return b"SUB %b group%d %b\r\n" % (pattern(), group, sid)
        if kind == "ping" or not sids[name]:
            return b"PING\r\n"
        sid = choose.choice(sids[name])
        # Which member of a group, and which subscription for a reply, reaches its limit first is the server's to choose.
        if kind == "unsub" or not sid.isdigit():
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
