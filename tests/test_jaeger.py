"""Jaeger's JSON: real files, the same trace in several formats, each field, hostile input."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import random
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from tests.oracles.otlp_facts import dialect_of, facts, spans_of
from tests.oracles.otlp_plain import attributes, from_otlp_json, only_span, plain, traces_of

from spanproof.errors import TraceError
from spanproof.ingest.foreign import id_of
from spanproof.ingest.jaeger import format_of, looks_like, to_wire
from spanproof.ingest.timestamps import go_duration_ns, rfc3339_ns
from spanproof.vocabulary.dialects import Dialect

DATA = Path(__file__).parent / "data" / "otel"
FACTS = [
    row
    for row in csv.DictReader((DATA / "FACTS.csv").read_text().splitlines())
    if row["format"].startswith("jaeger")
]
BARE = {"traceID": "a" * 32, "spanID": "b" * 16, "operationName": "op", "startTime": 5}
BARE_UI = {**BARE, "duration": 7}
DOMAIN = {
    "traceId": base64.b64encode(b"t" * 16).decode(),
    "spanId": base64.b64encode(b"s" * 8).decode(),
    "operationName": "op",
    "startTime": "1970-01-01T00:00:00.000005Z",
    "duration": "7000ns",
}


def stored(name: str) -> bytes:
    path = DATA / name
    return path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())


def trace_of(*spans: Any, **more: Any) -> bytes:
    return json.dumps({"data": [{"traceID": "a" * 32, "spans": list(spans), **more}]}).encode()


def span_of(span: dict[str, Any], **more: Any) -> Span:
    return only_span(to_wire(trace_of(span, **more)))


def told(span: Any) -> dict[str, Any]:
    return {key: value for key, _, value in attributes(span.attributes)}


# -- real files


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row["file"])
def test_facts_of_real_files(row):
    text = stored(row["file"])
    found = facts(traces_of(to_wire(text)))
    assert {key: str(value) for key, value in found.items()} == {key: row[key] for key in found}
    document = json.loads(text)
    trace = document["data"][0] if "data" in document else document
    assert looks_like(trace.keys())
    assert format_of(trace["spans"][0].keys()) == row["format"]


def test_pair_1_domain_and_ui_are_one_trace():
    """They differ in the nanoseconds below a microsecond, which the UI's JSON cannot say."""
    domain, ui = (to_wire(stored(f"jaeger/pair1-{form}.json")) for form in ("domain", "ui"))
    assert plain(traces_of(domain), floor_ns=1000) == plain(traces_of(ui))
    assert domain.notes == ui.notes == {"trace_warnings": 1}
    assert {dialect_of(span) for w in (domain, ui) for _, span in spans_of(traces_of(w))} == {0}
    starts = {span.start_time_unix_nano for _, span in spans_of(traces_of(domain))}
    assert starts == {1485467191639875139}


@pytest.mark.parametrize("pair", ["pair2", "pair3"])
def test_pairs_2_and_3_are_the_otlp_they_came_from(pair):
    """Not in the UI's JSON: nanoseconds, schema URLs, an empty status, the order of keys."""
    otlp = json.loads(stored("jaeger/pair2-otlp.json" if pair == "pair2" else
                             "jaeger/pair3-otlp-combined.json"))  # fmt: skip
    ui = traces_of(to_wire(stored(f"jaeger/{pair}-ui.json")))
    assert plain(ui) == plain(from_otlp_json(otlp), floor_ns=1000)


def test_pair_3_lines_are_the_combined_document():
    lines = [json.loads(line) for line in stored("jaeger/pair3-otlp.jsonl").splitlines()]
    merged = TracesData()
    for line in lines:
        merged.MergeFrom(from_otlp_json(line))
    ui = to_wire(stored("jaeger/pair3-ui.json"))
    assert plain(traces_of(ui)) == plain(merged, floor_ns=1000)
    assert ui.notes == {"derived_fields": 7}  # the UI's depth, children, copies of parents


# -- each field's place


