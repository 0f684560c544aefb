"""Pairs joined by paths, counted by bits; and what that needs: components and an order.

A graph is `indptr` (int32[n+1]) and `target` (int32[m]): the successors of row i are
target[indptr[i]:indptr[i+1]]. Every walk has an explicit stack. Each of the graph kernels
stands in a file that loads only where it is needed.
Oracle: tests/oracles/order.py (closure by definition), networkx.
"""

from spanproof.kernels._jit import i4, i8, inline, kernel, out, ro

CHUNK = 60  # bits of a word that are used: a signed word never overflows


@inline
def root_of(parent, row):
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = int(parent[row])
    return row


@kernel(i8(ro(i4), ro(i4), out(i4)))
def weak_components(source, target, root):
    """Rows joined by edges of either direction, named by their first row.

    source, target  int32[m]  read
    root            int32[n]  written
    Returns −1. O((n + m) log n). Union by row number, path halving.
    """
    for i in range(root.size):
        root[i] = i
    for e in range(source.size):
        a = root_of(root, int(source[e]))
        b = root_of(root, int(target[e]))
        if a < b:
            root[b] = a
        elif b < a:
            root[a] = b
    for i in range(root.size):
        root[i] = root_of(root, i)
    return -1


@kernel(i8(ro(i4), ro(i4), out(i4), out(i4)))
def topological_order(indptr, target, order, degree):
    """Rows so that every edge goes forward; ties in row order of discovery.

    indptr  int32[n+1]  read
    target  int32[m]    read
    order   int32[n]    written
    degree  int32[n]    written  scratch; zeros on entry
    Returns how many rows were ordered: n where there is no cycle. O(n + m). Kahn 1962.
    """
    for e in range(target.size):
        degree[target[e]] += 1
    done = 0
    for i in range(order.size):
        if degree[i] == 0:
            order[done] = i
            done += 1
    at = 0
    while at < done:
        row = int(order[at])
        at += 1
        for e in range(int(indptr[row]), int(indptr[row + 1])):
            to = int(target[e])
            degree[to] -= 1
            if degree[to] == 0:
                order[done] = to
                done += 1
    return done


@inline
def bits_set(word):
    """How many of a word's low 60 bits are set."""
    word = word - ((word >> 1) & 0x555555555555555)
    word = (word & 0x333333333333333) + ((word >> 2) & 0x333333333333333)
    word = (word + (word >> 4)) & 0xF0F0F0F0F0F0F0F
    word = word + (word >> 8)
    word = word + (word >> 16)
    return (word + (word >> 32)) & 0x7F


@kernel(i8(ro(i4), ro(i4), ro(i4), ro(i4), ro(i4), ro(i4), out(i8)))
def reversed_pairs(bounds, indptr, cause, sources, first_source, earlier, reached):
    """Pairs with a path from a to b and start(a) > start(b), component by component.

    bounds        int32[c+1]  read     where each component begins among the rows; rows are
                                       in topological order within their component
    indptr        int32[n+1]  read     offsets into `cause`
    cause         int32[m]    read     direct predecessors of each row, all before it
    sources       int32[t]    read     rows with a start, by (component, start)
    first_source  int32[c+1]  read     where each component begins in `sources`
    earlier       int32[n]    read     how many sources of its component start no later than
                                       the row; −1 for a row without a start
    reached       int64[n]    written  scratch
    Returns the number of pairs. O(Σ (rows + edges) · sources / 60) over components.
    """
    pairs = 0
    for c in range(bounds.size - 1):
        low = int(bounds[c])
        high = int(bounds[c + 1])
        n_sources = int(first_source[c + 1]) - int(first_source[c])
        for chunk in range(0, n_sources, CHUNK):
            size = min(CHUNK, n_sources - chunk)
            for i in range(low, high):
                reached[i] = 0
            for j in range(size):
                reached[sources[first_source[c] + chunk + j]] = 1 << j
            for i in range(low, high):
                word = int(reached[i])
                own = word
                for e in range(int(indptr[i]), int(indptr[i + 1])):
                    word |= int(reached[cause[e]])
                reached[i] = word
                if earlier[i] < 0:
                    continue
                # Sources stand by start: those later than the row are the high bits.
                cut = int(earlier[i]) - chunk
                if cut >= size:
                    continue
                later = word & ~own
                if cut > 0:
                    later = (later >> cut) << cut
                pairs += bits_set(later)
    return pairs
