"""Ids that name nobody for certain, and links: counted, nothing is changed.

Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

import numpy as np

from spanproof.ingest.rules.change import Change, counted
from spanproof.table.identity import MISSING, Identity, Mask, raw_ids


def invalid_id(identity: Identity) -> Change | None:
    """Spans whose trace or span id is missing, all zero, or of another length."""
    invalid = (identity.trace < 0) | (identity.span < 0)
    if identity.table.residue.num_rows:
        for column in ("trace_id", "span_id"):
            invalid[list(raw_ids(identity.table, "spans", column))] = True
    return counted(invalid)


def duplicate_conflict(identity: Identity) -> Change | None:
    """Spans that share a key, every one of them; copies are gone by now, so they differ."""
    if not identity.duplicate.any():
        return None
    keys = np.unique(identity.key[identity.duplicate])
    return counted(np.isin(identity.key, keys), keys=int(keys.size))


def link_to_self(identity: Identity) -> Change | None:
    """Spans with a link to their own key."""
    owner = identity.table.numbers("links", "parent_id")
    own = (identity.link_trace == identity.trace[owner]) & (
        identity.link_span == identity.span[owner]
    )
    return _by_owner(identity, own & (identity.key[owner] >= 0))


def link_to_absent_span(identity: Identity) -> Change | None:
    """Spans with a link to a span that is not in the data."""
    if not identity.link_span.size:
        return None
    return _by_owner(identity, identity.target == MISSING)


def _by_owner(identity: Identity, links: Mask) -> Change | None:
    touched = np.zeros(len(identity.table), np.bool_)
    touched[identity.table.numbers("links", "parent_id")[links]] = True
    return counted(touched, links=int(links.sum()))
