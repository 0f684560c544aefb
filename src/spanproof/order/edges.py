"""Edge builders: each yields edges of one kind; an order is the union of the chosen ones.

Source: Lamport 1978 for happens-before; docs/explanation/causal-order.md for what each kind
is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spanproof.order.relations import Relation
from spanproof.table.facts import started
from spanproof.table.identity import Identity
from spanproof.table.resources import same_resource
from spanproof.table.schema import TIME_MAX

Rows = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of one kind, cause before effect. int32[m] each; no edge from a row to itself."""

    relation: Relation
    cause: Rows
    effect: Rows
    doubtful: Mask  # another span is as likely the cause

    def __len__(self) -> int:
        return int(self.cause.size)


def parent_edges(identity: Identity) -> Edges:
    """Parent → child, where the parent is in the data and not the span itself. O(spans)."""
    parent = identity.parent
    child = np.flatnonzero((parent >= 0) & (parent != np.arange(parent.size))).astype(np.int32)
    return Edges(Relation.PARENT, parent[child], child, identity.doubtful[child])


def link_edges(identity: Identity) -> Edges:
    """Link target → linking span, where the target is in the data. O(links)."""
    target, owner = identity.target, identity.table.numbers("links", "parent_id")
    there = (target >= 0) & (target != owner)
    cause, effect = target[there], owner[there]
    shared = np.isin(identity.key[cause], identity.key[identity.duplicate])
    return Edges(Relation.LINK, cause, effect, shared)


@dataclass(frozen=True, slots=True)
class Precedence:
    """Real-time precedence within each resource: a ends before b starts. An interval order.

    Kept implicitly, O(spans) space however many pairs it orders.
    group     int32[n]  resource of each row, dense
    after     int32[n]  position in `by_start` of the first row of the group that starts after
                        the row ends (the group's end if none does); −1: the row has no end
    by_start  int32[k]  rows with a start, by (group, start)
    ends      int32[g]  where each group ends in `by_start`
    by_end    int32[l]  rows with a start and an end, by (group, end)
    low,high  int32[n]  the row's immediate predecessors are by_end[low:high]
    pairs               ordered pairs in all
    """

    group: Rows
    after: Rows
    by_start: Rows
    ends: Rows
    by_end: Rows
    low: Rows
    high: Rows
    pairs: int

    def __len__(self) -> int:
        """Edges of the relation's transitive reduction."""
        return int((self.high - self.low).sum(dtype=np.int64))


def precedence(identity: Identity) -> Precedence:
    """Same-resource temporal edges. O(n log n), whatever the number of pairs.

    b's immediate predecessors are the spans that end before it starts and not before the
    latest start among those that do: no other fits between.
    """
    table = identity.table
    start = table.numbers("spans", "start_time_unix_nano")
    end = table.numbers("spans", "end_time_unix_nano")
    has_start = started(table) & (start < TIME_MAX)
    has_end = has_start & (end >= start) & (end > 0) & (end < TIME_MAX)
    group = same_resource(table)[identity.resource]
    n_groups = int(group.max(initial=-1)) + 1
    # One number for (group, time): ranks of all times, starts and ends alike.
    times, rank = np.unique(np.concatenate([start, end]), return_inverse=True)
    base = group.astype(np.int64) * times.size
    start_key, end_key = base + rank[: start.size], base + rank[start.size :]

    by_start = _ordered(has_start, start_key)
    by_end = _ordered(has_end, end_key)
    starts, ends = start_key[by_start], end_key[by_end]
    bounds = np.searchsorted(starts, np.arange(1, n_groups + 1) * times.size)
    after = np.full(start.size, -1, np.int32)
    after[has_end] = np.searchsorted(starts, end_key[has_end], side="right")

    first = np.searchsorted(ends, base)  # where each row's group begins in by_end
    high = np.where(has_start, np.searchsorted(ends, start_key), first)
    latest = np.maximum.accumulate(start_key[by_end]) if by_end.size else np.zeros(1, np.int64)
    bound = latest[np.maximum(high - 1, 0)]
    low = np.where(high > first, np.searchsorted(ends, bound), high)
    return Precedence(
        group=group,
        after=after,
        by_start=by_start,
        ends=bounds.astype(np.int32),
        by_end=by_end,
        low=low.astype(np.int32),
        high=high.astype(np.int32),
        pairs=int((high - first).sum()),
    )


def _ordered(mask: Mask, key: npt.NDArray[np.int64]) -> Rows:
    rows = np.flatnonzero(mask)
    return rows[np.argsort(key[rows], kind="stable")].astype(np.int32)
