"""The examples on the pages: the first of a page has its fault, the second has none.

The judge here is the definition in plain Python, for traces of a handful of spans.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from spanproof.findings import CODES
from spanproof.report.pages import page

SPAN = re.compile(r"(\w+)@(\w+) (\d+)-(\d+)(?: <(\w+))?((?: ~\w+)*)")
EXAMPLE = re.compile(r"```text\n(.+)\n```")


class Span(NamedTuple):
    name: str
    host: str
    start: int
    end: int
    parent: str | None
    links: list[str]


def parse(text: str) -> list[Span]:
    spans = []
    for part in text.split("; "):
        match = SPAN.fullmatch(part)
        assert match, part
        name, host, start, end, parent, links = match.groups()
        spans.append(Span(name, host, int(start), int(end), parent, re.findall(r"\w+", links)))
    return spans


def faults(spans: list[Span]) -> set[str]:
    """Every code that the spans deserve."""
    found = set()
    names = [s.name for s in spans]
    start = {s.name: s.start for s in spans}
    if "0" in names:
        found.add("structure.invalid_id")
    spans = [s for s in spans if s.name != "0"]
    if len(set(names)) < len(names):
        found.add("structure.duplicate_span_id")
    if any(s.end < s.start for s in spans):
        found.add("structure.end_before_start")
    if any(s.parent and s.parent not in names for s in spans):
        found.add("structure.missing_parent")
    if any(s.parent == s.name for s in spans):
        found.add("structure.self_parent")
    parents = {(s.parent, s.name) for s in spans if s.parent and s.parent != s.name}
    edges = parents | {(link, s.name) for s in spans for link in s.links if link != s.name}
    if any(a == b for a, b in closure(parents)):
        found.add("structure.parent_cycle")
    elif any(a == b for a, b in closure(edges)):
        found.add("causality.cycle")
    reach = closure(edges)
    for cause, effect in edges:
        if (effect, cause) not in reach and cause in start and start[effect] < start[cause]:
            found.add("causality.reversed_edge")
    return found


def closure(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    while more := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges = edges | more
    return edges


@pytest.mark.parametrize("code", CODES)
def test_the_example_offends_and_is_mended(code: str) -> None:
    offending, mended = map(parse, EXAMPLE.findall(page(code)))
    assert faults(offending) == {code}
    assert faults(mended) == set()
