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
from collections.abc import Iterator, Set
from decimal import Decimal
from typing import Any, Final

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
    each,
    encoded,
    integer_of,
    object_of,
    read_documents,
    text_of,
    truth_of,
)
from spanproof.ingest.timestamps import micros_ns, unix_ns
from spanproof.ingest.wire import Wire, block, fixed64, text
from spanproof.vocabulary.attributes import LOCAL_ADDRESS, SERVICE_NAME
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import SpanKind

FORMAT: Final = "zipkin-v2"

_KINDS: Final = {
    name: SpanKind[name] for name in ("CLIENT", "SERVER", "PRODUCER", "CONSUMER")
}
_FIELDS: Final = frozenset(
    {
        "traceId", "parentId", "id", "kind", "name", "timestamp", "duration", "debug", "shared",
        "localEndpoint", "remoteEndpoint", "annotations", "tags",
    }
)  # fmt: skip
_ENDPOINT: Final = frozenset({"serviceName", "ipv4", "ipv6", "port"})
_ANNOTATION: Final = frozenset({"timestamp", "value"})


def looks_like(keys: Set[str]) -> bool:
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


class _Reader:
    """Takes spans one by one; `grouped` and `notes` grow."""

    __slots__ = ("_gaps", "_source", "grouped", "notes")

    def __init__(self, source: Text, gaps: Gaps) -> None:
        self._source, self._gaps = source, gaps
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
        self._remote(span, fields)
        if truth_of(fields, "debug"):
            span.tell("zipkin.debug", True)
        for key in fields.keys() - _FIELDS:
            span.tell(f"zipkin.{key}", self._value(fields[key]))
        span.events = each(fields, "annotations", self._event)
        self.grouped.add(self._resource(fields), span.scope(), span.encoded())

    def _tags(self, tags: Fields) -> Iterator[tuple[str, Value]]:
        for key, value in tags.items():
            if type(value) is str:
                yield key, value
            else:
                self.notes["tag_of_another_type"] += 1
                yield key, self._value(value)

    def _value(self, value: Any) -> Value:
        """A value that the format does not define, as an attribute can hold it."""
        if isinstance(value, Decimal):
            return float(value)
        return value if isinstance(value, Value) else encoded(value)

    def _event(self, annotation: Fields) -> bytes:
        time = micros_ns(annotation.get("timestamp") or 0, ".timestamp")
        more = [
            attribute(3, f"zipkin.{key}", self._value(annotation[key]))
            for key in sorted(annotation.keys() - _ANNOTATION)
        ]
        name = text_of(annotation, "value")
        content = fixed64(1, unix_ns(time, ".timestamp")) + text(2, name) + b"".join(more)
        return block(11, content)

    def _remote(self, span: Span, fields: Fields) -> None:
        for name, value in _endpoint(fields, "remoteEndpoint", _REMOTE):
            span.tell(name, value)

    def _resource(self, fields: Fields) -> bytes:
        local = _endpoint(fields, "localEndpoint", _LOCAL)
        return b"".join(attribute(1, name, value) for name, value in local)
