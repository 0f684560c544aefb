"""A drawing as a waterfall for a terminal, violations marked under the spans they accuse.

Decides columns and signs. A bar is as exact as eighths of a character allow, so a violation
of microseconds is not to be seen in it: the line under the span says it in words.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from spanproof.findings import CODES, Severity
from spanproof.findings.durations import duration, moment, plural
from spanproof.report.model import Arrow, Bar, Drawing
from spanproof.report.printable import printable
from spanproof.report.text import SEVERITY_STYLE

WIDTH_PIPED: Final = 100
ROWS_MAX: Final = 500
_BAR_WIDTH_MIN: Final = 12
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
# In the order of first appearance; none is red, which means a violation.
_SERVICE_STYLES: Final = ("blue", "green", "magenta", "cyan", "yellow", "bright_blue", "white")
_ASCII: Final = str.maketrans(
    {"·": "-", "µ": "u", "…": "~", "✗": "x", "█": "#", "▐": "#", "▕": "|", "◆": "*", "╌": "."}
    | dict.fromkeys(_EIGHTHS[1:4], "|")
    | dict.fromkeys(_EIGHTHS[4:], "#")
)


def render(
    drawing: Drawing,
    *,
    width: int = WIDTH_PIPED,
    ascii_only: bool = False,
    colour: bool = False,
    rows_max: int = ROWS_MAX,
) -> str:
    """The waterfall as text; with `colour`, as a terminal would show it."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        no_color=None if colour else True,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    for line in lines(drawing, width, ascii_only=ascii_only, rows_max=rows_max):
        _print(console, line)
    return file.getvalue()


def print_waterfall(
    drawing: Drawing, console: Console, *, ascii_only: bool = False, rows_max: int = ROWS_MAX
) -> None:
    """Write the waterfall to a console: as wide as it where it is a terminal, else 100."""
    width = console.width if console.is_terminal else WIDTH_PIPED
    for line in lines(drawing, width, ascii_only=ascii_only, rows_max=rows_max):
        _print(console, line)


def _print(console: Console, line: Text) -> None:
    line.rstrip()
    console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)


def lines(
    drawing: Drawing, width: int, *, ascii_only: bool = False, rows_max: int = ROWS_MAX
) -> Iterator[Text]:
    """A head, a line per bar and per violation, at most `rows_max` bars; none is wider
    than `width` but those that tell a violation. O(bars drawn + arrows)."""
    for line in _lines(drawing, max(width, 40), rows_max, ascii_only):
        yield Text(_in_ascii(line.plain)) if ascii_only else line


