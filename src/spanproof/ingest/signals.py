"""Which signal each protobuf request carries: the three kinds share their outer messages.

A request is one of metrics or logs only where its first records can be nothing else: a
LogRecord has its times (fixed64) in fields 1 or 11, a Metric has data points, with a time of
their own, in one of 5, 7, 9, 10, 11. Everything else is read as traces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from spanproof.ingest.frames import Bytes, fields
from spanproof.ingest.wire import Wire

_DATA = (5, 7, 9, 10, 11)
_TIMES = ((2, 1), (3, 1))  # of data points: start and time
_SAMPLE = 20


def set_apart(wire: Wire) -> None:
    """Count what is metrics or logs into `wire.signals`, and leave the traces in the wire."""
    keep = []
    for number, bounds in enumerate(zip(wire.starts.tolist(), wire.ends.tolist(), strict=True)):
        signal = _signal(wire.data, *bounds)
        if signal == "traces":
            keep.append(number)
        elif signal == "logs":
            wire.signals["log_records"] += sum(1 for _ in _records(wire.data, *bounds))
        else:
            wire.signals.update(_metrics(wire.data, *bounds))
    if len(keep) < wire.starts.size:
        wire.starts, wire.ends = wire.starts[keep], wire.ends[keep]


def _metrics(data: Bytes, start: int, stop: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for begin, end in _records(data, start, stop):
        counts["metrics"] += 1
        counts["data_points"] += sum(1 for _ in _points(data, begin, end))
    return counts


def _records(data: Bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Where each span, log record or metric of a request begins and ends."""
    for begin, end in _blocks(data, start, stop, 1):
        for low, high in _blocks(data, begin, end, 2):
            yield from _blocks(data, low, high, 2)


def _blocks(data: Bytes, start: int, stop: int, number: int) -> Iterator[tuple[int, int]]:
    return ((b, e) for n, kind, b, e in fields(data, start, stop) if (n, kind) == (number, 2))


def _points(data: Bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    for number in _DATA:
        for at, after in _blocks(data, begin, end, number):
            yield from _blocks(data, at, after, 1)


def _signal(data: Bytes, start: int, stop: int) -> str:
    """By the first records that tell; one in doubt tells nothing."""
    for begin, end in islice(_records(data, start, stop), _SAMPLE):
        shape = {(number, kind) for number, kind, _b, _e in fields(data, begin, end)}
        if shape & {(7, 1), (8, 1)}:
            return "traces"
        if shape & {(1, 1), (11, 1)}:
            return "logs"
        if any(
            (number, kind) in _TIMES
            for at, after in islice(_points(data, begin, end), 1)
            for number, kind, _b, _e in fields(data, at, after)
        ):
            return "metrics"
    return "traces"
