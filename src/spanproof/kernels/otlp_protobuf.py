"""The wire format of OTLP traces, scanned straight into columns.

`scan` is called twice over the same stretch: once to check every rule of the format and to
count rows, once to fill columns of exactly that size. What a field means stands in
`fields`, which the caller makes from its table of messages; see `ACTION`s below. No
recursion: one explicit stack for the messages, one for what lies below an attribute.

Acceptance is that of the official parsers (upb): any order of fields, the last scalar wins,
messages given twice merge, a known field of another wire type is an unknown one, unknown
fields and closed groups are passed over (and kept, as slices). Refused, with the offset:
what `CAUSE`s name.
Source: protobuf.dev, "Encoding"; OTLP v1.11. Oracle: the official classes.
"""

from numpy import uint64

from spanproof.kernels._jit import b1, i4, i8, inline, kernel, out, ro, u1

# fields[(kind * 32 + number) * 5 + …]: wire type (−1: no such field), action, slot, child
# message kind (or value type), and 1 where the bytes are UTF-8.
FIELD_WIDTH = 5
KIND_FIELDS = 32 * FIELD_WIDTH

ACTION_ROW = 0  # a message with a row of its own
ACTION_MERGE = 1  # a message that belongs to its parent's row; slot: presence
ACTION_ATTRIBUTE = 2  # a KeyValue
ACTION_VALUE = 3  # its AnyValue
ACTION_VARINT32 = 4
ACTION_FIXED32 = 5
ACTION_FIXED64 = 6
ACTION_SLICE = 7
ACTION_KEY = 8  # one of an entity's keys: a row with a slice
ACTION_MEMBER_SLICE = 9  # members of an attribute's AnyValue
ACTION_MEMBER_VARINT = 10
ACTION_MEMBER_FIXED64 = 11
ACTION_MEMBER_NESTED = 12
ACTION_MEMBER_OTHER = 13
ACTION_ATTRIBUTE_KEY = 14

CAUSE_TRUNCATED = 1
CAUSE_LENGTH = 2
CAUSE_FIELD_ZERO = 3
CAUSE_WIRE_TYPE = 4
CAUSE_VARINT = 5
CAUSE_GROUP = 6
CAUSE_DEPTH = 7
CAUSE_UTF8 = 8
CAUSE_ROWS = 9

DEPTH = 100
SPAN, KEY_VALUE, ANY_VALUE = 6, 10, 11
DIALECT_FIELD = 536870911
VALUE_STR, VALUE_INT, VALUE_DOUBLE, VALUE_BOOL, VALUE_MISSING = 1, 2, 3, 4, 8
ROWS_MAX = 2147483647

# counts: rows by table, then what is no row
TABLE_KEYS, TABLE_RESIDUE = 2, 12
COUNT_SER, COUNT_UNKNOWN, COUNT_WIRE_TYPE, COUNT_GROUP = 13, 14, 15, 16
COUNT_MESSAGE, COUNT_POSITION = 17, 18  # the last place between two top-level fields
# slots of an attribute table from its first on (offsets and lengths are neighbours)
KV_KEY, KV_TYPE, KV_VALUE, KV_SER, KV_BITS = 1, 3, 4, 6, 8
KEY_VALUE_OF = 16

# stack: three columns for the messages that are open, then those of `skip` and `nested_fault`
LEVELS = 12  # Span.events.attributes.value is the deepest with rows: level 6
LEVEL_END, LEVEL_KIND, LEVEL_ROW = 0, LEVELS, 2 * LEVELS
GROUPS, NESTED_END, NESTED_KIND = 3 * LEVELS, 3 * LEVELS + 110, 3 * LEVELS + 220
STACK = 3 * LEVELS + 330 + 11

# what is known of the attribute that is open
A_TABLE, A_ROW, A_TYPE, A_AT, A_SIZE = 0, 1, 2, 3, 4
A_COMPLEX = 5  # its value is kept as an encoding
A_PLAIN_AT, A_PLAIN_END = 6, 7  # the last AnyValue that the typed columns say all of
A_START, A_START_COMPLEX, A_START_MEMBER = 8, 9, 10  # the AnyValue that is open
A_STATE = 11


