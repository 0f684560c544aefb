"""OTLP/JSON text → OTLP protobuf bytes, in one pass and with an explicit stack.

Decides how JSON is read (RFC 8259, strictly) and how a value becomes a field's bytes. Which
keys there are, what they mean and what an error is called stands in the tables that the
driver passes: `spanproof.ingest.otlp_json`, the only caller. Nothing here knows a field.

All state lives in `state` and `stack`, so that a call may stop at an error, have the stack
rewritten (a span left out), and go on. Numbers stay int64 throughout: 64-bit magnitudes are
two 32-bit halves, a double is made of limbs of nine digits where float64 is not enough.
"""

from __future__ import annotations

import numpy as np

from spanproof.kernels._jit import i4, i8, inline, kernel, out, ro, u1

# modes
DOCUMENT, LINES, SCAN = 0, 1, 2

# columns of `rows`, one row a name of a message kind (or of an enum)
R_NAME, R_SIZE, R_TYPE, R_TAG, R_REPEATED, R_KIND, R_FLAGS, R_NOTE, R_COUNT, R_VALUE = range(10)
R_WIDTH = 16

# flags of the message that a row leads to
PADDED, SILENT, INLINE, SPAN, KEY_VALUE, ANY_VALUE, GROUP, KEY = 1, 2, 4, 8, 16, 32, 64, 128

# types, R_TYPE: the numbers of spanproof.vocabulary.otlp.Type (a test compares them)
T_MESSAGE, T_STRING, T_BYTES, T_ID, T_UINT32, T_ENUM = 0, 1, 2, 3, 4, 5
T_FIXED32, T_FIXED64, T_INT64, T_DOUBLE, T_BOOL = 6, 7, 8, 9, 10

# bits of spanproof.vocabulary.dialects.Dialect (a test compares them)
UPPER_CASE_HEX, BASE64_ID, DASHED_ID, TEXT_ID, ENUM_NAME = 1, 2, 4, 8, 16

# cells of `state`
(S_AT, S_OUT, S_DEPTH, S_PHASE, S_ROW, S_NEST, S_DIALECT, S_DOCUMENTS, S_BAD, S_START) = range(10)
S_TAG, S_NEST_MAX = 10, 11
S_NOTES, S_COUNTS, S_KEYS = 12, 18, 24  # six each: by note, by counter, offsets of first keys
S_SAVED = 30  # notes and counters as they stood before the document at hand
S_WIDTH = 42  # and two cells a row of the vocabulary: the key that came next the last time
KEYS_SHOWN = 4

# cells of a frame of `stack`
F_WHAT, F_ROW, F_FLAGS, F_KIND, F_START, F_BODY, F_K0, F_K1, F_V0, F_V1, F_LAST = range(11)
F_INDEX = F_K0  # of a list: the element at hand
F_KNOWN, F_SEEN = F_K0, F_K1  # of a top-level object: known keys, keys
F_WIDTH = 11
DEPTH_JSON = 512
SKIP_OBJECT, SKIP_LIST, OBJECT, LIST = 0, 1, 2, 3

# phases, S_PHASE
P_START, P_AFTER, P_VALUE, P_NEXT, P_FIRST_KEY, P_KEY, P_FIRST_ITEM = range(7)

# what a call ends with; below WRONG_TYPE the text is no JSON, from there on no OTLP
(DONE, CUT, NO_KEY, NO_COLON, NO_COMMA, NO_VALUE, BAD_NUMBER, BAD_ESCAPE, CONTROL) = range(9)
BAD_UTF8, SURROGATE, TOO_DEEP, TRAILING = 9, 10, 11, 12
WRONG_TYPE, NOT_INTEGER, RANGE, NOT_NAME, NOT_BASE64, NOT_NUMBER, NESTED, NO_TRACE = range(20, 28)
FULL, OVERFLOW = 40, 41

# `tables`: 256 hex digits' values (16 more for upper case, -1 for none), then the names' slots
SLOTS_AT = 256
SLOTS = 128  # a message kind

LIMB = 1_000_000_000
LIMBS_MAX = 320
DIGITS_MAX = 800  # more than the 767 that can decide how a double is rounded
HALF = 0xFFFFFFFF


@inline
def _at(text, i):
    """The byte at i, which the caller knows to be there: no negative index is looked for."""
    return np.int64(text[np.uint64(i)])


@inline
def _cell(rows, row, cell):
    """A cell of a row of the vocabulary."""
    return np.int64(rows[np.uint64(row * R_WIDTH + cell)])


@inline
def _plain(text, i):
    """How many of the 16 bytes at i come before a quote, a backslash or no plain ASCII."""
    first = np.uint8(16)
    for k in range(16):
        c = text[np.uint64(i + k)]
        special = (c == 34) | (c == 92) | (c < 32) | (c > 127)
        first = min(first, np.uint8(k) if special else np.uint8(16))
    return np.int64(first)


@inline
def _same(names, at, text, a, size):
    """Whether the name of a size at `at` is text[a:a + size]."""
    if a + 32 <= text.size and size <= 32:
        differ = np.uint8(0)
        for k in range(16):
            x = np.uint8(names[np.uint64(at + k)] ^ text[np.uint64(a + k)])
            differ = np.uint8(differ | (x if k < size else np.uint8(0)))
        if size > 16:
            for k in range(16, 32):
                x = np.uint8(names[np.uint64(at + k)] ^ text[np.uint64(a + k)])
                differ = np.uint8(differ | (x if k < size else np.uint8(0)))
        return differ == 0
    for k in range(size):
        if names[at + k] != text[a + k]:
            return False
    return True


