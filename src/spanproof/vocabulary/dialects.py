"""Tolerated spellings: a bit for each that one span can carry."""

from __future__ import annotations

from enum import IntFlag


class Dialect(IntFlag):
    """How a span was written where that differs from canonical OTLP."""

    UPPER_CASE_HEX = 1
    BASE64_ID = 2
    DASHED_ID = 4
    TEXT_ID = 8  # neither hex nor base64: kept as the UTF-8 bytes of the text
    ENUM_NAME = 16
    SHARED_ID = 32  # Zipkin said `shared`: the server half of a call, under its client's id
    NO_DURATION = 64  # Zipkin and Jaeger leave it out for an open span: end is 0
