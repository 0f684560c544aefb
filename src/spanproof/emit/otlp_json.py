"""A table as OTLP/JSON, canonical: one document, or one a request and line.

Decides the frame around the rows, and how much is in memory at a time. The spelling is
lowerCamelCase, lower-case hex ids, 64-bit integers as strings, enums as integers, bytes as
base64, NaN and infinities as strings, fields in the order of their numbers, defaults left
out as proto3 JSON does, members and messages that are empty kept. Protobuf's unknown fields
have no place in JSON and are left out. Refuses to know files.

Source: OTLP specification 1.11, "JSON Protobuf Encoding"; ProtoJSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.emit.json_columns import Columns
from spanproof.emit.otlp_protobuf import Messages, check_size
from spanproof.emit.residue import slices
from spanproof.table import Table
from spanproof.table.table import offsets

CHUNK: Final = 2**22
"""How many bytes of protobuf, and 64 more a row, are spelt at once."""


def write_json(table: Table, out: BinaryIO) -> None:
    """One document with the rows of every request, UTF-8, no line end.

    Raises LimitError for a span larger than a protobuf message may be, TraceError for a
    nested value that is none. O(rows + bytes).
    """
    _Document(table, out).write(0, table.resources.num_rows)


def write_json_lines(table: Table, out: BinaryIO) -> None:
    """One document and line for each request number, in order, as `write_json` has it."""
    document = _Document(table, out)
    requests = table.numbers("resources", "request")
    for number in range(table.n_requests):
        first, last = np.searchsorted(requests, [number, number + 1]).tolist()
        document.write(first, last)
        out.write(b"\n")


class _Document:
    """A table's rows as text, written in ascending stretches."""

    def __init__(self, table: Table, out: BinaryIO) -> None:
        columns, messages = Columns(table), Messages(table)
        self._out = out
        self._resources = _Texts(columns.resources, messages.resources.sizes)
        self._scopes = _Texts(columns.scopes, messages.scopes.sizes)
        self._spans = _Texts(columns.spans, messages.spans.sizes)
        self._urls = [
            _Texts(partial(columns.schema_urls, batch), _url_sizes(table, batch))
            for batch in ("resources", "scopes")
        ]
        n = table.resources.num_rows
        self._scopes_of = offsets(table.numbers("scopes", "resource"), n).tolist()
        n = table.scopes.num_rows
        self._spans_of = offsets(table.numbers("spans", "scope"), n).tolist()

    def write(self, first: int, last: int) -> None:
        """One document of these ResourceSpans."""
        out = self._out.write
        out(b'{"resourceSpans":[')  # even if empty: its name tells a reader the format
        for row in range(first, last):
            self._resource_spans(row)
            if row + 1 < last:
                out(b",")
        out(b"]}")

    def _resource_spans(self, row: int) -> None:
        out = self._out.write
        head, tail = self._resources.text(row), self._urls[0].text(row)
        begin, end = self._scopes_of[row : row + 2]
        if begin == end:
            out(b"{" + (head + tail)[1:] + b"}")
            return
        out(b"{" + (head + b',"scopeSpans":[')[1:])
        for scope in range(begin, end):
            self._scope_spans(scope)
            if scope + 1 < end:
                out(b",")
        out(b"]" + tail + b"}")

    def _scope_spans(self, row: int) -> None:
        out = self._out.write
        head, tail = self._scopes.text(row), self._urls[1].text(row)
        begin, end = self._spans_of[row : row + 2]
        if begin == end:
            out(b"{" + (head + tail)[1:] + b"}")
            return
        out(b"{" + (head + b',"spans":[')[1:])
        for text, is_last in self._spans.between(begin, end):
            out(text[:-1] if is_last else text)  # each span ends in a comma
        out(b"]" + tail + b"}")


class _Texts:
    """The texts of rows that are asked for in ascending order, made a chunk at a time."""

    def __init__(self, spelt: Callable[[int, int], pa.Array], sizes: npt.NDArray[np.int64]) -> None:
        check_size(int(sizes.max(initial=0)))
        self._spelt = spelt
        self._ends = np.cumsum(sizes + 64)
        self._first = self._last = 0  # the rows of the chunk
        self._edges: list[int] = [0]
        self._data = memoryview(b"")

    def text(self, row: int) -> bytes:
        return b"".join(text for text, _ in self.between(row, row + 1))

    def between(self, first: int, last: int) -> Iterator[tuple[memoryview, bool]]:
        """The rows' texts in pieces of whole rows, and whether a piece is the last."""
        while first < last:
            if not self._first <= first < self._last:
                self._load(first)
            end = min(last, self._last)
            edges = self._edges
            begin = edges[first - self._first]
            yield self._data[begin : edges[end - self._first]], end == last
            first = end

    def _load(self, first: int) -> None:
        before = self._ends[first - 1] if first else 0
        last = int(np.searchsorted(self._ends, before + CHUNK, side="right"))
        self._first, self._last = first, max(last, first + 1)
        texts = self._spelt(self._first, self._last)
        _, ends, data = texts.buffers()
        edges = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        self._edges = edges.tolist()
        self._data = memoryview(data or b"")


def _url_sizes(table: Table, batch: str) -> npt.NDArray[np.int64]:
    codes, dictionary = table.codes(batch, "schema_url")
    return slices(dictionary).lengths[codes]
