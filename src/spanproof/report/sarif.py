"""The report as SARIF 2.1.0, for code scanning and editors.

One run; a rule for every code; a result for every finding that the report holds, up to the
25,000 of a run that GitHub takes. A trace file has no lines worth pointing to, so a result
names the file and, as logical locations, the spans.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from spanproof.findings import CODES, Severity, Verdict
from spanproof.report.groups import groups
from spanproof.report.json_report import plain, written
from spanproof.report.model import Report, SpanLine, Told
from spanproof.report.pages import page
from spanproof.report.printable import printable

RESULTS_MAX: Final = 25_000  # per run; GitHub refuses the file beyond
_SPANS_MAX: Final = 100  # logical locations of one result
_MESSAGE_MAX: Final = 1000
_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render(report: Report) -> str:
    """The report as SARIF text. O(findings), at most 25,000 of them, worst first."""
    return written(content(report))


def content(report: Report) -> dict[str, Any]:
    """The SARIF log as plain data."""
    results = report.findings[:RESULTS_MAX]
    found = groups(report)
    n_left_out = sum(group.n for group in found) - len(results)
    codes = [*CODES, *(g.code for g in found if g.code not in CODES)]
    run = {
        "tool": {
            "driver": {
                "name": "spanproof",
                "semanticVersion": version("spanproof"),
                "rules": [_rule(code) for code in codes],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": report.verdict.exit_status,
                "toolExecutionNotifications": _notifications(report, n_left_out),
            }
        ],
        "artifacts": [
            {"location": {"uri": name}, "length": n_bytes}
            for name, n_bytes in {uri(read.path): read.bytes for read in report.inputs}.items()
        ],
        "columnKind": "utf16CodeUnits",
        "results": [_result(told, report, codes.index(told.code)) for told in results],
        "properties": {
            "verdict": report.verdict.value,
            "counts": dict(report.counts),
            "resultsLeftOut": n_left_out,
        },
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def uri(path: str) -> str:
    """A path as SARIF wants it: relative with slashes, or `file://` where it is absolute."""
    if path == "-":
        return "stdin"
    pure = PurePath(path)
    raw = pure.as_posix().encode("utf-8", "surrogateescape")
    return "file://" + quote(raw) if pure.is_absolute() else quote(raw)


def _rule(code: str) -> dict[str, Any]:
    if code not in CODES:
        return {"id": code}
    about = CODES[code]
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in code.replace(".", "_").split("_")),
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": about.why},
        "help": {"text": about.todo, "markdown": page(code)},
        "defaultConfiguration": {"level": _LEVEL[about.severity]},
        "properties": {"tags": ["opentelemetry", code.partition(".")[0]]},
    }


def _result(told: Told, report: Report, rule: int) -> dict[str, Any]:
    source = told.evidence.get("input")
    path = source if isinstance(source, str) else _first_path(report)
    return {
        "ruleId": told.code,
        "ruleIndex": rule,
        "level": _LEVEL[told.severity],
        "message": {"text": printable(told.message, _MESSAGE_MAX)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(path)},
                    "region": {"startLine": 1},
                },
                # A set, by the schema; a span may be named twice in a finding.
                "logicalLocations": [
                    _span(told, span) for span in dict.fromkeys(told.spans[:_SPANS_MAX])
                ],
            }
        ],
        "partialFingerprints": {"spanproof/v1": _fingerprint(told)},
        "properties": {"traceId": told.trace_id, "evidence": plain(told.evidence)},
    }


def _first_path(report: Report) -> str:
    return report.inputs[0].path if report.inputs else "-"


def _span(told: Told, span: SpanLine) -> dict[str, Any]:
    return {
        "name": printable(span.name),
        "fullyQualifiedName": "/".join(
            map(printable, (told.trace_id, span.span_id, span.service, span.name))
        ),
        "kind": "span",
    }


def _fingerprint(told: Told) -> str:
    """The same finding of the same spans, whatever the file is called and the wording."""
    parts = [told.code, told.trace_id, *(span.span_id for span in told.spans)]
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:32]


def _notifications(report: Report, n_left_out: int) -> list[dict[str, Any]]:
    told = [
        ("warning", f"{result.check}: unknown: {printable(result.reason, _MESSAGE_MAX)}")
        for result in report.checks
        if result.verdict is Verdict.UNKNOWN
    ]
    told += [
        ("warning", f"{printable(read.path)}: left out: {printable(sentence, _MESSAGE_MAX)}")
        for read in report.inputs
        for sentence in read.left_out
    ]
    if n_left_out:
        told.append(("note", f"{n_left_out} more findings were counted and are not listed here"))
    return [{"level": level, "message": {"text": text}} for level, text in told]
