"""Which signal a protobuf request carries: the three kinds share their outer messages.

Told by the first record's fields: a Span has times in fields 7 and 8 (fixed64), a LogRecord
in 1 and 11, a Metric has text in 1 and a message in one of 5, 7, 9, 10, 11.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from spanproof.ingest.frames import Bytes, fields
from spanproof.ingest.wire import Wire

_DATA = (5, 7, 9, 10, 11)


def other_signals(wire: Wire) -> Counter[str] | None:
    """What the messages hold if it is metrics or logs, counted; None for traces."""
    record = next(_records(wire), None)
    if record is None or (signal := _signal(wire.data, *record)) == "traces":
        return None
    counts: Counter[str] = Counter()
    for begin, end in _records(wire):
        if signal == "logs":
            counts["log_records"] += 1
            continue
        counts["metrics"] += 1
        for number, kind, at, after in fields(wire.data, begin, end):
            if number in _DATA and kind == 2:
                points = (f for f in fields(wire.data, at, after) if f[:2] == (1, 2))
                counts["data_points"] += sum(1 for _ in points)
    return counts


def _records(wire: Wire) -> Iterator[tuple[int, int]]:
    """Where each span, log record or metric begins and ends."""
    data = wire.data
    for start, stop in zip(wire.starts.tolist(), wire.ends.tolist(), strict=True):
        for number, kind, begin, end in fields(data, start, stop):
            if (number, kind) != (1, 2):
                continue
            for inner, inner_kind, at, after in fields(data, begin, end):
                if (inner, inner_kind) == (2, 2):
                    for leaf, leaf_kind, low, high in fields(data, at, after):
                        if (leaf, leaf_kind) == (2, 2):
                            yield low, high


def _signal(data: Bytes, begin: int, end: int) -> str:
    found = {(number, kind): after - at for number, kind, at, after in fields(data, begin, end)}
    if (7, 1) in found or (8, 1) in found or found.get((1, 2)) == 16:
        return "traces"
    if (1, 1) in found or (11, 1) in found:
        return "logs"
    if (1, 2) in found and any((number, 2) in found for number in _DATA):
        return "metrics"
    return "traces"