def test_every_field_has_its_place():
    span = {
        "traceID": "1",
        "spanID": "2",
        "parentSpanID": "3",
        "operationName": "op",
        "flags": 0x101,
        "startTime": 1485467191639875,
        "duration": 5,
        "processID": "p",
        "warnings": ["late", "skewed"],
        "relativeStartTime": 0,
        "novel": {"a": 1},
        "references": [
            {"refType": "CHILD_OF", "traceID": "9", "spanID": "8"},
            {"refType": "FOLLOWS_FROM", "traceID": "1", "spanID": "7", "why": "x"},
        ],
        "tags": [
            {"key": "span.kind", "type": "string", "value": "consumer"},
            {"key": "error", "type": "bool", "value": True},
            {"key": "otel.status_description", "type": "string", "value": "boom"},
            {"key": "otel.scope.name", "type": "string", "value": "lib"},
            {"key": "otel.scope.version", "type": "string", "value": "1"},
            {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
            {"key": "otel.dropped_attributes_count", "type": "int64", "value": 4},
            {"key": "n", "type": "int64", "value": 3},
        ],
        "logs": [
            {
                "timestamp": 1485467191639876,
                "fields": [
                    {"key": "event", "type": "string", "value": "ready"},
                    {"key": "level", "type": "string", "value": "info"},
                ],
            },
            {"timestamp": 0, "fields": None, "x": True},
        ],
    }
    process = {
        "serviceName": "svc",
        "zone": "eu",
        "tags": [
            {"key": "hostname", "type": "string", "value": "h1"},
            {"key": "ip", "type": "string", "value": "10.0.0.1"},
        ],
    }
    wire = to_wire(trace_of(span, processes={"p": process}, warnings=["w"], comment="c"))
    found = only_span(wire)
    (group,) = traces_of(wire).resource_spans
    assert told(group.resource) == {
        "service.name": "svc",
        "host.name": "h1",
        "network.local.address": "10.0.0.1",
        "jaeger.zone": "eu",
    }
    assert (group.scope_spans[0].scope.name, group.scope_spans[0].scope.version) == ("lib", "1")
    assert (found.trace_id.hex(), found.span_id.hex()) == ("0" * 31 + "1", "0" * 15 + "2")
    assert found.parent_span_id.hex() == "0" * 15 + "3"
    assert (found.name, found.kind, found.trace_state) == ("op", Span.SPAN_KIND_CONSUMER, "a=b")
    assert found.start_time_unix_nano == 1485467191639875000
    assert found.end_time_unix_nano == 1485467191639880000
    assert (found.flags, found.dropped_attributes_count) == (1, 4)
    assert (found.status.code, found.status.message) == (2, "boom")
    assert told(found) == {
        "n": 3,
        "jaeger.flags": 0x101,
        "jaeger.warnings": ["late", "skewed"],
        "jaeger.novel": '{"a":1}',
    }
    assert [(k.trace_id[-1], k.span_id[-1], told(k)) for k in found.links] == [
        (9, 8, {"opentracing.ref_type": "child_of"}),
        (1, 7, {"opentracing.ref_type": "follows_from", "jaeger.why": "x"}),
    ]
    assert [(e.time_unix_nano, e.name, told(e)) for e in found.events] == [
        (1485467191639876000, "ready", {"level": "info"}),
        (0, "", {"jaeger.x": True}),
    ]
    assert dialect_of(found) == 0
    assert wire.notes == {"derived_fields": 1, "trace_warnings": 1, "unread_field": 1}


REFERENCES = [  # references, parentSpanID: parent, links
    ([("CHILD_OF", "a" * 32, "1"), ("CHILD_OF", "a" * 32, "2")], None, 1, [2]),
    ([("FOLLOWS_FROM", "a" * 32, "1"), ("CHILD_OF", "a" * 32, "2")], None, 2, [1]),
    ([("CHILD_OF", "c", "1"), ("CHILD_OF", "a" * 32, "2")], None, 2, [1]),
    ([("FOLLOWS_FROM", "a" * 32, "1")], None, None, [1]),
    ([("FOLLOWS_FROM", "a" * 32, "1")], "5", 5, [1]),
    ([("CHILD_OF", "a" * 32, "1")], "0001", 1, []),
    ([(None, None, "1")], None, 1, []),
    ([("CHILD_OF", "a" * 32, None), ("CHILD_OF", "a" * 32, "4")], None, 4, [0]),
    ([], "0", None, []),
    ([], "0000000000000000", None, []),
    (None, None, None, []),
]


@pytest.mark.parametrize(("references", "legacy", "parent", "links"), REFERENCES)
def test_the_first_child_of_in_the_trace_is_the_parent(references, legacy, parent, links):
    spelt = references and [
        {k: v for k, v in zip(("refType", "traceID", "spanID"), r, strict=True) if v}
        for r in references
    ]
    span = span_of({**BARE, "references": spelt, "parentSpanID": legacy})
    assert span.parent_span_id == (b"" if parent is None else parent.to_bytes(8, "big"))
    assert [int.from_bytes(k.span_id, "big") for k in span.links] == links


def test_a_second_parent_is_not_lost():
    reference = {"refType": "CHILD_OF", "traceID": "a" * 32, "spanID": "1"}
    span = span_of({**BARE, "references": [reference], "parentSpanID": "2"})
    assert span.parent_span_id == bytes(7) + b"\1"
    assert told(span) == {"jaeger.parentSpanID": "0000000000000002"}


TAGS = [  # the UI's type and value: what it becomes, whether that is noted
    ("string", "x", "x", 0),
    ("bool", True, True, 0),
    ("bool", "false", False, 0),
    ("int64", "9223372036854775222", 9223372036854775222, 0),
    ("int64", -(2**63), -(2**63), 0),
    ("int64", 2**63, str(2**63), 1),
    ("int64", "12x", "12x", 1),
    ("int64", True, True, 1),
    ("float64", 72.5, 72.5, 0),
    ("float64", 72, 72.0, 0),
    ("float64", "-Infinity", float("-inf"), 0),
    ("float64", "1.2.3", "1.2.3", 1),
    ("binary", "AAAwOQ==", b"\x00\x0009", 0),
    ("binary", "AAAwOQ=", "AAAwOQ=", 1),
    ("binary", "é", "é", 1),
    ("string", ["a", {"b": 1}], '["a",{"b":1}]', 1),
    ("string", None, None, 0),
    (None, 5, 5, 0),
    (None, 2.5, 2.5, 0),
    ("colour", "red", "red", 1),
]


@pytest.mark.parametrize(("declared", "value", "wanted", "noted"), TAGS)
def test_tags_keep_their_type(declared, value, wanted, noted):
    tag = {"key": "k", "type": declared, "value": value}
    wire = to_wire(trace_of({**BARE_UI, "tags": [tag]}))
    ((key, kind, found),) = attributes(only_span(wire).attributes)
    assert (key, kind, found) == ("k", type(wanted).__name__, wanted)
    assert wire.notes.get("tag_of_another_type", 0) == noted


DOMAIN_TAGS = [
    ({"vType": "STRING", "vStr": "x"}, "x"),
    ({"vStr": "x"}, "x"),
    ({}, ""),
    ({"vType": "BOOL"}, False),
    ({"vType": "BOOL", "vBool": True}, True),
    ({"vBool": True}, True),
    ({"vType": 2, "vInt64": "-7"}, -7),
    ({"vType": "INT64", "vInt64": 9223372036854775222}, 9223372036854775222),
    ({"vType": "FLOAT64", "vFloat64": 1}, 1.0),
    ({"vType": "FLOAT64", "vFloat64": "NaN"}, "nan"),
    ({"vType": "BINARY", "vBinary": "/w=="}, b"\xff"),
]


@pytest.mark.parametrize(("tag", "wanted"), DOMAIN_TAGS)
def test_domain_tags(tag, wanted):
    wire = to_wire(json.dumps({"spans": [{**DOMAIN, "tags": [{"key": "k", **tag}]}]}).encode())
    ((_, kind, found),) = attributes(only_span(wire).attributes)
    if wanted == "nan":
        assert kind == "float"
        assert found != found  # noqa: PLR0124 # the one value that differs from itself
    else:
        assert (kind, found) == (type(wanted).__name__, wanted)


@pytest.mark.parametrize(
    ("tags", "code", "kept"),
    [
        ([("error", "true")], 2, {}),
        ([("error", False)], 0, {"error": False}),
        ([("error", "boom")], 0, {"error": "boom"}),
        ([("error", True), ("otel.status_code", "OK")], 1, {"error": True}),
        ([("error", True), ("otel.status_code", "ERROR")], 2, {}),
        ([("otel.status_code", "error")], 2, {}),
        ([("span.kind", "server"), ("span.kind", "client")], 0, {"span.kind": "client"}),
        ([("span.kind", "teapot")], 0, {"span.kind": "teapot"}),
        ([("otel.scope.name", 5)], 0, {"otel.scope.name": 5}),
    ],
)
def test_tags_that_mean_a_field(tags, code, kept):
    span = span_of({**BARE_UI, "tags": [{"key": k, "value": v} for k, v in tags]})
    assert span.status.code == code
    assert told(span) == kept


def test_processes_become_resources():
    def local(name):
        return {"serviceName": name, "tags": []}

    spans = [{**BARE_UI, "processID": p} for p in ("p1", "p2", "p1", "gone", "p3")]
    spans.append({**BARE_UI, "process": local("inside")})
    wire = to_wire(trace_of(*spans, processes={"p1": local("x"), "p2": local("y"), "p3": None}),
                   keep_going=True)  # fmt: skip
    found = [
        (told(g.resource), len(g.scope_spans[0].spans)) for g in traces_of(wire).resource_spans
    ]
    assert found == [
        ({"service.name": "x"}, 2),
        ({"service.name": "y"}, 1),
        ({"jaeger.processID": "gone"}, 1),
        ({"service.name": "inside"}, 1),
    ]
    assert wire.notes == {"unknown_process": 1}
    assert [error.place for error in wire.left_out] == ["data[0].spans[4].processID"]


def test_domain_processes_in_a_map():
    document = {
        "spans": [{**DOMAIN, "processId": "1"}],
        "processMap": [{"processId": "1", "process": {"serviceName": "mapped"}}],
    }
    (group,) = traces_of(to_wire(json.dumps(document).encode())).resource_spans
    assert told(group.resource) == {"service.name": "mapped"}


def test_one_trace_in_every_form():
    spans = [BARE_UI, {**BARE_UI, "spanID": "c" * 16}]
    whole = to_wire(trace_of(*spans)).data.tobytes()
    trace = {"traceID": "a" * 32, "spans": spans}
    forms = [
        trace,
        [trace],
        spans,
        {"data": trace},
        {"data": [trace], "total": 0, "errors": None},
        {"spans": [{k: v for k, v in s.items() if k != "traceID"} for s in spans]}
        | {"traceID": "a" * 32},
    ]
    texts = [json.dumps(form, indent=indent).encode() for form in forms for indent in (None, 1)]
    texts.append(b"\n".join(json.dumps({**trace, "spans": [s]}).encode() for s in spans))
    texts.append(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(s).encode() for s in spans) + b"\n")
    assert [to_wire(text).data.tobytes() for text in texts] == [whole] * len(texts)
    for empty in ({"data": []}, {"data": None, "errors": [{"code": 404}]}, {"spans": None}, []):
        assert facts(traces_of(to_wire(json.dumps(empty).encode())))["spans"] == 0
    assert to_wire(b'{"data":null,"errors":[1]}').notes == {"unread_field": 1}


