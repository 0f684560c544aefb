"""Who is whose parent: ids resolved to row numbers.

A span's key is (trace id, span id), as raw bytes, whatever their length; ids that are
missing or all zero name nobody. Where several spans carry a parent's key, the child goes to
the first one of its own service and address, else of its service, else to the first SERVER,
else to the first; whether another could be meant as well is kept. A SERVER half that shares
its CLIENT's id (Zipkin) has that CLIENT as its parent. Source: docs/explanation/normalisation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from spanproof.table.interning import Interner
from spanproof.table.table import Table
from spanproof.table.views import valid
from spanproof.vocabulary.attributes import LOCAL_ADDRESS, SERVICE_NAME
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import Message, SpanKind, WireType

Rows = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Doubt = tuple[Rows, Keys, Rows, Keys]
"""Children and the class of each one's likely parents; rows and the class of each."""

NO_PARENT = -1
MISSING = -2

_FIELDS = {"trace_id": 1, "span_id": 2, "parent_span_id": 4}


@dataclass(frozen=True)
class Identity:
    """Ids as numbers; made by `identify`, every array in row order.

    trace        int32[n]  dense number of the trace id, by first appearance; −1 for none
    span         int32[n]  number of the span id's bytes; −1 for none
    named        int32[n]  number of the parent id's bytes; −1 for none
    link_trace   int32[m]  the same for the targets of links
    link_span    int32[m]
    """

    table: Table
    trace: Rows
    span: Rows
    named: Rows
    link_trace: Rows
    link_span: Rows

    @cached_property
    def n_traces(self) -> int:
        """Traces that have spans; spans without a trace id are in none."""
        return int(np.unique(self.trace[self.trace >= 0]).size)

    @cached_property
    def resource(self) -> Rows:
        """int32[n]: row of the span's resource."""
        return self.table.numbers("scopes", "resource")[self.table.numbers("spans", "scope")]

    @cached_property
    def service(self) -> Rows:
        """int32[n]: number of the span's service name; −1 where the resource has none."""
        return self._of_resource(SERVICE_NAME)

    def _of_resource(self, attribute: str) -> Rows:
        numbers: dict[object, int] = {None: -1}
        values = self.table.attribute("resources", attribute)
        codes = [numbers.setdefault(value, len(numbers) - 1) for value in values]
        return np.array(codes, np.int32)[self.resource]

    @cached_property
    def key(self) -> Keys:
        """int64[n]: (trace, span) as one number; −1 where either is missing."""
        return _joined(self.trace, self.span)

    @cached_property
    def duplicate(self) -> Mask:
        """bool[n]: another span before this one has the same key."""
        first = _First(self.key).rows_of(self.key)
        return (first != np.arange(self.key.size)) & (self.key >= 0)

    @cached_property
    def parent(self) -> Rows:
        """int32[n]: the parent's row, NO_PARENT, or MISSING; a span may be its own."""
        return self._resolved[0]

    @cached_property
    def doubtful(self) -> Mask:
        """bool[n]: another span is as likely the parent as the chosen one."""
        doubtful = np.zeros(len(self.table), np.bool_)
        for children, *_likely in self._resolved[1]:
            doubtful[children] = True
        return doubtful

    def earliest_parent(self, start: Keys) -> Keys:
        """int64[n]: of all spans that may be the parent, the earliest start; `start` by row.

        Only where there is a parent; elsewhere the value means nothing.
        """
        earliest = start[np.maximum(self.parent, 0)].copy()
        for children, wanted, rows, classes in self._resolved[1]:
            least = np.full(int(classes.max(initial=-1)) + 1, np.iinfo(np.int64).max)
            np.minimum.at(least, classes, start[rows])
            earliest[children] = least[wanted]
        return earliest

    @cached_property
    def target(self) -> Rows:
        """int32[m]: the row that each link points to (the first of its key), or MISSING."""
        return _First(self.key).rows_of(_joined(self.link_trace, self.link_span))

    @cached_property
    def elsewhere(self) -> Mask:
        """bool[n]: the parent is missing here, but its id stands in another trace."""
        return (self.parent == MISSING) & np.isin(self.named, self.span[self.span >= 0])

    @cached_property
    def plain_parent(self) -> Rows:
        """int32[n]: as `parent`, by service alone: what the facts of a file are about."""
        return self._resolve(near=False)[0]

    @cached_property
    def _resolved(self) -> tuple[Rows, list[Doubt]]:
        return self._resolve(near=True)

    def _resolve(self, *, near: bool) -> tuple[Rows, list[Doubt]]:
        """Parents, and what is in doubt; `near`: addresses count as well as services."""
        keys = _joined(self.trace, self.named)
        parent = _First(self.key).rows_of(keys)
        parent[self.named < 0] = NO_PARENT
        if not self.duplicate.any():
            return parent, []
        itself = (self.key == keys) & (keys >= 0)
        parent[itself] = np.flatnonzero(itself)
        several = self._among_namesakes(parent, ~itself, near)
        kinds = self.table.numbers("spans", "kind")
        shared = (self.table.numbers("spans", "dialect") & Dialect.SHARED_ID) != 0
        servers = np.flatnonzero(shared & (kinds == SpanKind.SERVER)).astype(np.int32)
        clients = np.flatnonzero(kinds == SpanKind.CLIENT).astype(np.int32)
        found = _First(self.key[clients]).rows_of(self.key[servers])
        halves = servers[found >= 0]
        parent[halves] = clients[found[found >= 0]]
        return parent, [
            (*_beside(children, wanted, halves), rows, classes)
            for children, wanted, rows, classes in several
        ]

    def _among_namesakes(self, parent: Rows, eligible: Mask, near: bool) -> list[Doubt]:
        """Choose among spans with one key; changes `parent`, returns what stays in doubt."""
        _unique, key = np.unique(self.key, return_inverse=True)
        doubled = np.zeros(key.size, np.bool_)
        doubled[key[self.duplicate]] = True
        rows = np.flatnonzero(doubled[key]).astype(np.int32)  # the namesakes
        left = np.flatnonzero(eligible & (parent >= 0)).astype(np.int32)
        left = left[doubled[key[parent[left]]]]
        kinds = self.table.numbers("spans", "kind")
        place = _grouped(self.service, self._of_resource(LOCAL_ADDRESS))
        alike = np.zeros(key.size, np.int64)
        everyone = _grouped(key, alike)
        doubts = []
        for trait, among, known in (
            (place, rows if near else rows[:0], True),
            (self.service, rows, True),
            (alike, rows[kinds[rows] == SpanKind.SERVER], False),
            (alike, rows, False),
        ):
            # A class is a key with a trait; the child's class has the parent's key.
            both = np.concatenate([key[among], key[parent[left]]])
            traits = np.concatenate([trait[among], trait[left]])
            numbers = _grouped(both, traits)
            classes, wanted = numbers[: among.size], numbers[among.size :]
            found = _First(classes.astype(np.int64)).rows_of(wanted.astype(np.int64))
            hit = found >= 0
            size = np.bincount(classes, minlength=int(numbers.max(initial=-1)) + 1)
            if known:
                unsure = hit.copy()
                unsure[hit] = size[wanted[hit]] > 1
                doubts.append((left[unsure], wanted[unsure], among, classes))
            else:  # only a guess: any namesake may be meant
                whole = everyone[parent[left[hit]]]
                doubts.append((left[hit], whole, rows, everyone[rows]))
            parent[left[hit]] = among[found[hit]]
            left = left[~hit]
        return doubts


