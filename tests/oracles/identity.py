"""Who is whose parent, and the facts of a file: the definitions in plain Python, by rows.

Works on rows as `to_pylist` gives them and on ids as bytes; knows nothing of numbers,
sorting or columns. Quadratic on purpose.
"""

from __future__ import annotations

import struct
from typing import Any

from spanproof.table import Table

SHARED_ID, NO_DURATION = 32, 64
SERVER, CLIENT = 2, 3
MODERN_NS = 10**17


class Span:
    """One row, its ids as bytes of any length (None: missing or zero)."""

    def __init__(self, row: int, columns: dict[str, Any], ids: dict[str, bytes | None]) -> None:
        self.row = row
        self.kind, self.dialect = columns["kind"], columns["dialect"]
        self.start = columns["start_time_unix_nano"]
        self.end = columns["end_time_unix_nano"]
        self.trace, self.id, self.named = ids["trace_id"], ids["span_id"], ids["parent_span_id"]
        self.service: Any = None
        self.address: Any = None

    @property
    def key(self) -> tuple[bytes, bytes] | None:
        return None if self.trace is None or self.id is None else (self.trace, self.id)

    @property
    def parent_key(self) -> tuple[bytes, bytes] | None:
        return None if self.trace is None or self.named is None else (self.trace, self.named)


