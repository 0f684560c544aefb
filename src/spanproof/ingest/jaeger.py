"""Jaeger's JSON as OTLP: what its API and UI export, and its domain model.

Decides where each of Jaeger's fields goes. The first CHILD_OF reference within the trace is
the parent, every other reference a link (`opentracing.ref_type` keeps its type); logs are
events, a process is a resource, tags are attributes or the fields that they mean (see
foreign.py). What OTLP has no place for becomes an attribute under `jaeger.`, or a note.

The two dialects are told apart value by value, so that mixtures read too:
    API, UI: `traceID` hex, microseconds, tags {key, type, value}, `processes` by `processID`
    domain:  `traceId` base64, RFC 3339 and "5000ns", tags {key, vType, vStr…}, `process`

Refuses to repair: duplicate ids stay, a span without duration ends at 0
(`Dialect.NO_DURATION`).

Source: Jaeger's model/json (UI) and its domain model in protobuf JSON, as its fixtures have
them; the Collector's Jaeger translation for tags and for `hostname`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from spanproof.errors import TraceError
from spanproof.ingest.foreign import (
    TRACE_ID_BYTES,
    Grouped,
    Span,
    attribute,
    take_tags,
    texts_attribute,
)
from spanproof.ingest.jaeger_values import (
    duration_ns,
    id_in,
    processes_of,
    ref_type_of,
    resource_of,
    tag_of,
    time_ns,
)
from spanproof.ingest.json_values import (
    Fields,
    Gaps,
    Text,
    below,
    each,
    encoded,
    integer_of,
    read_documents,
    scalar,
    text_of,
    wrong,
)
from spanproof.ingest.timestamps import unix_ns
from spanproof.ingest.wire import Wire, block, fixed64, text
from spanproof.vocabulary.dialects import Dialect

FORMAT: Final = "jaeger-json"
DOMAIN_FORMAT: Final = "jaeger-domain-json"

_SPAN: Final = frozenset(
    {
        "traceID", "traceId", "spanID", "spanId", "parentSpanID", "parentSpanId",
        "operationName", "references", "startTime", "duration", "tags", "logs", "flags",
        "processID", "processId", "process", "warnings",
    }
)  # fmt: skip
_DERIVED: Final = frozenset(
    # What the UI and the storage compute from the rest: noted, not kept.
    {
        "relativeStartTime", "depth", "hasChildren", "childSpanIds", "startTimeMillis",
        "subsidiarilyReferencedBy",
    }
)  # fmt: skip
_TRACE: Final = frozenset({"traceID", "traceId", "spans", "processes", "processMap", "warnings"})
_LEGACY: Final = frozenset({"parentSpanID", "parentSpanId"})
_EMPTY: Final = frozenset((b"null", b"false", b"0", b"[]", b"{}", b'""'))
_LOG: Final = frozenset({"timestamp", "fields"})
_REFERENCE: Final = frozenset(
    {"refType", "traceID", "traceId", "spanID", "spanId", "span"}  # `span` is the UI's copy
)


def looks_like(keys: AbstractSet[str]) -> bool:
    """Whether an object with these keys is a trace, or a span, of Jaeger's (any dialect)."""
    if "spans" in keys:
        return bool(keys & {"processes", "processMap", "traceID", "warnings"}) or len(keys) == 1
    return "operationName" in keys and bool(keys & {"spanID", "spanId"})


def format_of(span_keys: AbstractSet[str]) -> str:
    """The format's name, by the keys of one of its spans."""
    return DOMAIN_FORMAT if "traceId" in span_keys else FORMAT


def to_wire(data: Any, *, keep_going: bool = False) -> Wire:
    """Every span of a Jaeger JSON text (bytes-like), as one TracesData message.

    Read are {"data": [trace, …]}, a trace, a list of traces or of spans, and JSON lines of
    these. Raises TraceError with a path ("data[0].spans[3].startTime") or, where the text is
    no JSON, a byte or line. With `keep_going`, a span or trace of wrong types and a line
    that is no JSON are left out and named in `left_out`; a broken document is an error all
    the same. O(bytes) time; beside the result, memory for one span and a pointer for each.
    """
    source, gaps = Text(data), Gaps(keep_going=keep_going)
    reader = _Reader(source, gaps)
    read_documents(source, reader.document, gaps)
    notes = Counter({name: times for name, times in reader.notes.items() if times})
    return Wire.of(reader.grouped.messages(), notes=notes, left_out=gaps.errors)