# -- ids and times


@pytest.mark.parametrize(
    ("spelt", "n_bytes", "raw", "dialect"),
    [
        ("ab" * 16, 16, "ab" * 16, 0),
        ("f", 8, "0" * 15 + "f", 0),
        ("F", 8, "0" * 15 + "f", Dialect.UPPER_CASE_HEX),
        ("abc" * 9, 8, "0" + "abc" * 9, 0),
        ("trace-123", 16, b"trace-123".hex(), Dialect.TEXT_ID),
        ("ab cd ef 12345678", 8, b"ab cd ef 12345678".hex(), Dialect.TEXT_ID),
        ("ab cd ef 1 2 3 4", 8, b"ab cd ef 1 2 3 4".hex(), Dialect.TEXT_ID),
        ("\u0661" * 16, 8, ("\u0661" * 16).encode().hex(), Dialect.TEXT_ID),
        ("", 8, "", 0),
    ],
)
def test_ids(spelt, n_bytes, raw, dialect):
    assert id_of(spelt, n_bytes) == (bytes.fromhex(raw), dialect)


@given(st.lists(st.text("0aAfF-gé ", min_size=1, max_size=18), min_size=2, max_size=8))
@settings(deadline=None, max_examples=150)
def test_different_ids_stay_different(spelt):
    """Two texts share their bytes only as one number in hex."""
    by_raw: dict[bytes, set[str]] = {}
    for text in spelt:
        by_raw.setdefault(id_of(text, 8)[0], set()).add(text)
    for same in by_raw.values():
        numbers = {int(t, 16) if re.fullmatch("[0-9a-fA-F]+", t) else t for t in same}
        assert len(numbers) == 1


