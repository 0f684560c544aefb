"""Each finding code: where it is found and where it is not, how many, and with what evidence."""

from __future__ import annotations

import csv
import json
import os
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from tests.notation import Sketch, parse, span_id, table_of
from tests.oracles import order as oracle
from tests.test_order import sketches

from spanproof.check.registry import CHECKS, judge_of
from spanproof.findings import CODES, Finding, Judgement, Severity
from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.reading import read_file
from spanproof.ingest.rules import normalise
from spanproof.ingest.wire import Wire, block, fixed64, key_value, text
from spanproof.order import build
from spanproof.table import Table

DATA = Path(__file__).parent / "data" / "otel"
GRAPHS = DATA / "synthetic" / "graphs"
SLOW = os.environ.get("NUMBA_DISABLE_JIT") == "1"
EXAMPLES = 10 if SLOW else 80
SEVERITIES = {
    "causality.reversed_edge": Severity.ERROR,
    "causality.cycle": Severity.ERROR,
    "structure.self_parent": Severity.ERROR,
    "structure.parent_cycle": Severity.ERROR,
    "structure.missing_parent": Severity.WARNING,
    "structure.duplicate_span_id": Severity.WARNING,
    "structure.end_before_start": Severity.WARNING,
    "structure.invalid_id": Severity.WARNING,
}


def judged(table: Table | str, limit: int | None = None) -> dict[str, Judgement]:
    order = build(table_of(table) if isinstance(table, str) else table)
    return {name: judge_of(name)(order, limit=limit) for name in CHECKS}


def counts(table: Table | str) -> dict[str, int]:
    return {code: n for j in judged(table).values() for code, n in j.counts.items()}


def findings(table: Table | str, code: str, limit: int | None = None) -> list[Finding]:
    judgement = judged(table, limit)[code.partition(".")[0]]
    return [finding for finding in judgement.findings if finding.code == code]


def the(table: Table | str, code: str) -> Finding:
    (finding,) = findings(table, code)
    assert finding.severity is SEVERITIES[code]
    return finding


# -- the registry


def test_every_row_is_complete_and_leads_to_a_judge():
    assert list(CHECKS) == ["causality", "structure"]
    for name, row in CHECKS.items():
        assert row.name == name
        assert all(row)
        assert row.question.endswith("?")
        assert callable(judge_of(name))
    assert {code.partition(".")[0] for code in CODES} == set(CHECKS)


def test_every_code_has_its_severity_and_its_sentences():
    assert {code: row.severity for code, row in CODES.items()} == SEVERITIES
    for row in CODES.values():
        assert row.title
        assert row.title[0].islower()
        assert row.why.endswith(".")
        assert row.todo.endswith(".")


def test_nothing_is_no_pass():
    for judgement in judged(Table.empty()).values():
        assert judgement.lacking == "there are no spans"
        assert judgement.findings == ()
        assert judgement.counts == {}


# -- what is found in what: exactly these counts, and nothing else