@inline
def varint(data, pos, end):
    """(value, position after it), signed 64 bits; position −1: cut off, −2: over ten bytes."""
    if pos < end and data[uint64(pos)] < 0x80:
        return int(data[uint64(pos)]), pos + 1
    value = 0
    shift = 0
    for k in range(10):
        if pos >= end:
            return 0, -1
        byte = int(data[pos])
        pos += 1
        if k < 9:
            value |= (byte & 0x7F) << shift
        elif byte & 1:
            value = value - 4611686018427387904 - 4611686018427387904
        shift += 7
        if byte < 0x80:
            return value, pos
    return 0, -2


@inline
def short_varint(data, pos, end):
    """A tag or a length: at most five bytes and 32 bits; −1: cut off, −2: over that."""
    if pos < end and data[uint64(pos)] < 0x80:
        return int(data[uint64(pos)]), pos + 1
    value = 0
    shift = 0
    for _k in range(5):
        if pos >= end:
            return 0, -1
        byte = int(data[pos])
        pos += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value > 4294967295:
                return 0, -2
            return value, pos
    return 0, -2


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


@inline
def skip(data, pos, end, tag, depth, stack, status):
    """The position after a field's value, its tag read already; −1 with `status` set."""
    groups = 0
    start = pos
    while True:
        wire = tag & 7
        if wire == 0:
            _value, after = varint(data, pos, end)
            if after < 0:
                status[0] = CAUSE_TRUNCATED if after == -1 else CAUSE_VARINT
                status[1] = pos
                return -1
            pos = after
        elif wire == 1 or wire == 5:
            pos += 8 if wire == 1 else 4
            if pos > end:
                status[0] = CAUSE_TRUNCATED
                status[1] = start
                return -1
        elif wire == 2:
            size, after = short_varint(data, pos, end)
            if after < 0 or size > end - after:
                status[0] = length_cause(after)
                status[1] = pos
                return -1
            pos = after + size
        elif wire == 3:
            if depth + groups >= DEPTH:
                status[0] = CAUSE_DEPTH
                status[1] = pos
                return -1
            stack[GROUPS + groups] = tag >> 3
            groups += 1
        elif wire == 4:
            if groups == 0 or stack[GROUPS + groups - 1] != tag >> 3:
                status[0] = CAUSE_GROUP
                status[1] = start
                return -1
            groups -= 1
        else:
            status[0] = CAUSE_WIRE_TYPE
            status[1] = start
            return -1
        if groups == 0:
            return pos
        start = pos
        if pos >= end:
            status[0] = CAUSE_GROUP
            status[1] = pos
            return -1
        tag, pos = short_varint(data, pos, end)
        if pos < 0:  # a field number 0 passes here: upb, too, asks for none within a group
            status[0] = tag_cause(pos)
            status[1] = start
            return -1


@inline
def tag_cause(pos):
    """Why a tag is none, from the position that `short_varint` gave."""
    if pos == -1:
        return CAUSE_TRUNCATED
    return CAUSE_VARINT if pos == -2 else CAUSE_FIELD_ZERO


@inline
def length_cause(pos):
    """Why a length is none, or, being one, runs past the end."""
    if pos == -1:
        return CAUSE_TRUNCATED
    return CAUSE_VARINT if pos == -2 else CAUSE_LENGTH


