"""The report as one self-contained page, the traces drawn.

Decides what stands on the page and in which order; templates/report.html.j2 is its markup,
figure.py its geometry. Loads nothing from anywhere, and its content policy forbids that it
could. Every text goes through `printable` and Jinja's escaping.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from spanproof.findings.durations import count, duration, moment, plural
from spanproof.report.figure import ROW_PX, Figure, figure, service_name
from spanproof.report.groups import Group, groups, headline, met
from spanproof.report.json_report import written
from spanproof.report.model import Drawing, Input, Report, SpanLine, Told
from spanproof.report.printable import label, printable, words

# Told apart with any kind of colour vision (after Okabe and Ito, 2008, whose vermilion is
# left to violations, and Tol); beyond, they come again, striped.
_N_COLOURS: Final = 9
_OPEN_MAX: Final = 8  # traces with findings that are open from the start
_ROWS_OPEN_MAX: Final = 1000  # longer ones stay closed: a page should open at once
_ENTRIES_MAX: Final = 500  # findings of one code; the JSON report holds all that were asked for
_SPANS_MAX: Final = 20  # named per finding
_MESSAGE_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A finding on the page: its number and where its spans are drawn, if they are."""

    number: int
    message: str
    trace_id: str
    spans: tuple[tuple[str, str, str], ...]  # text, id, the anchor of its row or ""
    n_spans_more: int
    anchor: str
    evidence: tuple[tuple[str, str], ...]
    raw: str


