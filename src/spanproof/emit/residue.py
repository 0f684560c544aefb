"""What fits no column, brought to the row that it belongs to.

Decides when a column speaks and when residue does: where both could (an id, a time), the
column does unless it is null or at TIME_MAX, for there the exact value stands in residue.
Refuses to know how either is written.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.table import Table
from spanproof.table.schema import TIME_MAX
from spanproof.vocabulary.otlp import FIELDS, WIRE_TYPE, Message, Type

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SHARED: Final = {  # fields that a column and residue may both hold: (batch, column)
    (Message.SPAN, 1): ("spans", "trace_id"),
    (Message.SPAN, 2): ("spans", "span_id"),
    (Message.SPAN, 4): ("spans", "parent_span_id"),
    (Message.SPAN, 7): ("spans", "start_time_unix_nano"),
    (Message.SPAN, 8): ("spans", "end_time_unix_nano"),
    (Message.EVENT, 1): ("events", "time_unix_nano"),
    (Message.LINK, 1): ("links", "trace_id"),
    (Message.LINK, 2): ("links", "span_id"),
}


def n_unknown_fields(table: Table) -> int:
    """How many fields the table keeps that OTLP as we know it does not have.

    Those within an attribute's value are not counted: they stand in its encoding.
    """
    owners, fields = table.numbers("residue", "owner"), table.numbers("residue", "field")
    known = np.zeros(owners.size, np.bool_)
    for owner, field in SHARED:
        known |= (owners == owner) & (fields == field)
    return int((~known).sum())


class Slices(NamedTuple):
    """Row i's bytes: `data[starts[i]:starts[i] + lengths[i]]`; a negative length: none."""

    starts: Longs
    lengths: Longs
    data: Bytes


def slices(array: pa.Array) -> Slices:
    """A string or binary array (32-bit offsets) as slices of its buffer, without a copy."""
    n = len(array)
    if array.null_count == n:
        return Slices(np.zeros(n, np.int64), np.full(n, -1, np.int64), np.zeros(0, np.uint8))
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    starts = ends[:-1].astype(np.int64)
    lengths = np.diff(ends).astype(np.int64)
    if array.null_count:
        lengths[array.is_null().to_numpy(zero_copy_only=False)] = -1
    source = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return Slices(starts, lengths, source)


class Residue:
    """A table's residue by owner and row; fields for which a column speaks are left out.

    O(residue), sorted only if its rows do not ascend.
    """

    def __init__(self, table: Table) -> None:
        batch = table.residue
        if batch.num_rows:
            batch = batch.filter(pa.array(~_spoken_for(table, _wire_types(batch))))
            order = np.lexsort((batch["row"].to_numpy(), batch["owner"].to_numpy()))
            if (np.diff(order) < 0).any():
                batch = batch.take(pa.array(order))
        self._owners = batch["owner"].to_numpy()
        self._rows = batch["row"].to_numpy()
        self._fields = batch["field"].to_numpy()
        self._wire_types = _wire_types(batch)
        self._wire = batch["wire"]
        self._slices = slices(self._wire)

    def rows(self, owner: int) -> npt.NDArray[Any]:
        """The rows of one owner that have residue, ascending."""
        return np.unique(self._rows[self._owners == owner])

    def runs(self, owner: int, rows: npt.NDArray[Any] | int) -> Slices | None:
        """The residue of these rows, or the first n, a slice each; None where none has any."""
        first, last = np.searchsorted(self._owners, [owner, owner + 1])
        if first == last:
            return None
        if isinstance(rows, int):
            rows = np.arange(rows)
        # The bytes of neighbours touch each other: an Arrow array has no gaps.
        edges = np.append(self._slices.starts, self._slices.starts[-1] + self._slices.lengths[-1])
        begin, end = (
            edges[first + np.searchsorted(self._rows[first:last], rows, side=side)]
            for side in ("left", "right")
        )
        return Slices(begin, np.where(end > begin, end - begin, -1), self._slices.data)

    def values(self, owner: int, field: int) -> dict[int, bytes]:
        """Row → the wire bytes, tag included, of a shared field; the last one wins."""
        mask = (self._owners == owner) & (self._fields == field)
        mask &= self._wire_types == _wire_type(owner, field)
        found = np.flatnonzero(mask)
        return {int(self._rows[i]): self._wire[int(i)].as_py() for i in found}


def silent(table: Table, owner: Message, field: int) -> Mask:
    """The rows whose column leaves this field to residue: null, or TIME_MAX and held there."""
    batch, column = SHARED[owner, field]
    array = getattr(table, batch)[column]
    if not pa.types.is_int64(array.type):
        return array.is_null().to_numpy(zero_copy_only=False)
    quiet: Mask = array.to_numpy() == TIME_MAX
    if quiet.any():
        residue = table.residue
        held = (residue["owner"].to_numpy() == owner) & (residue["field"].to_numpy() == field)
        held &= _wire_types(residue) == _wire_type(owner, field)
        rows = np.zeros(quiet.size, np.bool_)
        rows[residue["row"].to_numpy()[held]] = True
        quiet &= rows
    return quiet


def _spoken_for(table: Table, wire_types: Bytes) -> Mask:
    """The residue whose field its row's column already says."""
    owners = table.numbers("residue", "owner")
    fields = table.numbers("residue", "field")
    rows = table.numbers("residue", "row")
    spoken = np.zeros(rows.size, np.bool_)
    for owner, field in SHARED:
        mask = (owners == owner) & (fields == field) & (wire_types == _wire_type(owner, field))
        if mask.any():
            spoken[mask] = ~silent(table, owner, field)[rows[mask]]
    return spoken


def _wire_type(owner: int, field: int) -> int:
    types: dict[int, Type] = {f.number: f.type for f in FIELDS[Message(owner)]}
    return int(WIRE_TYPE[types[field]])


def _wire_types(residue: pa.RecordBatch) -> Bytes:
    """The lowest three bits of each tag; 7, which is no wire type, where there are no bytes."""
    starts, lengths, data = slices(residue["wire"])
    types = np.full(lengths.size, 7, np.uint8)
    some = lengths > 0
    types[some] = data[starts[some]] & 7
    return types


__all__ = ["Residue", "Slices", "silent", "slices"]
