"""A table as OTLP protobuf: sizes from the leaves up, then every byte in its place.

Decides which column is which field, by walking the message tables of `vocabulary.otlp`:
fields ascend, then comes a row's residue as it is. Decoding what is written gives the same
messages again, unknown fields too. Refuses to know what spans mean.

About 100 bytes of work space a row, all rows at once. Source: opentelemetry-proto v1.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.emit.fields import Children, Field, Message, Part, Run, Texts, Varint, Word
from spanproof.emit.residue import SHARED, Residue, Slices, silent, slices
from spanproof.errors import LimitError, TraceError
from spanproof.table import Table
from spanproof.table.schema import ATTRIBUTES_OF, KEY_VALUE_OF
from spanproof.vocabulary.otlp import FIELDS, WIRE_TYPE, Type, ValueType
from spanproof.vocabulary.otlp import Message as Kind

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

SIZE_MAX: Final = 2**31 - 1
"""Bytes of one protobuf message; the official parsers take no more."""


def encode(table: Table) -> bytes:
    """One TracesData (or ExportTraceServiceRequest: the same bytes) with every request's rows.

    Raises LimitError where it would be larger than a protobuf message may be. O(rows + bytes).
    """
    messages = Messages(table)
    check_size(int(messages.requests.sizes.sum()))
    return messages.written().tobytes()


def encode_requests(table: Table) -> Iterator[bytes]:
    """One message for each request number, in order; empty where a number has no rows.

    Raises LimitError where one would be larger than a protobuf message may be.
    """
    messages = Messages(table)
    sizes = messages.requests.sizes
    check_size(int(sizes.max(initial=0)))
    data = messages.written()
    edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]).tolist()
    last = -1
    for number, (begin, end) in zip(messages.numbers.tolist(), pairwise(edges), strict=True):
        yield from (b"" for _ in range(last + 1, number))
        yield data[begin:end].tobytes()
        last = number


class Messages:
    """A table's rows as measured messages.

    `numbers` are the request numbers that have rows or residue, ascending; `requests` their
    messages; `resources`, `scopes` and `spans` those of the Resources, Scopes and Spans.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._residue = table, Residue(table)
        self.spans = self._spans()
        resource_spans = self._resource_spans()
        rows = table.numbers("resources", "request")
        self.numbers = np.union1d(rows, self._residue.rows(Kind.TRACES))
        self.requests = self._message(
            Kind.TRACES,
            "",
            self.numbers.size,
            resourceSpans=Children(resource_spans, np.searchsorted(self.numbers, rows)),
        )

    def written(self) -> Bytes:
        """The requests' bytes, one after the other."""
        ends = np.cumsum(self.requests.sizes)
        data = np.empty(int(ends[-1]) if ends.size else 0, np.uint8)
        self.requests.write(ends - self.requests.sizes, data)
        return data

    def _resource_spans(self) -> Message:
        table = self._table
        n = table.resources.num_rows
        self.resources = self._message(
            Kind.RESOURCE,
            "resources",
            n,
            attributes=self._attributes(Kind.RESOURCE),
            entityRefs=Children(self._entity_refs(), table.numbers("entity_refs", "parent_id")),
        )
        scopes = Children(self._scope_spans(), table.numbers("scopes", "resource"))
        present = table.numbers("resources", "present")
        return self._message(
            Kind.RESOURCE_SPANS,
            "resources",
            n,
            resource=Part(self.resources, present),
            scopeSpans=scopes,
        )

    def _entity_refs(self) -> Message:
        table = self._table
        parents, describes = (table.numbers("entity_keys", c) for c in ("parent_id", "describes"))
        codes, dictionary = table.codes("entity_keys", "key")

        def keys(rows: npt.NDArray[np.bool_]) -> Children:
            # A repeated string is framed as a message is whose content it would be.
            starts, lengths, data = slices(dictionary)
            run = Run(Slices(starts[codes[rows]], lengths[codes[rows]], data))
            return Children(Message(int(rows.sum()), [(0, run)]), parents[rows])

        return self._message(
            Kind.ENTITY_REF,
            "entity_refs",
            table.entity_refs.num_rows,
            idKeys=keys(~describes),
            descriptionKeys=keys(describes),
        )

    def _scope_spans(self) -> Message:
        n = self._table.scopes.num_rows
        attributes = self._attributes(Kind.SCOPE)
        self.scopes = self._message(Kind.SCOPE, "scopes", n, attributes=attributes)
        spans = Children(self.spans, self._table.numbers("spans", "scope"))
        present = self._table.numbers("scopes", "present")
        return self._message(
            Kind.SCOPE_SPANS, "scopes", n, scope=Part(self.scopes, present), spans=spans
        )

    def _spans(self) -> Message:
        table, n = self._table, len(self._table)
        code = table.spans["status_code"]
        status = self._message(
            Kind.STATUS,
            "spans",
            n,
            message=_texts(table, "spans", "status_message"),
            code=Varint(code.fill_null(0).to_numpy()),
        )
        events, links = (
            Children(
                self._message(kind, batch, rows.num_rows, attributes=self._attributes(kind)),
                rows["parent_id"].to_numpy(),
            )
            for kind, batch, rows in (
                (Kind.EVENT, "events", table.events),
                (Kind.LINK, "links", table.links),
            )
        )
        return self._message(
            Kind.SPAN,
            "spans",
            n,
            attributes=self._attributes(Kind.SPAN),
            events=events,
            links=links,
            status=Part(status, code.is_valid().to_numpy(zero_copy_only=False)),
        )

    def _attributes(self, owner: Kind) -> Children:
        batch = ATTRIBUTES_OF[owner]
        rows: pa.RecordBatch = getattr(self._table, batch)
        types = self._table.numbers(batch, "type")
        message = self._message(
            Kind.KEY_VALUE,
            batch,
            rows.num_rows,
            owner=KEY_VALUE_OF + owner,
            value=Part(_any_values(self._table, batch), types != ValueType.MISSING),
        )
        return Children(message, rows["parent_id"].to_numpy())

    def _message(
        self, kind: Kind, batch: str, n: int, owner: int | None = None, **given: Field
    ) -> Message:
        """The kind's fields in their order, from `given` or the column of that name."""
        fields = [
            (f.number << 3 | WIRE_TYPE[f.type], given.get(f.name) or self._column(kind, batch, f))
            for f in FIELDS[kind]
        ]
        owner = kind if owner is None else owner
        runs = self._residue.runs(owner, self.numbers if kind == Kind.TRACES else n)
        if runs is not None:
            fields.append((0, Run(runs)))
        return Message(n, fields)

    def _column(self, kind: Kind, batch: str, field: Any) -> Field:
        column = re.sub("[A-Z]", lambda m: "_" + m[0].lower(), field.name)
        if field.type == Type.STRING:
            return _texts(self._table, batch, column)
        if field.type == Type.ID:
            return Run(_ids(getattr(self._table, batch)[column]))
        values = self._table.numbers(batch, column)
        if field.type in {Type.UINT32, Type.ENUM}:
            return Varint(values)
        present = values != 0
        if (kind, field.number) in SHARED:
            present &= ~silent(self._table, kind, field.number)
        return Word(8 if field.type == Type.FIXED64 else 4, values, present)