def slot_of(size: int, first: int, middle: int, last: int) -> int:
    """Where a name of this length and these letters is looked for first.

    Called from Python as it is: compiled, it would be compiled anew in every process.
    """
    return (size * 7 + first * 3 + middle * 5 + last * 11) & 127


_slot_of = inline(slot_of)


@inline
def _find(text, a, b, kind, names, rows, tables):
    """The row of the name text[a:b] among those of a kind, or -1."""
    size = b - a
    if size <= 0:
        return -1
    slot = _slot_of(size, _at(text, a), _at(text, a + (size >> 1)), _at(text, b - 1))
    for probe in range(SLOTS):
        row = np.int64(tables[np.uint64(SLOTS_AT + kind * SLOTS + ((slot + probe) & 127))]) - 1
        if row < 0:
            return -1
        if _cell(rows, row, R_SIZE) == size and _same(
            names, _cell(rows, row, R_NAME), text, a, size
        ):
            return row
    return -1


@inline
def _utf8(data, i, n):
    """Bytes of the well-formed character that starts at i (a byte above 0x7F), or 0."""
    c = np.int64(data[i])
    size = 0
    if 0xC2 <= c < 0xE0:
        size = 2
    elif 0xE0 <= c < 0xF0:
        size = 3
    elif 0xF0 <= c < 0xF5:
        size = 4
    if size == 0 or i + size > n:
        return 0
    low = 0x80
    high = 0xBF
    if c == 0xE0:
        low = 0xA0
    elif c == 0xED:
        high = 0x9F
    elif c == 0xF0:
        low = 0x90
    elif c == 0xF4:
        high = 0x8F
    if data[i + 1] < low or data[i + 1] > high:
        return 0
    for k in range(2, size):
        if data[i + k] < 0x80 or data[i + k] > 0xBF:
            return 0
    return size


@inline
def _hex4(data, i, n, tables):
    """The number that four hex digits at i write, or -1."""
    if i + 4 > n:
        return -1
    number = 0
    for k in range(4):
        digit = np.int64(tables[data[i + k]])
        if digit < 0:
            return -1
        number = number * 16 + (digit & 15)
    return number


@inline
def _escape(data, i, n, out_, o, tables):
    """The escape whose backslash stands at i, written: (after it, end of output, code)."""
    if i + 1 >= n:
        return n, o, CUT
    c = np.int64(data[i + 1])
    if c != 117:  # not \u
        plain = -1
        if c == 34 or c == 92 or c == 47:
            plain = c
        elif c == 98:
            plain = 8
        elif c == 102:
            plain = 12
        elif c == 110:
            plain = 10
        elif c == 114:
            plain = 13
        elif c == 116:
            plain = 9
        if plain < 0:
            return i, o, BAD_ESCAPE
        out_[o] = plain
        return i + 2, o + 1, DONE
    point = _hex4(data, i + 2, n, tables)
    if point < 0:
        return i, o, BAD_ESCAPE
    after = i + 6
    if 0xDC00 <= point < 0xE000:
        return i, o, SURROGATE
    if 0xD800 <= point < 0xDC00:
        low = -1
        if after + 2 <= n and data[after] == 92 and data[after + 1] == 117:
            low = _hex4(data, after + 2, n, tables)
        if low < 0xDC00 or low > 0xDFFF:
            return i, o, SURROGATE
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
        after += 6
    if point < 0x80:
        out_[o] = point
        o += 1
    elif point < 0x800:
        out_[o] = 0xC0 | (point >> 6)
        out_[o + 1] = 0x80 | (point & 63)
        o += 2
    elif point < 0x10000:
        out_[o] = 0xE0 | (point >> 12)
        out_[o + 1] = 0x80 | ((point >> 6) & 63)
        out_[o + 2] = 0x80 | (point & 63)
        o += 3
    else:
        out_[o] = 0xF0 | (point >> 18)
        out_[o + 1] = 0x80 | ((point >> 12) & 63)
        out_[o + 2] = 0x80 | ((point >> 6) & 63)
        out_[o + 3] = 0x80 | (point & 63)
        o += 4
    return after, o, DONE


@inline
def _text(data, i, n, out_, o, tables):
    """The string that opened before i, decoded to out_[o:]: (after its quote, end, code).

    Writes at most one byte more than it reads, and up to 16 that mean nothing after those.
    """
    while True:
        if i + 16 <= n and o + 16 <= out_.size:
            for k in range(16):
                out_[np.uint64(o + k)] = data[np.uint64(i + k)]
            plain = _plain(data, i)
            i += plain
            o += plain
            if plain == 16:
                continue
        elif i >= n:
            return n, o, CUT
        c = _at(data, i)
        if c == 34:
            return i + 1, o, DONE
        if c == 92:
            i, o, code = _escape(data, i, n, out_, o, tables)
            if code != DONE:
                return i, o, code
        elif c < 32:
            return i, o, CONTROL
        elif c > 127:
            size = _utf8(data, i, n)
            if size == 0:
                return i, o, BAD_UTF8
            for k in range(size):
                out_[o + k] = data[i + k]
            o += size
            i += size
        else:  # near the end of the text, one by one
            out_[o] = c
            o += 1
            i += 1


