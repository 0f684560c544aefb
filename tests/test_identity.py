"""Ids resolved to rows: against the definitions, row by row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData
from tests.few_ids import NOW_NS, tables
from tests.oracles.identity import Plain
from tests.strategies import traces_data

from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.wire import Wire
from spanproof.table import Table
from spanproof.table.facts import parent_cycles
from spanproof.table.identity import MISSING, NO_PARENT, identify

NUMBERS = {"none": NO_PARENT, "missing": MISSING}


def numbered(ids: list[bytes | None], seen: dict[bytes, int]) -> list[int]:
    return [-1 if i is None else seen.setdefault(i, len(seen)) for i in ids]


def same_number(a: list[int], b: list[int]) -> bool:
    """One naming of the other: equal exactly where the other is, −1 for −1."""
    pairs = set(zip(a, b, strict=True))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


@given(tables())
@settings(deadline=None, max_examples=80)
def test_every_row_has_the_parent_that_the_definition_gives(table: Table) -> None:
    plain, identity = Plain(table), identify(table)
    rows = range(len(table))
    for near, found in ((True, identity.parent), (False, identity.plain_parent)):
        wanted = [plain.parent(i, near=near)[0] for i in rows]
        assert found.tolist() == [NUMBERS.get(w, w) for w in wanted]
    likely = [plain.parent(i)[1] for i in rows]
    assert identity.doubtful.tolist() == [len(rows) > 1 for rows in likely]
    start = table.numbers("spans", "start_time_unix_nano")
    earliest = identity.earliest_parent(start)
    for i in rows:
        if likely[i]:
            assert earliest[i] == min(plain.spans[j].start for j in likely[i])


@given(tables())
@settings(deadline=None, max_examples=40)
def test_ids_are_equal_as_their_bytes_are(table: Table) -> None:
    plain, identity = Plain(table), identify(table)
    traces = [s.trace for s in plain.spans] + [trace for _, trace, _ in plain.links]
    mine = [*identity.trace.tolist(), *identity.link_trace.tolist()]
    assert same_number(mine, numbered(traces, {}))
    ids = [s.id for s in plain.spans] + [s.named for s in plain.spans]
    ids += [span for _, _, span in plain.links]
    mine = [*identity.span.tolist(), *identity.named.tolist(), *identity.link_span.tolist()]
    assert same_number(mine, numbered(ids, {}))
    assert identity.n_traces == len({s.trace for s in plain.spans} - {None})


@given(tables())
@settings(deadline=None, max_examples=40)
def test_duplicates_targets_and_what_stands_elsewhere(table: Table) -> None:
    plain, identity = Plain(table), identify(table)
    rows = range(len(table))
    assert identity.duplicate.tolist() == [plain.is_duplicate(i) for i in rows]
    targets = [plain.target(k) for k in range(len(plain.links))]
    assert identity.target.tolist() == [MISSING if t is None else t for t in targets]
    assert identity.elsewhere.tolist() == [plain.stands_elsewhere(i) for i in rows]


@given(tables())
@settings(deadline=None, max_examples=40)
def test_cycles_are_the_rows_that_come_back(table: Table) -> None:
    cycle, count = parent_cycles(identify(table).parent)
    wanted = Plain(table).cycles()
    assert count == len(wanted)
    assert {frozenset(np.flatnonzero(cycle == c).tolist()) for c in range(count)} == {
        frozenset(rows) for rows in wanted
    }


@given(traces_data(unknown=True))
@settings(deadline=None, max_examples=40)
def test_whatever_a_message_holds_it_is_resolved_alike(message: TracesData) -> None:
    table = decode(Wire.of([message.SerializeToString()]))
    plain, identity = Plain(table), identify(table)
    wanted = [plain.parent(i)[0] for i in range(len(table))]
    assert identity.parent.tolist() == [NUMBERS.get(w, w) for w in wanted]


@given(tables())
@settings(deadline=None, max_examples=30)
def test_spans_of_no_trace_change_nothing(table: Table) -> None:
    n = len(table)
    nowhere = table.spans.column("trace_id").take(pa.nulls(n, pa.int32()))
    other = table.with_columns("spans", {"trace_id": nowhere})
    other = other.replacing(residue=other.residue.slice(0, 0))
    both = identify(Table.concat([table, other]))
    assert both.parent[:n].tolist() == identify(table).parent.tolist()
    assert (both.parent[n:] < 0).all()


def test_an_unknown_field_with_the_number_of_an_id_is_no_id() -> None:
    """Field 1 as a varint is an unknown field; the trace id that stands there still counts."""
    span = Span(trace_id=b"\1" * 16, span_id=b"\2" * 8, start_time_unix_nano=NOW_NS)
    wire = span.SerializeToString() + b"\x08\x05" + b"\x10\x07"
    scope = b"\x12" + bytes([len(wire)]) + wire
    message = b"\x0a" + bytes([len(scope) + 2]) + b"\x12" + bytes([len(scope)]) + scope
    table = decode(Wire.of([message]))
    assert table.residue.num_rows == 2
    identity = identify(table)
    assert (identity.trace.tolist(), identity.span.tolist()) == ([0], [0])


def test_no_spans_have_no_parents() -> None:
    for table in (Table.empty(), decode(Wire.of([TracesData(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans()])]
    ).SerializeToString()]))):  # fmt: skip
        identity = identify(table)
        assert identity.parent.size == identity.doubtful.size == identity.target.size == 0
        assert identity.n_traces == 0
