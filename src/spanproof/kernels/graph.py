"""Directed graphs over rows, as successor lists: components, cycles, reachability, closure counts.

A graph is `indptr` (int32[n+1]) and `target` (int32[m]): the successors of row i are
target[indptr[i]:indptr[i+1]]. Every walk has an explicit stack.
Oracle: tests/oracles/order.py (closure by definition), networkx.
"""

from spanproof.kernels._jit import b1, i4, i8, inline, kernel, out, ro, u1

CHUNK = 60  # bits of a word that are used: a signed word never overflows


@kernel(i8(ro(i4), ro(i4), out(i4), out(i4), out(i4), out(i4)))
def strong_components(indptr, target, component, index, stack, walk):
    """Number strongly connected components, in reverse topological order.

    indptr     int32[n+1]  read
    target     int32[m]    read
    component  int32[n]    written  −1 on entry
    index      int32[n]    written  scratch; zeros on entry
    stack      int32[n]    written  scratch
    walk       int32[3n]   written  scratch: row, next edge and lowest index of each frame
    Returns how many. O(n + m). Tarjan 1972, made iterative.
    """
    n = component.size
    count = 0
    clock = 0
    held = 0
    for root in range(n):
        if index[root] != 0:
            continue
        top = 0
        clock += 1
        index[root] = clock
        walk[0] = root
        walk[1] = indptr[root]
        walk[2] = clock
        stack[held] = root
        held += 1
        while top >= 0:
            row = int(walk[3 * top])
            edge = int(walk[3 * top + 1])
            if edge < indptr[row + 1]:
                walk[3 * top + 1] = edge + 1
                to = int(target[edge])
                if index[to] == 0:
                    clock += 1
                    index[to] = clock
                    stack[held] = to
                    held += 1
                    top += 1
                    walk[3 * top] = to
                    walk[3 * top + 1] = indptr[to]
                    walk[3 * top + 2] = clock
                elif component[to] < 0:
                    walk[3 * top + 2] = min(walk[3 * top + 2], index[to])
                continue
            lowest = int(walk[3 * top + 2])
            if lowest == index[row]:
                while True:
                    held -= 1
                    component[stack[held]] = count
                    if stack[held] == row:
                        break
                count += 1
            top -= 1
            if top >= 0:
                walk[3 * top + 2] = min(int(walk[3 * top + 2]), lowest)
    return count


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


@kernel(
    i8(i8, ro(i4), ro(i4), ro(u1), b1, ro(i4), ro(i4), ro(i4), out(i4), out(i4), out(i4), out(u1))
)
def reach(start, indptr, target, kind, timely, group, after, by_start, low, queue, via, how):
    """Everything that a row happens before, breadth first, with the way there.

    Beside the graph's edges, with `timely`, every row of the same group that starts after a
    reached row has ended is reached; each is queued once, however many such rows there are.

    start     row
    indptr    int32[n+1]  read
    target    int32[m]    read
    kind      uint8[m]    read     relation of each edge
    timely    boolean
    group     int32[n]    read     group of each row, dense
    after     int32[n]    read     position in `by_start` of the first row of its group that
                                   starts after it ends; the group's end if there is none;
                                   −1 if it has no end
    by_start  int32[n]    read     rows with a start by (group, start)
    low       int32[g]    written  in: where each group ends in `by_start`; from there down
                                   everything is reached
    queue     int32[n]    written  scratch
    via       int32[n]    written  −1 on entry; the row from which each was reached
    how       uint8[n]    written  by which relation; 255: by time
    Returns how many rows were reached. O(n + m).
    """
    queue[0] = start
    at = 0
    waiting = 1
    while at < waiting:
        row = int(queue[at])
        at += 1
        for e in range(int(indptr[row]), int(indptr[row + 1])):
            to = int(target[e])
            if via[to] < 0:
                via[to] = row
                how[to] = kind[e]
                if to != start:
                    queue[waiting] = to
                    waiting += 1
        if timely and after[row] >= 0:
            g = int(group[row])
            for position in range(int(after[row]), int(low[g])):
                to = int(by_start[position])
                if via[to] < 0:
                    via[to] = row
                    how[to] = 255
                    if to != start:
                        queue[waiting] = to
                        waiting += 1
            low[g] = min(low[g], after[row])
    return waiting - 1


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
