"""Which spans say the same: a number for the content of each, equal numbers exactly then.

A span's content is every column but `dialect` (how it was spelt), its attributes, events
and links in their order with all of theirs, its scope and resource, and the unknown fields
of each. Row numbers, dictionary codes, and the message it came in are no content.

Sequences are told apart byte by byte (an Interner compares what it finds), so two
different spans never count as one, whatever an adversary puts into them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.ingest.rules.rewriting import id_bytes
from spanproof.table import Table, views
from spanproof.table.identity import Rows
from spanproof.table.interning import Interner
from spanproof.table.schema import OWNERS, PARENTS
from spanproof.table.table import offsets

_NO_CONTENT: Final = frozenset({"request", "dialect", *(column for column, _ in PARENTS.values())})
_OFFSET_MAX: Final = 2**31 - 1

Words = list[npt.NDArray[np.int32]]


def span_contents(table: Table) -> Rows:
    """int32[n]: equal for two spans exactly if they are equal in every field.

    O(bytes of the table) expected.
    """
    residue = _residue(table)
    numbers: dict[str, Rows] = {}

    def number(name: str) -> Rows:
        words = _words(table, name)
        for child, (column, parent) in PARENTS.items():
            if parent == name and child in numbers:
                parents = table.numbers(child, column)
                words.append(_sequences(numbers[child], offsets(parents, words[0].size)))
        if name in residue:
            rows, wires = residue[name]
            words.append(_sequences(wires, offsets(rows, words[0].size)))
        return _slices(words)

    for name in (
        "resource_attributes", "entity_keys", "entity_refs", "scope_attributes",
        "span_attributes", "event_attributes", "link_attributes", "events", "links",
    ):  # fmt: skip
        numbers[name] = number(name)
    resource = number("resources")[table.numbers("scopes", "resource")]
    scope = _slices([number("scopes"), resource])
    return _slices([number("spans"), scope[table.numbers("spans", "scope")]])


def _words(table: Table, name: str) -> Words:
    """A batch's own content, in columns of 32 bits; at least one column."""
    batch = getattr(table, name)
    words: Words = [np.zeros(batch.num_rows, np.int32)]
    for field in batch.schema:
        if field.name not in _NO_CONTENT:
            words += _column(batch.column(field.name), nullable=field.nullable)
    return words


def _column(array: pa.Array, *, nullable: bool) -> Words:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return [_texts(array)]
    if pa.types.is_binary(kind):
        return [_binaries(array)]
    valid = views.valid(array)
    if pa.types.is_fixed_size_binary(kind):
        content = np.where(valid[:, None], id_bytes(array), np.uint8(0))
    else:
        if pa.types.is_boolean(kind):
            array = array.cast(pa.uint8())
        numbers = (array.fill_null(0) if array.null_count else array).to_numpy()
        if numbers.itemsize < 4:
            numbers = numbers.astype(np.int32)
        content = numbers.copy().view(np.uint8).reshape(valid.size, numbers.itemsize)
    halves = np.ascontiguousarray(content).view(np.int32)
    columns = [np.ascontiguousarray(halves[:, i]) for i in range(halves.shape[1])]
    return [valid.astype(np.int32), *columns] if nullable else columns


def _texts(array: pa.DictionaryArray) -> Rows:
    """Codes by content: a dictionary may hold one text twice."""
    codes = array.indices.fill_null(-1).to_numpy()
    once = array.dictionary.dictionary_encode().indices.fill_null(-1).to_numpy()
    return np.where(codes < 0, -1, np.append(once, np.int32(-1))[codes]).astype(np.int32)


def _binaries(array: pa.Array) -> Rows:
    """A number for each slice of bytes; −1 for null."""
    if array.null_count == len(array):
        return np.full(len(array), -1, np.int32)
    _bitmap, ends, data = array.buffers()
    at = np.frombuffer(ends, np.int32)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    codes = Interner(text=False).codes(content, at[:-1], np.diff(at))
    codes[~views.valid(array)] = -1
    return codes


def _residue(table: Table) -> dict[str, tuple[Rows, Rows]]:
    """By batch: rows, ascending, and the content of what fits none of their columns."""
    if not table.residue.num_rows:
        return {}
    owner, row = table.numbers("residue", "owner"), table.numbers("residue", "row")
    wires = _slices(
        [
            owner.astype(np.int32),
            table.numbers("residue", "field"),
            _binaries(table.residue.column("wire")),
        ]
    )
    found = {}
    for name in {name for name in OWNERS.values() if name is not None}:
        owners = [kind for kind, batch in OWNERS.items() if batch == name]
        at = np.flatnonzero(np.isin(owner, owners))
        at = at[np.argsort(row[at], kind="stable")]
        if at.size:
            found[name] = (row[at], wires[at])
    return found


def _slices(words: Words) -> Rows:
    """A number for each row of some columns, by their content."""
    matrix: npt.NDArray[Any] = np.stack(words, axis=1)
    n, width = matrix.shape[0], 4 * matrix.shape[1]
    data = matrix.reshape(-1).view(np.uint8)
    interner = Interner(text=False)
    numbers = np.empty(n, np.int32)
    step = _OFFSET_MAX // width
    for low in range(0, n, step):
        part = data[low * width : (low + step) * width]
        count = part.size // width
        at = np.arange(count, dtype=np.int32) * np.int32(width)
        numbers[low : low + count] = interner.codes(part, at, np.full(count, width, np.int32))
    return numbers


def _sequences(numbers: Rows, ends: npt.NDArray[np.int64]) -> Rows:
    """A number for each parent, by the sequence of its children's numbers."""
    data = np.ascontiguousarray(numbers).view(np.uint8)
    interner = Interner(text=False)
    sequences = np.empty(ends.size - 1, np.int32)
    low = 0
    while low < sequences.size:
        # As many parents as fit: offsets count bytes in 31 bits.
        high = int(np.searchsorted(ends, ends[low] + _OFFSET_MAX // 4, side="right")) - 1
        high = max(high, low + 1)
        part = data[4 * ends[low] : 4 * ends[high]]
        at = (4 * (ends[low:high] - ends[low])).astype(np.int32)
        size = (4 * np.diff(ends[low : high + 1])).astype(np.int32)
        sequences[low:high] = interner.codes(part, at, size)
        low = high
    return sequences
