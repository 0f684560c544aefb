"""The order room agrees with the definitions, and obeys what must hold at any size."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.notation import Sketch, parse, table_of
from tests.oracles import order as oracle

from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.reading import read_file
from spanproof.ingest.wire import Wire, block, key_value
from spanproof.order import EDGE_KINDS, Order, Relation, build
from spanproof.order.clocks import clock_domains
from spanproof.order.order import CAUSAL, EVERY
from spanproof.order.pairs import reversed_pairs
from spanproof.order.tree import reading_order
from spanproof.table import Table

GRAPHS = Path(__file__).parent / "data" / "otel" / "synthetic" / "graphs"
EXAMPLES = 15 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 120
RELATIONS = {
    "causal": CAUSAL,
    "every": EVERY,
    "parent": frozenset({Relation.PARENT}),
    "link": frozenset({Relation.LINK}),
    "temporal": frozenset({Relation.TEMPORAL}),
    "parent and temporal": frozenset({Relation.PARENT, Relation.TEMPORAL}),
}
NAMES = "abcdefghijklmn"
MODERN_NS = 1_700_000_000_000_000_000


@st.composite
def sketches(draw, *, unique: bool = False, n_max: int = 8) -> list[Sketch]:
    """Spans with parents and links among each other, wrong and circular ones too."""
    n = draw(st.integers(1, n_max))
    chance = draw(st.randoms(use_true_random=False))
    traces = chance.choice(("t", "t", "tu"))
    ids = [(chance.choice(traces), name) for name in NAMES[:n]]
    found = []
    for i, name in enumerate(NAMES[:n]):
        start = chance.randint(0, 12)
        end = chance.choice((0, start, start + 1, start + 3, start + 8, max(start - 2, 0)))
        own = ids[i]
        if not unique and chance.random() < 0.15:
            own = chance.choice(ids)
        parent = None
        if chance.random() < 0.7:
            parent = (own[0], chance.choice([*NAMES[:n], "absent"]))
        links = [chance.choice([*ids, ("t", "absent")]) for _ in range(chance.choice((0, 0, 1, 2)))]
        kind = chance.choice((0, 2, 3))
        host = chance.choice("xyz"[: chance.randint(1, 3)])
        found.append(Sketch(name, host, start, end, own, parent, tuple(links), kind))
    return found


def pairs_of(spans: list[Sketch], relations: frozenset[Relation]) -> set[tuple[int, int]]:
    every = {
        Relation.PARENT: oracle.parents,
        Relation.LINK: oracle.links,
        Relation.TEMPORAL: oracle.temporal,
    }
    return set().union(*(every[relation](spans) for relation in relations))


def ordered(order: Order, relations: frozenset[Relation]) -> set[tuple[int, int]]:
    rows = range(len(order.table))
    return {(a, b) for a in rows for b in rows if order.happens_before(a, b, relations)}


# -- against the definitions


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_edges_are_those_of_the_definition(spans):
    order = build(table_of(spans))
    parent, link = order.edges
    assert set(zip(parent.cause.tolist(), parent.effect.tolist(), strict=True)) == oracle.parents(
        spans
    )
    assert set(zip(link.cause.tolist(), link.effect.tolist(), strict=True)) == oracle.links(spans)
    unsure = oracle.doubtful(spans)
    assert set(parent.effect[parent.doubtful].tolist()) == unsure
    shared = {
        (int(a), int(b))
        for a, b, doubt in zip(link.cause, link.effect, link.doubtful, strict=True)
        if doubt
    }
    assert shared == oracle.unsure_links(spans)


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(), st.sampled_from(sorted(RELATIONS)))
def test_happens_before_is_the_closure(spans, name):
    order, n = build(table_of(spans)), len(spans)
    wanted = oracle.closure(n, pairs_of(spans, RELATIONS[name]))
    assert ordered(order, RELATIONS[name]) == {(a, b) for a, b in wanted if a != b}
    for a in range(n):
        for b in range(n):
            apart = a != b and (a, b) not in wanted and (b, a) not in wanted
            assert order.concurrent(a, b, RELATIONS[name]) == apart


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(), st.sampled_from(sorted(RELATIONS)))
def test_a_path_is_made_of_edges_and_is_a_shortest_one(spans, name):
    order, n = build(table_of(spans)), len(spans)
    relations = RELATIONS[name]
    edges = {r: pairs_of(spans, frozenset({r})) for r in relations}
    graph = nx.DiGraph(pair for pairs in edges.values() for pair in pairs)
    graph.add_nodes_from(range(n))
    for a in range(n):
        lengths = nx.single_source_shortest_path_length(graph, a)
        for b in range(n):
            path = order.path(a, b, relations)
            if a == b:
                around = [lengths[c] + 1 for c in graph.predecessors(a) if c in lengths]
                wanted = min(around, default=None)
            else:
                wanted = lengths.get(b)
            assert (None if path is None else len(path)) == wanted
            if path is not None:
                assert (path[0].cause, path[-1].effect) == (a, b)
                for step, after in itertools.pairwise(path):
                    assert step.effect == after.cause
                for step in path:
                    assert (step.cause, step.effect) in edges[step.relation]


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_cycles_are_one_for_each_knot_and_minimal(spans):
    order = build(table_of(spans))
    edges = {Relation.PARENT: oracle.parents(spans), Relation.LINK: oracle.links(spans)}
    graph = nx.DiGraph(edges[Relation.PARENT] | edges[Relation.LINK])
    graph.add_nodes_from(range(len(spans)))
    components = {frozenset(c) for c in nx.strongly_connected_components(graph)}
    assert knots(order, list(range(len(spans)))) == components
    knotted = sorted((c for c in components if len(c) > 1), key=min)
    for cycle, knot in zip(order.cycles, knotted, strict=True):
        rows = [step.cause for step in cycle]
        assert len(set(rows)) == len(rows)
        assert set(rows) <= knot
        assert [step.effect for step in cycle] == [*rows[1:], rows[0]]
        for step in cycle:
            assert (step.cause, step.effect) in edges[step.relation]
        for row in rows:
            assert nx.is_directed_acyclic_graph(graph.subgraph(set(rows) - {row}))


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(n_max=14))
@example(parse("a@x 2-3; b@x 5-6; c@x 1-7; d@x 9-9"))  # c ends last and starts first
def test_precedence_is_the_interval_order_and_its_reduction(spans):
    order = build(table_of(spans))
    wanted = oracle.temporal(spans)
    precedence = order.precedence
    assert precedence is not None
    assert precedence.pairs == len(wanted)
    immediate = {
        (int(cause), row)
        for row in range(len(spans))
        for cause in precedence.by_end[precedence.low[row] : precedence.high[row]]
    }
    assert immediate == oracle.reduction(wanted)
    assert immediate == set(nx.transitive_reduction(nx.DiGraph(wanted)).edges)
    assert len(precedence) == len(immediate)
    assert order.counts() == {
        "parent": len(oracle.parents(spans)),
        "link": len(order.edges[1]),
        "temporal": len(immediate),
    }


@settings(deadline=None, max_examples=2 * EXAMPLES)
@given(sketches(), st.booleans())
def test_reversed_pairs_are_those_of_the_closure(spans, modern):
    """In a file of modern times a start of 0 is none, and takes no part."""
    shift = MODERN_NS if modern else 0
    table = table_of(spans, shift_ns=shift)
    untimed = {i for i, span in enumerate(spans) if span.start % 5 == 0} if modern else set()
    if untimed:
        start = table.numbers("spans", "start_time_unix_nano").copy()
        start[sorted(untimed)] = 0
        table = with_starts(table, start)
        if len(untimed) == len(spans):
            untimed = set()  # then the file lies near 0, and 0 is a time
            spans = [span._replace(start=0) for span in spans]
    gone = {id(spans[i]) for i in untimed}
    wanted = oracle.reversed_pairs(spans, lambda span: id(span) not in gone)
    order = build(table)
    assert reversed_pairs(order) == (wanted, True)


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(), st.integers(0, 40))
def test_a_spent_budget_gives_a_lower_bound(spans, budget):
    order = build(table_of(spans))
    exact = oracle.reversed_pairs(spans)
    pairs, whole = reversed_pairs(order, budget=budget)
    assert pairs <= exact
    assert not whole or pairs == exact
    assert reversed_pairs(order, budget=0)[0] <= pairs


def with_starts(table: Table, start: np.ndarray) -> Table:
    return table.with_columns("spans", {"start_time_unix_nano": pa.array(start)})


# -- laws


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(unique=True), st.randoms(use_true_random=False))
def test_permuted_spans_are_ordered_alike(spans, chance):
    mixed = list(spans)
    chance.shuffle(mixed)
    place = [mixed.index(span) for span in spans]
    one, other = build(table_of(spans)), build(table_of(mixed))
    assert {(place[a], place[b]) for a, b in ordered(one, EVERY)} == ordered(other, EVERY)
    assert one.counts() == other.counts()
    assert reversed_pairs(one) == reversed_pairs(other)
    assert len(one.cycles) == len(other.cycles)
    assert knots(one, place) == knots(other, list(range(len(spans))))


def knots(order: Order, place: list[int]) -> set[frozenset[int]]:
    """The strongly connected components, their rows renamed."""
    groups: dict[int, set[int]] = {}
    for row, number in enumerate(order.components.tolist()):
        groups.setdefault(number, set()).add(place[row])
    return {frozenset(group) for group in groups.values()}


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(), sketches(unique=True))
def test_unrelated_spans_change_nothing(spans, others):
    apart = [
        span._replace(
            host="far",
            id=("v", span.id[1]),
            parent=span.parent and ("v", span.parent[1]),
            links=tuple(("v", name) for _trace, name in span.links),
        )
        for span in others
    ]
    alone, far = build(table_of(spans)), build(table_of(apart))
    both = build(table_of([*spans, *apart]))
    n = len(spans)
    mine = {(a, b) for a, b in ordered(both, EVERY) if a < n and b < n}
    assert mine == ordered(alone, EVERY)
    assert reversed_pairs(both)[0] == reversed_pairs(alone)[0] + reversed_pairs(far)[0]
    assert len(both.cycles) == len(alone.cycles) + len(far.cycles)


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(), st.sampled_from([1, 10**9, MODERN_NS]))
def test_a_shifted_epoch_changes_nothing(spans, shift):
    spans = [s._replace(start=s.start + 1, end=s.end and s.end + 1) for s in spans]
    here, there = build(table_of(spans)), build(table_of(spans, shift_ns=shift))
    assert ordered(here, EVERY) == ordered(there, EVERY)
    assert here.counts() == there.counts()
    assert reversed_pairs(here) == reversed_pairs(there)


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches(unique=True))
def test_a_link_more_never_takes_order_away(spans):
    """Weaker data, weaker order: without the last span's links fewer pairs are ordered."""
    less = [*spans[:-1], spans[-1]._replace(links=())]
    assert ordered(build(table_of(less)), EVERY) <= ordered(build(table_of(spans)), EVERY)
    assert ordered(build(table_of(spans), temporal=False), EVERY) == ordered(
        build(table_of(spans)), CAUSAL
    )


