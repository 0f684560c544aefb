# ruff: noqa: INP001 - read by a script beside it
"""What the generated reference says where the code has names and numbers only.

Every key is a name in the code; `generate.py` fails where one is missing here or no longer
exists there.
"""

from __future__ import annotations

from typing import Final

# Facts are counted in the input as it stands, before normalisation.
FACTS: Final = {
    "spans": "Span records, copies and oddities included.",
    "traces": "Different trace ids among them; missing and all-zero ids are no trace.",
    "services": "Different values of `service.name`; spans without one count as one more.",
    "roots": "Spans without a parent id; an id of zeros is none.",
    "links": "Links of all spans.",
    "links_to_absent_span": "Links whose target is not in the file.",
    "links_to_other_trace": "Links whose target has another trace id, there or not.",
    "events": "Events of all spans.",
    "missing_parents": "Spans whose parent id is set and belongs to no span of their trace.",
    "self_parents": "Spans whose parent is themselves.",
    "parent_cycles": "Circles of two or more parents; a circle counts once.",
    "duplicate_ids": "Spans beyond the first of one (trace id, span id).",
    "shared_client_server_pairs": "Ids carried by exactly one CLIENT and one SERVER span, as "
    "Zipkin's halves of one call do.",
    "no_start_time": "Spans with a start of 0 in a file that also holds modern times. They take "
    "no part in the rows below.",
    "end_before_start": "Spans whose end is less than their start, an end of 0 among them "
    "(unless the format leaves durations out and said none).",
    "child_starts_before_parent": "Spans that start before their parent does.",
    "of_which_cross_service": "Those of them whose parent belongs to another service.",
    "max_early_us": "The longest time by which one of them is early, in microseconds.",
    "child_ends_after_parent": "Spans that end after their parent does: a fact and no fault, "
    "since asynchronous children do.",
    "starts_after_parent_end": "Spans that start after their parent has ended: no fault either.",
}

FIGURES: Final = {
    "causality.reversed_pairs": "Pairs (a, b) with a path of parent and link edges from a to b, "
    "where a starts later. Edges on cycles, and edges whose cause is in doubt, are left out.",
    "causality.reversed_pairs_exact": "Whether that is the exact number; else there are at least "
    "so many. Parents alone are always counted exactly, whatever their number.",
    "order.edges": "Edges by kind, as built. Temporal ones as their transitive reduction has "
    "them, since the pairs are quadratic in number.",
    "order.temporal_pairs": "Ordered pairs of the temporal relation: a ended before b began, on "
    "one resource.",
}

COVERED: Final = {
    "spans": "Spans judged, after normalisation.",
    "traces": "Traces they belong to.",
    "edges": "As the figure `order.edges`.",
    "missing_parents": "Spans whose parent is not in the data.",
    "doubtful_parents": "Spans with an edge to a parent that several spans could be.",
    "absent_link_targets": "Links whose target is not in the data.",
    "without_start": "Spans that no verdict about time could take in.",
    "dropped": "Attributes, events and links that SDKs say they dropped.",
    "left_out": "Parts of the input that `--keep-going` passed over.",
}

TABLES: Final = {
    "resources": "A row a ResourceSpans message, empty ones included.",
    "resource_attributes": "Attributes of resources.",
    "entity_refs": "Entity references of resources.",
    "entity_keys": "The keys that entity references name.",
    "scopes": "A row a ScopeSpans message, empty ones included.",
    "scope_attributes": "Attributes of instrumentation scopes.",
    "spans": "A row a span.",
    "span_attributes": "Attributes of spans.",
    "events": "A row an event of a span.",
    "event_attributes": "Attributes of events.",
    "links": "A row a link of a span.",
    "link_attributes": "Attributes of links.",
    "residue": "Whole fields that fit no column, as they stood on the wire.",
}

