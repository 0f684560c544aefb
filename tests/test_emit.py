"""A table written out is the same messages again: by the official classes, field by field."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from tests.oracles.tables import table_of
from tests.strategies import UNKNOWN, parts, traces_data

from spanproof.emit import otlp_json
from spanproof.emit.otlp_json import write_json, write_json_lines
from spanproof.emit.otlp_protobuf import encode, encode_requests
from spanproof.errors import LimitError, TraceError
from spanproof.ingest import wire
from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.wire import Wire
from spanproof.kernels import encode as kernels
from spanproof.table import Table
from spanproof.table.schema import SCHEMAS

DATA = Path(__file__).parent / "data" / "otel"


def content(message: TracesData | bytes) -> bytes:
    if isinstance(message, bytes):
        message = TracesData.FromString(message)
    return message.SerializeToString(deterministic=True)


def read(*messages: bytes) -> Table:
    data = Wire.of(list(messages))
    data.ours = False  # a stranger's field of our dialects' number is an unknown field
    return decode(data)


def coverage(name: str) -> bytes:
    return (DATA / "synthetic" / "coverage" / name).read_bytes()


@settings(deadline=None, max_examples=40)
@given(st.lists(traces_data(), max_size=3))
def test_the_twins_table_is_written_as_its_messages(messages):
    table = table_of(*messages)
    table.validate()
    whole = TracesData()
    for message in messages:
        whole.MergeFrom(message)
    assert content(encode(table)) == content(whole)
    written = [content(m) for m in encode_requests(table)]
    asked = [content(m) for m in messages]
    while asked and not asked[-1]:  # a last message without rows leaves no trace
        asked.pop()
    assert written == asked


@settings(deadline=None, max_examples=40)
@given(traces_data(unknown=True))
def test_what_is_decoded_is_encoded_equal_with_unknown_fields(message):
    assert content(encode(read(content(message)))) == content(message)


def test_unknown_fields_stay_on_each_level_and_in_order():
    wire = b"".join(UNKNOWN)
    message = TracesData.FromString(wire)
    span = message.resource_spans.add().scope_spans.add().spans.add(trace_id=b"short")
    for part in (
        message.resource_spans[0],
        message.resource_spans[0].resource,
        message.resource_spans[0].scope_spans[0],
        message.resource_spans[0].scope_spans[0].scope,
        span,
        span.status,
        span.events.add(),
        span.links.add(),
        span.attributes.add(),
        span.attributes.add().value,
    ):
        part.MergeFromString(wire)
    span.attributes[1].value.string_value = "x"
    assert content(encode(read(content(message)))) == content(message)


@pytest.mark.parametrize("name", ["traces.pb", "unknown-fields.pb", "field-order-and-merge.pb"])
def test_coverage_files_come_back(name):
    assert content(encode(read(coverage(name)))) == content(coverage(name))


def test_canonical_bytes_are_the_official_ones():
    """Fields ascend and nothing is padded: where no residue is appended, byte for byte."""
    message = TracesData.FromString(coverage("traces.pb"))
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                for time in ("start_time_unix_nano", "end_time_unix_nano"):
                    setattr(span, time, min(getattr(span, time), 2**63 - 2))
                for event in span.events:
                    event.time_unix_nano = min(event.time_unix_nano, 2**63 - 2)
    assert encode(read(content(message))) == content(message)


def test_an_empty_table_is_the_empty_message():
    assert encode(Table.empty()) == b""
    assert list(encode_requests(Table.empty())) == []


def test_a_request_in_between_without_rows_is_an_empty_message():
    message = coverage("traces.pb")
    assert [bool(m) for m in encode_requests(read(message, b"", message))] == [True, False, True]


def test_residue_alone_makes_a_request():
    assert list(encode_requests(read(b"", UNKNOWN[0]))) == [b"", UNKNOWN[0]]


def test_a_column_is_not_written_beside_its_residue_nor_outvoted_by_it():
    message = TracesData()
    spans = message.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"short", start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**64 - 1)
    table = read(content(message))
    assert len(encode(table)) == len(content(message))
    repaired = table.with_columns(
        "spans",
        {
            "trace_id": pa.array([b"0123456789abcdef"], pa.binary(16)),
            "start_time_unix_nano": pa.array([5], pa.int64()),
        },
    )
    span = TracesData.FromString(encode(repaired)).resource_spans[0].scope_spans[0].spans[0]
    assert span.trace_id == b"0123456789abcdef"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (5, 2**64 - 1)


def test_time_max_without_residue_is_written():
    message = TracesData()
    message.resource_spans.add().scope_spans.add().spans.add(start_time_unix_nano=2**63 - 1)
    table = read(content(message))
    assert content(encode(table.replacing(residue=table.residue.slice(0, 0)))) == content(message)


def one_span(**columns: pa.Array) -> Table:
    """A table of one bare span with these columns: what decoding never gives, a rule might."""
    message = TracesData()
    message.resource_spans.add().scope_spans.add().spans.add()
    return read(content(message)).with_columns("spans", columns)


def with_residue(table: Table, *rows: tuple[int, int, int, bytes]) -> Table:
    columns = zip(*rows, strict=True)
    schema = SCHEMAS["residue"]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return table.replacing(residue=pa.RecordBatch.from_arrays(arrays, schema=schema))


def span_of(table: Table) -> Span:
    """The one span; protobuf and JSON must say the same of it."""
    message = TracesData.FromString(encode(table))
    known = TracesData.FromString(encode(table))
    for part in parts(known):
        part.DiscardUnknownFields()
    assert content(parsed(json_of(table))) == content(known)
    return message.resource_spans[0].scope_spans[0].spans[0]


def test_a_known_field_of_another_wire_type_is_no_time():
    table = one_span(start_time_unix_nano=pa.array([2**63 - 1], pa.int64()))
    span = span_of(with_residue(table, (6, 0, 7, b"\x38\x05")))
    assert span.start_time_unix_nano == 2**63 - 1
    assert b"\x38\x05" in span.SerializeToString()


def test_a_negative_time_is_what_its_bits_say():
    table = one_span(start_time_unix_nano=pa.array([-1], pa.int64()))
    assert span_of(table).start_time_unix_nano == 2**64 - 1


def test_what_a_status_holds_implies_it():
    message = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array(["why"]))
    nothing = pa.array([None], pa.int32())
    assert span_of(one_span(status_code=nothing, status_message=message)).status.message == "why"
    assert not span_of(one_span(status_code=nothing)).HasField("status")
    unknown = with_residue(one_span(status_code=nothing), (9, 0, 1000, UNKNOWN[0]))
    assert span_of(unknown).HasField("status")


def test_a_value_without_its_column_is_an_empty_one():
    span = TracesData()
    attributes = span.resource_spans.add().scope_spans.add().spans.add().attributes
    for _ in range(9):
        attributes.add(key="k")
    table = read(content(span)).with_columns(
        "span_attributes", {"type": pa.array(range(9), pa.uint8())}
    )
    values = [a.value.WhichOneof("value") for a in span_of(table).attributes]
    assert values == [
        None, "string_value", "int_value", "double_value", "bool_value", "kvlist_value",
        "array_value", "bytes_value", None,
    ]  # fmt: skip
    assert [a.HasField("value") for a in span_of(table).attributes] == [True] * 8 + [False]


def test_residue_in_any_order_finds_its_rows():
    message = TracesData()
    spans = message.resource_spans.add().scope_spans.add().spans
    for i in range(3):
        spans.add().MergeFromString(UNKNOWN[i])
    message.resource_spans[0].MergeFromString(UNKNOWN[3])
    table = read(content(message))
    backwards = table.residue.take(pa.array(range(table.residue.num_rows - 1, -1, -1)))
    assert encode(table.replacing(residue=backwards)) == encode(table)


def test_sliced_and_shared_buffers_do_not_matter():
    table = Table.concat([read(coverage("traces.pb")), read(coverage("unknown-fields.pb"))])
    half = table.keep(np.arange(len(table)) % 2 == 0)
    sliced = Table(
        **{
            name: pa.RecordBatch.from_arrays(
                [pa.concat_arrays([c[:1], c]).slice(1) for c in batch.columns],
                schema=batch.schema,
            )
            if batch.num_rows
            else batch
            for name, batch in half.batches.items()
        }
    )
    assert sliced.equals(half)
    assert encode(sliced) == encode(half)


def test_a_value_of_an_unknown_type_is_refused():
    table = read(coverage("traces.pb"))
    n = table.span_attributes.num_rows
    bad = table.with_columns("span_attributes", {"type": pa.array([9] * n, pa.uint8())})
    with pytest.raises(TraceError, match="span_attributes row 0: type 9"):
        encode(bad)


def test_what_no_protobuf_could_hold_is_a_limit():
    """A long text many times over: refused before any of it is written."""
    message = TracesData()
    spans = message.resource_spans.add().scope_spans.add().spans
    for _ in range(2200):
        spans.add()
    table = read(content(message))
    long = pa.DictionaryArray.from_arrays(
        pa.array([0] * len(table), pa.int32()), pa.array(["x" * 2**20])
    )
    with pytest.raises(LimitError, match="Parquet"):
        encode(table.with_columns("spans", {"name": long}))


def test_a_real_trace_comes_back():
    packed = (DATA / "otel-demo" / "otel-demo.jsonl.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines()
    messages = [parsed(line) for line in lines if "resourceSpans" in json.loads(line)]
    table = table_of(*messages)
    assert [content(m) for m in encode_requests(table)] == [content(m) for m in messages]
    out = io.BytesIO()
    write_json_lines(table, out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        canonical(m) for m in messages
    ]


# -- the kernels' own bounds

EDGES = [0, 1, 127, 128, 2**14 - 1, 2**14, 2**56, 2**63 - 1, -1, -(2**63)]


def longs(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_varints_are_protobufs():
    values = longs(*EDGES)
    present = np.ones(values.size, np.uint8)
    sizes = np.zeros(values.size, np.int64)
    assert kernels.add_varint_sizes(2, values, present, sizes) == -1
    expected = [wire.number(16, value) for value in EDGES]
    assert sizes.tolist() == [len(field) for field in expected]
    data = np.zeros(sizes.sum(), np.uint8)
    cursors = np.cumsum(sizes) - sizes
    assert kernels.put_varints(16 << 3, values, present, cursors, data) == -1
    assert data.tobytes() == b"".join(expected)


def test_no_kernel_writes_or_reads_outside():
    """Each stops at the row that would, and says which; the rows before it are written."""
    one, there, source = longs(1, 1), np.ones(2, np.uint8), np.frombuffer(b"ab", np.uint8)
    codes, zero = np.zeros(2, np.int32), longs(0, 0)
    for call, size in (
        (lambda *to: kernels.put_varints(8, one, there, *to), 2),
        (lambda *to: kernels.put_words(9, 8, one, there, *to), 9),
        (lambda *to: kernels.put_words(133, 4, one, there, *to), 6),
        (lambda *to: kernels.put_headers(10, one, *to), 2),
        (lambda *to: kernels.put_slices(10, zero, one, source, *to), 3),
        (lambda *to: kernels.put_slices(0, zero, one, source, *to), 1),
        (lambda *to: kernels.put_texts(10, codes, zero[:1], one[:1], source, *to), 3),
    ):
        fits = np.zeros(2 * size, np.uint8)
        assert call(longs(0, size), fits) == -1
        assert call(longs(0, size + 1), fits) == 1
        assert call(longs(-1, 0), fits) == 0
        assert call(longs(2**63 - 1, 0), fits) == 0
        cursors = longs(0, size)
        assert call(cursors, fits[:-1].copy()) == 1
        assert cursors.tolist() == [size, size]
        assert call(longs(0), fits) == 1  # arrays of different lengths
    data = np.zeros(9, np.uint8)
    for begin, length in ((1, 2), (-1, 1), (2**63 - 1, 1), (0, 2**62)):
        assert kernels.put_slices(0, longs(begin), longs(length), source, longs(0), data) == 0
        assert kernels.put_texts(
            10, codes[:1], longs(begin), longs(length), source, longs(0), data
        ) == 0  # fmt: skip


def test_no_child_without_a_parent_and_no_code_without_a_text():
    for parent in (-1, 2, 2**31 - 1):
        parents = np.array([1, parent], np.int32)
        assert kernels.add_child_sizes(parents, longs(3, 4), longs(0, 0)) == 1
        assert kernels.place_children(parents, longs(3, 4), longs(0, 0), longs(0, 0)) == 1
    codes = np.array([-1, 1], np.int32)
    assert kernels.add_text_sizes(1, codes, longs(5), longs(0, 0)) == 1
    data = np.zeros(9, np.uint8)
    assert kernels.put_texts(10, codes, longs(0), longs(5), data, longs(0, 0), data.copy()) == 1


def test_a_row_outside_its_table_is_a_value_error():
    table = read(coverage("traces.pb"))
    n = table.events.num_rows
    with pytest.raises(ValueError, match="outside its table"):
        encode(table.with_columns("events", {"parent_id": pa.array([2**30] * n, pa.int32())}))


# -- JSON

ID = re.compile(r'"(traceId|spanId|parentSpanId)": ?"([0-9a-zA-Z+/=]*)"')


def parsed(text: str | bytes) -> TracesData:
    """OTLP/JSON by the official classes, which want ids in base64."""
    document = text.decode() if isinstance(text, bytes) else text
    return json_format.Parse(
        ID.sub(lambda m: f'"{m[1]}":"{base64.b64encode(bytes.fromhex(m[2])).decode()}"', document),
        TracesData(),
        max_recursion_depth=200,
    )


def canonical(message: TracesData) -> dict:
    """What the official classes print, as values, ids in hex and enums as integers."""
    text = json_format.MessageToJson(message, use_integers_for_enums=True, indent=None)
    document = json.loads(
        ID.sub(lambda m: f'"{m[1]}":"{base64.b64decode(m[2]).hex()}"', text),
        parse_constant=pytest.fail,
    )
    return {"resourceSpans": [], **document}


def json_of(table: Table) -> bytes:
    out = io.BytesIO()
    write_json(table, out)
    return out.getvalue()


def plain_nan(message: TracesData) -> TracesData:
    """The message with every NaN the plain one: JSON has no other."""
    for part in parts(message):
        if part.DESCRIPTOR.name == "AnyValue" and math.isnan(part.double_value):
            part.double_value = math.nan
    return message


@settings(deadline=None, max_examples=40)
@given(st.lists(traces_data(), max_size=2))
def test_json_is_what_the_official_classes_print_and_parse(messages):
    table = table_of(*messages)
    whole = TracesData()
    for message in messages:
        whole.MergeFrom(plain_nan(message))
    written = json_of(table)
    assert json.loads(written) == canonical(whole)
    assert content(parsed(written)) == content(whole)
    out = io.BytesIO()
    write_json_lines(table, out)
    lines = out.getvalue().split(b"\n")
    assert lines.pop() == b""
    assert [content(parsed(line)) for line in lines] == [
        content(m) for m in encode_requests(table_of(*messages))
    ]


def test_unknown_fields_have_no_place_in_json():
    message = TracesData.FromString(coverage("unknown-fields.pb"))
    for part in parts(message):
        part.DiscardUnknownFields()
    assert content(parsed(json_of(read(coverage("unknown-fields.pb"))))) == content(message)


def test_the_coverage_file_is_its_json_twin():
    twin = json.loads((DATA / "synthetic" / "coverage" / "traces.json").read_bytes())
    assert json.loads(json_of(read(coverage("traces.pb")))) == twin


def test_json_keeps_fields_in_the_order_of_their_numbers():
    text = json_of(read(coverage("traces.pb"))).decode()
    span = max(
        (
            span
            for resource_spans in json.loads(text)["resourceSpans"]
            for scope_spans in resource_spans.get("scopeSpans", [])
            for span in scope_spans.get("spans", [])
        ),
        key=len,
    )
    assert len(span) == 15  # all but the parent's id
    fields = TracesData.DESCRIPTOR.file.message_types_by_name["Span"].fields
    order = [f.json_name for f in sorted(fields, key=lambda f: f.number)]
    assert list(span) == [name for name in order if name in span]


def test_an_empty_table_is_a_document_that_says_what_it_is():
    assert json_of(Table.empty()) == b'{"resourceSpans":[]}'


def test_chunks_of_one_row_write_the_same(monkeypatch):
    """How many rows are spelt at once shows nowhere."""
    table = read(coverage("traces.pb"), b"", coverage("field-order-and-merge.pb"))
    whole, lines = json_of(table), io.BytesIO()
    write_json_lines(table, lines)
    monkeypatch.setattr(otlp_json, "CHUNK", 1)
    assert json_of(table) == whole
    again = io.BytesIO()
    write_json_lines(table, again)
    assert again.getvalue() == lines.getvalue()


def test_a_nested_value_that_is_none_is_refused():
    table = read(coverage("traces.pb"))
    n = table.span_attributes.num_rows
    bad = table.with_columns("span_attributes", {"ser": pa.array([b"\x0a\x05x"] * n)})
    with pytest.raises(TraceError, match="a length of 5, 1 bytes left"):
        json_of(bad)
