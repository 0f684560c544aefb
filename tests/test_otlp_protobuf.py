"""The protobuf decoder reads what the official classes read, and refuses what they refuse."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests import fuzz_otlp_protobuf as fuzz
from tests.oracles.tables import table_of
from tests.strategies import UNKNOWN, traces_data

from spanproof.emit.otlp_protobuf import encode
from spanproof.errors import LimitError, TraceError
from spanproof.ingest import frames, otlp_protobuf
from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.reading import read_file
from spanproof.ingest.wire import Wire, block, double, fixed32, fixed64, number, text, varint
from spanproof.table import Table, interning
from spanproof.vocabulary.otlp import DIALECT_FIELD, Message, ValueType

DATA = Path(__file__).parent / "data" / "otel"
SLOW = os.environ.get("NUMBA_DISABLE_JIT") == "1"
CASES = 150 if SLOW else 2000
EXAMPLES = 10 if SLOW else 40
MESSAGES = fuzz.corpus(random.Random(11), 20)


def wire_of(*messages: bytes) -> Wire:
    """Messages of a stranger: our own reader's field means nothing in them."""
    wire = Wire.of(list(messages))
    wire.ours = False
    return wire


def read(*messages: bytes) -> Table:
    table = decode(wire_of(*messages))
    table.validate()
    return table


def content(data: bytes) -> bytes:
    return TracesData.FromString(data).SerializeToString(deterministic=True)


def same(table: Table, *messages: TracesData) -> bool:
    """Equal to the definition, but for the order among residue of different rows."""
    return fuzz.settled(table).equals(fuzz.settled(table_of(*messages)))


def agrees(data: bytes) -> Table:
    """What the official classes accept, with their content, as a table."""
    assert fuzz.disagreement(data) == ("accepted", "")
    return read(data)


def refused(data: bytes) -> TraceError:
    assert fuzz.disagreement(data) == ("refused", "")
    with pytest.raises(TraceError) as caught:
        read(data)
    return caught.value


def in_span(*fields: bytes) -> bytes:
    return block(1, block(2, block(2, b"".join(fields))))


def in_value(*members: bytes) -> bytes:
    """A span with one attribute `k`, its AnyValue given in parts."""
    return in_span(block(9, text(1, "k") + b"".join(block(2, member) for member in members)))


OUTSIDE_IN = [Message.TRACES, Message.RESOURCE_SPANS, Message.SCOPE_SPANS, Message.SPAN]


# -- content


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.lists(traces_data(), max_size=3))
def test_every_field_of_random_messages_stands_in_its_column(messages):
    assert same(read(*(m.SerializeToString() for m in messages)), *messages)


@settings(deadline=None, max_examples=EXAMPLES)
@given(traces_data(unknown=True), st.sampled_from([1, 7, 60, 300]))
def test_stretches_change_nothing(message, n_bytes):
    data = message.SerializeToString()
    whole = read(data, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_protobuf, "STRETCH_BYTES", n_bytes)
        assert fuzz.settled(read(data, data)).equals(fuzz.settled(whole))


@settings(deadline=None, max_examples=EXAMPLES)
@given(traces_data(unknown=True), st.randoms(use_true_random=False))
def test_fields_stand_in_any_order_and_messages_in_parts(message, chance):
    """Whatever is shuffled or given twice, the official classes read the same from it."""
    data = message.SerializeToString()
    for _ in range(4):
        change = chance.choice([fuzz._shuffled, fuzz._twice])
        data = fuzz.within(data, chance, lambda part, c=change: c(part, chance))
    assert content(encode(read(data))) == content(data)


@pytest.mark.parametrize("name", ["traces.pb", "field-order-and-merge.pb", "unknown-fields.pb"])
def test_coverage_files_are_what_the_definition_says(name):
    data = (DATA / "synthetic" / "coverage" / name).read_bytes()
    table = agrees(data)
    if name != "unknown-fields.pb":  # the definition sees no unknown fields
        assert same(table, TracesData.FromString(data))


