"""Trace ids of 64 bits, as old tracers write them: padded with zeros on the left.

Comes first: padded, a trace may turn out to be one that is already there, and its spans to
be copies or parents of those. Ids that are all zero stay what they are: nobody.
Source: docs/explanation/normalisation.md; W3C Trace Context, "Interoperating with existing
systems".
"""

from __future__ import annotations

import numpy as np

from spanproof.ingest.rules.change import Change
from spanproof.ingest.rules.rewriting import with_ids
from spanproof.table.identity import Identity, raw_ids
from spanproof.table.table import Table

_SHORT, _LONG = 8, 16  # bytes


def pad(identity: Identity) -> Change | None:
    """Pad the trace ids of spans and link targets. O(spans)."""
    table, spans = _padded(identity.table, "spans")
    table, links = _padded(table, "links")
    if not spans and not links:
        return None
    owners = table.numbers("links", "parent_id")[links]
    rows = np.union1d(np.array(spans, np.int32), owners).astype(np.int32)
    return Change(rows=rows, count=int(rows.size), detail={"links": len(links)}, table=table)


def _padded(table: Table, batch: str) -> tuple[Table, list[int]]:
    if not table.residue.num_rows:
        return table, []
    short = {
        row: raw.rjust(_LONG, b"\0")
        for row, raw in raw_ids(table, batch, "trace_id").items()
        if len(raw) == _SHORT and any(raw)
    }
    if not short:
        return table, []
    rows = np.array(list(short), np.int32)
    return with_ids(table, batch, "trace_id", rows, list(short.values())), list(short)
