"""Strongly connected components of a directed graph over rows.

A graph is `indptr` (int32[n+1]) and `target` (int32[m]): the successors of row i are
target[indptr[i]:indptr[i+1]]. Every walk has an explicit stack. Each of the graph kernels
stands in a file that loads only where it is needed.
Oracle: tests/oracles/order.py (closure by definition), networkx.
"""

from spanproof.kernels._jit import i4, i8, kernel, out, ro


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
