"""Attribute values that nest, from the encoding they are kept in (the column `ser`).

Decides how an AnyValue's wire bytes are read by hand: as the official parser does (the last
member wins, a message given twice merges, unknown fields are passed over), without
recursion. Refuses to know columns and what a value means.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from spanproof.errors import TraceError
from spanproof.vocabulary.otlp import DEPTH_MAX, FIELDS, WIRE_TYPE, Message, WireType

NUMBERS: Final = {kind: {f.number: f for f in fields} for kind, fields in FIELDS.items()}
_HINT: Final = "the value is not an AnyValue's encoding; was the file damaged?"


class Value:
    """An AnyValue: the number of its member, 0 for none, and what that holds.

    The held: str, bool, int, float or bytes; for an array (5) a list of Value, for a map (6)
    a list of [key, Value or None].
    """

    __slots__ = ("held", "member")

    def __init__(self) -> None:
        self.member = 0
        self.held: Any = None


def parsed(wire: bytes) -> Value:
    """The AnyValue of an encoding.

    Raises TraceError, its place the byte's offset within the value, where it is none.
    O(bytes).
    """
    root = Value()
    stack: list[tuple[Message, Any, int]] = [(Message.ANY_VALUE, root, len(wire))]
    at = 0
    while stack:
        kind, target, end = stack[-1]
        if at == end:
            stack.pop()
            continue
        start = at
        tag, at = _varint(wire, at, end)
        number, wire_type = tag >> 3, tag & 7
        field = NUMBERS[kind].get(number)
        if number == 0 or number >= 2**29:
            raise TraceError(f"field number {number}", str(start), _HINT)
        if field is None or WIRE_TYPE[field.type] != wire_type:
            at = _skipped(wire, at, end, tag)
        elif wire_type == WireType.LEN:
            size, at = _varint(wire, at, end)
            if size > end - at:
                raise TraceError(f"a length of {size}, {end - at} bytes left", str(start), _HINT)
            if field.message is None:
                content = wire[at : at + size]
                _hold(kind, target, number, content if number == 7 else _text(content, at))
                at += size
            elif len(stack) > DEPTH_MAX:
                raise TraceError(f"nested deeper than {DEPTH_MAX}", str(start), _HINT)
            else:
                stack.append((field.message, _within(kind, target, number), at + size))
        elif wire_type == WireType.FIXED64:
            word, at = _bytes(wire, at, end, 8)
            _hold(kind, target, number, struct.unpack("<d", word)[0])
        else:
            value, at = _varint(wire, at, end)
            if number == 2:
                _hold(kind, target, number, value != 0)
            else:
                _hold(kind, target, number, value - 2**64 if value >= 2**63 else value)
    return root


def python_value(wire: bytes) -> Any:
    """The value as lists and dicts of str, bool, int, float, bytes and None.

    A key given twice keeps its last value. Raises TraceError as `parsed` does.
    """
    root: list[Any] = [None]
    waiting: list[tuple[Any, Any, Value | None]] = [(root, 0, parsed(wire))]
    while waiting:
        container, place, value = waiting.pop()
        held: Any = None if value is None else value.held
        if value is not None and value.member == 5:
            inner: Any = [None] * len(held)
            waiting.extend((inner, i, element) for i, element in enumerate(held))
        elif value is not None and value.member == 6:
            last = dict(held)
            inner = dict.fromkeys(last)
            waiting.extend((inner, key, entry) for key, entry in last.items())
        else:
            inner = held
        container[place] = inner
    return root[0]


def fields(wire: bytes) -> list[tuple[int, int, bytes]]:
    """(field number, wire type, content) of whole fields; a group's content is left out.

    A length-delimited field's content comes without its length. Raises TraceError. O(bytes).
    """
    found = []
    at, end = 0, len(wire)
    while at < end:
        tag, content = _varint(wire, at, end)
        at = _skipped(wire, content, end, tag)
        if tag & 7 == WireType.LEN:
            _, content = _varint(wire, content, end)
        found.append((tag >> 3, tag & 7, b"" if tag & 7 == WireType.GROUP else wire[content:at]))
    return found


def _hold(kind: Message, target: Any, number: int, held: Any) -> None:
    if kind == Message.ANY_VALUE:
        target.member, target.held = number, held
    else:  # a KeyValue's key
        target[0] = held


def _within(kind: Message, target: Any, number: int) -> Any:
    """What a message field is read into: what is there already, or something new."""
    if kind == Message.ANY_VALUE:
        if target.member != number:
            target.member, target.held = number, []
        return target.held
    if kind == Message.KEY_VALUE:
        if target[1] is None:
            target[1] = Value()
        return target[1]
    target.append(Value() if kind == Message.ARRAY_VALUE else ["", None])
    return target[-1]


def _skipped(wire: bytes, at: int, end: int, tag: int) -> int:
    """Behind an unknown field, a group with all that it holds."""
    groups: list[int] = []
    while True:
        number, wire_type = tag >> 3, tag & 7
        if wire_type == WireType.VARINT:
            _, at = _varint(wire, at, end)
        elif wire_type == WireType.FIXED64:
            _, at = _bytes(wire, at, end, 8)
        elif wire_type == WireType.FIXED32:
            _, at = _bytes(wire, at, end, 4)
        elif wire_type == WireType.LEN:
            size, at = _varint(wire, at, end)
            _, at = _bytes(wire, at, end, size)
        elif wire_type == WireType.GROUP and len(groups) < DEPTH_MAX:
            groups.append(number)
        elif wire_type != WireType.END_GROUP or not groups or groups.pop() != number:
            raise TraceError(f"wire type {wire_type} where none belongs", str(at), _HINT)
        if not groups:
            return at
        tag, at = _varint(wire, at, end)


def _varint(wire: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise TraceError("the value ends within a number", str(at), _HINT)
        byte = wire[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 2**64 - 1, at
    raise TraceError("a number of more than ten bytes", str(at), _HINT)


def _bytes(wire: bytes, at: int, end: int, size: int) -> tuple[bytes, int]:
    if size > end - at:
        raise TraceError(f"{size} bytes expected, {end - at} left", str(at), _HINT)
    return wire[at : at + size], at + size


def _text(content: bytes, at: int) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise TraceError("a text that is not UTF-8", str(at + error.start), _HINT) from None
