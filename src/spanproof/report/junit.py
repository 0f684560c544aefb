"""The report as JUnit XML, for CI servers.

A suite for each check: its question is a test case that fails where the check is violated,
and every code it can find is one that fails where that code counts against it. Unknown is an
error, not a skip: most servers show a skipped case as a pass, which unknown never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

from spanproof.findings import CODES, Verdict
from spanproof.report.groups import Group, groups, met
from spanproof.report.model import CheckResult, Report
from spanproof.report.printable import printable, words

_FINDINGS_MAX: Final = 100  # listed in one failure
_MESSAGE_MAX: Final = 1000
# What XML 1.0 cannot hold in any spelling: §2.2, Char.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as XML text. O(checks + findings)."""
    root = ET.Element("testsuites", name="spanproof")
    found = {group.code: group for group in groups(report)}
    for result in report.checks:
        root.append(_suite(result, found, report))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(result: CheckResult, found: dict[str, Group], report: Report) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(result.check))
    cases = [_verdict(result), *_codes(result, found, report)]
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    suite.set("skipped", "0")
    return suite


def _verdict(result: CheckResult) -> ET.Element:
    case = _case(result, result.question or result.check)
    reason = printable(result.reason, _MESSAGE_MAX)
    match result.verdict:
        case Verdict.VIOLATED:
            _child(case, "failure", reason or "violated", "violated", "")
        case Verdict.UNKNOWN:
            _child(case, "error", f"unknown: {reason}", "unknown", "")
    out = ET.SubElement(case, "system-out")
    out.text = _text(f"{reason}\ncovered: {words(met(result))}")
    return case


def _codes(result: CheckResult, found: dict[str, Group], report: Report) -> Iterator[ET.Element]:
    own = [code for code in CODES if code.partition(".")[0] == result.check]
    own += [code for code in found if code.partition(".")[0] == result.check and code not in own]
    for code in own:
        case = _case(result, code)
        group = found.get(code)
        if group is not None:
            message = f"{group.about.title}: {group.n}"
            listing = "\n".join(_listing(group))
            if group.severity >= report.fail_on:
                _child(case, "failure", message, group.severity.label, listing)
            else:
                ET.SubElement(case, "system-out").text = _text(f"{message}\n{listing}")
        yield case


def _listing(group: Group) -> Iterator[str]:
    for told in group.findings[:_FINDINGS_MAX]:
        spans = " ".join(printable(span.span_id) for span in told.spans[:_FINDINGS_MAX])
        yield f"{printable(told.message, _MESSAGE_MAX)} [trace {printable(told.trace_id)}: {spans}]"
    n_more = group.n - min(len(group.findings), _FINDINGS_MAX)
    if n_more:
        yield f"… {n_more:,} more"


def _case(result: CheckResult, name: str) -> ET.Element:
    check = _text(result.check)
    return ET.Element("testcase", classname=f"spanproof.{check}", name=_text(name), time="0")


def _child(case: ET.Element, tag: str, message: str, kind: str, text: str) -> None:
    child = ET.SubElement(case, tag, message=_text(message), type=kind)
    child.text = _text(text) or None


def _text(text: str) -> str:
    return _FORBIDDEN.sub("", text)
