"""What a row reaches, by edges and by real time.

A graph is `indptr` (int32[n+1]) and `target` (int32[m]): the successors of row i are
target[indptr[i]:indptr[i+1]]. Every walk has an explicit stack. Each of the graph kernels
stands in a file that loads only where it is needed.
Oracle: tests/oracles/order.py (closure by definition), networkx.
"""

from spanproof.kernels._jit import b1, i4, i8, kernel, out, ro, u1


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
