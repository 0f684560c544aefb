"""Jaeger's single values in both dialects: ids, times, reference types, tags, processes.

Decides which dialect a value is written in by looking at the value and its key, and what a
process is as a resource. Refuses to know traces and spans.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any, Final

from spanproof.ingest.foreign import SPAN_ID_BYTES, TRACE_ID_BYTES, Value, attribute, id_of
from spanproof.ingest.json_values import Fields, each, object_of, scalar, text_of, wrong
from spanproof.ingest.timestamps import go_duration_ns, micros_ns, rfc3339_ns
from spanproof.vocabulary.attributes import LOCAL_ADDRESS, SERVICE_NAME

_IDS: Final = {  # key in the UI's dialect, key in the domain's, length
    "trace": ("traceID", "traceId", TRACE_ID_BYTES),
    "span": ("spanID", "spanId", SPAN_ID_BYTES),
    "parentSpan": ("parentSpanID", "parentSpanId", SPAN_ID_BYTES),
}
_REF_TYPES: Final = {"0": "CHILD_OF", "1": "FOLLOWS_FROM"}  # the domain enum's numbers

_DOMAIN_TYPES: Final[dict[str, tuple[str, str, Value]]] = {
    # vType, by name or number: (member, the UI's name of the type, what protobuf leaves out)
    "STRING": ("vStr", "string", ""),
    "BOOL": ("vBool", "bool", False),
    "INT64": ("vInt64", "int64", 0),
    "FLOAT64": ("vFloat64", "float64", 0.0),
    "BINARY": ("vBinary", "binary", ""),
}
_DOMAIN_NUMBERS: Final = dict(zip("01234", _DOMAIN_TYPES, strict=True))
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DOUBLE: Final = re.compile(r"[-+]?([0-9.]{1,400}([eE][-+]?[0-9]{1,4})?|Inf|Infinity)|NaN")
_HOST_NAMES: Final = {"hostname": "host.name", "ip": LOCAL_ADDRESS}
_TAG_FIELDS_UI: Final = frozenset({"key", "type", "value"})


def id_in(fields: Fields, what: str) -> tuple[bytes, int]:
    """The "trace", "span" or "parentSpan" id of an object, and the `Dialect` bits of its spelling.

    Under `…ID` it is hex or text; under `…Id` it may be base64 of exactly its length, which
    is the domain dialect's own form and no oddity. Absent is empty.
    """
    upper, lower, n_bytes = _IDS[what]
    spelt = fields.get(upper)
    if type(spelt) is not str:
        spelt = text_of(fields, upper)  # absent, null, or wrong
    if spelt:
        return id_of(spelt, n_bytes)
    spelt = text_of(fields, lower)
    if len(spelt) == (n_bytes + 2) // 3 * 4 and spelt.endswith("="):
        raw = _unbase64(spelt)
        if raw is not None and len(raw) == n_bytes:
            return raw, 0
    return id_of(spelt, n_bytes)


def _unbase64(spelt: str) -> bytes | None:
    try:
        return base64.b64decode(spelt, validate=True)
    except (binascii.Error, ValueError):  # not of its letters, or not ASCII
        return None


def time_ns(value: object, place: str) -> int:
    """Nanoseconds since 1970 of microseconds (a number) or RFC 3339 (a string)."""
    if type(value) is str and not value.isdigit():
        return rfc3339_ns(value, place)
    return micros_ns(value, place)


def duration_ns(value: object, start: object, place: str) -> int:
    """Nanoseconds of a Go duration (a string) or of a number.

    A number is in microseconds, as the start is; beside a start in RFC 3339 it is one of
    Go's own, in nanoseconds.
    """
    domain = type(start) is str and not start.isdigit()
    if type(value) is str and not value.isdigit():
        return go_duration_ns(value, place)
    return go_duration_ns(value, place) if domain else micros_ns(value, place)


def ref_type_of(reference: Fields) -> str:
    """A reference's type in capitals. Absent is CHILD_OF: protobuf leaves the zero out."""
    value = reference.get("refType")
    if value is None or value == "":
        return "CHILD_OF"
    if type(value) is int:
        return _REF_TYPES.get(str(value), str(value))
    return text_of(reference, "refType").upper()


