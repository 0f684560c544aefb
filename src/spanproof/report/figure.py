"""A drawing as geometry: what the page's SVG is made from.

Decides where everything lies: rows in pixels, times in per cent of the drawing's length, so
that a figure fits any width without a script. Refuses to know colours and markup.

A violation of microseconds in a trace of seconds is narrower than a line: each reversed edge
gets a lens, its two starts drawn at their own scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from spanproof.findings import CODES, Severity
from spanproof.findings.durations import duration, moment, ticks
from spanproof.report.model import Arrow, Bar, Drawing
from spanproof.report.printable import printable

ROW_PX: Final = 24
HEAD_PX: Final = 26
LENSES_MAX: Final = 12  # of one drawing; every arrow is told under its span all the same
DEPTH_MAX: Final = 24  # indented this far; deeper rows stand below each other
_TICKS: Final = 6
_WIDTH_MIN: Final = 0.05  # per cent; the stroke makes it visible
# A lens shows 2.4 times the reversed length: half of it before the effect, 0.9 after the cause.
_LENS_BEFORE: Final = 0.5
_LENS_LENGTH: Final = 2.4


class Mark(NamedTuple):
    """A flag at a span's label; `finding` is its number on the page, -1 where it has none."""

    told: str
    severity: str
    finding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A span: its label and its bar. `shape` is "bar", "open" (no end) or "nowhere"."""

    number: int
    top_px: float
    indent: int
    service: str
    name: str
    shape: str
    left: float
    width: float
    told: str  # beside the bar
    told_side: str  # "right", "left" or "inside"
    title: str
    missing_parent: bool
    error: bool
    severity: str  # of the worst finding, or empty
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slant:
    """A violating edge, from the cause's start to the effect's."""

    x1: float
    y1: float
    x2: float
    y2: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Two starts at their own scale; x in per cent of the lens."""

    cause: Row
    effect: Row
    early: str
    title: str
    x_cause: float
    x_effect: float
    w_cause: float
    w_effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A trace drawn: `number` names it on the page."""

    number: int
    trace_id: str
    started: str
    length: str
    n_spans: int
    n_left_out: int
    n_found: int  # spans in findings
    severity: str  # of the worst of them, or empty
    height_px: int
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    slants: tuple[Slant, ...]
    lenses: tuple[Lens, ...]
    n_lenses_left_out: int
    services: tuple[str, ...] = ()


def figure(drawing: Drawing, number: int, findings: dict[tuple[str, str], int]) -> Figure:
    """Lay a drawing out. `findings` is (span id, code) → number of the finding on the page.

    O(bars + arrows).
    """
    length_ns = max(drawing.length_ns, 1)
    rows = tuple(_row(bar, i, length_ns, findings) for i, bar in enumerate(drawing.bars))
    arrows = [a for a in drawing.arrows if _has_starts(drawing, a)]
    n_spans = max(drawing.n_spans, len(rows))
    return Figure(
        number=number,
        trace_id=printable(drawing.trace_id),
        started=moment(drawing.start_ns),
        length=duration(drawing.length_ns),
        n_spans=n_spans,
        n_left_out=n_spans - len(rows),
        n_found=sum(bool(bar.codes) for bar in drawing.bars),
        severity=max((r.severity for r in rows if r.severity), key=_worse, default=""),
        height_px=HEAD_PX + ROW_PX * len(rows),
        rows=rows,
        ticks=tuple(
            (100 * at / length_ns, duration(at)) for at in ticks(drawing.length_ns, _TICKS)
        ),
        slants=tuple(_slant(drawing, rows, arrow) for arrow in arrows),
        lenses=tuple(_lens(drawing, rows, arrow) for arrow in arrows[:LENSES_MAX]),
        n_lenses_left_out=max(0, len(arrows) - LENSES_MAX),
        services=tuple(dict.fromkeys(row.service for row in rows)),
    )


def _worse(severity: str) -> int:
    return Severity[severity.upper()].value


def service_name(service: str) -> str:
    """What the page calls a service."""
    return printable(service) or "(no service)"


def _row(bar: Bar, number: int, length_ns: int, findings: dict[tuple[str, str], int]) -> Row:
    span = bar.span
    shape, left, width = "nowhere", 0.0, 100.0
    if bar.offset_ns is not None:
        left = _percent(bar.offset_ns, length_ns)
        shape, width = "open", 0.0
        if span.duration_ns is not None:
            shape = "bar"
            width = max(_percent(bar.offset_ns + span.duration_ns, length_ns) - left, _WIDTH_MIN)
            left = min(left, 100 - width)
    severities = [_severity(code) for code in bar.codes]
    told = _told(bar)
    return Row(
        number=number,
        top_px=HEAD_PX + ROW_PX * number,
        indent=min(bar.depth, DEPTH_MAX),
        service=service_name(span.service),
        name=printable(span.name) or "(no name)",
        shape=shape,
        left=left,
        width=width,
        told=told,
        told_side=_side(shape, left, left + width),
        title=_title(bar, told),
        missing_parent=bar.missing_parent,
        error=bar.error,
        severity=max(severities).label if severities else "",
        marks=_marks(bar, findings),
    )


def _marks(bar: Bar, findings: dict[tuple[str, str], int]) -> tuple[Mark, ...]:
    codes = dict.fromkeys(bar.codes)
    if bar.missing_parent:
        codes.setdefault("structure.missing_parent")
    return tuple(
        Mark(
            told="parent missing"
            if code == "structure.missing_parent"
            else "✗ " + printable(code.partition(".")[2] or code),
            severity=_severity(code).label,
            finding=findings.get((bar.span.span_id, code), -1),
        )
        for code in codes
    )


def _severity(code: str) -> Severity:
    return CODES[code].severity if code in CODES else Severity.WARNING


def _percent(ns: int, length_ns: int) -> float:
    return round(min(max(100 * ns / length_ns, 0.0), 100.0), 4)


def _side(shape: str, left: float, right: float) -> str:
    if shape == "nowhere":
        return "inside"
    if right < 86:
        return "right"
    return "left" if left > 14 else "inside"


def _told(bar: Bar) -> str:
    if bar.offset_ns is None:
        return "no start time"
    if bar.span.duration_ns is not None:
        return duration(bar.span.duration_ns)
    return "ends before it starts" if "structure.end_before_start" in bar.codes else "no end"


def _title(bar: Bar, told: str) -> str:
    """The tooltip: everything known of the span, a line each."""
    span = bar.span
    lines = [f"{service_name(span.service)} · {printable(span.name)}"]
    lines.append(f"{span.kind or 'span'} {printable(span.span_id)}")
    if bar.offset_ns is not None:
        lines.append(f"starts at {duration(bar.offset_ns)}, {told}")
    else:
        lines.append(told)
    if span.start_ns is not None:
        lines.append(moment(span.start_ns))
    if bar.missing_parent:
        lines.append("its parent is not in the data")
    if bar.error:
        lines.append("status: error")
    return "\n".join([*lines, *(printable(code) for code in bar.codes)])


def _has_starts(drawing: Drawing, arrow: Arrow) -> bool:
    n = len(drawing.bars)
    return (
        0 <= arrow.cause < n
        and 0 <= arrow.effect < n
        and arrow.cause != arrow.effect
        and drawing.bars[arrow.cause].offset_ns is not None
        and drawing.bars[arrow.effect].offset_ns is not None
    )


def _arrow_title(rows: tuple[Row, ...], arrow: Arrow) -> str:
    cause, effect = rows[arrow.cause], rows[arrow.effect]
    relation = {"parent": "its parent", "link": "the span it links to"}.get(arrow.kind, "its cause")
    return (
        f"{printable(arrow.code)}\n{effect.service} · {effect.name}\n"
        f"starts {duration(arrow.early_ns)} before {relation}\n{cause.service} · {cause.name}"
    )


def _slant(drawing: Drawing, rows: tuple[Row, ...], arrow: Arrow) -> Slant:
    length_ns = max(drawing.length_ns, 1)
    down = 1 if arrow.effect > arrow.cause else -1
    # From the middle of the cause's bar to just inside the effect's: neighbours are only a
    # row apart, and an arrow between their edges would be all head.
    return Slant(
        x1=_percent(drawing.bars[arrow.cause].offset_ns or 0, length_ns),
        x2=_percent(drawing.bars[arrow.effect].offset_ns or 0, length_ns),
        y1=rows[arrow.cause].top_px + ROW_PX / 2,
        y2=rows[arrow.effect].top_px + ROW_PX / 2 - down * 2,
        title=_arrow_title(rows, arrow),
    )


def _lens(drawing: Drawing, rows: tuple[Row, ...], arrow: Arrow) -> Lens:
    early_ns = max(arrow.early_ns, 1)
    x_effect = 100 * _LENS_BEFORE / _LENS_LENGTH
    x_cause = 100 * (_LENS_BEFORE + 1) / _LENS_LENGTH

    def width(bar: Bar, x: float) -> float:
        """To the right edge, or to the bar's end where that comes first."""
        if bar.span.duration_ns is None:
            return 100 - x
        ratio = min(bar.span.duration_ns, 10 * early_ns) / early_ns
        return round(max(min(100 * ratio / _LENS_LENGTH, 100 - x), 0.6), 4)

    return Lens(
        cause=rows[arrow.cause],
        effect=rows[arrow.effect],
        early=duration(arrow.early_ns),
        title=_arrow_title(rows, arrow),
        x_cause=round(x_cause, 4),
        x_effect=round(x_effect, 4),
        w_cause=width(drawing.bars[arrow.cause], x_cause),
        w_effect=width(drawing.bars[arrow.effect], x_effect),
    )
