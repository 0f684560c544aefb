"""Spans and ids as a sentence names them."""

from __future__ import annotations

from spanproof.order import Order
from spanproof.table.identity import raw_ids
from spanproof.table.table import Table
from spanproof.vocabulary.attributes import SERVICE_NAME


class Names:
    """Looks spans of one table up by row. O(resources) once, then O(1)."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._services = table.attribute("resources", SERVICE_NAME)
        self._raw = {
            column: raw_ids(table, "spans", column)
            for column in ("trace_id", "span_id", "parent_span_id")
        }

    def service(self, row: int) -> str:
        """The service's name, or "" where the resource has none."""
        scope = self._table.spans.column("scope")[row].as_py()
        resource = self._table.scopes.column("resource")[scope].as_py()
        value = self._services[resource]
        return "" if value is None else str(value)

    def __call__(self, row: int) -> str:
        """ "service · operation", as far as they are known."""
        name = self._table.spans.column("name")[row].as_py()
        return " · ".join(part for part in (self.service(row), name) if part) or "a span"

    def id_of(self, row: int, column: str = "span_id") -> str:
        """An id in lower-case hex; one that is text as that text; "" where there is none."""
        value = self._table.spans.column(column)[row].as_py()
        if value is None:
            value = self._raw[column].get(row, b"")
        return spelt(value)


def spelt(raw: bytes) -> str:
    """Hex, but for printable ASCII of another length than ids have: that was text."""
    if len(raw) not in (8, 16) and raw.isascii() and raw.decode().isprintable():
        return raw.decode()
    return raw.hex()


def covered(order: Order) -> dict[str, object]:
    """What a judge saw, and what was missing from it."""
    table, parent = order.table, order.identity.parent
    dropped = {
        what: int(table.numbers("spans", f"dropped_{what}_count").sum(dtype="uint64"))
        for what in ("attributes", "events", "links")
    }
    return {
        "spans": len(table),
        "traces": order.identity.n_traces,
        "edges": order.counts(),
        "missing_parents": int((parent == -2).sum()),
        "doubtful_parents": int(order.identity.doubtful.sum()),
        "absent_link_targets": int((order.identity.target < 0).sum()),
        "without_start": int((~order.timed).sum()),
        "dropped": {what: n for what, n in dropped.items() if n},
    }
