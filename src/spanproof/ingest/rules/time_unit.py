"""Times in seconds, milli- or microseconds where nanoseconds belong, by mistake.

A time is taken for another unit if, scaled, it lies in the years 2000 to 2099; the ranges
of the four units do not overlap, so at most one fits, and a time that was scaled once is
never scaled again. Each time is judged by itself, so one resource may mix units; what fits
no unit stays. The guard is what stands around it: where the file, the trace or the service
lies near 0 as a whole (tests, simulators), 1,500,000,000 is a second and a half, not 2017.
Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spanproof.ingest.rules.change import Change
from spanproof.ingest.rules.pending_span import labelled
from spanproof.ingest.rules.rewriting import with_times
from spanproof.table import Table
from spanproof.table.identity import Identity, Mask, Rows

UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3}  # nanoseconds
_LOW_S: Final = 946_684_800  # 2000-01-01T00:00:00Z
_HIGH_S: Final = 4_102_444_800  # 2100-01-01T00:00:00Z
_YEAR_S: Final = 366 * 86_400
_TIMES: Final = (
    ("spans", "start_time_unix_nano"),
    ("spans", "end_time_unix_nano"),
    ("events", "time_unix_nano"),
)

Times = npt.NDArray[np.int64]


def scale(identity: Identity) -> Change | None:
    """Scale starts, ends and event times to nanoseconds. O(spans + events)."""
    table = identity.table
    factors = {(batch, column): _factors(table.numbers(batch, column)) for batch, column in _TIMES}
    if all(factor is None for factor in factors.values()):
        return None
    near_zero = _near_zero(identity)
    touched = np.zeros(len(table), np.bool_)
    used: dict[int, Mask] = {}
    for (batch, column), factor in factors.items():
        if factor is None:
            continue
        owner = np.arange(len(table)) if batch == "spans" else table.numbers(batch, "parent_id")
        factor[near_zero[owner]] = 1
        rows = np.flatnonzero(factor > 1).astype(np.int32)
        touched[owner[rows]] = True
        for ns in np.unique(factor[rows]).tolist():
            used.setdefault(ns, np.zeros_like(touched))[owner[rows[factor[rows] == ns]]] = True
        table = with_times(table, batch, column, table.numbers(batch, column) * factor, rows)
    rows = np.flatnonzero(touched).astype(np.int32)
    if not rows.size:
        return None
    detail = {"factors": _told(used), "resources": _resources(identity, rows)}
    return Change(rows=rows, count=int(rows.size), detail=detail, table=table)


def _factors(times: Times) -> Times | None:
    """int64[n]: what each time is to be multiplied by; None: all by 1."""
    low = times[times < _LOW_S * 10**9]
    if not low.size or low.max() == 0:
        return None
    factors = np.ones(times.size, np.int64)
    for ns in UNITS.values():
        factors[_within(times, ns)] = ns
    return factors if factors.max() > 1 else None


def _within(times: Times, ns: int) -> Mask:
    unit = 10**9 // ns
    return (times >= _LOW_S * unit) & (times < _HIGH_S * unit)


def _near_zero(identity: Identity) -> Mask:
    """bool[n]: spans whose times count from 0, or may do so: by file, trace, or service."""
    n = len(identity.table)
    near_zero = np.zeros(n, np.bool_)
    for group in (np.zeros(n, np.int64), identity.trace + 1, identity.service + 1):
        near_zero |= _groups_near_zero(identity.table, group)[group]
    return near_zero


def _groups_near_zero(table: Table, group: npt.NDArray[Any]) -> Mask:
    """Whether the times of each group of spans may count from 0.

    They do not if any start or end is a modern time in nanoseconds. Else every one must fit
    a unit (a 0 is no time then), there must be a start, and what is of one unit must lie
    within a year: simulated seconds, taken for seconds, would span decades.
    """
    n_groups = int(group.max(initial=0)) + 1
    # Spans that pend are no witnesses: their rule, which comes later, may take them away.
    asked = ~labelled(table)
    start, end = (table.numbers(batch, column)[asked] for batch, column in _TIMES[:2])
    group = group[asked]
    times, of = np.concatenate([start, end]), np.concatenate([group, group])
    is_time = times != 0
    times, of = times[is_time], of[is_time]
    odd = np.ones(times.size, np.bool_)
    near_zero = np.zeros(n_groups, np.bool_)
    for ns in UNITS.values():
        within = _within(times, ns)
        odd &= ~within
        first = np.full(n_groups, np.iinfo(np.int64).max)
        last = np.zeros(n_groups, np.int64)
        np.minimum.at(first, of[within], times[within])
        np.maximum.at(last, of[within], times[within])
        near_zero |= last - first > _YEAR_S * (10**9 // ns)
    near_zero[of[odd]] = True
    has_start = np.zeros(n_groups, np.bool_)
    has_start[group[start != 0]] = True
    near_zero |= ~has_start
    near_zero[of[_within(times, 1)]] = False
    return near_zero


def _told(used: dict[int, Mask]) -> dict[str, int]:
    """Factor → spans."""
    return {str(ns): int(mask.sum()) for ns, mask in sorted(used.items())}


def _resources(identity: Identity, rows: Rows) -> int:
    touched: npt.NDArray[Any] = np.unique(identity.resource[rows])
    return int(touched.size)
