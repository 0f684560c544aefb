"""The decoder beside the official parser, on messages broken by chance.

    python tests/fuzz_otlp_protobuf.py --cases 100000 --seed 1

Each case is one message, mutated: bits and bytes, chunks, and the fields themselves (lengths,
tags, order, place). Demanded of every case: both accept or both refuse; where both accept,
what the table is written as is what the official classes read, unknown fields included;
however the bytes are cut into stretches, the table is the same; and with `keep_going` a
broken message gives a whole table, and says what it left out.

One seed, one sequence of cases. Disagreements are printed in hex and counted.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from spanproof.emit.otlp_protobuf import encode
from spanproof.errors import TraceError
from spanproof.ingest import otlp_protobuf
from spanproof.ingest.wire import Wire, varint
from spanproof.table import Table

DATA = Path(__file__).parent / "data" / "otel" / "synthetic"
STRETCHES = (None, 1, None, 40, None, 300)
WORDS = ("", "a", "service.name", "é𝄞", "x" * 130, "\x00")
NUMBERS = (0, 1, 2, 127, 128, 300, 2**31 - 1)
UNKNOWN = tuple(map(bytes.fromhex, ("c03e05", "c33e0801c43e", "c53e01020304", "c23e0161")))


def corpus(chance: random.Random, n_made: int = 40) -> list[bytes]:
    """Messages to mutate: the small recorded files, and messages filled at random."""
    files = sorted((*DATA.glob("coverage/*.pb"), *DATA.glob("malformed/pb-*.pb")))
    whole = [path.read_bytes() for path in files]
    made = []
    for _ in range(n_made):
        message = ExportTraceServiceRequest()
        _fill(message, chance, 0)
        made.append(message.SerializeToString())
    return [data for data in whole if 0 < len(data) < 6000] + [m for m in made if m]


def _fill(message: Message, chance: random.Random, depth: int) -> None:
    """Values in some of the fields, by the descriptors."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.4 + 0.1 * (depth > 5) and depth:
            continue
        for _ in range(chance.choice((1, 1, 2)) if field.is_repeated else 1):
            if field.message_type is not None:
                if depth > 8:
                    continue
                child = getattr(message, field.name)
                if field.is_repeated:
                    child = child.add()
                else:
                    child.SetInParent()
                _fill(child, chance, depth + 1)
                continue
            value = _scalar(field, chance)
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    if chance.random() < 0.1:
        message.MergeFromString(chance.choice(UNKNOWN))


def _scalar(field: object, chance: random.Random) -> object:
    kind = field.cpp_type  # type: ignore[attr-defined]
    if kind == field.CPPTYPE_STRING:  # type: ignore[attr-defined]
        is_text = field.type == field.TYPE_STRING  # type: ignore[attr-defined]
        return chance.choice(WORDS) if is_text else chance.randbytes(chance.choice((0, 1, 8, 16)))
    if kind == field.CPPTYPE_BOOL:  # type: ignore[attr-defined]
        return chance.random() < 0.5
    if kind == field.CPPTYPE_DOUBLE:  # type: ignore[attr-defined]
        return chance.choice((0.0, -0.0, 1.5, float("inf")))
    return chance.choice(NUMBERS)


# -- mutations


def fields_of(data: bytes) -> list[tuple[int, int, int, int]] | None:
    """(start, tag's number, wire type, content's begin) of each field; None: no message."""
    found, at = [], 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if at < 0 or number == 0 or kind in (3, 4, 6, 7):
            return None
        begin = at
        if kind == 2:
            size, begin = _varint(data, at)
            at = begin + size
        elif kind == 0:
            _value, at = _varint(data, at)
        else:
            at += 8 if kind == 1 else 4
        if begin < 0 or at < 0 or at > len(data):
            return None
        found.append((start, number, kind, begin))
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while 0 <= at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    return 0, -1


