"""Spans of other formats on their way into OTLP: ids, tags with a meaning, and grouping.

Decides what Jaeger's and Zipkin's readers share: how an id in text becomes bytes, which
tags are OTLP's own fields in disguise, and that spans of one resource and scope stand
together. Refuses to know JSON and either format's names.

Source: OpenTelemetry specification, "OpenTelemetry Transformation to non-OTLP Formats"
(otel.status_code, otel.status_description, otel.scope.*, otel.library.*,
otel.dropped_*_count), and the Collector's `span.kind` and `w3c.tracestate`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from spanproof.ingest.wire import block, fixed32, fixed64, key_value, number, text
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import DIALECT_FIELD, SpanKind, StatusCode

Value = str | bool | int | float | bytes | None
"""A scalar attribute; None is JSON's null and becomes a key without a value."""

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

# Plain ints: an IntFlag takes longer to combine than the id it describes takes to read.
_DASHED: Final = int(Dialect.DASHED_ID)
_TEXT: Final = int(Dialect.TEXT_ID)
_UPPER_CASE: Final = int(Dialect.UPPER_CASE_HEX)
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UPPER: Final = re.compile(r"[A-F]")
_SHORT: Final = 0x80 - 6  # bytes of key and value up to which every length is one byte
_TAGS: Final = {n: n << 3 | 2 for n in range(1, 16)}  # length-delimited fields
_DIGITS: Final = re.compile(r"[0-9]{1,10}")


def id_of(spelt: str, n_bytes: int) -> tuple[bytes, int]:
    """An id's bytes, and the `Dialect` bits of its spelling. One text always gives the same bytes.

    Hex is padded with zeros on the left to its length (64-bit trace ids; writers that drop
    leading zeros); what is longer stays longer. What is not hex is kept as its UTF-8 bytes.
    Two texts share bytes only if they are one number in hex, or one is the text whose UTF-8
    the other writes in hex.
    """
    if len(spelt) == 2 * n_bytes and spelt == spelt.lower():
        try:
            raw = bytes.fromhex(spelt)
        except ValueError:
            raw = b""
        if len(raw) == n_bytes:  # fewer: it skips spaces
            return raw, 0
    return _odd_id_of(spelt, n_bytes)


def _odd_id_of(spelt: str, n_bytes: int) -> tuple[bytes, int]:
    dialect = 0
    if n_bytes == TRACE_ID_BYTES and _UUID.fullmatch(spelt):
        spelt, dialect = spelt.replace("-", ""), _DASHED
    if not _HEX.fullmatch(spelt):
        return spelt.encode(), _TEXT if spelt else 0
    if _UPPER.search(spelt):
        dialect |= _UPPER_CASE
    spelt = spelt.rjust(2 * n_bytes, "0")
    return bytes.fromhex(spelt if len(spelt) % 2 == 0 else "0" + spelt), dialect


def attribute(field_number: int, key: str, value: Value) -> bytes:
    """A KeyValue field; an int outside 64 bits is written as text, digit by digit."""
    if type(value) is str:  # nearly all of them, and short: as key_value does, in one step
        name, told = key.encode(), value.encode()
        n, m = len(name), len(told)
        if n + m < _SHORT:
            head = (_TAGS[field_number], n + m + 6, 10, n)
            return b"%c%c%c%c%b\x12%c\n%c%b" % (*head, name, m + 2, m, told)
    if value is None:
        return block(field_number, text(1, key))
    if type(value) is int and not -(2**63) <= value < 2**63:
        value = str(value)
    return key_value(field_number, key, value)


def texts_attribute(field_number: int, key: str, values: list[str]) -> bytes:
    """A KeyValue field whose value is a list of strings."""
    items = b"".join(block(1, text(1, value)) for value in values)
    return block(field_number, text(1, key) + block(2, block(5, items)))


