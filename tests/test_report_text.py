"""The report and the waterfall as text: plain in a pipe, wrapped and coloured on a terminal."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from tests import samples

from spanproof.report import text, waterfall
from spanproof.report.model import Arrow, Bar, Drawing

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BARS = set("▏▎▍▌▋▊▉█▐▕◆╌")


def test_the_whole_report_in_a_pipe() -> None:
    told = text.render(samples.report())
    assert told.startswith(
        "violated: 9,902 errors and 2 warnings in 10 spans of 2 traces; no answer from structure\n"
        "\n"
        "traces/check out.json: otlp-json, gzip; 12,345 bytes, 8 spans, 1 trace, 5 services, "
        "40 data points\n"
        "  note: snake case, 2 times\n"
        "  left out: line 9: torn in the middle of an object\n"
        "late.json: zipkin-v2; 640 bytes, 2 spans, 1 trace, 2 services\n"
        "\n"
        "error causality.reversed_edge: an effect is timed before its cause, 9,901 times\n"
    )
    assert (
        "  - cart · GetCart starts 21 µs before its parent frontend · cart.GetCart\n"
        "    trace 5b8efff798038103d269b633813fc60c\n"
        "    cart · GetCart  22f067aa0ba902b7  server, 64 ms\n"
        "    frontend · cart.GetCart  11f067aa0ba902b7  client, 65.441 ms\n"
        "  … 9,900 more: --all shows them\n"
    ) in told
    assert (
        "normalised\n"
        "  upper case hex: 3 spans\n"
        "  shared id: 1 span\n"
        "checks\n"
        "  violated causality: 9,901 effects are timed before their causes, and one cycle\n"
        "    covered: spans 10, edges (parent 6, link 2), missing parents 1\n"
        "  unknown structure: 3 spans were dropped by the SDK\n"
    ) in told
    assert told.endswith(
        "spanproof explain causality.reversed_edge (and so for the 3 other codes) says what it "
        "means, how sure it is, and what to do\n"
    )


def test_a_report_that_holds() -> None:
    assert text.render(samples.holding()) == (
        "holds: nothing found in 1 span of 1 trace\n"
        "\n"
        "-: otlp-protobuf, zstd; 90 bytes, 1 span, 1 trace, 1 service\n"
        "\n"
        "checks\n"
        "  holds structure: 1 root, 0 children\n"
        "    covered: spans 1\n"
    )


def test_a_pipe_has_no_colour_and_its_width_changes_nothing() -> None:
    told = text.render(samples.report(), width=40)
    assert told == text.render(samples.report(), width=200)
    assert "\x1b" not in told
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]| $", told, re.MULTILINE)


def test_a_terminal_gets_colour_and_no_line_longer_than_it() -> None:
    told = text.render(samples.report(), width=60, colour=True)
    assert "\x1b[1;31mviolated" in told
    lines = ESCAPE.sub("", told).split("\n")
    assert max(map(cell_len, lines)) <= 60
    assert "\x1b" not in "".join(lines)
    piped = text.render(samples.report())
    assert "".join("".join(lines).split()) == "".join(piped.split())  # nothing lost in wrapping


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    text.print_report(samples.report(), Console(file=file, force_terminal=True, width=80))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", file.getvalue())


def test_markup_in_a_name_is_a_name() -> None:
    name = "[bold red]:warning:[/bold red] [link=https://example.org]x[/link]"
    told = dataclasses.replace(samples.FINDINGS[0], message=name, trace_id=name)
    report = dataclasses.replace(samples.report(), findings=(told,))
    assert f"  - {name}\n    trace {name}\n" in text.render(report)


# -- waterfall


def test_the_whole_waterfall() -> None:
    told = waterfall.render(samples.CHECKOUT_DRAWING)
    lines = told.split("\n")
    assert lines[0] == (
        "trace 5b8efff798038103d269b633813fc60c  8 spans, 700 ms, from 2023-11-14T22:13:20Z"
    )
    assert lines[1] == (
        "frontend · POST /checkout                           ██████████████████████████"
        "        0 s     700 ms"
    )
    assert lines[3].endswith("11.979 ms      64 ms")
    assert lines[4] == "      ✗ causality.reversed_edge: 21 µs before its parent"
    assert "◆" in lines[7]
    assert lines[7].endswith("no end")
    assert "╌╌" in lines[8]
    assert "\\x1b[31m" in lines[8]
    assert lines[10].startswith("(parent missing) email · send_order_confirmation")
    assert lines[11] == "  ✗ structure.missing_parent: the parent of a span is not in the data"
    assert "✗" not in lines[2] + lines[3]


def test_the_waterfall_in_ascii() -> None:
    told = waterfall.render(samples.CHECKOUT_DRAWING, ascii_only=True)
    assert told.isascii()
    assert "x causality.reversed_edge: 21 us before its parent" in told
    assert set(waterfall.render(samples.CHECKOUT_DRAWING).split("\n")[1]) & BARS


def test_a_cut_waterfall_says_so() -> None:
    told = waterfall.render(samples.CHECKOUT_DRAWING, rows_max=2)
    assert told.endswith("… 6 more spans of this trace not shown, 3 of them in findings\n")
    assert "… 1,000 more spans of this trace not shown\n" in waterfall.render(samples.LATE_DRAWING)


times = st.integers(min_value=0, max_value=2**62)
bars = st.builds(
    lambda name, depth, at, length: Bar(
        span=samples.span("0" * 16, (name, name, ""), at, length), depth=depth, offset_ns=at
    ),
    st.text(max_size=60),
    st.integers(min_value=0, max_value=10_000),
    st.none() | times,
    st.none() | times,
)
drawings = st.builds(
    lambda rows, length: Drawing(
        trace_id="ab",
        start_ns=0,
        length_ns=length,
        bars=tuple(rows),
        arrows=tuple(
            Arrow(code="causality.reversed_edge", kind="link", cause=0, effect=i, early_ns=1)
            for i in range(1, len(rows))
        ),
        n_spans=len(rows),
    ),
    st.lists(bars, max_size=5),
    times,
)


@given(drawings, st.integers(min_value=40, max_value=200), st.booleans())
@settings(deadline=None, max_examples=150)
def test_no_row_is_wider_than_the_terminal(drawing: Drawing, width: int, plain: bool) -> None:
    told = waterfall.render(drawing, width=width, ascii_only=plain).rstrip("\n").split("\n")
    rows = [line for line in told[1:] if "causality.reversed_edge" not in line]
    assert len(rows) == len(drawing.bars)
    assert all(cell_len(row) <= width for row in rows)
    assert not plain or "".join(told).isascii()


@given(
    st.integers(min_value=1, max_value=10**12).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))
    ),
    st.integers(min_value=4, max_value=100),
)
@settings(deadline=None, max_examples=300)
def test_a_bar_lies_where_its_times_are(times: tuple[int, int, int], width: int) -> None:
    """Against the definition: every cell that the bar covers by more than a cell's eighth is
    drawn, no cell beyond the bar's two ends is."""
    length, a, b = times
    start, end = min(a, b), max(a, b)
    bar = Bar(span=samples.span("0" * 16, ("s", "n", ""), 0, end - start), depth=0, offset_ns=start)
    drawn = waterfall._bar(bar, length, width)
    assert len(drawn) == width
    cells = [i for i, sign in enumerate(drawn) if sign != " "]
    assert cells
    first, last = min(start * width // length, width - 1), -(-end * width // length)
    assert cells[0] == first
    assert cells == list(range(cells[0], cells[-1] + 1))
    assert last - 2 <= cells[-1] < max(last, first + 1)
