"""Rows as JSON texts, a stretch of rows at a time, put together by Arrow column by column.

Decides how each column is spelt. A field's text is `,"name":value`, or nothing where JSON
leaves it out; an object is its fields' texts behind each other, the first comma become a
brace. Refuses to know which stretch is asked for, and where texts go.

Texts are large_binary throughout (offsets of 64 bits). About 2 µs a span of six attributes.
"""

from __future__ import annotations

import base64
import re
from json.encoder import encode_basestring as quoted
from math import isfinite, isnan
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanproof.emit.residue import SHARED, Residue, slices
from spanproof.table import Table
from spanproof.table.schema import ATTRIBUTES_OF
from spanproof.table.values import Value, parsed
from spanproof.vocabulary.otlp import FIELDS, Message, Type, ValueType

TEXT: Final = pa.large_binary()
NOTHING: Final = pa.scalar(b"", TEXT)
_HEX: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)


class Columns:
    """The texts of a table's rows; the texts of its dictionaries are made once.

    Every method takes rows first to last (exclusive) and gives a large_binary array of one
    text a row, without nulls. Raises TraceError for a nested value that is none.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        residue = Residue(table)
        self._residue = {
            (kind, number): {
                row: _residue_text(wire, column.endswith("nano"))
                for row, wire in residue.values(kind, number).items()
            }
            for (kind, number), (_, column) in SHARED.items()
        }
        status = residue.rows(Message.STATUS)
        self._has_status = np.union1d(
            np.flatnonzero(table.spans["status_code"].is_valid().to_numpy(zero_copy_only=False)),
            status,
        )
        self._dictionaries: dict[tuple[str, str, str], pa.Array] = {}

    def spans(self, first: int, last: int) -> pa.Array:
        """`{…}` of each span."""
        status = self._fields(
            Message.STATUS, "spans", first, last,
            message=self._text("spans", "status_message", first, last, _field_text("message")),
            code=_numbers(
                "code", self._table.spans["status_code"].slice(first, last - first).fill_null(0)
            ),
        )
        has = np.zeros(last - first, np.bool_)
        begin, end = np.searchsorted(self._has_status, [first, last])
        has[self._has_status[begin:end] - first] = True
        return _objects(
            self._fields(
                Message.SPAN, "spans", first, last,
                attributes=self._attributes(Message.SPAN, first, last),
                events=self._children("events", "events", Message.EVENT, first, last),
                links=self._children("links", "links", Message.LINK, first, last),
                status=_part("status", status, has),
            )
        )

    def resources(self, first: int, last: int) -> pa.Array:
        """The field `resource` of each ResourceSpans."""
        texts = self._fields(
            Message.RESOURCE, "resources", first, last,
            attributes=self._attributes(Message.RESOURCE, first, last),
            entityRefs=self._entity_refs(first, last),
        )
        present = self._table.resources["present"].slice(first, last - first)
        return _part("resource", texts, present.to_numpy(zero_copy_only=False))

    def scopes(self, first: int, last: int) -> pa.Array:
        """The field `scope` of each ScopeSpans."""
        texts = self._fields(
            Message.SCOPE, "scopes", first, last,
            attributes=self._attributes(Message.SCOPE, first, last),
        )
        present = self._table.scopes["present"].slice(first, last - first)
        return _part("scope", texts, present.to_numpy(zero_copy_only=False))

    def schema_urls(self, batch: str, first: int, last: int) -> pa.Array:
        """The field `schemaUrl` of each row of `resources` or `scopes`."""
        return self._text(batch, "schema_url", first, last, _field_text("schemaUrl"))

    # -- messages within messages

    def _children(
        self, name: str, batch: str, kind: Message, first: int, last: int
    ) -> pa.Array:
        edges = self._edges(batch, first, last)
        begin, end = int(edges[0]), int(edges[-1])
        attributes = self._attributes(kind, begin, end)
        texts = _objects(self._fields(kind, batch, begin, end, attributes=attributes))
        return _list(name, texts, edges)

    def _entity_refs(self, first: int, last: int) -> pa.Array:
        edges = self._edges("entity_refs", first, last)
        begin, end = int(edges[0]), int(edges[-1])
        keys = self._edges("entity_keys", begin, end)
        texts = self._text("entity_keys", "key", int(keys[0]), int(keys[-1]), quoted)
        describes = self._table.numbers("entity_keys", "describes")[keys[0] : keys[-1]]

        def only(name: str, rows: npt.NDArray[np.bool_]) -> pa.Array:
            counts = np.append(0, np.cumsum(rows))[keys - keys[0]]
            return _list(name, texts.filter(pa.array(rows)), counts)

        refs = self._fields(
            Message.ENTITY_REF, "entity_refs", begin, end,
            idKeys=only("idKeys", ~describes),
            descriptionKeys=only("descriptionKeys", describes),
        )
        return _list("entityRefs", _objects(refs), edges)

    def _attributes(self, owner: Message, first: int, last: int) -> pa.Array:
        batch = ATTRIBUTES_OF[owner]
        edges = self._edges(batch, first, last)
        begin, end = int(edges[0]), int(edges[-1])
        key = self._text(batch, "key", begin, end, _field_text("key"))
        texts = _objects([key, self._any_values(batch, begin, end)])
        return _list("attributes", texts, edges)

    def _edges(self, batch: str, first: int, last: int) -> npt.NDArray[np.int64]:
        """Where the children of each row begin, and where the last one's end."""
        parents = self._table.numbers(batch, "parent_id")
        return np.searchsorted(parents, np.arange(first, last + 1)).astype(np.int64)

    # -- values

    def _any_values(self, batch: str, first: int, last: int) -> pa.Array:
        """The field `value` of each attribute."""
        rows = getattr(self._table, batch).slice(first, last - first)
        types, kept = rows["type"].to_numpy(), rows["ser"]
        scalar = kept.is_null().to_numpy(zero_copy_only=False)
        texts = []
        for of, make in (
            (ValueType.STR, lambda row: self._strings(batch, first, last)),
            (ValueType.INT, lambda row: _around(b'"intValue":"', _cast(row["int"]), b'"')),
            (ValueType.DOUBLE, lambda row: _mapped(row["double"], _double)),
            (ValueType.BOOL, lambda row: _around(b'"boolValue":', _cast(row["bool"]), b"")),
            (ValueType.MAP, lambda row: None),
            (ValueType.SLICE, lambda row: None),
            (ValueType.BYTES, lambda row: _mapped(row["bytes"], _bytes)),
        ):
            ...
        raise NotImplementedError