instants = st.datetimes(datetime(1970, 1, 2), datetime(2500, 1, 1))  # noqa: DTZ001 # zones follow
offsets = st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))


@given(instants, offsets, st.integers(0, 999))
@settings(deadline=None, max_examples=100)
def test_rfc_3339_against_datetime(instant, offset, ns):
    local = instant.replace(tzinfo=UTC).astimezone(offset)
    head, tail = local.isoformat(timespec="microseconds")[:26], local.isoformat()[-6:]
    seconds = (instant.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    assert rfc3339_ns(f"{head}{ns:03}{tail}", "") == seconds * 1000 + ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1_500_000_000),
        ("0001-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.0000000010000Z", 1),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
        ("1970-02-30T00:00:00Z", None),
        ("1970-01-01T24:00:00Z", None),
        ("1970-01-01T00:00:60Z", None),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01T00:00:00+24:00", None),
        ("1970-01-01T00:00:00.0000000001Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("1970-01-01 00:00:00Z", None),
        ("1970-01-01T00:00:00Z" + "0" * 10_000, None),
        ("\u0661970-01-01T00:00:00Z", None),
    ],
)
def test_rfc_3339(text, ns):
    if ns is None:
        with pytest.raises(TraceError):
            rfc3339_ns(text, "")
    else:
        assert rfc3339_ns(text, "") == ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("5000ns", 5000),
        ("1.5ms", 1_500_000),
        ("2h3m", 7_380_000_000_000),
        ("1h0.5s", 3_600_500_000_000),
        ("-1m", -60_000_000_000),
        ("+1us", 1000),
        ("1\u00b5s", 1000),
        ("1\u03bcs", 1000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("0", 0),
        (12, 12),
        ("", None),
        ("5", None),
        ("s", None),
        ("1.5ns", None),
        ("1 s", None),
        ("1s ", None),
        ("--1s", None),
        ("1e3s", None),
        (1.5, None),
        (True, None),
        ("9" * 10_000 + "s", None),
    ],
)
def test_go_durations(text, ns):
    if ns is None:
        with pytest.raises(TraceError):
            go_duration_ns(text, "")
    else:
        assert go_duration_ns(text, "") == ns


