"""What spanproof is measured against: the official protobuf classes, and orjson, with a loop.

Both loops put every field of every span, event, link and attribute into Python lists, one a
column: what a program does that reads traces without spanproof.
"""

from __future__ import annotations

from collections import defaultdict

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

Columns = dict[str, list]


def protobuf_loop(data: bytes) -> Columns:
    """TracesData.FromString, then a loop."""
    message = TracesData.FromString(data)
    columns: Columns = defaultdict(list)
    span_columns = [columns[name] for name in _SPAN]
    for group in message.resource_spans:
        _values(columns, "resource", len(columns["trace_id"]), group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                row = len(span_columns[0])
                for column, value in zip(
                    span_columns,
                    (
                        span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind,
                        span.start_time_unix_nano, span.end_time_unix_nano, span.trace_state,
                        span.flags, span.dropped_attributes_count, span.dropped_events_count,
                        span.dropped_links_count, span.status.code, span.status.message,
                    ),
                    strict=True,
                ):  # fmt: skip
                    column.append(value)
                _values(columns, "span", row, span.attributes)
                for event in span.events:
                    columns["event_parent"].append(row)
                    columns["event_time"].append(event.time_unix_nano)
                    columns["event_name"].append(event.name)
                    _values(columns, "event", row, event.attributes)
                for link in span.links:
                    columns["link_parent"].append(row)
                    columns["link_trace_id"].append(link.trace_id)
                    columns["link_span_id"].append(link.span_id)
                    _values(columns, "link", row, link.attributes)
    return columns


def _values(columns: Columns, owner: str, row: int, attributes) -> None:
    parents, keys, values = (
        columns[f"{owner}_attribute_parent"],
        columns[f"{owner}_attribute_key"],
        columns[f"{owner}_attribute_value"],
    )
    for attribute in attributes:
        parents.append(row)
        keys.append(attribute.key)
        member = attribute.value.WhichOneof("value")
        values.append(getattr(attribute.value, member) if member else None)


def json_loop(data: bytes) -> Columns:
    """orjson.loads of each line, then the same loop."""
    columns: Columns = defaultdict(list)
    span_columns = [columns[name] for name in _SPAN]
    for line in data.splitlines():
        for group in orjson.loads(line)["resourceSpans"]:
            attributes = group.get("resource", {}).get("attributes", ())
            _json_values(columns, "resource", len(columns["trace_id"]), attributes)
            for scope in group.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    row = len(span_columns[0])
                    get = span.get
                    status = get("status", {})
                    for column, value in zip(
                        span_columns,
                        (
                            bytes.fromhex(get("traceId", "")), bytes.fromhex(get("spanId", "")),
                            bytes.fromhex(get("parentSpanId", "")), get("name", ""),
                            get("kind", 0), int(get("startTimeUnixNano", 0)),
                            int(get("endTimeUnixNano", 0)), get("traceState", ""),
                            get("flags", 0), get("droppedAttributesCount", 0),
                            get("droppedEventsCount", 0), get("droppedLinksCount", 0),
                            status.get("code", 0), status.get("message", ""),
                        ),
                        strict=True,
                    ):  # fmt: skip
                        column.append(value)
                    _json_values(columns, "span", row, get("attributes", ()))
                    for event in get("events", ()):
                        columns["event_parent"].append(row)
                        columns["event_time"].append(int(event.get("timeUnixNano", 0)))
                        columns["event_name"].append(event.get("name", ""))
                        _json_values(columns, "event", row, event.get("attributes", ()))
                    for link in get("links", ()):
                        columns["link_parent"].append(row)
                        columns["link_trace_id"].append(bytes.fromhex(link.get("traceId", "")))
                        columns["link_span_id"].append(bytes.fromhex(link.get("spanId", "")))
                        _json_values(columns, "link", row, link.get("attributes", ()))
    return columns


def _json_values(columns: Columns, owner: str, row: int, attributes) -> None:
    parents, keys, values = (
        columns[f"{owner}_attribute_parent"],
        columns[f"{owner}_attribute_key"],
        columns[f"{owner}_attribute_value"],
    )
    for attribute in attributes:
        parents.append(row)
        keys.append(attribute.get("key", ""))
        member, value = next(iter(attribute.get("value", {}).items()), (None, None))
        values.append(int(value) if member == "intValue" else value)


_SPAN = (
    "trace_id", "span_id", "parent_span_id", "name", "kind", "start", "end", "trace_state",
    "flags", "dropped_attributes", "dropped_events", "dropped_links", "status_code",
    "status_message",
)  # fmt: skip
