"""Parents that make no tree: counted, and left to the judges as evidence.

Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

import numpy as np

from spanproof.ingest.rules.change import Change, counted
from spanproof.table.facts import parent_cycles
from spanproof.table.identity import MISSING, Identity


def missing_parent(identity: Identity) -> Change | None:
    """Spans whose parent is not in their trace."""
    return counted(identity.parent == MISSING)


def parent_in_other_trace(identity: Identity) -> Change | None:
    """Those of them whose parent's id stands in another trace."""
    if not (identity.parent == MISSING).any():
        return None
    return counted(identity.elsewhere)


def self_parent(identity: Identity) -> Change | None:
    """Spans that are their own parent."""
    return counted(identity.parent == np.arange(identity.parent.size))


def parent_cycle(identity: Identity) -> Change | None:
    """Spans on a cycle of at least two."""
    cycle, _n = parent_cycles(identity.parent)
    on = (cycle >= 0) & (identity.parent != np.arange(cycle.size))
    return counted(on, cycles=int(np.unique(cycle[on]).size))