CASES = {
    "a@x 0-9; b@x 2-5 <a; c@y 6-8 <a ~b": {},
    "a@x 0-9; b@x 0-9 <a": {},  # starting together is no violation
    "a@x 0-3; b@x 5-9 <a": {},  # a child may outlive its parent
    "a@x 5-9; b@y 3-4 <a": {"causality.reversed_edge": 1},
    "a@x 5-9; b@y 3-4 ~a": {"causality.reversed_edge": 1},
    "a@x 5-9; b@y 3-4 <a ~a": {"causality.reversed_edge": 2},  # two edges
    "a@x 5-9; b@y 3-4 ~a ~a": {"causality.reversed_edge": 1},  # one edge, said twice
    "u/a@x 5-9; t/b@y 3-4 ~u/a": {"causality.reversed_edge": 1},
    "a@x 5-9; b@y 6-7 <a; c@y 4-5 <b; d@y 3-4 <c": {"causality.reversed_edge": 2},
    "a@x 5-9 <a": {"structure.self_parent": 1},
    "a@x 5-9 ~a": {},  # a link to itself is no edge
    "a@x 1-2 <b; b@x 1-2 <a": {"structure.parent_cycle": 1, "causality.cycle": 1},
    "a@x 1-2 ~b; b@x 1-2 ~a": {"causality.cycle": 1},
    "a@x 1-2 ~b; b@x 1-2 <a": {"causality.cycle": 1},
    "a@x 1-2 <c; b@x 1-2 <a; c@x 1-2 <b; d@x 1-2 <c": {
        "structure.parent_cycle": 1,
        "causality.cycle": 1,
    },
    "a@x 1-2 <b; b@x 1-2 <a; c@x 1-2 <d; d@x 1-2 <c": {
        "structure.parent_cycle": 2,
        "causality.cycle": 2,
    },
    "a@x 1-2 <none": {"structure.missing_parent": 1},
    "u/a@x 1-2; t/b@x 1-2 <u/a": {"structure.missing_parent": 1},
    "a@x 1-2 ~none": {},
    "a@x 1-2; b=a@x 1-3": {"structure.duplicate_span_id": 1},
    "a@x 1-2; b=a@x 1-3; c=a@x 1-4; d@x 1-1; e=d@x 1-2": {"structure.duplicate_span_id": 2},
    "u/a@x 1-2; t/a@x 1-2": {},  # span ids are unique within a trace only
    "a@x 5-2": {"structure.end_before_start": 1},
    "a@x 5-": {},  # it never ended
    "a@x 5-5": {},
    # In doubt: the other span of that id may be the parent, and it started in time.
    "a@x 9-9; b=a@x 2-3; c@x 3-4 <a": {"structure.duplicate_span_id": 1},
    "a@x 9-9; b=a@x 8-8; c@x 3-4 <a": {
        "structure.duplicate_span_id": 1,
        "causality.reversed_edge": 1,
    },
    "a@y 2-3; b=a@x 8-8; c@x 3-4 <a": {  # the one of its own service is meant
        "structure.duplicate_span_id": 1,
        "causality.reversed_edge": 1,
    },
    "a@x 9-9; b=a@x 8-8; c@x 3-4 ~a": {"structure.duplicate_span_id": 1},
}


@pytest.mark.parametrize("trace", CASES)
def test_exactly_these_are_found(trace):
    assert counts(trace) == CASES[trace]


CORPUS = {
    "child-after-parent-internal": {},
    "deep-chain-20000": {},
    "duplicate-conflict": {"structure.duplicate_span_id": 1},
    "duplicate-exact": {},
    "end-before-start": {"structure.end_before_start": 1},
    "event-outside-span": {},
    "link-cycle": {"causality.cycle": 1, "causality.reversed_edge": 1},
    "link-to-absent-span": {},
    "link-to-ancestor": {},
    "link-to-self": {},
    "links-many": {},
    "missing-parent": {"structure.missing_parent": 1},
    "never-ended": {},
    "parent-cycle-2": {
        "causality.cycle": 1,
        "causality.reversed_edge": 1,
        "structure.parent_cycle": 1,
    },
    "parent-in-other-trace": {"structure.missing_parent": 1},
    "pending-spans": {},
    "same-span-id-two-traces": {},
    "self-parent": {"structure.self_parent": 1},
    "two-roots": {},
    "zero-start": {},
}


LARGE = {"deep-chain-20000", "links-many"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.compiled] if n in LARGE else []) for n in CORPUS]
)
def test_each_oddity_of_the_corpus_is_found_as_what_it_is(name):
    (path,) = GRAPHS.glob(f"{name}.jsonl*")
    table, _touched = normalise(read_file(str(path)).table)
    assert counts(table) == CORPUS[name]


def test_the_corpus_is_whole():
    with (GRAPHS / "cases.csv").open(encoding="utf-8") as rows:
        assert {row["file"].partition(".")[0] for row in csv.DictReader(rows)} == set(CORPUS)


# -- evidence: what the claim can be checked from by hand


def test_a_reversed_edge_names_kind_and_nanoseconds():
    found = the("a@web 5-9; b@db 3-4 <a", "causality.reversed_edge")
    assert found.rows == (1, 0)  # the accused first
    a, b = (span_id(("t", name)).hex() for name in "ab")
    assert found.evidence == {
        "edge": "parent",
        "early_ns": 2,
        "grade": "definite",
        "cause": {"span_id": a, "start_ns": 5},
        "effect": {"span_id": b, "start_ns": 3},
        "path": [a, b],
        "because": "web · a is the parent of db · b: its context had to exist before the "
        "child began",
        "one_clock": False,
        "clocks": {"cause": "service.name=web", "effect": "service.name=db"},
        "within_resolution": False,
        "on_cycle": False,
    }
    assert found.message == (
        "db · b starts 2 ns before its parent web · a; a clock of service.name=db that is "
        "2 ns or more behind that of service.name=web would explain it"
    )


