"""Zipkin's shared ids: one call, its CLIENT and SERVER halves under one span id.

The SERVER half gets an id of its own, derived from what identifies it, and the CLIENT half
becomes its parent. Children that certainly belong to a SERVER half follow it. Where several
halves may be meant, the child stays with the one that starts first: whichever is true, the
child is then not blamed for starting before a parent it does not have. Links to the shared
id keep pointing to the CLIENT half. An id that a span of neither sort carries as well is a
conflict, and left alone. Source: docs/explanation/normalisation.md; openzipkin/b3-propagation,
"Why is ParentSpanId propagated?".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from itertools import count
from typing import Any, Final

import numpy as np

from spanproof.ingest.rules.change import Change
from spanproof.ingest.rules.pending_span import announcing
from spanproof.ingest.rules.rewriting import id_bytes, with_ids
from spanproof.table import Table, views
from spanproof.table.identity import Identity, Mask, Rows, raw_ids
from spanproof.vocabulary.attributes import LOCAL_ADDRESS, SERVICE_NAME
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import SpanKind

_ID_BYTES: Final = 8
_TRACE_BYTES: Final = 16


def split(identity: Identity) -> Change | None:
    """Split marked halves, and pairs that are one CLIENT and one SERVER and nothing else."""
    return _split(identity, marked_only=False)


def split_marked(identity: Identity) -> Change | None:
    """Split only the halves that a Zipkin file marked as `shared`."""
    return _split(identity, marked_only=True)


def _split(identity: Identity, *, marked_only: bool) -> Change | None:
    """O(spans · log spans) if any id stands twice."""
    if not identity.duplicate.any():
        return None
    is_half = _marked(identity)
    if not marked_only:
        is_half |= _pairs(identity, is_half)
    is_half &= _left_to_clients(identity, is_half)
    halves = np.flatnonzero(is_half).astype(np.int32)
    if not halves.size:
        return None
    table = identity.table
    old = [raw.tobytes() for raw in id_bytes(table.spans.column("span_id"))[halves]]
    new = _derived_ids(identity, halves, old)
    following, half_of, n_doubtful = _followers(identity, is_half)
    new_of = dict(zip(halves.tolist(), new, strict=True))
    table = with_ids(table, "spans", "span_id", halves, new)
    follower_ids = [new_of[half] for half in half_of.tolist()]
    table = with_ids(table, "spans", "parent_span_id", following, follower_ids)
    table = with_ids(table, "spans", "parent_span_id", halves, old)
    rows = np.union1d(halves, following).astype(np.int32)
    detail = {
        "halves": int(halves.size),
        "children": int(following.size),
        "doubtful_children": n_doubtful,
    }
    return Change(rows=rows, count=int(rows.size), detail=detail, table=table)


def _eligible(identity: Identity) -> Mask:
    """Spans with a key whose span id is of its length: an odd one is kept as it stands.

    An announcement is no half of a call; given a parent, it would seem to be pending.
    """
    valid = views.valid(identity.table.spans.column("span_id"))
    eligible: Mask = valid & (identity.key >= 0) & ~announcing(identity.table)
    return eligible


def _marked(identity: Identity) -> Mask:
    """SERVER halves that say so, with a CLIENT of the same key."""
    table = identity.table
    kind = table.numbers("spans", "kind")
    shared = (table.numbers("spans", "dialect") & Dialect.SHARED_ID) != 0
    marked = _eligible(identity) & shared & (kind == SpanKind.SERVER)
    clients = identity.key[(kind == SpanKind.CLIENT) & (identity.key >= 0)]
    marked[marked] = np.isin(identity.key[marked], clients)
    return marked


def _pairs(identity: Identity, gone: Mask) -> Mask:
    """SERVER halves of keys that, the `gone` left out, one CLIENT and one SERVER carry."""
    kind = identity.table.numbers("spans", "kind")
    left = np.flatnonzero(_eligible(identity) & ~gone)
    keys, number, rows = np.unique(identity.key[left], return_inverse=True, return_counts=True)
    n_clients, n_servers = (
        np.bincount(number[kind[left] == k], minlength=keys.size)
        for k in (SpanKind.CLIENT, SpanKind.SERVER)
    )
    pair = (n_clients == 1) & (n_servers == 1) & (rows == 2)
    pairs = np.zeros(gone.size, np.bool_)
    pairs[left[pair[number] & (kind[left] == SpanKind.SERVER)]] = True
    return pairs


def _left_to_clients(identity: Identity, gone: Mask) -> Mask:
    """Spans under whose key, the `gone` left out, CLIENTs alone remain.

    Were anything else to keep the id, a half that names it as parent could seem to be that
    span's child; so such a key stays a conflict, and the mark says who belongs to whom.
    """
    kind = identity.table.numbers("spans", "kind")
    others = identity.key[~gone & (kind != SpanKind.CLIENT)]
    return ~np.isin(identity.key, others)


def _followers(identity: Identity, is_half: Mask) -> tuple[Rows, Rows, int]:
    """Children that go with a half, the half of each, and how many children are in doubt."""
    parent, doubtful = identity.parent.copy(), identity.doubtful
    split_keys = identity.key[is_half]
    in_doubt = doubtful & (parent >= 0) & ~is_half
    in_doubt[in_doubt] = np.isin(identity.key[parent[in_doubt]], split_keys)
    if in_doubt.any():
        start = identity.table.numbers("spans", "start_time_unix_nano")
        order = np.argsort(start, kind="stable")
        rank = np.empty(order.size, np.int64)  # distinct, so that a rank names its row
        rank[order] = np.arange(order.size)
        earliest = identity.earliest_parent(rank)
        parent[in_doubt] = order[earliest[in_doubt]]
    follows = (parent >= 0) & ~is_half  # a half's parent is its CLIENT
    follows[follows] = is_half[parent[follows]]
    rows = np.flatnonzero(follows).astype(np.int32)
    return rows, parent[rows], int(in_doubt.sum())


def _derived_ids(identity: Identity, halves: Rows, old: list[bytes]) -> list[bytes]:
    """An id for each half: the same in every run, not zero, new in its trace."""
    traces = _trace_ids(identity, halves)
    places = _places(identity.table)
    resources = identity.resource[halves].tolist()
    taken = _Taken(identity)
    seen: Counter[tuple[bytes, ...]] = Counter()
    ids = []
    numbers = identity.trace[halves].tolist()
    for trace, number, span, resource in zip(traces, numbers, old, resources, strict=True):
        parts = (trace, span, *places[resource])
        for attempt in count():  # the first will do, but for one id in 2⁶⁴
            new = _digest((*parts, b"%d" % seen[parts], b"%d" % attempt))
            if any(new) and taken.add(number, new):
                break
        seen[parts] += 1
        ids.append(new)
    return ids


def _digest(parts: Iterable[bytes]) -> bytes:
    hashed = blake2b(digest_size=_ID_BYTES)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.digest()


def _trace_ids(identity: Identity, rows: Rows) -> list[bytes]:
    """Trace ids of 16 bytes or whatever length they have."""
    table = identity.table
    raw = raw_ids(table, "spans", "trace_id")
    content = id_bytes(table.spans.column("trace_id"))[rows]
    return [
        raw.get(row, own.tobytes()).rjust(_TRACE_BYTES, b"\0")
        for row, own in zip(rows.tolist(), content, strict=True)
    ]


def _places(table: Table) -> list[tuple[bytes, bytes]]:
    """(service, address) of each resource."""
    services = table.attribute("resources", SERVICE_NAME)
    addresses = table.attribute("resources", LOCAL_ADDRESS)
    return [(_bytes(s), _bytes(a)) for s, a in zip(services, addresses, strict=True)]


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b"" if value is None else str(value).encode()


class _Taken:
    """Ids that a trace already has, as a span's, a parent's, or a link target's."""

    def __init__(self, identity: Identity) -> None:
        table = identity.table
        owners = table.numbers("links", "parent_id")
        parts = [
            ("spans", "span_id", identity.trace),
            ("spans", "parent_span_id", identity.trace),
            ("links", "span_id", identity.link_trace),
            ("links", "span_id", identity.trace[owners]),
        ]
        ids = [id_bytes(getattr(table, batch).column(column)) for batch, column, _ in parts]
        whole = np.ascontiguousarray(np.concatenate(ids)).view(np.uint64)[:, 0]
        traces = np.concatenate([trace for _, _, trace in parts])
        order = np.argsort(whole, kind="stable")
        self._ids, self._traces = whole[order], traces[order]
        self._more: set[tuple[int, bytes]] = set()

    def add(self, trace: int, new: bytes) -> bool:
        """Whether the id was free in that trace; it is taken from now on."""
        if (trace, new) in self._more:
            return False
        word = np.frombuffer(new, np.uint64)[0]
        low, high = (int(np.searchsorted(self._ids, word, side=s)) for s in ("left", "right"))
        if (self._traces[low:high] == trace).any():
            return False
        self._more.add((trace, new))
        return True
