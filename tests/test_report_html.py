"""The page: loads nothing, escapes everything, and draws what it should where it should."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from tests import samples

from spanproof.report import figure, html
from spanproof.report.model import Arrow, Bar, Drawing, Report

VOID = {"meta", "line", "rect", "path", "circle", "br"}


class Page(HTMLParser):
    """Elements with their attributes, in order; raises where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str, kind: str = "") -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and (not kind or kind in attributes.get("class", "").split())
        ]


def shown(report: Report) -> Page:
    return Page(html.render(report))


def test_nothing_is_loaded_from_anywhere() -> None:
    text = html.render(samples.report())
    page = Page(text)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    for _, attributes in page.elements:
        assert not {"src", "srcset", "data", "action", "xlink:href"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?:|@import|//[a-z]+\.", text)
    assert all(value.startswith("#") for value in re.findall(r"url\((.*?)\)", text))


def test_every_anchor_leads_somewhere() -> None:
    page = shown(samples.report())
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in page.all("a")}
    assert targets <= set(ids)
    # Finding to row, and row to finding.
    assert {"t0r2", "t0r7", "f0", "f1", "f2", "f3"} <= targets


def test_hostile_names_stay_text() -> None:
    text = html.render(samples.report())
    page = Page(text)
    assert len(page.all("script")) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    said = "".join(data for _, data in page.said)
    assert "</script><b>[red]x[/red]\\x1b[31m" in said


@pytest.mark.parametrize("report", [samples.report(), samples.holding()])
def test_the_page_is_well_formed(report: Report) -> None:
    text = html.render(report)
    assert text.startswith("<!doctype html>")
    Page(text)
    assert "nan" not in re.sub(r"[^ ]*NaN[^ ]*|weight</dt><dd>nan", "", text).lower().split()


def test_the_traces_are_drawn() -> None:
    page = shown(samples.report())
    traces = page.all("details", "trace")
    assert ["open" in t for t in traces] == [True, True]
    assert len(page.all("rect", "back")) == 10
    # Bars of the sample: 6 with both times in the first trace, 2 in the second, 1 open, 1
    # without a start; 2 more in the lens.
    assert len(page.all("rect", "bar")) == 8 + 1 + 1 + 2
    assert len(page.all("rect", "nowhere")) == 1
    assert len(page.all("rect", "open")) == 1
    assert len(page.all("rect", "dash")) == 1
    assert len(page.all("path", "fail")) == 1
    assert len(page.all("figure", "lens")) == 1
    (edge,) = (line for line in page.all("line", "slant") if line["y1"] != "24")
    assert float(edge["x2"].rstrip("%")) < float(edge["x1"].rstrip("%"))
    titles = [data for tag, data in page.said if tag == "title"]
    assert (
        "causality.reversed_edge\ncart · GetCart\nstarts 21 µs before its parent\n"
        "frontend · cart.GetCart"
    ) in titles
    assert any("drawn: 2 of 2" in data for _, data in page.said)


def test_traces_with_findings_stand_first_and_open() -> None:
    quiet = dataclasses.replace(
        samples.holding().drawings[0],
        trace_id="c" * 32,
        bars=(Bar(span=samples.PING, depth=0, offset_ns=0),),
    )
    report = samples.report()
    report = dataclasses.replace(report, drawings=(quiet, *report.drawings), n_traces=900)
    page = shown(report)
    assert ["open" in t for t in page.all("details", "trace")] == [True, True, False]
    assert any("drawn: 3 of 900" in data for _, data in page.said)


def test_a_finding_leads_to_its_span_by_id_where_the_line_differs() -> None:
    """The same span told with another duration is still the span."""
    told = dataclasses.replace(
        samples.FINDINGS[0],
        spans=tuple(dataclasses.replace(s, duration_ns=1) for s in samples.FINDINGS[0].spans),
    )
    page = shown(dataclasses.replace(samples.report(), findings=(told,)))
    assert "#t0r2" in {a["href"] for a in page.all("a")}


def test_a_page_lists_so_many_findings_and_says_where_the_others_are() -> None:
    one = samples.FINDINGS[0]
    many = tuple(dataclasses.replace(one, message=f"finding {i}") for i in range(700))
    report = dataclasses.replace(samples.report(), findings=many, counts={one.code: 1_000})
    page = shown(report)
    said = [data for _, data in page.said]
    assert "finding 499" in " ".join(said)
    assert "finding 500" not in " ".join(said)
    assert "… 500 more: --format json --all lists them" in said
    assert "… 9,900 more: --all shows them" in [d for _, d in shown(samples.report()).said]


# -- geometry


def drawing(*spans: tuple[int | None, int | None], length_ns: int, early_ns: int = 1) -> Drawing:
    bars = tuple(
        Bar(span=samples.span(f"{i:016x}", ("s", "n", ""), at, n), depth=i, offset_ns=at)
        for i, (at, n) in enumerate(spans)
    )
    arrow = Arrow(
        code="causality.reversed_edge", kind="parent", cause=0, effect=1, early_ns=early_ns
    )
    return Drawing(trace_id="t", start_ns=0, length_ns=length_ns, bars=bars, arrows=(arrow,))


def test_bars_lie_in_per_cent_of_the_length() -> None:
    drawn = figure.figure(drawing((250, 500), (0, 1000), length_ns=1000), 0, {})
    assert [(r.left, r.width, r.told_side) for r in drawn.rows] == [
        (25.0, 50.0, "right"),
        (0.0, 100.0, "inside"),
    ]
    assert drawn.ticks[0] == (0.0, "0 s")
    assert drawn.ticks[-1] == (100.0, "1 µs")
    (slant,) = drawn.slants
    assert (slant.x1, slant.x2) == (25.0, 0.0)


def test_what_cannot_be_seen_has_a_least_width_and_a_lens() -> None:
    """21 µs in 700 s: the bars coincide, the lens tells the starts apart."""
    n = 700 * 10**9
    drawn = figure.figure(drawing((n, 1), (n - 21_000, 5_000), length_ns=n, early_ns=21_000), 0, {})
    for row in drawn.rows:
        assert row.width > 0
        assert 0 <= row.left <= row.left + row.width <= 100
    (lens,) = drawn.lenses
    assert lens.early == "21 µs"
    assert lens.x_cause - lens.x_effect > 30
    # The effect ends after 5 of its 21 µs, to scale; the cause's nanosecond is a sliver.
    assert lens.w_effect == pytest.approx((lens.x_cause - lens.x_effect) * 5 / 21, rel=1e-3)
    assert 0 < lens.w_cause < 1


def test_times_that_are_missing_or_outside_still_draw() -> None:
    drawn = figure.figure(drawing((None, None), (5, None), (-9, 1), (99, 99), length_ns=10), 0, {})
    assert [row.shape for row in drawn.rows] == ["nowhere", "open", "bar", "bar"]
    assert all(0 <= row.left <= 100 and row.left + row.width <= 100 for row in drawn.rows)
    assert drawn.slants == ()  # its cause has no start to draw it from


def test_lenses_are_limited() -> None:
    many = drawing((5, 1), (0, 1), length_ns=10)
    many = dataclasses.replace(many, arrows=many.arrows * 20)
    drawn = figure.figure(many, 0, {})
    assert (len(drawn.slants), len(drawn.lenses), drawn.n_lenses_left_out) == (20, 12, 8)