@inline
def nested_fault(data, pos, end, kind, depth, fields, stack, status):
    """Check what lies below an attribute's AnyValue; −1 if fine, else 0 with `status` set."""
    top = 0
    stack[NESTED_END] = end
    stack[NESTED_KIND] = kind
    while True:
        if pos == stack[NESTED_END + top]:
            if top == 0:
                return -1
            top -= 1
            continue
        start = pos
        tag, pos = short_varint(data, pos, stack[NESTED_END + top])
        number = tag >> 3
        if pos < 0 or number == 0:
            status[0] = tag_cause(pos)
            status[1] = start
            return 0
        after = skip(data, pos, stack[NESTED_END + top], tag, depth + top, stack, status)
        if after < 0:
            return 0
        entry = 0
        if number < 32:
            entry = stack[NESTED_KIND + top] * KIND_FIELDS + number * FIELD_WIDTH
        if tag & 7 == 2 and fields[entry] == 2:
            _size, body = short_varint(data, pos, after)
            child = fields[entry + 3]
            if fields[entry + 1] == ACTION_MEMBER_NESTED:
                child = fields[entry + 2]
            if fields[entry + 4] == 1:
                fault = utf8_fault(data, body, after)
                if fault >= 0:
                    status[0] = CAUSE_UTF8
                    status[1] = fault
                    return 0
            elif child >= KEY_VALUE:
                if depth + top + 1 > DEPTH:
                    status[0] = CAUSE_DEPTH
                    status[1] = start
                    return 0
                top += 1
                stack[NESTED_END + top] = after
                stack[NESTED_KIND + top] = child
                after = body
        pos = after


@inline
def keep_unknown(start, after, number, depth, fill, parents, bases, counts, cells, stack):
    """An unknown field becomes a row of the residue."""
    if fill:
        first = parents[TABLE_RESIDUE]
        at = counts[TABLE_RESIDUE]
        owner = stack[LEVEL_KIND + depth]
        if owner == KEY_VALUE:
            owner = KEY_VALUE_OF + stack[LEVEL_KIND + depth - 1]
        cells[bases[first] + at] = owner
        cells[bases[first + 1] + at] = stack[LEVEL_ROW + depth]
        cells[bases[first + 2] + at] = number
        cells[bases[first + 3] + at] = start
        cells[bases[first + 4] + at] = after - start
    counts[TABLE_RESIDUE] += 1


@inline
def append_ser(data, start, end, fill, counts, ser):
    """Copy an AnyValue's encoding behind what was copied before."""
    if fill:
        at = counts[COUNT_SER]
        for k in range(start, end):
            ser[at + k - start] = data[k]
    counts[COUNT_SER] += end - start


@inline
def close_value(data, pos, fill, counts, ser, attribute):
    """An attribute's AnyValue ends: decide whether its encoding must be kept.

    Given twice, two values merge as messages do, which is what their encodings, one behind
    the other, say.
    """
    if attribute[A_START_COMPLEX] == 1:
        if attribute[A_COMPLEX] == 0 and attribute[A_PLAIN_AT] >= 0:
            append_ser(data, attribute[A_PLAIN_AT], attribute[A_PLAIN_END], fill, counts, ser)
        attribute[A_COMPLEX] = 1
    if attribute[A_COMPLEX] == 1:
        append_ser(data, attribute[A_START], pos, fill, counts, ser)
    elif attribute[A_START_MEMBER] == 1:
        attribute[A_PLAIN_AT] = attribute[A_START]
        attribute[A_PLAIN_END] = pos
    if attribute[A_TYPE] == VALUE_MISSING:
        attribute[A_TYPE] = 0


@inline
def close_attribute(parents, bases, counts, cells, attribute):
    """A KeyValue ends: write what its value turned out to be (second pass)."""
    first = parents[attribute[A_TABLE]]
    row = attribute[A_ROW]
    cells[bases[first + KV_TYPE] + row] = attribute[A_TYPE]
    cells[bases[first + KV_VALUE] + row] = attribute[A_AT]
    cells[bases[first + KV_VALUE + 1] + row] = attribute[A_SIZE]
    size = -1
    if attribute[A_COMPLEX] == 1:
        size = counts[COUNT_SER] - cells[bases[first + KV_SER] + row]
    cells[bases[first + KV_SER + 1] + row] = size


@inline
def take_member(data, kind, at, size, attribute):
    """A member of the open AnyValue is the last so far; the fault in a text it replaces, or −1."""
    fault = -1
    if attribute[A_TYPE] == VALUE_STR:
        fault = utf8_fault(data, attribute[A_AT], attribute[A_AT] + attribute[A_SIZE])
    attribute[A_TYPE] = kind
    attribute[A_AT] = at
    attribute[A_SIZE] = size
    attribute[A_START_MEMBER] = 1
    return fault


