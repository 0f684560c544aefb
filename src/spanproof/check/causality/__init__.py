"""Causality: does every span start after the spans that caused it, and is there an order at all?

Sound about the recorded times (whether an offset of clocks explains a reversal is not asked
here, but each finding says whether one clock timed both spans); complete for direct edges
and for cycles. Holds with the counts of edges, violated with edges and cycles.
Source: Lamport 1978, Time, clocks, and the ordering of events in a distributed system.
"""

from __future__ import annotations

from spanproof.check.causality.cycles import cycle_findings
from spanproof.check.causality.reversals import reversal_findings
from spanproof.check.names import Names, covered
from spanproof.findings import Judgement
from spanproof.findings.durations import plural
from spanproof.order import Order
from spanproof.order.pairs import reversed_pairs

__all__ = ["judge"]


def judge(order: Order, *, limit: int | None = None) -> Judgement:
    """Reversed edges and cycles; at most `limit` findings a code, all of them counted.

    O(spans · log spans + links); `causality.reversed_pairs` within its own budget.
    """
    names = Names(order.table)
    reversals, n_reversed = reversal_findings(order, names, limit)
    cycles, n_cycles = cycle_findings(order, names, limit)
    pairs, exact = reversed_pairs(order)
    counts = {"causality.reversed_edge": n_reversed, "causality.cycle": n_cycles}
    return Judgement(
        check="causality",
        findings=(*reversals, *cycles),
        counts={code: n for code, n in counts.items() if n},
        covered=covered(order),
        figures={
            "causality.reversed_pairs": pairs,
            "causality.reversed_pairs_exact": exact,
            "order.edges": order.counts(),
            "order.temporal_pairs": order.precedence.pairs if order.precedence else 0,
        },
        lacking=_lacking(order),
    )


def _lacking(order: Order) -> str:
    """What is missing for an answer: spans, or the starts of all that edges join."""
    if not len(order.table):
        return "there are no spans"
    edges = [edges for edges in order.edges if len(edges)]
    if not edges or any((order.timed[e.cause] & order.timed[e.effect]).any() for e in edges):
        return ""
    n = sum(map(len, edges))
    return f"none of {plural(n, 'edge')} could be judged: their spans have no start"