def test_real_traces_are_what_the_definition_says():
    """A recorded trace, translated."""
    data = encode(read_file(str(DATA / "zipkin" / "messaging-kafka.json")).table)
    assert same(read(data), TracesData.FromString(data))


def test_sub_messages_given_twice_merge():
    resource = [
        block(1, block(1, text(1, "a") + block(2, text(1, "x"))) + number(2, 7)),
        block(1, block(1, text(1, "b") + block(2, number(3, 5))) + block(3, text(2, "host"))),
    ]
    spans = block(2, block(2, block(15, text(2, "late")) + text(5, "s") + block(15, number(3, 2))))
    table = agrees(block(1, resource[0] + spans + resource[1]))
    assert table.resource_attributes.column("key").to_pylist() == ["a", "b"]
    assert table.resources.column("dropped_attributes_count").to_pylist() == [7]
    assert table.entity_refs.column("type").to_pylist() == ["host"]
    assert table.spans.column("status_message").to_pylist() == ["late"]
    assert table.spans.column("status_code").to_pylist() == [2]


def test_the_last_of_repeated_scalars_wins_be_it_nothing():
    table = agrees(
        in_span(
            text(5, "first"), block(2, b"12345678"), fixed64(7, 5), number(6, 3), fixed32(16, 9),
            text(5, ""), block(2, b"abcdefgh"), fixed64(7, 0), number(6, 0), fixed32(16, 1),
        )
    )  # fmt: skip
    (row,) = table.spans.to_pylist()
    assert row["name"] == ""
    assert row["span_id"] == b"abcdefgh"
    assert (row["start_time_unix_nano"], row["kind"], row["flags"]) == (0, 0, 1)


def test_a_field_of_another_wire_type_is_an_unknown_one():
    wire = wire_of(
        in_span(number(5, 7), fixed32(7, 9), block(6, b"x"), text(16, "f"), text(5, "n"))
    )
    table = decode(wire)
    assert wire.notes == {"wrong_wire_type": 4}
    assert table.spans.column("name").to_pylist() == ["n"]
    assert table.residue.column("field").to_pylist() == [5, 7, 6, 16]
    assert table.residue.column("wire").to_pylist()[0] == number(5, 7)
    agrees(in_span(number(5, 7), fixed32(7, 9), block(6, b"x"), text(16, "f"), text(5, "n")))


@pytest.mark.parametrize("unknown", UNKNOWN, ids=[u[:2].hex() for u in UNKNOWN])
def test_unknown_fields_of_every_wire_type_are_kept_as_they_stand(unknown):
    data = unknown + block(1, unknown + block(2, unknown + block(2, unknown + text(5, "n"))))
    table = agrees(data)
    assert table.residue.column("owner").to_pylist() == OUTSIDE_IN
    assert set(table.residue.column("wire").to_pylist()) == {unknown}


def test_a_group_is_counted_as_one():
    wire = wire_of(in_span(bytes.fromhex("c33e0801cb3ecc3ec43e")))
    decode(wire)
    assert wire.notes == {"unknown_group": 1}


VALUES = {
    "string after int": ([number(3, 5) + text(1, "x")], ValueType.STR, "str", "x"),
    "int after string": ([text(1, "x") + number(3, -5)], ValueType.INT, "int", -5),
    "bool over one": ([number(2, 77)], ValueType.BOOL, "bool", True),
    "two values, the last": ([text(1, "x"), double(4, 2.5)], ValueType.DOUBLE, "double", 2.5),
    "a value, then an empty one": ([text(1, "x"), b""], ValueType.STR, "str", "x"),
    "bytes": ([block(7, b"\xff\x00")], ValueType.BYTES, "bytes", b"\xff\x00"),
    "an empty string": ([text(1, "")], ValueType.STR, "str", ""),
}


@pytest.mark.parametrize("case", VALUES, ids=list(VALUES))
def test_the_last_member_of_a_value_wins(case):
    parts, kind, column, wanted = VALUES[case]
    (row,) = agrees(in_value(*parts)).span_attributes.to_pylist()
    assert (row["type"], row[column], row["ser"]) == (kind, wanted, None)


