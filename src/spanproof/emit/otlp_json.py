"""A table as OTLP/JSON, canonical: one document, or one a request and line.

Decides the spelling: lowerCamelCase, lower-case hex ids, 64-bit integers as strings, enums as
integers, bytes as base64, NaN and infinities as strings, fields in the order of their
numbers, defaults left out as proto3 JSON does, members and messages that are empty kept.
Protobuf's unknown fields have no place in JSON and are left out. Refuses to know files.

The rows' texts are put together by Arrow, column by column, for as many spans at a time as
hold `CHUNK` bytes, so that work space does not grow with the table. Source: OTLP
specification 1.11, "JSON Protobuf Encoding"; proto3 JSON mapping.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from spanproof.emit.json_columns import Columns
from spanproof.emit.otlp_protobuf import SIZE_MAX, Messages
from spanproof.errors import LimitError
from spanproof.table import Table
from spanproof.table.table import offsets

CHUNK: Final = 2**22
"""Bytes of protobuf whose spans are written at once."""


def write_json(table: Table, out: BinaryIO) -> None:
    """One document with the rows of every request, UTF-8, no line end.

    Raises LimitError for a span larger than a protobuf message may be, TraceError for a
    nested value that is none. O(rows + bytes).
    """
    document = _Document(table, out)
    out.write(b'{"resourceSpans":[')  # even if empty: by its name a reader knows the format
    document.resource_spans(0, table.resources.num_rows)
    out.write(b"]}")


def write_json_lines(table: Table, out: BinaryIO) -> None:
    """One document and line for each request number, in order, as `write_json` has it."""
    document = _Document(table, out)
    requests = table.numbers("resources", "request")
    for number in range(table.n_requests):
        first, last = np.searchsorted(requests, [number, number + 1]).tolist()
        out.write(b'{"resourceSpans":[')
        document.resource_spans(first, last)
        out.write(b"]}\n")


class _Document:
    """A table's rows, a stretch of each at a time."""

    def __init__(self, table: Table, out: BinaryIO) -> None:
        self._out = out
        self._columns = Columns(table)
        self._ends = np.cumsum(_span_sizes(table))
        self._scopes = offsets(
            table.numbers("scopes", "resource"), table.resources.num_rows
        ).tolist()
        self._spans = offsets(table.numbers("spans", "scope"), table.scopes.num_rows).tolist()

    def resource_spans(self, first: int, last: int) -> None:
        """Write these rows, commas between them."""
        for row in range(first, last):
            self._out.write(b",{" if row > first else b"{")
            fields = self._columns.resource_spans(row)
            between = self._message(
                b'"resource":' + fields.message if fields.present else b"",
                b"scopeSpans",
                self._scopes[row],
                self._scopes[row + 1],
            )
            self._out.write(between(fields.schema_url))