@inline
def begin_message(
    action, slot, child, after, size, depth, fill,
    tables, parents, bases, counts, cells, stack, attribute,
):  # fmt: skip
    """A message opens at level `depth`; False where its table has no row left."""
    stack[LEVEL_END + depth] = after + size
    stack[LEVEL_KIND + depth] = child
    row = stack[LEVEL_ROW + depth - 1]
    stack[LEVEL_ROW + depth] = row
    if action == ACTION_MERGE:
        if fill:
            cells[bases[slot] + row] = 1
        return True
    if action == ACTION_VALUE:
        attribute[A_START] = after
        attribute[A_START_COMPLEX] = 0
        attribute[A_START_MEMBER] = 0
        return True
    table = slot if action == ACTION_ATTRIBUTE else tables[child]
    at = counts[table]
    if at >= ROWS_MAX:
        return False
    counts[table] = at + 1
    stack[LEVEL_ROW + depth] = at
    if fill:
        cells[bases[parents[table]] + at] = row
    if action == ACTION_ATTRIBUTE:
        attribute[A_TABLE] = table
        attribute[A_ROW] = at
        attribute[A_TYPE] = VALUE_MISSING
        attribute[A_AT] = 0
        attribute[A_SIZE] = 0
        attribute[A_COMPLEX] = 0
        attribute[A_PLAIN_AT] = -1
        if fill:
            cells[bases[parents[table] + KV_SER] + at] = counts[COUNT_SER]
    return True


@inline
def simple_attribute(data, pos, end, table, row, fill, parents, bases, counts, cells, wide):
    """A KeyValue of the usual shape, in one step; False leaves it to the general way.

    Usual is: key, then an AnyValue with one string, bool, int or double and nothing else,
    lengths of one byte. Both ways leave the same cells.
    """
    if end - pos < 6 or data[uint64(pos)] != 0x0A or data[uint64(pos + 1)] > 0x7F:
        return False
    key_size = int(data[uint64(pos + 1)])
    value = pos + 2 + key_size
    if end - value < 4 or data[uint64(value)] != 0x12:
        return False
    if int(data[uint64(value + 1)]) != end - value - 2:
        return False
    tag = data[uint64(value + 2)]
    at = 0
    size = 0
    bits = 0
    kind = VALUE_STR
    if tag == 0x0A:
        at = value + 4
        size = int(data[uint64(value + 3)])
        if size != end - at:
            return False
    elif tag == 0x18 or tag == 0x10:
        bits, after = varint(data, value + 3, end)
        if after != end:
            return False
        kind = VALUE_INT
        if tag == 0x10:
            kind = VALUE_BOOL
            bits = 1 if bits != 0 else 0
    elif tag == 0x21 and end - value == 11:
        kind = VALUE_DOUBLE
        bits = fixed32(data, value + 3) + signed32(fixed32(data, value + 7)) * 0x100000000
    else:
        return False
    attribute = counts[table]
    counts[table] = attribute + 1
    if fill:
        first = parents[table]
        cells[uint64(bases[first] + attribute)] = row
        cells[uint64(bases[first + KV_KEY] + attribute)] = pos + 2
        cells[uint64(bases[first + KV_KEY + 1] + attribute)] = key_size
        cells[uint64(bases[first + KV_TYPE] + attribute)] = kind
        cells[uint64(bases[first + KV_VALUE] + attribute)] = at
        cells[uint64(bases[first + KV_VALUE + 1] + attribute)] = size
        cells[uint64(bases[first + KV_SER + 1] + attribute)] = -1
        wide[uint64(bases[first + KV_BITS] + attribute)] = bits
    return True


@inline
def add_key(role, row, at, size, fill, parents, bases, counts, cells):
    """An entity's key: a row with its slice."""
    key = counts[TABLE_KEYS]
    if fill:
        first = parents[TABLE_KEYS]
        cells[bases[first] + key] = row
        cells[bases[first + 1] + key] = role
        cells[bases[first + 2] + key] = at
        cells[bases[first + 3] + key] = size
    counts[TABLE_KEYS] = key + 1


