"""Random traces with so few ids that duplicates, cycles, shared halves and gaps abound."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData
from tests.oracles.tables import table_of

from spanproof.table import Table

NOW_NS = 1_780_000_000 * 10**9
MODERN = [0, NOW_NS, NOW_NS + 1, NOW_NS + 2_500, NOW_NS + 10**6]
TINY = [0, 0, 1, 2, 3_000, 1_500_000_000]
MIXED = [0, NOW_NS, NOW_NS + 10**6, 2**63, 2**64 - 1, NOW_NS // 10**3, NOW_NS // 10**6 + 1, 7]
MILLIS = [0, NOW_NS // 10**6, NOW_NS // 10**6 + 5]

traces = st.sampled_from(
    [b"\1" * 16, b"\1" * 16, b"\2" * 16, bytes(8) + b"\3" * 8, b"\3" * 8, b"", bytes(16), b"\4" * 9]
)
span_ids = st.sampled_from([bytes(7) + bytes([i]) for i in (1, 1, 2, 2, 3, 4, 0)] + [b"", b"\1"])
kinds = st.sampled_from([0, 1, 2, 2, 3, 3, 5, 9])
bits = st.sampled_from([0, 0, 0, 32, 32, 64, 1, 2, 31])


def _attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


PENDING = [
    [_attribute("logfire.span_type", "pending_span")],
    *(
        [_attribute("logfire.span_type", "pending_span"),
         _attribute("logfire.pending_parent_id", parent)]
        for parent in ("0000000000000000", "0000000000000001", "0000000000000003", "?")
    ),
]  # fmt: skip
extras = st.sampled_from(
    [[], [], [], [_attribute("k", "v")], [_attribute("k", "v"), _attribute("k", "w")], *PENDING]
)


@st.composite
def spans(draw: Any, times: list[int]) -> Span:
    time = st.sampled_from(times)
    start = draw(time)
    return Span(
        trace_id=draw(traces),
        span_id=draw(span_ids),
        parent_span_id=draw(span_ids),
        kind=draw(kinds),
        name=draw(st.sampled_from(["a", "b"])),
        start_time_unix_nano=start,
        end_time_unix_nano=draw(st.just(start) | time),
        attributes=draw(extras),
        events=draw(st.lists(st.builds(Span.Event, time_unix_nano=time), max_size=1)),
        links=draw(
            st.lists(st.builds(Span.Link, trace_id=traces, span_id=span_ids), max_size=1)
        ),
    )  # fmt: skip


@st.composite
def tables(draw: Any, *, modern: bool = False, max_size: int = 9) -> Table:
    """A table of up to nine spans, some of them twice, with a few bits of dialect."""
    times = MODERN if modern else draw(st.sampled_from([MODERN, MODERN, TINY, MIXED, MILLIS]))
    some = draw(st.lists(spans(times), max_size=max_size))
    if some:
        some += draw(st.lists(st.sampled_from(some), max_size=3))
    groups = []
    while some:
        n = draw(st.integers(1, 4))
        resource = Resource(
            attributes=[
                _attribute("service.name", draw(st.sampled_from("xy"))),
                *draw(st.sampled_from([[], [_attribute("network.local.address", "10.0.0.1")]])),
            ]
        )
        scope = ScopeSpans(spans=some[:n], scope=InstrumentationScope(name="s"))
        groups.append(ResourceSpans(resource=resource, scope_spans=[scope]))
        some = some[n:]
    table = table_of(TracesData(resource_spans=groups))
    dialect = draw(st.lists(bits, min_size=len(table), max_size=len(table)))
    return table.with_columns("spans", {"dialect": pa.array(dialect, pa.uint16())})
