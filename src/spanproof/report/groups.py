"""Findings by code, worst first: the order in which every form tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spanproof.findings import CODES, Code, Severity, Verdict
from spanproof.findings.durations import plural
from spanproof.report.model import CheckResult, Report, Told
from spanproof.report.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One code with what the report holds of it; `n` is exact, `findings` may be fewer."""

    code: str
    about: Code
    severity: Severity
    n: int
    findings: tuple[Told, ...]

    @property
    def n_left_out(self) -> int:
        return self.n - len(self.findings)


def groups(report: Report) -> list[Group]:
    """Every code that was found; the more severe first, then the more frequent, then by name."""
    told: dict[str, list[Told]] = {code: [] for code, n in report.counts.items() if n}
    for finding in report.findings:
        told.setdefault(finding.code, []).append(finding)
    found = []
    for code, findings in told.items():
        about = CODES.get(code) or Code(Severity.WARNING, code, "", "")
        severity = max((f.severity for f in findings), default=about.severity)
        n = max(report.counts.get(code, 0), len(findings))
        found.append(
            Group(code=code, about=about, severity=severity, n=n, findings=tuple(findings))
        )
    return sorted(found, key=lambda g: (-g.severity, -g.n, g.code))


def severities(report: Report) -> list[tuple[Severity, int]]:
    """How many findings of each severity, worst first; those without any are left out."""
    n = dict.fromkeys(reversed(Severity), 0)
    for group in groups(report):
        n[group.severity] += group.n
    return [(severity, total) for severity, total in n.items() if total]


def headline(report: Report) -> str:
    """What was found in how much, after the verdict."""
    found = [plural(n, severity.label) for severity, n in severities(report)]
    n_spans = sum(read.spans for read in report.inputs)
    n_traces = report.n_traces or sum(read.traces for read in report.inputs)
    told = " and ".join(found) if found else "nothing found"
    told += f" in {plural(n_spans, 'span')} of {plural(n_traces, 'trace')}"
    unanswered = [printable(r.check) for r in report.checks if r.verdict is Verdict.UNKNOWN]
    if unanswered:
        told += "; no answer from " + ", ".join(unanswered)
    return told


def met(result: CheckResult) -> dict[str, Any]:
    """What a check covered, without what it did not meet with; the JSON has all of it."""
    return {what: n for what, n in result.covered.items() if n or what == "spans"}