@inline
def fixed32(data, pos):
    """Four bytes, little-endian. The index is unsigned so that no wrap-around is tested for."""
    i = uint64(pos)
    return (
        int(data[i])
        | int(data[i + uint64(1)]) << 8
        | int(data[i + uint64(2)]) << 16
        | int(data[i + uint64(3)]) << 24
    )


@inline
def signed32(value):
    """The low 32 bits as an int32 holds them."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value > 0x7FFFFFFF else value


@kernel(
    i8(
        ro(u1), ro(i8), ro(i8), out(i8), i8, b1, b1,
        ro(i4), ro(i4), ro(i4), ro(i8), out(i8), out(i4), out(i8), out(u1), out(i8), out(i8),
    )
)  # fmt: skip
def scan(
    data, starts, ends, cursor, budget, ours, fill,
    fields, tables, parents, bases, counts, cells, wide, ser, stack, status,
):  # fmt: skip
    """Walk messages from one cursor to another; count rows, or fill their columns.

    data     uint8[b]      read     the bytes
    starts   int64[r]      read     where each message begins, within data
    ends     int64[r]      read     where it ends
    cursor   int64[4]      written  message, position, and where to stop: given when `fill`,
                                    else set, at the first top-level field `budget` bytes on
    ours     boolean                the bytes are our own reader's: DIALECT_FIELD counts
    fill     boolean                the second pass
    fields   int32[k·160]  read     what each field of each message kind is; [0] is −1, and
                                    [2] the slot of Span's dialect
    tables   int32[k]      read     message kind → table of its rows
    parents  int32[13]     read     table → its first slot, that of the parent column
    bases    int64[s]      read     slot → its column's first cell (second pass)
    counts   int64[19]     written  rows of each table, bytes of `ser`, notes, the last place
                                    between top-level fields; zeros on entry
    cells    int32[c]      written  columns of 32 bits: numbers, offsets and lengths
    wide     int64[w]      written  columns of 64 bits
    ser      uint8[t]      written  encodings of values that no typed column holds
    stack    int64[STACK]  written  scratch
    status   int64[2]      written  cause, offset
    Returns −1, or the offset of what breaks the format, with status[0] the cause.
    O(bytes), no allocation. Oracle: the official classes.
    """
    attribute = stack[STACK - A_STATE :]
    depth = 0
    message = cursor[0]
    pos = cursor[1]
    origin = pos
    end = ends[message] if message < starts.size else pos
    kind = 0
    row = message
    while message < starts.size:
        if pos == end:
            if depth == 0:
                message += 1
                if message < starts.size:
                    pos = starts[message]
                    end = ends[message]
                    row = message
                continue
            if kind == ANY_VALUE:
                close_value(data, pos, fill, counts, ser, attribute)
            elif kind == KEY_VALUE and fill:
                close_attribute(parents, bases, counts, cells, attribute)
            depth -= 1
            end = stack[LEVEL_END + depth]
            kind = stack[LEVEL_KIND + depth]
            row = stack[LEVEL_ROW + depth]
            continue
        if depth == 0:
            if fill:
                if message == cursor[2] and pos == cursor[3]:
                    break
            elif pos - origin >= budget:
                break
            stack[LEVEL_END] = end
            stack[LEVEL_KIND] = 0
            stack[LEVEL_ROW] = message
            counts[COUNT_MESSAGE] = message
            counts[COUNT_POSITION] = pos
        start = pos
        tag, pos = short_varint(data, pos, end)
        number = tag >> 3
        if pos < 0 or number == 0:
            status[0] = tag_cause(pos)
            return start
        entry = uint64(0)
        if number < 32:
            entry = uint64(kind * KIND_FIELDS + number * FIELD_WIDTH)
        wire = tag & 7
        if fields[entry] != wire:
            after = skip(data, pos, end, tag, depth, stack, status)
            if after < 0:
                return status[1]
            if ours and kind == SPAN and number == DIALECT_FIELD and wire == 0:
                value, after = varint(data, pos, end)
                if fill:
                    at = bases[fields[2]] + row
                    cells[at] = cells[at] | (value & 0xFFFF)
            else:
                note = COUNT_UNKNOWN if fields[entry] < 0 else COUNT_WIRE_TYPE
                counts[COUNT_GROUP if wire == 3 else note] += 1
                if kind == ANY_VALUE:
                    attribute[A_START_COMPLEX] = 1
                else:
                    keep_unknown(start, after, number, depth, fill,
                        parents, bases, counts, cells, stack,
                    )  # fmt: skip
            pos = after
            continue
        action = fields[entry + uint64(1)]
        slot = fields[entry + uint64(2)]
        child = fields[entry + uint64(3)]
        if wire == 2:
            size, after = short_varint(data, pos, end)
            if after < 0 or size > end - after:
                status[0] = length_cause(after)
                return start
            if after + size > ROWS_MAX:
                status[0] = CAUSE_ROWS
                return start
            pos = after + size
            if action == ACTION_SLICE or action == ACTION_ATTRIBUTE_KEY:
                if action == ACTION_ATTRIBUTE_KEY:
                    slot = parents[attribute[A_TABLE]] + KV_KEY
                if fill:
                    at = uint64(bases[uint64(slot)] + row)
                    length = uint64(bases[uint64(slot + 1)] + row)
                    if fields[entry + uint64(4)] == 1 and cells[length] != 0:
                        # A text that a later one replaces is never interned: check it here.
                        fault = utf8_fault(data, cells[at], cells[at] + cells[length])
                        if fault >= 0:
                            status[0] = CAUSE_UTF8
                            return fault
                    cells[at] = after
                    cells[length] = size
            elif action == ACTION_MEMBER_SLICE or action == ACTION_MEMBER_NESTED:
                fault = take_member(data, child, after, size, attribute)
                if fault >= 0:
                    status[0] = CAUSE_UTF8
                    return fault
                if action == ACTION_MEMBER_NESTED:
                    attribute[A_START_COMPLEX] = 1
                    if nested_fault(data, after, pos, slot, depth + 1, fields, stack, status) >= 0:
                        return status[1]
            elif (
                action == ACTION_ATTRIBUTE
                and counts[slot] < ROWS_MAX
                and simple_attribute(
                    data, after, pos, slot, row, fill, parents, bases, counts, cells, wide
                )
            ):
                continue
            elif action == ACTION_KEY:
                add_key(child, row, after, size, fill, parents, bases, counts, cells)
            else:
                depth += 1
                pos = after
                if not begin_message(
                    action, slot, child, after, size, depth, fill,
                    tables, parents, bases, counts, cells, stack, attribute,
                ):  # fmt: skip
                    status[0] = CAUSE_ROWS
                    return start
                end = pos + size
                kind = child
                row = stack[LEVEL_ROW + depth]
            continue
        if wire == 0:
            value, after = varint(data, pos, end)
            if after < 0:
                status[0] = CAUSE_TRUNCATED if after == -1 else CAUSE_VARINT
                return start
            pos = after
            if action == ACTION_VARINT32:
                if fill:
                    cells[uint64(bases[uint64(slot)] + row)] = signed32(value)
                continue
        else:
            width = 8 if wire == 1 else 4
            if width > end - pos:
                status[0] = CAUSE_TRUNCATED
                return start
            value = fixed32(data, pos)
            if wire == 5:
                if fill:
                    cells[uint64(bases[uint64(slot)] + row)] = signed32(value)
                pos += 4
                continue
            value += signed32(fixed32(data, pos + 4)) * 0x100000000
            pos += 8
            if action == ACTION_FIXED64:
                if fill:
                    wide[uint64(bases[uint64(slot)] + row)] = value
                continue
        fault = take_member(data, child, 0, 0, attribute)
        if fault >= 0:
            status[0] = CAUSE_UTF8
            return fault
        if action == ACTION_MEMBER_OTHER:
            attribute[A_START_COMPLEX] = 1
        elif fill:
            if child == VALUE_BOOL and value != 0:
                value = 1
            wide[bases[parents[attribute[A_TABLE]] + KV_BITS] + attribute[A_ROW]] = value
    if not fill:
        cursor[2] = message
        cursor[3] = pos
    return -1
