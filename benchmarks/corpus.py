"""The spans that the benchmarks read: made from a seed, like those of a web shop.

Every span has six attributes, one in ten an event; ids are random, a few attribute values
too (as paths and user ids are), the rest repeats.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

SERVICES = ("frontend", "cart", "checkout", "payment", "shipping", "currency", "email", "ad")
ROUTES = tuple(f"/api/{noun}/{verb}" for noun in SERVICES for verb in ("get", "put", "list"))
START_NS = 1_780_000_000_000_000_000


def messages(n_spans: int, seed: int = 1, per_message: int = 1000) -> Iterator[TracesData]:
    """TracesData messages of `per_message` spans, 25 spans a trace."""
    draw = random.Random(seed)
    made = 0
    while made < n_spans:
        message = TracesData()
        scopes = []
        for service in SERVICES:
            group = message.resource_spans.add()
            for key, value in (("service.name", service), ("host.name", f"host-{service}")):
                group.resource.attributes.add(key=key).value.string_value = value
            scope = group.scope_spans.add()
            scope.scope.name = "shop"
            scopes.append(scope)
        for _ in range(min(per_message, n_spans - made)):
            if made % 25 == 0:
                trace_id, spans = draw.randbytes(16), []
            _add_span(scopes[draw.randrange(len(scopes))], trace_id, spans, made, draw)
            made += 1
        yield message


def _add_span(scope, trace_id, spans, i, draw) -> None:
    route = ROUTES[draw.randrange(len(ROUTES))]
    span_id = struct.pack(">Q", draw.getrandbits(63) + 1)
    start = START_NS + i * 20_000 + draw.randrange(10_000)
    span = scope.spans.add(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=spans[draw.randrange(len(spans))] if spans else b"",
        name="GET " + route,
        kind=1 + draw.randrange(5),
        start_time_unix_nano=start,
        end_time_unix_nano=start + draw.randrange(1, 5_000_000),
    )
    spans.append(span_id)
    add = span.attributes.add
    add(key="http.request.method").value.string_value = "GET"
    add(key="http.route").value.string_value = route
    add(key="http.response.status_code").value.int_value = 200 if draw.random() < 0.98 else 500
    add(key="url.path").value.string_value = f"{route}/{draw.randrange(10_000)}"
    add(key="user.id").value.string_value = f"user-{draw.randrange(1_000_000):06}"
    add(key="thread.id").value.int_value = draw.randrange(64)
    if i % 10 == 0:
        event = span.events.add(time_unix_nano=start + 1, name="cache.miss")
        event.attributes.add(key="cache.key").value.string_value = route


def protobuf(n_spans: int, seed: int = 1) -> bytes:
    """One message of all spans: concatenated messages merge."""
    return b"".join(m.SerializeToString() for m in messages(n_spans, seed))


def otlp_json(n_spans: int, seed: int = 1) -> bytes:
    """OTLP/JSON, one request a line."""
    from google.protobuf.json_format import MessageToDict

    lines = []
    for message in messages(n_spans, seed):
        document = MessageToDict(message, use_integers_for_enums=True)
        for group in document["resourceSpans"]:
            for scope in group.get("scopeSpans", []):
                for span in scope.get("spans", []):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in span:
                            span[key] = _hex(span[key])
        lines.append(json.dumps(document, separators=(",", ":")))
    return ("\n".join(lines) + "\n").encode()


def _hex(base64_id: str) -> str:
    from base64 import b64decode

    return b64decode(base64_id).hex()