def test_a_value_missing_empty_and_an_empty_string_are_three_things():
    table = agrees(
        in_span(
            block(9, text(1, "missing")),
            block(9, text(1, "empty") + block(2, b"")),
            block(9, text(1, "text") + block(2, text(1, ""))),
            block(9, b""),
        )
    )
    assert table.span_attributes.column("type").to_pylist() == [
        ValueType.MISSING, ValueType.EMPTY, ValueType.STR, ValueType.MISSING,
    ]  # fmt: skip


def test_lists_given_twice_in_one_attribute_merge():
    one, two = (block(5, block(1, number(3, n))) for n in (1, 2))
    (row,) = agrees(in_value(one, two)).span_attributes.to_pylist()
    assert row["type"] == ValueType.SLICE
    assert row["ser"] == one + two
    # A scalar between them takes the first list away.
    (row,) = agrees(in_value(one, number(3, 9), two)).span_attributes.to_pylist()
    assert row["ser"] == one + number(3, 9) + two


def test_a_value_with_an_unknown_field_keeps_its_encoding():
    odd = number(3, 5) + UNKNOWN[0]
    (row,) = agrees(in_value(odd)).span_attributes.to_pylist()
    assert (row["type"], row["int"], row["ser"]) == (ValueType.INT, 5, odd)
    (row,) = agrees(in_value(number(3, 5), UNKNOWN[0])).span_attributes.to_pylist()
    assert (row["int"], row["ser"]) == (5, number(3, 5) + UNKNOWN[0])


@pytest.mark.parametrize("width", range(1, 11))
def test_padded_varints_are_numbers(width):
    padded = bytearray(varint(5))
    while len(padded) < width:
        padded[-1] |= 0x80
        padded.append(0)
    table = agrees(in_span(varint(10 << 3) + bytes(padded)))
    assert table.spans.column("dropped_attributes_count").to_pylist() == [5]
    refused(in_span(varint(10 << 3) + bytes(10 * [0x80]) + b"\x00"))


@pytest.mark.parametrize("size", [120, 127, 128, 129, 200, 16383, 16384])
def test_texts_whose_lengths_take_more_bytes(size):
    """Around the shortcut for usual attributes: lengths of one byte."""
    for key, value in (("k" * size, "v"), ("k", "v" * size), ("k" * size, "v" * size)):
        pair = text(1, key) + block(2, text(1, value))
        (row,) = agrees(in_span(block(9, pair))).span_attributes.to_pylist()
        assert (row["key"], row["str"]) == (key, value)


def test_a_length_padded_within_a_usual_attribute():
    value = text(1, "vv")
    padded = bytes([len(value) | 0x80, 0])
    pair = text(1, "k") + varint(2 << 3 | 2) + padded + value
    (row,) = agrees(in_span(block(9, pair))).span_attributes.to_pylist()
    assert row["str"] == "vv"


def test_extremes_of_time_and_ids_of_other_lengths_are_kept():
    data = in_span(
        block(1, b"\x01" * 17), block(2, b"\x02"), block(4, b"\x03" * 9),
        fixed64(7, 2**64 - 1), fixed64(8, 2**63 - 1),
    )  # fmt: skip
    table = agrees(data)
    (row,) = table.spans.to_pylist()
    assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (None, None, None)
    assert row["start_time_unix_nano"] == row["end_time_unix_nano"] == 2**63 - 1
    assert table.residue.column("wire").to_pylist() == [
        block(1, b"\x01" * 17), block(2, b"\x02"), block(4, b"\x03" * 9),
        fixed64(7, 2**64 - 1), fixed64(8, 2**63 - 1),
    ]  # fmt: skip


def test_our_own_field_means_something_in_our_own_bytes_only():
    data = in_span(number(DIALECT_FIELD, 5), text(5, "n"))
    ours, theirs = Wire.of([data]), wire_of(data)
    assert decode(ours).spans.column("dialect").to_pylist() == [5]
    table = decode(theirs)
    assert table.spans.column("dialect").to_pylist() == [0]
    assert table.residue.column("field").to_pylist() == [DIALECT_FIELD]