@inline
def _number_end(data, i, n):
    """Where the JSON number at i ends, or -1 - the offset at which it is none."""
    if i < n and data[i] == 45:
        i += 1
    if i >= n or data[i] < 48 or data[i] > 57:
        return -1 - i
    if data[i] == 48:
        i += 1
    else:
        while i < n and 48 <= data[i] <= 57:
            i += 1
    if i < n and data[i] == 46:
        i += 1
        if i >= n or data[i] < 48 or data[i] > 57:
            return -1 - i
        while i < n and 48 <= data[i] <= 57:
            i += 1
    if i < n and (data[i] == 101 or data[i] == 69):
        i += 1
        if i < n and (data[i] == 43 or data[i] == 45):
            i += 1
        if i >= n or data[i] < 48 or data[i] > 57:
            return -1 - i
        while i < n and 48 <= data[i] <= 57:
            i += 1
    return i


@inline
def _exponent(data, i, j):
    """What follows the e at i, up to j; clipped where it can no longer matter."""
    i += 1
    negative = False
    if data[i] == 43 or data[i] == 45:
        negative = data[i] == 45
        i += 1
    exponent = 0
    while i < j:
        if exponent < 1_000_000_000_000_000:
            exponent = exponent * 10 + np.int64(data[i]) - 48
        i += 1
    return -exponent if negative else exponent


@inline
def _integer(data, i, j):
    """The number data[i:j] (of JSON's grammar): (code, negative, high half, low half)."""
    negative = data[i] == 45
    if negative:
        i += 1
    # the digits' places: how many stand after the point, and the last that is not zero
    end = i
    after_point = 0
    n_digits = 0
    n_used = 0
    pointed = False
    leading = True
    while end < j:
        c = np.int64(data[end])
        if c == 46:
            pointed = True
        elif c < 48 or c > 57:
            break
        else:
            if pointed:
                after_point += 1
            if c != 48:
                leading = False
            if not leading:
                n_digits += 1
                if c != 48:
                    n_used = n_digits
        end += 1
    if n_used == 0:
        return DONE, negative, 0, 0
    power = -after_point
    if end < j:
        power += _exponent(data, end, j)
    power += n_digits - n_used
    if power < 0:
        return NOT_INTEGER, negative, 0, 0
    if n_used + power > 20:
        return RANGE, negative, 0, 0
    high = 0
    low = 0
    done = 0
    while done < n_used + power:
        digit = 0
        if done < n_used:
            digit = np.int64(data[i]) - 48
            i += 1
            if digit == -2:  # the point
                continue
            if digit == 0 and done == 0:
                continue
        low = low * 10 + digit
        high = high * 10 + (low >> 32)
        low &= HALF
        done += 1
        if high > HALF:
            return RANGE, negative, 0, 0
    return DONE, negative, high, low


@inline
def _length_bits(x):
    """Bits that a positive number takes."""
    bits = 0
    while x >= 256:
        x >>= 8
        bits += 8
    while x > 0:
        x >>= 1
        bits += 1
    return bits


@inline
def _rounded(x, sticky, e2):
    """The bits of the double nearest to (x + what sticky stands for)·2**e2; 2⁵⁴ ≤ x < 2⁶⁰."""
    bits = _length_bits(x)
    top = bits - 1 + e2
    if top > 1023:
        return 0x7FF0000000000000
    precision = 53
    if top < -1022:
        precision = 53 - (-1022 - top)
    drop = bits - precision
    if drop > 61:
        return 0
    kept = x >> drop
    rest = x & ((1 << drop) - 1)
    half = 1 << (drop - 1)
    if rest > half or (rest == half and (sticky or (kept & 1) == 1)):
        kept += 1
    if top < -1022:
        return kept
    return ((top + 1023) << 52) + (kept - (1 << 52))


@inline
def _double_of_limbs(limbs, first, point, size, sticky):
    """The bits of the number that limbs[first:size] writes, `point` limbs before the point.

    Exact: divided or multiplied by powers of two until the part before the point has 55 to
    60 bits; what stands after it only breaks ties.
    """
    e2 = 0
    while point - first > 2:
        rest = 0
        for k in range(first, size):
            whole = rest * LIMB + limbs[k]
            limbs[k] = whole >> 29
            rest = whole & 0x1FFFFFFF
        while rest != 0 and size < LIMBS_MAX:
            whole = rest * LIMB
            limbs[size] = whole >> 29
            rest = whole & 0x1FFFFFFF
            size += 1
        if rest != 0:
            sticky = True
        e2 += 29
        while point - first > 2 and limbs[first] == 0:
            first += 1
    x = limbs[point - 2] * LIMB + limbs[point - 1]
    while x < (1 << 54):
        shift = 29
        if x > 0:
            shift = min(29, 59 - _length_bits(x))
        carry = 0
        for back in range(size - first):
            k = size - 1 - back
            whole = (limbs[k] << shift) + carry
            carry = whole // LIMB
            limbs[k] = whole - carry * LIMB
        while size > point and limbs[size - 1] == 0:
            size -= 1
        e2 -= shift
        x = limbs[point - 2] * LIMB + limbs[point - 1]
    for k in range(point, size):
        if limbs[k] != 0:
            sticky = True
    return _rounded(x, sticky, e2)