def test_a_reversal_on_one_clock_is_said_to_be_one():
    found = the("a@web 5-9; b@web 3-4 ~a", "causality.reversed_edge")
    assert found.evidence["edge"] == "link"
    assert found.evidence["grade"] == "assumed"
    assert found.evidence["one_clock"] is True
    assert "no offset explains it" in found.message


def test_the_worst_reversal_comes_first_and_all_are_counted():
    trace = "a@x 50-90; " + "; ".join(f"s{i}@x {i}-{i + 1} <a" for i in range(20))
    found = findings(trace, "causality.reversed_edge", limit=3)
    assert [f.evidence["early_ns"] for f in found] == [50, 49, 48]
    assert judged(trace, 3)["causality"].counts == {"causality.reversed_edge": 20}
    assert len(findings(trace, "causality.reversed_edge")) == 20


def test_limits_hold_for_every_code_and_never_for_counts():
    trace = "; ".join(
        f"a{i}@x 5-3 <b{i}; b{i}@x 4-6 <a{i}; c{i}@x 1-2 <c{i}; d{i}@x 1-2 <none; e{i}=d{i}@x 1-1"
        for i in range(4)
    )
    whole = counts(trace)
    assert set(whole) == set(SEVERITIES) - {"structure.invalid_id"}
    for limit in (0, 1, 3):
        for judgement in judged(trace, limit).values():
            assert judgement.counts == {c: n for c, n in whole.items() if c in judgement.counts}
            listed = Counter(f.code for f in judgement.findings)
            assert listed == Counter({c: min(limit, n) for c, n in judgement.counts.items()})


def test_a_cycle_is_its_edges():
    found = the("a@x 1-2 <c; b@x 1-2 ~a; c@x 1-2 ~b", "causality.cycle")
    a, b, c = (span_id(("t", name)).hex() for name in "abc")
    assert found.rows == (0, 1, 2)
    assert found.evidence == {
        "edges": [
            {"edge": "link", "from": a, "to": b},
            {"edge": "link", "from": b, "to": c},
            {"edge": "parent", "from": c, "to": a},
        ],
        "parents_only": False,
    }
    assert found.message == "links and parents form a circle: x · a → x · b → x · c → x · a"
    only = the("a@x 1-2 <b; b@x 1-2 <a", "causality.cycle")
    assert only.evidence["parents_only"] is True


def test_a_large_cycle_names_some_and_holds_all():
    trace = "s0@x 1-2 <s29; " + "; ".join(f"s{i}@x 1-2 <s{i - 1}" for i in range(1, 30))
    for code in ("causality.cycle", "structure.parent_cycle"):
        found = the(trace, code)
        assert sorted(found.rows) == list(range(30))
        assert len(found.message) < 200


def test_thousands_of_cycles_are_counted_and_some_told():
    n = 300 if SLOW else 5000
    trace = "; ".join(f"a{i}@x 1-2 <b{i}; b{i}@x 1-2 <a{i}" for i in range(n))
    judgement = judged(trace, 2)["causality"]
    assert judgement.counts == {"causality.cycle": n}
    assert [f.rows for f in judgement.findings] == [(0, 1), (2, 3)]


def test_structure_names_its_spans():
    a, b = (span_id(("t", name)).hex() for name in "ab")
    found = the("a@x 1-2 <a", "structure.self_parent")
    assert (found.rows, found.evidence) == ((0,), {"span_id": a})
    found = the("a@x 1-2 <b; b@x 1-2 <a; c@x 1-2 <b", "structure.parent_cycle")
    assert found.rows == (0, 1)
    assert found.evidence == {
        "circle": [{"child": a, "parent": b}, {"child": b, "parent": a}],
    }
    found = the("u/a@x 1-2; t/b@x 1-2 <u/a", "structure.missing_parent")
    assert found.evidence == {"parent_span_id": a, "in_another_trace": True}
    assert "another trace" in found.message
    found = the("b@x 1-2 <a", "structure.missing_parent")
    assert found.evidence == {"parent_span_id": a, "in_another_trace": False}
    found = the("a@x 1-2; b=a@x 1-3; c=a@y 1-4", "structure.duplicate_span_id")
    assert (found.rows, found.evidence) == ((0, 1, 2), {"span_id": a, "spans": 3})
    found = the("a@x 9-2", "structure.end_before_start")
    assert found.evidence == {"start_ns": 9, "end_ns": 2, "by_ns": 7}
    assert "7 ns" in found.message