_NUMBERED: Final = {
    "parent_id": "row of the owner; ascends",
    "schema_url": "empty where absent",
    "present": "whether the message was there, if an empty one",
    "dropped_attributes_count": "as the SDK counted",
    "trace_state": "W3C trace state, as text",
    "flags": "all 32 bits, reserved ones too",
    "time_unix_nano": "nanoseconds; 2⁶³ − 1 and more saturate",
    "key": "text, interned",
}
COLUMNS: Final = {  # "table.column", or a column's name in every table
    **_NUMBERED,
    "resources.request": "number of the message it came in",
    "entity_refs.type": "type of the entity",
    "entity_keys.describes": "whether the key describes; else it identifies",
    "scopes.resource": "row of `resources`; ascends",
    "scopes.name": "of the instrumentation",
    "scopes.version": "of the instrumentation",
    "spans.scope": "row of `scopes`; ascends",
    "trace_id": "null where absent or not of 16 bytes; those stand in `residue`",
    "span_id": "null where absent or not of 8 bytes; those stand in `residue`",
    "spans.parent_span_id": "null where absent or not of 8 bytes",
    "name": "text, interned",
    "spans.kind": "0 to 5, or whatever number came",
    "spans.start_time_unix_nano": "nanoseconds; 2⁶³ − 1 and more saturate",
    "spans.end_time_unix_nano": "nanoseconds; 0: never ended",
    "spans.dropped_events_count": "as the SDK counted",
    "spans.dropped_links_count": "as the SDK counted",
    "spans.status_code": "null where there is no Status at all",
    "spans.status_message": "empty where absent",
    "spans.dialect": "bits for how the span was spelt; 0: canonical OTLP",
    "type": "which column holds the value: see below",
    "str": "a string",
    "int": "an integer",
    "double": "a double; NaN keeps its bits",
    "bool": "a boolean",
    "bytes": "bytes",
    "ser": "the value's own encoding: maps, slices, and scalars with unknown fields",
    "residue.owner": "the message kind; attributes of a kind add 16",
    "residue.row": "row of the table that the owner belongs to",
    "residue.field": "field number",
    "residue.wire": "the field's bytes, tag included",
}

ATTRIBUTES: Final = {
    "service.name": "the name of a span's service; among spans with one id, a child goes to the "
    "one of its own service; the last resort of a clock's name",
    "service.instance.id": "names a clock",
    "telemetry.sdk.language": "the SDK that timed a span (not read by any check yet)",
    "network.local.address": "where Zipkin's and Jaeger's endpoint addresses go; tells services "
    "of one name apart",
    "host.id": "names a clock",
    "host.name": "names a clock",
    "k8s.node.name": "names a clock",
    "container.id": "names a clock",
    "k8s.pod.uid": "names a clock",
    "k8s.pod.name": "names a clock",
    "logfire.span_type": "`pending_span` marks the announcement of a span",
    "logfire.pending_parent_id": "the real parent of the span that a pending span announces",
}

NOTES: Final = {
    "trailing_bytes": "Bytes after the end of gzip data; they are ignored, as gzip does.",
    "byte_order_mark": "UTF-8 text that begins with a byte order mark.",
    "unknown_field": "A protobuf field that OTLP does not define; kept, and written again.",
    "wrong_wire_type": "A known field with another wire type; kept as an unknown one.",
    "unknown_group": "A protobuf group, properly closed; kept.",
    "snake_case": "Keys such as `resource_spans` where OTLP/JSON has `resourceSpans`.",
    "instrumentation_library": "OTLP before 2022: `instrumentationLibrarySpans`.",
    "tempo_envelope": "Tempo's `batches`, or its `trace` around the message.",
    "array_of_requests": "A JSON array of requests where one was expected.",
    "unknown_kind": "A Zipkin kind that is none; kept as the attribute `zipkin.kind`.",
    "tag_of_another_type": "A tag whose value is not of the type it declares; its JSON type holds.",
    "unread_field": "A member of Jaeger's JSON outside its spans that is neither read nor empty.",
    "derived_fields": "Members that a user interface computed from the rest; not kept.",
    "trace_warnings": "Warnings that Jaeger attached to a whole trace; not kept.",
    "not_a_trace": "Found in a directory or by a glob, and no trace: passed over.",
    "unknown_process": "A span of a process that the file does not describe.",
}
