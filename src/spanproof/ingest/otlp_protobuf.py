"""OTLP protobuf → table: the one decoder that every format ends in.

Decides what a malformed message is, and what of a broken one can still be read. Memory:
the input, the table, and the cells of one stretch of 4 MiB.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt

from spanproof.errors import LimitError, TraceError
from spanproof.ingest.columns import Columns, Stretch
from spanproof.ingest.layout import COLUMNS, TABLES, layout
from spanproof.ingest.wire import Wire
from spanproof.table import Table
from spanproof.table.interning import NotUtf8

STRETCH_BYTES: Final = 4 * 2**20
LEFT_OUT_MAX: Final = 1000
# What cells may take, per byte read and at first: a span of a real trace takes one to four
# times its bytes, an empty one sixty times.
ROOM_A_BYTE: Final = 6
ROOM_BYTES: Final = 16 * 2**20

_CAUSES: Final = (
    "",
    "cut off: the file ends within a field",
    "a length runs past the end of its message",
    "field number 0",
    "a wire type that does not exist",
    "a varint of more than ten bytes (five in a tag or a length)",
    "a group that is never closed, or closed without being open",
    "more than 100 nested messages",
    "text that is not UTF-8",
    "more than 2³¹ rows, or one message over 2 GiB",
)
_LENGTH, _UTF8, _ROWS = 2, 8, 9
_NOTES: Final = ("unknown_field", "wrong_wire_type", "unknown_group")
_HINT: Final = "--keep-going checks the readable rest and lists what it left out"


class _Scratch:
    """The kernel's output, used again from stretch to stretch: fresh pages cost more than zeros."""

    def __init__(self) -> None:
        self.cells = np.zeros(0, np.int32)
        self.wide = np.zeros(0, np.int64)

    def zeroed(
        self, n_cells: int, n_wide: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        if self.cells.size < n_cells:
            self.cells = np.zeros(n_cells + n_cells // 4, np.int32)
        else:
            self.cells[:n_cells] = 0
        if self.wide.size < n_wide:
            self.wide = np.zeros(n_wide + n_wide // 4, np.int64)
        else:
            self.wide[:n_wide] = 0
        return self.cells[:n_cells], self.wide[:n_wide]


class _Broken(Exception):  # noqa: N818 - a signal within this file
    def __init__(self, cause: int, offset: int, field: int) -> None:
        super().__init__(cause, offset, field)
        self.cause, self.offset, self.field = cause, offset, field


def decode(wire: Wire, *, keep_going: bool = False) -> Table:
    """The table of the messages; see `collect`."""
    return collect(wire, keep_going=keep_going).table()


def collect(wire: Wire, *, keep_going: bool = False, bounded: bool = True) -> Columns:
    """Every span, event, link and attribute of the messages, in their order.

    Adds to `wire.notes` (unknown fields by kind) and, with `keep_going`, to
    `wire.left_out`: of a broken message the ResourceSpans in which it breaks is left out,
    and what follows it where its end is known. Raises TraceError with the byte's offset in
    `wire.data` otherwise, LimitError beyond 2³¹ rows, or (unless not `bounded`) where rows
    would take over six times the bytes that they came in, and 16 MiB. O(bytes).
    """
    columns = Columns()
    scratch = _Scratch()
    starts, ends = wire.starts, wire.ends
    message = 0
    position = int(starts[0]) if starts.size else 0
    room = ROOM_BYTES if bounded else 2**63
    while message < starts.size:
        try:
            stretch, after = _stretch(wire, starts, ends, message, position, scratch, room)
            if bounded:
                room += ROOM_A_BYTE * stretch.n_bytes - stretch.nbytes
            columns.add(stretch, message)
        except (_Broken, NotUtf8) as fault:
            cause = fault.cause if isinstance(fault, _Broken) else _UTF8
            offset = position + fault.offset
            if cause == _ROWS:
                raise LimitError(_CAUSES[cause], f"byte {offset}", "split the file") from None
            # What is cut off may break at the very end of its field: go by where that begins.
            inside = position + fault.field if isinstance(fault, _Broken) else offset
            told = _CAUSES[cause]
            if cause == _LENGTH and inside == offset:
                told = "cut off: a length runs past the end of the data"
            error = TraceError(told, f"byte {offset}", _HINT)
            if not keep_going or wire.ours:
                raise error from None
            starts, ends, gone = _without(wire.data, starts, ends, message, position, inside)
            wire.left_out.append(
                TraceError(f"{told}: left out bytes {gone[0]} to {gone[1]}", error.place)
            )
            if len(wire.left_out) > LEFT_OUT_MAX:
                raise TraceError(f"over {LEFT_OUT_MAX} broken parts", error.place) from None
            position = int(starts[message]) if message < starts.size else 0
            continue
        wire.notes.update(stretch_notes(after[2]))
        message, position = after[0], after[1]
    return columns


def stretch_notes(counts: npt.NDArray[np.int64]) -> Counter[str]:
    """What the kernel counted beside rows."""
    from spanproof.kernels import otlp_protobuf as k

    found = (counts[k.COUNT_UNKNOWN], counts[k.COUNT_WIRE_TYPE], counts[k.COUNT_GROUP])
    return Counter({name: int(n) for name, n in zip(_NOTES, found, strict=True) if n})


def _stretch(
    wire: Wire,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    message: int,
    position: int,
    scratch: _Scratch,
    room: int,
) -> tuple[Stretch, tuple[int, int, npt.NDArray[np.int64]]]:
    """The columns of the next stretch, and (message, position, counts) after it."""
    from spanproof.kernels import otlp_protobuf as k

    plan = layout()
    data = wire.data[position:]
    starts, ends = starts[message:] - position, ends[message:] - position
    starts[0] = 0
    cursor = np.zeros(4, np.int64)
    counts = np.zeros(k.COUNT_POSITION + 1, np.int64)
    bases = np.zeros(plan.n_slots, np.int64)
    stack, status = np.zeros(k.STACK, np.int64), np.zeros(2, np.int64)
    cells, wide, ser = np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1, np.uint8)

    def scan(fill: bool, into: npt.NDArray[np.int64]) -> None:
        at = k.scan(
            data, starts, ends, cursor, STRETCH_BYTES, wire.ours, fill, plan.fields,
            plan.tables, plan.parents, bases, into, cells, wide, ser, stack, status,
        )  # fmt: skip
        if at >= 0:
            raise _Broken(int(status[0]), int(at), int(into[k.COUNT_POSITION]))

    scan(False, counts)
    rows = {name: int(counts[i]) for i, name in enumerate(TABLES)}
    n_cells = n_wide = slot = 0
    for name in TABLES:
        for column in COLUMNS[name]:
            if column.endswith("!"):
                bases[slot], n_wide = n_wide, n_wide + rows[name]
                slot += 1
                continue
            for _ in range(2 if column.endswith("/") else 1):
                bases[slot], n_cells = n_cells, n_cells + rows[name]
                slot += 1
    n_bytes = _passed(ends, cursor)
    if 4 * n_cells + 8 * n_wide > room + ROOM_A_BYTE * n_bytes:
        raise LimitError(
            f"{sum(rows.values()):,} rows in {n_bytes:,} bytes: no trace is made of so little",
            f"byte {position}",
            "--max-bytes N reads it all the same, if you trust the file",
        )
    cells, wide = scratch.zeroed(n_cells, n_wide)
    ser = np.zeros(int(counts[k.COUNT_SER]), np.uint8)
    scan(True, np.zeros_like(counts))
    stretch = Stretch(data, ser, cells, wide, bases, plan.slots, rows, n_bytes)
    return stretch, (message + int(cursor[2]), position + int(cursor[3]), counts)


def _passed(ends: npt.NDArray[np.int64], cursor: npt.NDArray[np.int64]) -> int:
    """How many bytes the cursor has passed; positions count from where it began."""
    last = int(cursor[2])
    return int(cursor[3]) if last < ends.size else int(ends[-1])


def _without(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    message: int,
    position: int,
    offset: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[int, int]]:
    """The messages without the top-level field that holds `offset`, and what is gone.

    Where the field's end is not known, the rest of its message goes with it.
    """
    broken = message + int(np.searchsorted(ends[message:], offset, side="right"))
    broken = min(broken, ends.size - 1)
    begin = position if broken == message else int(starts[broken])
    end = int(ends[broken])
    at, after = begin, begin
    while after <= offset and after < end:
        at, after = after, _field_end(data, after, end)
    head_start = starts.copy()
    head_start[message] = position
    starts = np.concatenate([head_start[: broken + 1], [after], head_start[broken + 1 :]])
    ends = np.concatenate([ends[:broken], [at], ends[broken:]])
    return starts, ends, (at, after)


def _field_end(data: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Where the length-delimited field at `at` ends; `end` if that cannot be told."""
    numbers = []
    for _ in range(2):
        value = shift = 0
        while True:
            if at >= end or shift > 28:
                return end
            byte = int(data[at])
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append(value)
    tag, size = numbers
    return at + size if tag & 7 == 2 and at + size <= end else end
