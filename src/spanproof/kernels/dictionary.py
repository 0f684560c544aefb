"""Dictionary encoding: slices of bytes → codes in order of first appearance.

Open addressing with linear probing over a seeded hash; a hit is decided by comparing
bytes, so the hash only buys speed. The seed is random per process, against inputs made to
collide; codes do not depend on it. Source: Knuth, TAOCP vol. 3, §6.4. Oracle: a dict.
"""

from numpy import uint64

from spanproof.kernels._jit import b1, i4, i8, inline, kernel, out, ro, u1

STATE_COUNT, STATE_BYTES, STATE_ROW = 0, 1, 2
DONE, FULL = -1, -2


@inline
def word_at(data, k):
    """Four bytes, little-endian. The index is unsigned so that no wrap-around is tested for."""
    i = uint64(k)
    return (
        int(data[i])
        | int(data[i + uint64(1)]) << 8
        | int(data[i + uint64(2)]) << 16
        | int(data[i + uint64(3)]) << 24
    )


@inline
def same_bytes(a, at, b, where, size):
    k = 0
    while k + 4 <= size:
        if word_at(a, at + k) != word_at(b, where + k):
            return False
        k += 4
    while k < size:
        if a[at + k] != b[where + k]:
            return False
        k += 1
    return True


@inline
def hash_of(data, at, size, seed):
    """31 bits; every product stays below 2**62, so that no mode of running overflows."""
    h = seed ^ size
    k = at
    end = at + size
    while k + 4 <= end:
        h = ((h ^ word_at(data, k)) & 0xFFFFFFFF) * 0x2C1B3C6D
        h = (h ^ (h >> 29)) & 0xFFFFFFFF
        k += 4
    word = 0
    while k < end:
        word = word << 8 | int(data[k])
        k += 1
    h = ((h ^ word) & 0xFFFFFFFF) * 0x297A2D39
    h = (h ^ (h >> 31)) & 0xFFFFFFFF
    h = h * 0x2C1B3C6D
    return (h ^ (h >> 29)) & 0x7FFFFFFF


@inline
def utf8_fault(data, pos, end):
    """The first byte of what is no UTF-8 (Unicode 15, table 3-7), or −1."""
    while pos < end:
        a = int(data[pos])
        if a < 0x80:
            pos += 1
            continue
        more = 1
        low = 0x80
        high = 0xBF
        if a < 0xC2 or a > 0xF4:
            return pos
        if a >= 0xE0:
            more = 2
            if a == 0xE0:
                low = 0xA0
            elif a == 0xED:
                high = 0x9F
        if a >= 0xF0:
            more = 3
            low = 0x80
            if a == 0xF0:
                low = 0x90
            elif a == 0xF4:
                high = 0x8F
        if pos + more >= end:
            return pos
        b = int(data[pos + 1])
        if b < low or b > high:
            return pos
        for k in range(2, more + 1):
            c = int(data[pos + k])
            if c < 0x80 or c > 0xBF:
                return pos
        pos += more + 1
    return -1


@kernel(i8(ro(u1), ro(i4), ro(i4), b1, i8, out(i4), out(i4), out(i8), out(u1), out(i8), out(i4)))
def intern(data, at, size, text, seed, slots, hashes, ends, blob, state, codes):
    """Give every slice the code of its bytes, adding those not met before.

    data    uint8[b]    read     the bytes
    at      int32[n]    read     where each slice begins
    size    int32[n]    read     its length
    text    boolean              new entries must be UTF-8
    seed    int64                31 bits
    slots   int32[2^k]  written  hash table of codes, −1 where empty
    hashes  int32[m]    written  hash of each entry
    ends    int64[m+1]  written  where each entry ends in `blob`, [0] = 0
    blob    uint8[t]    written  the entries' bytes, one behind the other
    state   int64[3]    written  entries, bytes of blob, rows done
    codes   int32[n]    written
    Returns −1 when all rows are done; −2 when a table is full (grow it, call again); else
    the offset in `data` of what is no UTF-8. O(bytes) expected.
    """
    mask = slots.size - 1
    for i in range(state[STATE_ROW], at.size):
        begin = int(at[i])
        length = int(size[i])
        h = hash_of(data, begin, length, seed)
        slot = h & mask
        code = -1
        while slots[slot] >= 0:
            entry = slots[slot]
            if hashes[entry] == h and ends[entry + 1] - ends[entry] == length:
                if same_bytes(data, begin, blob, ends[entry], length):
                    code = entry
                    break
            slot = (slot + 1) & mask
        if code < 0:
            code = state[STATE_COUNT]
            used = state[STATE_BYTES]
            if 2 * (code + 1) > slots.size or code >= hashes.size or used + length > blob.size:
                state[STATE_ROW] = i
                return FULL
            if text:
                fault = utf8_fault(data, begin, begin + length)
                if fault >= 0:
                    state[STATE_ROW] = i
                    return fault
            for k in range(length):
                blob[used + k] = data[begin + k]
            slots[slot] = code
            hashes[code] = h
            ends[code + 1] = used + length
            state[STATE_COUNT] = code + 1
            state[STATE_BYTES] = used + length
        codes[i] = code
    state[STATE_ROW] = at.size
    return DONE


@kernel(i8(ro(i4), i8, out(i4)))
def rehash(hashes, count, slots):
    """Fill a new, empty hash table with the first `count` entries.

    hashes  int32[m]    read
    count   int64                at most half of the slots
    slots   int32[2^k]  written  all −1 on entry
    Returns −1. O(count) expected.
    """
    mask = slots.size - 1
    for code in range(count):
        slot = int(hashes[code]) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = code
    return DONE
