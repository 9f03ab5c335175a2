"""The scripts that both servers are played: what clients do, what they might, and what none should."""

from differential_bytes import AROUND_ERRORS, CROWDS, HEADER_OPERATIONS, HEADERS_FOR_ALL, LARGE_PAYLOADS, PAYLOADS, PIECES
from differential_connecting import CONNECTING
from differential_random import RANDOM
from differential_routing import MATCHING, QUEUES, REQUESTS, SUBJECT_RULES, UNSUBSCRIBING
from differential_transcript import Script

TABLE = (
    CONNECTING | SUBJECT_RULES | MATCHING | UNSUBSCRIBING | QUEUES | REQUESTS | HEADER_OPERATIONS | HEADERS_FOR_ALL | PAYLOADS
    | LARGE_PAYLOADS | AROUND_ERRORS | PIECES | CROWDS | RANDOM)
SCRIPTS = [Script(name, steps).numbered(number) for number, (name, steps) in enumerate(TABLE.items())]