def spans(*fields: bytes) -> Table:
    return decode(Wire.of([block(1, block(2, b"".join(block(2, field) for field in fields)))]))


@pytest.mark.parametrize(
    ("trace", "span", "wrong"),
    [
        (b"\x01" * 16, b"\x02" * 8, {}),
        (b"", b"\x02" * 8, {"trace id": "missing or zero"}),
        (b"\x01" * 16, bytes(8), {"span id": "missing or zero"}),
        (b"\x01" * 8, b"\x02" * 8, {"trace id": "not of its length"}),
        (b"\x01" * 16, b"abc", {"span id": "not of its length"}),
        (bytes(3), b"\x02" * 9, {"trace id": "missing or zero", "span id": "not of its length"}),
        (b"", b"", {"trace id": "missing or zero", "span id": "missing or zero"}),
    ],
)
def test_what_is_wrong_with_an_id_is_said(trace, span, wrong):
    table = spans(block(1, trace) + block(2, span) + text(5, "n") + fixed64(7, 1))
    found = findings(table, "structure.invalid_id")
    assert [f.evidence["wrong"] for f in found] == ([wrong] if wrong else [])
    if span == b"abc":
        assert found[0].evidence["span_id"] == "abc"  # what was text is shown as text


def test_spans_without_ids_are_nobodys_parent_and_no_duplicates():
    table = spans(text(5, "a"), text(5, "b"), block(1, b"\x01" * 16) + block(4, bytes(8)))
    assert counts(table) == {"structure.invalid_id": 3}


def test_two_names_on_one_host_are_one_clock():
    def group(service: str, span: bytes) -> bytes:
        resource = key_value(1, "service.name", service) + key_value(1, "host.name", "h")
        return block(1, block(1, resource) + block(2, block(2, span)))

    trace = block(1, b"\x01" * 16)
    parent = trace + block(2, b"\x01" * 8) + fixed64(7, 9) + fixed64(8, 9)
    child = trace + block(2, b"\x02" * 8) + block(4, b"\x01" * 8) + fixed64(7, 5) + fixed64(8, 6)
    table = decode(Wire.of([group("a", parent) + group("b", child)]))
    assert the(table, "causality.reversed_edge").evidence["one_clock"] is True


def test_a_start_of_zero_among_modern_times_violates_nothing():
    now = 1_700_000_000_000_000_000
    sketch = parse("a@x 5-9; b@x 3-4 <a")
    assert counts(table_of(sketch, shift_ns=now)) == {"causality.reversed_edge": 1}
    child = sketch[1]._replace(start=-now, end=4)
    assert counts(table_of([sketch[0], child], shift_ns=now)) == {}


def test_what_was_covered_and_what_was_missing_is_said():
    covered = judged("a@x 1-2 ~none; b@x 3-4 <a; c@x 5-6 <gone; d=b@x 7-8; e@x 9-9 <b")[
        "structure"
    ].covered
    assert covered == {
        "spans": 5,
        "traces": 1,
        "edges": {"parent": 2, "link": 0, "temporal": 4},
        "missing_parents": 1,
        "doubtful_parents": 1,
        "absent_link_targets": 1,
        "without_start": 0,
        "dropped": {},
    }


# -- against the definition, and laws


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_reversed_edges_are_those_of_the_definition(spans):
    wanted = set()
    for a, b in oracle.parents(spans):
        likely = [a]
        if b in oracle.doubtful(spans):
            likely = [k for k in range(len(spans)) if spans[k].id == spans[a].id]
            own = [k for k in likely if spans[k].host == spans[b].host]
            likely = own or likely
        if min(spans[k].start for k in likely) > spans[b].start:
            wanted.add(("parent", a, b))
    for a, b in oracle.links(spans) - oracle.unsure_links(spans):
        if spans[a].start > spans[b].start:
            wanted.add(("link", a, b))
    found = findings(table_of(spans), "causality.reversed_edge")
    assert {(f.evidence["edge"], f.rows[1], f.rows[0]) for f in found} == wanted
    for f in found:
        effect, cause = f.rows
        assert f.evidence["early_ns"] == spans[cause].start - spans[effect].start


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_structure_is_what_the_definition_counts(spans):
    n = len(spans)
    parent = [oracle.parent_of(spans, i)[0] for i in range(n)]
    cycles = set()
    for i in range(n):
        seen, row = [], i
        while row is not None and row not in seen:
            seen.append(row)
            row = parent[row]
        if row is not None:
            cycles.add(frozenset(seen[seen.index(row) :]))
    ids = Counter(span.id for span in spans)
    wanted = {
        "self_parent": sum(p == i for i, p in enumerate(parent)),
        "parent_cycle": sum(len(cycle) > 1 for cycle in cycles),
        "missing_parent": sum(
            s.parent is not None and p is None for s, p in zip(spans, parent, strict=True)
        ),
        "duplicate_span_id": sum(k > 1 for k in ids.values()),
        "end_before_start": sum(0 < s.end < s.start for s in spans),
    }
    assert judged(table_of(spans))["structure"].counts == {
        f"structure.{what}": k for what, k in wanted.items() if k
    }