def render(report: Report) -> str:
    """The page. O(findings + bars); imports Jinja."""
    from jinja2 import Environment, StrictUndefined

    source = files("spanproof.report").joinpath("templates/report.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(page(report)).rstrip() + "\n"


def page(report: Report) -> dict[str, Any]:
    """What the template is filled with: text that is safe to show, and geometry."""
    drawings = sorted(report.drawings, key=lambda d: not _has_findings(d))
    told_groups = groups(report)
    numbers = {id(told): i for i, told in enumerate(_told(told_groups))}
    found = _findings_by_trace(report, numbers)
    figures = [figure(d, i, found.get(d.trace_id, {})) for i, d in enumerate(drawings)]
    anchors = _anchors(drawings)
    return {
        "verdict": report.verdict.value,
        "headline": headline(report),
        "inputs": [_input(read) for read in report.inputs],
        "checks": [
            {
                "name": printable(result.check),
                "question": printable(result.question, _MESSAGE_MAX),
                "verdict": result.verdict.value,
                "reason": printable(result.reason, _MESSAGE_MAX),
                "sound": printable(result.sound),
                "complete": printable(result.complete),
                "covered": words(met(result)),
            }
            for result in report.checks
        ],
        "groups": [
            {
                "code": printable(group.code),
                "severity": group.severity.label,
                "about": group.about,
                "n": f"{group.n:,}",
                "left_out": _left_out(group),
                "entries": [
                    _entry(told, numbers[id(told)], anchors)
                    for told in group.findings[:_ENTRIES_MAX]
                ],
            }
            for group in told_groups
        ],
        "normalisation": [(printable(label(k)), n) for k, n in report.normalisation.items()],
        "figures_told": [(printable(k), words(v, k)) for k, v in report.figures.items()],
        "drawings": figures,
        "open": _open(figures),
        "n_traces": max(report.n_traces, len(figures)),
        "colours": _colours(figures),
        "row_px": ROW_PX,
        "plural": plural,
    }


def _told(told_groups: list[Group]) -> list[Told]:
    """The findings that the page lists, in its order."""
    return [told for group in told_groups for told in group.findings[:_ENTRIES_MAX]]


def _left_out(group: Group) -> str:
    n = group.n - min(len(group.findings), _ENTRIES_MAX)
    if not n:
        return ""
    if len(group.findings) > _ENTRIES_MAX:
        return f"… {n:,} more: --format json --all lists them"
    return f"… {n:,} more: --all shows them"


def _has_findings(drawing: Drawing) -> bool:
    return bool(drawing.arrows) or any(bar.codes for bar in drawing.bars)


def _findings_by_trace(
    report: Report, numbers: dict[int, int]
) -> dict[str, dict[tuple[str, str], int]]:
    """Trace id → (span id, code) → number of the first such finding that names the span."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    for told in report.findings:
        of_trace = found.setdefault(told.trace_id, {})
        for span in told.spans:
            if id(told) in numbers:
                of_trace.setdefault((span.span_id, told.code), numbers[id(told)])
    return found


def _anchors(drawings: list[Drawing]) -> dict[tuple[str, SpanLine | str], str]:
    """(trace id, span) → the id of its row on the page; (trace id, span id) → the first such."""
    anchors: dict[tuple[str, SpanLine | str], str] = {}
    for i, drawing in enumerate(drawings):
        for j, bar in enumerate(drawing.bars):
            anchors.setdefault((drawing.trace_id, bar.span), f"t{i}r{j}")
            anchors.setdefault((drawing.trace_id, bar.span.span_id), f"t{i}r{j}")
    return anchors


def _anchor(told: Told, span: SpanLine, anchors: dict[tuple[str, SpanLine | str], str]) -> str:
    """The row of the span itself, else of its id, else nothing."""
    of_id = anchors.get((told.trace_id, span.span_id), "")
    return anchors.get((told.trace_id, span), of_id)


def _entry(told: Told, number: int, anchors: dict[tuple[str, SpanLine | str], str]) -> Entry:
    spans = tuple(
        (_span(span), printable(span.span_id), _anchor(told, span, anchors))
        for span in told.spans[:_SPANS_MAX]
    )
    drawn = [anchor for _, _, anchor in spans if anchor]
    return Entry(
        number=number,
        message=printable(told.message, _MESSAGE_MAX),
        trace_id=printable(told.trace_id),
        spans=spans,
        n_spans_more=max(0, len(told.spans) - _SPANS_MAX),
        anchor=drawn[0] if drawn else "",
        evidence=tuple(
            (printable(label(str(key))), words(value, str(key)))
            for key, value in told.evidence.items()
        ),
        raw=_raw(told),
    )


def _raw(told: Told) -> str:
    """The evidence as it stands in the JSON report, a line at a time made safe to show."""
    lines = written(told.evidence).rstrip().split("\n")
    return "\n".join(printable(line, 10_000) for line in lines[:400])


def _span(span: SpanLine) -> str:
    told = [span.kind] if span.kind else []
    if span.duration_ns is not None:
        told.append(duration(span.duration_ns))
    if span.start_ns is not None:
        told.append(f"from {moment(span.start_ns)}")
    named = f"{service_name(span.service)} · {printable(span.name)}"
    return f"{named} ({', '.join(told)})" if told else named


def _input(read: Input) -> dict[str, Any]:
    return {
        "path": printable(read.path, _MESSAGE_MAX),
        "format": read.format + (f", {read.compression}" if read.compression else ""),
        "bytes": count(read.bytes),
        "spans": count(read.spans),
        "traces": count(read.traces),
        "facts": [
            (printable(label(k)), words(v, k))
            for k, v in read.facts.items()
            if k not in ("spans", "traces")
        ],
        "notes": [f"{printable(label(k))}: {n:,}" for k, n in read.notes.items()]
        + [f"{count(n)} {printable(label(k))}" for k, n in read.signals.items()],
        "left_out": [printable(sentence, _MESSAGE_MAX) for sentence in read.left_out],
    }


def _open(figures: list[Figure]) -> set[int]:
    """The numbers of the traces that are open from the start."""
    few = [f.number for f in figures if f.n_found and len(f.rows) <= _ROWS_OPEN_MAX][:_OPEN_MAX]
    return set(few or [f.number for f in figures[:1]])


def _colours(figures: list[Figure]) -> dict[str, str]:
    """Service → its classes; the same throughout the page, in the order of first appearance."""
    services = dict.fromkeys(service for drawn in figures for service in drawn.services)
    return {
        service: f"c{i % _N_COLOURS}" + (" lap" if i >= _N_COLOURS else "")
        for i, service in enumerate(services)
    }