def identify(table: Table) -> Identity:
    """Resolve a table's ids. O(spans · log spans)."""
    trace, link_trace = _numbered(
        _Ids(table, "spans", "trace_id"), _Ids(table, "links", "trace_id")
    )
    span, named, link_span = _numbered(
        _Ids(table, "spans", "span_id"),
        _Ids(table, "spans", "parent_span_id"),
        _Ids(table, "links", "span_id"),
    )
    return Identity(table, trace, span, named, link_trace, link_span)


class _Ids:
    """One id column as slices: those of the right length in place, raw ones by row."""

    def __init__(self, table: Table, batch: str, column: str) -> None:
        array = getattr(table, batch).column(column)
        self.n, self.width = len(array), array.type.byte_width
        self.valid = valid(array)
        data = np.frombuffer(array.buffers()[1], np.uint8) if self.n else np.zeros(0, np.uint8)
        self.data = data[array.offset * self.width :][: self.n * self.width]
        self.raw = raw_ids(table, batch, column)

    @property
    def nobody(self) -> Mask:
        """bool[n]: missing, or nothing but zero bytes."""
        zero = ~self.data.reshape(self.n, self.width).any(axis=1) | ~self.valid
        for row, raw in self.raw.items():
            zero[row] = not any(raw)
        return zero


def raw_ids(table: Table, batch: str, column: str) -> dict[int, bytes]:
    """Row → bytes of the ids in that column that are not of their length."""
    owner = Message.SPAN if batch == "spans" else Message.LINK
    wires = table.residue_of(owner, _FIELDS[column])
    # The same number with another wire type is an unknown field, and no id.
    return {row: _content(wire) for row, wire in wires.items() if wire[0] & 7 == WireType.LEN}


def _content(wire: bytes) -> bytes:
    """What a length-delimited field contains; its tag (of one byte) and length taken off."""
    at = 1
    while wire[at] & 0x80:
        at += 1
    return wire[at + 1 :]


def _numbered(*columns: _Ids) -> list[Rows]:
    """Numbers by first appearance across the columns; −1 for those that name nobody."""
    interner = Interner(text=False)
    numbers = []
    for column in columns:
        at = np.arange(column.n, dtype=np.int32) * np.int32(column.width)
        size = np.where(column.valid, column.width, 0).astype(np.int32)
        codes = interner.codes(column.data, at, size)
        if column.raw:
            lengths = np.array([len(raw) for raw in column.raw.values()], np.int32)
            raw = np.frombuffer(b"".join(column.raw.values()), np.uint8)
            starts = (np.cumsum(lengths) - lengths).astype(np.int32)
            codes[list(column.raw)] = interner.codes(raw, starts, lengths)
        codes[column.nobody] = -1
        numbers.append(codes)
    return numbers


def _joined(high: Rows, low: Rows) -> Keys:
    """Two numbers as one; −1 where either is."""
    return np.where((high < 0) | (low < 0), -1, (high.astype(np.int64) << 32) | low)


def _grouped(a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> Keys:
    """A dense number for each pair."""
    pairs = (a.astype(np.int64) << 32) | (b.astype(np.int64) & 0xFFFFFFFF)
    return np.unique(pairs, return_inverse=True)[1]


class _First:
    """Key → the first row that has it."""

    def __init__(self, keys: Keys) -> None:
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._keys = keys[self._order]

    def rows_of(self, keys: Keys) -> Rows:
        """int32: the first row of each key; MISSING where there is none, or the key is −1."""
        rows = np.full(keys.size, MISSING, np.int32)
        at = np.searchsorted(self._keys, keys)
        hit = (at < self._keys.size) & (keys >= 0)
        hit[hit] = self._keys[at[hit]] == keys[hit]
        rows[hit] = self._order[at[hit]]
        return rows


def _beside(children: Rows, wanted: Keys, gone: Rows) -> tuple[Rows, Keys]:
    keep = ~np.isin(children, gone)
    return children[keep], wanted[keep]