def _texts(table: Table, batch: str, column: str) -> Texts:
    """A text column; empty texts are left out."""
    codes, dictionary = table.codes(batch, column)
    starts, lengths, source = slices(dictionary)
    return Texts(codes, starts, np.where(lengths == 0, -1, lengths), source)


def _ids(array: pa.FixedSizeBinaryArray) -> Slices:
    width, n = array.type.byte_width, len(array)
    data = array.buffers()[1]
    lengths = np.full(n, width, np.int64)
    if array.null_count:
        lengths[array.is_null().to_numpy(zero_copy_only=False)] = -1
    source = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return Slices((np.arange(n) + array.offset) * width, lengths, source)


def _any_values(table: Table, batch: str) -> Message:
    """The AnyValue of each attribute: its encoding where it is kept, else the member by type."""
    rows: pa.RecordBatch = getattr(table, batch)
    types = table.numbers(batch, "type")
    unknown = np.flatnonzero(types > ValueType.MISSING)
    if unknown.size:
        row = int(unknown[0])
        raise TraceError(f"type {types[row]} is no type of a value", f"{batch} row {row}")
    kept = slices(rows["ser"])
    if (kept.lengths >= 0).any():
        types = np.where(kept.lengths >= 0, np.uint8(ValueType.EMPTY), types)

    def words(column: str, of: ValueType) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        mask = types == of
        if not mask.any():
            return np.zeros(0, np.int64), mask
        array = rows[column].fill_null(False if column == "bool" else 0)
        return array.to_numpy(zero_copy_only=False), mask

    def run(row: Slices, of: ValueType) -> Run:
        mask = types == of
        lengths = np.where(mask, np.maximum(row.lengths, 0), -1) if mask.any() else None
        return Run(row._replace(lengths=np.zeros(0, np.int64) if lengths is None else lengths))

    doubles, is_double = words("double", ValueType.DOUBLE)
    fields: dict[str, Field] = {
        "stringValue": _strings(table, batch, types == ValueType.STR),
        "boolValue": Varint(*words("bool", ValueType.BOOL)),
        "intValue": Varint(*words("int", ValueType.INT)),
        "doubleValue": Word(8, doubles.view(np.int64), is_double),
        # Always kept as their encoding; without it, empty.
        "arrayValue": run(kept, ValueType.SLICE),
        "kvlistValue": run(kept, ValueType.MAP),
        "bytesValue": run(slices(rows["bytes"]), ValueType.BYTES),
    }
    tagged = [(f.number << 3 | WIRE_TYPE[f.type], fields[f.name]) for f in FIELDS[Kind.ANY_VALUE]]
    return Message(rows.num_rows, [*tagged, (0, Run(kept))])


def _strings(table: Table, batch: str, present: npt.NDArray[np.bool_]) -> Texts:
    """The string of each attribute that is one; a null there is an empty one."""
    codes, dictionary = table.codes(batch, "str")
    starts, lengths, source = slices(dictionary)
    empty = lengths.size
    codes = np.where(codes < 0, np.int32(empty), codes)
    codes = np.where(present, codes, np.int32(-1))
    return Texts(codes, np.append(starts, 0), np.append(lengths, 0), source)


def check_size(size: int) -> None:
    """Raise LimitError for a message that no parser would take."""
    if size > SIZE_MAX:
        raise LimitError(
            f"the message would have {size} bytes, more than the {SIZE_MAX} of any protobuf",
            hint="write JSON lines (.jsonl) or Parquet (.parquet)",
        )