def test_numbers_beside_times_in_words_are_nanoseconds():
    span = only_span(to_wire(json.dumps({"spans": [{**DOMAIN, "duration": 7}]}).encode()))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (5000, 5007)


@pytest.mark.parametrize(
    ("more", "times", "dialect", "kept"),
    [
        ({}, (5000, 0), Dialect.NO_DURATION, {}),
        ({"duration": 7}, (5000, 12000), 0, {}),
        ({"duration": "7"}, (5000, 12000), 0, {}),
        ({"startTime": None, "duration": 7}, (0, 0), 0, {"jaeger.duration_ns": 7000}),
        ({"startTime": 0, "duration": 7}, (0, 7000), 0, {}),
        ({"duration": -2}, (5000, 3000), 0, {}),
        ({"duration": 7, "spanID": "s-1"}, (5000, 12000), Dialect.TEXT_ID, {}),
    ],
)
def test_times_and_spellings(more, times, dialect, kept):
    span = span_of({**BARE, **more})
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == times
    assert dialect_of(span) == dialect
    assert told(span) == kept


# -- hostile input


WRONG = [
    ({"traceID": 5}, ".traceID", "5 where a string"),
    ({"startTime": "soon"}, ".startTime", '"soon" where a date'),
    ({"startTime": [1]}, ".startTime", "a list where"),
    ({"startTime": -1}, ".startTime", "outside the times"),
    ({"startTime": 1e-9}, ".startTime", "where a number of microseconds"),
    ({"duration": "soon"}, ".duration", '"soon" where a duration'),
    ({"duration": -6}, ".duration", "outside the times"),
    ({"flags": "1"}, ".flags", '"1" where a whole number'),
    ({"references": {}}, ".references", "an object where a list"),
    ({"references": [{"refType": []}]}, ".references[0].refType", "a list where"),
    ({"tags": [{"key": "a"}, {"key": None}, "x"]}, ".tags[2]", '"x" where an object'),
    ({"tags": [{"key": 1}]}, ".tags[0].key", "1 where a string"),
    ({"tags": [{"key": "k", "vType": {}}]}, ".tags[0].vType", "an object where"),
    ({"logs": [{"timestamp": {}}]}, ".logs[0].timestamp", "an object where"),
    ({"logs": [{"fields": [{}, 5]}]}, ".logs[0].fields[1]", "5 where an object"),
    ({"warnings": "late"}, ".warnings", "where a list of strings"),
    ({"process": {"serviceName": 1}}, ".process.serviceName", "1 where a string"),
    ({"processID": "bad"}, ".processID", "its process 'bad'"),
    (None, "", "null where an object"),
]