class _Reader:
    """Takes traces one by one; `grouped` and `notes` grow."""

    __slots__ = ("_gaps", "_resources", "_source", "grouped", "notes")

    def __init__(self, source: Text, gaps: Gaps) -> None:
        self._source, self._gaps = source, gaps
        self._resources: dict[str, bytes] = {}  # of the trace being read, by process id
        self.grouped = Grouped()
        self.notes: Counter[str] = Counter(source.notes)

    # -- documents and traces

    def document(self, document: Any) -> None:
        opening = self._source.opening(document)
        if opening == "[":
            self._list(document, "")
            return
        members: dict[str, Any] | None = None
        with self._gaps.at(""):
            members = self._source.members(document)
        if members is None:
            return
        if "data" not in members:
            self._object(document, "")
            return
        self._unread(members, frozenset({"data"}))
        if self._source.opening(members["data"]) == "{":
            self._object(members["data"], "data")
        else:
            self._list(members["data"], "data")

    def _list(self, part: Any, path: str) -> None:
        """A list of traces, of spans, or null."""
        items: list[msgspec.Raw] = []
        with self._gaps.at(path):
            items = self._source.items(part) if self._source.opening(part) != "n" else []
        for i, item in enumerate(items):
            self._object(item, f"{path}[{i}]")

    def _object(self, part: Any, path: str) -> None:
        """A trace, or a span that stands alone."""
        members: dict[str, Any] | None = None
        with self._gaps.at(path):
            members = self._source.members(part)
            if "spans" not in members and looks_like(members.keys()):
                members = None
                self._resources.clear()
                self._span(self._source.fields(part), {}, "")
                return
        if members is not None:
            self._trace(members, path)

    def _trace(self, members: dict[str, Any], path: str) -> None:
        source, spans = self._source, None
        with self._gaps.at(path):
            if "spans" not in members:
                hint = "Jaeger's JSON has traces under `data`, or a trace's `spans`"
                raise TraceError("no Jaeger trace: it has no `spans`", "", hint)
            head = {
                key: source.value(members[key])
                for key in sorted(_TRACE - {"spans"} & members.keys())
            }
            trace_id = text_of(head, "traceID") or text_of(head, "traceId")
            processes = processes_of(head)
            self.notes["trace_warnings"] += len(_warnings(head))
            spans = (
                source.items(members["spans"]) if source.opening(members["spans"]) != "n" else []
            )
        if spans is None:
            return
        self._unread(members, _TRACE)
        self._resources.clear()
        at = f"{path}.spans" if path else "spans"
        for i, part in enumerate(spans):
            with self._gaps.at(f"{at}[{i}]"):
                self._span(source.fields(part), processes, trace_id)

    def _unread(self, members: dict[str, Any], known: frozenset[str]) -> None:
        """Count members that are neither read nor empty (the API's errors, comments, …)."""
        for key in members.keys() - known:
            self.notes["unread_field"] += bytes(memoryview(members[key])[:6]) not in _EMPTY

    # -- spans

    def _span(self, fields: Fields, processes: Fields, trace_id: str) -> None:
        span = Span(name=text_of(fields, "operationName"))
        span.trace_id = _id(span, fields, "trace") or span.id(trace_id, TRACE_ID_BYTES)
        span.span_id = _id(span, fields, "span")
        _take_times(span, fields)
        flags = integer_of(fields, "flags")
        span.flags = flags & 0xFF
        if span.flags != flags:
            span.tell("jaeger.flags", flags)
        self._references(span, fields)
        take_tags(span, each(fields, "tags", self._tag), error_has_text=False)
        span.events = each(fields, "logs", self._event)
        if warnings := _warnings(fields):
            span.attributes.append(texts_attribute(9, "jaeger.warnings", warnings))
        others = fields.keys() - _SPAN
        self.notes["derived_fields"] += bool(others & _DERIVED)
        for key in sorted(others - _DERIVED):
            span.tell(f"jaeger.{key}", scalar(fields[key]))
        resource = self._resource(fields, processes)
        self.grouped.add(resource, span.scope(), span.encoded())

    def _tag(self, tag: Fields) -> Any:
        return tag_of(tag, self.notes)

    def _references(self, span: Span, fields: Fields) -> None:
        """Parent and links. A `parentSpanID` of zero is how old writers spell "none"."""

        def take(reference: Fields) -> None:
            ref_type = ref_type_of(reference)
            trace_id = _id(span, reference, "trace") or span.trace_id
            target = _id(span, reference, "span")
            may_be_parent = ref_type == "CHILD_OF" and trace_id == span.trace_id and target
            if may_be_parent and not span.parent_span_id:
                span.parent_span_id = target
                return
            more = [
                attribute(4, f"jaeger.{key}", scalar(reference[key]))
                for key in sorted(reference.keys() - _REFERENCE)
            ]
            kept = attribute(4, "opentracing.ref_type", ref_type.lower())
            span.links.append(
                block(13, block(1, trace_id) + block(2, target) + kept + b"".join(more))
            )

        each(fields, "references", take)
        if not _LEGACY & fields.keys():
            return
        legacy = _id(span, fields, "parentSpan")
        if legacy.strip(b"\0") and not span.parent_span_id:
            span.parent_span_id = legacy
        elif legacy.strip(b"\0") and legacy != span.parent_span_id:
            span.tell("jaeger.parentSpanID", legacy.hex())

    def _event(self, log: Fields) -> bytes:
        time, name, content = log.get("timestamp"), None, []
        for key, value in each(log, "fields", self._tag):
            if key == "event" and name is None and isinstance(value, str):
                name = value
            else:
                content.append(attribute(3, key, value))
        content += [
            attribute(3, f"jaeger.{key}", scalar(log[key])) for key in sorted(log.keys() - _LOG)
        ]
        at = 0 if time is None else unix_ns(time_ns(time, ".timestamp"), ".timestamp")
        head = fixed64(1, at) + (text(2, name) if name else b"")
        return block(11, head + b"".join(content))

    # -- processes

    def _resource(self, fields: Fields, processes: Fields) -> bytes:
        """The Resource message of a span's process; empty where it has none."""
        process_id = text_of(fields, "processID") or text_of(fields, "processId")
        if process_id in self._resources:
            self.notes["derived_fields"] += "process" in fields
            return self._resources[process_id]
        if process_id in processes:
            try:
                resource = resource_of(processes[process_id], self.notes)
            except TraceError as error:
                raise TraceError(f"its process {process_id!r}: {error}", ".processID") from None
            self._resources[process_id] = resource
            return resource
        if fields.get("process") is not None:
            try:
                return resource_of(fields["process"], self.notes)
            except TraceError as error:
                raise below(error, ".process") from None
        if process_id:
            self.notes["unknown_process"] += 1
            return attribute(1, "jaeger.processID", process_id)
        return b""


def _id(span: Span, fields: Fields, what: str) -> bytes:
    raw, dialect = id_in(fields, what)
    span.dialect |= dialect
    return raw


def _take_times(span: Span, fields: Fields) -> None:
    """Start and end. A duration without a start says nothing about the end: an attribute."""
    start, duration = fields.get("startTime"), fields.get("duration")
    if start is not None:
        span.start_ns = unix_ns(time_ns(start, ".startTime"), ".startTime")
    if duration is None:
        span.dialect |= Dialect.NO_DURATION
        return
    lasted = duration_ns(duration, start, ".duration")
    if start is None:
        span.tell("jaeger.duration_ns", lasted)
    else:
        span.end_ns = unix_ns(span.start_ns + lasted, ".duration")


def _warnings(fields: Fields) -> list[str]:
    warnings = fields.get("warnings")
    if warnings is None:
        return []
    if type(warnings) is not list:
        raise wrong(warnings, "a list of strings", ".warnings")
    return [w if isinstance(w, str) else encoded(w) for w in warnings]