# -- by hand


def test_the_trace_to_hold_in_the_head():
    order = build(table_of("a@web 0-9; b@db 2-5 <a; c@db 6-8 <a ~b"))
    assert [r.name for r in EDGE_KINDS] == ["PARENT", "LINK", "TEMPORAL"]
    assert order.counts() == {"parent": 2, "link": 1, "temporal": 1}
    assert ordered(order, EVERY) == {(0, 1), (0, 2), (1, 2)}
    assert ordered(order, frozenset({Relation.PARENT})) == {(0, 1), (0, 2)}
    assert order.concurrent(1, 2, frozenset({Relation.PARENT}))
    assert [s.relation for s in order.path(1, 2) or ()] == [Relation.LINK]
    assert order.cycles == ()
    assert reversed_pairs(order) == (0, True)


@pytest.mark.parametrize(
    ("trace", "pairs"),
    [
        ("a@x 5-9; b@x 3-4 <a; c@x 4-5 <b", 2),  # a-b, a-c
        ("a@x 5-9; b@x 5-6 <a", 0),  # equal is not reversed
        ("a@x 9-9; b@x 1-2; c@x 5-6 <b ~a", 1),
        ("a@x 9-9; b@x 8-8 ~a; c@x 7-7 ~b; d@x 6-6 ~c", 6),
        ("a@x 9-9 ~b; b@x 8-8 ~a; c@x 1-1 <b", 1),  # the circle's edges count for nothing
        ("a@x 9-9 <a; b@x 1-1 <a", 1),  # its own parent
        ("a@x 9-9; b=a@x 8-8; c@x 1-1 <a", 0),  # either may be the parent
        ("a@x 9-9; b=a@y 8-8; c@y 1-1 <a", 1),  # the one of its own host
        ("a@x 9-9; b=a@x 0-1; c@x 5-6 ~a", 0),  # either may be the target
        ("u/a@x 9-9; t/b@x 1-1 <a", 0),  # another trace's span is no parent
        ("u/a@x 9-9; t/b@x 1-1 ~u/a", 1),  # but may be a link's target
    ],
)
def test_reversed_pairs_by_hand(trace, pairs):
    spans = parse(trace)
    assert oracle.reversed_pairs(spans) == pairs
    assert reversed_pairs(build(table_of(spans))) == (pairs, True)


