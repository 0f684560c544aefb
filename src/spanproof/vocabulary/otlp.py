"""OTLP's trace messages as literal tables: the decoder, the encoder and the JSON reader walk them.

Source: opentelemetry-proto v1.11, trace/v1/trace.proto, common/v1/common.proto,
resource/v1/resource.proto. Field numbers are the wire's, names are proto3 JSON's.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class SpanKind(IntEnum):
    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class StatusCode(IntEnum):
    UNSET = 0
    OK = 1
    ERROR = 2


class ValueType(IntEnum):
    """What an attribute's value is: OTel-Arrow's numbers, and one for "no value at all".

    EMPTY is an AnyValue without a member, MISSING a KeyValue without an AnyValue; neither
    is the empty string.
    """

    EMPTY = 0
    STR = 1
    INT = 2
    DOUBLE = 3
    BOOL = 4
    MAP = 5
    SLICE = 6
    BYTES = 7
    MISSING = 8


class WireType(IntEnum):
    VARINT = 0
    FIXED64 = 1
    LEN = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5


class Message(IntEnum):
    """Message kinds, in the numbering that the compiled readers share."""

    TRACES = 0  # ExportTraceServiceRequest and TracesData: the same bytes
    RESOURCE_SPANS = 1
    RESOURCE = 2
    ENTITY_REF = 3
    SCOPE_SPANS = 4
    SCOPE = 5
    SPAN = 6
    EVENT = 7
    LINK = 8
    STATUS = 9
    KEY_VALUE = 10
    ANY_VALUE = 11
    ARRAY_VALUE = 12
    KEY_VALUE_LIST = 13


class Type(IntEnum):
    MESSAGE = 0
    STRING = 1
    BYTES = 2
    ID = 3  # bytes on the wire, hex in JSON
    UINT32 = 4
    ENUM = 5
    FIXED32 = 6
    FIXED64 = 7
    INT64 = 8
    DOUBLE = 9
    BOOL = 10


WIRE_TYPE: Final = {
    Type.MESSAGE: WireType.LEN,
    Type.STRING: WireType.LEN,
    Type.BYTES: WireType.LEN,
    Type.ID: WireType.LEN,
    Type.UINT32: WireType.VARINT,
    Type.ENUM: WireType.VARINT,
    Type.FIXED32: WireType.FIXED32,
    Type.FIXED64: WireType.FIXED64,
    Type.INT64: WireType.VARINT,
    Type.DOUBLE: WireType.FIXED64,
    Type.BOOL: WireType.VARINT,
}


class Field(NamedTuple):
    number: int
    name: str  # lowerCamelCase, as in proto3 JSON
    type: Type
    message: Message | None = None
    repeated: bool = False


M, T = Message, Type
FIELDS: Final[dict[Message, tuple[Field, ...]]] = {
    M.TRACES: (Field(1, "resourceSpans", T.MESSAGE, M.RESOURCE_SPANS, True),),
    M.RESOURCE_SPANS: (
        Field(1, "resource", T.MESSAGE, M.RESOURCE),
        Field(2, "scopeSpans", T.MESSAGE, M.SCOPE_SPANS, True),
        Field(3, "schemaUrl", T.STRING),
    ),
    M.RESOURCE: (
        Field(1, "attributes", T.MESSAGE, M.KEY_VALUE, True),
        Field(2, "droppedAttributesCount", T.UINT32),
        Field(3, "entityRefs", T.MESSAGE, M.ENTITY_REF, True),
    ),
    M.ENTITY_REF: (
        Field(1, "schemaUrl", T.STRING),
        Field(2, "type", T.STRING),
        Field(3, "idKeys", T.STRING, None, True),
        Field(4, "descriptionKeys", T.STRING, None, True),
    ),
    M.SCOPE_SPANS: (
        Field(1, "scope", T.MESSAGE, M.SCOPE),
        Field(2, "spans", T.MESSAGE, M.SPAN, True),
        Field(3, "schemaUrl", T.STRING),
    ),
    M.SCOPE: (
        Field(1, "name", T.STRING),
        Field(2, "version", T.STRING),
        Field(3, "attributes", T.MESSAGE, M.KEY_VALUE, True),
        Field(4, "droppedAttributesCount", T.UINT32),
    ),
    M.SPAN: (
        Field(1, "traceId", T.ID),
        Field(2, "spanId", T.ID),
        Field(3, "traceState", T.STRING),
        Field(4, "parentSpanId", T.ID),
        Field(5, "name", T.STRING),
        Field(6, "kind", T.ENUM),
        Field(7, "startTimeUnixNano", T.FIXED64),
        Field(8, "endTimeUnixNano", T.FIXED64),
        Field(9, "attributes", T.MESSAGE, M.KEY_VALUE, True),
        Field(10, "droppedAttributesCount", T.UINT32),
        Field(11, "events", T.MESSAGE, M.EVENT, True),
        Field(12, "droppedEventsCount", T.UINT32),
        Field(13, "links", T.MESSAGE, M.LINK, True),
        Field(14, "droppedLinksCount", T.UINT32),
        Field(15, "status", T.MESSAGE, M.STATUS),
        Field(16, "flags", T.FIXED32),
    ),
    M.EVENT: (
        Field(1, "timeUnixNano", T.FIXED64),
        Field(2, "name", T.STRING),
        Field(3, "attributes", T.MESSAGE, M.KEY_VALUE, True),
        Field(4, "droppedAttributesCount", T.UINT32),
    ),
    M.LINK: (
        Field(1, "traceId", T.ID),
        Field(2, "spanId", T.ID),
        Field(3, "traceState", T.STRING),
        Field(4, "attributes", T.MESSAGE, M.KEY_VALUE, True),
        Field(5, "droppedAttributesCount", T.UINT32),
        Field(6, "flags", T.FIXED32),
    ),
    M.STATUS: (Field(2, "message", T.STRING), Field(3, "code", T.ENUM)),
    M.KEY_VALUE: (Field(1, "key", T.STRING), Field(2, "value", T.MESSAGE, M.ANY_VALUE)),
    M.ANY_VALUE: (
        Field(1, "stringValue", T.STRING),
        Field(2, "boolValue", T.BOOL),
        Field(3, "intValue", T.INT64),
        Field(4, "doubleValue", T.DOUBLE),
        Field(5, "arrayValue", T.MESSAGE, M.ARRAY_VALUE),
        Field(6, "kvlistValue", T.MESSAGE, M.KEY_VALUE_LIST),
        Field(7, "bytesValue", T.BYTES),
    ),
    M.ARRAY_VALUE: (Field(1, "values", T.MESSAGE, M.ANY_VALUE, True),),
    M.KEY_VALUE_LIST: (Field(1, "values", T.MESSAGE, M.KEY_VALUE, True),),
}

# Our own JSON reader, and the readers of Jaeger's and Zipkin's formats, hand their spans to
# the one columnar decoder as protobuf. How an id or an enum was spelt has no place in OTLP:
# it travels in this field of Span, the highest number there is, a varint of `Dialect` bits.
# The decoder honours it only in bytes that those readers wrote themselves.
DIALECT_FIELD: Final = 2**29 - 1

DEPTH_MAX: Final = 100  # nested messages; the official parsers' limit
FLAG_HAS_IS_REMOTE: Final = 0x100
FLAG_IS_REMOTE: Final = 0x200
