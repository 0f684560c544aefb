"""Zipkin v2 JSON: real files against their facts, each field's place, hostile input."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.oracles.otlp_facts import dialect_of, facts, spans_of
from tests.oracles.otlp_plain import attributes, only_span, traces_of

from spanproof.errors import TraceError
from spanproof.ingest.foreign import attribute
from spanproof.ingest.wire import key_value
from spanproof.ingest.zipkin import looks_like, to_wire
from spanproof.vocabulary.dialects import Dialect

DATA = Path(__file__).parent / "data" / "otel"
FACTS = [
    row
    for row in csv.DictReader((DATA / "FACTS.csv").read_text().splitlines())
    if row["format"] == "zipkin-v2"
]
BARE = {"traceId": "a" * 32, "id": "b" * 16, "timestamp": 5, "duration": 7}


def stored(name: str) -> bytes:
    path = DATA / name
    return path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())


def wire_of(*spans: Any, **options: Any):
    return to_wire(json.dumps(list(spans)).encode(), **options)


def told(span: Span) -> dict[str, Any]:
    return {key: value for key, _, value in attributes(span.attributes)}


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row["file"])
def test_facts_of_real_files(row):
    wire = to_wire(stored(row["file"]))
    found = facts(traces_of(wire), zipkin=True)
    assert {key: str(value) for key, value in found.items()} == {key: row[key] for key in found}
    assert not wire.notes


def test_every_field_has_its_place():
    source = {
        "traceId": "463ac35c9f6413ad",
        "parentId": "1",
        "id": "352bff9a74ca9ad2",
        "kind": "CLIENT",
        "name": "get /api",
        "timestamp": 1556604172355737,
        "duration": 1431,
        "debug": True,
        "shared": True,
        "localEndpoint": {"serviceName": "back", "ipv4": "10.0.0.1", "ipv6": "::2", "port": 3306},
        "remoteEndpoint": {"serviceName": "db", "ipv6": "::1", "port": 53, "zone": "z"},
        "annotations": [{"timestamp": 1556604172355740, "value": "ws"}, {"value": "later", "x": 1}],
        "tags": {
            "http.method": "GET",
            "error": "boom",
            "otel.scope.name": "lib",
            "otel.library.name": "lib",
            "otel.scope.version": "2",
            "otel.dropped_events_count": "3",
            "w3c.tracestate": "a=b",
            "count": 4,
        },
        "novel": {"deep": [1.5, 18446744073709551616]},
        "wider": {"deep": [1.5, -18446744073709551616]},
    }
    wire = wire_of(source)
    span = only_span(wire)
    (group,) = traces_of(wire).resource_spans
    assert attributes(group.resource.attributes) == [
        ("network.local.address", "str", "10.0.0.1"),
        ("network.local.port", "int", 3306),
        ("service.name", "str", "back"),
        ("zipkin.localEndpoint.ipv6", "str", "::2"),
    ]
    assert (group.scope_spans[0].scope.name, group.scope_spans[0].scope.version) == ("lib", "2")
    assert span.trace_id.hex() == "0000000000000000463ac35c9f6413ad"
    assert span.parent_span_id.hex() == "0000000000000001"
    assert span.span_id.hex() == "352bff9a74ca9ad2"
    assert (span.name, span.kind, span.trace_state) == ("get /api", Span.SPAN_KIND_CLIENT, "a=b")
    assert span.start_time_unix_nano == 1556604172355737000
    assert span.end_time_unix_nano == 1556604172357168000
    assert (span.status.code, span.status.message) == (2, "boom")
    assert span.dropped_events_count == 3
    assert told(span) == {
        "count": 4,
        "http.method": "GET",
        "network.peer.address": "::1",
        "network.peer.port": 53,
        "peer.service": "db",
        "zipkin.debug": True,
        "zipkin.novel": '{"deep":[1.5,18446744073709551616]}',
        "zipkin.wider": '{"deep":[1.5,-18446744073709551616]}',
        "zipkin.remoteEndpoint.zone": "z",
    }
    assert [(e.time_unix_nano, e.name, attributes(e.attributes)) for e in span.events] == [
        (1556604172355740000, "ws", []),
        (0, "later", [("zipkin.x", "int", 1)]),
    ]
    assert dialect_of(span) == Dialect.SHARED_ID
    assert wire.notes == {"tag_of_another_type": 1}


@pytest.mark.parametrize(
    ("tags", "status", "kept"),
    [
        ({"error": "true"}, (2, ""), {}),
        ({"error": ""}, (2, ""), {}),
        ({"error": "x", "otel.status_code": "ERROR"}, (2, "x"), {}),
        ({"error": "x", "otel.status_code": "OK"}, (1, ""), {"error": "x"}),
        ({"error": "x", "otel.status_description": "y"}, (2, "y"), {"error": "x"}),
        ({"otel.status_code": "PURPLE"}, (0, ""), {"otel.status_code": "PURPLE"}),
        ({"span.kind": "internal"}, (0, ""), {}),
        ({"otel.dropped_links_count": "-1"}, (0, ""), {"otel.dropped_links_count": "-1"}),
        ({"otel.scope.name": "a", "otel.library.name": "b"}, (0, ""), {"otel.library.name": "b"}),
    ],
)
def test_tags_that_mean_a_field(tags, status, kept):
    span = only_span(wire_of({**BARE, "tags": tags}))
    assert (span.status.code, span.status.message) == status
    assert told(span) == kept


@pytest.mark.parametrize(
    ("more", "times", "dialect"),
    [
        ({}, (5000, 12000), 0),
        ({"duration": None}, (5000, 0), Dialect.NO_DURATION),
        ({"timestamp": None, "duration": None}, (0, 0), Dialect.NO_DURATION),
        ({"timestamp": None}, (0, 0), 0),
        ({"timestamp": 0}, (0, 7000), 0),
        ({"duration": 0}, (5000, 5000), 0),
        ({"duration": -2}, (5000, 3000), 0),
        ({"id": "B" * 16}, (5000, 12000), Dialect.UPPER_CASE_HEX),
        ({"id": "span-1"}, (5000, 12000), Dialect.TEXT_ID),
        ({"parentId": "p/q"}, (5000, 12000), Dialect.TEXT_ID),
        ({"traceId": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"}, (5000, 12000), Dialect.DASHED_ID),
        ({"shared": True}, (5000, 12000), Dialect.SHARED_ID),
    ],
)
def test_times_and_spellings(more, times, dialect):
    span = only_span(wire_of({**BARE, **more}))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == times
    assert dialect_of(span) == dialect


def test_a_duration_without_a_start_is_kept():
    assert told(only_span(wire_of({**BARE, "timestamp": None}))) == {"zipkin.duration_ns": 7000}


def test_numbers_are_exact():
    text = (
        b'[{"traceId":"1","id":"2","timestamp":1.556604172355737001e15,'
        b'"duration":9007199254740993,"tags":{"n":9007199254740993,"f":1e999}}]'
    )
    span = only_span(to_wire(text))
    assert span.start_time_unix_nano == 1556604172355737001
    assert span.end_time_unix_nano == 1556604172355737001 + 9007199254740993000
    assert told(span) == {"n": 9007199254740993, "f": "1E+999"}


def test_one_content_in_every_form():
    first, second = {**BARE, "name": "a"}, {**BARE, "name": "b"}
    whole = to_wire(json.dumps([first, second]).encode()).data.tobytes()
    lines = "\r\n\n".join(json.dumps(span) for span in (first, second)).encode()
    forms = [
        json.dumps([[first], [second]]).encode(),
        json.dumps([first, second], indent=2).encode(),
        lines,
        lines + b"\n",
        b"\xef\xbb\xbf" + lines,
        json.dumps([first]).encode() + b"\n" + json.dumps([second]).encode(),
        memoryview(lines),
        bytearray(lines),
    ]
    assert [to_wire(form).data.tobytes() for form in forms] == [whole] * len(forms)
    alone = to_wire(json.dumps(first, indent=1).encode()).data.tobytes()
    assert alone == to_wire(json.dumps([first]).encode()).data.tobytes()
    assert to_wire(b"\xef\xbb\xbf[]").notes == {"byte_order_mark": 1}


@pytest.mark.parametrize("n_key", [0, 1, 60, 130])
def test_short_attributes_are_written_as_long_ones(n_key):
    """Around every length at which a length takes another byte."""
    for n in range(140):
        key, value = "k" * n_key, "é" * (n // 2) + "v" * (n % 2)
        assert attribute(9, key, value) == key_value(9, key, value)


def test_no_spans():
    for text in (b"[]", b"[[]]", b" [ ] "):
        assert facts(traces_of(to_wire(text)))["spans"] == 0


def test_resources_group_and_keep_the_order():
    local = [{"serviceName": name} for name in ("x", "y", "x")]
    spans = [{**BARE, "name": str(i), "localEndpoint": e} for i, e in enumerate(local)]
    found = [(service, span.name) for service, span in spans_of(traces_of(wire_of(*spans)))]
    assert found == [("x", "0"), ("x", "2"), ("y", "1")]


WRONG = [
    ({"traceId": 5}, "[1].traceId", "5 where a string"),
    ({"timestamp": "soon"}, "[1].timestamp", '"soon" where a number of microseconds'),
    ({"timestamp": -1}, "[1].timestamp", "outside the times"),
    ({"timestamp": True}, "[1].timestamp", "true where"),
    ({"timestamp": {}}, "[1].timestamp", "an object where"),
    ({"timestamp": 2**63}, "[1].timestamp", "outside the times"),
    ({"duration": [1]}, "[1].duration", "a list where"),
    ({"duration": 0.00001}, "[1].duration", "0.00001 where"),
    ({"kind": 3}, "[1].kind", "3 where a string"),
    ({"shared": "yes"}, "[1].shared", '"yes" where true or false'),
    ({"tags": []}, "[1].tags", "a list where an object"),
    ({"localEndpoint": "here"}, "[1].localEndpoint", '"here" where an object'),
    ({"remoteEndpoint": {"port": "80"}}, "[1].remoteEndpoint.port", '"80" where a whole number'),
    ({"annotations": {}}, "[1].annotations", "an object where a list"),
    ({"annotations": [{}, 1]}, "[1].annotations[1]", "1 where an object"),
    ({"annotations": [{"value": 2}]}, "[1].annotations[0].value", "2 where a string"),
    ({"annotations": [{"timestamp": False}]}, "[1].annotations[0].timestamp", "false where"),
    ({"binaryAnnotations": []}, "[1]", "version 1"),
    (7, "[1]", "7 where an object"),
]


@pytest.mark.parametrize(("more", "place", "found"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_types_are_placed_and_can_be_left_out(more, place, found):
    bad = {**BARE, **more} if isinstance(more, dict) else more
    with pytest.raises(TraceError) as caught:
        wire_of(BARE, bad, BARE)
    assert caught.value.place == place
    assert found in caught.value.found
    wire = wire_of(BARE, bad, BARE, keep_going=True)
    assert facts(traces_of(wire))["spans"] == 2
    assert [error.args for error in wire.left_out] == [caught.value.args]


BROKEN = [
    (b'[{"id":"1"},{"id" 2}]', "byte 18"),
    (b'[{"id":"1"}', "byte 11"),
    (b'[{"id":"1"}] x', "byte 13"),
    (b'[{"id":"1"},{"id":"\xff"}]', "byte 19"),
    (b'\xef\xbb\xbf[{"id":"1"},{"id":"\xff"}]', "byte 22"),
    (b'[{"id":"\\ud800"}]', None),
    (b'[{"id":"a\x01"}]', "byte 9"),
    (b"", "byte 0"),
    (b"[" * 100_000, None),
    (b'[{"tags":' + b'{"a":' * 100_000, None),
    (b'[{"tags":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}]", None),
]


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize(("text", "place"), BROKEN, ids=[str(p)[:20] for p, _ in BROKEN])
def test_broken_json_is_placed_whatever_is_asked(text, place, keep_going):
    with pytest.raises(TraceError) as caught:
        to_wire(text, keep_going=keep_going)
    assert caught.value.place == place or (place is None and caught.value.place)


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "1e400", "1e99999999999999999999"])
def test_huge_numbers(number):
    text = b'[{"timestamp":%s}]' % number.encode()
    with pytest.raises(TraceError) as caught:
        to_wire(text)
    assert caught.value.place.startswith("[0]")


def test_lines_that_are_broken_or_wrong():
    good = json.dumps(BARE).encode()
    text = b"\n".join([good, b'{"id":', b"", b'{"timestamp":"x"}', good, b'{"id":"torn'])
    with pytest.raises(TraceError) as caught:
        to_wire(text)
    assert caught.value.place == "line 2"
    wire = to_wire(text, keep_going=True)
    assert [e.place for e in wire.left_out] == ["line 2", "line 4, timestamp", "line 6"]
    assert facts(traces_of(wire))["spans"] == 2


def test_recognition_by_keys():
    assert looks_like({"traceId", "id", "kind"})
    assert not looks_like({"traceId", "id", "binaryAnnotations"})
    assert not looks_like({"traceId", "spanId", "operationName"})


# -- random documents

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
micros = st.integers(0, (2**64 - 1) // 2000)
documents = st.fixed_dictionaries(
    {
        "traceId": st.integers(1, 2**128 - 1).map("{:032x}".format),
        "id": st.integers(1, 2**64 - 1).map("{:016x}".format),
    },
    optional={
        "parentId": st.integers(1, 2**64 - 1).map("{:x}".format),
        "name": names,
        "kind": st.sampled_from(["CLIENT", "SERVER", "PRODUCER", "CONSUMER"]),
        "timestamp": micros,
        "duration": micros,
        "shared": st.booleans(),
        "localEndpoint": st.dictionaries(st.sampled_from(["serviceName", "ipv4", "ipv6"]), names),
        "remoteEndpoint": st.dictionaries(st.sampled_from(["serviceName", "ipv4", "more"]), names),
        "annotations": st.lists(
            st.fixed_dictionaries({"timestamp": micros, "value": names}), max_size=3
        ),
        "tags": st.dictionaries(names, names, max_size=3),
        "another": st.recursive(
            st.none() | st.booleans() | st.integers(-(2**70), 2**70) | names,
            lambda inner: st.lists(inner, max_size=2),
            max_leaves=4,
        ),
    },
)


@given(st.lists(documents, max_size=5))
@settings(deadline=None, max_examples=150)
def test_nothing_is_lost_between_document_and_messages(spans):
    wire = wire_of(*spans)
    found = sorted(
        (s.trace_id.hex(), s.span_id.hex(), s.start_time_unix_nano, s.end_time_unix_nano, s.name)
        for _, s in spans_of(traces_of(wire))
    )
    assert found == sorted(
        (
            s["traceId"],
            s["id"],
            1000 * s.get("timestamp", 0),
            1000 * (s["timestamp"] + s["duration"]) if {"timestamp", "duration"} <= s.keys() else 0,
            s.get("name", ""),
        )
        for s in spans
    )
    events = sum(len(s.events) for _, s in spans_of(traces_of(wire)))
    assert events == sum(len(s.get("annotations", ())) for s in spans)
    text = wire.data.tobytes()
    for span in spans:  # every word of the source stands somewhere in the messages
        words = [*span.get("tags", {}).values(), *span.get("localEndpoint", {}).values()]
        words += [a["value"] for a in span.get("annotations", ())]
        words += span.get("remoteEndpoint", {}).values()
        assert [word for word in words if word.encode() not in text] == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@given(documents, st.data())
@settings(deadline=None, max_examples=200)
def test_any_value_anywhere_is_read_or_refused(span, data):
    key = data.draw(st.sampled_from(sorted(span)))
    span = {**span, key: data.draw(anything)}
    inner = span.get("annotations") or [span.get("localEndpoint")]
    if isinstance(inner, list) and inner and isinstance(inner[0], dict):
        inner[0] = {**inner[0], data.draw(st.sampled_from(["value", "port"])): data.draw(anything)}
    text = json.dumps([BARE, span]).encode()
    where = "[1]"
    try:
        wire = to_wire(text)
    except TraceError as error:
        where = error.place
    else:
        assert facts(traces_of(wire))["spans"] == 2
    assert where.startswith(("[1]", "byte"))


@given(st.sampled_from(["zipkin/skew.json", "zipkin/messaging.json"]), st.data())
@settings(deadline=None, max_examples=200)
def test_mutated_bytes_are_read_or_refused(name, data):
    text = bytearray(stored(name))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for keep_going in (False, True):
        where = "somewhere"
        try:
            traces_of(to_wire(bytes(text), keep_going=keep_going))
        except TraceError as error:
            where = error.place
        assert where