@dataclass(slots=True)
class Span:
    """A span being translated; `attributes`, `events` and `links` hold encoded fields."""

    trace_id: bytes = b""
    span_id: bytes = b""
    parent_span_id: bytes = b""
    trace_state: str = ""
    name: str = ""
    kind: SpanKind = SpanKind.UNSPECIFIED
    start_ns: int = 0
    end_ns: int = 0
    flags: int = 0
    code: StatusCode | None = None
    message: str = ""
    scope_name: str | None = None
    scope_version: str | None = None
    dialect: int = 0  # bits of Dialect
    attributes: list[bytes] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)
    dropped: dict[int, bytes] = field(default_factory=dict)  # field number → encoded field

    def tell(self, key: str, value: Value) -> None:
        """Add an attribute."""
        self.attributes.append(attribute(9, key, value))

    def id(self, spelt: str, n_bytes: int) -> bytes:
        """An id's bytes; how it was spelt is noted on the span."""
        raw, dialect = id_of(spelt, n_bytes)
        self.dialect |= dialect
        return raw

    def encoded(self) -> bytes:
        """The Span message, fields in ascending order."""
        dropped = self.dropped
        status = (text(2, self.message) if self.message else b"") + (
            number(3, self.code) if self.code else b""
        )
        return b"".join(
            (
                block(1, self.trace_id) if self.trace_id else b"",
                block(2, self.span_id) if self.span_id else b"",
                text(3, self.trace_state) if self.trace_state else b"",
                block(4, self.parent_span_id) if self.parent_span_id else b"",
                text(5, self.name) if self.name else b"",
                number(6, self.kind) if self.kind else b"",
                fixed64(7, self.start_ns) if self.start_ns else b"",
                fixed64(8, self.end_ns) if self.end_ns else b"",
                *self.attributes,
                dropped.get(10, b""),
                *self.events,
                dropped.get(12, b""),
                *self.links,
                dropped.get(14, b""),
                block(15, status) if status or self.code is not None else b"",
                fixed32(16, self.flags) if self.flags else b"",
                number(DIALECT_FIELD, self.dialect) if self.dialect else b"",
            )
        )

    def scope(self) -> bytes | None:
        """The InstrumentationScope message; None where the source names none."""
        if self.scope_name is None and self.scope_version is None:
            return None
        return (text(1, self.scope_name) if self.scope_name else b"") + (
            text(2, self.scope_version) if self.scope_version else b""
        )


# Each takes a tag's value into the field that it means, or says that it cannot: the tag
# then stays an attribute. A field that another tag filled before is not overwritten.


def _kind(span: Span, value: Value) -> bool:
    kind = _KINDS.get(value) if isinstance(value, str) else None
    if kind is None or span.kind not in {SpanKind.UNSPECIFIED, kind}:
        return False
    span.kind = kind
    return True


def _status_code(span: Span, value: Value) -> bool:
    code = StatusCode.__members__.get(value.upper()) if isinstance(value, str) else None
    if span.code is not None or code is None:
        return False
    span.code = code
    return True


def _filling(name: str) -> Callable[[Span, Value], bool]:
    def fill(span: Span, value: Value) -> bool:
        if not isinstance(value, str) or getattr(span, name) not in {None, "", value}:
            return False
        setattr(span, name, value)
        return True

    return fill


def _dropped(field_number: int) -> Callable[[Span, Value], bool]:
    def count(span: Span, value: Value) -> bool:
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if type(value) is not int or not 0 <= value < 2**32 or field_number in span.dropped:
            return False
        span.dropped[field_number] = number(field_number, value)
        return True

    return count


_KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
_MEANT: Final[dict[str, Callable[[Span, Value], bool]]] = {
    "span.kind": _kind,
    "otel.status_code": _status_code,
    "otel.status_description": _filling("message"),
    "otel.scope.name": _filling("scope_name"),
    "otel.scope.version": _filling("scope_version"),
    "otel.library.name": _filling("scope_name"),  # the old names of the same
    "otel.library.version": _filling("scope_version"),
    "otel.dropped_attributes_count": _dropped(10),
    "otel.dropped_events_count": _dropped(12),
    "otel.dropped_links_count": _dropped(14),
    "w3c.tracestate": _filling("trace_state"),
}


def take_tags(span: Span, tags: Iterable[tuple[str, Value]], *, error_has_text: bool) -> None:
    """Give each tag to the field that it means, or to the attributes.

    `error` makes the status ERROR unless `otel.status_code` says otherwise. Where
    `error_has_text` (Zipkin), any value does and tells the status message; else (Jaeger)
    only true does.
    """
    errors = []
    for key, value in tags:
        if key == "error":
            errors.append(value)
        elif not (key in _MEANT and _MEANT[key](span, value)):
            span.tell(key, value)
    for value in errors:
        if not _error(span, value, error_has_text):
            span.tell("error", value)


def _error(span: Span, value: Value, has_text: bool) -> bool:
    if span.code not in {None, StatusCode.ERROR}:
        return False
    if value is True or value == "true":
        span.code = StatusCode.ERROR
        return True
    if not has_text:
        return False
    span.code = StatusCode.ERROR
    return _filling("message")(span, value)


class Grouped:
    """Encoded spans under their resource and scope, each in order of first appearance."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: dict[bytes, dict[bytes | None, list[bytes]]] = {}

    def add(self, resource: bytes, scope: bytes | None, span: bytes) -> None:
        """`resource` and `scope` are messages without their tag; equal bytes are the same."""
        self._spans.setdefault(resource, {}).setdefault(scope, []).append(block(2, span))

    def messages(self) -> list[bytes]:
        """One TracesData message with a ResourceSpans for each resource; empties the groups."""
        parts = []
        while self._spans:
            resource = next(iter(self._spans))
            scopes = self._spans.pop(resource)
            content = [block(1, resource)] if resource else []
            for scope, spans in scopes.items():
                head = b"" if scope is None else block(1, scope)
                content.append(block(2, head + b"".join(spans)))
            parts.append(block(1, b"".join(content)))
        return [b"".join(parts)]
