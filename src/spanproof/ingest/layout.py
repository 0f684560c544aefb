"""How OTLP's messages map to the decoder's columns: two literal tables, and arrays made of them.

A slot is a column of 32-bit cells; a slice takes two (offset, length). `wide` columns have
64 bits. The order of slots within an attribute table and within `residue` is known to the
kernel (kernels/otlp_protobuf.py, KV_*).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from spanproof.table.schema import ATTRIBUTES_OF
from spanproof.vocabulary.otlp import FIELDS, WIRE_TYPE, Message, Type, ValueType

_ATTRIBUTES: Final = ("parent_id", "key/", "type", "value/", "ser/", "bits!")
COLUMNS: Final[dict[str, tuple[str, ...]]] = {  # "/": a slice, "!": wide
    "resources": ("request", "present", "dropped_attributes_count", "schema_url/"),
    "entity_refs": ("parent_id", "schema_url/", "type/"),
    "entity_keys": ("parent_id", "describes", "key/"),
    "scopes": (
        "resource", "present", "name/", "version/", "dropped_attributes_count", "schema_url/",
    ),
    "spans": (
        "scope", "trace_id/", "span_id/", "parent_span_id/", "trace_state/", "flags", "name/",
        "kind", "start_time_unix_nano!", "end_time_unix_nano!", "dropped_attributes_count",
        "dropped_events_count", "dropped_links_count", "has_status", "status_code",
        "status_message/", "dialect",
    ),
    "events": ("parent_id", "time_unix_nano!", "name/", "dropped_attributes_count"),
    "links": (
        "parent_id", "trace_id/", "span_id/", "trace_state/", "flags",
        "dropped_attributes_count",
    ),
    "resource_attributes": _ATTRIBUTES,
    "scope_attributes": _ATTRIBUTES,
    "span_attributes": _ATTRIBUTES,
    "event_attributes": _ATTRIBUTES,
    "link_attributes": _ATTRIBUTES,
    "residue": ("owner", "row", "field", "wire/"),
}  # fmt: skip
TABLES: Final = tuple(COLUMNS)

M = Message
TABLE_OF: Final = {
    M.RESOURCE_SPANS: "resources",
    M.RESOURCE: "resources",
    M.ENTITY_REF: "entity_refs",
    M.SCOPE_SPANS: "scopes",
    M.SCOPE: "scopes",
    M.SPAN: "spans",
    M.STATUS: "spans",
    M.EVENT: "events",
    M.LINK: "links",
}
COLUMN_OF: Final = {  # fields whose column is not their name in snake_case
    (M.RESOURCE_SPANS, "resource"): "present",
    (M.SCOPE_SPANS, "scope"): "present",
    (M.SPAN, "status"): "has_status",
    (M.STATUS, "message"): "status_message",
    (M.STATUS, "code"): "status_code",
}
MEMBERS: Final = {
    "stringValue": ValueType.STR,
    "boolValue": ValueType.BOOL,
    "intValue": ValueType.INT,
    "doubleValue": ValueType.DOUBLE,
    "arrayValue": ValueType.SLICE,
    "kvlistValue": ValueType.MAP,
    "bytesValue": ValueType.BYTES,
}
_STRINDEX: Final = 8  # AnyValue's member for profiles: a value we cannot read, kept


@dataclass(frozen=True, slots=True)
class Layout:
    fields: npt.NDArray[np.int32]
    tables: npt.NDArray[np.int32]
    parents: npt.NDArray[np.int32]
    slots: dict[tuple[str, str], int]
    n_slots: int


@cache
def layout() -> Layout:
    """The kernel's arrays, made once."""
    from spanproof.kernels import otlp_protobuf as k

    slots: dict[tuple[str, str], int] = {}
    n = 0
    for table, columns in COLUMNS.items():
        for column in columns:
            slots[table, column.rstrip("/!")] = n
            n += 2 if column.endswith("/") else 1
    fields = np.full((len(Message), 32, k.FIELD_WIDTH), -1, np.int32)
    fields[0, 0, 2] = slots["spans", "dialect"]
    for kind, rows in FIELDS.items():
        for f in rows:
            fields[kind, f.number] = (WIRE_TYPE[f.type], *_action(kind, f.name, slots, k))
    fields[M.ANY_VALUE, _STRINDEX] = (0, k.ACTION_MEMBER_OTHER, 0, ValueType.EMPTY, 0)
    tables = np.array([TABLES.index(TABLE_OF.get(kind, "spans")) for kind in Message], np.int32)
    parents = np.array([slots[t, COLUMNS[t][0]] for t in TABLES], np.int32)
    return Layout(fields.reshape(-1), tables, parents, slots, n)


def _action(
    kind: Message, name: str, slots: dict[tuple[str, str], int], k: object
) -> tuple[int, int, int, int]:
    """(action, slot, child, is text) of one field."""
    field = next(f for f in FIELDS[kind] if f.name == name)
    text = int(field.type == Type.STRING)
    act = {n: getattr(k, "ACTION_" + n) for n in _ACTIONS}
    child = int(field.message) if field.message is not None else 0
    if kind == M.ANY_VALUE:
        shape = {
            Type.MESSAGE: "MEMBER_NESTED",
            Type.DOUBLE: "MEMBER_FIXED64",
            Type.INT64: "MEMBER_VARINT",
            Type.BOOL: "MEMBER_VARINT",
        }.get(field.type, "MEMBER_SLICE")
        return act[shape], child, int(MEMBERS[name]), text
    if kind == M.KEY_VALUE:
        # Which table a KeyValue's row is in is known at run time only: attributes share the
        # slots' order, and the kernel adds the table's first slot.
        return (act["VALUE"], 0, child, 0) if name == "value" else (act["ATTRIBUTE_KEY"], 0, 0, 1)
    if kind in (M.ARRAY_VALUE, M.KEY_VALUE_LIST):
        return act["ROW"], 0, child, 0
    if kind == M.ENTITY_REF and field.repeated:
        return act["KEY"], 0, int(name == "descriptionKeys"), 1
    if field.message == M.KEY_VALUE:
        return act["ATTRIBUTE"], TABLES.index(ATTRIBUTES_OF[kind]), child, 0
    if field.message is not None and field.repeated:
        return act["ROW"], 0, child, 0
    slot = slots[TABLE_OF[kind], COLUMN_OF.get((kind, name), _snake(name))]
    if field.message is not None:
        return act["MERGE"], slot, child, 0
    shape = {
        Type.FIXED64: "FIXED64",
        Type.FIXED32: "FIXED32",
        Type.UINT32: "VARINT32",
        Type.ENUM: "VARINT32",
    }.get(field.type, "SLICE")
    return act[shape], slot, 0, text


_ACTIONS: Final = (
    "ROW", "MERGE", "ATTRIBUTE", "ATTRIBUTE_KEY", "VALUE", "VARINT32", "FIXED32", "FIXED64",
    "SLICE", "KEY", "MEMBER_SLICE", "MEMBER_VARINT", "MEMBER_FIXED64", "MEMBER_NESTED",
)  # fmt: skip


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
