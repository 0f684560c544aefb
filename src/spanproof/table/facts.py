"""What a reader wants to know of a file first: counts of what stands in it, nothing repaired.

Definitions: the columns of a plain reader's table, as docs/reference/facts.md lists them.
A start of 0 among modern times is no start, and such spans take no part in what is timed;
in a file that lies near 0 as a whole (tests, simulators), 0 is a time.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from spanproof.table.identity import MISSING, NO_PARENT, Identity, Mask, Rows
from spanproof.table.table import Table
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import SpanKind

Facts = dict[str, int | float]

MODERN_NS: Final = 10**17  # 1973: no clock of a traced host shows less, in nanoseconds


def started(table: Table) -> Mask:
    """bool[n]: spans that have a start."""
    start = table.numbers("spans", "start_time_unix_nano")
    end = table.numbers("spans", "end_time_unix_nano")
    if max(start.max(initial=0), end.max(initial=0)) < MODERN_NS:
        return np.ones(start.size, np.bool_)
    return start != 0


def parent_cycles(parent: Rows) -> tuple[Rows, int]:
    """(int32[n]: the cycle a row is on, or −1; how many), a span that is its own parent too."""
    from spanproof.kernels.forest import parent_cycles as kernel

    cycle, seen = np.empty(parent.size, np.int32), np.zeros(parent.size, np.int32)
    return cycle, int(kernel(np.ascontiguousarray(parent), cycle, seen))


def facts_of(identity: Identity) -> Facts:
    """Every fact by name, in the order of the reference. O(spans · log spans)."""
    table = identity.table
    parent, duplicate = identity.plain_parent, identity.duplicate
    rows = np.arange(parent.size)
    own = parent == rows
    _cycle, n_cycles = parent_cycles(parent)
    facts: Facts = {
        "spans": len(table),
        "traces": identity.n_traces,
        "services": int(np.unique(identity.service).size),
        "roots": int((parent == NO_PARENT).sum()),
        "links": int(table.links.num_rows),
        "links_to_absent_span": int((identity.target == MISSING).sum()),
        "links_to_other_trace": _links_across(identity),
        "events": int(table.events.num_rows),
        "missing_parents": int((parent == MISSING).sum()),
        "self_parents": int(own.sum()),
        "parent_cycles": n_cycles - int(own.sum()),
        "duplicate_ids": int(duplicate.sum()),
        "shared_client_server_pairs": _shared_pairs(identity),
    }
    return facts | _times(identity)


def _links_across(identity: Identity) -> int:
    owner = identity.table.numbers("links", "parent_id")
    return int((identity.trace[owner] != identity.link_trace).sum()) if owner.size else 0


def _shared_pairs(identity: Identity) -> int:
    """Keys carried by exactly one CLIENT and one SERVER row."""
    if not identity.duplicate.any():
        return 0
    kind = identity.table.numbers("spans", "kind")
    named = identity.key >= 0
    keys, number = np.unique(identity.key[named], return_inverse=True)
    counts = [
        np.bincount(number[kind[named] == k], minlength=keys.size)
        for k in (SpanKind.CLIENT, SpanKind.SERVER)
    ]
    return int(((counts[0] == 1) & (counts[1] == 1)).sum())


def _times(identity: Identity) -> Facts:
    table, parent = identity.table, identity.plain_parent
    start = table.numbers("spans", "start_time_unix_nano")
    end = table.numbers("spans", "end_time_unix_nano")
    # A format that says no duration says no end; in these columns such a span has length 0.
    instant = (table.numbers("spans", "dialect") & Dialect.NO_DURATION) != 0
    end = np.where(instant, start, end)
    has_start = started(table)
    child = np.flatnonzero((parent >= 0) & has_start)
    child = child[has_start[parent[child]]]
    above = parent[child]
    early = start[child] < start[above]
    across = identity.service[child] != identity.service[above]
    most = (start[above] - start[child])[early].max(initial=0)
    return {
        "no_start_time": int((~has_start).sum()),
        "end_before_start": int((has_start & (end < start)).sum()),
        "child_starts_before_parent": int(early.sum()),
        "of_which_cross_service": int((early & across).sum()),
        "max_early_us": _micros(int(most)),
        "child_ends_after_parent": int((end[child] > end[above]).sum()),
        "starts_after_parent_end": int((start[child] > end[above]).sum()),
    }


def _micros(ns: int) -> int | float:
    """Microseconds; an int where it is one."""
    return ns // 1000 if ns % 1000 == 0 else ns / 1000
