"""What a rule gives back: which spans it touched, and the table after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spanproof.table import Table
from spanproof.table.identity import Mask, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One rule's doing; None is given instead where it found nothing.

    rows    int32[k]  ascending, rows of the table after the rule
    count   spans touched, those that were dropped included
    detail  plain data: factors, how many events or links
    table   the table after the rule; None: as it was
    kept    bool[n], rows of the table before; None: no row was dropped
    """

    rows: Rows
    count: int
    detail: Mapping[str, Any] = field(default_factory=dict)
    table: Table | None = None
    kept: Mask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A rule that found something; `rows` count in the table that all rules left behind.

    `count` is at least the number of rows: spans that were dropped have none.
    """

    rule: str
    rows: Rows
    count: int
    detail: Mapping[str, Any]

    def after(self, kept: Mask) -> Touched:
        """The same, its rows counted in a table of which only the `kept` are left."""
        number = np.cumsum(kept, dtype=np.int64).astype(np.int32) - np.int32(1)
        return replace(self, rows=number[self.rows[kept[self.rows]]])


def counted(mask: npt.NDArray[Any], **detail: int) -> Change | None:
    """The change of a rule that only counts: spans where the mask is True."""
    rows = np.flatnonzero(mask).astype(np.int32)
    return Change(rows=rows, count=int(rows.size), detail=detail) if rows.size else None
