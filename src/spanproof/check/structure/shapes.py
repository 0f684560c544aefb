"""The ways in which a trace is no tree of spans: each gives the rows, and tells one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from spanproof.check.names import Names
from spanproof.findings.durations import duration, plural
from spanproof.order import Order
from spanproof.table.facts import parent_cycles
from spanproof.table.identity import MISSING
from spanproof.table.views import valid

Rows = npt.NDArray[np.integer]
Tell = Callable[[int], tuple[str, tuple[int, ...], dict[str, object]]]
Shape = Callable[[Order, Names], tuple[Rows, Tell]]


def self_parent(order: Order, names: Names) -> tuple[Rows, Tell]:
    parent = order.identity.parent

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        return f"{names(row)} is its own parent", (row,), {"span_id": names.id_of(row)}

    return np.flatnonzero(parent == np.arange(parent.size)), tell


def parent_cycle(order: Order, names: Names) -> tuple[Rows, Tell]:
    """One row, the first, for each cycle of two spans or more."""
    parent = order.identity.parent
    cycle, _n = parent_cycles(parent)
    on = np.flatnonzero((cycle >= 0) & (parent != np.arange(parent.size)))
    _numbers, first = np.unique(cycle[on], return_index=True)

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        rows = [row]
        while (above := int(parent[rows[-1]])) != row:
            rows.append(above)
        told = " ← ".join(names(r) for r in [*rows[:6], row])
        if len(rows) > 6:
            told += f" (and {plural(len(rows) - 6, 'span')} between)"
        circle = [{"child": names.id_of(r), "parent": names.id_of(int(parent[r]))} for r in rows]
        return f"spans are each other's ancestors: {told}", tuple(rows), {"circle": circle}

    return np.sort(on[first]), tell


def missing_parent(order: Order, names: Names) -> tuple[Rows, Tell]:
    identity = order.identity

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        wanted = names.id_of(row, "parent_span_id")
        elsewhere = bool(identity.elsewhere[row])
        hint = " (its id stands in another trace)" if elsewhere else ""
        message = f"the parent {wanted} of {names(row)} is not in the data{hint}"
        return message, (row,), {"parent_span_id": wanted, "in_another_trace": elsewhere}

    return np.flatnonzero(identity.parent == MISSING), tell


def duplicate_span_id(order: Order, names: Names) -> tuple[Rows, Tell]:
    """One row, the first, for each id that several spans carry."""
    identity = order.identity
    named = np.flatnonzero(identity.key >= 0)
    by_key = named[np.argsort(identity.key[named], kind="stable")]
    keys, first, size = np.unique(identity.key[by_key], return_index=True, return_counts=True)
    several = size > 1
    group = {
        int(by_key[at]): by_key[at : at + n]
        for at, n in zip(first[several], size[several], strict=True)
    }

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        rows = group[row]
        told = ", ".join(names(int(r)) for r in rows[:4]) + (", …" if rows.size > 4 else "")
        message = f"{plural(int(rows.size), 'different span')} carry one id: {told}"
        evidence = {"span_id": names.id_of(row), "spans": int(rows.size)}
        return message, tuple(int(r) for r in rows[:100]), evidence

    assert keys.size >= several.sum()
    return np.sort(np.array(list(group), np.int64)), tell


def end_before_start(order: Order, names: Names) -> tuple[Rows, Tell]:
    """Spans with both times, the end first; an end of 0 is a span that never ended."""
    start = order.start
    end = order.table.numbers("spans", "end_time_unix_nano")

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        by = int(start[row]) - int(end[row])
        message = f"{names(row)} ends {duration(by)} before it starts"
        return message, (row,), {"start_ns": int(start[row]), "end_ns": int(end[row]), "by_ns": by}

    wrong = np.flatnonzero(order.timed & (end != 0) & (end < start))
    return wrong[np.argsort((end - start)[wrong], kind="stable")], tell


def invalid_id(order: Order, names: Names) -> tuple[Rows, Tell]:
    table, identity = order.table, order.identity
    nobody = {"trace id": identity.trace < 0, "span id": identity.span < 0}
    odd = {
        what: ~valid(table.spans.column(column))
        for what, column in (("trace id", "trace_id"), ("span id", "span_id"))
    }

    def tell(row: int) -> tuple[str, tuple[int, ...], dict[str, object]]:
        wrong = {
            what: "missing or zero" if nobody[what][row] else "not of its length"
            for what in nobody
            if nobody[what][row] or odd[what][row]
        }
        told = " and ".join(f"the {what} is {why}" for what, why in wrong.items())
        ids = {"trace_id": names.id_of(row, "trace_id"), "span_id": names.id_of(row)}
        return f"{names(row)}: {told}", (row,), {"wrong": wrong, **ids}

    either = nobody["trace id"] | nobody["span id"] | odd["trace id"] | odd["span id"]
    return np.flatnonzero(either), tell


SHAPES: Final[dict[str, Shape]] = {
    "self_parent": self_parent,
    "parent_cycle": parent_cycle,
    "missing_parent": missing_parent,
    "duplicate_span_id": duplicate_span_id,
    "end_before_start": end_before_start,
    "invalid_id": invalid_id,
}