class Plain:
    """A table, row by row."""

    def __init__(self, table: Table) -> None:
        self.rows = {name: batch.to_pylist() for name, batch in table.batches.items()}
        columns = ("trace_id", "span_id", "parent_span_id")
        self.spans = [
            Span(i, row, {c: self._id("spans", i, c) for c in columns})
            for i, row in enumerate(self.rows["spans"])
        ]
        for span, row in zip(self.spans, self.rows["spans"], strict=True):
            resource = self.rows["scopes"][row["scope"]]["resource"]
            span.service = self._attribute(resource, "service.name")
            span.address = self._attribute(resource, "network.local.address")
        self.links = [
            (row["parent_id"], self._id("links", i, "trace_id"), self._id("links", i, "span_id"))
            for i, row in enumerate(self.rows["links"])
        ]

    def _id(self, batch: str, row: int, column: str) -> bytes | None:
        value = self.rows[batch][row][column]
        owner, tag = {"spans": 6, "links": 8}[batch], _TAGS[column]
        for rest in self.rows["residue"]:
            where = (rest["owner"], rest["row"], rest["field"])
            if where == (owner, row, tag >> 3) and rest["wire"][0] == tag:
                value = _after_length(rest["wire"])
        return value if value and any(value) else None

    def _attribute(self, resource: int, key: str) -> Any:
        value = None
        for row in self.rows["resource_attributes"]:
            if row["parent_id"] == resource and row["key"] == key:
                held = (row[c] for c in ("str", "int", "double", "bool", "bytes", "ser"))
                value = next((v for v in held if v is not None), None)
        return value

    # -- parents

    def first(self, key: tuple[bytes, bytes] | None) -> int | None:
        return next((s.row for s in self.spans if key is not None and s.key == key), None)

    def is_duplicate(self, i: int) -> bool:
        return self.spans[i].key is not None and self.first(self.spans[i].key) != i

    def parent(self, i: int, *, near: bool = True) -> tuple[int | str, set[int]]:
        """(the parent's row, "none" or "missing"; all rows that may be meant)."""
        span = self.spans[i]
        if span.dialect & SHARED_ID and span.kind == SERVER and span.key is not None:
            for other in self.spans:
                if other.key == span.key and other.kind == CLIENT:
                    return other.row, {other.row}
        if span.named is None:
            return "none", set()
        if span.key is not None and span.parent_key == span.key:
            return i, {i}
        found = [s for s in self.spans if s.key is not None and s.key == span.parent_key]
        if not found:
            return "missing", set()
        here = (span.service, span.address)
        for likely in (
            [s for s in found if near and (s.service, s.address) == here],
            [s for s in found if s.service == span.service],
        ):
            if likely:
                return likely[0].row, {s.row for s in likely}
        best = [s for s in found if s.kind == SERVER] or found
        return best[0].row, {s.row for s in found}

    def target(self, link: int) -> int | None:
        _owner, trace, span = self.links[link]
        return None if trace is None or span is None else self.first((trace, span))

    def stands_elsewhere(self, i: int) -> bool:
        """The parent is missing, its id is some span's all the same."""
        named = self.spans[i].named
        return self.parent(i)[0] == "missing" and any(s.id == named for s in self.spans)

    def cycles(self, *, near: bool = True) -> list[set[int]]:
        """Rows that come back to themselves by parents; one set each circle."""
        parents = [self.parent(i, near=near)[0] for i in range(len(self.spans))]
        found = []
        for i in range(len(parents)):
            walk, at = [i], parents[i]
            while isinstance(at, int) and at not in walk:
                walk.append(at)
                at = parents[at]
            if at == i and set(walk) not in found:
                found.append(set(walk))
        return found

    # -- facts

    @property
    def from_zero(self) -> bool:
        """Near 0 as a whole: a 0 is a time."""
        return all(max(s.start, s.end) < MODERN_NS for s in self.spans)

    def started(self, i: int) -> bool:
        return self.from_zero or self.spans[i].start != 0

    def facts(self) -> dict[str, int | float]:
        spans = self.spans
        parents = [self.parent(i, near=False)[0] for i in range(len(spans))]
        ends = [s.start if s.dialect & NO_DURATION else s.end for s in spans]
        timed = [
            (i, p)
            for i, p in enumerate(parents)
            if isinstance(p, int) and self.started(i) and self.started(p)
        ]
        early = [(i, p) for i, p in timed if spans[i].start < spans[p].start]
        most = max((spans[p].start - spans[i].start for i, p in early), default=0)
        cycles = self.cycles(near=False)
        keys = {s.key for s in spans if s.key is not None}
        kinds = [[s.kind for s in spans if s.key == key] for key in keys]
        return {
            "spans": len(spans),
            "traces": len({s.trace for s in spans} - {None}),
            "services": len({s.service for s in spans}),
            "roots": parents.count("none"),
            "links": len(self.links),
            "links_to_absent_span": sum(self.target(k) is None for k in range(len(self.links))),
            "links_to_other_trace": sum(spans[o].trace != trace for o, trace, _ in self.links),
            "events": len(self.rows["events"]),
            "missing_parents": parents.count("missing"),
            "self_parents": sum(p == i for i, p in enumerate(parents)),
            "parent_cycles": sum(len(cycle) > 1 for cycle in cycles),
            "duplicate_ids": sum(self.is_duplicate(i) for i in range(len(spans))),
            "shared_client_server_pairs": sum(
                k.count(CLIENT) == 1 and k.count(SERVER) == 1 for k in kinds
            ),
            "no_start_time": sum(not self.started(i) for i in range(len(spans))),
            "end_before_start": sum(
                self.started(s.row) and end < s.start for s, end in zip(spans, ends, strict=True)
            ),
            "child_starts_before_parent": len(early),
            "of_which_cross_service": sum(spans[i].service != spans[p].service for i, p in early),
            "max_early_us": most / 1000,
            "child_ends_after_parent": sum(ends[i] > ends[p] for i, p in timed),
            "starts_after_parent_end": sum(spans[i].start > ends[p] for i, p in timed),
        }

    # -- content

    def content(self, i: int) -> str:
        """All that a span says, its scope and resource included."""
        scope = self.rows["spans"][i]["scope"]
        resource = self.rows["scopes"][scope]["resource"]
        return repr(
            (
                self._said("spans", i),
                self._said("scopes", scope, but=("spans",)),
                self._said("resources", resource, but=("scopes",)),
            )
        )

    def _said(self, batch: str, row: int, but: tuple[str, ...] = ()) -> Any:
        own = {
            name: struct.pack("<d", value) if isinstance(value, float) else value
            for name, value in self.rows[batch][row].items()
            if name not in ("dialect", "request", *_POINTERS.values())
        }
        below = [
            (child, [self._said(child, j) for j, r in enumerate(self.rows[child]) if r[p] == row])
            for (child, parent), p in _POINTERS.items()
            if parent == batch and child not in but
        ]
        rest = [
            (r["owner"], r["field"], r["wire"])
            for r in self.rows["residue"]
            if r["owner"] in _OWNED[batch] and r["row"] == row
        ]
        return own, below, rest


_TAGS = {"trace_id": 10, "span_id": 18, "parent_span_id": 34}
_POINTERS = {  # (child, parent): column
    ("resource_attributes", "resources"): "parent_id",
    ("entity_refs", "resources"): "parent_id",
    ("entity_keys", "entity_refs"): "parent_id",
    ("scopes", "resources"): "resource",
    ("scope_attributes", "scopes"): "parent_id",
    ("spans", "scopes"): "scope",
    ("span_attributes", "spans"): "parent_id",
    ("events", "spans"): "parent_id",
    ("event_attributes", "events"): "parent_id",
    ("links", "spans"): "parent_id",
    ("link_attributes", "links"): "parent_id",
}
_OWNED = {
    "resources": (1, 2), "entity_refs": (3,), "entity_keys": (), "scopes": (4, 5),
    "spans": (6, 9), "events": (7,), "links": (8,), "resource_attributes": (18,),
    "scope_attributes": (21,), "span_attributes": (22,), "event_attributes": (23,),
    "link_attributes": (24,),
}  # fmt: skip


def _after_length(wire: bytes) -> bytes:
    at = 1
    while wire[at] & 128:
        at += 1
    return wire[at + 1 :]
