"""The report as JSON: the public interface, described by schema/report.schema.json.

Decides spelling only. The same report gives the same bytes: keys stand in the order of the
schema, maps in the report's own order. NaN and the infinities, which JSON cannot say, are
written as proto3 JSON writes them; bytes as hex; an unpaired surrogate (a file name that is
no UTF-8) as its escape, so that the text is always UTF-8.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from spanproof.report.model import SCHEMA, CheckResult, Input, Report, SpanLine, Told

SCHEMA_INFO: Final = "spanproof.info/1"
_DEPTH_MAX: Final = 64  # of evidence; JSON's own encoder gives up far deeper
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def render(report: Report, *, indent: int | None = 2) -> str:
    """The report as JSON text, a newline at its end. O(size of the report)."""
    return written(content(report), indent=indent)


def written(value: Any, *, indent: int | None = 2) -> str:
    """Plain data as JSON that every parser reads and every file can hold."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text) + "\n"


def content(report: Report) -> dict[str, Any]:
    """What the JSON says, as plain data."""
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "inputs": [_input(i) for i in report.inputs],
        "normalisation": dict(report.normalisation),
        "checks": [_check(c) for c in report.checks],
        "counts": dict(report.counts),
        "figures": dict(report.figures),
        "findings": [_finding(f) for f in report.findings],
    }


def inputs(read: Iterable[Input], *, indent: int | None = 2) -> str:
    """What `spanproof info` says, as JSON: the `inputs` of a report alone."""
    return written({"schema": SCHEMA_INFO, "inputs": [_input(i) for i in read]}, indent=indent)


def _input(read: Input) -> dict[str, Any]:
    return {
        "path": read.path,
        "format": read.format,
        "compression": read.compression,
        "spans": read.spans,
        "traces": read.traces,
        "bytes": read.bytes,
        "facts": dict(read.facts),
        "notes": dict(read.notes),
        "signals": dict(read.signals),
        "left_out": list(read.left_out),
    }


def _check(result: CheckResult) -> dict[str, Any]:
    return {
        "check": result.check,
        "question": result.question,
        "verdict": result.verdict.value,
        "sound": result.sound,
        "complete": result.complete,
        "covered": dict(result.covered),
        "reason": result.reason,
    }


def _finding(told: Told) -> dict[str, Any]:
    return {
        "code": told.code,
        "check": told.check,
        "severity": told.severity.label,
        "message": told.message,
        "trace_id": told.trace_id,
        "span_ids": [span.span_id for span in told.spans],
        "spans": [_span(span) for span in told.spans],
        "evidence": dict(told.evidence),
    }


def _span(span: SpanLine) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start_ns": span.start_ns,
        "duration_ns": span.duration_ns,
    }


def plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's own types; deeper than 64 it is text."""
    if value is None or type(value) in (bool, int, str):
        return value
    if depth > _DEPTH_MAX:
        return str(type(value).__name__)
    match value:
        case Enum():
            return plain(value.value, depth + 1)
        case bool() | int() | str():  # subclasses of them
            return bool(value) if isinstance(value, bool) else _base(value)
        case float():
            return _float(float(value))
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(k): plain(v, depth + 1) for k, v in value.items()}
        case list() | tuple():
            return [plain(v, depth + 1) for v in value]
        case set() | frozenset():
            return sorted((plain(v, depth + 1) for v in value), key=repr)
    if hasattr(value, "item"):  # a NumPy scalar, without importing NumPy
        return plain(value.item(), depth + 1)
    return str(value)


def _base(value: int | str) -> int | str:
    return str(value) if isinstance(value, str) else int(value)


def _float(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
