"""Protobuf's wire format by columns: the sizes of a field of many messages, then its bytes.

Decides how varints, fixed words and length-delimited fields lie in the output. Messages of
one kind are rows; `cursors[i]` is where row i writes next, so that one call writes one field
of every row. Refuses to know which field of which message that is.

Source: Protocol Buffers documentation, "Encoding". Oracle for every kernel here: the official
classes (tests/test_emit.py). A tag is given as the number it is, (field << 3) | wire type.
"""

from spanproof.kernels._jit import i4, i8, inline, kernel, out, ro, u1

REST = 0x01FFFFFFFFFFFFFF  # the 57 bits that are left of 64 once seven are written


@inline
def _varint_size(value):
    """Bytes of the varint of an int64 taken as 64 bits without sign: 1 to 10."""
    size = 1
    value = (value >> 7 & REST) if value < 0 else value >> 7
    while value > 0:
        value >>= 7
        size += 1
    return size


@inline
def _put_varint(value, at, data):
    """Write the varint at data[at:], which the caller has checked to be large enough."""
    rest = (value >> 7 & REST) if value < 0 else value >> 7
    low = value & 0x7F
    while rest > 0:
        data[at] = low | 0x80
        at += 1
        low = rest & 0x7F
        rest >>= 7
    data[at] = low
    return at + 1


@kernel(i8(i8, ro(i8), ro(u1), out(i8)))
def add_varint_sizes(tag_size, values, present, sizes):
    """Add the size of tag and varint to each row that has one.

    values   int64[n] read     taken as 64 bits without sign
    present  uint8[n] read     0: this row has none
    sizes    int64[n] written  tag_size + 1 to 10 more where present
    Returns -1, or the first row beyond an array that is too short. O(n).
    """
    n = sizes.size
    if values.size != n or present.size != n:
        return min(values.size, present.size, n)
    for i in range(n):
        if present[i]:
            sizes[i] += tag_size + _varint_size(values[i])
    return -1


@kernel(i8(i8, ro(i8), out(i8)))
def add_slice_sizes(tag_size, lengths, sizes):
    """Add the size of tag, length and content to each row that has one.

    tag_size  0: the content alone
    lengths   int64[n] read     of the content; negative: this row has none
    sizes     int64[n] written  more where there is one
    Returns -1, or the first row beyond an array that is too short. O(n).
    """
    n = sizes.size
    if lengths.size != n:
        return min(lengths.size, n)
    for i in range(n):
        if lengths[i] >= 0:
            sizes[i] += lengths[i]
            if tag_size > 0:
                sizes[i] += tag_size + _varint_size(lengths[i])
    return -1


@kernel(i8(i8, ro(i4), ro(i8), out(i8)))
def add_text_sizes(tag_size, codes, lengths, sizes):
    """Add the size of tag, length and text to each row that has one.

    tag_size           bytes of the field's tag
    codes    int32[n]  read     rows of `lengths`; negative: this row has none
    lengths  int64[k]  read     of the dictionary's texts; negative: it is left out
    sizes    int64[n]  written  more where there is one
    Returns -1, or the first row whose code is no text. O(n).
    """
    n = sizes.size
    if codes.size != n:
        return min(codes.size, n)
    for i in range(n):
        code = codes[i]
        if code >= lengths.size:
            return i
        if code >= 0 and lengths[code] >= 0:
            sizes[i] += tag_size + _varint_size(lengths[code]) + lengths[code]
    return -1


@kernel(i8(i8, ro(i8), ro(u1), out(i8), out(u1)))
def put_varints(tag, values, present, cursors, data):
    """Write tag and varint of each row that has one.

    tag      > 0
    values   int64[n] read     taken as 64 bits without sign
    present  uint8[n] read     0: this row has none
    cursors  int64[n] written  advanced past what was written
    data     uint8[m] written  at the cursors
    Returns -1, or the first row that would write outside `data`; rows before it are written.
    O(n).
    """
    n = cursors.size
    if values.size != n or present.size != n:
        return min(values.size, present.size, n)
    tag_size = _varint_size(tag)
    for i in range(n):
        if present[i]:
            at = cursors[i]
            if at < 0 or at > data.size - tag_size - _varint_size(values[i]):
                return i
            at = _put_varint(tag, at, data)
            cursors[i] = _put_varint(values[i], at, data)
    return -1


@kernel(i8(i8, i8, ro(i8), ro(u1), out(i8), out(u1)))
def put_words(tag, width, words, present, cursors, data):
    """Write tag and little-endian word of each row that has one.

    tag      > 0
    width    4 or 8 bytes, the lowest of each word
    words    int64[n] read     the bits
    present  uint8[n] read     0: this row has none
    cursors  int64[n] written  advanced past what was written
    data     uint8[m] written  at the cursors
    Returns -1, or the first row that would write outside `data`; rows before it are written.
    O(n).
    """
    n = cursors.size
    if words.size != n or present.size != n:
        return min(words.size, present.size, n)
    tag_size = _varint_size(tag)
    for i in range(n):
        if present[i]:
            at = cursors[i]
            if at < 0 or at > data.size - tag_size - width:
                return i
            at = _put_varint(tag, at, data)
            word = words[i]
            for k in range(width):
                data[at + k] = word >> (8 * k) & 0xFF
            cursors[i] = at + width
    return -1