@pytest.mark.parametrize(("more", "place", "found"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_types_are_placed_and_can_be_left_out(more, place, found):
    bad = None if more is None else {**BARE_UI, **more}
    text = trace_of(BARE_UI, bad, BARE_UI, processes={"bad": {"tags": 3}})
    with pytest.raises(TraceError) as caught:
        to_wire(text)
    assert caught.value.place == f"data[0].spans[1]{place}"
    assert found in caught.value.found
    wire = to_wire(text, keep_going=True)
    assert facts(traces_of(wire))["spans"] == 2
    assert [error.args for error in wire.left_out] == [caught.value.args]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"data": 5}, "data"),
        ({"data": [5]}, "data[0]"),
        ({"data": [{}]}, "data[0]"),
        ({"data": [{"spans": {}}]}, "data[0]"),
        ({"data": [{"spans": [], "processes": []}]}, "data[0].processes"),
        ({"data": [{"spans": [], "warnings": 1}]}, "data[0].warnings"),
        ({"data": [{"spans": [], "processMap": [1]}]}, "data[0].processMap[0]"),
        ({"nothing": 1}, ""),
        ([{"traceID": "1"}], "[0]"),
        ([{"operationName": "x", "spanID": 1}], "[0].spanID"),
        (5, ""),
    ],
)
def test_wrong_traces_are_placed_and_can_be_left_out(document, place):
    text = json.dumps(document).encode()
    with pytest.raises(TraceError) as caught:
        to_wire(text)
    assert caught.value.place == place
    assert [error.place for error in to_wire(text, keep_going=True).left_out] == [place]


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b'{"data":[{"spans":[{"spanID" "1"}]}]}', "byte 29"),
        (b'{"data":[{"spans":[{"spanID":"1"', "byte 32"),
        (b'{"data":[{"spans":[{"spanID":"\xff"}]}]}', "byte 30"),
        (b'{"data":[' * 50_000, ""),
        (b'{"data":[{"spans":[{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}]}", ""),
        (b"", "byte 0"),
    ],
    ids=range(6),
)
def test_broken_json_is_placed_whatever_is_asked(text, place, keep_going):
    with pytest.raises(TraceError) as caught:
        to_wire(text, keep_going=keep_going)
    assert caught.value.place.startswith(place or "byte")


