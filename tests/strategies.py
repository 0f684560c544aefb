"""Random official trace messages with every strange value that OTLP can carry.

`traces_data()` draws a TracesData; with `unknown=True` unknown fields are put on every level
that keeps them. What is strange: data/otel/synthetic/coverage/README.md.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    EntityRef,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

WORDS = [
    "",
    "a",
    "service.name",
    "GET /",
    "\x00",
    "\u2028\u2029",
    '"\\/\b\f\n\r\t\x7f',
    "é𝄞",
    "x" * 200,
]
texts = st.sampled_from(WORDS) | st.text(max_size=8)
uint32s = st.sampled_from([0, 0, 0, 1, 127, 128, 2**31, 2**32 - 1])
times = st.sampled_from(
    [0, 1, 1_700_000_000_000_000_000, 2**63 - 2, 2**63 - 1, 2**63, 2**64 - 1]
) | st.integers(0, 2**64 - 1)
flags = st.sampled_from([0, 0, 1, 0x101, 0x300, 2**31, 2**32 - 1])
enums = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 99, -1, 2**31 - 1, -(2**31)])
int64s = st.sampled_from([0, 1, -1, 127, 128, 2**63 - 1, -(2**63), 2**53 + 1]) | st.integers(
    -(2**63), 2**63 - 1
)
doubles = (
    st.sampled_from([0.0, -0.0, 1.0, 1e22, 5e-324, 1.7976931348623157e308, math.inf, -math.inf])
    | st.just(struct.unpack("<d", bytes.fromhex("010000000000f8ff"))[0])  # NaN with a payload
    | st.floats(allow_nan=True)
)
byte_strings = st.sampled_from([b"", b"\x00", bytes(range(256))]) | st.binary(max_size=5)


def ids(width: int) -> st.SearchStrategy[bytes]:
    """Mostly right, else absent, all zero, or of another length."""
    few = st.integers(1, 6).map(lambda i: i.to_bytes(width, "big"))
    strange = st.sampled_from(
        [b"", b"", bytes(width), b"\xff" * (width - 1), b"\x01" * 17, b"\x07"]
    )
    return few | st.binary(min_size=width, max_size=width) | strange


scalars = st.one_of(
    st.just(AnyValue()),
    texts.map(lambda x: AnyValue(string_value=x)),
    st.booleans().map(lambda x: AnyValue(bool_value=x)),
    int64s.map(lambda x: AnyValue(int_value=x)),
    doubles.map(lambda x: AnyValue(double_value=x)),
    byte_strings.map(lambda x: AnyValue(bytes_value=x)),
)


def _entries(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[KeyValue]:
    return st.builds(lambda k, v: KeyValue(key=k, value=v), texts, st.none() | values)


def _nest(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    return st.lists(values, max_size=3).map(
        lambda x: AnyValue(array_value=ArrayValue(values=x))
    ) | st.lists(_entries(values), max_size=3).map(
        lambda x: AnyValue(kvlist_value=KeyValueList(values=x))
    )


any_values = st.recursive(scalars, _nest, max_leaves=6)
key_values = _entries(any_values)
attributes = st.lists(key_values, max_size=3) | st.lists(key_values, max_size=3).map(
    lambda x: x + x[:1]  # a key given twice
)
entity_refs = st.builds(
    EntityRef,
    schema_url=texts,
    type=texts,
    id_keys=st.lists(texts, max_size=2),
    description_keys=st.lists(texts, max_size=2),
)
resources = st.builds(
    Resource,
    attributes=attributes,
    dropped_attributes_count=uint32s,
    entity_refs=st.lists(entity_refs, max_size=2),
)
scopes = st.builds(
    InstrumentationScope,
    name=texts,
    version=texts,
    attributes=attributes,
    dropped_attributes_count=uint32s,
)
events = st.builds(
    Span.Event,
    time_unix_nano=times,
    name=texts,
    attributes=attributes,
    dropped_attributes_count=uint32s,
)
links = st.builds(
    Span.Link,
    trace_id=ids(16),
    span_id=ids(8),
    trace_state=texts,
    attributes=attributes,
    dropped_attributes_count=uint32s,
    flags=flags,
)
statuses = st.builds(Status, message=texts, code=enums)
spans = st.builds(
    Span,
    trace_id=ids(16),
    span_id=ids(8),
    parent_span_id=ids(8),
    trace_state=texts,
    name=texts,
    kind=enums,
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    dropped_attributes_count=uint32s,
    events=st.lists(events, max_size=2),
    dropped_events_count=uint32s,
    links=st.lists(links, max_size=2),
    dropped_links_count=uint32s,
    status=st.none() | statuses,
    flags=flags,
)
scope_spans = st.builds(
    ScopeSpans, scope=st.none() | scopes, spans=st.lists(spans, max_size=3), schema_url=texts
)
resource_spans = st.builds(
    ResourceSpans,
    resource=st.none() | resources,
    scope_spans=st.lists(scope_spans, max_size=2),
    schema_url=texts,
)

UNKNOWN = [  # whole fields of numbers that no message of OTLP has, one of each wire type
    bytes.fromhex("c03e05"),
    bytes.fromhex("c13e0102030405060708"),
    bytes.fromhex("c23e03616263"),
    bytes.fromhex("c33e0801c43e"),
    bytes.fromhex("c53e01020304"),
    bytes.fromhex("f8ffffff0f8080808080808080ff01"),
]


@st.composite
def traces_data(draw: Any, *, unknown: bool = False) -> TracesData:
    """A TracesData message; hypothesis shrinks it towards the empty one."""
    message = TracesData(resource_spans=draw(st.lists(resource_spans, max_size=3)))
    if unknown:
        chance = draw(st.randoms(use_true_random=False))
        for part in parts(message):
            if chance.random() < 0.3:
                part.MergeFromString(chance.choice(UNKNOWN) + chance.choice(UNKNOWN))
    return message


def parts(message: Any) -> list[Any]:
    """The message and every one within it, outermost first."""
    found = [message]
    for part in found:  # grows meanwhile
        for field, value in part.ListFields():
            if field.type == field.TYPE_MESSAGE:
                found.extend([value] if not isinstance(value, _Repeated) else value)
    return found


_Repeated = type(TracesData().resource_spans)