# -- refusals, each at its place


def deep(levels: int, *, close: bytes = b"") -> bytes:
    value = close
    for _ in range(levels):
        value = block(5, block(1, value))
    return in_value(value)


REFUSED = {
    "cut in a tag": (in_span(b"\x80"), "cut off"),
    "cut in a number": (in_span(b"\x30\x80"), "cut off"),
    "cut in eight bytes": (in_span(b"\x39\x01\x02"), "cut off"),
    "a length past its message": (in_span(b"\x2a\x05ab"), "length runs past"),
    "field 0": (in_span(b"\x02\x00"), "field number 0"),
    "wire type 6": (in_span(b"\x2e"), "wire type"),
    "wire type 7": (in_span(b"\x2f"), "wire type"),
    "eleven bytes of number": (in_span(b"\x30" + b"\x80" * 10 + b"\x01"), "varint"),
    "six bytes of tag": (in_span(b"\xaa\x80\x80\x80\x80\x00\x00"), "varint"),
    "a tag over 32 bits": (in_span(b"\xff\xff\xff\xff\x7f\x00"), "varint"),
    "six bytes of length": (in_span(b"\x2a\x80\x80\x80\x80\x80\x00"), "varint|length"),
    "a group left open": (in_span(b"\xc3\x3e\x08\x01"), "group"),
    "a group that was not open": (in_span(b"\xc4\x3e"), "group"),
    "a group closed by another": (in_span(bytes.fromhex("c33ecc3e")), "group"),
    "text that is none": (in_span(block(5, b"a\xff")), "UTF-8"),
    "half a surrogate pair": (in_span(block(5, b"\xed\xa0\x80")), "UTF-8"),
    "text that is none, replaced": (in_span(block(5, b"\xff"), text(5, "b")), "UTF-8"),
    "a key that is none": (in_span(block(9, block(1, b"\xc0\x80"))), "UTF-8"),
    "a value that is none": (in_value(block(1, b"\xf5")), "UTF-8"),
    "a value that is none, replaced": (in_value(block(1, b"\xf5") + number(3, 1)), "UTF-8"),
    "deep text that is none": (deep(3, close=block(1, b"\xf5")), "UTF-8"),
    "deep lists": (deep(60), "100 nested"),
    "deep groups": (in_span(b"\xc3\x3e" * 101 + b"\xc4\x3e" * 101), "100 nested"),
    "trailing zero": (block(1, b"") + b"\x00", "field number 0"),
}


@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
def test_what_breaks_the_format_is_refused_with_its_place(case):
    data, what = REFUSED[case]
    error = refused(data)
    assert re.search(what, error.found)
    assert re.fullmatch(r"byte \d+", error.place)
    assert 0 <= int(error.place.split()[1]) <= len(data)


def test_the_place_is_where_it_breaks_and_behind_other_messages_too():
    good = in_span(text(5, "good"))
    bad = in_span(block(5, b"ab\xff"))
    for before in (b"", good, good * 3):
        with pytest.raises(TraceError) as caught:
            read(before + bad)
        assert caught.value.place == f"byte {len(before) + bad.index(0xFF)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otlp_protobuf, "STRETCH_BYTES", 1)
        with pytest.raises(TraceError, match=f"byte {2 * len(good) + bad.index(0xFF)}"):
            read(good, good + bad)


@pytest.mark.parametrize("depth", range(44, 52))
def test_the_depth_that_is_too_deep_is_the_official_one(depth):
    assert fuzz.disagreement(deep(depth))[1] == ""
    assert fuzz.disagreement(deep(depth, close=number(3, 1)))[1] == ""
    assert fuzz.disagreement(deep(depth, close=UNKNOWN[3]))[1] == ""


@pytest.mark.parametrize("depth", range(92, 102))
def test_groups_count_as_depth(depth):
    assert fuzz.disagreement(in_span(b"\xc3\x3e" * depth + b"\xc4\x3e" * depth))[1] == ""


