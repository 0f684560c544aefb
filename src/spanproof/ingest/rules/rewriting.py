"""Columns of ids and times written anew, what `residue` holds of the old ones removed.

The two go together: a raw id or a late time in `residue` says what the column could not,
and would speak for the new value if it stayed. Refuses to know why a value changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.table import Table, views
from spanproof.table.identity import Rows
from spanproof.vocabulary.otlp import FIELDS, Message, Type

_OWNERS: Final = {"spans": Message.SPAN, "events": Message.EVENT, "links": Message.LINK}
_NUMBERS: Final = {
    (batch, name): field
    for batch, message in _OWNERS.items()
    for field in FIELDS[message]
    if field.type in (Type.ID, Type.FIXED64)
    for name in ["".join(f"_{c.lower()}" if c.isupper() else c for c in field.name)]
}
"""(batch, column): its protobuf field, for the columns that may have a residue."""


def with_ids(
    table: Table, batch: str, column: str, rows: Rows, ids: Sequence[bytes | None]
) -> Table:
    """The table with other ids in some rows (None: no id); `rows` without repetition.

    Every id has the column's length. O(rows of the batch).
    """
    old = getattr(table, batch).column(column)
    valid = views.valid(old)
    content = id_bytes(old).copy()
    nothing = bytes(content.shape[1])
    new = b"".join(nothing if raw is None else raw for raw in ids)
    content[rows] = np.frombuffer(new, np.uint8).reshape(-1, content.shape[1])
    valid[rows] = [raw is not None for raw in ids]
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    array = pa.Array.from_buffers(old.type, len(old), [bitmap, pa.py_buffer(content)])
    return _without_residue(table.with_columns(batch, {column: array}), batch, column, rows)


def with_times(
    table: Table, batch: str, column: str, times_ns: npt.NDArray[np.int64], rows: Rows
) -> Table:
    """The table with other times; `rows` are those that changed."""
    changed = table.with_columns(batch, {column: pa.array(times_ns, pa.int64())})
    return _without_residue(changed, batch, column, rows)


def id_bytes(array: pa.Array) -> npt.NDArray[np.uint8]:
    """uint8[n, width] of an id column, a view; zeros or anything where an id is null."""
    width = array.type.byte_width
    if not len(array):
        return np.zeros((0, width), np.uint8)
    data = np.frombuffer(array.buffers()[1], np.uint8)
    return data[array.offset * width :][: len(array) * width].reshape(-1, width)


def _without_residue(table: Table, batch: str, column: str, rows: Rows) -> Table:
    """Drop what the residue says of the column in these rows; unknown fields stay."""
    residue = table.residue
    if not residue.num_rows:
        return table
    field = _NUMBERS[batch, column]
    wire_type = 2 if field.type == Type.ID else 1
    gone: npt.NDArray[Any] = (
        (table.numbers("residue", "owner") == _OWNERS[batch])
        & (table.numbers("residue", "field") == field.number)
        & np.isin(table.numbers("residue", "row"), rows)
    )
    at = np.flatnonzero(gone)
    # The same number with another wire type is an unknown field, no value of this column.
    wires = residue.column("wire").take(pa.array(at)).to_pylist()
    gone[at] = [wire[0] & 7 == wire_type for wire in wires]
    return table.replacing(residue=residue.filter(pa.array(~gone))) if gone.any() else table
