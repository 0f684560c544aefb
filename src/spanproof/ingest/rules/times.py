"""Times that are missing, in the wrong order, or too large: counted, nothing is changed.

A time of 0 among modern times is none. In a file that lies near 0 as a whole, 0 is a time,
and a span from 0 to 0 has an end. Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

import numpy as np

from spanproof.ingest.rules.change import Change, counted
from spanproof.table import Table
from spanproof.table.facts import MODERN_NS, started
from spanproof.table.identity import Identity, Mask
from spanproof.table.schema import TIME_MAX
from spanproof.vocabulary.dialects import Dialect

_START, _END, _EVENT = "start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"


def ended(table: Table) -> Mask:
    """bool[n]: spans that have an end."""
    end, start = table.numbers("spans", _END), table.numbers("spans", _START)
    unsaid = (table.numbers("spans", "dialect") & Dialect.NO_DURATION) != 0
    instant_at_0 = (start == 0) & _from_zero(table)
    has_end: Mask = ~unsaid & ((end != 0) | instant_at_0)
    return has_end


def _from_zero(table: Table) -> bool:
    """Whether a 0 is a time in this file; `facts.started` draws the same line."""
    start = table.numbers("spans", _START)
    return not start.size or int(start.max()) < MODERN_NS


def end_before_start(identity: Identity) -> Change | None:
    """Spans that have both and end before they start."""
    table = identity.table
    early = table.numbers("spans", _END) < table.numbers("spans", _START)
    return counted(early & started(table) & ended(table)) if early.any() else None


def no_start(identity: Identity) -> Change | None:
    """Spans without a start: they take part in no verdict about time."""
    return counted(~started(identity.table))


def no_end(identity: Identity) -> Change | None:
    """Spans that had not ended when they were exported."""
    return counted(~ended(identity.table))


def time_saturated(identity: Identity) -> Change | None:
    """Spans with a time, or an event's, too large for a signed number; the exact one is kept."""
    table = identity.table
    late = table.numbers("spans", _START) >= TIME_MAX
    late |= table.numbers("spans", _END) >= TIME_MAX
    owner = table.numbers("events", "parent_id")
    late[owner[table.numbers("events", _EVENT) >= TIME_MAX]] = True
    return counted(late)


def event_outside_span(identity: Identity) -> Change | None:
    """Spans with an event before their start or after their end; a note, and legal."""
    table = identity.table
    owner, at = table.numbers("events", "parent_id"), table.numbers("events", _EVENT)
    if not owner.size:
        return None
    start, end = table.numbers("spans", _START), table.numbers("spans", _END)
    has_start = started(table)
    # Of a span that ends before it starts, the start alone is believed.
    has_end = ended(table) & ~(has_start & (end < start))
    outside = (has_start[owner] & (at < start[owner])) | (has_end[owner] & (at > end[owner]))
    if not _from_zero(table):
        outside &= at != 0
    touched = np.zeros(len(table), np.bool_)
    touched[owner[outside]] = True
    return counted(touched, events=int(outside.sum()))
