"""The format is told from content, and what is no trace is called by its name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.strategies import traces_data

from spanproof.errors import TraceError
from spanproof.ingest import frames
from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.reading import read_file
from spanproof.ingest.recognise import recognise
from spanproof.ingest.wire import block, fixed64, text, varint

DATA = Path(__file__).parent / "data" / "otel"
EXAMPLES = 10 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 60


def of(data: bytes) -> str:
    return recognise(np.frombuffer(data, np.uint8))


def refused(data: bytes) -> str:
    with pytest.raises(TraceError) as caught:
        of(data)
    assert caught.value.place == "byte 0"
    assert caught.value.hint
    return caught.value.found


@pytest.mark.parametrize(
    ("folder", "pattern", "format_"),
    [
        pytest.param("otel-demo", "*.json*", "otlp-jsonl", marks=pytest.mark.compiled),
        ("synthetic/malformed", "control-good.jsonl", "otlp-jsonl"),
        ("opentelemetry-proto", "*.json", "otlp-json"),
        ("crisp", "*.json", "jaeger-json"),
        ("zipkin", "*.json", "zipkin-v2"),
        ("duckdb-otlp", "*.pb", "otlp-protobuf"),
        ("jaeger-ui", "*.json", "jaeger-json"),
        ("synthetic/coverage", "dialect-*.json", "otlp-json"),
        ("synthetic/coverage", "*varint-delimited.pb", "otlp-protobuf-varint-delimited"),
        ("synthetic/coverage", "*be32-delimited.pb", "otlp-protobuf-be32-delimited"),
        ("synthetic/coverage", "*zstd-each.pb", "otlp-protobuf-be32-delimited-zstd-each"),
    ],
)
def test_files_are_what_their_folders_say(folder, pattern, format_):
    paths = sorted((DATA / folder).glob(pattern))
    assert paths
    for path in paths[:6]:
        assert read_file(str(path)).format == format_, path.name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"\x7fELF\x02", "executable"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"ARROW1\x00\x00", "Arrow"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b"\xfe\xff\x00{", "UTF-16"),
        (b"", "empty"),
        (b"  \n\t", "white space"),
        (b"\xef\xbb\xbf  ", "white space"),
        (b"hello", "68 65 6c 6c 6f"),
        (b"\x00" * 40, "00 00"),
    ],
)
def test_what_is_no_trace_is_called_by_its_name(head, name):
    assert name in refused(head)


def test_json_is_told_by_its_keys_wherever_they_stand():
    span = {"traceId": "1", "id": "2", "localEndpoint": {"serviceName": "x"}}
    assert of(json.dumps([span]).encode()) == "zipkin-v2"
    jaeger = {"total": 0, "data": [{"traceID": "1", "spans": [{"spanID": "2"}], "processes": {}}]}
    assert of(json.dumps(jaeger).encode()) == "jaeger-json"
    for keys in ("resourceSpans", "resource_spans", "batches", "trace", "resourceLogs"):
        assert of(json.dumps({keys: []}).encode()) == "otlp-json"
    assert of(b'\xef\xbb\xbf \r\n{"resourceSpans": []}') == "otlp-json"
    assert of(b'\n{"batches": []}') == of(b'{\n  "trace": {}}') == "otlp-json"
    assert of(b"{") == of(b"[]") == of(b'{"other": 1}') == "otlp-json"  # whose reader refuses it


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
@example(b'{"a\\')
@example(b"[" * 5000)
@example(b"PAR1")
@example(b"\x28\xb5\x2f\xfd")
@example(b"\x1f\x8b")
@example(b"\x00\x00\x00\x05\x28\xb5\x2f\xfd\x00")
def test_no_bytes_are_a_traceback(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    for keep_going in (False, True):
        error = trouble(path, keep_going=keep_going)
        assert error is None or error.path == str(path)
        assert error is None or str(error).split("\n")[0].isprintable()


def trouble(path: Path, *, keep_going: bool) -> TraceError | None:
    try:
        read_file(str(path), keep_going=keep_going).table.validate()
    except TraceError as error:
        return error
    return None


filled = traces_data().map(lambda m: m.SerializeToString()).filter(lambda m: len(m) > 2)


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.lists(filled, min_size=1, max_size=3))
def test_framings_are_told_apart(messages):
    """Whatever the messages: one alone, varint lengths before them, big-endian ones."""
    assert of(messages[0]) == frames.SINGLE
    varints = b"".join(varint(len(m)) + m for m in messages)
    assert of(varints) == frames.VARINT
    assert of(b"".join(len(m).to_bytes(4) + m for m in messages)) == frames.BE32


def sized(size: int) -> bytes:
    """A message of that size with one span."""
    for length in range(size):
        message = block(1, block(2, block(2, block(1, b"\x01" * 16) + text(5, "n" * length))))
        if len(message) == size:
            return message
    pytest.skip("no message has that size: a length grew by a byte")


@pytest.mark.parametrize("size", [*range(32, 130), 16255, 32639, 32895])
@pytest.mark.parametrize("n_messages", [1, 2, 3])
def test_no_length_makes_a_message_look_like_something_else(size, n_messages):
    """123 is "{", 91 is "[", 10 a new line; 0xFF 0xFE begins UTF-16."""
    message = sized(size)
    assert of(message) == frames.SINGLE
    assert of((varint(size) + message) * n_messages) == frames.VARINT
    assert of((size.to_bytes(4) + message) * n_messages) == frames.BE32


def test_a_stream_that_breaks_off_is_still_that_stream():
    message = block(1, block(2, block(2, text(5, "name"))))
    data = 2 * (len(message).to_bytes(4) + message)
    for size in range(len(message) + 5, len(data)):
        cut = np.frombuffer(data[:size], np.uint8)
        assert recognise(cut) == frames.BE32
        with pytest.raises(TraceError, match=f"byte {len(message) + 4}: the stream is cut off"):
            frames.cut(cut, frames.BE32, max_bytes=None, keep_going=False)
        wire = frames.cut(cut, frames.BE32, max_bytes=None, keep_going=True)
        assert len(decode(wire)) == 1
        assert [e.place for e in wire.left_out] == [f"byte {len(message) + 4}"]


def test_a_request_of_spans_without_times_is_still_one_of_traces(tmp_path):
    for span in (b"", text(5, "n"), block(1, b"\x01" * 16), fixed64(7, 1)):
        path = tmp_path / "spans"
        path.write_bytes(block(1, block(2, block(2, span))))
        assert len(read_file(str(path)).table) == 1


@pytest.mark.parametrize(
    ("name", "signals"),
    [
        ("logs.pb", {"log_records": 7}),
        ("logs.json", {"log_records": 7}),
        ("metrics.pb", {"metrics": 9, "data_points": 17}),
        ("metrics.json", {"metrics": 9, "data_points": 17}),
        ("mixed-signals.jsonl", {"metrics": 9, "data_points": 17, "log_records": 7}),
    ],
)
def test_other_signals_are_counted(name, signals):
    reading = read_file(str(DATA / "synthetic" / "coverage" / name))
    assert reading.signals == signals
    assert len(reading.table) == (11 if name == "mixed-signals.jsonl" else 0)
