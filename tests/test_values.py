"""Nested values read by hand are what the official parser reads, and nothing else is read."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from tests.strategies import UNKNOWN, any_values

from spanproof.emit import json_values
from spanproof.errors import TraceError
from spanproof.table.values import fields, parsed, python_value


def official(value: AnyValue) -> Any:
    """The definition, by the official classes."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [official(v) for v in value.array_value.values]
        case "kvlist_value":
            return {
                e.key: official(e.value) if e.HasField("value") else None
                for e in value.kvlist_value.values
            }
        case member:
            return getattr(value, member)


def same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)  # tells True from 1, 0.0 from -0.0, and takes NaN as itself


@settings(deadline=None, max_examples=200)
@given(any_values)
def test_the_official_value(value):
    assert same(python_value(value.SerializeToString()), official(value))


@settings(deadline=None, max_examples=400)
@given(any_values, any_values, st.data())
def test_damaged_values_are_accepted_by_both_or_by_neither(value, other, data):
    """Merged, cut and changed encodings: same acceptance, same content."""
    wire = bytearray(value.SerializeToString() + data.draw(st.sampled_from([b"", *UNKNOWN])))
    wire += other.SerializeToString()
    for _ in range(data.draw(st.integers(0, 2))):
        if wire:
            wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    del wire[data.draw(st.integers(0, len(wire))) :]
    try:
        expected = official(AnyValue.FromString(bytes(wire)))
    except DecodeError:
        with pytest.raises(TraceError):
            parsed(bytes(wire))
    else:
        assert same(python_value(bytes(wire)), expected)


def test_a_member_given_twice_merges_unless_another_came_between():
    one = AnyValue()
    one.array_value.values.add(int_value=1)
    text = AnyValue(string_value="x")
    wire = one.SerializeToString()
    assert python_value(wire + wire) == [1, 1]
    assert python_value(wire + text.SerializeToString() + wire) == [1]


def test_depth_is_bounded():
    value = b""
    for _ in range(49):
        value = bytes([0x0A]) + json_free_varint(len(value)) + value
        value = bytes([0x2A]) + json_free_varint(len(value)) + value
    assert parsed(value).member == 5
    for _ in range(2):
        value = bytes([0x0A]) + json_free_varint(len(value)) + value
        value = bytes([0x2A]) + json_free_varint(len(value)) + value
    with pytest.raises(TraceError, match="nested deeper than 100"):
        parsed(value)


def json_free_varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def test_a_double_is_its_shortest_digits():
    spelt = [json_values.double(x) for x in (1.0, -0.0, 5e-324, math.inf, -math.inf, math.nan)]
    assert spelt == [b"1.0", b"-0.0", b"5e-324", b'"Infinity"', b'"-Infinity"', b'"NaN"']


def test_whole_fields_come_with_their_contents():
    assert [wire_type for _, wire_type, _ in fields(b"".join(UNKNOWN))] == [0, 1, 2, 3, 5, 0]
    assert fields(UNKNOWN[2]) == [(1000, 2, b"abc")]
    with pytest.raises(TraceError):
        fields(UNKNOWN[2][:-1])