def tag_of(tag: Fields, notes: Counter[str]) -> tuple[str, Value]:
    """A tag's key and value, of the type that it declares.

    A value that does not fit its declared type keeps the type that it has in JSON, and is
    counted in `notes`; so are members that a tag should not have.
    """
    key, value = tag.get("key"), tag.get("value")
    if type(key) is str and type(value) is str and len(tag) == 3 and tag.get("type") == "string":
        return key, value  # the usual one
    key = text_of(tag, "key")
    if "type" in tag or "value" in tag:
        declared = text_of(tag, "type").lower()
        notes["unread_field"] += len(tag.keys() - _TAG_FIELDS_UI)
    else:
        declared, value = _domain_value(tag, notes)
    fitted = _fitted(declared, value)
    if fitted is None and value is not None:
        notes["tag_of_another_type"] += bool(declared)
        return key, scalar(value)
    return key, fitted


def _domain_value(tag: Fields, notes: Counter[str]) -> tuple[str, Any]:
    v_type = tag.get("vType")
    if v_type is not None and type(v_type) not in {str, int}:
        raise wrong(v_type, "a tag's type", ".vType")
    name = _DOMAIN_NUMBERS.get(str(v_type), str(v_type).upper())
    if name not in _DOMAIN_TYPES:  # absent, or unknown: whichever member there is
        present = (name for name, row in _DOMAIN_TYPES.items() if row[0] in tag)
        name = next(present, "STRING")
    member, declared, default = _DOMAIN_TYPES[name]
    notes["unread_field"] += len(tag.keys() - {"key", "vType", member})
    value = tag.get(member)
    return declared, default if value is None else value


def _fitted(declared: str, value: Any) -> Value:
    """The value as its declared type; None where it does not fit."""
    match declared, value:
        case ("string", str()) | ("bool", bool()):
            return value  # narrowed by the pattern
        case "bool", "true" | "false":
            return bool(value == "true")
        case "int64", int() if type(value) is int and -(2**63) <= value < 2**63:
            return value
        case "int64", str() if _INTEGER.fullmatch(value) and -(2**63) <= int(value) < 2**63:
            return int(value)
        case "float64", float() | Decimal():
            return _double(value)
        case "float64", int() if type(value) is int and abs(value) <= 2**53:
            return float(value)
        case "float64", str() if _DOUBLE.fullmatch(value):
            return _double(value)
        case "binary", str():
            return _unbase64(value)
    return None


def _double(value: str | float | Decimal) -> float | None:
    """The nearest double; None where there is none (`1.2.3`, or a finite number too large)."""
    try:
        double = float(value)
    except (ValueError, OverflowError):
        return None
    finite = not isinstance(value, str) or not value.lstrip("+-").startswith("Inf")
    return None if finite and math.isinf(double) else double


def processes_of(trace: Fields) -> Fields:
    """A trace's processes by id: the UI's map, and the domain's list of pairs."""
    processes = dict(object_of(trace, "processes"))

    def take(pair: Fields) -> None:
        processes[text_of(pair, "processId") or text_of(pair, "processID")] = pair.get("process")

    each(trace, "processMap", take)
    return processes


def resource_of(process: Any, notes: Counter[str]) -> bytes:
    """A process as a Resource message without its tag.

    The service and every tag are attributes; what names the host gets the conventions' name
    unless a tag has that already.
    """
    fields = object_of({"": process}, "")
    service = text_of(fields, "serviceName")
    content = [attribute(1, SERVICE_NAME, service)] if service else []
    tags = each(fields, "tags", lambda tag: tag_of(tag, notes))
    taken = {key for key, _ in tags}
    for key, value in tags:
        name = _HOST_NAMES.get(key, key)
        content.append(attribute(1, key if name in taken else name, value))
    content += [
        attribute(1, f"jaeger.{key}", scalar(fields[key]))
        for key in sorted(fields.keys() - {"serviceName", "tags"})
    ]
    return b"".join(content)
