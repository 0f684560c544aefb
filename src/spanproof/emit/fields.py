"""Fields of many messages at once: measured when a message is built, written when all are.

Decides how a message's size and place follow from its fields: sizes add up from the leaves,
places are handed down from the root, and each field of every row is one kernel call. A
`Message` is n rows of one kind; its fields are given with their tags, ascending. Refuses to
know OTLP and tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from spanproof.emit.residue import Slices

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Field(Protocol):
    """One field of every row."""

    def measure(self, tag: int, sizes: Longs) -> None:
        """Add what each row's field takes, its tag included."""

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        """Write it at each row's cursor and advance that past it."""


class Message:
    """n messages of one kind: `sizes` of their contents, and how to write these."""

    def __init__(self, n: int, fields: Iterable[tuple[int, Field]]) -> None:
        self.sizes = np.zeros(n, np.int64)
        self._fields = list(fields)
        for tag, field in self._fields:
            field.measure(tag, self.sizes)

    def write(self, cursors: Longs, data: Bytes) -> None:
        """Write each row's content at its cursor, which ends behind it."""
        ends = cursors + self.sizes
        for tag, field in self._fields:
            field.write(tag, cursors, data)
        assert np.array_equal(cursors, ends), "what was written is not what was measured"


class Varint:
    """A varint of each row; by default only where it is not zero."""

    def __init__(self, values: npt.NDArray[Any], present: Mask | None = None) -> None:
        self._values = values.astype(np.int64, copy=False)
        self._present = self._values != 0 if present is None else present
        self._any = bool(self._present.any())

    def measure(self, tag: int, sizes: Longs) -> None:
        from spanproof.kernels.encode import add_varint_sizes

        if self._any:
            present = self._present.view(np.uint8)
            _done(add_varint_sizes(_tag_size(tag), self._values, present, sizes))

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import put_varints

        if self._any:
            _done(put_varints(tag, self._values, self._present.view(np.uint8), cursors, data))


class Word:
    """A word of 4 or 8 bytes of each row; by default only where it is not zero."""

    def __init__(self, width: int, words: npt.NDArray[Any], present: Mask | None = None) -> None:
        self._width = width
        self._words = words.astype(np.int64, copy=False)
        self._present = self._words != 0 if present is None else present
        self._any = bool(self._present.any())

    def measure(self, tag: int, sizes: Longs) -> None:
        if self._any:
            sizes += (_tag_size(tag) + self._width) * self._present

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import put_words

        if self._any:
            present = self._present.view(np.uint8)
            _done(put_words(tag, self._width, self._words, present, cursors, data))


class Run:
    """A slice of bytes of each row: an id, say, and with tag 0 fields as they are."""

    def __init__(self, rows: Slices) -> None:
        self._rows = rows
        self._any = bool((rows.lengths >= 0).any())

    def measure(self, tag: int, sizes: Longs) -> None:
        from spanproof.kernels.encode import add_slice_sizes

        if self._any:
            _done(add_slice_sizes(_tag_size(tag), self._rows.lengths, sizes))

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import put_slices

        if self._any:
            _done(put_slices(tag, *self._rows, cursors, data))


class Texts(NamedTuple):
    """A text of each row, by its code in a dictionary; -1, and a length of -1: none."""

    codes: npt.NDArray[np.int32]
    starts: Longs
    lengths: Longs
    source: Bytes

    def measure(self, tag: int, sizes: Longs) -> None:
        from spanproof.kernels.encode import add_text_sizes

        if self._any():
            _done(add_text_sizes(_tag_size(tag), self.codes, self.lengths, sizes))

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import put_texts

        if self._any():
            _done(put_texts(tag, *self, cursors, data))

    def _any(self) -> bool:
        return bool((self.lengths >= 0).any())


class Part:
    """A message within each row that has one; content implies presence."""

    def __init__(self, message: Message, present: Mask) -> None:
        self._message = message
        self._lengths = np.where(present | (message.sizes > 0), message.sizes, -1)

    def measure(self, tag: int, sizes: Longs) -> None:
        from spanproof.kernels.encode import add_slice_sizes

        _done(add_slice_sizes(_tag_size(tag), self._lengths, sizes))

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import put_headers

        _done(put_headers(tag, self._lengths, cursors, data))
        self._message.write(cursors, data)


class Children:
    """Messages of another table, each within the row that `parents` names, in their order."""

    def __init__(self, message: Message, parents: npt.NDArray[Any]) -> None:
        self._message, self._parents = message, np.ascontiguousarray(parents, np.int32)
        self._sizes = np.zeros(self._parents.size, np.int64)

    def measure(self, tag: int, sizes: Longs) -> None:
        from spanproof.kernels.encode import add_child_sizes, add_slice_sizes

        if self._parents.size:
            _done(add_slice_sizes(_tag_size(tag), self._message.sizes, self._sizes))
            _done(add_child_sizes(self._parents, self._sizes, sizes))

    def write(self, tag: int, cursors: Longs, data: Bytes) -> None:
        from spanproof.kernels.encode import place_children, put_headers

        if self._parents.size:
            places = np.empty(self._parents.size, np.int64)
            _done(place_children(self._parents, self._sizes, cursors, places))
            _done(put_headers(tag, self._message.sizes, places, data))
            self._message.write(places, data)


def _tag_size(tag: int) -> int:
    return -(-tag.bit_length() // 7)


def _done(row: int) -> None:
    """Raise ValueError where a kernel stopped; only a table that breaks its schema gets here."""
    if row != -1:
        raise ValueError(f"row {row} points outside its table")