# -- random documents

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
hexes = st.integers(1, 2**64 - 1).map("{:x}".format)
micros = st.integers(0, (2**64 - 1) // 2000)
tags = st.one_of(
    st.fixed_dictionaries({"key": texts, "type": st.just("string"), "value": texts}),
    st.fixed_dictionaries({"key": texts, "type": st.just("int64"), "value": st.integers()}),
)
references = st.fixed_dictionaries(
    {
        "refType": st.sampled_from(["CHILD_OF", "FOLLOWS_FROM"]),
        "traceID": st.just("a" * 32) | hexes,
        "spanID": hexes,
    }
)
spans = st.fixed_dictionaries(
    {"traceID": st.just("a" * 32), "spanID": hexes, "operationName": texts, "processID": texts},
    optional={
        "startTime": micros,
        "duration": micros,
        "references": st.lists(references, max_size=3),
        "tags": st.lists(tags, max_size=3),
        "logs": st.lists(
            st.fixed_dictionaries({"timestamp": micros, "fields": st.lists(tags, max_size=2)}),
            max_size=2,
        ),
    },
)


@given(st.lists(spans, max_size=5), st.dictionaries(texts, texts, max_size=3))
@settings(deadline=None, max_examples=150)
def test_nothing_is_lost_between_document_and_messages(documents, services):
    processes = {key: {"serviceName": name} for key, name in services.items()}
    wire = to_wire(trace_of(*documents, processes=processes))
    found = sorted(
        (
            int.from_bytes(s.span_id, "big"),
            s.name,
            s.start_time_unix_nano,
            s.end_time_unix_nano,
            len(s.events),
            len(s.links) + bool(s.parent_span_id),
            service,
        )
        for service, s in spans_of(traces_of(wire))
    )
    assert found == sorted(
        (
            int(s["spanID"], 16),
            s["operationName"],
            1000 * s.get("startTime", 0),
            1000 * (s["startTime"] + s["duration"]) if {"startTime", "duration"} <= s.keys() else 0,
            len(s.get("logs", ())),
            len(s.get("references", ())),
            services.get(s["processID"], ""),
        )
        for s in documents
    )
    content = wire.data.tobytes()
    for span in documents:  # every word of the source stands somewhere in the messages
        own = [*span.get("tags", ()), *(f for g in span.get("logs", ()) for f in g["fields"])]
        words = [t["value"] for t in own if isinstance(t["value"], str)]
        assert [word for word in words if word.encode() not in content] == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(
    st.sampled_from(["jaeger/pair1-domain.json", "jaeger/pair1-ui.json", "crisp/05.json"]),
    anything,
    st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=300)
def test_any_value_anywhere_is_read_or_refused(name, value, seed):
    """A value of a real document, drawn at random, becomes another."""
    document = json.loads(stored(name))
    owners: list[Any] = [document]
    for owner in owners:
        inner = owner.values() if isinstance(owner, dict) else owner
        owners += [v for v in inner if isinstance(v, dict | list) and v]
    draw = random.Random(seed)
    owner = draw.choice(owners)
    owner[draw.choice(list(owner) if isinstance(owner, dict) else range(len(owner)))] = value
    text = json.dumps(document).encode()
    for keep_going in (False, True):
        place = "none"
        try:
            traces_of(to_wire(text, keep_going=keep_going))
        except TraceError as error:
            place = error.place or "none"
        assert place


@given(st.sampled_from(["jaeger/pair1-domain.json", "jaeger-ui/normal.json"]), st.data())
@settings(deadline=None, max_examples=200)
def test_mutated_bytes_are_read_or_refused(name, data):
    text = bytearray(stored(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for keep_going in (False, True):
        place = "none"
        try:
            traces_of(to_wire(bytes(text), keep_going=keep_going))
        except TraceError as error:
            place = error.place or "none"
        assert place
