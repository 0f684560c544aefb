"""Logfire's pending spans: announced at the start, so that a span that never ends is seen.

A pending span is a zero-length child of the span it announces (its parent id is the real
id); the real parent stands in an attribute. If the real span is there, the announcement
says nothing more and is dropped; else it becomes that span, still open. A span that says it
is pending and has a length, or no time at all, is taken as it stands, and so is one whose
real parent cannot be read. Source: docs/explanation/normalisation.md; Logfire SDK,
PendingSpanProcessor.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from spanproof.ingest.rules.change import Change
from spanproof.ingest.rules.rewriting import id_bytes, with_ids, with_times
from spanproof.table import Table, views
from spanproof.table.identity import Identity, Keys, Mask, Rows
from spanproof.vocabulary.attributes import (
    LOGFIRE_PENDING,
    LOGFIRE_PENDING_PARENT,
    LOGFIRE_SPAN_TYPE,
)

_HEX_DIGITS: Final = 16
_ROOT: Final = bytes(8)


def settle(identity: Identity) -> Change | None:
    """Drop the pending spans that are done, open the others. O(spans · log spans) if any."""
    table = identity.table
    pending = _pending(identity)
    if not pending.any():
        return None
    rows = np.flatnonzero(pending).astype(np.int32)
    real = (identity.trace[rows].astype(np.int64) << 32) | identity.named[rows]
    there = np.isin(real, identity.key[~pending])
    parents = _real_parents(table, rows)
    readable = np.array([parent is not None for parent in parents], np.bool_)
    opened = rows[_first_of_each(real, ~there & readable)]
    dropped = rows[there | np.isin(real, real[np.isin(rows, opened)])]
    kept = np.ones(len(table), np.bool_)
    kept[dropped] = False
    kept[opened] = True
    if not opened.size and kept.all():
        return None
    is_opened = np.zeros_like(kept)
    is_opened[opened] = True
    parent_of = dict(zip(rows.tolist(), parents, strict=True))
    table = _opened(table, opened, [parent_of[row] or _ROOT for row in opened.tolist()])
    return Change(
        rows=np.flatnonzero(is_opened[kept]).astype(np.int32),
        count=int(opened.size + (~kept).sum()),
        detail={"opened": int(opened.size), "dropped": int((~kept).sum())},
        table=table.keep(kept),
        kept=kept,
    )


def labelled(table: Table) -> Mask:
    """bool[n]: spans that say they are pending, whatever else they are."""
    says = np.zeros(len(table), np.bool_)
    _codes, keys = table.codes("span_attributes", "key")
    if views.code_of(keys, LOGFIRE_SPAN_TYPE) >= 0:
        kinds = table.attribute("spans", LOGFIRE_SPAN_TYPE)
        says[[row for row, kind in enumerate(kinds) if kind == LOGFIRE_PENDING]] = True
    return says


def announcing(table: Table) -> Mask:
    """bool[n]: those of them that have no length; with a parent, they are pending spans."""
    start = table.numbers("spans", "start_time_unix_nano")
    end = table.numbers("spans", "end_time_unix_nano")
    return labelled(table) & (start == end) & (end != 0)


def _pending(identity: Identity) -> Mask:
    """bool[n]: a pending span, of zero length, that names the span it announces."""
    table = identity.table
    # An id of another length is no id to take over.
    pending = views.valid(table.spans.column("parent_span_id"))
    names: Mask = pending & (identity.trace >= 0) & (identity.named >= 0)
    return announcing(table) & names


def _real_parents(table: Table, rows: Rows) -> list[bytes | None]:
    """The real parent's id, zeros for a root; None where it cannot be read."""
    told = table.attribute("spans", LOGFIRE_PENDING_PARENT)
    return [_id_of(told[row]) for row in rows.tolist()]


def _id_of(value: Any) -> bytes | None:
    if value is None:
        return _ROOT
    if not isinstance(value, str) or len(value) != _HEX_DIGITS or not value.isascii():
        return None
    try:
        raw = bytes.fromhex(value)
    except ValueError:
        return None
    return raw if len(raw) == len(_ROOT) else None  # fewer: fromhex skips spaces


def _first_of_each(keys: Keys, eligible: Mask) -> Rows:
    """Positions of the first eligible one of each key, ascending."""
    at = np.flatnonzero(eligible)
    _unique, first = np.unique(keys[at], return_index=True)
    return np.sort(at[first]).astype(np.int32)


def _opened(table: Table, rows: Rows, parents: list[bytes]) -> Table:
    """The rows as the open spans that they announce."""
    if not rows.size:
        return table
    real = id_bytes(table.spans.column("parent_span_id"))[rows]
    ids = [raw.tobytes() for raw in real]
    table = with_ids(table, "spans", "span_id", rows, ids)
    above = [parent if any(parent) else None for parent in parents]
    table = with_ids(table, "spans", "parent_span_id", rows, above)
    end = table.numbers("spans", "end_time_unix_nano").copy()
    end[rows] = 0
    return with_times(table, "spans", "end_time_unix_nano", end, rows)
