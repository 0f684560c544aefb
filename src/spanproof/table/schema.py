"""The columns of the trace table: OTel-Arrow's data model, with ids of 32 bits.

Source: OTel-Arrow, "OTAP data model": spans, events, links, and attribute tables of
(parent id, key, type, value). Two tables more keep the grouping that OTLP's messages have
(`resources` is a row per ResourceSpans, `scopes` a row per ScopeSpans, empty ones
included), two keep entity references, and `residue` keeps what fits no column.

Row numbers are ids: `scopes.resource` is a row of `resources`, an attribute's `parent_id` a
row of its owner. Every such column ascends, so a parent's children are one slice.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from spanproof.vocabulary.otlp import Message

TEXT: Final = pa.dictionary(pa.int32(), pa.string())
TIME_MAX: Final = 2**63 - 1
"""A time at or above this saturates here; the exact one stands in `residue`."""

_ATTRIBUTES: Final = pa.schema(
    [
        pa.field("parent_id", pa.int32(), nullable=False),
        pa.field("key", TEXT, nullable=False),
        pa.field("type", pa.uint8(), nullable=False),  # vocabulary.otlp.ValueType
        pa.field("str", TEXT),
        pa.field("int", pa.int64()),
        pa.field("double", pa.float64()),
        pa.field("bool", pa.bool_()),
        pa.field("bytes", pa.binary()),
        # An AnyValue's own encoding, where the columns before do not say all of it: maps,
        # slices, and scalars that came with unknown fields.
        pa.field("ser", pa.binary()),
    ]
)

SCHEMAS: Final[dict[str, pa.Schema]] = {
    "resources": pa.schema(
        [
            pa.field("request", pa.int32(), nullable=False),  # the message it came in
            pa.field("present", pa.bool_(), nullable=False),  # has a Resource, if an empty one
            pa.field("dropped_attributes_count", pa.uint32(), nullable=False),
            pa.field("schema_url", TEXT, nullable=False),
        ]
    ),
    "resource_attributes": _ATTRIBUTES,
    "entity_refs": pa.schema(
        [
            pa.field("parent_id", pa.int32(), nullable=False),
            pa.field("schema_url", TEXT, nullable=False),
            pa.field("type", TEXT, nullable=False),
        ]
    ),
    "entity_keys": pa.schema(
        [
            pa.field("parent_id", pa.int32(), nullable=False),
            pa.field("describes", pa.bool_(), nullable=False),  # else it identifies
            pa.field("key", TEXT, nullable=False),
        ]
    ),
    "scopes": pa.schema(
        [
            pa.field("resource", pa.int32(), nullable=False),
            pa.field("present", pa.bool_(), nullable=False),
            pa.field("name", TEXT, nullable=False),
            pa.field("version", TEXT, nullable=False),
            pa.field("dropped_attributes_count", pa.uint32(), nullable=False),
            pa.field("schema_url", TEXT, nullable=False),
        ]
    ),
    "scope_attributes": _ATTRIBUTES,
    "spans": pa.schema(
        [
            pa.field("scope", pa.int32(), nullable=False),
            # null: absent, or of another length and then raw in `residue`
            pa.field("trace_id", pa.binary(16)),
            pa.field("span_id", pa.binary(8)),
            pa.field("parent_span_id", pa.binary(8)),
            pa.field("trace_state", TEXT, nullable=False),
            pa.field("flags", pa.uint32(), nullable=False),
            pa.field("name", TEXT, nullable=False),
            pa.field("kind", pa.int32(), nullable=False),  # SpanKind, or whatever number came
            pa.field("start_time_unix_nano", pa.int64(), nullable=False),
            pa.field("end_time_unix_nano", pa.int64(), nullable=False),
            pa.field("dropped_attributes_count", pa.uint32(), nullable=False),
            pa.field("dropped_events_count", pa.uint32(), nullable=False),
            pa.field("dropped_links_count", pa.uint32(), nullable=False),
            pa.field("status_code", pa.int32()),  # null: no Status at all
            pa.field("status_message", TEXT, nullable=False),
            pa.field("dialect", pa.uint16(), nullable=False),  # vocabulary.dialects.Dialect
        ]
    ),
    "span_attributes": _ATTRIBUTES,
    "events": pa.schema(
        [
            pa.field("parent_id", pa.int32(), nullable=False),
            pa.field("time_unix_nano", pa.int64(), nullable=False),
            pa.field("name", TEXT, nullable=False),
            pa.field("dropped_attributes_count", pa.uint32(), nullable=False),
        ]
    ),
    "event_attributes": _ATTRIBUTES,
    "links": pa.schema(
        [
            pa.field("parent_id", pa.int32(), nullable=False),
            pa.field("trace_id", pa.binary(16)),
            pa.field("span_id", pa.binary(8)),
            pa.field("trace_state", TEXT, nullable=False),
            pa.field("flags", pa.uint32(), nullable=False),
            pa.field("dropped_attributes_count", pa.uint32(), nullable=False),
        ]
    ),
    "link_attributes": _ATTRIBUTES,
    # Wire bytes of whole fields, tag included, in the order they stood: unknown fields, ids
    # of another length, times at or above TIME_MAX. Appended as they are on encoding. A row
    # of the message kinds without a table of their own is that of the table they belong to:
    # Resource to `resources`, Scope to `scopes`, Status to `spans`.
    "residue": pa.schema(
        [
            pa.field("owner", pa.uint8(), nullable=False),  # see OWNERS
            pa.field("row", pa.int32(), nullable=False),
            pa.field("field", pa.int32(), nullable=False),  # field number
            pa.field("wire", pa.binary(), nullable=False),
        ]
    ),
}

# child table: (its column of parents, parent table)
PARENTS: Final = {
    "resource_attributes": ("parent_id", "resources"),
    "entity_refs": ("parent_id", "resources"),
    "entity_keys": ("parent_id", "entity_refs"),
    "scopes": ("resource", "resources"),
    "scope_attributes": ("parent_id", "scopes"),
    "spans": ("scope", "scopes"),
    "span_attributes": ("parent_id", "spans"),
    "events": ("parent_id", "spans"),
    "event_attributes": ("parent_id", "events"),
    "links": ("parent_id", "spans"),
    "link_attributes": ("parent_id", "links"),
}

ATTRIBUTES_OF: Final = {  # message kind whose attributes: their table
    Message.RESOURCE: "resource_attributes",
    Message.SCOPE: "scope_attributes",
    Message.SPAN: "span_attributes",
    Message.EVENT: "event_attributes",
    Message.LINK: "link_attributes",
}

KEY_VALUE_OF: Final = 16
"""Added to the owner's message kind, it names the owner's KeyValue rows in `residue.owner`."""

OWNERS: Final[dict[int, str | None]] = {  # residue.owner: the table its `row` counts in
    Message.TRACES: None,  # its row is the request's number
    Message.RESOURCE_SPANS: "resources",
    Message.RESOURCE: "resources",
    Message.ENTITY_REF: "entity_refs",
    Message.SCOPE_SPANS: "scopes",
    Message.SCOPE: "scopes",
    Message.SPAN: "spans",
    Message.EVENT: "events",
    Message.LINK: "links",
    Message.STATUS: "spans",
    **{KEY_VALUE_OF + kind: table for kind, table in ATTRIBUTES_OF.items()},
}
