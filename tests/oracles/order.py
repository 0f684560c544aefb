"""Happens-before by definition: sets of pairs, closed by trying every step.

Works on sketches (tests/notation.py), not on tables: ids are resolved a second time here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.notation import Sketch

Pair = tuple[int, int]


def parent_of(spans: Sequence[Sketch], i: int) -> tuple[int | None, bool]:
    """(row of the parent or None, whether another span may be meant as well)."""
    wanted = spans[i].parent
    if wanted is None:
        return None, False
    found = [k for k, span in enumerate(spans) if span.id == (spans[i].id[0], wanted[1])]
    if not found:
        return None, False
    if i in found:  # a span that names its own id means itself
        return i, False
    own = [k for k in found if spans[k].host == spans[i].host]
    servers = [k for k in found if spans[k].kind == 2]
    chosen = own or servers or found
    if len(found) == 1:
        return found[0], False
    return chosen[0], len(own) != 1


def parents(spans: Sequence[Sketch]) -> set[Pair]:
    """Parent → child; not where the parent is the span itself."""
    rows = ((parent_of(spans, i)[0], i) for i in range(len(spans)))
    return {(p, i) for p, i in rows if p is not None and p != i}


def doubtful(spans: Sequence[Sketch]) -> set[int]:
    return {i for i in range(len(spans)) if parent_of(spans, i)[1]}


def links(spans: Sequence[Sketch]) -> set[Pair]:
    """Target → linking span; the target is the first span of that id."""
    pairs = set()
    for i, span in enumerate(spans):
        for key in span.links:
            found = [k for k, other in enumerate(spans) if other.id == key]
            if found and found[0] != i:
                pairs.add((found[0], i))
    return pairs


def unsure_links(spans: Sequence[Sketch]) -> set[Pair]:
    """Those whose target's id several spans have."""
    ids = [span.id for span in spans]
    return {(a, b) for a, b in links(spans) if ids.count(ids[a]) > 1}


def temporal(spans: Sequence[Sketch]) -> set[Pair]:
    """a ends before b starts, on one resource; an end of 0 or before the start is none."""
    return {
        (i, k)
        for i, a in enumerate(spans)
        for k, b in enumerate(spans)
        if a.host == b.host and 0 < a.end < b.start and a.end >= a.start
    }


def closure(n: int, pairs: set[Pair]) -> set[Pair]:
    """Warshall 1962: everything a path leads to, a row on a cycle to itself included."""
    reach = [[(i, k) in pairs for k in range(n)] for i in range(n)]
    for via in range(n):
        for i in range(n):
            if reach[i][via]:
                for k in range(n):
                    reach[i][k] = reach[i][k] or reach[via][k]
    return {(i, k) for i in range(n) for k in range(n) if reach[i][k]}


def reduction(pairs: set[Pair]) -> set[Pair]:
    """Of a transitive, acyclic relation: the pairs with nothing between."""
    rows = {row for pair in pairs for row in pair}
    return {(a, b) for a, b in pairs if not any((a, c) in pairs and (c, b) in pairs for c in rows)}


def on_cycles(n: int, pairs: set[Pair]) -> set[Pair]:
    """Edges both of whose ends lie on one cycle."""
    reach = closure(n, pairs)
    return {(a, b) for a, b in pairs if (b, a) in reach}


def reversed_pairs(
    spans: Sequence[Sketch], timed: Callable[[Sketch], bool] = lambda _span: True
) -> int:
    """Pairs with a path of certain, acyclic parent and link edges, the effect timed earlier."""
    n = len(spans)
    every = parents(spans) | links(spans)
    circular = on_cycles(n, every)
    unsure = doubtful(spans)
    sure = {(a, b) for a, b in parents(spans) if b not in unsure}
    sure |= links(spans) - unsure_links(spans)
    return sum(
        spans[a].start > spans[b].start and timed(spans[a]) and timed(spans[b])
        for a, b in closure(n, sure - circular)
    )
