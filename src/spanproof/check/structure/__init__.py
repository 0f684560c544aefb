"""Structure: is every trace a tree of spans, each with an id of its own?

Sound and complete. Holds with the counts, violated with the spans; what is merely missing
or doubtful is a warning. Source: OpenTelemetry specification, Traces.
"""

from __future__ import annotations

from collections.abc import Iterator

from spanproof.check.names import Names, covered
from spanproof.check.structure import shapes
from spanproof.findings import CODES, Finding, Judgement
from spanproof.order import Order

__all__ = ["judge"]


def judge(order: Order, *, limit: int | None = None) -> Judgement:
    """Every code of `structure`; at most `limit` findings each, all of them counted.

    O(spans · log spans).
    """
    names = Names(order.table)
    findings: list[Finding] = []
    counts: dict[str, int] = {}
    for code, rows, tell in _every(order, names):
        if rows.size:
            counts[code] = int(rows.size)
        for row in rows[:limit].tolist():
            message, involved, evidence = tell(row)
            findings.append(
                Finding(
                    code=code,
                    severity=CODES[code].severity,
                    message=message,
                    rows=involved,
                    evidence=evidence,
                )
            )
    return Judgement(
        check="structure",
        findings=tuple(findings),
        counts=counts,
        covered=covered(order),
        lacking="" if len(order.table) else "there are no spans",
    )


def _every(order: Order, names: Names) -> Iterator[tuple[str, shapes.Rows, shapes.Tell]]:
    for code, shape in shapes.SHAPES.items():
        rows, tell = shape(order, names)
        yield f"structure.{code}", rows, tell
