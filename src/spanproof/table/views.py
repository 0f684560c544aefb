"""NumPy views of Arrow arrays, without Arrow's compute functions: those take 30 ms to load."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_FEW = 1000


def valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    """bool[n]: where the array is not null."""
    bitmap = array.buffers()[0]
    if bitmap is None or not array.null_count:
        return np.ones(len(array), np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def values(array: pa.Array, null: float = 0) -> npt.NDArray[Any]:
    """The numbers or booleans of an array, nulls replaced; a view where there is no null."""
    buffer, window = array.buffers()[1], slice(array.offset, array.offset + len(array))
    numbers: npt.NDArray[Any]
    if pa.types.is_boolean(array.type):
        packed = np.frombuffer(buffer or b"", np.uint8)
        numbers = np.unpackbits(packed, bitorder="little")[window].astype(np.bool_)
    else:
        dtype = array.type.to_pandas_dtype()
        numbers = np.frombuffer(buffer, dtype)[window] if buffer else np.zeros(0, dtype)
    if not array.null_count:
        return numbers
    return np.where(valid(array), numbers, numbers.dtype.type(null))


def taken(batch: pa.RecordBatch, rows: npt.NDArray[np.integer]) -> pa.RecordBatch:
    """The rows chosen, in their order."""
    if rows.size > _FEW:
        return batch.take(pa.array(rows))
    parts = [batch.slice(row, 1) for row in rows.tolist()]
    if not parts:
        return batch.slice(0, 0)
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def code_of(texts: pa.StringArray, text: str) -> int:
    """Where a text stands in a dictionary, or −1."""
    if len(texts) <= _FEW:
        listed = texts.to_pylist()
        return listed.index(text) if text in listed else -1
    import pyarrow.compute as pc

    return int(pc.index(texts, text).as_py())
