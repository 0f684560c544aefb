"""How many pairs of spans are timed against their causal order: counted, not enumerated.

A pair (a, b) counts where a path of parent and link edges leads from a to b and a starts
later. Edges on cycles are left out, and so are edges whose cause is in doubt. Exact for
forests of any size in O(n log n); where links join trees, the closure is counted by bits as
long as that fits a budget, and is a lower bound otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from spanproof.order.order import Order, Rows
from spanproof.order.relations import Relation

BUDGET: Final = 4 * 10**9  # steps; a step costs about a nanosecond

Mask = npt.NDArray[np.bool_]


def reversed_pairs(order: Order, *, budget: int = BUDGET) -> tuple[int, bool]:
    """(pairs, whether that is exact; else there are at least so many)."""
    n = len(order.table)
    component = order.components
    parts = {}
    for edges in order.edges:
        keep = (component[edges.cause] != component[edges.effect]) & ~edges.doubtful
        parts[edges.relation] = edges.cause[keep], edges.effect[keep]
    parent = np.full(n, -1, np.int32)
    cause, effect = parts[Relation.PARENT]
    parent[effect] = cause
    link_cause, link_effect = parts[Relation.LINK]
    if not link_cause.size:
        return _in_forest(order, parent, np.ones(n, np.bool_)), True
    cause = np.concatenate([cause, link_cause])
    effect = np.concatenate([effect, link_effect])
    root = _weak(n, cause, effect)
    linked = np.zeros(n, np.bool_)
    linked[root[link_effect]] = True
    size = np.bincount(root, minlength=n).astype(np.int64)
    edges_in = np.bincount(root[effect], minlength=n)
    cost = (size + edges_in) * ((size + 59) // 60)
    rows_by_cost = np.flatnonzero(linked)[np.argsort(cost[linked], kind="stable")]
    afford = np.zeros(n, np.bool_)
    afford[rows_by_cost[np.cumsum(cost[rows_by_cost]) <= budget]] = True
    counted = afford[root]
    pairs = _in_graph(order, counted, cause, effect, root)
    pairs += _in_forest(order, parent, ~counted)
    exact = bool((counted | ~linked[root]).all())
    if not exact:
        pairs += _reversed_links(order, parent, link_cause, link_effect, ~counted)
    return pairs, exact


def _weak(n: int, cause: Rows, effect: Rows) -> Rows:
    from spanproof.kernels.closure import weak_components

    root = np.zeros(n, np.int32)
    weak_components(cause, effect, root)
    return root


def _forest(parent: Rows, among: Mask) -> tuple[Rows, Rows, Rows]:
    """(rows in preorder, where each row's subtree ends, depth) of the rows chosen."""
    from spanproof.kernels.forest import preorder

    rows = np.flatnonzero(among).astype(np.int32)
    number = np.full(parent.size, -1, np.int32)
    number[rows] = np.arange(rows.size, dtype=np.int32)
    above = np.where(parent[rows] >= 0, number[parent[rows]], -1)
    child = np.argsort(above, kind="stable").astype(np.int32)
    n_roots = int((above < 0).sum())
    indptr = np.zeros(rows.size + 1, np.int32)
    np.cumsum(np.bincount(above[above >= 0], minlength=rows.size), out=indptr[1:])
    roots = np.full(rows.size + 1, -1, np.int32)
    roots[:n_roots] = child[:n_roots]
    order, last, depth = (np.zeros(rows.size, np.int32) for _ in range(3))
    preorder(indptr, child[n_roots:], roots, order, last, depth)
    return order, last, depth


def _in_forest(order: Order, parent: Rows, among: Mask) -> int:
    """Pairs of an ancestor and a descendant timed the wrong way, among whole trees."""
    from spanproof.kernels.forest import reversed_pairs as kernel

    if not among.any():
        return 0
    walk, _last, depth = _forest(parent, among)
    start = order.start[among]
    starts, rank = np.unique(start, return_inverse=True)
    return int(
        kernel(
            walk,
            depth,
            (rank + 1).astype(np.int32),
            order.timed[among].astype(np.uint8),
            np.zeros(int(depth.max()) + 1, np.int32),
            np.zeros(starts.size + 1, np.int32),
        )
    )


def _in_graph(order: Order, among: Mask, cause: Rows, effect: Rows, root: Rows) -> int:
    """Pairs by closure, in the weak components chosen."""
    from spanproof.kernels.closure import reversed_pairs as kernel
    from spanproof.kernels.closure import topological_order

    n = among.size
    if not among.any():
        return 0
    keep = among[effect]
    cause, effect = cause[keep], effect[keep]
    sequence, degree = np.zeros(n, np.int32), np.zeros(n, np.int32)
    by_cause = np.argsort(cause, kind="stable")
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(cause, minlength=n), out=indptr[1:])
    topological_order(indptr, effect[by_cause], sequence, degree)
    sequence = sequence[among[sequence]]
    sequence = sequence[np.argsort(root[sequence], kind="stable")]  # by component
    place = np.full(n, -1, np.int32)
    place[sequence] = np.arange(sequence.size, dtype=np.int32)
    component = root[sequence]
    heads = np.flatnonzero(np.diff(component, prepend=-1))
    bounds = np.append(heads, sequence.size).astype(np.int32)

    by_effect = np.argsort(place[effect], kind="stable")
    causes = place[cause][by_effect]
    into = np.zeros(sequence.size + 1, np.int32)
    np.cumsum(np.bincount(place[effect], minlength=sequence.size), out=into[1:])

    timed, start = order.timed[sequence], order.start[sequence]
    number = np.repeat(np.arange(heads.size), np.diff(bounds))  # component of each row
    sources = np.flatnonzero(timed)
    sources = sources[np.lexsort((start[sources], number[sources]))]
    firsts = np.searchsorted(number[sources], np.arange(heads.size + 1))
    times, rank = np.unique(start, return_inverse=True)
    key = number.astype(np.int64) * times.size + rank
    no_later = np.searchsorted(key[sources], key, side="right") - firsts[number]
    earlier = np.where(timed, no_later, -1)
    return int(
        kernel(
            bounds,
            into,
            causes.astype(np.int32),
            sources.astype(np.int32),
            firsts.astype(np.int32),
            earlier.astype(np.int32),
            np.zeros(sequence.size, np.int64),
        )
    )


def _reversed_links(order: Order, parent: Rows, cause: Rows, effect: Rows, among: Mask) -> int:
    """Reversed links, each pair once, that join no ancestor to its descendant."""
    walk, last, _depth = _forest(parent, np.ones(parent.size, np.bool_))
    place = np.zeros(parent.size, np.int32)
    place[walk] = np.arange(walk.size, dtype=np.int32)
    wrong = among[effect] & order.timed[cause] & order.timed[effect]
    wrong &= order.start[cause] > order.start[effect]
    below = (place[cause] <= place[effect]) & (place[effect] < last[cause])
    pairs = np.stack([cause, effect], axis=1)[wrong & ~below]
    return int(np.unique(pairs, axis=0).shape[0])