@settings(deadline=None, max_examples=EXAMPLES // 2)
@given(sketches())
def test_a_witness_alone_still_violates(spans):
    table = table_of(spans)
    for judgement in judged(table).values():
        for finding in judgement.findings[:6]:
            assert counts(only(table, finding.rows))[finding.code] >= 1


@settings(deadline=None, max_examples=EXAMPLES // 2)
@given(sketches(unique=True, n_max=6))
def test_with_any_span_less_a_witness_does_not_violate(spans):
    table = table_of(spans)
    for judgement in judged(table).values():
        for finding in judgement.findings[:6]:
            for row in finding.rows:
                rest = [r for r in finding.rows if r != row]
                assert finding.code not in counts(only(table, rest))


def test_a_cycle_within_a_cycle_is_the_witness():
    found = the("a@x 1-2 <c; b@x 1-2 ~a; c@x 1-2 ~b; d@x 1-2 ~c; b2@x 1-2", "causality.cycle")
    assert found.rows == (0, 1, 2)
    found = the("a@x 1-2 ~c; b@x 1-2 ~a ~c; c@x 1-2 ~b", "causality.cycle")
    assert sorted(found.rows) == [1, 2]


def only(table: Table, rows: tuple[int, ...] | list[int]) -> Table:
    mask = np.zeros(len(table), np.bool_)
    mask[list(rows)] = True
    return table.keep(mask)


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(unique=True))
def test_order_of_rows_names_of_hosts_and_the_epoch_change_no_count(spans):
    wanted = counts(table_of(spans))
    assert counts(table_of(spans[::-1])) == wanted
    renamed = [span._replace(host=f"host-{span.host}") for span in spans]
    assert counts(table_of(renamed)) == wanted
    later: list[Sketch] = [
        s._replace(start=s.start + 7, end=s.end and s.end + 7) for s in spans
    ]  # fmt: skip
    assert counts(table_of(later)) == wanted


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_a_judgement_is_plain_data_that_leaves_its_process(spans):
    for judgement in judged(table_of(spans)).values():
        again = pickle.loads(pickle.dumps(judgement))
        assert again == judgement
        json.dumps([f.evidence for f in judgement.findings])
        json.dumps([judgement.covered, judgement.figures])
        for finding in judgement.findings:
            assert finding.check == judgement.check
            assert finding.message.isprintable()
            assert all(type(row) is int for row in finding.rows)


def test_one_real_trace_is_violated_on_one_clock():
    found = findings(
        normalise(read_file(str(DATA / "zipkin" / "messaging-kafka.json")).table)[0],
        "causality.reversed_edge",
    )
    assert sum(f.evidence["one_clock"] for f in found) >= 3


def test_real_traces_have_as_many_early_children_as_a_plain_reader_counts():
    """FACTS.csv, `child_starts_before_parent`, where no id is given twice."""
    with (DATA / "FACTS.csv").open(encoding="utf-8") as rows:
        most = 60 if SLOW else 3000
        facts = [r for r in csv.DictReader(rows) if r["spans"] and int(r["spans"]) < most]
    compared = 0
    for row in facts:
        path = DATA / row["file"]
        if not path.exists() or row["duplicate_ids"] != "0":
            continue
        table = read_file(str(path)).table
        early = sum(
            f.evidence["edge"] == "parent" for f in findings(table, "causality.reversed_edge")
        )
        assert early == int(row["child_starts_before_parent"]), row["file"]
        compared += 1
    assert compared > 40