@inline
def _double(data, i, j, limbs):
    """The bits of the double nearest to the number data[i:j] (of JSON's grammar)."""
    sign = 0
    if data[i] == 45:
        sign = -0x8000000000000000
        i += 1
    # value = digits · 10**power; digits: from the first that is not zero on
    start = i
    power = 0
    n_digits = 0
    mantissa = 0
    pointed = False
    while i < j:
        c = np.int64(data[i])
        if c == 46:
            pointed = True
        elif c < 48 or c > 57:
            power += _exponent(data, i, j)
            break
        else:
            if pointed:
                power -= 1
            if n_digits > 0 or c != 48:
                if n_digits < 18:
                    mantissa = mantissa * 10 + c - 48
                n_digits += 1
        i += 1
    if n_digits == 0:
        return sign
    if n_digits <= 18 and mantissa <= (1 << 53) and -22 <= power <= 22:
        cell = limbs.view(np.float64)
        scale = 1.0
        for _ in range(abs(power)):
            scale *= 10.0
        if power < 0:
            cell[0] = np.float64(mantissa) / scale
        else:
            cell[0] = np.float64(mantissa) * scale
        return limbs[0] | sign
    if n_digits + power > 310:
        return 0x7FF0000000000000 | sign
    if n_digits + power < -330:
        return sign
    n_used = min(n_digits, DIGITS_MAX)
    power += n_digits - n_used
    pad = power % 9  # zeros after the digits, so that the point falls between two limbs
    total = n_used + pad
    offset = (9 - total % 9) % 9
    size = (total + offset) // 9
    point = size + (power - pad) // 9
    first = max(0, 2 - point)
    point += first
    size += first
    for k in range(max(size, point)):
        limbs[k] = 0
    done = 0
    i = start
    while done < total:
        digit = 0
        if done < n_used:
            digit = np.int64(data[i]) - 48
            i += 1
            if digit == -2 or (digit == 0 and done == 0):  # the point, zeros before the first
                continue
        k = first + (done + offset) // 9
        limbs[k] = limbs[k] * 10 + digit
        done += 1
    sticky = False
    while n_digits > n_used and i < j and data[i] != 101 and data[i] != 69:
        sticky |= data[i] != 48 and data[i] != 46
        i += 1
    return _double_of_limbs(limbs, 0, point, max(size, point), sticky) | sign


@inline
def _sextet(c):
    """What a letter of base64's two alphabets stands for, or -1."""
    if 65 <= c <= 90:
        return c - 65
    if 97 <= c <= 122:
        return c - 71
    if 48 <= c <= 57:
        return c + 4
    if c == 43 or c == 45:
        return 62
    if c == 47 or c == 95:
        return 63
    return -1


@inline
def _base64(out_, a, b):
    """The text out_[a:b] decoded in place: its new end, or -1 (and the text untouched)."""
    n = b - a
    while n > 0 and b - a - n < 2 and out_[a + n - 1] == 61:
        n -= 1
    if n % 4 == 1 or (n < b - a and (b - a) % 4 != 0):
        return -1
    for k in range(n):
        if _sextet(np.int64(out_[a + k])) < 0:
            return -1
    o = a
    held = 0
    bits = 0
    for k in range(n):
        held = (held << 6 | _sextet(np.int64(out_[a + k]))) & 0xFFFF
        bits += 6
        if bits >= 8:
            bits -= 8
            out_[o] = (held >> bits) & 255
            o += 1
    return o


@inline
def _id(out_, a, b, tables):
    """The id's text out_[a:b] made bytes in place: (their end, bits of its spelling)."""
    n_hex = 0
    n_dashes = 0
    bits = 0
    for k in range(a, b):
        digit = np.int64(tables[out_[k]])
        if digit >= 0:
            n_hex += 1
            if digit >= 16:
                bits = UPPER_CASE_HEX
        elif out_[k] == 45:
            n_dashes += 1
    if n_hex + n_dashes == b - a and n_hex % 2 == 0 and n_hex > 0:
        o = a
        held = -1
        for k in range(a, b):
            digit = np.int64(tables[out_[k]])
            if digit < 0:
                continue
            if held < 0:
                held = digit & 15
            else:
                out_[o] = held * 16 + (digit & 15)
                o += 1
                held = -1
        return o, bits | (DASHED_ID if n_dashes > 0 else 0)
    size = b - a
    if (size == 24 and out_[b - 1] == 61 and out_[b - 2] == 61 and out_[b - 3] != 61) or (
        size == 12 and out_[b - 1] == 61 and out_[b - 2] != 61
    ):
        end = _base64(out_, a, b)
        if end >= 0:
            return end, BASE64_ID
    return b, TEXT_ID if b > a else 0


@inline
def _varint(out_, o, high, low):
    """The magnitude of two halves as a varint: its end."""
    while high > 0 or low > 127:
        out_[o] = (low & 127) | 128
        o += 1
        low = (low >> 7) | ((high & 127) << 25)
        high >>= 7
    out_[o] = low
    return o + 1


