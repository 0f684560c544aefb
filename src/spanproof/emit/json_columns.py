"""Rows as JSON texts, a stretch of rows at a time, put together by Arrow column by column.

Decides how each column is spelt. A field's text is `,"name":value`, or nothing where JSON
leaves it out; an object is its fields' texts behind each other, the first comma become a
brace. Refuses to know which stretch is asked for, and where texts go.

Texts are large_binary throughout: their offsets have 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from spanproof.emit import json_values
from spanproof.emit.residue import SHARED, Residue
from spanproof.table import Table
from spanproof.table.schema import ATTRIBUTES_OF, PARENTS
from spanproof.vocabulary.otlp import FIELDS, Field, Message, Type, ValueType

TEXT: Final = pa.large_binary()
NOTHING: Final = pa.scalar(b"", TEXT)
COMMA: Final = pa.scalar(b",", TEXT)
_HEX: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)


class Columns:
    """The texts of a table's rows; those of its dictionaries are made once.

    Every method takes the rows from `first` to before `last` and gives a large_binary array
    of a text for each, without nulls. Raises TraceError for a nested value that is none.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        residue = Residue(table)
        self._exact = {
            (kind, number): {
                row: json_values.held(wire) for row, wire in residue.values(kind, number).items()
            }
            for kind, number in SHARED
        }
        has_status = table.spans["status_code"].is_valid().to_numpy(zero_copy_only=False).copy()
        has_status[residue.rows(Message.STATUS)] = True
        self._present = {
            Message.RESOURCE: table.numbers("resources", "present"),
            Message.SCOPE: table.numbers("scopes", "present"),
            Message.STATUS: has_status,
        }
        self._quotes: dict[tuple[int, int, int], pa.Array] = {}

    def spans(self, first: int, last: int) -> pa.Array:
        """`{…},` of each span."""
        code = self._table.spans["status_code"].slice(first, last - first)
        message = self._text("spans", "status_message", b',"message":', first, last)
        status = [message, _numbers(b',"code":', code.fill_null(0))]
        return _objects(
            self._fields(
                (Message.SPAN, "spans", first, last),
                attributes=self._attributes(Message.SPAN, first, last),
                events=self._children(Message.EVENT, "events", first, last),
                links=self._children(Message.LINK, "links", first, last),
                status=self._part(Message.STATUS, b',"status":', status, first, last),
            ),
            last - first,
            b"},",
        )

    def resources(self, first: int, last: int) -> pa.Array:
        """The field `resource` of each ResourceSpans."""
        fields = self._fields(
            (Message.RESOURCE, "resources", first, last),
            attributes=self._attributes(Message.RESOURCE, first, last),
            entityRefs=self._entity_refs(first, last),
        )
        return self._part(Message.RESOURCE, b',"resource":', fields, first, last)

    def scopes(self, first: int, last: int) -> pa.Array:
        """The field `scope` of each ScopeSpans."""
        fields = self._fields(
            (Message.SCOPE, "scopes", first, last),
            attributes=self._attributes(Message.SCOPE, first, last),
        )
        return self._part(Message.SCOPE, b',"scope":', fields, first, last)

    def schema_urls(self, batch: str, first: int, last: int) -> pa.Array:
        """The field `schemaUrl` of each row of `resources` or `scopes`."""
        return _joined(
            [self._text(batch, "schema_url", b',"schemaUrl":', first, last)], last - first
        )

    # -- messages within messages

    def _part(
        self, kind: Message, name: bytes, fields: list[pa.Array], first: int, last: int
    ) -> pa.Array:
        """A message that a row has or has not; content implies presence."""
        texts = _joined(fields, last - first)
        present = self._present[kind][first:last] | (pc.binary_length(texts).to_numpy() > 0)
        if not present.any():
            return texts
        return pc.if_else(
            pa.array(present), _around(name, _objects([texts], last - first), b""), NOTHING
        )

    def _children(self, kind: Message, batch: str, first: int, last: int) -> pa.Array:
        edges = self._edges(batch, first, last)
        begin, end = int(edges[0]), int(edges[-1])
        if begin == end:
            return NOTHING
        attributes = self._attributes(kind, begin, end)
        fields = self._fields((kind, batch, begin, end), attributes=attributes)
        return _list(f',"{batch}":['.encode(), _objects(fields, end - begin), edges)

    def _entity_refs(self, first: int, last: int) -> pa.Array:
        edges = self._edges("entity_refs", first, last)
        begin, end = int(edges[0]), int(edges[-1])
        if begin == end:
            return NOTHING
        keys = self._edges("entity_keys", begin, end)
        texts = self._text("entity_keys", "key", b"", int(keys[0]), int(keys[-1]), empty=True)
        describes = self._table.numbers("entity_keys", "describes")[keys[0] : keys[-1]]

        def only(name: bytes, rows: npt.NDArray[np.bool_]) -> pa.Array:
            counts = np.append(0, np.cumsum(rows))[keys - keys[0]]
            return _list(name, texts.filter(pa.array(rows)), counts)

        refs = self._fields(
            (Message.ENTITY_REF, "entity_refs", begin, end),
            idKeys=only(b',"idKeys":[', ~describes),
            descriptionKeys=only(b',"descriptionKeys":[', describes),
        )
        return _list(b',"entityRefs":[', _objects(refs, end - begin), edges)

    def _attributes(self, owner: Message, first: int, last: int) -> pa.Array:
        batch = ATTRIBUTES_OF[owner]
        edges = self._edges(batch, first, last)
        begin, end = int(edges[0]), int(edges[-1])
        if begin == end:
            return NOTHING
        fields = [
            self._text(batch, "key", b',"key":', begin, end),
            self._any_values(batch, begin, end),
        ]
        return _list(b',"attributes":[', _objects(fields, end - begin), edges)

    def _edges(self, batch: str, first: int, last: int) -> npt.NDArray[np.int64]:
        """Where the children of each row begin, and where the last one's end."""
        parents = self._table.numbers(batch, PARENTS[batch][0])
        return np.searchsorted(parents, np.arange(first, last + 1)).astype(np.int64)

    # -- columns

    def _fields(self, of: tuple[Message, str, int, int], **given: pa.Array) -> list[pa.Array]:
        """The fields of a kind in their order, from `given` or the column of that name."""
        kind, batch, first, last = of
        return [
            given[f.name] if f.name in given else self._column(kind, batch, f, first, last)
            for f in FIELDS[kind]
        ]

    def _column(self, kind: Message, batch: str, field: Field, first: int, last: int) -> pa.Array:
        column = re.sub("[A-Z]", lambda m: "_" + m[0].lower(), field.name)
        name = f',"{field.name}":'.encode()
        if field.type == Type.STRING:
            return self._text(batch, column, name, first, last)
        array = getattr(self._table, batch)[column].slice(first, last - first)
        if field.type == Type.ID:
            texts = _around(name + b'"', _hex(array), b'"')
        elif field.type == Type.FIXED64:
            texts = _numbers(name + b'"', array, b'"')
        else:
            return _numbers(name, array)
        exact = self._exact[kind, field.number]
        if not exact:
            return pc.coalesce(texts, NOTHING)
        found = (exact.get(row) for row in range(first, last))
        held = [None if text is None else name + b'"' + text + b'"' for text in found]
        return pc.coalesce(pa.array(held, TEXT), texts, NOTHING)

    def _text(
        self, batch: str, column: str, name: bytes, first: int, last: int, *, empty: bool = False
    ) -> pa.Array:
        """A text column in quotes behind its name; unless `empty`, an empty text is left out."""
        array = getattr(self._table, batch)[column].slice(first, last - first)
        texts = self._quoted(array.dictionary).take(array.indices)
        if empty:
            return _around(name, texts, b"")
        some = pc.greater(pc.binary_length(texts), 2)
        if not pc.any(some).as_py():
            return NOTHING
        return pc.if_else(some, _around(name, texts, b""), NOTHING)

    def _quoted(self, dictionary: pa.StringArray) -> pa.Array:
        """Its texts in quotes; a dictionary that columns share is spelt once."""
        _, offsets, data = dictionary.buffers()
        address = (data or offsets).address if len(dictionary) else 0
        key = (address, dictionary.offset, len(dictionary))
        if key not in self._quotes:
            texts = [json_values.quoted(text) for text in dictionary.to_pylist()]
            self._quotes[key] = pa.array(texts, TEXT)
        return self._quotes[key]

    def _any_values(self, batch: str, first: int, last: int) -> pa.Array:
        """The field `value` of each attribute."""
        rows = getattr(self._table, batch).slice(first, last - first)
        types, kept = rows["type"].to_numpy(), rows["ser"]
        scalar = kept.is_null().to_numpy(zero_copy_only=False)
        missing = pa.array(scalar & (types == ValueType.MISSING))
        texts = [pc.if_else(missing, NOTHING, pa.scalar(None, TEXT))] if pc.any(missing) else []
        if not scalar.all():
            texts.append(_mapped(kept, json_values.kept))

        def members(
            of: ValueType, before: bytes, spelt: Callable[[], pa.Array], after: bytes, empty: bytes
        ) -> None:
            mask = scalar & (types == of)
            if mask.any():
                text = pc.coalesce(spelt(), pa.scalar(empty, TEXT))
                text = _around(b',"value":{' + before, text, after + b"}")
                texts.append(pc.if_else(pa.array(mask), text, pa.scalar(None, TEXT)))

        def strings() -> pa.Array:
            return self._text(batch, "str", b"", first, last, empty=True)

        members(ValueType.STR, b'"stringValue":', strings, b"", b'""')
        members(ValueType.INT, b'"intValue":"', lambda: _cast(rows["int"]), b'"', b"0")
        members(ValueType.BOOL, b'"boolValue":', lambda: _cast(rows["bool"]), b"", b"false")
        members(
            ValueType.DOUBLE,
            b'"doubleValue":',
            lambda: _mapped(rows["double"], json_values.double),
            b"",
            b"0.0",
        )
        members(
            ValueType.BYTES,
            b'"bytesValue":"',
            lambda: _mapped(rows["bytes"], json_values.base64),
            b'"',
            b"",
        )
        empty = pa.nulls(last - first, TEXT)
        members(ValueType.SLICE, b'"arrayValue":', lambda: empty, b"", b"{}")
        members(ValueType.MAP, b'"kvlistValue":', lambda: empty, b"", b"{}")
        return pc.coalesce(empty, *texts, pa.scalar(b',"value":{}', TEXT))


