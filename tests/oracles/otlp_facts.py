"""The columns of FACTS.csv, counted over official protobuf classes in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import DIALECT_FIELD

CLIENT, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER


def spans_of(traces: TracesData) -> Iterator[tuple[str, Span]]:
    """(service, span) for every span; the service is empty where none is named."""
    for group in traces.resource_spans:
        named = {a.key: a.value.string_value for a in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                yield named.get("service.name", ""), span


def facts(traces: TracesData, *, zipkin: bool = False) -> dict[str, int]:
    """Counts by column name, as defined in the data's README."""
    rows = list(spans_of(traces))
    by_key: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for i, (_, span) in enumerate(rows):
        by_key[span.trace_id, span.span_id].append(i)
    parents = [_parent(rows, by_key, i, zipkin=zipkin) for i in range(len(rows))]
    starts = [span.start_time_unix_nano for _, span in rows]
    modern = any(start > 10**18 for start in starts)
    timed = [bool(start) or not modern for start in starts]
    edges = [
        (p, i) for i, p in enumerate(parents) if p is not None and p != i and timed[p] and timed[i]
    ]
    early = [(starts[p] - starts[i], p, i) for p, i in edges if starts[i] < starts[p]]
    ends = [_end(span) for _, span in rows]
    links = [(span.trace_id, link) for _, span in rows for link in span.links]
    return {
        "spans": len(rows),
        "traces": len({span.trace_id for _, span in rows}),
        "services": len({service for service, _ in rows}),
        "roots": sum(not span.parent_span_id for _, span in rows),
        "links": len(links),
        "links_to_absent_span": sum((k.trace_id, k.span_id) not in by_key for _, k in links),
        "links_to_other_trace": sum(k.trace_id != own for own, k in links),
        "events": sum(len(span.events) for _, span in rows),
        "missing_parents": sum(
            bool(s.parent_span_id) and (s.trace_id, s.parent_span_id) not in by_key for _, s in rows
        ),
        "self_parents": sum(p == i for i, p in enumerate(parents)),
        "parent_cycles": _cycles(parents),
        "duplicate_ids": len(rows) - len(by_key),
        "shared_client_server_pairs": sum(_is_pair(rows, group) for group in by_key.values())
        if zipkin
        else 0,
        "no_start_time": len(rows) - sum(timed),
        "end_before_start": sum(e < s for e, s, t in zip(ends, starts, timed, strict=True) if t),
        "child_starts_before_parent": len(early),
        "of_which_cross_service": sum(rows[p][0] != rows[i][0] for _, p, i in early),
        "max_early_us": max((by for by, _, _ in early), default=0) // 1000,
        "child_ends_after_parent": sum(ends[i] > ends[p] for p, i in edges),
        "starts_after_parent_end": sum(starts[i] > ends[p] for p, i in edges),
    }


def dialect_of(span: Span) -> int:
    """The bits of `Dialect` that a reader left on the span."""
    return sum(f.data for f in UnknownFieldSet(span) if f.field_number == DIALECT_FIELD)


def _end(span: Span) -> int:
    """For the facts, a span whose source gives no duration ends as it starts."""
    if dialect_of(span) & Dialect.NO_DURATION:
        return span.start_time_unix_nano
    return span.end_time_unix_nano


def _is_pair(rows: list[Any], group: list[int]) -> bool:
    kinds = [rows[i][1].kind for i in group]
    return kinds.count(CLIENT) == 1 and kinds.count(SERVER) == 1


def _parent(rows: list[Any], by_key: dict[Any, list[int]], i: int, *, zipkin: bool) -> int | None:
    service, span = rows[i]
    if zipkin and span.kind == SERVER:
        halves = by_key[span.trace_id, span.span_id]
        for other in halves:
            if rows[other][1].kind == CLIENT:
                return other
    if not span.parent_span_id:
        return None
    found = by_key.get((span.trace_id, span.parent_span_id), [])
    for wanted in (
        [k for k in found if rows[k][0] == service],
        [k for k in found if rows[k][1].kind == SERVER],
        found,
    ):
        if wanted:
            return wanted[0]
    return None


def _cycles(parents: list[int | None]) -> int:
    """Circles of at least two rows in the parent function."""
    seen: dict[int, int] = {}
    cycles = 0
    for start in range(len(parents)):
        row: int | None = start
        while row is not None and row not in seen:
            seen[row] = start
            row = parents[row]
        cycles += row is not None and seen[row] == start and parents[row] != row
    return cycles
