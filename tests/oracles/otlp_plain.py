"""OTLP messages as plain Python values that compare: what formats can agree on."""

from __future__ import annotations

import base64
import copy
from collections import Counter
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData

from spanproof.ingest.wire import Wire


def traces_of(wire: Wire) -> TracesData:
    """All messages of a Wire, merged, by the official classes."""
    merged = TracesData()
    for start, end in zip(wire.starts.tolist(), wire.ends.tolist(), strict=True):
        merged.MergeFromString(wire.data[start:end].tobytes())
    return merged


def only_span(wire: Wire) -> Span:
    """The one span, its dialect kept as an unknown field."""
    (span,) = [
        s for r in traces_of(wire).resource_spans for c in r.scope_spans for s in c.spans
    ]  # fmt: skip
    return span


def from_otlp_json(document: dict[str, Any]) -> TracesData:
    """OTLP/JSON by the official classes, which want base64 where OTLP has hex."""
    document = copy.deepcopy(document)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for owner in (span, *span.get("links", [])):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if owner.get(key):
                            raw = bytes.fromhex(owner[key])
                            owner[key] = base64.b64encode(raw).decode()
    return json_format.ParseDict(document, TracesData())


def value(any_value: AnyValue) -> Any:
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes(pairs: list[KeyValue]) -> list[tuple[str, Any]]:
    """(key, value) in the order of keys; Python tells 1 from 1.0 only by type, so it is named."""
    told = [(p.key, type(value(p.value)).__name__, value(p.value)) for p in pairs]
    return sorted(told, key=lambda pair: (pair[0], repr(pair)))


def plain(traces: TracesData, *, floor_ns: int = 1) -> Counter[str]:
    """Every span with its resource and scope, times floored, key order and grouping gone.

    Left out: schema URLs, dialect bits, and whether an empty status was there.
    """
    rows: Counter[str] = Counter()
    for group in traces.resource_spans:
        resource = attributes(group.resource.attributes)
        for scope in group.scope_spans:
            head = (resource, scope.scope.name, scope.scope.version)
            for span in scope.spans:
                rows[repr((*head, *_span(span, floor_ns)))] += 1
    return rows


def _span(span: Span, floor_ns: int) -> tuple[Any, ...]:
    def floor(ns: int) -> int:
        return ns // floor_ns * floor_ns

    status: Status = span.status
    return (
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.trace_state,
        span.name,
        span.kind,
        floor(span.start_time_unix_nano),
        floor(span.end_time_unix_nano),
        span.flags,
        (status.code, status.message),
        (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count),
        attributes(span.attributes),
        [(floor(e.time_unix_nano), e.name, attributes(e.attributes)) for e in span.events],
        [(k.trace_id, k.span_id, k.trace_state, attributes(k.attributes)) for k in span.links],
    )