def test_a_length_that_is_declared_is_not_allocated():
    data = block(1, b"")[:1] + varint(2**30) + b"xyz"
    assert "length" in refused(data).found


# -- reading on


def test_what_can_be_read_of_a_broken_message_is_read_and_the_rest_named():
    good = [in_span(text(5, name)) for name in "abc"]
    bad = in_span(block(5, b"\xff"))
    wire = wire_of(good[0] + bad + good[1], good[2])
    table = decode(wire, keep_going=True)
    table.validate()
    assert table.spans.column("name").to_pylist() == ["a", "b", "c"]
    (left_out,) = wire.left_out
    first = len(good[0])
    assert f"bytes {first} to {first + len(bad)}" in left_out.found


@pytest.mark.parametrize(
    "bad", [in_span(b"\x30\x80"), in_span(b"\x2e"), in_span(b"\xc3\x3e\x08\x01"), b"\x2e", b"\x0a"]
)
def test_reading_on_behind_every_kind_of_break(bad):
    """What breaks at its very end must not take its neighbour for the culprit."""
    good = in_span(text(5, "a"))
    wire = wire_of(good + bad, good)
    assert decode(wire, keep_going=True).spans.column("name").to_pylist() == ["a", "a"]
    assert len(wire.left_out) == 1


def test_only_so_many_breaks_are_passed_over(monkeypatch):
    monkeypatch.setattr(otlp_protobuf, "LEFT_OUT_MAX", 3)
    bad = in_span(block(5, b"\xff"))
    assert len(decode(wire_of(bad * 3), keep_going=True)) == 0
    with pytest.raises(TraceError, match="over 3 broken parts"):
        decode(wire_of(bad * 4), keep_going=True)


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.integers(0, 2**32))
def test_reading_on_gives_a_whole_table_and_says_what_is_left_out(seed):
    chance = random.Random(seed)
    messages = [fuzz.mutated(chance, MESSAGES) for _ in range(3)]
    wire = wire_of(*messages)
    table = decode(wire, keep_going=True)
    table.validate()
    broken = [m for m in messages if fuzz.disagreement(m, None)[0] == "refused"]
    assert bool(wire.left_out) == bool(broken)
    if not broken:
        assert content(encode(table)) == content(b"".join(messages))


# -- streams of messages


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.lists(traces_data(unknown=True), min_size=1, max_size=3), st.booleans())
def test_delimited_streams_are_their_messages(messages, big_endian):
    parts = [m.SerializeToString() for m in messages]
    framing = frames.BE32 if big_endian else frames.VARINT
    data = b"".join((len(p).to_bytes(4) if big_endian else varint(len(p))) + p for p in parts)
    wire = frames.cut(np.frombuffer(data, np.uint8), framing, max_bytes=2**20, keep_going=False)
    assert decode(wire).equals(read(*parts))


def test_a_column_may_not_hold_more_text_than_arrow_can(monkeypatch):
    monkeypatch.setattr(interning, "_BYTES_MAX", 1500)
    names = [text(5, f"{i:04}" * 10) for i in range(50)]
    with pytest.raises(LimitError, match="different texts"):
        read(b"".join(in_span(name) for name in names))


# -- chance


def test_mutated_messages_are_judged_as_the_official_parser_does():
    told: list[str] = []
    counts = fuzz.run(20260731, CASES, told.append)
    assert told == []
    assert counts["accepted"] > CASES // 10  # else the mutations have become too coarse
    assert counts["refused"] > CASES // 10


def test_a_wrong_decoder_is_caught(monkeypatch):
    """The fuzzer can fail: a decoder that drops every status is found out at once."""
    honest = otlp_protobuf.decode

    def careless(wire, **options):
        table = honest(wire, **options)
        codes = pa.nulls(len(table), pa.int32())
        return table.with_columns("spans", {"status_code": codes})

    monkeypatch.setattr(otlp_protobuf, "decode", careless)
    told: list[str] = []
    assert fuzz.run(1, 60, told.append)["disagreements"] == len(told) > 0
