"""Tables and judges → a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from spanproof.check.registry import CHECKS, judge_of
from spanproof.errors import UsageError
from spanproof.findings import CODES, Finding, Judgement, Severity, Verdict
from spanproof.findings.durations import plural
from spanproof.ingest.reading import Paths
from spanproof.ingest.rules import normalised
from spanproof.order import Order, build
from spanproof.pipeline.drawing import Drawer, SpanLines, TraceLine
from spanproof.pipeline.reading import describe, readings_of
from spanproof.report.model import CheckResult, Drawing, Input, Report, Told
from spanproof.table import Table
from spanproof.table.identity import identify

FINDINGS_MAX = 100  # of one code, unless all are asked for


def check(
    paths: Paths,
    *,
    keep_going: bool = False,
    max_bytes: int | None = None,
    only: str | Iterable[str] = (),
    fail_on: Severity = Severity.ERROR,
    limit: int | None = FINDINGS_MAX,
    draw: bool = False,
    told: Callable[[str], None] | None = None,
) -> Report:
    """Judge the traces of files, directories and globs: `spanproof check`.

    `only` names checks or finding codes (several by commas, or as a list); `fail_on` is the
    least severity that makes a check violated; `limit` bounds the findings listed of one code
    (None: all), never the counts; `draw` adds the drawings that a page wants; `told` hears
    what is being done.
    Raises UsageError for unknown names, TraceError for input that cannot be read whole.
    """
    checks, codes = _chosen(only)
    say = told or (lambda _what: None)
    readings = readings_of(paths, keep_going=keep_going, max_bytes=max_bytes, told=told)
    identities = [identify(reading.table) for reading in readings]
    inputs = tuple(map(describe, readings, identities))
    bounds = np.cumsum([reading.table.resources.num_rows for reading in readings])
    if len(identities) != 1:
        identities = [identify(Table.concat(reading.table for reading in readings))]
    del readings
    identity, touched = normalised(identities.pop())
    say(f"ordering {len(identity.table):,} spans")
    order = build(identity)
    judgements = []
    for name in checks:
        say(f"checking {name}")
        judgements.append(_restricted(judge_of(name)(order, limit=limit), codes))
    lines = SpanLines(order)
    findings = sorted(
        (finding for judgement in judgements for finding in judgement.findings),
        key=lambda finding: -finding.severity,
    )
    results = tuple(_result(judgement, inputs, fail_on) for judgement in judgements)
    counts: dict[str, int] = {}
    for judgement in judgements:
        counts |= judgement.counts
    return Report(
        verdict=Verdict.of([result.verdict for result in results]),
        inputs=inputs,
        normalisation={t.rule: t.count for t in touched},
        checks=results,
        counts=counts,
        figures={k: v for judgement in judgements for k, v in judgement.figures.items()},
        findings=tuple(_told(f, order, lines, inputs, bounds) for f in findings),
        drawings=Drawer(order, lines).drawings(findings) if draw else (),
        n_traces=order.identity.n_traces,
        fail_on=fail_on,
    )


def traces(
    path: str,
    *,
    keep_going: bool = False,
    max_bytes: int | None = None,
    told: Callable[[str], None] | None = None,
) -> Iterator[TraceLine]:
    """The traces of a file, those with findings first, a line each: `spanproof show --list`."""
    drawer, findings = _judged(path, keep_going=keep_going, max_bytes=max_bytes, told=told)
    return drawer.traces(findings)


def draw(
    path: str,
    trace_id: str = "",
    *,
    room: int | None = None,
    keep_going: bool = False,
    max_bytes: int | None = None,
    told: Callable[[str], None] | None = None,
) -> tuple[Drawing, int]:
    """One trace with its findings, and how many traces there are: `spanproof show`.

    `trace_id` may be the first digits of an id; without it, the trace with the worst
    findings is drawn, else the first; at most `room` spans of it, those that findings name
    among them. Raises as `check`, UsageError where no trace fits.
    """
    drawer, findings = _judged(path, keep_going=keep_going, max_bytes=max_bytes, told=told)
    order = drawer.order
    trace = order.identity.trace
    worst = None if trace_id or not findings else int(trace[findings[0].rows[0]])
    chosen = drawer.find(trace_id) if worst is None else worst
    mine = [f for f in findings if any(trace[row] == chosen for row in f.rows)]
    return drawer.draw(chosen, mine, room), order.identity.n_traces


def _judged(
    path: str,
    *,
    keep_going: bool,
    max_bytes: int | None,
    told: Callable[[str], None] | None,
) -> tuple[Drawer, list[Finding]]:
    """What draws the traces of a file, and every finding, the worst first."""
    readings = readings_of([path], keep_going=keep_going, max_bytes=max_bytes, told=told)
    table = Table.concat(reading.table for reading in readings)
    order = build(normalised(identify(table))[0])
    judgements = [judge_of(name)(order, limit=None) for name in CHECKS]
    findings = sorted((f for j in judgements for f in j.findings), key=lambda f: -f.severity)
    return Drawer(order, SpanLines(order)), findings


def _chosen(only: str | Iterable[str]) -> tuple[list[str], set[str]]:
    """(checks to run, codes to keep; none means all)."""
    checks, codes = set(), set()
    names = only.split(",") if isinstance(only, str) else only
    for name in filter(None, map(str.strip, names)):
        if name in CHECKS:
            checks.add(name)
            codes |= {code for code in CODES if code.startswith(name + ".")}
        elif name in CODES:
            checks.add(name.partition(".")[0])
            codes.add(name)
        else:
            near = get_close_matches(name, [*CHECKS, *CODES], n=1)
            raise UsageError(
                f"there is no check or finding code {name!r}",
                f"did you mean {near[0]}?"
                if near
                else f"checks: {', '.join(CHECKS)}; codes: {', '.join(CODES)}",
            )
    if only and not checks:
        raise UsageError(f"{only!r} names no check", f"checks: {', '.join(CHECKS)}")
    return [name for name in CHECKS if not checks or name in checks], codes


def _restricted(judgement: Judgement, codes: set[str]) -> Judgement:
    if not codes:
        return judgement
    return replace(
        judgement,
        findings=tuple(f for f in judgement.findings if f.code in codes),
        counts={code: n for code, n in judgement.counts.items() if code in codes},
    )


def verdict_of(
    judgement: Judgement, fail_on: Severity = Severity.ERROR, *, whole: bool = True
) -> Verdict:
    """Violated by a finding of at least that severity; else unknown if anything was lacking."""
    if any(CODES[code].severity >= fail_on for code in judgement.counts):
        return Verdict.VIOLATED
    return Verdict.UNKNOWN if judgement.lacking or not whole else Verdict.HOLDS


def _result(judgement: Judgement, inputs: Sequence[Input], fail_on: Severity) -> CheckResult:
    left_out = sum(len(i.left_out) for i in inputs)
    verdict = verdict_of(judgement, fail_on, whole=not left_out)
    spans = int(judgement.covered["spans"])
    told = [
        f"{plural(n, 'time')} {CODES[code].title}" for code, n in sorted(judgement.counts.items())
    ]
    match verdict:
        case Verdict.VIOLATED:
            reason = "; ".join(told)
        case Verdict.UNKNOWN if judgement.lacking:
            reason = judgement.lacking
        case Verdict.UNKNOWN:
            reason = f"{plural(left_out, 'part')} of the input could not be read"
        case Verdict.HOLDS:
            reason = f"nothing against it in {plural(spans, 'span')}"
            reason += f" (warnings: {'; '.join(told)})" if told else ""
    row = CHECKS[judgement.check]
    return CheckResult(
        check=row.name,
        question=row.question,
        verdict=verdict,
        sound=row.sound,
        complete=row.complete,
        covered={**judgement.covered, "left_out": left_out},
        reason=reason,
    )


def _told(
    finding: Finding,
    order: Order,
    lines: SpanLines,
    inputs: Sequence[Input],
    bounds: npt.NDArray[np.int64],
) -> Told:
    evidence = dict(finding.evidence)
    if len(inputs) > 1:
        resource = int(order.identity.resource[finding.rows[0]])
        evidence["input"] = inputs[int(np.searchsorted(bounds, resource, side="right"))].path
    return Told(
        code=finding.code,
        severity=finding.severity,
        message=finding.message,
        trace_id=lines.trace_id(finding.rows[0]),
        spans=tuple(lines(row) for row in finding.rows),
        evidence=evidence,
    )
