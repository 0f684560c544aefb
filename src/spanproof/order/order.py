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
from spanproof.table.facts import parent_cycles, started
from spanproof.table.identity import Identity, identify
from spanproof.table.schema import TIME_MAX

Rows = npt.NDArray[np.int32]
Successors = tuple[Rows, Rows, npt.NDArray[np.uint8]]
"""(indptr int32[n+1], effect int32[m], relation uint8[m])"""

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
        """A minimal cycle of each knot of causal edges, by the knots' first rows.

        A knot is a strongly connected component of two spans or more; there are cycles if
        and only if there are knots. Minimal: with any span less it is no cycle.
        O(spans + edges), however many knots there are.
        """
        component = self.components
        knotted = np.flatnonzero(np.bincount(component, minlength=1)[component] > 1)
        _numbers, first = np.unique(component[knotted], return_index=True)
        after = self.successors(CAUSAL)
        return tuple(
            _without_chords(_shortest(row, after, component), after)
            for row in np.sort(knotted[first]).tolist()
        )

    @cached_property
    def components(self) -> Rows:
        """int32[n]: strongly connected component of each row under the causal edges."""
        n = len(self.table)
        if not any(len(e) for e in self.edges if e.relation is not Relation.PARENT):
            return self._parent_components
        from spanproof.kernels.components import strong_components

        indptr, target, _kind = self.successors(CAUSAL)
        component = np.full(n, -1, np.int32)
        scratch = [np.zeros(n, np.int32) for _ in range(2)]
        strong_components(indptr, target, component, *scratch, np.zeros(3 * n, np.int32))
        return component

    @property
    def _parent_components(self) -> Rows:
        """The same where all edges are parents: a component is a cycle, or one row."""
        cycle, _count = parent_cycles(self.identity.parent)
        component = np.arange(cycle.size, dtype=np.int32)
        on = np.flatnonzero(cycle >= 0)
        _numbers, first, number = np.unique(cycle[on], return_index=True, return_inverse=True)
        component[on] = on[first][number]
        return component

    def successors(self, relations: frozenset[Relation]) -> Successors:
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
        from spanproof.kernels.reachability import reach

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
    ) -> dict[frozenset[Relation], Successors]:
        return {}

    @cached_property
    def start(self) -> npt.NDArray[np.int64]:
        """int64[n]: start of each row in Unix nanoseconds."""
        return self.table.numbers("spans", "start_time_unix_nano")

    @cached_property
    def timed(self) -> npt.NDArray[np.bool_]:
        """bool[n]: rows with a start that can be compared with others.

        Where no span of the table has a time other than 0, none has one at all.
        """
        end = self.table.numbers("spans", "end_time_unix_nano")
        some = bool(self.start.any() or end.any())
        return started(self.table) & (self.start < TIME_MAX) & some


def _shortest(row: int, after: Successors, component: Rows) -> tuple[Step, ...]:
    """A shortest cycle through a row, breadth first within its component."""
    indptr, target, kind = after
    reached: dict[int, Step] = {}
    queue = [row]
    for cause in queue:  # which grows meanwhile
        if row in reached:
            break
        for e in range(int(indptr[cause]), int(indptr[cause + 1])):
            effect = int(target[e])
            if effect not in reached and component[effect] == component[row]:
                reached[effect] = Step(cause, effect, Relation(kind[e]))
                queue.append(effect)
    steps = [reached[row]]
    while steps[-1].cause != row:
        steps.append(reached[steps[-1].cause])
    return tuple(reversed(steps))


def _without_chords(cycle: tuple[Step, ...], after: Successors) -> tuple[Step, ...]:
    """The least cycle among the rows of a shortest one through its first row.

    No edge skips ahead, or there were a shorter one; of the edges that lead back, the one
    that spans the fewest rows closes a cycle across which no other edge leads.
    """
    indptr, target, kind = after
    place = {step.cause: i for i, step in enumerate(cycle)}
    begin, last, relation = 0, len(cycle) - 1, cycle[-1].relation
    for row, i in place.items():
        for e in range(int(indptr[row]), int(indptr[row + 1])):
            back = place.get(int(target[e]), i + 1)
            if back <= i and i - back < last - begin:
                begin, last, relation = back, i, Relation(kind[e])
    return (*cycle[begin:last], Step(cycle[last].cause, cycle[begin].cause, relation))


def adjacency(n: int, edges: Sequence[Edges]) -> Successors:
    """(indptr int32[n+1], effect int32[m], relation uint8[m]), effects in the given order."""
    cause = np.concatenate([np.zeros(0, np.int32), *(e.cause for e in edges)])
    effect = np.concatenate([np.zeros(0, np.int32), *(e.effect for e in edges)])
    kind = np.repeat([np.uint8(e.relation) for e in edges], [len(e) for e in edges])
    order = np.argsort(cause, kind="stable")
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(cause, minlength=n), out=indptr[1:])
    return indptr, effect[order], kind.astype(np.uint8)[order]


def build(source: Table | Identity, *, temporal: bool = True) -> Order:
    """The order of a table: parents, links, and (unless told not to) real time on a resource.

    Takes the table's ids resolved, if they are. O(spans · log spans + links).
    """
    identity = source if isinstance(source, Identity) else identify(source)
    return Order(
        table=identity.table,
        identity=identity,
        edges=(parent_edges(identity), link_edges(identity)),
        precedence=precedence(identity) if temporal else None,
    )