def test_nothing_is_ordered_in_nothing():
    order = build(Table.empty())
    assert order.counts() == {"parent": 0, "link": 0, "temporal": 0}
    assert order.cycles == ()
    assert reversed_pairs(order) == (0, True)
    assert reading_order(order)[0].size == 0


def test_answers_are_kept_for_a_few_rows_only():
    order = build(table_of("; ".join(f"s{i}@x {i}-{i}" for i in range(1, 101))))
    for _ in range(2):
        for a in range(0, 99, 3):
            assert order.happens_before(a, a + 1)
    assert len(order._held) <= 64


def test_a_time_that_saturated_is_none():
    spans = parse("a@x 1-2; b@x 3-4 <a")
    table = with_starts(table_of(spans), np.array([2**63 - 1, 3]))
    order = build(table)
    assert order.timed.tolist() == [False, True]
    assert reversed_pairs(order) == (0, True)
    assert not order.happens_before(0, 1, frozenset({Relation.TEMPORAL}))


# -- large shapes


@pytest.mark.compiled
def test_a_chain_of_20000_parents_is_walked():
    table = read_file(str(GRAPHS / "deep-chain-20000.jsonl.gz")).table
    order = build(table)
    rows, depth = reading_order(order)
    assert depth[rows].tolist() == list(range(20000))
    assert order.happens_before(int(rows[0]), int(rows[-1]), CAUSAL)
    path = order.path(int(rows[0]), int(rows[-1]), CAUSAL)
    assert path is not None
    assert len(path) == 19999
    backwards = with_starts(table, -order.start + order.start.max() + 10**18)
    assert reversed_pairs(build(backwards)) == (20000 * 19999 // 2, True)


@pytest.mark.compiled
def test_thousands_of_links_are_counted_as_bit_sets_count_them():
    table = read_file(str(GRAPHS / "links-many.jsonl.gz")).table
    assert reversed_pairs(build(table)) == (0, True)  # every link leads back in time
    start = table.numbers("spans", "start_time_unix_nano")
    order = build(with_starts(table, np.random.default_rng(5).permutation(start)))
    assert order.cycles == ()
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(order.table)))
    for edges in order.edges:
        graph.add_edges_from(zip(edges.cause.tolist(), edges.effect.tolist(), strict=True))
    before: dict[int, int] = {}
    later = {
        row: sum(1 << int(other) for other in np.flatnonzero(order.start > order.start[row]))
        for row in graph
    }
    wanted = 0
    for row in nx.topological_sort(graph):
        before[row] = 0
        for cause in graph.predecessors(row):
            before[row] |= before[cause] | 1 << cause
        wanted += (before[row] & later[row]).bit_count()
    assert reversed_pairs(order) == (wanted, True)
    fewer, exact = reversed_pairs(order, budget=1000)
    assert not exact
    assert 0 < fewer < wanted


