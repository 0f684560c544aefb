"""What every form of the report is made from: plain values, already in their final order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spanproof.findings import Severity, Verdict

SCHEMA = "spanproof.report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One file as it stood, before normalisation."""

    path: str
    format: str  # "otlp-json", "otlp-jsonl", "otlp-protobuf", "zipkin-v2", …
    compression: str  # "", "gzip", "zstd"
    spans: int
    traces: int
    bytes: int  # as stored
    facts: dict[str, float | int]
    notes: dict[str, int] = field(default_factory=dict)  # oddity → times
    signals: dict[str, int] = field(default_factory=dict)  # "data_points", "log_records", …
    left_out: tuple[str, ...] = ()  # what --keep-going passed over, a sentence each


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    check: str
    question: str
    verdict: Verdict
    sound: str
    complete: str
    covered: dict[str, Any]
    reason: str  # why violated or unknown; what was found where it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLine:
    """A span as a reader wants to see it."""

    span_id: str  # hex; text as it stood where it is no hex
    service: str
    name: str
    kind: str  # "server", …
    start_ns: int | None  # Unix; None: the span has no start
    duration_ns: int | None  # None: never ended, or ended before it started


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding with its spans named."""

    code: str
    severity: Severity
    message: str
    trace_id: str
    spans: tuple[SpanLine, ...]
    evidence: dict[str, Any]

    @property
    def check(self) -> str:
        return self.code.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span in a drawing of its trace."""

    span: SpanLine
    depth: int
    offset_ns: int | None  # from the drawing's start
    missing_parent: bool = False
    error: bool = False  # status is ERROR
    codes: tuple[str, ...] = ()  # findings this span takes part in


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A violating edge in a drawing, from cause to effect, by bar number."""

    code: str
    kind: str  # "parent", "link"
    cause: int
    effect: int
    early_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A trace laid out: bars in display order, violating edges, what was left out."""

    trace_id: str
    start_ns: int
    length_ns: int
    bars: tuple[Bar, ...]
    arrows: tuple[Arrow, ...] = ()
    n_spans: int = 0  # in the trace; more than the bars where the drawing was cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A verdict on all inputs together, with everything that was found; what `check` returns."""

    verdict: Verdict
    inputs: tuple[Input, ...]
    normalisation: dict[str, int]  # rule → spans touched
    checks: tuple[CheckResult, ...]
    counts: dict[str, int]  # code → findings, exact
    figures: dict[str, Any]
    findings: tuple[Told, ...]  # worst first; capped per code unless all were asked for
    drawings: tuple[Drawing, ...] = ()
    n_traces: int = 0  # in all inputs; more than the drawings where not all are drawn
    fail_on: Severity = Severity.ERROR  # the least severity that makes a check violated
