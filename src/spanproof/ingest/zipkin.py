"""Zipkin v2 JSON as OTLP: a list of spans, lists of traces, or a span a line.

Decides where each of Zipkin's fields goes: times in microseconds become nanoseconds, the
local endpoint the resource, the remote endpoint `peer.service` and `network.peer.*`,
annotations events, tags attributes (see foreign.py for those that mean a field). Where
Zipkin says no kind, none is invented: unspecified. Fields that OTLP has no place for, and
such as the format does not define, become attributes under `zipkin.`.

Refuses to repair: the server half of a call keeps the id it shares with its client
(`Dialect.SHARED_ID` marks it), a span without duration ends at 0 (`Dialect.NO_DURATION`).

Source: Zipkin API v2 (zipkin2-api.yaml); OpenTelemetry specification, "OpenTelemetry to
Zipkin Transformation", read backwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np
import pyarrow as pa

from spanproof.errors import TraceError
from spanproof.ingest.foreign import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Grouped,
    Span,
    Value,
    attribute,
    take_tags,
)
from spanproof.ingest.json_values import (
    Fields,
    Gaps,
    Text,
    below,
    each,
    encoded,
    integer_of,
    object_of,
    read_documents,
    scalar,
    text_of,
    truth_of,
)
from spanproof.ingest.timestamps import micros_ns, unix_ns
from spanproof.ingest.wire import Wire, block, fixed64, text
from spanproof.table import Table
from spanproof.table.identity import identify
from spanproof.vocabulary.attributes import LOCAL_ADDRESS, SERVICE_NAME
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import SpanKind

FORMAT: Final = "zipkin-v2"

_KINDS: Final = {name: SpanKind[name] for name in ("CLIENT", "SERVER", "PRODUCER", "CONSUMER")}
_FIELDS: Final = frozenset(
    {
        "traceId", "parentId", "id", "kind", "name", "timestamp", "duration", "debug", "shared",
        "localEndpoint", "remoteEndpoint", "annotations", "tags",
    }
)  # fmt: skip
_ENDPOINT: Final = frozenset({"serviceName", "ipv4", "ipv6", "port"})
_ENDPOINTS: Final = {
    "localEndpoint": {
        "serviceName": SERVICE_NAME,
        "address": LOCAL_ADDRESS,
        "port": "network.local.port",
    },
    "remoteEndpoint": {
        "serviceName": "peer.service",
        "address": "network.peer.address",
        "port": "network.peer.port",
    },
}
_RESOURCES_MAX: Final = 10_000  # endpoints remembered
_ANNOTATION: Final = frozenset({"timestamp", "value"})


def looks_like(keys: AbstractSet[str]) -> bool:
    """Whether an object with these keys is a Zipkin v2 span, and not one of version 1."""
    return {"traceId", "id"} <= keys and not keys & {"binaryAnnotations", "spanId", "spanID"}


def to_wire(data: Any, *, keep_going: bool = False) -> Wire:
    """Every span of a Zipkin v2 JSON text (bytes-like), as one TracesData message.

    Raises TraceError with a path ("[3].timestamp", "line 3, tags") or, where the text is no
    JSON, a byte or line. With `keep_going`, a span of wrong types and a line that is no JSON
    are left out and named in `left_out`; a broken document is an error all the same.
    O(bytes) time; beside the result, memory for one span and a pointer for each.
    """
    source, gaps = Text(data), Gaps(keep_going=keep_going)
    reader = _Reader(source, gaps)
    read_documents(source, reader.document, gaps)
    return Wire.of(reader.grouped.messages(), notes=reader.notes, left_out=gaps.errors)


def marked(table: Table) -> Table:
    """The table with `Dialect.SHARED_ID` on every SERVER half under its CLIENT's id.

    Zipkin's `shared` says so, but not every reporter writes it. O(spans · log spans).
    """
    identity = identify(table)
    if not identity.duplicate.any():
        return table
    kind, dialect = table.numbers("spans", "kind"), table.numbers("spans", "dialect")
    clients = identity.key[(kind == SpanKind.CLIENT) & (identity.key >= 0)]
    halves = (kind == SpanKind.SERVER) & np.isin(identity.key, clients)
    return table.with_columns(
        "spans", {"dialect": pa.array(dialect | (halves * np.uint16(Dialect.SHARED_ID)))}
    )


class _Reader:
    """Takes spans one by one; `grouped` and `notes` grow."""

    __slots__ = ("_gaps", "_resources", "_source", "grouped", "notes")

    def __init__(self, source: Text, gaps: Gaps) -> None:
        self._source, self._gaps = source, gaps
        self._resources: dict[str, bytes] = {}  # by the endpoint's JSON
        self.grouped = Grouped()
        self.notes: Counter[str] = Counter(source.notes)

    def document(self, document: Any) -> None:
        """A list of spans, a list of such lists, or one span."""
        for path, part in self._spans(document):
            with self._gaps.at(path):
                self._span(self._source.fields(part))

    def _spans(self, document: Any) -> Iterator[tuple[str, Any]]:
        source = self._source
        if source.opening(document) != "[":
            yield "", document
            return
        for i, item in enumerate(source.items(document)):
            if source.opening(item) == "[":
                for j, inner in enumerate(source.items(item)):
                    yield f"[{i}][{j}]", inner
            else:
                yield f"[{i}]", item

    def _span(self, fields: Fields) -> None:
        if "binaryAnnotations" in fields:
            raise TraceError("Zipkin's version 1 is not read", "", "convert it to Zipkin v2 JSON")
        span = Span(name=text_of(fields, "name"))
        span.trace_id = span.id(text_of(fields, "traceId"), TRACE_ID_BYTES)
        span.span_id = span.id(text_of(fields, "id"), SPAN_ID_BYTES)
        span.parent_span_id = span.id(text_of(fields, "parentId"), SPAN_ID_BYTES)
        _take_times(span, fields)
        kind = text_of(fields, "kind")
        if kind in _KINDS:
            span.kind = _KINDS[kind]
        elif kind:
            span.tell("zipkin.kind", kind)
            self.notes["unknown_kind"] += 1
        if truth_of(fields, "shared"):
            span.dialect |= Dialect.SHARED_ID
        take_tags(span, self._tags(object_of(fields, "tags")), error_has_text=True)
        for name, value in self._endpoint(fields, "remoteEndpoint"):
            span.tell(name, value)
        if truth_of(fields, "debug"):
            span.tell("zipkin.debug", True)
        for key in sorted(fields.keys() - _FIELDS):
            span.tell(f"zipkin.{key}", scalar(fields[key]))
        span.events = each(fields, "annotations", self._event)
        self.grouped.add(self._resource(fields), span.scope(), span.encoded())

    def _tags(self, tags: Fields) -> Iterator[tuple[str, Value]]:
        for key, value in tags.items():
            if type(value) is str:
                yield key, value
            else:
                self.notes["tag_of_another_type"] += 1
                yield key, scalar(value)

    def _event(self, annotation: Fields) -> bytes:
        at = annotation.get("timestamp")
        time = 0 if at is None else micros_ns(at, ".timestamp")
        more = [
            attribute(3, f"zipkin.{key}", scalar(annotation[key]))
            for key in sorted(annotation.keys() - _ANNOTATION)
        ]
        name = text_of(annotation, "value")
        content = fixed64(1, unix_ns(time, ".timestamp")) + text(2, name) + b"".join(more)
        return block(11, content)

    def _resource(self, fields: Fields) -> bytes:
        """The Resource message of a span's own endpoint; told once, as most spans share few."""
        spelt = encoded(fields.get("localEndpoint"))
        if spelt not in self._resources:
            local = self._endpoint(fields, "localEndpoint")
            if len(self._resources) >= _RESOURCES_MAX:
                self._resources.clear()
            self._resources[spelt] = b"".join(attribute(1, name, value) for name, value in local)
        return self._resources[spelt]

    def _endpoint(self, fields: Fields, key: str) -> Iterator[tuple[str, Value]]:
        """An endpoint's attributes; of two addresses the IPv4 one has the usual name."""
        endpoint = object_of(fields, key)
        if not endpoint:
            return
        names = _ENDPOINTS[key]
        try:
            if service := text_of(endpoint, "serviceName"):
                yield names["serviceName"], service
            ipv4, ipv6 = text_of(endpoint, "ipv4"), text_of(endpoint, "ipv6")
            if ipv4 or ipv6:
                yield names["address"], ipv4 or ipv6
            if ipv4 and ipv6:
                yield f"zipkin.{key}.ipv6", ipv6
            if port := integer_of(endpoint, "port"):
                yield names["port"], port
        except TraceError as error:
            raise below(error, f".{key}") from None
        for other in sorted(endpoint.keys() - _ENDPOINT):
            yield f"zipkin.{key}.{other}", scalar(endpoint[other])


def _take_times(span: Span, fields: Fields) -> None:
    """Start and end. A duration without a start says nothing about the end: an attribute."""
    start, duration = fields.get("timestamp"), fields.get("duration")
    if start is not None:
        span.start_ns = unix_ns(micros_ns(start, ".timestamp"), ".timestamp")
    if duration is None:
        span.dialect |= Dialect.NO_DURATION
        return
    lasted = micros_ns(duration, ".duration")
    if start is None:
        span.tell("zipkin.duration_ns", lasted)
    else:
        span.end_ns = unix_ns(span.start_ns + lasted, ".duration")