@kernel(i8(i8, ro(i8), out(i8), out(u1)))
def put_headers(tag, lengths, cursors, data):
    """Write tag and length of each row that has a message; its content is left to others.

    tag      > 0
    lengths  int64[n] read     of the content; negative: this row has none
    cursors  int64[n] written  advanced to the content's first byte
    data     uint8[m] written  at the cursors
    Returns -1, or the first row that would write outside `data`; rows before it are written.
    O(n).
    """
    n = cursors.size
    if lengths.size != n:
        return min(lengths.size, n)
    tag_size = _varint_size(tag)
    for i in range(n):
        if lengths[i] >= 0:
            at = cursors[i]
            if at < 0 or at > data.size - tag_size - _varint_size(lengths[i]):
                return i
            at = _put_varint(tag, at, data)
            cursors[i] = _put_varint(lengths[i], at, data)
    return -1


@kernel(i8(i8, ro(i8), ro(i8), ro(u1), out(i8), out(u1)))
def put_slices(tag, starts, lengths, source, cursors, data):
    """Write tag, length and bytes of each row that has some, or the bytes alone.

    tag      > 0, or 0: neither tag nor length is written
    starts   int64[n] read     where row i's bytes begin in `source`
    lengths  int64[n] read     how many; negative: this row has none
    source   uint8[k] read
    cursors  int64[n] written  advanced past what was written
    data     uint8[m] written  at the cursors; not `source`
    Returns -1, or the first row that would read or write outside; rows before it are
    written. O(n + bytes).
    """
    n = cursors.size
    if starts.size != n or lengths.size != n:
        return min(starts.size, lengths.size, n)
    tag_size = _varint_size(tag) if tag > 0 else 0
    for i in range(n):
        length = lengths[i]
        if length >= 0:
            at, begin = cursors[i], starts[i]
            size = tag_size + (_varint_size(length) if tag > 0 else 0)
            if begin < 0 or begin > source.size - length:
                return i
            if at < 0 or at > data.size - size - length:
                return i
            if tag > 0:
                at = _put_varint(tag, at, data)
                at = _put_varint(length, at, data)
            for k in range(length):
                data[at + k] = source[begin + k]
            cursors[i] = at + length
    return -1


@kernel(i8(i8, ro(i4), ro(i8), ro(i8), ro(u1), out(i8), out(u1)))
def put_texts(tag, codes, starts, lengths, source, cursors, data):
    """Write tag, length and text of each row that has one.

    tag      > 0
    codes    int32[n] read     rows of the dictionary; negative: this row has none
    starts   int64[k] read     where the dictionary's texts begin in `source`
    lengths  int64[k] read     how long they are; negative: it is left out
    source   uint8[s] read
    cursors  int64[n] written  advanced past what was written
    data     uint8[m] written  at the cursors; not `source`
    Returns -1, or the first row that would read or write outside; rows before it are
    written. O(n + bytes).
    """
    n = cursors.size
    if codes.size != n or starts.size != lengths.size:
        return min(codes.size, n)
    tag_size = _varint_size(tag)
    for i in range(n):
        code = codes[i]
        if code >= lengths.size:
            return i
        if code >= 0 and lengths[code] >= 0:
            at, begin, length = cursors[i], starts[code], lengths[code]
            if begin < 0 or begin > source.size - length:
                return i
            if at < 0 or at > data.size - tag_size - _varint_size(length) - length:
                return i
            at = _put_varint(tag, at, data)
            at = _put_varint(length, at, data)
            for k in range(length):
                data[at + k] = source[begin + k]
            cursors[i] = at + length
    return -1


@kernel(i8(ro(i4), ro(i8), out(i8)))
def add_child_sizes(parents, sizes, totals):
    """Add each child's size to its parent's total.

    parents  int32[n] read     rows of `totals`
    sizes    int64[n] read     of each child, its tag and length included
    totals   int64[p] written
    Returns -1, or the first child without a parent. O(n).
    """
    if sizes.size != parents.size:
        return min(sizes.size, parents.size)
    for i in range(parents.size):
        parent = parents[i]
        if parent < 0 or parent >= totals.size:
            return i
        totals[parent] += sizes[i]
    return -1


@kernel(i8(ro(i4), ro(i8), out(i8), out(i8)))
def place_children(parents, sizes, cursors, places):
    """Give each child the next place in its parent, in the order of rows.

    parents  int32[n] read     rows of `cursors`
    sizes    int64[n] read     of each child, its tag and length included
    cursors  int64[p] written  advanced past the children
    places   int64[n] written  where child i begins
    Returns -1, or the first child without a parent. O(n).
    """
    if sizes.size != parents.size or places.size != parents.size:
        return min(sizes.size, places.size, parents.size)
    for i in range(parents.size):
        parent = parents[i]
        if parent < 0 or parent >= cursors.size:
            return i
        places[i] = cursors[parent]
        cursors[parent] += sizes[i]
    return -1
