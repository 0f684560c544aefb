"""The report as text: for a person at a terminal, and the same, plain, for a pipe.

On a terminal lines wrap and verdicts have colours; elsewhere every line is one line and has
none, whatever the width, so that the output can be compared and searched. `NO_COLOR` is
honoured. Text from the trace is data: no markup, no escape and no line break in it is obeyed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from spanproof.findings import Severity, Verdict
from spanproof.findings.durations import count, duration, plural
from spanproof.report.groups import Group, groups, headline, met
from spanproof.report.model import CheckResult, Input, Report, SpanLine, Told
from spanproof.report.printable import label, printable, words

VERDICT_STYLE: Final = {
    Verdict.HOLDS: "bold green",
    Verdict.VIOLATED: "bold red",
    Verdict.UNKNOWN: "bold yellow",
}
SEVERITY_STYLE: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_SPANS_MAX: Final = 8  # named per finding; a cycle may have thousands
_MESSAGE_MAX: Final = 1000
_FINDINGS_MAX: Final = 10


class Line(NamedTuple):
    indent: int
    text: Text


def render(report: Report, *, width: int = 100, colour: bool = False, every: bool = False) -> str:
    """The report as text; with `colour`, as a terminal of that width would show it."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        no_color=None if colour else True,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    print_report(report, console, every=every)
    return file.getvalue()


def print_report(report: Report, console: Console, *, every: bool = False) -> None:
    """Write the report to a console; wrapped to its width only where it is a terminal.

    Of each code the first ten findings; `every`: all that the report holds.
    """
    for line in _lines(report, None if every else _FINDINGS_MAX):
        print_line(line, console)


def print_line(line: Line, console: Console) -> None:
    """One line, wrapped behind its own indent on a terminal, unbroken elsewhere."""
    parts = [line.text]
    if console.is_terminal and console.width - line.indent > 20:
        parts = list(line.text.wrap(console, console.width - line.indent)) or parts
    for part in parts:
        part.rstrip()
        whole = Text.assemble(" " * line.indent, part) if part.plain else part
        console.print(whole, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _lines(report: Report, most: int | None) -> Iterator[Line]:
    verdict = (report.verdict.value, VERDICT_STYLE[report.verdict])
    yield Line(0, Text.assemble(verdict, f": {headline(report)}"))
    yield _empty()
    for read in report.inputs:
        yield from _input(read)
    for group in groups(report):
        yield _empty()
        yield from _group(group, most)
    yield _empty()
    if report.normalisation:
        yield Line(0, Text("normalised", "bold"))
        for rule, n in report.normalisation.items():
            yield Line(2, Text(f"{printable(label(rule))}: {plural(n, 'span')}"))
    yield Line(0, Text("checks", "bold"))
    covered: dict[str, Any] = {}
    for result in report.checks:
        yield from _check(result, covered)
        covered = met(result)
    if report.figures:
        yield Line(0, Text("figures", "bold"))
        for name, value in report.figures.items():
            yield Line(2, Text(f"{printable(name)}: {words(value, name)}"))
    codes = [group.code for group in groups(report)]
    if codes:
        yield _empty()
        command = f"spanproof explain {printable(codes[0])}"
        yield Line(0, Text.assemble((command, "bold"), _hint(codes)))


def _hint(codes: list[str]) -> str:
    others = f" (and so for the {len(codes) - 1} other codes)" if len(codes) > 2 else ""
    if len(codes) == 2:
        others = f" (or {printable(codes[1])})"
    return f"{others} says what it means, how sure it is, and what to do"


def _empty() -> Line:
    return Line(0, Text())


def _input(read: Input) -> Iterator[Line]:
    if not read.format:
        why = ": not read" if read.left_out else ": passed over, not a trace"
        yield Line(0, Text.assemble((printable(read.path), "bold"), why))
        yield from _left_out(read)
        return
    written = read.format + (f", {read.compression}" if read.compression else "")
    sizes = [plural(read.bytes, "byte"), plural(read.spans, "span"), plural(read.traces, "trace")]
    if "services" in read.facts:
        sizes.append(plural(int(read.facts["services"]), "service"))
    sizes += [f"{count(n)} {printable(label(name))}" for name, n in read.signals.items()]
    path = (printable(read.path), "bold")
    yield Line(0, Text.assemble(path, f": {written}; {', '.join(sizes)}"))
    for note, n in read.notes.items():
        yield Line(2, Text(f"note: {printable(label(note))}" + (f", {n:,} times" if n > 1 else "")))
    yield from _left_out(read)


def _left_out(read: Input) -> Iterator[Line]:
    for sentence in read.left_out:
        yield Line(2, Text.assemble(("left out: ", "yellow"), printable(sentence, _MESSAGE_MAX)))


def inputs(read: Iterable[Input]) -> str:
    """What `spanproof info` says: each input with every fact, a line each."""
    lines = []
    for one in read:
        lines += [
            line.text.plain if not line.indent else f"  {line.text.plain}" for line in _input(one)
        ]
        if not one.format:
            continue
        width = max(len(name) for name in one.facts)
        lines += [f"  {name:<{width}}  {count(value)}" for name, value in one.facts.items()]
    return "\n".join(lines) + "\n"


def _group(group: Group, most: int | None) -> Iterator[Line]:
    style = SEVERITY_STYLE[group.severity]
    severity = (group.severity.label, "bold " + style)
    code = (f" {printable(group.code)}", "bold")
    times = "once" if group.n == 1 else f"{group.n:,} times"
    yield Line(0, Text.assemble(severity, code, f": {group.about.title}, {times}"))
    if group.about.why:
        yield Line(2, Text(group.about.why))
        yield Line(2, Text.assemble(("what to do: ", "bold"), group.about.todo))
    listed = group.findings[:most]
    for told in listed:
        yield from _finding(told, style)
    if group.n > len(listed):
        yield Line(2, Text(f"… {group.n - len(listed):,} more: --all shows them"))


def _finding(told: Told, style: str) -> Iterator[Line]:
    yield Line(2, Text.assemble(("- ", style), printable(told.message, _MESSAGE_MAX)))
    place = f"trace {printable(told.trace_id)}"
    source = told.evidence.get("input")
    if isinstance(source, str):
        place += f" in {printable(source)}"
    yield Line(4, Text(place, "dim"))
    for span in told.spans[:_SPANS_MAX]:
        yield Line(4, _span(span))
    if len(told.spans) > _SPANS_MAX:
        yield Line(4, Text(f"… and {plural(len(told.spans) - _SPANS_MAX, 'span')} more"))


def _span(span: SpanLine) -> Text:
    facts = [span.kind] if span.kind else []
    if span.start_ns is None:
        facts.append("no start")
    elif span.duration_ns is None:
        facts.append("no duration")
    if span.duration_ns is not None:
        facts.append(duration(span.duration_ns))
    named = f"{printable(span.service) or '(no service)'} · {printable(span.name)}"
    return Text.assemble(named, (f"  {printable(span.span_id)}  {', '.join(facts)}", "dim"))


def _check(result: CheckResult, told: dict[str, Any]) -> Iterator[Line]:
    verdict = (f"{result.verdict.value} ", VERDICT_STYLE[result.verdict])
    reason = f": {printable(result.reason, _MESSAGE_MAX)}" if result.reason else ""
    yield Line(2, Text.assemble(verdict, (printable(result.check), "bold"), reason))
    if (covered := met(result)) and covered != told:  # else it stands above
        yield Line(4, Text(f"covered: {words(covered)}", "dim"))