# -- reading order and clocks


@settings(deadline=None, max_examples=EXAMPLES)
@given(sketches())
def test_reading_order_puts_parents_before_their_children(spans):
    order = build(table_of(spans))
    rows, depth = reading_order(order)
    assert sorted(rows.tolist()) == list(range(len(spans)))
    place = {int(row): at for at, row in enumerate(rows)}
    cut = 0
    for i in range(len(spans)):
        parent, _unsure = oracle.parent_of(spans, i)
        if parent is None or parent == i:
            assert depth[i] == 0
        elif depth[i] == 0:
            cut += 1  # a circle, cut above this row
        else:
            assert place[parent] < place[i]
            assert depth[i] == depth[parent] + 1
    graph = nx.DiGraph(oracle.parents(spans))
    assert cut == sum(1 for _ in nx.simple_cycles(graph))


def domains(*resources: dict[str, str]) -> tuple[list[int], list[str]]:
    spans = [
        block(
            1,
            block(1, b"".join(key_value(1, k, v) for k, v in resource.items()))
            + block(2, block(2, b"")),
        )
        for resource in resources
    ]
    rows, names = clock_domains(build(decode(Wire.of(spans))).identity)
    return rows.tolist(), names


def test_the_most_telling_attribute_names_the_clock():
    host = {"host.id": "h", "host.name": "n", "service.name": "s"}
    assert domains(host, host) == ([0, 0], ["host.id=h"])
    assert domains({"host.name": "n"}, {"host.id": "n"}) == ([0, 1], ["host.name=n", "host.id=n"])
    pod = {"k8s.pod.uid": "p", "service.instance.id": "i", "service.name": "s"}
    assert domains(pod)[1] == ["k8s.pod.uid=p"]
    at = {"service.name": "s", "network.local.address": "10.0.0.1"}
    assert domains({"service.name": "s"}, at, {}) == (
        [0, 1, 2],
        ["service.name=s", "service.name=s at 10.0.0.1", "no service name"],
    )