@inline
def _tag(out_, o, tag):
    """A field's tag (below 2¹⁴): its end."""
    if tag > 127:
        out_[o] = (tag & 127) | 128
        o += 1
        tag >>= 7
    out_[o] = tag
    return o + 1


@inline
def _fixed(out_, o, number, size):
    """The low bytes of a number, the lowest first: their end."""
    for k in range(size):
        out_[o + k] = (number >> (8 * k)) & 255
    return o + size


@inline
def _measured(out_, body, o):
    """The length before a body for which one byte was kept: the end of the body now.

    The body moves up where its length takes more than a byte.
    """
    size = o - body
    if size < 128:
        out_[body - 1] = size
        return o
    more = 0
    rest = size >> 7
    while rest > 0:
        more += 1
        rest >>= 7
    k = o - 1
    while k >= body:
        out_[k + more] = out_[k]
        k -= 1
    _varint(out_, body - 1, 0, size)
    return o + more


@inline
def _reverse(out_, a, b):
    b -= 1
    while a < b:
        held = out_[a]
        out_[a] = out_[b]
        out_[b] = held
        a += 1
        b -= 1


@inline
def _tidy(out_, body, o, k0, k1, v0, v1):
    """A KeyValue's content as canonical protobuf has it: the key, the value, nothing else.

    The key's field is out_[k0:k1], the value's out_[v0:v1], either absent where the start is
    negative; what a repeated key of the JSON wrote before may lie between. Returns the end.
    """
    key = k1 - k0 if k0 >= 0 else 0
    value = v1 - v0 if v0 >= 0 else 0
    if body + key + value == o and (key == 0 or k0 == body):
        return o
    if key > 0 and value > 0 and v0 < k0:
        for k in range(value):
            out_[body + k] = out_[v0 + k]
        for k in range(key):
            out_[body + value + k] = out_[k0 + k]
        _reverse(out_, body, body + value)
        _reverse(out_, body + value, body + value + key)
        _reverse(out_, body, body + value + key)
        return body + key + value
    for k in range(key):
        out_[body + k] = out_[k0 + k]
    for k in range(value):
        out_[body + key + k] = out_[v0 + k]
    return body + key + value


@inline
def _write_number(text, a, b, kind, tag, out_, o, limbs):
    """A number (of JSON's grammar) as a field of a type: (end, code)."""
    if kind == T_DOUBLE:
        bits = _double(text, a, b, limbs)
        return _fixed(out_, _tag(out_, o, tag), bits, 8), DONE
    code, negative, high, low = _integer(text, a, b)
    if code != DONE:
        return o, code
    zero = high == 0 and low == 0
    signed = kind == T_INT64 or kind == T_ENUM
    if negative and not zero and not signed:
        return o, RANGE
    if kind == T_INT64:
        if high > 0x80000000 or (high == 0x80000000 and (low > 0 or not negative)):
            return o, RANGE
    elif kind == T_ENUM:
        if high > 0 or low > 0x80000000 or (low == 0x80000000 and not negative):
            return o, RANGE
    elif kind != T_FIXED64 and high > 0:
        return o, RANGE
    if negative and not zero:  # two's complement
        low = (HALF + 1 - low) & HALF
        high = (HALF - high + (1 if low == 0 else 0)) & HALF
    o = _tag(out_, o, tag)
    if kind == T_FIXED64:
        return _fixed(out_, _fixed(out_, o, low, 4), high, 4), DONE
    if kind == T_FIXED32:
        return _fixed(out_, o, low, 4), DONE
    return _varint(out_, o, high, low), DONE


@inline
def _is_word(text, a, b, word):
    """Whether text[a:b] is NaN (0), Infinity (1) or -Infinity (2)."""
    sign = 1 if word == 2 else 0
    if b - a != (3 if word == 0 else 8 + sign):
        return False
    if word == 0:
        return text[a] == 78 and text[a + 1] == 97 and text[a + 2] == 78
    if sign == 1 and text[a] != 45:
        return False
    a += sign
    return (
        text[a] == 73
        and text[a + 1] == 110
        and text[a + 2] == 102
        and text[a + 3] == 105
        and text[a + 4] == 110
        and text[a + 5] == 105
        and text[a + 6] == 116
        and text[a + 7] == 121
    )


