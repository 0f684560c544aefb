"""Times in seconds, milli- or microseconds where nanoseconds belong, by mistake.

A time is taken for another unit if, scaled, it lies in the years 2000 to 2099; the ranges
of the four units do not overlap, so at most one fits, and a time that was scaled once is
never scaled again. Each time is judged by itself, so one resource may mix units; what fits
no unit stays. The guard is the file: where it lies near 0 as a whole (tests, simulators),
1,500,000,000 is a second and a half, not 2017. Source: OTLP.md §5, rule 10.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spanproof.ingest.rules.change import Change
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
    if all(factor is None for factor in factors.values()) or _near_zero(table):
        return None
    touched = np.zeros(len(table), np.bool_)
    used: dict[int, Mask] = {}
    for (batch, column), factor in factors.items():
        if factor is None:
            continue
        rows = np.flatnonzero(factor > 1).astype(np.int32)
        owner = rows if batch == "spans" else table.numbers(batch, "parent_id")[rows]
        touched[owner] = True
        for ns in np.unique(factor[rows]).tolist():
            used.setdefault(ns, np.zeros_like(touched))[owner[factor[rows] == ns]] = True
        scaled = table.numbers(batch, column) * factor
        table = with_times(table, batch, column, scaled, rows)
    rows = np.flatnonzero(touched).astype(np.int32)
    return Change(
        rows=rows,
        count=int(rows.size),
        detail={"factors": _told(used), "resources": _resources(identity, rows)},
        table=table,
    )


def _factors(times: Times) -> Times | None:
    """int64[n]: what each time is to be multiplied by; None: all by 1."""
    factors = None
    low = times[times < _LOW_S * 10**9]
    if not low.size or low.max() == 0:
        return None
    for ns in UNITS.values():
        within = _within(times, ns)
        if within.any():
            factors = np.ones(times.size, np.int64) if factors is None else factors
            factors[within] = ns
    return factors


def _within(times: Times, ns: int) -> Mask:
    unit = 10**9 // ns
    return (times >= _LOW_S * unit) & (times < _HIGH_S * unit)


def _near_zero(table: Table) -> bool:
    """Whether the file's times count from 0, or may do so.

    They do not if any start or end is a modern time in nanoseconds. Else every one must fit
    a unit (a 0 is no time then), there must be a start, and what is of one unit must lie
    within a year: simulated seconds, taken for seconds, would span decades.
    """
    start = table.numbers("spans", "start_time_unix_nano")
    times = np.concatenate([start, table.numbers("spans", "end_time_unix_nano")])
    times = times[times != 0]
    if _within(times, 1).any():
        return False
    fits = np.zeros(times.size, np.bool_)
    for ns in UNITS.values():
        within = _within(times, ns)
        fits |= within
        if within.any() and int(np.ptp(times[within])) > _YEAR_S * (10**9 // ns):
            return True
    return not (fits.all() and start.any())


def _told(used: dict[int, Mask]) -> dict[str, int]:
    """Factor → spans."""
    return {str(ns): int(mask.sum()) for ns, mask in sorted(used.items())}


def _resources(identity: Identity, rows: Rows) -> int:
    touched: npt.NDArray[Any] = np.unique(identity.resource[rows])
    return int(touched.size)
