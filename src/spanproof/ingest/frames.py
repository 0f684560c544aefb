"""Where the messages of a protobuf file begin and end: one message, or a delimited stream.

Two framings occur: a varint length before each message, and the Collector's file exporter's
four bytes, big-endian; in the latter each message may be zstd-compressed by itself.
Decided by content: a framing fits if its first message is cut out by it exactly. A stream
that breaks off later is still that stream, broken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from spanproof.errors import LimitError, TraceError
from spanproof.ingest.source import allowance, unzstd
from spanproof.ingest.wire import Wire

Bytes = npt.NDArray[np.uint8]

SINGLE, VARINT, BE32, BE32_ZSTD = (
    "otlp-protobuf",
    "otlp-protobuf-varint-delimited",
    "otlp-protobuf-be32-delimited",
    "otlp-protobuf-be32-delimited-zstd-each",
)
_ZSTD = b"\x28\xb5\x2f\xfd"
_FIRST_TAG = 0x0A  # field 1 with a length: resource_spans, and its like in other signals


def varint_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(value, position after it) of at most five bytes; position −1 if there is none."""
    value = shift = 0
    while at < end and shift < 35:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    return 0, -1


def fields(data: Bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, wire type, content's begin, its end) of a message's fields.

    Ends early, without the last field, where the bytes are no message; groups are not entered.
    """
    while at < end:
        tag, at = varint_at(data, at, end)
        wire = tag & 7
        if at < 0 or tag >> 3 == 0 or wire in (3, 4, 6, 7):
            return
        if wire == 2:
            size, at = varint_at(data, at, end)
            if at < 0 or size > end - at:
                return
        elif wire == 0:
            size, begin = 0, at
            while begin + size < end and data[begin + size] > 0x7F and size < 9:
                size += 1
            size += 1
        else:
            size = 8 if wire == 1 else 4
        if size > end - at:
            return
        yield tag >> 3, wire, at, at + size
        at += size


def is_message(data: Bytes, at: int, end: int) -> bool:
    """Whether the bytes are, at their top level, a request: fields to the end, the first one 1."""
    if at == end:
        return True
    if data[at] != _FIRST_TAG:
        return False
    reached = at
    for _number, _wire, _begin, after in fields(data, at, end):
        reached = after
    return reached == end


def recognise(data: Bytes) -> str | None:
    """The framing's name, or None where the bytes are no OTLP protobuf at all."""
    n = data.size
    if n > 4:
        size = int.from_bytes(data[:4].tobytes())
        if 4 < size <= n - 4 and data[4:8].tobytes() == _ZSTD:
            return BE32_ZSTD
        if 0 < size <= n - 4 and is_message(data, 4, 4 + size):
            return BE32
    single = data[0] == _FIRST_TAG
    if single and is_message(data, 0, n):
        return SINGLE
    size, begin = varint_at(data, 0, n)
    if begin > 0 and 0 < size <= n - begin and is_message(data, begin, begin + size):
        return VARINT
    return SINGLE if single else None


def cut(data: Bytes, framing: str, *, max_bytes: int | None, keep_going: bool) -> Wire:
    """The stream's messages. Raises TraceError where the stream breaks off.

    With `keep_going` the messages before the break are kept, the rest is in `left_out`.
    `max_bytes` bounds what messages compressed one by one may unpack to, together; None: as
    much as a compressed file of that size may.
    """
    if framing == SINGLE:
        return Wire(data=data, starts=np.zeros(1, np.int64), ends=np.array([data.size], np.int64))
    starts, ends = [], []
    left_out: list[TraceError] = []
    length = _varint_length if framing == VARINT else _be32_length
    at = 0
    while at < data.size:
        size, begin = length(data, at)
        if begin < 0 or size > data.size - begin:
            error = TraceError(
                "the stream is cut off within a message",
                f"byte {at}",
                "--keep-going checks the messages before it",
            )
            if not keep_going:
                raise error
            left_out.append(error)
            break
        starts.append(begin)
        ends.append(begin + size)
        at = begin + size
    if framing == BE32_ZSTD:
        allowed = allowance(data.size, max_bytes)
        return _unpacked(data, starts, ends, allowed, left_out, keep_going=keep_going)
    return Wire(
        data=data,
        starts=np.array(starts, np.int64),
        ends=np.array(ends, np.int64),
        left_out=left_out,
    )


def _varint_length(data: Bytes, at: int) -> tuple[int, int]:
    return varint_at(data, at, data.size)


def _be32_length(data: Bytes, at: int) -> tuple[int, int]:
    if at + 4 > data.size:
        return 0, -1
    return int.from_bytes(data[at : at + 4].tobytes()), at + 4


def _unpacked(
    data: Bytes,
    starts: list[int],
    ends: list[int],
    allowed: int,
    left_out: list[TraceError],
    *,
    keep_going: bool,
) -> Wire:
    whole, bounds = bytearray(), []
    for start, end in zip(starts, ends, strict=True):
        before = len(whole)
        try:
            for piece, _at in unzstd(data[start:end]):
                whole += piece
                if len(whole) > allowed:
                    break
        except TraceError as error:
            broken = TraceError(error.found, f"byte {start}", error.hint)
            if not keep_going:
                raise broken from None
            left_out.append(broken)
            del whole[before:]
            continue
        if len(whole) > allowed:
            raise LimitError(
                f"unpacks to over {allowed:,} bytes", f"byte {start}", "--max-bytes N allows more"
            )
        bounds.append((before, len(whole)))
    return Wire(
        data=np.frombuffer(whole, np.uint8),
        starts=np.array([b for b, _ in bounds], np.int64),
        ends=np.array([e for _, e in bounds], np.int64),
        left_out=left_out,
    )
