"""Ids and enums that were written in a tolerated way: counted, one rule a spelling.

The readers understood them all and left a bit on the span. Source:
docs/explanation/decoder.md; OTLP specification, "JSON Protobuf Encoding".
"""

from __future__ import annotations

from spanproof.ingest.rules.change import Change, counted
from spanproof.table.identity import Identity
from spanproof.vocabulary.dialects import Dialect


def upper_case_hex(identity: Identity) -> Change | None:
    return _spelt(identity, Dialect.UPPER_CASE_HEX)


def base64_id(identity: Identity) -> Change | None:
    return _spelt(identity, Dialect.BASE64_ID)


def dashed_id(identity: Identity) -> Change | None:
    return _spelt(identity, Dialect.DASHED_ID)


def text_id(identity: Identity) -> Change | None:
    return _spelt(identity, Dialect.TEXT_ID)


def enum_name(identity: Identity) -> Change | None:
    return _spelt(identity, Dialect.ENUM_NAME)


def _spelt(identity: Identity, dialect: Dialect) -> Change | None:
    return counted(identity.table.numbers("spans", "dialect") & int(dialect))
