"""Attributes given twice and enum numbers without a meaning: counted, all of them kept.

Of a key given twice, the last value is read. Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spanproof.ingest.rules.change import Change, counted
from spanproof.table import Table
from spanproof.table.identity import Identity, Mask
from spanproof.table.views import values
from spanproof.vocabulary.otlp import SpanKind, StatusCode

_OWNERS: Final = {  # attribute table: its owner
    "resource_attributes": "resources",
    "scope_attributes": "scopes",
    "span_attributes": "spans",
    "event_attributes": "events",
    "link_attributes": "links",
}
_FEW: Final = 16  # attributes of one owner up to which all pairs are compared

Numbers = npt.NDArray[Any]


def unknown_enum(identity: Identity) -> Change | None:
    """Spans of a kind, or with a status code, that OTLP does not define."""
    table = identity.table
    kind = table.numbers("spans", "kind")
    status = values(table.spans.column("status_code"))
    unknown = (kind < 0) | (kind > max(SpanKind)) | (status < 0) | (status > max(StatusCode))
    return counted(unknown)


def duplicate_attribute_key(identity: Identity) -> Change | None:
    """Spans that carry a key twice: themselves, an event, a link, their scope or resource."""
    table = identity.table
    touched = np.zeros(len(table), np.bool_)
    detail: dict[str, int] = {}
    for name, owner in _OWNERS.items():
        twice = _twice(table, name, owner)
        if twice is not None:
            detail[owner] = int(twice.sum())
            touched |= _spans_of(identity, owner, twice)
    return counted(touched, **detail)


def _spans_of(identity: Identity, owner: str, rows: Mask) -> Mask:
    table = identity.table
    if owner == "spans":
        return rows
    if owner == "resources":
        return rows[identity.resource]
    if owner == "scopes":
        return rows[table.numbers("spans", "scope")]
    spans = np.zeros(len(table), np.bool_)
    spans[table.numbers(owner, "parent_id")[rows]] = True
    return spans


def _twice(table: Table, name: str, owner: str) -> Mask | None:
    """bool by row of the owner: a key stands twice; None where none does. O(attributes)."""
    parents = table.numbers(name, "parent_id")
    if parents.size < 2:
        return None
    keys = _keys(table, name)
    n = getattr(table, owner).num_rows
    size = np.bincount(parents, minlength=n)
    found = [parents[:0]]
    for lag in range(1, min(int(size.max()), _FEW)):
        same = (parents[lag:] == parents[:-lag]) & (keys[lag:] == keys[:-lag])
        found.append(parents[lag:][same])
    many = size > _FEW
    if many.any():
        at = np.flatnonzero(many[parents])
        pairs = (parents[at].astype(np.int64) << 32) | keys[at]
        pairs.sort()
        found.append((pairs[1:][pairs[1:] == pairs[:-1]] >> 32).astype(parents.dtype))
    rows = np.concatenate(found)
    if not rows.size:
        return None
    twice = np.zeros(n, np.bool_)
    twice[rows] = True
    return twice


def _keys(table: Table, name: str) -> Numbers:
    """Keys by number; a dictionary may hold one text twice."""
    codes, texts = table.codes(name, "key")
    if len(set(texts.to_pylist())) == len(texts):
        return codes
    keys: Numbers = texts.dictionary_encode().indices.to_numpy()[codes]
    return keys
