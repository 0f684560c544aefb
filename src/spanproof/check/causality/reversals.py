"""Direct edges whose effect is timed before its cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spanproof.check.names import Names
from spanproof.findings import CODES, Finding
from spanproof.findings.durations import duration
from spanproof.order import EDGE_KINDS, Order, Relation
from spanproof.order.clocks import MILLISECOND_NS, clock_domains, coarse_starts

CODE = "causality.reversed_edge"
_WHAT = {Relation.PARENT: "its parent", Relation.LINK: "the span it links to,"}


def reversal_findings(
    order: Order, names: Names, limit: int | None
) -> tuple[Sequence[Finding], int]:
    """(findings, the worst first, and how many there are in all).

    An edge whose cause could as well be another span counts only if that one started later
    too. Spans without a start take no part. Links repeated count once.
    """
    start, timed = order.start, order.timed
    causes, effects, kinds = [], [], []
    for edges in order.edges:
        begun = start[edges.cause]
        if edges.relation is Relation.PARENT:
            begun = order.identity.earliest_parent(start)[edges.effect]
        else:  # the first of several with that id was taken
            begun = np.where(edges.doubtful, np.iinfo(np.int64).min, begun)
        wrong = (begun > start[edges.effect]) & timed[edges.cause] & timed[edges.effect]
        causes.append(edges.cause[wrong])
        effects.append(edges.effect[wrong])
        kinds.append(np.full(int(wrong.sum()), int(edges.relation)))
    found = np.stack([np.concatenate(c) for c in (kinds, causes, effects)], axis=1)
    found = np.unique(found, axis=0)
    early = start[found[:, 1]] - start[found[:, 2]]
    worst = np.lexsort((found[:, 0], found[:, 1], found[:, 2], -early))[:limit]
    clocks = Clocks(*clock_domains(order.identity), coarse_starts(order.identity))
    component = order.components
    return [
        _finding(order, names, Relation(kind), cause, effect, clocks, component)
        for kind, cause, effect in found[worst].tolist()
    ], int(found.shape[0])


class Clocks(NamedTuple):
    """What is known of the clocks that timed the spans, by row."""

    domain: npt.NDArray[np.int32]
    names: list[str]
    coarse: npt.NDArray[np.bool_]

    def of(self, row: int) -> str:
        return self.names[self.domain[row]]


def _finding(
    order: Order,
    names: Names,
    relation: Relation,
    cause: int,
    effect: int,
    clocks: Clocks,
    component: npt.NDArray[np.int32],
) -> Finding:
    early_ns = int(order.start[cause] - order.start[effect])
    one_clock = bool(clocks.domain[cause] == clocks.domain[effect])
    truncated = bool(clocks.coarse[effect]) and early_ns < MILLISECOND_NS
    kind = EDGE_KINDS[relation]
    if one_clock:
        told = f"both were timed by one clock ({clocks.of(cause)}), so no offset explains it"
    else:
        told = (
            f"a clock of {clocks.of(effect)} that is {duration(early_ns)} or more behind that of "
            f"{clocks.of(cause)} would explain it"
        )
    if truncated:
        service = names.service(effect)
        told += f"; starts of {service} are cut to the millisecond, which alone may explain it"
    return Finding(
        code=CODE,
        severity=CODES[CODE].severity,
        message=(
            f"{names(effect)} starts {duration(early_ns)} before {_WHAT[relation]} "
            f"{names(cause)}; {told}"
        ),
        rows=(effect, cause),
        evidence={
            "edge": relation.name.lower(),
            "early_ns": early_ns,
            "grade": kind.grade,
            "cause": {"span_id": names.id_of(cause), "start_ns": int(order.start[cause])},
            "effect": {"span_id": names.id_of(effect), "start_ns": int(order.start[effect])},
            "path": [names.id_of(cause), names.id_of(effect)],
            "because": kind.says.format(cause=names(cause), effect=names(effect)),
            "one_clock": one_clock,
            "clocks": {"cause": clocks.of(cause), "effect": clocks.of(effect)},
            "within_resolution": truncated,
            "on_cycle": bool(component[cause] == component[effect]),
        },
    )
