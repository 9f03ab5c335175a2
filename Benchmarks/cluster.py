"""Two nodes on one store: plain messages from one to the other, and calls of objects that the other node owns."""

import os
import sys
from dataclasses import dataclass, field

from durable import Cluster, Disk, run_json
from measuring import Server, median, rate_text, ratio, show

STORES = ("sqlite", "postgres")
# Messages a second from one node to the other, at least.
PUBLISH = 200_000
# How often calls here and calls there take turns within a round: what disturbs the machine for seconds then disturbs both.
TURNS = 4
OBJECT = ["--subject", "obj.Counter", "--suffix", ".0.Add", "--payload", "{}", "--no-responder", "--depth", "1"]


@dataclass
class Samples:
    publish: list = field(default_factory=list)
    round_trip: list = field(default_factory=list)
    local: list = field(default_factory=list)
    hop: list = field(default_factory=list)
    client_local: list = field(default_factory=list)
    client_learned: list = field(default_factory=list)


def node(program, store):
    os.environ["RIVULET_STORE"] = store
    try:
        return Server("rivulet", [*program, "--cluster", "--port", "{port}", "--http-port", "{http}", "--log-level", "error"])
    finally:
        del os.environ["RIVULET_STORE"]


def measure(store, programs, seconds, samples):
    def bench(*arguments, duration=seconds):
        return run_json([*programs.generator, *arguments, "--json", "--duration", duration], seconds * 10 + 120)

    def call(*arguments):
        return bench(*arguments, duration=seconds / TURNS)["p50"]

    with node(programs.objects, store) as first, node(programs.objects, store) as second:
        apart = ["--server", first.url, "--receivers-server", second.url]
        found = bench("fan-out", "--size", "16", *apart)
        samples.publish.append(found["delivered"] / found["seconds"])
        samples.round_trip.append(bench("round-trip", "--size", "16", *apart)["p50"])
        # The first call makes the first node the owner.
        for _ in range(TURNS):
            samples.local.append(call("request", *OBJECT, "--server", first.url))
            samples.hop.append(call("request", *OBJECT, "--server", second.url))
        for _ in range(TURNS):
            samples.client_local.append(call("ask", "--server", first.url))
            samples.client_learned.append(call("ask", "--server", second.url))


def run(programs, rounds, seconds, stores=STORES):
    found = {store: Samples() for store in stores}
    cluster = Cluster() if "postgres" in stores else None
    try:
        for number in range(rounds):
            for store in stores if number % 2 == 0 else reversed(stores):
                with Disk() as folder:
                    place = f"sqlite:{folder}/nodes.sqlite" if store == "sqlite" else cluster.make_database()
                    measure(place, programs, seconds, found[store])
                    if store == "postgres":
                        cluster.drop(place)
            print(f"cluster: round {number + 1} of {rounds} done", file=sys.stderr)
    finally:
        if cluster:
            cluster.end()
    return found


def of_pairs(times, others):
    return median([ratio(time, other) for time, other in zip(times, others)])


def rows(found):
    table = [["two nodes", "store", "publish 16 B", "latency p50 ms", "object p50 us", "by a hop", "ratio", "by the client", "learned", "ratio"]]
    for store, samples in found.items():
        publish = median(samples.publish)
        table.append([
            "1:1 from one to the other", store, f"{rate_text(publish)} {'ok' if publish >= PUBLISH else '--'} (>={PUBLISH / 1000:g} k/s)",
            show(median(samples.round_trip) / 1000, 5, at_least=False),
            f"{median(samples.local):.0f}", f"{median(samples.hop):.0f}", show(of_pairs(samples.hop, samples.local), 3, at_least=False),
            f"{median(samples.client_local):.0f}", f"{median(samples.client_learned):.0f}",
            show(of_pairs(samples.client_learned, samples.client_local), 1.3, at_least=False),
        ])
    return table
