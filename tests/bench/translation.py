"""What the translation of a stream costs: `python -m tests.bench.translation`.

Prints CPU microseconds a chunk for each vendor and client (of one dialect: passed on as it is), and what the arguments
of one call cost when they are 100 KB and when they are 1 MB long. Nothing else runs: no sockets, no Django.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence

from tests import wire
from tests.vendors import SOURCES, TARGETS, crossing, relay, stream

CHUNKS = 2_000
ROUNDS = 5
DELTAS = 10_000
"""Of the arguments that are 1 MB long."""
PIECE = 'eighty letters or so, \\"quotes\\", back\\\\slashes, 北京 and 🙂, on lines of their own\\n'
EMPTY = b'"{}"'


def words(source: str) -> list[bytes]:
    """An answer of words, a word a chunk, as models give it."""
    pieces = [f"word{number} " for number in range(CHUNKS)]
    return stream(source, *pieces, thinking="", signature="", calls=())


def arguments(source: str, deltas: int) -> list[bytes]:
    """One call whose arguments come in so many pieces of about 100 bytes; Gemini's vendors send them in one."""
    pieces = ['{"text":"', *[PIECE] * deltas, '"}']
    call = wire.ToolCall("write", {"text": json.loads(f'"{PIECE}"') * deltas} if source == "gemini" else {}, key="c1")
    return [
        told
        for chunk in stream(source, thinking="", signature="", calls=[call])
        for told in (_cut(chunk, pieces) if EMPTY in chunk else [chunk])
    ]


def _cut(chunk: bytes, pieces: list[str]) -> list[bytes]:
    """A chunk with empty arguments, as many with a piece each; or as one where it tells them whole at the end."""
    is_delta = b"done" not in chunk and b"completed" not in chunk
    told = pieces if is_delta else ["".join(pieces)]
    return [chunk.replace(EMPTY, json.dumps(piece).encode()) for piece in told]


def seconds(source: str, target: str, chunks: Sequence[bytes], rounds: int = ROUNDS) -> float:
    """CPU time for one stream, the best of some rounds."""
    return min(_once(source, target, chunks) for _ in range(rounds))


def _once(source: str, target: str, chunks: Sequence[bytes]) -> float:
    made = relay(source) if source == target else crossing(source, target)
    started = time.process_time()
    for chunk in chunks:
        made.feed(chunk)
    made.finish()
    assert made.failure is None
    return time.process_time() - started


def table() -> Iterator[str]:
    yield "microseconds a chunk  " + "".join(f"{target:>11}" for target in TARGETS)
    for source in SOURCES:
        chunks = words(source)
        costs = [seconds(source, target, chunks) / len(chunks) * 1e6 for target in TARGETS]
        yield f"{source:>20}  " + "".join(f"{cost:11.1f}" for cost in costs)
    yield ""
    yield "milliseconds for the arguments of one call: 100 KB, 1 MB"
    for source in SOURCES:
        short, long = arguments(source, DELTAS // 10), arguments(source, DELTAS)
        both = [(seconds(source, target, short, 2) * 1e3, seconds(source, target, long, 2) * 1e3) for target in TARGETS]
        yield f"{source:>20}  " + "".join(f"{f'{one:.0f}, {other:.0f}':>11}" for one, other in both)


if __name__ == "__main__":
    for line in table():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