@inline
def _quoted(i, n, data, row, names, rows, tables, out_, o, limbs):
    """The string that opened before i as the field of a row.

    Returns (after its quote, end of output, code, bits of its spelling); where the code is
    of the JSON (below WRONG_TYPE) the first is where it breaks.
    """
    kind = _cell(rows, row, R_TYPE)
    tag = _cell(rows, row, R_TAG)
    if kind == T_STRING or kind == T_BYTES or kind == T_ID:
        body = _tag(out_, o, tag) + 1
        i, end, code = _text(data, i, n, out_, body, tables)
        if code != DONE:
            return i, o, code, 0
        bits = 0
        if kind == T_ID:
            end, bits = _id(out_, body, end, tables)
        elif kind == T_BYTES:
            end = _base64(out_, body, end)
            if end < 0:
                return i, o, NOT_BASE64, 0
        elif end == body and _cell(rows, row, R_FLAGS) & KEY:
            return i, o, DONE, 0  # canonical protobuf has no empty key
        return i, _measured(out_, body, end), DONE, bits
    i, end, code = _text(data, i, n, out_, o, tables)
    if code != DONE:
        return i, o, code, 0
    if kind == T_ENUM:
        named = _find(out_, o, end, _cell(rows, row, R_KIND), names, rows, tables)
        if named >= 0:
            o = _varint(out_, _tag(out_, o, tag), 0, _cell(rows, named, R_VALUE))
            return i, o, DONE, ENUM_NAME
    elif kind == T_DOUBLE:
        special = 0
        if _is_word(out_, o, end, 0):
            special = 0x7FF8000000000000
        elif _is_word(out_, o, end, 1):
            special = 0x7FF0000000000000
        elif _is_word(out_, o, end, 2):
            special = -0x10000000000000
        if special != 0:
            return i, _fixed(out_, _tag(out_, o, tag), special, 8), DONE, 0
    elif kind == T_BOOL:
        return i, o, WRONG_TYPE, 0
    if _number_end(out_, o, end) != end:
        code = NOT_NUMBER if kind == T_DOUBLE else NOT_INTEGER
        if kind == T_ENUM:
            code = NOT_NAME
        return i, o, code, 0
    o, code = _write_number(out_, o, end, kind, tag, out_, o, limbs)
    return i, o, code, 0


@inline
def _literal(data, i, n):
    """Which literal stands at i: 1 true, 2 false, 3 null, 0 none, -1 one that was cut off."""
    size = 4
    which = 0
    c = data[i]
    if c == 116:
        which = 1
    elif c == 102:
        which = 2
        size = 5
    elif c == 110:
        which = 3
    else:
        return 0
    for k in range(1, size):
        if i + k >= n:
            return -1
        c = data[i + k]
        if which == 1 and c != (114 if k == 1 else 117 if k == 2 else 101):
            return 0
        if which == 2 and c != (97 if k == 1 else 108 if k == 2 else 115 if k == 3 else 101):
            return 0
        if which == 3 and c != (117 if k == 1 else 108):
            return 0
    return which


@inline
def _push(stack, depth, what, row, flags, kind, start, body):
    """A new frame on top; its base."""
    f = depth * F_WIDTH
    stack[f + F_WHAT] = what
    stack[f + F_ROW] = row
    stack[f + F_FLAGS] = flags
    stack[f + F_KIND] = kind
    stack[f + F_START] = start
    stack[f + F_BODY] = body
    stack[f + F_K0] = 0 if what == LIST or kind == 0 else -1
    stack[f + F_K1] = 0
    stack[f + F_V0] = -1
    stack[f + F_LAST] = -1
    stack[f + F_V1] = 0
    return f


@inline
def _closed(stack, f, out_, o, dialect, dialect_tag):
    """The message of the frame at f ended at o: its length written, its end now."""
    flags = stack[f + F_FLAGS]
    body = stack[f + F_BODY]
    if flags & SPAN and dialect != 0:
        o = _varint(out_, _varint(out_, o, 0, dialect_tag), 0, dialect)
    if flags & KEY_VALUE:
        o = _tidy(
            out_,
            body,
            o,
            stack[f + F_K0],
            stack[f + F_K1],
            stack[f + F_V0],
            stack[f + F_V1],
        )
    if flags & PADDED:
        size = o - body
        for k in range(4):
            out_[body - 5 + k] = (size >> (7 * k)) & 127 | 128
        out_[body - 1] = size >> 28
    else:
        o = _measured(out_, body, o)
    return o


