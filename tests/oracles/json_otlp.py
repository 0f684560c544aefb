"""OTLP/JSON by definition: the standard library's reader, the official protobuf classes.

Slow, recursive, and without a table of its own: which fields there are, the protobuf
descriptors say. What the dialects change is written out here a second time.
"""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from google.protobuf.descriptor import FieldDescriptor as F
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
UPPER, BASE64, DASHED, TEXT, ENUM = 1, 2, 4, 8, 16
ALIASES = {
    ("TracesData", "batches"): "resource_spans",
    ("ResourceSpans", "instrumentationLibrarySpans"): "scope_spans",
    ("ResourceSpans", "instrumentation_library_spans"): "scope_spans",
    ("ScopeSpans", "instrumentationLibrary"): "scope",
    ("ScopeSpans", "instrumentation_library"): "scope",
}
OTHER_SIGNALS = {"resourceMetrics", "resource_metrics", "resourceLogs", "resource_logs"}
PROFILES_ONLY = {"key_strindex", "string_value_strindex", "string_strindex"}
MESSAGES_MAX = 100


class RefusedError(Exception):
    """The text is no OTLP/JSON; `json` says whether it is not even JSON."""

    def __init__(self, why: str, *, json: bool = False) -> None:
        super().__init__(why)
        self.json = json


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class Object(list):
    """An object's pairs, all of them."""

    __slots__ = ()


class Read(NamedTuple):
    message: TracesData
    spellings: list[int]  # bits by span, in order of the text


def values_of(text: bytes) -> object:
    """The JSON value: `Object`, list, str, `Number`, True, False, None."""

    def constant(name: str) -> object:
        raise RefusedError(name, json=True)

    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=Object,
            parse_int=Number,
            parse_float=Number,
            parse_constant=constant,
        )
        whole(value)
    except (ValueError, RecursionError) as error:
        raise RefusedError(str(error), json=True) from None
    return value


def whole(value: object) -> None:
    """Raise UnicodeEncodeError for half a surrogate pair anywhere."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, tuple)):
        for part in value:
            whole(part)


def read(text: bytes) -> Read:
    reader = _Reader()
    value = values_of(text)
    message = TracesData()
    for request in value if type(value) is list else [value]:
        reader.request(message, request)
    return Read(message, reader.spellings)


def identifier(text: str) -> tuple[bytes, int]:
    """An id's bytes, and how it was spelt."""
    plain = text.replace("-", "")
    if plain and len(plain) % 2 == 0 and re.fullmatch("[0-9a-fA-F]*", plain):
        bits = UPPER if re.search("[A-F]", plain) else 0
        return bytes.fromhex(plain), bits | (DASHED if plain != text else 0)
    for size, pad in ((24, "=="), (12, "=")):
        body = text.removesuffix(pad)
        if len(text) == size and len(body) + len(pad) == size and "=" not in body:
            try:
                return base64.b64decode(text, "-_" if re.search("[-_]", text) else None, True), 2
            except ValueError:
                pass
    return text.encode(), TEXT if text else 0


def octets(text: str) -> bytes:
    body = text.rstrip("=")
    pads = len(text) - len(body)
    if not re.fullmatch("[A-Za-z0-9+/_-]*", body) or len(body) % 4 == 1:
        raise RefusedError("base64")
    if pads and (pads > 2 or len(text) % 4):
        raise RefusedError("padding")
    return base64.urlsafe_b64decode(
        body.replace("+", "-").replace("/", "_") + "=" * (-len(body) % 4)
    )


def whole_number(value: object, low: int, high: int) -> int:
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise RefusedError("not a number")
    if not re.search("[1-9]", re.split("[eE]", value)[0]):
        return 0  # whatever the exponent
    try:
        number = Decimal(value)
    except InvalidOperation:  # an exponent beyond Decimal's own range
        raise RefusedError("range") from None
    if number and (number.adjusted() > 30 or number.as_tuple().exponent < -5000):
        raise RefusedError("range")
    if number != number.to_integral_value():
        raise RefusedError("not whole")
    if not low <= int(number) <= high:
        raise RefusedError("range")
    return int(number)


RANGES = {
    F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_FIXED64: (0, 2**64 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1),
    F.TYPE_ENUM: (-(2**31), 2**31 - 1),
}


class _Reader:
    def __init__(self) -> None:
        self.spellings: list[int] = []
        self.bits = 0

    def request(self, message: TracesData, value: object) -> None:
        if not isinstance(value, Object):
            raise RefusedError("no request")
        known = 0
        for key, part in value:
            if key in OTHER_SIGNALS:
                known += 1
            elif key == "trace":
                known += 1
                if part is not None:
                    self.request(message, part)
            elif self.member(message, key, part, 0):
                known += 1
        if value and not known:
            raise RefusedError("not a trace")

    def fill(self, message, value: object, depth: int) -> None:
        if not isinstance(value, Object):
            raise RefusedError(f"{message.DESCRIPTOR.name} is no object")
        if depth > MESSAGES_MAX:
            raise RefusedError("depth")
        for key, part in value:
            self.member(message, key, part, depth)

    def member(self, message, key: str, value: object, depth: int) -> bool:
        name = ALIASES.get((message.DESCRIPTOR.name, key))
        for field in message.DESCRIPTOR.fields:
            if field.name not in PROFILES_ONLY and (name or key) in (field.name, field.json_name):
                if value is not None:
                    self.put(message, field, value, depth)
                return True
        return False

    def put(self, message, field, value: object, depth: int) -> None:
        name = field.name
        nested = message.DESCRIPTOR.name in ("AnyValue", "KeyValue")
        if field.is_repeated:
            if type(value) is not list:
                raise RefusedError(f"{name} is no list")
            for part in value:
                if field.message_type is None:
                    getattr(message, name).append(self.scalar(field, part))
                elif field.message_type.name == "Span":
                    self.spellings.append(0)
                    outer, self.bits = self.bits, 0
                    row = len(self.spellings) - 1
                    self.fill(getattr(message, name).add(), part, depth + 1)
                    self.spellings[row], self.bits = self.bits, outer
                elif part is None and field.message_type.name == "AnyValue":
                    getattr(message, name).add()
                else:
                    self.fill(getattr(message, name).add(), part, depth + 1)
        elif field.message_type is not None:
            if nested:
                message.ClearField(name)
            child = getattr(message, name)
            child.SetInParent()
            self.fill(child, value, depth + 1)
        else:
            setattr(message, name, self.scalar(field, value))

    def scalar(self, field, value: object):
        kind = field.type
        is_text = type(value) is str
        if kind == F.TYPE_BOOL:
            if not isinstance(value, bool):
                raise RefusedError("no bool")
            return value
        if kind in (F.TYPE_STRING, F.TYPE_BYTES):
            if not is_text:
                raise RefusedError("no text")
            if kind == F.TYPE_STRING:
                return value
            if field.name == "bytes_value":
                return octets(value)
            raw, bits = identifier(value)
            self.bits |= bits
            return raw
        if kind == F.TYPE_DOUBLE:
            if value in ("NaN", "Infinity", "-Infinity") and is_text:
                return float(value)
            if not isinstance(value, str) or not NUMBER.fullmatch(value):
                raise RefusedError("no double")
            return float(value)
        if kind == F.TYPE_ENUM and is_text:
            for member in field.enum_type.values:
                short = re.sub("^(SPAN_KIND|STATUS_CODE)_", "", member.name)
                if value in (member.name, short):
                    self.bits |= ENUM
                    return member.number
        return whole_number(value, *RANGES[kind])
