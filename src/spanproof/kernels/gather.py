"""Slices of bytes put one behind the other. Oracle: NumPy fancy indexing in the tests."""

from spanproof.kernels._jit import i4, i8, kernel, out, ro, u1


@kernel(i8(ro(u1), ro(i4), ro(i4), i8, out(u1), out(u1)))
def gather_fixed(data, at, size, width, column, valid):
    """Copy slices of exactly `width` bytes; others leave zeros and are marked.

    data    uint8[b]        read
    at      int32[n]        read     where each slice begins
    size    int32[n]        read     its length
    width   int64                    bytes per row
    column  uint8[n·width]  written  zeros on entry
    valid   uint8[n]        written  1: copied, 0: empty, 2: of another length
    Returns −1. O(n·width).
    """
    for i in range(at.size):
        if size[i] == width:
            base = i * width
            begin = int(at[i])
            for k in range(width):
                column[base + k] = data[begin + k]
            valid[i] = 1
        else:
            valid[i] = 0 if size[i] == 0 else 2
    return -1


@kernel(i8(ro(u1), ro(i4), ro(i4), ro(i8), out(u1)))
def gather(data, at, size, offsets, column):
    """Copy slices of any length.

    data     uint8[b]    read
    at       int32[n]    read     where each slice begins
    size     int32[n]    read     its length
    offsets  int64[n+1]  read     where each goes
    column   uint8[t]    written
    Returns −1. O(bytes).
    """
    for i in range(at.size):
        begin = int(at[i])
        base = offsets[i]
        for k in range(int(size[i])):
            column[base + k] = data[begin + k]
    return -1
