"""Spans in the order in which a person reads a trace: parents first, children by start."""

from __future__ import annotations

import numpy as np

from spanproof.order.order import Order, Rows
from spanproof.table.facts import parent_cycles


def reading_order(order: Order) -> tuple[Rows, Rows]:
    """(rows in preorder, trace by trace; by row, its depth).

    Traces stand in order of first appearance, spans without a trace id last; roots and
    siblings by start, then row. A cycle of parents is cut above its first row. O(n log n).
    """
    from spanproof.kernels.forest import preorder

    identity = order.identity
    n = len(order.table)
    parent = np.where(identity.parent >= 0, identity.parent, -1).astype(np.int32)
    cycle, _count = parent_cycles(parent)
    on = np.flatnonzero(cycle >= 0)
    _numbers, first = np.unique(cycle[on], return_index=True)
    parent[on[first]] = -1
    trace = np.where(identity.trace < 0, np.iinfo(np.int32).max, identity.trace)
    trace = np.where(parent < 0, trace, 0)
    child = np.lexsort((np.arange(n), order.start, trace, parent)).astype(np.int32)
    n_roots = int((parent < 0).sum())
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(parent[parent >= 0], minlength=n), out=indptr[1:])
    roots = np.full(n + 1, -1, np.int32)
    roots[:n_roots] = child[:n_roots]
    walk, last, depth = (np.zeros(n, np.int32) for _ in range(3))
    reached = preorder(indptr, child[n_roots:], roots, walk, last, depth)
    assert reached == n
    return walk, depth
