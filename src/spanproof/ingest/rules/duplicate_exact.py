"""A span that stands in the data twice, equal in every field: the first copy is kept.

Delivery of OTLP is at least once, so copies are legal. Spans without a valid key are never
taken for copies: nothing says that they are one. Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

import numpy as np

from spanproof.ingest.rules.change import Change
from spanproof.table.identity import Identity


def drop_copies(identity: Identity) -> Change | None:
    """Keep the first of each group of equal spans. O(bytes of the spans whose key stands twice)."""
    if not identity.duplicate.any():
        return None
    from spanproof.ingest.rules.content import span_contents

    candidates = np.isin(identity.key, identity.key[identity.duplicate])
    numbers = span_contents(identity.table.keep(candidates))
    _unique, first, number, copies = np.unique(
        numbers, return_index=True, return_inverse=True, return_counts=True
    )
    if first.size == numbers.size:
        return None
    rows = np.flatnonzero(candidates)
    kept = np.ones(len(identity.table), np.bool_)
    is_first = first[number] == np.arange(number.size)
    kept[rows[~is_first]] = False
    copied = np.zeros_like(kept)
    copied[rows[is_first & (copies[number] > 1)]] = True
    return Change(
        rows=np.flatnonzero(copied[kept]).astype(np.int32),
        count=int((~kept).sum()),
        table=identity.table.keep(kept),
        kept=kept,
    )
