"""The parent function of spans: its cycles, its preorder, and pairs timed the wrong way.

Source: Tarjan 1979 for the interval numbering of ancestors; Fenwick 1994 for counting.
Oracle: tests/oracles/order.py, all pairs by definition.
"""

from spanproof.kernels._jit import i4, i8, inline, kernel, out, ro, u1


@kernel(i8(ro(i4), out(i4), out(i4)))
def parent_cycles(parent, cycle, seen):
    """Number the cycles of a parent function, those of one span (its own parent) included.

    parent  int32[n]  read     a row, or negative for none
    cycle   int32[n]  written  the cycle a row is on, by its first row; −1 elsewhere
    seen    int32[n]  written  scratch; zeros on entry
    Returns how many cycles. O(n).
    """
    count = 0
    for i in range(parent.size):
        cycle[i] = -1
    for i in range(parent.size):
        j = i
        while j >= 0 and seen[j] == 0:
            seen[j] = i + 1
            j = int(parent[j])
        if j >= 0 and seen[j] == i + 1:  # met again on this walk: a new cycle
            k = j
            while cycle[k] < 0:
                cycle[k] = count
                k = int(parent[k])
            count += 1
    return count


@kernel(i8(ro(i4), ro(i4), out(i4), out(i4), out(i4), out(i4)))
def preorder(indptr, child, roots, order, last, depth):
    """Walk a forest: rows in preorder, and where each row's subtree ends.

    indptr  int32[n+1]  read     offsets into `child`
    child   int32[m]    read     children of each row, in the order they are to be visited
    roots   int32[n+1]  written  in: the roots, then −1; a stack after
    order   int32[n]    written  rows in preorder
    last    int32[n]    written  by row: position in `order` after its subtree
    depth   int32[n]    written  by row: 0 for roots
    Returns how many rows were reached (n for a forest). O(n), the stack is explicit.
    """
    waiting = 0
    while roots[waiting] >= 0:
        waiting += 1
    for k in range(waiting // 2):  # the first root on top
        swap = roots[k]
        roots[k] = roots[waiting - 1 - k]
        roots[waiting - 1 - k] = swap
    for k in range(waiting):
        depth[roots[k]] = 0
    done = 0
    while waiting > 0:
        waiting -= 1
        row = int(roots[waiting])
        order[done] = row
        done += 1
        for k in range(int(indptr[row + 1]) - 1, int(indptr[row]) - 1, -1):
            roots[waiting] = child[k]
            depth[child[k]] = depth[row] + 1
            waiting += 1
    for k in range(done - 1, -1, -1):  # children stand behind their parents
        row = int(order[k])
        end = k + 1
        for c in range(int(indptr[row]), int(indptr[row + 1])):
            end = max(end, int(last[child[c]]))
        last[row] = end
    return done


@inline
def add(tree, rank, amount):
    """Fenwick tree: add at a rank, 1-based."""
    k = rank
    while k < tree.size:
        tree[k] += amount
        k += k & -k


@kernel(i8(ro(i4), ro(i4), ro(i4), ro(u1), out(i4), out(i4)))
def reversed_pairs(order, depth, rank, timed, path, tree):
    """Pairs of an ancestor and a descendant of which the descendant starts earlier.

    order  int32[n]    read     rows in preorder
    depth  int32[n]    read     by row
    rank   int32[n]    read     by row: rank of its start, 1 to r, equal starts equal ranks
    timed  uint8[n]    read     by row: 1 where the start counts
    path   int32[d]    written  scratch: the ancestors of the row at hand, by depth
    tree   int32[r+1]  written  scratch; zeros on entry, zeros but for the last path after
    Returns the number of pairs. O(n log r).
    """
    pairs = 0
    on_path = 0
    open_depth = 0
    for k in range(order.size):
        row = int(order[k])
        while open_depth > depth[row]:
            open_depth -= 1
            left = int(path[open_depth])
            if timed[left] == 1:
                add(tree, int(rank[left]), -1)
                on_path -= 1
        if timed[row] == 1:
            earlier_or_equal = 0
            r = int(rank[row])
            while r > 0:
                earlier_or_equal += tree[r]
                r -= r & -r
            pairs += on_path - earlier_or_equal
            add(tree, int(rank[row]), 1)
            on_path += 1
        path[open_depth] = row
        open_depth += 1
    return pairs
