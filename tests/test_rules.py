"""The rules of normalisation: what each does to which spans, and that once is enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData
from tests.few_ids import NOW_NS, tables
from tests.oracles.identity import Plain
from tests.oracles.tables import table_of
from tests.strategies import traces_data

from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.reading import read_file
from spanproof.ingest.rules import RULES, Touched, normalise, translate
from spanproof.ingest.rules.duplicate_exact import drop_copies
from spanproof.ingest.rules.shared_id import split
from spanproof.ingest.wire import Wire
from spanproof.table import Table
from spanproof.table.identity import identify
from spanproof.vocabulary.dialects import Dialect

OTEL = Path(__file__).parent / "data" / "otel"
CHANGING = {rule.name for rule in RULES if rule.changes}
TRACE, T = b"\1" * 16, NOW_NS


def read(file: str) -> Table:
    return read_file(str(OTEL / file)).table


def attribute(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def span(n: int, parent: int = 0, start: int = T, end: int = T + 10, **more: Any) -> Span:
    """Span number n of the one trace."""
    return Span(
        **{
            "trace_id": TRACE,
            "span_id": n.to_bytes(8, "big"),
            "parent_span_id": parent.to_bytes(8, "big") if parent else b"",
            "start_time_unix_nano": start,
            "end_time_unix_nano": end,
        }
        | more
    )


def group(service: str, *spans: Span, address: str = "") -> ResourceSpans:
    more = [attribute("network.local.address", address)] if address else []
    resource = Resource(attributes=[attribute("service.name", service), *more])
    return ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])


def table(*groups: ResourceSpans) -> Table:
    return table_of(TracesData(resource_spans=groups))


def marked(whole: Table, *rows: int) -> Table:
    dialect = whole.numbers("spans", "dialect").copy()
    dialect[list(rows)] |= int(Dialect.SHARED_ID)
    return whole.with_columns("spans", {"dialect": pa.array(dialect)})


def by_rule(touched: list[Touched]) -> dict[str, Touched]:
    return {t.rule: t for t in touched}


def counts(touched: list[Touched]) -> dict[str, int]:
    return {t.rule: t.count for t in touched}


def names(whole: Table) -> list[str]:
    return [str(name) for name in whole.spans.column("name").to_pylist()]


def ids(whole: Table, column: str = "span_id") -> list[int | None]:
    found = whole.spans.column(column).to_pylist()
    return [None if i is None else int.from_bytes(i, "big") for i in found]


# -- the files that were made or recorded for it

FILES = {
    "synthetic/graphs/duplicate-exact.jsonl": {"duplicate_exact": 1},
    "synthetic/graphs/duplicate-conflict.jsonl": {"duplicate_conflict": 2},
    "synthetic/graphs/same-span-id-two-traces.jsonl": {},
    "synthetic/graphs/two-roots.jsonl": {},
    "synthetic/graphs/child-after-parent-internal.jsonl": {},
    "synthetic/graphs/pending-spans.jsonl": {"pending_span": 3, "no_end": 1},
    "synthetic/graphs/self-parent.jsonl": {"self_parent": 1},
    "synthetic/graphs/parent-cycle-2.jsonl": {"parent_cycle": 2},
    "synthetic/graphs/missing-parent.jsonl": {"missing_parent": 1},
    "synthetic/graphs/parent-in-other-trace.jsonl": {
        "missing_parent": 1, "parent_in_other_trace": 1
    },
    "synthetic/graphs/link-to-self.jsonl": {"link_to_self": 1},
    "synthetic/graphs/link-to-absent-span.jsonl": {"link_to_absent_span": 1},
    "synthetic/graphs/link-cycle.jsonl": {},
    "synthetic/graphs/zero-start.jsonl": {"no_start": 2, "no_end": 1},
    "synthetic/graphs/never-ended.jsonl": {"no_end": 1},
    "synthetic/graphs/end-before-start.jsonl": {"end_before_start": 1},
    "synthetic/graphs/event-outside-span.jsonl": {"event_outside_span": 1},
    "synthetic/malformed/times-in-ms.json": {"time_unit": 3},
    "synthetic/malformed/times-in-us.json": {"time_unit": 3},
    "synthetic/malformed/ids-64bit-trace.json": {"trace_id_64bit": 3},
    "synthetic/malformed/ids-base64.json": {"base64_id": 3},
    "synthetic/malformed/ids-upper-case.json": {"upper_case_hex": 3},
    "synthetic/malformed/ids-odd-length.json": {"text_id": 1, "invalid_id": 1},
    "synthetic/malformed/ids-zero.json": {"invalid_id": 2},
    "synthetic/malformed/json-kind-unknown-number.json": {"unknown_enum": 1},
    "synthetic/malformed/pb-trace-id-8-and-32-bytes.pb": {"trace_id_64bit": 1, "invalid_id": 1},
    "synthetic/coverage/dialect-enum-names.json": {
        "enum_name": 6, "unknown_enum": 1, "link_to_self": 1, "link_to_absent_span": 1,
        "no_start": 1, "no_end": 1, "end_before_start": 1, "time_saturated": 2,
        "event_outside_span": 1, "duplicate_attribute_key": 1,
    },
    "synthetic/skew/drift-strong.jsonl": {},
    "jaeger/pair2-ui.json": {"duplicate_exact": 1, "missing_parent": 1},
    "crisp/14.json": {"upper_case_hex": 4},
    "zipkin/skew.json": {"shared_id": 2},
    "zipkin/ascend.json": {"shared_id": 5},
    "zipkin/messaging-kafka.json": {},
    "zipkin/smartthings-oauth-authorization.json": {"shared_id": 120, "no_end": 19},
}  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_touched_by_these_rules_and_no_others(file: str) -> None:
    after, touched = normalise(read(file))
    after.validate()
    assert counts(touched) == FILES[file]
    order = [rule.name for rule in RULES]
    assert [order.index(t.rule) for t in touched] == sorted(order.index(t.rule) for t in touched)


def test_most_rules_are_seen_at_work_on_a_file() -> None:
    seen = {rule for rules in FILES.values() for rule in rules}
    assert {rule.name for rule in RULES} - seen == {"dashed_id"}


def test_a_rule_is_named_once_and_says_what_it_does_in_a_sentence() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 25
    assert all(rule.does.endswith(".") and rule.does[0].isupper() for rule in RULES)


# -- laws


@given(tables())
@settings(deadline=None, max_examples=40)
def test_once_is_enough(before: Table) -> None:
    after, touched = normalise(before)
    after.validate()
    again, more = normalise(after)
    assert not CHANGING & set(counts(more))
    assert again.equals(after)
    # What only counts finds the same spans again.
    assert [(t.rule, t.rows.tolist()) for t in more] == [
        (t.rule, t.rows.tolist()) for t in touched if t.rule not in CHANGING
    ]
    assert Table.concat([before]).equals(before)  # the table given is as it was


@given(traces_data(unknown=True))
@settings(deadline=None, max_examples=40)
def test_no_message_is_too_strange(message: TracesData) -> None:
    before = decode(Wire.of([message.SerializeToString()]))
    after, touched = normalise(before)
    after.validate()
    translate(before).validate()
    for t in touched:
        assert t.count >= t.rows.size > 0 or t.count > 0
        assert (np.diff(t.rows) > 0).all()
        assert t.rows.max(initial=0) < max(len(after), 1)


@given(tables(modern=True), tables(modern=True, max_size=4))
@settings(deadline=None, max_examples=30)
def test_spans_of_other_traces_change_nothing(one: Table, other: Table) -> None:
    other = in_other_traces(other)
    alone, _ = normalise(one)
    beside, _ = normalise(Table.concat([one, other]))
    assert beside.spans.slice(0, len(alone)).to_pylist() == alone.spans.to_pylist()
    moved, _ = normalise(other)
    columns = ["trace_id", "span_id", "parent_span_id", "name", "end_time_unix_nano"]
    assert beside.spans.slice(len(alone)).select(columns).to_pylist() == (
        moved.spans.select(columns).to_pylist()
    )


def in_other_traces(whole: Table) -> Table:
    """Every id of a trace of its right length renamed, the others gone."""

    def renamed(batch: str) -> pa.Array:
        old = getattr(whole, batch).column("trace_id").to_pylist()
        new = [None if t is None or not any(t) else b"\x77" + t[1:] for t in old]
        return pa.array(new, pa.binary(16))

    moved = whole.with_columns("spans", {"trace_id": renamed("spans")})
    moved = moved.with_columns("links", {"trace_id": renamed("links")})
    return moved.replacing(residue=moved.residue.slice(0, 0))


@given(tables())
@settings(deadline=None, max_examples=40)
def test_counting_rules_count_what_their_definitions_say(before: Table) -> None:
    after, touched = normalise(before)
    plain, found = Plain(after), {t.rule: t.rows.tolist() for t in touched}
    for rule, holds in DEFINITIONS.items():
        wanted = [i for i in range(len(after)) if holds(plain, i)]
        assert found.get(rule, []) == wanted, rule


def _links(plain: Plain, i: int) -> list[int]:
    return [k for k, (owner, _, _) in enumerate(plain.links) if owner == i]


def _events(plain: Plain, i: int) -> list[int]:
    return [e["time_unix_nano"] for e in plain.rows["events"] if e["parent_id"] == i]


def _has_end(plain: Plain, i: int) -> bool:
    s = plain.spans[i]
    at_0 = plain.from_zero and s.start == 0
    return not s.dialect & 64 and (s.end != 0 or at_0)


def _outside(plain: Plain, i: int, at: int) -> bool:
    s = plain.spans[i]
    if at == 0 and not plain.from_zero:
        return False
    backwards = plain.started(i) and s.end < s.start
    early = plain.started(i) and at < s.start
    return early or (_has_end(plain, i) and not backwards and at > s.end)


def _odd(plain: Plain, i: int) -> bool:
    s = plain.spans[i]
    return s.trace is None or s.id is None or len(s.trace) != 16 or len(s.id) != 8


def _key_twice(plain: Plain, i: int) -> bool:
    keys = [a["key"] for a in plain.rows["span_attributes"] if a["parent_id"] == i]
    return len(set(keys)) < len(keys)


def _late(plain: Plain, i: int) -> bool:
    return max(plain.spans[i].start, plain.spans[i].end, *_events(plain, i)) == 2**63 - 1


DEFINITIONS: dict[str, Callable[[Plain, int], bool]] = {
    "upper_case_hex": lambda p, i: bool(p.spans[i].dialect & 1),
    "base64_id": lambda p, i: bool(p.spans[i].dialect & 2),
    "dashed_id": lambda p, i: bool(p.spans[i].dialect & 4),
    "text_id": lambda p, i: bool(p.spans[i].dialect & 8),
    "enum_name": lambda p, i: bool(p.spans[i].dialect & 16),
    "unknown_enum": lambda p, i: p.spans[i].kind not in range(6),
    "invalid_id": _odd,
    "duplicate_conflict": lambda p, i: (
        p.spans[i].key is not None and sum(s.key == p.spans[i].key for s in p.spans) > 1
    ),
    "missing_parent": lambda p, i: p.parent(i)[0] == "missing",
    "parent_in_other_trace": lambda p, i: p.stands_elsewhere(i),
    "self_parent": lambda p, i: p.parent(i)[0] == i,
    "parent_cycle": lambda p, i: any(i in c and len(c) > 1 for c in p.cycles()),
    "link_to_self": lambda p, i: any(
        p.spans[i].key is not None and p.links[k][1:] == p.spans[i].key for k in _links(p, i)
    ),
    "link_to_absent_span": lambda p, i: any(p.target(k) is None for k in _links(p, i)),
    "no_start": lambda p, i: not p.started(i),
    "no_end": lambda p, i: not _has_end(p, i),
    "end_before_start": lambda p, i: (
        p.started(i) and _has_end(p, i) and p.spans[i].end < p.spans[i].start
    ),
    "time_saturated": _late,
    "event_outside_span": lambda p, i: any(_outside(p, i, at) for at in _events(p, i)),
    "duplicate_attribute_key": _key_twice,
}


def test_every_counting_rule_has_its_definition_here() -> None:
    assert set(DEFINITIONS) == {rule.name for rule in RULES} - CHANGING


# -- copies


@given(
    tables()
    | traces_data(unknown=True).map(
        lambda m: decode(Wire.of([m.SerializeToString(), m.SerializeToString()]))
    )
)
@settings(deadline=None, max_examples=40)
def test_the_first_of_equal_spans_stays(before: Table) -> None:
    plain = Plain(before)
    seen: set[Any] = set()
    kept = []
    for s in plain.spans:
        told = (s.key, plain.content(s.row))
        kept.append(s.key is None or told not in seen)
        seen.add(told)
    change = drop_copies(identify(before))
    if change is None:
        assert all(kept)
        return
    assert change.kept is not None
    assert change.table is not None
    assert change.kept.tolist() == kept
    assert change.table.equals(before.keep(np.array(kept)))
    assert change.count == kept.count(False)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.events.add(time_unix_nano=T, name="e"),
        lambda s: s.events[0].attributes.add(key="k"),
        lambda s: s.links.add(span_id=b"\1" * 8),
        lambda s: s.links[0].attributes[0].value.array_value.values.add(),
        lambda s: s.attributes.reverse(),
        lambda s: s.attributes[0].value.ClearField("string_value"),
        lambda s: s.attributes[0].ClearField("value"),
        lambda s: s.status.SetInParent(),
        lambda s: s.MergeFromString(b"\xc0\x3e\x05"),
        lambda s: s.events[0].MergeFromString(b"\xc0\x3e\x05"),
        lambda s: setattr(s, "trace_state", "a=b"),
        lambda s: setattr(s, "flags", 256),
    ],
)
def test_the_least_difference_makes_no_copy(change: Callable[[Span], object]) -> None:
    def full() -> Span:
        return span(
            1,
            attributes=[attribute("a", ""), attribute("b", "x")],
            events=[Span.Event(time_unix_nano=T)],
            links=[Span.Link(trace_id=TRACE, attributes=[KeyValue(key="l")])],
        )

    def both(second: Span) -> dict[str, int]:
        message = TracesData(resource_spans=[group("a", full()), group("a", second)])
        return counts(normalise(decode(Wire.of([message.SerializeToString()])))[1])

    assert both(full())["duplicate_exact"] == 1
    other = full()
    change(other)
    assert "duplicate_exact" not in both(other)
    assert both(other)["duplicate_conflict"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda g: setattr(g, "schema_url", "u"),
        lambda g: g.resource.attributes.add(key="more"),
        lambda g: g.resource.entity_refs.add(id_keys=["k"]),
        lambda g: setattr(g.scope_spans[0], "schema_url", "u"),
        lambda g: g.scope_spans[0].scope.SetInParent(),
        lambda g: g.scope_spans[0].scope.attributes.add(key="more"),
        lambda g: g.resource.MergeFromString(b"\xc0\x3e\x05"),
    ],
)
def test_copies_have_one_resource_and_scope(change: Callable[[ResourceSpans], object]) -> None:
    other = group("a", span(1))
    change(other)
    message = TracesData(resource_spans=[group("a", span(1)), other])
    _, touched = normalise(decode(Wire.of([message.SerializeToString()])))
    assert counts(touched) == {"duplicate_conflict": 2}


def test_many_different_spans_under_one_id_are_told_apart() -> None:
    many = [span(1, name=str(i % 500)) for i in range(1_000)]
    after, touched = normalise(table(group("a", *many)))
    assert counts(touched) == {"duplicate_exact": 500, "duplicate_conflict": 500}
    assert names(after) == [str(i) for i in range(500)]


# -- Logfire's pending spans


def pending(n: int, real: int, parent: str | None, **more: Any) -> Span:
    told = [attribute("logfire.span_type", "pending_span")]
    if parent is not None:
        told.append(attribute("logfire.pending_parent_id", parent))
    return span(n, real, end=more.get("start", T), attributes=told, **more)


def test_pending_spans_become_the_open_span_or_make_way() -> None:
    after, touched = normalise(read("synthetic/graphs/pending-spans.jsonl"))
    assert names(after) == ["c (pending)", "a", "b"]
    assert ids(after) == [0xB003, 0xB001, 0xB002]
    assert ids(after, "parent_span_id") == [0xB002, None, 0xB001]
    assert after.numbers("spans", "end_time_unix_nano")[0] == 0
    found = by_rule(touched)
    assert found["pending_span"].rows.tolist() == [0]
    assert found["pending_span"].detail == {"opened": 1, "dropped": 2}
    assert found["no_end"].rows.tolist() == [0]


@pytest.mark.parametrize("parent", [None, "0" * 16])
def test_a_pending_root_stays_a_root(parent: str | None) -> None:
    after, touched = normalise(table(group("a", pending(9, 1, parent), span(2, 1))))
    assert ids(after) == [1, 2]
    assert ids(after, "parent_span_id") == [None, 1]
    assert counts(touched) == {"pending_span": 1, "no_end": 1}


@pytest.mark.parametrize("parent", ["", "?", "0" * 15, " 0000000000000f", "١" * 16])
def test_a_pending_span_whose_parent_cannot_be_read_stays(parent: str) -> None:
    after, touched = normalise(table(group("a", pending(9, 1, parent))))
    assert ids(after) == [9]
    assert counts(touched) == {"missing_parent": 1}
    after, _ = normalise(table(group("a", pending(9, 1, parent), span(1))))
    assert ids(after) == [1]  # nothing of it is needed here


def test_a_span_announced_twice_is_opened_once() -> None:
    after, touched = normalise(
        table(group("a", pending(8, 1, "?"), pending(9, 1, None), pending(7, 1, None)))
    )
    assert ids(after) == [1]
    assert by_rule(touched)["pending_span"].detail == {"opened": 1, "dropped": 2}


def test_an_opened_span_does_not_pend_again_when_its_parent_gets_another_id() -> None:
    halves = (group("x", span(1, kind=3)), group("y", span(1, kind=2)))
    before = table(*halves, group("y", pending(9, 2, "0" * 15 + "1")))
    after, touched = normalise(before)
    assert set(counts(touched)) == {"pending_span", "shared_id", "no_end"}
    again, more = normalise(after)
    assert counts(more) == {"no_end": 1}
    assert again.equals(after)


def test_a_pending_span_in_two_units_is_seen_after_scaling() -> None:
    whole = pending(9, 1, None, start=T // 10**6)
    whole.end_time_unix_nano = T
    after, touched = normalise(table(group("a", whole, span(1))))
    assert ids(after) == [1]
    assert counts(touched) == {"time_unit": 1, "pending_span": 1}


def test_a_pending_span_bears_no_witness_to_the_unit() -> None:
    """Else a second pass, without it, would scale what the first one did not."""
    t = T // 10**6
    before = table(group("a", pending(9, 1, None, start=5), span(1, start=t, end=t + 1)))
    after, touched = normalise(before)
    assert counts(touched) == {"time_unit": 1, "pending_span": 1}
    assert after.numbers("spans", "start_time_unix_nano").tolist() == [T]


def test_an_announcement_is_not_the_span_that_another_announces() -> None:
    after, touched = normalise(
        table(group("a", pending(9, 1, None), pending(8, 9, "0" * 15 + "1")))
    )
    assert ids(after) == [1, 9]
    assert ids(after, "parent_span_id") == [None, 1]
    assert by_rule(touched)["pending_span"].detail == {"opened": 2, "dropped": 0}


def test_an_announcement_is_no_half_of_a_call() -> None:
    """Given its CLIENT as parent, it would seem to announce that."""
    before = marked(table(group("a", span(2, kind=3), pending(2, 0, None, kind=2))), 1)
    after, touched = normalise(before)
    assert counts(touched) == {"duplicate_conflict": 2}
    assert after.equals(before)


# -- Zipkin's shared ids


def call(*more: Span) -> Table:
    """CLIENT a and SERVER b under id 2, below 1; then `more` in b."""
    return table(
        group("a", span(1), span(2, 1, kind=3)), group("b", span(2, 1, start=T + 1, kind=2), *more)
    )


def test_the_server_half_gets_an_id_and_its_children() -> None:
    before = call(span(3, 2, start=T + 2))
    after, touched = normalise(before)
    new = ids(after)[2]
    assert ids(after) == [1, 2, new, 3]
    assert ids(after, "parent_span_id") == [None, 1, 2, new]
    assert new not in (None, 0, 1, 2, 3)
    (found,) = touched
    assert (found.rule, found.rows.tolist(), found.count) == ("shared_id", [2, 3], 2)
    assert found.detail == {"halves": 1, "children": 1, "doubtful_children": 0}
    assert normalise(before)[0].equals(after)


def test_translation_splits_what_zipkin_marked_and_nothing_else() -> None:
    before = call()
    assert translate(before) is before
    assert ids(translate(marked(before, 2))) == ids(normalise(before)[0])
    lonely = marked(table(group("b", span(2, 1, kind=2))), 0)
    assert translate(lonely) is lonely
    ms = read("synthetic/malformed/times-in-ms.json")
    assert translate(ms) is ms


def test_a_third_span_under_an_unmarked_id_makes_a_conflict() -> None:
    after, touched = normalise(call(span(2, 1, start=T + 3, kind=2)))
    assert counts(touched) == {"duplicate_conflict": 3}
    assert ids(after) == [1, 2, 2, 2]


def test_a_stranger_under_a_marked_id_makes_a_conflict() -> None:
    """Split, the half would be a child of the stranger, who is of its service."""
    before = marked(call(span(2, 1, start=T + 3)), 2)
    after, touched = normalise(before)
    assert counts(touched) == {"duplicate_conflict": 3}
    assert identify(after).parent.tolist()[2] == 1
    assert translate(before) is before


def test_links_stay_with_the_client_half() -> None:
    link = Span.Link(trace_id=TRACE, span_id=(2).to_bytes(8, "big"))
    after, _ = normalise(call(span(3, 2, start=T + 2, links=[link])))
    assert identify(after).target.tolist() == [1]


def test_a_derived_id_is_new_in_its_trace() -> None:
    new = ids(normalise(call())[0])[2]
    assert new is not None
    for taken in (
        span(new, start=T + 5),
        span(4, new, start=T + 5),
        span(4, links=[Span.Link(trace_id=TRACE, span_id=new.to_bytes(8, "big"))]),
    ):
        after, _ = normalise(call(taken))
        assert ids(after)[2] not in (new, 0, 1, 2, 4)
        assert ids(after)[3] == int.from_bytes(taken.span_id, "big")
    other = span(new, trace_id=b"\2" * 16)  # ids are unique only within a trace
    assert ids(normalise(call(other))[0])[2] == new


def test_halves_alike_in_place_get_different_ids() -> None:
    twice = [span(2, 1, start=T + i, kind=2) for i in (1, 3)]
    before = table(group("a", span(2, 1, kind=3)), group("b", *twice, span(3, 2, start=T + 2)))
    after, touched = normalise(marked(before, 1, 2))
    first, second = ids(after)[1:3]
    assert first != second
    # Which half called is unknown: the earlier one cannot be blamed.
    assert ids(after, "parent_span_id")[3] == first
    assert by_rule(touched)["shared_id"].detail["doubtful_children"] == 1


@given(tables(modern=True))
@settings(deadline=None, max_examples=40)
def test_a_split_moves_no_child_to_a_later_parent(before: Table) -> None:
    change = split(identify(before))
    if change is None:
        return
    after = change.table
    assert after is not None
    after.validate()
    old, new = Plain(before), Plain(after)
    halves = [i for i, s in enumerate(old.spans) if s.id != new.spans[i].id]
    assert len(halves) == change.detail["halves"]
    fresh = [(new.spans[i].trace, new.spans[i].id) for i in halves]
    known = {(s.trace, i) for s in old.spans for i in (s.id, s.named)}
    assert len(set(fresh)) == len(fresh)
    assert not set(fresh) & known
    for i in range(len(before)):
        if i in halves:
            above, _ = new.parent(i)
            assert new.spans[above].kind == 3
            assert new.spans[above].key == old.spans[i].key
            continue
        (was, likely), (now, still) = old.parent(i), new.parent(i)
        if len(likely) <= 1:
            assert was == now
        else:
            assert still <= likely
            assert min(old.spans[j].start for j in likely) == min(new.spans[j].start for j in still)
    untouched = ["name", "kind", "start_time_unix_nano", "end_time_unix_nano", "trace_id"]
    assert after.spans.select(untouched).equals(before.spans.select(untouched))


def test_no_child_of_the_recorded_trace_precedes_its_parent() -> None:
    after, touched = normalise(read("zipkin/smartthings-oauth-authorization.json"))
    identity = identify(after)
    start = after.numbers("spans", "start_time_unix_nano")
    child = np.flatnonzero(identity.parent >= 0)
    assert child.size == 174
    assert (start[child] >= start[identity.parent[child]]).all()
    assert not identity.duplicate.any()
    assert by_rule(touched)["shared_id"].detail == {
        "halves": 45, "children": 75, "doubtful_children": 11
    }  # fmt: skip


# -- trace ids of 64 bits


def test_short_trace_ids_are_padded_and_meet_their_long_form() -> None:
    short, long = b"\5" * 8, bytes(8) + b"\5" * 8
    link = Span.Link(trace_id=short, span_id=(1).to_bytes(8, "big"))
    before = table(
        group("a", span(1, trace_id=long), span(2, 1, trace_id=short, links=[link])),
        group("a", span(1, trace_id=short)),
        group("a", span(9, trace_id=bytes(8)), span(8, trace_id=b"\5" * 7)),
    )
    after, touched = normalise(before)
    found = by_rule(touched)
    assert found["trace_id_64bit"].rows.tolist() == [1]  # the copy is gone again
    assert found["trace_id_64bit"].count == 2
    assert found["trace_id_64bit"].detail == {"links": 1}
    assert found["duplicate_exact"].count == 1
    assert found["invalid_id"].rows.tolist() == [2, 3]
    assert after.spans.column("trace_id").to_pylist()[:2] == [long, long]
    identity = identify(after)
    assert identity.parent.tolist()[:2] == [-1, 0]
    assert identity.target.tolist() == [0]
    assert after.residue.num_rows == 2


def test_an_unknown_field_with_the_number_of_an_id_outlives_the_padding() -> None:
    odd = span(1, trace_id=b"\5" * 8).SerializeToString() + b"\x08\x05"
    scope = b"\x12" + bytes([len(odd)]) + odd
    message = b"\x0a" + bytes([len(scope) + 2]) + b"\x12" + bytes([len(scope)]) + scope
    after, touched = normalise(decode(Wire.of([message])))
    assert counts(touched) == {"trace_id_64bit": 1}
    assert after.residue.column("wire").to_pylist() == [b"\x08\x05"]


# -- units of time


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 10**3)])
def test_a_wrong_unit_is_scaled(unit: str, factor: int) -> None:
    t = T // factor
    before = table(
        group("a", span(1, start=t, end=t + 5, events=[Span.Event(time_unix_nano=t + 1)])),
        group("b", span(2, 1, start=T + 7, end=T + 9), span(3, 1, start=t + 2, end=0)),
    )
    after, touched = normalise(before)
    assert after.numbers("spans", "start_time_unix_nano").tolist() == [T, T + 7, T + 2 * factor]
    assert after.numbers("spans", "end_time_unix_nano").tolist() == [T + 5 * factor, T + 9, 0]
    assert after.numbers("events", "time_unix_nano").tolist() == [T + factor]
    found = by_rule(touched)["time_unit"]
    assert found.rows.tolist() == [0, 2]
    assert found.detail == {"factors": {str(factor): 2}, "resources": 2}


@pytest.mark.parametrize(
    "times",
    [
        [(0, 10), (3, 5)],
        [(0, 2 * 10**9), (15 * 10**8, 18 * 10**8)],  # a simulated second and a half
        [(100, 10**9), (15 * 10**8, 15 * 10**8 + 1)],
        [(10**9, 2 * 10**9), (2 * 10**9, 4 * 10**9)],
        [(10**12, 2 * 10**12)],  # a simulated quarter of an hour
        [(0, 15 * 10**8)],
        [(T, T + 5), (2**63 - 1, 2**63 - 1), (5, 6)],
    ],
)
def test_times_near_zero_or_of_no_unit_stay(times: list[tuple[int, int]]) -> None:
    spans = [span(i + 1, i, start=s, end=e) for i, (s, e) in enumerate(times)]
    before = table(group("a", *spans))
    after, touched = normalise(before)
    assert "time_unit" not in counts(touched)
    assert after.equals(before)


def test_a_simulation_read_beside_a_modern_trace_stays_what_it_is() -> None:
    tiny = [span(i, start=i * 5 * 10**8, end=i * 5 * 10**8 + 9) for i in (1, 2, 3)]
    simulated = table(group("sim", *tiny))
    modern = table(group("a", span(1, trace_id=b"\2" * 16)))
    after, touched = normalise(Table.concat([simulated, modern]))
    assert touched == []
    assert after.numbers("spans", "start_time_unix_nano")[0] == 5 * 10**8


@pytest.mark.parametrize(
    ("year_s", "scaled"),
    [(946_684_799, False), (946_684_800, True), (4_102_444_799, True), (4_102_444_800, False)],
)
def test_a_scaled_time_lies_between_2000_and_2100(year_s: int, scaled: bool) -> None:
    before = table(group("a", span(1), span(2, start=year_s * 1000, end=0)))
    _, touched = normalise(before)
    assert ("time_unit" in counts(touched)) is scaled


# -- row numbers


def test_rows_count_in_the_table_that_is_left() -> None:
    t = T // 10**6
    spans = [pending(9, 1, None), span(1), span(2, 1), span(2, 1), span(3, 1, start=t, end=t + 1)]
    after, touched = normalise(table(group("a", *spans)))
    assert ids(after) == [1, 2, 3]
    found = by_rule(touched)
    assert {rule: t.rows.tolist() for rule, t in found.items()} == {
        "time_unit": [2], "pending_span": [], "duplicate_exact": [1]
    }  # fmt: skip
    assert counts(touched) == {"pending_span": 1, "time_unit": 1, "duplicate_exact": 1}


def test_attributes_given_twice_are_found_on_every_owner() -> None:
    twice = [attribute("k", "1"), attribute("x", "2"), attribute("k", "1")]
    many = [attribute(str(i), "") for i in range(40)] + [attribute("0", "")]
    spans = [
        span(1),
        span(2, attributes=twice),
        span(3, attributes=many),
        span(4, events=[Span.Event(time_unix_nano=T, attributes=twice)]),
        span(5, links=[Span.Link(trace_id=TRACE, span_id=bytes(7) + b"\1", attributes=twice)]),
        span(6, attributes=many[:-1]),
    ]
    one, two = group("a", *spans), group("b", span(7), span(8))
    two.resource.attributes.append(attribute("service.name", "c"))
    after, touched = normalise(table(one, two))
    (found,) = touched
    assert found.rows.tolist() == [1, 2, 3, 4, 6, 7]
    assert found.detail == {"resources": 1, "spans": 2, "events": 1, "links": 1}
    assert after.equals(table(one, two))


def test_a_table_without_spans_is_returned_as_it_is() -> None:
    empty = Table.empty()
    assert normalise(empty) == (empty, [])
    assert translate(empty) is empty
