"""`Order`: happens-before over the spans of a table, asked by row number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spanproof.order.edges import Edges, Precedence, link_edges, parent_edges, precedence
from spanproof.order.relations import Relation
from spanproof.table import Table
from spanproof.table.facts import started
from spanproof.table.identity import Identity, identify
from spanproof.table.schema import TIME_MAX

Rows = npt.NDArray[np.int32]

CAUSAL: Final = frozenset({Relation.PARENT, Relation.LINK})
EVERY: Final = frozenset(Relation)
_HELD: Final = 64  # answers to "what follows from a" that are kept


class Step(NamedTuple):
    """One edge of a path, from cause to effect, by row."""

    cause: int
    effect: int
    relation: Relation


@dataclass(frozen=True)
class Order:
    """The union of edge builders over one table; made by `build`. Immutable.

    Causality (parents, links) and real time within a resource are relations of their own:
    a question names the relations it is about.
    """

    table: Table
    identity: Identity
    edges: tuple[Edges, ...]  # of the causal kinds
    precedence: Precedence | None

    def happens_before(self, a: int, b: int, relations: frozenset[Relation] = EVERY) -> bool:
        """Whether a path of these relations leads from row a to row b.

        The first question about a costs O(spans + edges), those after it O(1), for the
        last few a. On a cycle, each row happens before every other, but none before itself.
        """
        return a != b and bool(self._reached(a, relations)[0][b] >= 0)

    def concurrent(self, a: int, b: int, relations: frozenset[Relation] = EVERY) -> bool:
        """Whether neither of two different rows happens before the other. Cost as above."""
        return (
            a != b
            and not self.happens_before(a, b, relations)
            and not self.happens_before(b, a, relations)
        )

    def path(
        self, a: int, b: int, relations: frozenset[Relation] = EVERY
    ) -> tuple[Step, ...] | None:
        """A shortest path from row a to row b, or None; from a row to itself, its cycle."""
        via, how = self._reached(a, relations)
        if via[b] < 0:
            return None
        steps = [Step(int(via[b]), b, Relation(how[b]))]
        while steps[-1].cause != a:
            row = steps[-1].cause
            steps.append(Step(int(via[row]), row, Relation(how[row])))
        return tuple(reversed(steps))

    def counts(self) -> dict[str, int]:
        """Edges by kind, as the builders gave them; temporal ones as the interval order's
        reduction has them, since the pairs are quadratic in number."""
        counts = {edges.relation.name.lower(): len(edges) for edges in self.edges}
        if self.precedence is not None:
            counts["temporal"] = len(self.precedence)
        return counts

    @cached_property
    def cycles(self) -> tuple[tuple[Step, ...], ...]:
        """A shortest cycle through the first row of each knot of causal edges.

        A knot is a strongly connected component of two spans or more; there are cycles if
        and only if there are knots. O(spans + edges) beside O(spans) for each knot.
        """
        component = self.components
        knotted = np.flatnonzero(np.bincount(component, minlength=1)[component] > 1)
        _numbers, first = np.unique(component[knotted], return_index=True)
        found = []
        for row in np.sort(knotted[first]):
            cycle = self.path(int(row), int(row), CAUSAL)
            assert cycle is not None
            found.append(cycle)
        return tuple(found)

    @cached_property
    def components(self) -> Rows:
        """int32[n]: strongly connected component of each row under the causal edges."""
        from spanproof.kernels.graph import strong_components

        n = len(self.table)
        indptr, target, _kind = self.successors(CAUSAL)
        component = np.full(n, -1, np.int32)
        scratch = [np.zeros(n, np.int32) for _ in range(2)]
        strong_components(indptr, target, component, *scratch, np.zeros(3 * n, np.int32))
        return component

    def successors(
        self, relations: frozenset[Relation]
    ) -> tuple[Rows, Rows, npt.NDArray[np.uint8]]:
        """(indptr int32[n+1], effect int32[m], relation uint8[m]) of the explicit edges."""
        chosen = [edges for edges in self.edges if edges.relation in relations]
        return adjacency(len(self.table), chosen)

    def _reached(
        self, a: int, relations: frozenset[Relation]
    ) -> tuple[Rows, npt.NDArray[np.uint8]]:
        held = self._held
        if (a, relations) in held:
            held.move_to_end((a, relations))
            return held[a, relations]
        from spanproof.kernels.graph import reach

        n = len(self.table)
        timely = Relation.TEMPORAL in relations and self.precedence is not None
        none = np.zeros(0, np.int32)
        group, after, by_start, ends = none, none, none, none
        if timely and (order := self.precedence) is not None:
            group, after, by_start, ends = order.group, order.after, order.by_start, order.ends
        via, how = np.full(n, -1, np.int32), np.zeros(n, np.uint8)
        if relations not in self._adjacent:
            self._adjacent[relations] = self.successors(relations)
        indptr, target, kind = self._adjacent[relations]
        queue = np.zeros(n + 1, np.int32)
        reach(a, indptr, target, kind, timely, group, after, by_start, ends.copy(), queue, via, how)
        held[a, relations] = via, how
        if len(held) > _HELD:
            held.popitem(last=False)
        return via, how

    @cached_property
    def _held(
        self,
    ) -> OrderedDict[tuple[int, frozenset[Relation]], tuple[Rows, npt.NDArray[np.uint8]]]:
        return OrderedDict()

    @cached_property
    def _adjacent(
        self,
    ) -> dict[frozenset[Relation], tuple[Rows, Rows, npt.NDArray[np.uint8]]]:
        return {}

    @cached_property
    def start(self) -> npt.NDArray[np.int64]:
        """int64[n]: start of each row in Unix nanoseconds."""
        return self.table.numbers("spans", "start_time_unix_nano")

    @cached_property
    def timed(self) -> npt.NDArray[np.bool_]:
        """bool[n]: rows with a start that can be compared with others."""
        return started(self.table) & (self.start < TIME_MAX)


def adjacency(n: int, edges: Sequence[Edges]) -> tuple[Rows, Rows, npt.NDArray[np.uint8]]:
    """(indptr int32[n+1], effect int32[m], relation uint8[m]), effects in the given order."""
    cause = np.concatenate([np.zeros(0, np.int32), *(e.cause for e in edges)])
    effect = np.concatenate([np.zeros(0, np.int32), *(e.effect for e in edges)])
    kind = np.repeat([np.uint8(e.relation) for e in edges], [len(e) for e in edges])
    order = np.argsort(cause, kind="stable")
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(cause, minlength=n), out=indptr[1:])
    return indptr, effect[order], kind.astype(np.uint8)[order]


def build(table: Table, *, temporal: bool = True) -> Order:
    """The order of a table: parents, links, and (unless told not to) real time on a resource.

    O(spans · log spans + links).
    """
    identity = identify(table)
    return Order(
        table=table,
        identity=identity,
        edges=(parent_edges(identity), link_edges(identity)),
        precedence=precedence(identity) if temporal else None,
    )