def _split(data: bytes) -> list[bytes] | None:
    found = fields_of(data)
    if not found:
        return None
    edges = [f[0] for f in found] + [len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def within(data: bytes, chance: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    """`change` applied to one message somewhere inside, all lengths around it kept true."""
    found = fields_of(data) or []
    inner = [i for i, f in enumerate(found) if f[2] == 2]
    if not inner or chance.random() < 0.25:
        return change(data)
    i = chance.choice(inner)
    start, number, _kind, begin = found[i]
    end = found[i + 1][0] if i + 1 < len(found) else len(data)
    content = within(data[begin:end], chance, change)
    return data[:start] + varint(number << 3 | 2) + varint(len(content)) + content + data[end:]


def _bit(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _byte(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data))
    new = bytes([chance.choice((0, 1, 0x0A, 0x12, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
    return data[:at] + new + data[at + chance.randrange(2) :]


def _cut(data: bytes, chance: random.Random, _others: Sequence[bytes]) -> bytes:
    return data[: chance.randrange(len(data))]


def _chunk(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """A piece taken out, given twice, or put elsewhere; or a piece of another message."""
    a, b = sorted(chance.choices(range(len(data) + 1), k=2))
    piece = data[a:b][:200]
    match chance.randrange(4):
        case 0:
            return data[:a] + data[b:]
        case 1:
            return data[:b] + piece + data[b:]
        case 2:
            rest = data[:a] + data[a + len(piece) :]
            at = chance.randrange(len(rest) + 1)
            return rest[:at] + piece + rest[at:]
    other = chance.choice(others)
    c = chance.randrange(len(other))
    return data[:a] + other[c : c + chance.randrange(1, 200)] + data[b:]


def _shuffled(data: bytes, chance: random.Random) -> bytes:
    parts = _split(data)
    if parts is None:
        return data
    chance.shuffle(parts)
    return b"".join(parts)


def _twice(data: bytes, chance: random.Random) -> bytes:
    parts = _split(data)
    if parts is None:
        return data + data
    parts.insert(chance.randrange(len(parts) + 1), chance.choice(parts))
    return b"".join(parts)


def _retagged(data: bytes, chance: random.Random) -> bytes:
    """A field under another number, or with another wire type, its content left as it is."""
    found = fields_of(data)
    if not found:
        return data
    start, number, kind, _begin = chance.choice(found)
    _tag, after = _varint(data, start)
    if chance.random() < 0.5:
        number = chance.choice((*range(18), 31, 32, 1000, 2**29 - 1))
    else:
        kind = chance.randrange(8)
    return data[:start] + varint(number << 3 | kind) + data[after:]


def _padded(data: bytes, chance: random.Random) -> bytes:
    """A tag, a length or a number written in more bytes than it needs, now and then too many."""
    found = fields_of(data)
    if not found:
        return data
    start, _number, kind, _begin = chance.choice(found)
    at = start if chance.random() < 0.4 or kind not in (0, 2) else _varint(data, start)[1]
    value, after = _varint(data, at)
    if kind == 0 and at != start:
        value |= chance.choice((0, 1 << 63, 1 << 35))
    written = bytearray(varint(value))
    width = chance.choice((2, 3, 5, 5, 6, 10, 11))
    while len(written) < width:
        written[-1] |= 0x80
        written.append(0)
    return data[:at] + bytes(written) + data[after:]


def _lengthened(data: bytes, chance: random.Random) -> bytes:
    found = [f for f in fields_of(data) or () if f[2] == 2]
    if not found:
        return data
    start, _number, _kind, begin = chance.choice(found)
    _tag, at = _varint(data, start)
    size = _varint(data, at)[0]
    wrong = chance.choice((size + 1, size - 1, size + 128, 0, 2**31 - 1, 2**31, 2**32 - 1, 2**35))
    return data[:at] + varint(max(wrong, 0)) + data[begin:]


def _grouped(data: bytes, chance: random.Random) -> bytes:
    """Fields wrapped in a group; closed by its own number or by another."""
    number = chance.choice((1, 2, 9, 100, 2**29 - 1))
    close = number if chance.random() < 0.7 else number + 1
    depth = chance.choice((1, 1, 2, 98, 101))
    inner = data if chance.random() < 0.5 else b""
    opened = varint(number << 3 | 3) * depth + inner + varint(close << 3 | 4) * depth
    return data + opened if chance.random() < 0.5 else opened + data


def _nested(data: bytes, chance: random.Random) -> bytes:
    """The message within itself, a few times or about as deep as parsers go."""
    number = chance.choice((1, 2, 5, 6, 9, 15))
    for _ in range(chance.choice((1, 2, 3, 92, 96, 97, 98, 99, 100, 101))):
        if len(data) > 4000:
            break
        data = varint(number << 3 | 2) + varint(len(data)) + data
    return data


def _deep(data: bytes, chance: random.Random) -> bytes:
    """An attribute with nested values about as deep as parsers go."""
    value = b"\x08\x01" if chance.random() < 0.3 else b"\x0a\x01x"
    for _ in range(chance.choice((1, 3, 40, 46, 47, 48, 49, 50, 51))):
        if chance.random() < 0.5:
            inner = b"\x0a" + varint(len(value)) + value
            value = b"\x2a" + varint(len(inner)) + inner
        else:
            pair = b"\x0a\x01k\x12" + varint(len(value)) + value
            inner = b"\x0a" + varint(len(pair)) + pair
            value = b"\x32" + varint(len(inner)) + inner
    content = b"\x12" + varint(len(value)) + value
    return data + varint(chance.choice((1, 3, 4, 9)) << 3 | 2) + varint(len(content)) + content


_BYTES = (_bit, _byte, _cut, _chunk)
_FIELDS = (_shuffled, _twice, _retagged, _padded, _lengthened, _grouped, _nested, _deep)


def mutated(chance: random.Random, messages: Sequence[bytes]) -> bytes:
    """One message of the corpus, changed once to four times."""
    data = chance.choice(messages)
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        if not data:
            return data
        if chance.random() < 0.35:
            data = chance.choice(_BYTES)(data, chance, messages)
        else:
            change = chance.choice(_FIELDS)
            data = within(data, chance, lambda part, c=change: c(part, chance))
    return data


# -- the demands


def settled(table: Table) -> Table:
    """Residue by owner and row, each row's fields in their order: all that encoding looks at."""
    key = table.numbers("residue", "owner").astype(np.int64) << 32
    order = np.argsort(key | table.numbers("residue", "row"), kind="stable")
    return table.replacing(residue=table.residue.take(pa.array(order)))


def _wire(data: bytes) -> Wire:
    return Wire(
        data=np.frombuffer(data, np.uint8),
        starts=np.zeros(1, np.int64),
        ends=np.array([len(data)], np.int64),
    )


def disagreement(data: bytes, stretch: int | None = 40) -> tuple[str, str]:
    """("accepted" or "refused" by the official parser, what is wrong or "").

    With a stretch's bytes, reading in such stretches, and reading on, are tried as well.
    """
    try:
        asked = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        asked = None
    try:
        table = otlp_protobuf.decode(_wire(data))
    except TraceError as error:
        if asked is not None:
            return "accepted", f"refused: {error.place}: {error.found}"
        return "refused", "" if stretch is None else _rest(data)
    if asked is None:
        return "refused", "accepted"
    table.validate()
    written = ExportTraceServiceRequest.FromString(encode(table))
    if written.SerializeToString(deterministic=True) != asked.SerializeToString(deterministic=True):
        return "accepted", "other content"
    if stretch is None:
        return "accepted", ""
    usual = otlp_protobuf.STRETCH_BYTES
    try:
        otlp_protobuf.STRETCH_BYTES = stretch  # type: ignore[misc]
        if not settled(otlp_protobuf.decode(_wire(data))).equals(settled(table)):
            return "accepted", f"stretches of {stretch} bytes give another table"
    finally:
        otlp_protobuf.STRETCH_BYTES = usual  # type: ignore[misc]
    return "accepted", ""


def _rest(data: bytes) -> str:
    """What is wrong with reading on; nothing, if the rest is a whole table."""
    wire = _wire(data)
    try:
        rest = otlp_protobuf.decode(wire, keep_going=True)
    except TraceError as error:
        return f"the rest is refused: {error.place}: {error.found}"
    rest.validate()
    return "" if wire.left_out else "nothing is said to be left out"


def run(seed: int, n_cases: int, told: Callable[[str], object]) -> Counter[str]:
    """Counts of "accepted", "refused" and "disagreements"."""
    chance = random.Random(seed)
    messages = corpus(chance)
    counts: Counter[str] = Counter()
    for case in range(n_cases):
        data = mutated(chance, messages)
        asked, wrong = disagreement(data, STRETCHES[case % len(STRETCHES)])
        counts[asked] += 1
        if wrong:
            counts["disagreements"] += 1
            told(f"seed {seed}, case {case}: official parser {asked}; {wrong}\n  {data.hex()}")
    return counts


def main(arguments: Sequence[str]) -> int:
    """Print what was counted; 1 if anything disagreed."""
    parser = argparse.ArgumentParser(description="Decoder against official parser.")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    begun = time.monotonic()
    counts = run(asked.seed, asked.cases, print)
    seconds = time.monotonic() - begun
    told = ", ".join(f"{counts[what]:,} {what}" for what in ("accepted", "refused"))
    print(f"{asked.cases:,} cases, seed {asked.seed}: {told}, "
          f"{counts['disagreements']} disagreements; {seconds:.0f} s")  # fmt: skip
    return 1 if counts["disagreements"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
