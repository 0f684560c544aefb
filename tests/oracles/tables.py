"""What a table of official messages is: the definition, row by row in plain Python.

Unknown fields are not seen by the official Python classes and so are left out; ids of
another length and times at or above TIME_MAX are kept in `residue` as the schema says.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanproof.table import Table
from spanproof.table.schema import SCHEMAS

TIME_MAX = 2**63 - 1
MEMBERS = {
    None: 0,
    "string_value": 1,
    "int_value": 2,
    "double_value": 3,
    "bool_value": 4,
    "kvlist_value": 5,
    "array_value": 6,
    "bytes_value": 7,
}


def table_of(*messages: TracesData) -> Table:
    """The table of these messages, each a request of its own."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for request, message in enumerate(messages):
        for resource_spans in message.resource_spans:
            _resource_spans(rows, request, resource_spans)
    return Table(
        **{
            name: pa.RecordBatch.from_arrays(
                [pa.array([row[f.name] for row in rows[name]], f.type) for f in schema],
                schema=schema,
            )
            for name, schema in SCHEMAS.items()
        }
    )


def _resource_spans(rows: Any, request: int, message: Any) -> None:
    row = len(rows["resources"])
    resource = message.resource
    rows["resources"].append(
        {
            "request": request,
            "present": message.HasField("resource"),
            "dropped_attributes_count": resource.dropped_attributes_count,
            "schema_url": message.schema_url,
        }
    )
    _attributes(rows["resource_attributes"], row, resource.attributes)
    for ref in resource.entity_refs:
        parent = len(rows["entity_refs"])
        rows["entity_refs"].append(
            {"parent_id": row, "schema_url": ref.schema_url, "type": ref.type}
        )
        for describes, keys in ((False, ref.id_keys), (True, ref.description_keys)):
            for key in keys:
                rows["entity_keys"].append(
                    {"parent_id": parent, "describes": describes, "key": key}
                )
    for scope_spans in message.scope_spans:
        _scope_spans(rows, row, scope_spans)


def _scope_spans(rows: Any, resource: int, message: Any) -> None:
    row = len(rows["scopes"])
    rows["scopes"].append(
        {
            "resource": resource,
            "present": message.HasField("scope"),
            "name": message.scope.name,
            "version": message.scope.version,
            "dropped_attributes_count": message.scope.dropped_attributes_count,
            "schema_url": message.schema_url,
        }
    )
    _attributes(rows["scope_attributes"], row, message.scope.attributes)
    for span in message.spans:
        _span(rows, row, span)


def _span(rows: Any, scope: int, span: Any) -> None:
    row = len(rows["spans"])
    rest = rows["residue"]
    rows["spans"].append(
        {
            "scope": scope,
            "trace_id": _id(rest, 6, row, 1, span.trace_id, 16),
            "span_id": _id(rest, 6, row, 2, span.span_id, 8),
            "parent_span_id": _id(rest, 6, row, 4, span.parent_span_id, 8),
            "trace_state": span.trace_state,
            "flags": span.flags,
            "name": span.name,
            "kind": span.kind,
            "start_time_unix_nano": _time(rest, 6, row, 7, span.start_time_unix_nano),
            "end_time_unix_nano": _time(rest, 6, row, 8, span.end_time_unix_nano),
            "dropped_attributes_count": span.dropped_attributes_count,
            "dropped_events_count": span.dropped_events_count,
            "dropped_links_count": span.dropped_links_count,
            "status_code": span.status.code if span.HasField("status") else None,
            "status_message": span.status.message,
            "dialect": 0,
        }
    )
    _attributes(rows["span_attributes"], row, span.attributes)
    for event in span.events:
        child = len(rows["events"])
        rows["events"].append(
            {
                "parent_id": row,
                "time_unix_nano": _time(rest, 7, child, 1, event.time_unix_nano),
                "name": event.name,
                "dropped_attributes_count": event.dropped_attributes_count,
            }
        )
        _attributes(rows["event_attributes"], child, event.attributes)
    for link in span.links:
        child = len(rows["links"])
        rows["links"].append(
            {
                "parent_id": row,
                "trace_id": _id(rest, 8, child, 1, link.trace_id, 16),
                "span_id": _id(rest, 8, child, 2, link.span_id, 8),
                "trace_state": link.trace_state,
                "flags": link.flags,
                "dropped_attributes_count": link.dropped_attributes_count,
            }
        )
        _attributes(rows["link_attributes"], child, link.attributes)


def _id(rest: Any, owner: int, row: int, field: int, value: bytes, width: int) -> bytes | None:
    if value and len(value) != width:
        wire = _varint(field << 3 | 2) + _varint(len(value)) + value
        rest.append({"owner": owner, "row": row, "field": field, "wire": wire})
    return value if len(value) == width else None


def _time(rest: Any, owner: int, row: int, field: int, value: int) -> int:
    if value >= TIME_MAX:
        wire = _varint(field << 3 | 1) + value.to_bytes(8, "little")
        rest.append({"owner": owner, "row": row, "field": field, "wire": wire})
    return min(value, TIME_MAX)


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])


def _attributes(rows: Any, parent: int, attributes: Any) -> None:
    for attribute in attributes:
        value = attribute.value
        member = value.WhichOneof("value") if attribute.HasField("value") else None
        row = dict.fromkeys(("str", "int", "double", "bool", "bytes", "ser"))
        row |= {"parent_id": parent, "key": attribute.key}
        row["type"] = MEMBERS[member] if attribute.HasField("value") else 8
        if member in {"kvlist_value", "array_value"}:
            row["ser"] = value.SerializeToString(deterministic=True)
        elif member is not None:
            row[member.removesuffix("_value").replace("string", "str")] = getattr(value, member)
        rows.append(row)