def _joined(texts: list[pa.Array], n: int) -> pa.Array:
    """The texts of each row behind each other."""
    texts = [text for text in texts if text is not NOTHING]
    return pc.binary_join_element_wise(pa.repeat(NOTHING, n), *texts, NOTHING)


def _objects(fields: list[pa.Array], n: int, end: bytes = b"}") -> pa.Array:
    """`{…}` of each row's fields."""
    texts = pc.binary_replace_slice(_joined(fields, n), 0, 1, b"{")
    return pc.binary_join_element_wise(texts, pa.scalar(end, TEXT), NOTHING)


def _list(name: bytes, texts: pa.Array, edges: npt.NDArray[np.int64]) -> pa.Array:
    """A repeated field: the texts from each edge to the next; nothing where there are none."""
    lists = pa.LargeListArray.from_arrays(pa.array(edges - edges[0]), texts)
    some = pa.array(np.diff(edges) > 0)
    return pc.if_else(some, _around(name, pc.binary_join(lists, COMMA), b"]"), NOTHING)


def _numbers(before: bytes, array: pa.Array, after: bytes = b"") -> pa.Array:
    """A number column; zeros are left out."""
    some = array.to_numpy() != 0
    if not some.any():
        return NOTHING
    if pa.types.is_int64(array.type):  # a time: a negative one is what its 64 bits say
        array = array.view(pa.uint64())
    return pc.if_else(pa.array(some), _around(before, _cast(array), after), NOTHING)


def _around(before: bytes, texts: pa.Array, after: bytes) -> pa.Array:
    parts = [pa.scalar(before, TEXT), texts, pa.scalar(after, TEXT)]
    return pc.binary_join_element_wise(*parts, NOTHING)


def _cast(array: pa.Array) -> pa.Array:
    return array.cast(pa.large_string()).cast(TEXT)


def _mapped(array: pa.Array, spelt: Callable[[Any], bytes]) -> pa.Array:
    """A text of each value that is not null, one by one in Python."""
    return pa.array([None if v is None else spelt(v) for v in array.to_pylist()], TEXT)


def _hex(array: pa.FixedSizeBinaryArray) -> pa.Array:
    """Lower-case hex of each id, null for a null."""
    n, width = len(array), array.type.byte_width
    data = array.buffers()[1]
    if data is None or array.null_count == n:
        return pa.nulls(n, TEXT)
    raw = np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + n) * width]
    ends = np.arange(0, 2 * width * n + 1, 2 * width, dtype=np.int64)
    texts = pa.Array.from_buffers(TEXT, n, [None, pa.py_buffer(ends), pa.py_buffer(_HEX[raw])])
    return pc.if_else(array.is_valid(), texts, pa.scalar(None, TEXT)) if array.null_count else texts
