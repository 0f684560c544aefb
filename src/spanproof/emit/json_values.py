"""Single values as JSON texts: what Arrow cannot spell, one at a time.

Decides how doubles, bytes, nested values and what `residue` holds look in OTLP/JSON. Refuses
to know columns.
"""

from __future__ import annotations

import json.encoder
from base64 import b64encode
from math import inf, isnan
from typing import Final

from spanproof.table.values import Value, fields, parsed
from spanproof.vocabulary.otlp import WireType

_NAMES: Final = {inf: b'"Infinity"', -inf: b'"-Infinity"'}


def quoted(text: str) -> bytes:
    """In quotes; control characters, quotes and backslashes escaped, the rest UTF-8."""
    return json.encoder.encode_basestring(text).encode()


def double(value: float) -> bytes:
    """The shortest digits that give the same double again, with a point or an exponent."""
    if isnan(value):
        return b'"NaN"'
    return _NAMES.get(value) or repr(value).encode()


def base64(value: bytes) -> bytes:
    return b64encode(value)


def held(wire: bytes) -> bytes:
    """What an id's or a time's whole field says: hex, or the number. Raises TraceError."""
    _, wire_type, content = fields(wire)[-1]
    if wire_type == WireType.LEN:
        return content.hex().encode()
    return str(int.from_bytes(content, "little")).encode()


def kept(wire: bytes) -> bytes:
    """The field `value` of an encoded AnyValue. Raises TraceError where it is none."""
    texts: list[bytes] = []
    waiting: list[bytes | Value] = [parsed(wire), b',"value":']
    while waiting:
        item = waiting.pop()
        if isinstance(item, bytes):
            texts.append(item)
        else:
            waiting.extend(reversed(_spelt(item)))
    return b"".join(texts)


def _spelt(value: Value) -> list[bytes | Value]:
    """A value's text, with the values within it still to be spelt."""
    match value.member:
        case 0:
            return [b"{}"]
        case 1:
            return [b'{"stringValue":' + quoted(value.held) + b"}"]
        case 2:
            return [b'{"boolValue":true}' if value.held else b'{"boolValue":false}']
        case 3:
            return [f'{{"intValue":"{value.held}"}}'.encode()]
        case 4:
            return [b'{"doubleValue":' + double(value.held) + b"}"]
        case 5:
            return _list(b'{"arrayValue":{', [[element] for element in value.held])
        case 6:
            return _list(b'{"kvlistValue":{', [_entry(*entry) for entry in value.held])
        case _:
            return [b'{"bytesValue":"' + b64encode(value.held) + b'"}']


def _list(begin: bytes, elements: list[list[bytes | Value]]) -> list[bytes | Value]:
    if not elements:
        return [begin + b"}}"]
    pieces: list[bytes | Value] = [begin, b'"values":[']
    for i, element in enumerate(elements):
        pieces.extend([b",", *element] if i else element)
    return [*pieces, b"]}}"]


def _entry(key: str, value: Value | None) -> list[bytes | Value]:
    name = b'"key":' + quoted(key) if key else b""
    if value is None:
        return [b"{" + name + b"}"]
    return [b"{" + name + (b"," if key else b"") + b'"value":', value, b"}"]