@kernel(i8(i8, ro(u1), ro(u1), ro(i4), ro(i4), out(i8), out(i8), out(u1), out(i8), out(i8)))
def transcode(mode, data, names, rows, tables, state, stack, out_, ends, limbs):
    """OTLP/JSON to protobuf, from where `state` stands to the end of the text or an error.

    mode            DOCUMENT (one value), LINES (one value a line), SCAN (one, nothing written)
    data    uint8   read     the text
    names   uint8   read     the keys, one after another
    rows    int32   read     R_WIDTH cells a key: R_*; row 0 leads to the top-level message
    tables  int32   read     256 hex digits' values, then SLOTS slots a kind: row + 1, or 0
    state   int64   both     S_WIDTH cells S_* and two a row; zeros but for S_TAG and S_NEST_MAX,
                             to begin with
    stack   int64   both     DEPTH_JSON frames of F_WIDTH cells F_*
    out_    uint8   written  the messages, back to back; 2 · len(data) + 64 bytes or more
    ends    int64   written  the end of message i in out_
    limbs   int64   scratch  LIMBS_MAX cells
    Returns DONE, or the code of an error: S_BAD is its offset, S_AT where to go on, S_OUT
    where the unfinished value would have been written. FULL asks for a longer `ends`.
    Time linear in the text, but for long nested values, which move once a level whose length
    takes another byte. No allocation. Sources: RFC 8259, proto3's JSON mapping, OTLP's
    deviations from it. Oracle: tests/oracles/json_otlp.py.
    """
    n = data.size
    if (
        out_.size < 2 * n + 64
        or state.size < S_WIDTH + 2 * (rows.size // R_WIDTH)
        or stack.size < DEPTH_JSON * F_WIDTH
        or limbs.size < LIMBS_MAX
        or rows.size < R_WIDTH
    ):
        return OVERFLOW
    i = state[S_AT]
    o = state[S_OUT]
    depth = state[S_DEPTH]
    phase = state[S_PHASE]
    row = state[S_ROW]
    nest = state[S_NEST]
    dialect = state[S_DIALECT]
    bad = i
    mark = o
    code = DONE
    f = (depth - 1) * F_WIDTH
    while code == DONE:
        c = -1
        while i < n:
            c = _at(data, i)
            if c > 32 or (c != 32 and c != 9 and c != 13 and c != 10):
                break
            if c == 10 and mode == LINES and phase != P_START:
                if phase != P_AFTER:
                    break
                phase = P_START
            i += 1
        bad = i
        mark = o
        if i >= n or (c == 10 and mode == LINES):
            if phase != P_START and phase != P_AFTER:
                code = CUT
            break
        if o > 2 * i + 32:  # cannot be: every token of the text pays for what it writes
            code = OVERFLOW
            break
        close = False
        key = False
        if phase == P_NEXT:
            what = stack[f + F_WHAT]
            is_list = what == LIST or what == SKIP_LIST
            if c == 44:
                i += 1
                if is_list:
                    phase = P_VALUE
                    row = stack[f + F_ROW]
                    stack[f + F_INDEX] += 1
                else:
                    phase = P_KEY
            elif c == (93 if is_list else 125):
                close = True
            else:
                code = NO_COMMA
            if not close:
                continue
        elif phase == P_KEY or phase == P_FIRST_KEY:
            if c == 34:
                key = True
            elif c == 125 and phase == P_FIRST_KEY:
                close = True
            else:
                code = NO_KEY
                continue
        elif phase == P_FIRST_ITEM:
            if c == 93:
                close = True
            else:
                phase = P_VALUE
        elif phase == P_AFTER:
            code = TRAILING
            continue
        elif phase == P_START:
            if state[S_DOCUMENTS] >= ends.size:
                code = FULL
                continue
            phase = P_VALUE
            row = -1 if mode == SCAN else 0
            nest = 0
            state[S_START] = o
            for k in range(S_KEYS - S_NOTES):
                state[S_SAVED + k] = state[S_NOTES + k]

        if key:
            a = i + 1
            known = stack[f + F_WHAT] == OBJECT
            row = -1
            guess = 0
            if known:  # objects of one kind tend to have their keys in one order
                last = stack[f + F_LAST]
                guess = S_WIDTH + (2 * last + 1 if last >= 0 else 2 * stack[f + F_ROW])
                row = state[guess] - 1
                if row >= 0:
                    b = a + _cell(rows, row, R_SIZE)
                    if b >= n or _at(data, b) != 34:
                        row = -1
                    elif _same(names, _cell(rows, row, R_NAME), data, a, b - a):
                        i = b + 1
                    else:
                        row = -1
            if row < 0:
                b = a
                while b + 16 <= n:
                    plain = _plain(data, b)
                    b += plain
                    if plain < 16:
                        break
                while b < n and data[b] != 34 and data[b] != 92 and 31 < data[b] < 128:
                    b += 1
                if b < n and data[b] == 34:
                    i = b + 1
                    if known:
                        row = _find(data, a, b, stack[f + F_KIND], names, rows, tables)
                else:
                    i, b, code = _text(data, a, n, out_, o, tables)
                    if code != DONE:
                        bad = i
                        continue
                    if known:
                        row = _find(out_, o, b, stack[f + F_KIND], names, rows, tables)
            if row >= 0:
                state[guess] = row + 1
                stack[f + F_LAST] = row
            if known and stack[f + F_KIND] == 0:
                if stack[f + F_SEEN] < KEYS_SHOWN:
                    state[S_KEYS + stack[f + F_SEEN]] = a
                stack[f + F_SEEN] += 1
                if row >= 0:
                    stack[f + F_KNOWN] += 1
            if row >= 0:
                state[S_NOTES + _cell(rows, row, R_NOTE)] += 1
            while i < n and (data[i] == 32 or data[i] == 9 or data[i] == 13 or data[i] == 10):
                if data[i] == 10 and mode == LINES:
                    break
                i += 1
            if i >= n or data[i] != 58:
                bad = i
                code = CUT if i >= n or (data[i] == 10 and mode == LINES) else NO_COLON
                continue
            i += 1
            phase = P_VALUE
            continue

        if close:
            what = stack[f + F_WHAT]
            if what == OBJECT:
                flags = stack[f + F_FLAGS]
                if stack[f + F_KIND] == 0 and stack[f + F_SEEN] > 0 and stack[f + F_KNOWN] == 0:
                    code = NO_TRACE
                    continue
                if not flags & (SILENT | INLINE):
                    o = _closed(stack, f, out_, o, dialect, state[S_TAG])
                    nest -= 1
                    if depth > 1 and stack[f - F_WIDTH + F_FLAGS] & KEY_VALUE:
                        stack[f - F_WIDTH + F_V0] = stack[f + F_START]
                        stack[f - F_WIDTH + F_V1] = o
            i += 1
            depth -= 1
            f -= F_WIDTH
            phase = P_NEXT
        elif c == 34 and row >= 0 and _cell(rows, row, R_TYPE) != T_MESSAGE:
            in_list = stack[f + F_WHAT] == LIST
            if _cell(rows, row, R_REPEATED) and not in_list:
                code = WRONG_TYPE
                continue
            flags = stack[f + F_FLAGS]
            start = o
            if flags & ANY_VALUE:  # the last member wins, and no other is written
                start = stack[f + F_BODY]
            after, o, code, bits = _quoted(
                i + 1, n, data, row, names, rows, tables, out_, start, limbs
            )
            if code != DONE:
                if code < WRONG_TYPE:
                    bad = after
                continue
            i = after
            dialect |= bits
            if _cell(rows, row, R_FLAGS) & KEY:
                stack[f + F_K0] = start if o > start else -1
                stack[f + F_K1] = o
            phase = P_NEXT
        elif c == 34:
            if row >= 0 and not _cell(rows, row, R_FLAGS) & SILENT:
                code = WRONG_TYPE
                continue
            after, end, code = _text(data, i + 1, n, out_, o, tables)
            if code != DONE:
                bad = after
                continue
            i = after
            phase = P_NEXT
        elif c == 123 or c == 91:
            if row >= 0:
                silent = _cell(rows, row, R_FLAGS) & SILENT
                in_list = depth > 0 and stack[f + F_WHAT] == LIST
                wanted = 123
                if _cell(rows, row, R_REPEATED) and not in_list:
                    wanted = 91
                if _cell(rows, row, R_TYPE) != T_MESSAGE and wanted == 123:
                    wanted = 0
                if c == 91 and depth == 0:
                    wanted = 91
                    state[S_NOTES + 4] += 1
                if c != wanted:
                    if not silent:
                        code = WRONG_TYPE
                        continue
                    row = -1
            if depth >= DEPTH_JSON:
                code = TOO_DEEP
                continue
            if row < 0:
                f = _push(stack, depth, SKIP_OBJECT if c == 123 else SKIP_LIST, -1, 0, -1, o, o)
            elif c == 91:
                f = _push(stack, depth, LIST, row, 0, -1, o, o)
            else:
                flags = _cell(rows, row, R_FLAGS)
                kind = _cell(rows, row, R_KIND)
                start = o
                if in_list:
                    state[S_COUNTS + _cell(rows, row, R_COUNT)] += 1
                if not flags & (SILENT | INLINE):
                    if nest >= state[S_NEST_MAX]:
                        code = NESTED
                        continue
                    nest += 1
                    if depth > 0 and stack[f + F_FLAGS] & ANY_VALUE:
                        start = stack[f + F_BODY]
                    o = _tag(out_, start, _cell(rows, row, R_TAG))
                    o += 5 if flags & PADDED else 1
                    if flags & SPAN:
                        dialect = 0
                f = _push(stack, depth, OBJECT, row, flags, kind, start, o)
            depth += 1
            i += 1
            phase = P_FIRST_KEY if c == 123 else P_FIRST_ITEM
        elif c == 45 or 48 <= c <= 57:
            end = _number_end(data, i, n)
            if end < 0:
                bad = -1 - end
                code = CUT if bad >= n else BAD_NUMBER
                continue
            if row >= 0 and not _cell(rows, row, R_FLAGS) & SILENT:
                kind = _cell(rows, row, R_TYPE)
                if kind < T_UINT32 or kind == T_BOOL or depth == 0:
                    code = WRONG_TYPE
                    continue
                start = o
                if stack[f + F_FLAGS] & ANY_VALUE:
                    start = stack[f + F_BODY]
                for k in range(end - i):
                    out_[start + k] = data[i + k]
                o, code = _write_number(
                    out_, start, start + end - i, kind, _cell(rows, row, R_TAG), out_, start, limbs
                )
                if code != DONE:
                    continue
            i = end
            phase = P_NEXT
        else:
            which = _literal(data, i, n)
            if which <= 0:
                code = CUT if which < 0 else NO_VALUE
                continue
            if row >= 0 and not _cell(rows, row, R_FLAGS) & SILENT:
                flags = _cell(rows, row, R_FLAGS)
                if which < 3:
                    if _cell(rows, row, R_TYPE) != T_BOOL:
                        code = WRONG_TYPE
                        continue
                    o = _tag(out_, stack[f + F_BODY], _cell(rows, row, R_TAG))
                    out_[o] = 2 - which
                    o += 1
                elif depth == 0 or stack[f + F_WHAT] == LIST:
                    # An absent value among values keeps its place; no other list has gaps.
                    if not flags & ANY_VALUE:
                        code = WRONG_TYPE
                        continue
                    o = _tag(out_, o, _cell(rows, row, R_TAG))
                    out_[o] = 0
                    o += 1
            i += 5 if which == 2 else 4
            phase = P_NEXT
        if depth == 0 and phase == P_NEXT:
            ends[state[S_DOCUMENTS]] = o
            state[S_DOCUMENTS] += 1
            phase = P_AFTER
    state[S_AT] = i
    state[S_OUT] = mark if code != DONE else o
    state[S_DEPTH] = depth
    state[S_PHASE] = phase
    state[S_ROW] = row
    state[S_NEST] = nest
    state[S_DIALECT] = dialect
    state[S_BAD] = bad
    return code
