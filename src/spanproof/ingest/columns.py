"""Filled cells → Arrow columns, stretch by stretch; the table is built once at the end.

Refuses to know the wire format: it sees offsets, lengths and numbers. What fits no column
(ids of another length, times beyond int64) is put into the residue here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.ingest import wire
from spanproof.ingest.layout import TABLES
from spanproof.table import Table
from spanproof.table.interning import Interner
from spanproof.table.schema import OWNERS, PARENTS, SCHEMAS, TIME_MAX
from spanproof.vocabulary.otlp import Message, ValueType

_ROOTS: Final = {"resources": "request", "residue": "row"}  # row numbers without a PARENTS entry
_IDS: Final = {  # table: (column, field number, width)
    "spans": (("trace_id", 1, 16), ("span_id", 2, 8), ("parent_span_id", 4, 8)),
    "links": (("trace_id", 1, 16), ("span_id", 2, 8)),
}
_TIMES: Final = {
    "spans": (("start_time_unix_nano", 7), ("end_time_unix_nano", 8)),
    "events": (("time_unix_nano", 1),),
}
_KIND_OF: Final = {"spans": Message.SPAN, "links": Message.LINK, "events": Message.EVENT}


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the kernel filled from one stretch of bytes."""

    data: npt.NDArray[np.uint8]
    ser: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.int32]
    wide: npt.NDArray[np.int64]
    bases: npt.NDArray[np.int64]
    slots: dict[tuple[str, str], int]
    rows: dict[str, int]
    n_bytes: int  # of the message bytes it was filled from

    @property
    def nbytes(self) -> int:
        """What its cells take."""
        return self.cells.nbytes + self.wide.nbytes

    def column(self, table: str, name: str) -> npt.NDArray[np.int32]:
        base = self.bases[self.slots[table, name]]
        return self.cells[base : base + self.rows[table]]

    def wide_column(self, table: str, name: str) -> npt.NDArray[np.int64]:
        base = self.bases[self.slots[table, name]]
        return self.wide[base : base + self.rows[table]]

    def slices(self, table: str, name: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        slot, n = self.slots[table, name], self.rows[table]
        at, size = self.bases[slot], self.bases[slot + 1]
        return self.cells[at : at + n], self.cells[size : size + n]


class Columns:
    """Collects the columns of every stretch; row numbers run on."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], list[pa.Array]] = {}
        self._interners: dict[tuple[str, str], Interner] = {}
        self._rows = dict.fromkeys(TABLES, 0)

    def add(self, stretch: Stretch, message: int) -> None:
        """Take over a stretch whose first message is number `message` of all.

        Raises NotUtf8, and is unchanged then but for texts that no row points to.
        """
        taken = {
            (name, field.name): self._column(stretch, name, field)
            for name, schema in SCHEMAS.items()
            for field in schema
        }
        by = {name: self._rows[parent] for name, (_column, parent) in PARENTS.items()}
        for name, (column, _parent) in {**PARENTS, "resources": ("request", "")}.items():
            rows = stretch.column(name, column) + np.int32(by.get(name, message))
            taken[name, column] = pa.array(rows, pa.int32())
        for column, array in self._residue(stretch, message).items():
            taken["residue", column] = array
        for key, array in taken.items():
            self._parts.setdefault(key, []).append(array)
        for name, added in stretch.rows.items():
            self._rows[name] += added

    def table(self) -> Table:
        """Everything that was added."""
        batches = {}
        for name, schema in SCHEMAS.items():
            arrays = [self._joined(name, field) for field in schema]
            batches[name] = pa.RecordBatch.from_arrays(arrays, schema=schema)
        return Table(**batches)

    def _joined(self, name: str, field: pa.Field) -> pa.Array:
        is_text = pa.types.is_dictionary(field.type)
        parts = self._parts.pop((name, field.name), [])
        storage = pa.int32() if is_text else field.type
        array = parts[0] if len(parts) == 1 else pa.chunked_array(parts, storage).combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # what no chunk combines to, in some releases
            array = pa.array([], storage)
        if not is_text:
            return array
        texts = self._interners.pop((name, field.name), Interner()).dictionary()
        return pa.DictionaryArray.from_arrays(array, texts, safe=False)

    def _column(self, stretch: Stretch, name: str, field: pa.Field) -> pa.Array | None:
        if name == "residue" or field.name == PARENTS.get(name, ("request",))[0]:
            return None  # row numbers: the caller's business
        if name.endswith("_attributes"):
            return self._attribute_column(stretch, name, field)
        kind = field.type
        if pa.types.is_dictionary(kind):
            return pa.array(
                self._codes(stretch, name, field.name, stretch.slices(name, field.name))
            )
        if pa.types.is_fixed_size_binary(kind):
            return _ids(stretch, name, field.name, kind)
        if kind == pa.int64():
            times = stretch.wide_column(name, field.name)
            return pa.array(np.where(times < 0, TIME_MAX, times), kind)
        cells = stretch.column(name, field.name)
        if (name, field.name) == ("spans", "status_code"):
            return pa.array(cells.copy(), mask=stretch.column(name, "has_status") == 0)
        return pa.array(cells.astype(kind.to_pandas_dtype()), kind)

    def _attribute_column(self, stretch: Stretch, name: str, field: pa.Field) -> pa.Array:
        types = stretch.column(name, "type")
        at, size = stretch.slices(name, "value")
        match field.name:
            case "key":
                return pa.array(self._codes(stretch, name, "key", stretch.slices(name, "key")))
            case "type":
                return pa.array(types.astype(np.uint8))
            case "str":
                codes = np.zeros(types.size, np.int32)
                rows = np.flatnonzero(types == ValueType.STR)
                codes[rows] = self._codes(stretch, name, "str", (at[rows], size[rows]))
                return pa.array(codes, mask=types != ValueType.STR)
            case "int":
                return _numbers(stretch.wide_column(name, "bits"), types == ValueType.INT, field)
            case "double":
                return _numbers(stretch.wide_column(name, "bits"), types == ValueType.DOUBLE, field)
            case "bool":
                bits = stretch.wide_column(name, "bits") != 0
                return pa.array(bits, mask=types != ValueType.BOOL)
            case "bytes":
                return _binaries(stretch.data, at, size, types == ValueType.BYTES)
        at, size = stretch.slices(name, "ser")
        return _binaries(stretch.ser, at, size, size >= 0)

    def _codes(
        self, stretch: Stretch, name: str, column: str, slices: tuple[Any, Any]
    ) -> npt.NDArray[np.int32]:
        interner = self._interners.setdefault((name, column), Interner())
        return interner.codes(stretch.data, *slices)

    def _residue(self, stretch: Stretch, message: int) -> dict[str, pa.Array]:
        owner = stretch.column("residue", "owner").astype(np.uint8)
        row = stretch.column("residue", "row")
        number = stretch.column("residue", "field")
        at, size = stretch.slices("residue", "wire")
        wires = _binaries(stretch.data, at, size, np.ones(at.size, np.bool_))
        odd = [*_odd_ids(stretch), *_late_times(stretch)]
        if odd:
            owners, rows, numbers, more = zip(*odd, strict=True)
            owner = np.concatenate([owner, np.array(owners, np.uint8)])
            row = np.concatenate([row, np.array(rows, np.int32)])
            number = np.concatenate([number, np.array(numbers, np.int32)])
            wires = pa.concat_arrays([wires, pa.array(more, pa.binary())])
        by = np.zeros(256, np.int32)
        for kind, table in OWNERS.items():
            by[kind] = message if table is None else self._rows[table]
        return {
            "owner": pa.array(owner),
            "row": pa.array(row + by[owner], pa.int32()),
            "field": pa.array(number.copy(), pa.int32()),
            "wire": wires,
        }


def _ids(stretch: Stretch, name: str, column: str, kind: pa.DataType) -> pa.Array:
    from spanproof.kernels.gather import gather_fixed

    at, size = stretch.slices(name, column)
    ids = np.zeros(at.size * kind.byte_width, np.uint8)
    valid = np.zeros(at.size, np.uint8)
    gather_fixed(stretch.data, at, size, kind.byte_width, ids, valid)
    return pa.Array.from_buffers(kind, at.size, [_bitmap(valid == 1), pa.py_buffer(ids)])


def _bitmap(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    if valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def _numbers(
    bits: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], field: pa.Field
) -> pa.Array:
    if not valid.any():
        return pa.nulls(bits.size, field.type)
    return pa.Array.from_buffers(field.type, bits.size, [_bitmap(valid), pa.py_buffer(bits.copy())])


def _binaries(
    data: npt.NDArray[np.uint8],
    at: npt.NDArray[np.int32],
    size: npt.NDArray[np.int32],
    valid: npt.NDArray[np.bool_],
) -> pa.Array:
    """A nullable binary column of slices, null where `valid` is False."""
    from spanproof.kernels.gather import gather

    lengths = np.where(valid, size, 0).astype(np.int32)
    offsets = np.zeros(at.size + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    column = np.empty(int(offsets[-1]), np.uint8)
    if column.size:
        gather(data, at, lengths, offsets, column)
    buffers = [_bitmap(valid), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(column)]
    return pa.Array.from_buffers(pa.binary(), at.size, buffers)


def _odd_ids(stretch: Stretch) -> list[tuple[int, int, int, bytes]]:
    """Ids of another length, as residue rows."""
    odd = []
    for name, columns in _IDS.items():
        for column, number, width in columns:
            at, size = stretch.slices(name, column)
            for row in np.flatnonzero((size != 0) & (size != width)):
                content = stretch.data[at[row] : at[row] + size[row]].tobytes()
                odd.append((int(_KIND_OF[name]), int(row), number, wire.block(number, content)))
    return odd


def _late_times(stretch: Stretch) -> list[tuple[int, int, int, bytes]]:
    """Times at or above TIME_MAX, as residue rows."""
    late = []
    for name, columns in _TIMES.items():
        for column, number in columns:
            times = stretch.wide_column(name, column)
            for row in np.flatnonzero((times < 0) | (times == TIME_MAX)):
                content = wire.fixed64(number, int(times[row]))
                late.append((int(_KIND_OF[name]), int(row), number, content))
    return late