def _lines(drawing: Drawing, width: int, rows_max: int, ascii_only: bool) -> Iterator[Text]:
    n_spans = max(drawing.n_spans, len(drawing.bars))
    yield Text.assemble(
        ("trace " + printable(drawing.trace_id), "bold"),
        f"  {plural(n_spans, 'span')}, {duration(drawing.length_ns)}"
        + (f", from {moment(drawing.start_ns)}" if drawing.bars else ""),
    )
    shown = drawing.bars[: max(rows_max, 0)]
    names = [_in_ascii(_name(bar)) if ascii_only else _name(bar) for bar in shown]
    offsets, durations = [_offset(bar) for bar in shown], [_duration(bar) for bar in shown]
    offset_width = max(map(len, offsets), default=0) + 2
    duration_width = max(map(len, durations), default=0) + 2
    room = width - offset_width - duration_width - 2
    longest = max((cell_len(name) for name in names), default=0)
    label_width = min(longest, max(room - _BAR_WIDTH_MIN, room // 2), width // 2)
    bar_width = room - label_width
    styles = _service_styles(drawing)
    accused, involved = _by_bar(drawing)
    for i, (bar, name) in enumerate(zip(shown, names, strict=True)):
        label = Text(name)
        label.truncate(label_width, overflow="ellipsis", pad=True)
        yield Text.assemble(
            label,
            "  ",
            (_bar(bar, drawing.length_ns, bar_width), styles[bar.span.service]),
            (offsets[i].rjust(offset_width) + durations[i].rjust(duration_width), "dim"),
        )
        yield from _violations(bar, accused[i], involved[i])
    yield from _left_out(drawing, len(shown), n_spans)


def _name(bar: Bar) -> str:
    span = bar.span
    indent = "  " * min(bar.depth, 12)
    marks = ("(parent missing) " if bar.missing_parent else "") + ("! " if bar.error else "")
    return f"{indent}{marks}{printable(span.service) or '(no service)'} · {printable(span.name)}"


def _bar(bar: Bar, length_ns: int, width: int) -> str:
    """`width` characters: the bar by eighths at its end, by halves at its start."""
    if bar.offset_ns is None:
        return "╌" * width  # no start: anywhere
    total = width * 8
    start = _eighths(bar.offset_ns, length_ns, total)
    if bar.span.duration_ns is None:
        at = min(start // 8, width - 1)
        return (" " * at + "◆").ljust(width)
    end = max(_eighths(bar.offset_ns + bar.span.duration_ns, length_ns, total), start + 1)
    start = min(start, total - 1)
    end = min(max(end, start + 1), total)
    first, last = start // 8, (end - 1) // 8
    if first == last:
        # The left-aligned signs can say how wide, not where in the cell.
        return (" " * first + _EIGHTHS[end - start]).ljust(width)
    head = "█▐▕"[(0, 0, 1, 1, 1, 1, 2, 2)[start % 8]]
    tail = _EIGHTHS[(end - 1) % 8 + 1]
    return (" " * first + head + "█" * (last - first - 1) + tail).ljust(width)


def _eighths(ns: int, length_ns: int, total: int) -> int:
    return 0 if length_ns <= 0 else max(0, min(ns * total // length_ns, total))


def _offset(bar: Bar) -> str:
    return "no start" if bar.offset_ns is None else duration(bar.offset_ns)


def _duration(bar: Bar) -> str:
    if bar.span.duration_ns is not None:
        return duration(bar.span.duration_ns)
    return "< 0" if "structure.end_before_start" in bar.codes else "no end"


def _service_styles(drawing: Drawing) -> dict[str, str]:
    services = dict.fromkeys(bar.span.service for bar in drawing.bars)
    return {s: _SERVICE_STYLES[i % len(_SERVICE_STYLES)] for i, s in enumerate(services)}


def _by_bar(drawing: Drawing) -> tuple[dict[int, list[Arrow]], dict[int, set[str]]]:
    """Bar → the arrows that accuse it; bar → the codes its arrows tell of, as either end."""
    accused, involved = defaultdict(list), defaultdict(set)
    for arrow in drawing.arrows:
        accused[arrow.effect].append(arrow)
        involved[arrow.effect].add(arrow.code)
        involved[arrow.cause].add(arrow.code)
    return accused, involved


def _violations(bar: Bar, arrows: list[Arrow], involved: set[str]) -> Iterator[Text]:
    indent = "  " * min(bar.depth + 1, 13)
    for arrow in arrows:
        yield _violation(indent, arrow.code, f"{duration(arrow.early_ns)} before {cause(arrow)}")
    for code in bar.codes:
        if code not in involved:
            yield _violation(indent, code, CODES[code].title if code in CODES else "")


def cause(arrow: Arrow) -> str:
    """What the arrow comes from, as its effect sees it."""
    if arrow.kind == "parent":
        return "its parent"
    return "the span it links to" if arrow.kind == "link" else f"its cause ({arrow.kind})"


def _violation(indent: str, code: str, told: str) -> Text:
    severity = CODES[code].severity if code in CODES else Severity.WARNING
    style = SEVERITY_STYLE[severity]
    return Text.assemble(indent, (f"✗ {printable(code)}", style), f": {told}" if told else "")


def _left_out(drawing: Drawing, n_shown: int, n_spans: int) -> Iterator[Text]:
    n_more = n_spans - n_shown
    if n_more <= 0:
        return
    n_found = sum(bool(bar.codes) for bar in drawing.bars[n_shown:])
    among = f", {n_found:,} of them in findings" if n_found else ""
    yield Text(f"… {plural(n_more, 'more span')} of this trace not shown{among}")


def _in_ascii(text: str) -> str:
    """The same in ASCII, sign by sign; other characters of names become their escapes."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
