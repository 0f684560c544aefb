"""A path → its unpacked bytes, within limits.

Decides how much may unpack and what a compressed file that breaks off is. Refuses to know
what the bytes mean.
"""

from __future__ import annotations

import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from spanproof.errors import LimitError, TraceError, UsageError

MAX_BYTES: Final = 2**30
RATIO_MAX: Final = 250  # OTLP packs 10 to 50 times; gzip's own limit is 1,032
_RATIO_FROM: Final = 32 * 2**20
_MEASURED_FROM: Final = 128 * 2**20  # above this the rest is measured before it is kept
_CHUNK: Final = 2**20
_AGAIN: Final = "fetch it again, or --keep-going checks what came before"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # behind 50 to 5f: a zstd frame without content
_MEMBER_CHUNK: Final = 2**14  # of gzip read at once: what a member leaves unread is copied


@dataclass(slots=True, kw_only=True)
class Source:
    """What one path held: its bytes unpacked, and how they were stored."""

    path: str
    data: npt.NDArray[np.uint8]
    compression: str  # "", "gzip", "zstd"
    stored_bytes: int
    notes: Counter[str] = field(default_factory=Counter)
    left_out: list[TraceError] = field(default_factory=list)


def open_source(path: str, *, max_bytes: int | None = None, keep_going: bool = False) -> Source:
    """Read a file, or standard input for "-", and unpack gzip or zstd.

    `max_bytes` bounds the unpacked size; by default 1 GiB, and for packed input 250 times
    its size where that is less (but never less than 32 MiB). With `keep_going`, of data that
    breaks off what came before is kept. Raises TraceError, LimitError with the offset in the
    stored file, UsageError where there is no such file.
    """
    stored = _stored(path, max_bytes or MAX_BYTES)
    source = Source(path=path, data=stored, compression="", stored_bytes=stored.size)
    head = stored[:4].tobytes()
    if head[:2] == _GZIP:
        source.compression = "gzip"
        pieces = partial(_gunzip, stored, source.notes)
    elif head == _ZSTD or (head[1:] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        source.compression = "zstd"
        pieces = partial(unzstd, stored)
    else:
        return source
    broken = source.left_out if keep_going else None
    source.data = _kept(pieces, allowance(stored.size, max_bytes), max_bytes is not None, broken)
    return source


def _stored(path: str, limit: int) -> npt.NDArray[np.uint8]:
    if path == "-":
        return _read(sys.stdin.buffer, limit)
    try:
        if Path(path).is_file() and (size := Path(path).stat().st_size) > limit:
            raise _too_large(f"a file of {size:,} bytes", limit)
        if Path(path).is_file():
            data = np.fromfile(path, np.uint8, count=limit + 1)
            if data.size > limit:  # it grew meanwhile
                raise _too_large("more input", limit)
            return data
        with Path(path).open("rb") as file:  # a pipe, a device
            return _read(file, limit)
    except IsADirectoryError:
        raise UsageError(
            f"{path} is a directory", "name a file, or its files: DIR/*.json"
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}", "check the path") from None
    except ValueError as error:  # a null byte, or what the file system cannot spell
        raise UsageError(f"{path!r}: {error}", "check the path") from None


def _read(file: IO[bytes], limit: int) -> npt.NDArray[np.uint8]:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise _too_large("more input", limit)
    return np.frombuffer(data, np.uint8)


def _too_large(what: str, limit: int) -> LimitError:
    return LimitError(
        f"{what}, over the limit of {limit:,} bytes", "byte 0", "--max-bytes N raises the limit"
    )


def _kept(
    unpack: Callable[[], Iterator[tuple[bytes, int]]],
    allowed: int,
    explicit: bool,
    broken: list[TraceError] | None,
) -> npt.NDArray[np.uint8]:
    """All pieces put together; a stream that grows large is measured whole before it is kept.

    Where `broken` is given, an end before its time is put there, and the pieces before it kept.
    """
    kept, measured = bytearray(), False
    try:
        for piece, _at in unpack():
            if len(kept) + len(piece) > min(_MEASURED_FROM, allowed) and not measured:
                _measure(unpack(), allowed, explicit=explicit)
                measured = True
            kept += piece
    except LimitError:
        raise
    except TraceError as error:
        if broken is None or not kept:
            raise
        broken.append(TraceError(error.found, error.place))
    return np.frombuffer(kept, np.uint8)


def allowance(stored: int, limit: int | None) -> int:
    """How many bytes may come of so many stored ones: the limit, where one was named."""
    return limit or min(MAX_BYTES, max(_RATIO_FROM, RATIO_MAX * stored))


def _measure(pieces: Iterator[tuple[bytes, int]], allowed: int, *, explicit: bool) -> None:
    """Raise LimitError if more than `allowed` bytes come; keeps none of them."""
    total = 0
    for piece, at in _until_broken(pieces):
        total += len(piece)
        if total > allowed:
            ratio = "" if explicit else f", {total // max(at, 1):,} times what was read so far"
            raise LimitError(
                f"unpacks to over {allowed:,} bytes{ratio}",
                f"byte {at}",
                "--max-bytes N lets it unpack to N bytes, if you trust the file",
            )


def _until_broken(pieces: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """What comes before the data breaks off; that it does is told when it is kept."""
    try:
        yield from pieces
    except LimitError:
        raise
    except TraceError:
        return


def _gunzip(stored: npt.NDArray[np.uint8], notes: Counter[str]) -> Iterator[tuple[bytes, int]]:
    """(piece, offset reached in the file); several members are one stream, as gzip has it."""
    raw = memoryview(stored)  # type: ignore[arg-type] # arrays are buffers from 3.12 on for mypy
    at = 0
    while at < len(raw):
        if at and bytes(raw[at : at + 2]) != _GZIP:
            notes["trailing_bytes"] = len(raw) - at
            return
        unpack = zlib.decompressobj(wbits=31)
        begin = at
        try:
            while not unpack.eof:
                rest = unpack.unconsumed_tail or bytes(raw[at : at + _MEMBER_CHUNK])
                if not rest:
                    raise TraceError("gzip data cut off", f"byte {len(raw)}", _AGAIN)
                fresh = not unpack.unconsumed_tail
                piece = unpack.decompress(rest, _CHUNK)
                at += len(rest) if fresh else 0
                if piece:
                    yield piece, at
        except zlib.error as error:
            place = at if "check" not in str(error) else max(begin, len(raw) - 8)
            raise TraceError(f"broken gzip data ({error})", f"byte {place}", _AGAIN) from None
        at -= len(unpack.unused_data)


def unzstd(stored: npt.NDArray[np.uint8]) -> Iterator[tuple[bytes, int]]:
    """(piece, offset reached in the file) of one or more zstd frames."""
    import pyarrow as pa

    raw = pa.BufferReader(pa.py_buffer(stored))
    try:
        with pa.CompressedInputStream(raw, "zstd") as stream:
            while piece := stream.read(_CHUNK):
                yield piece, raw.tell()
    except OSError as error:
        at = min(raw.tell(), stored.size) if not raw.closed else stored.size
        raise TraceError(f"broken or cut off zstd data ({error})", f"byte {at}", _AGAIN) from None
