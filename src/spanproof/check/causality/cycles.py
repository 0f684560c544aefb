"""Spans that cause each other in a circle: times take no part in it."""

from __future__ import annotations

from collections.abc import Sequence

from spanproof.check.names import Names
from spanproof.findings import CODES, Finding
from spanproof.findings.durations import plural
from spanproof.order import Order, Relation

CODE = "causality.cycle"
_SHOWN = 6  # members of a circle that the sentence names


def cycle_findings(order: Order, names: Names, limit: int | None) -> tuple[Sequence[Finding], int]:
    """(findings in row order, how many knots there are): one minimal cycle for each knot."""
    cycles = order.cycles
    found = []
    for cycle in cycles[:limit]:
        rows = tuple(step.cause for step in cycle)
        told = [names(row) for row in rows[:_SHOWN]]
        more = f" → … ({plural(len(rows), 'span')})" if len(rows) > _SHOWN else ""
        kinds = {step.relation for step in cycle}
        by = " and ".join(sorted(f"{kind.name.lower()}s" for kind in kinds))
        found.append(
            Finding(
                code=CODE,
                severity=CODES[CODE].severity,
                message=f"{by} form a circle: {' → '.join(told)}{more} → {told[0]}",
                rows=rows,
                evidence={
                    "edges": [
                        {
                            "edge": step.relation.name.lower(),
                            "from": names.id_of(step.cause),
                            "to": names.id_of(step.effect),
                        }
                        for step in cycle
                    ],
                    "parents_only": kinds == {Relation.PARENT},
                },
            )
        )
    return found, len(cycles)
