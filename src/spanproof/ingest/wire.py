"""OTLP messages written field by field: how the readers of other formats reach the table.

JSON, Jaeger and Zipkin are translated into OTLP protobuf, and one compiled decoder makes
the columns. So there is one place that knows how a span becomes rows, and what a format
cannot say is missing the same way everywhere.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spanproof.errors import TraceError


@dataclass(slots=True, kw_only=True)
class Wire:
    """TracesData messages in one buffer: message i is `data[starts[i]:ends[i]]`.

    `notes` counts oddities of the file (rule name → times), `signals` what was seen and is
    no trace ("metrics", "data_points", "log_records"), `left_out` what `--keep-going`
    passed over. `ours` says that spanproof wrote the bytes itself, so that `DIALECT_FIELD`
    means what it says.
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    ours: bool = False
    notes: Counter[str] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    left_out: list[TraceError] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        messages: list[bytes],
        *,
        notes: Counter[str] | None = None,
        left_out: list[TraceError] | None = None,
    ) -> Wire:
        """Messages that a reader in Python wrote, put together."""
        ends = np.cumsum([len(m) for m in messages], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(messages)]
        data = np.frombuffer(bytearray().join(messages), np.uint8)
        return cls(
            data=data,
            starts=starts,
            ends=ends,
            ours=True,
            notes=notes if notes is not None else Counter(),
            left_out=left_out if left_out is not None else [],
        )


_ONE_BYTE = [bytes((n,)) for n in range(0x80)]  # most tags, and most lengths


def varint(number: int) -> bytes:
    """A number of up to 64 bits; a negative one takes ten bytes, as protobuf has it."""
    if 0 <= number < 0x80:
        return _ONE_BYTE[number]
    number &= 2**64 - 1
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def fixed64(field: int, value: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", value & 2**64 - 1)


def fixed32(field: int, value: int) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<I", value & 2**32 - 1)


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def block(field: int, content: bytes) -> bytes:
    """A length-delimited field: bytes, or a message."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    return block(field, content.encode())


def key_value(field: int, key: str, value: str | bool | float | bytes) -> bytes:
    """A KeyValue with a scalar AnyValue, the member chosen by the value's type."""
    match value:
        case str():
            member = text(1, value)
        case bool():
            member = number(2, value)
        case int():
            member = number(3, value)
        case float():
            member = double(4, value)
        case bytes():
            member = block(7, value)
    return block(field, text(1, key) + block(2, member))
