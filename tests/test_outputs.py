"""Where output goes, and what a report leaves unsaid: cases that users met."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from spanproof import LimitError, UsageError, Verdict, cli, pipeline
from spanproof.ingest.reading import read_file
from spanproof.table.identity import identify

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "otel"
SKEW = str(DATA / "zipkin" / "skew.json")


# -- files, links, pipes


def test_an_output_follows_a_link(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    assert cli.main(["check", SKEW, "-o", str(tmp_path / "link.json")]) == 1
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target.json").read_text())["verdict"] == "violated"


def test_an_output_that_is_a_pipe_is_written_to(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    assert cli.main(["convert", SKEW, str(fifo), "--format", "otlp-protobuf"]) == 0
    reader.join()
    assert fifo.is_fifo()
    assert len(TracesData.FromString(read[0]).resource_spans) > 0


def test_the_ending_says_the_format(tmp_path, capsys):
    for name, begins in (("r.json", "{"), ("r.html", "<!doctype html>"), ("r.xml", "<?xml")):
        cli.main(["check", SKEW, "-o", str(tmp_path / name)])
        assert (tmp_path / name).read_text("utf-8").lower().startswith(begins)
    assert "violated: 1 error" in capsys.readouterr().err


def test_an_input_is_not_overwritten(tmp_path):
    path = tmp_path / "trace.json"
    path.write_bytes(Path(SKEW).read_bytes())
    with pytest.raises(UsageError, match="the input as well"):
        pipeline.convert(path, str(path))
    assert path.read_bytes() == Path(SKEW).read_bytes()


@pytest.mark.parametrize("command", [["check"], ["show"], ["info"]])
def test_a_closed_pipe_is_no_verdict(command):
    process = subprocess.Popen(
        [sys.executable, "-m", "spanproof", *command, SKEW],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


def test_traces_are_listed_those_with_findings_first(capsys):
    assert cli.main(["show", str(DATA / "otel-demo" / "otel-demo.jsonl.gz"), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 141
    found = ["causality" in line or "structure" in line for line in lines]
    assert found == sorted(found, reverse=True)
    assert any(found)
    assert not all(found)


# -- verdicts


def test_edges_that_nobody_could_compare_are_no_pass():
    report = pipeline.check(DATA / "synthetic" / "graphs" / "zero-start.jsonl")
    assert report.verdict is Verdict.UNKNOWN
    assert "2 edges" in report.checks[0].reason


def test_starts_cut_to_the_millisecond_are_named():
    report = pipeline.check(DATA / "otel-demo" / "otel-demo.jsonl.gz", limit=None)
    early = [f for f in report.findings if f.code == "causality.reversed_edge"]
    assert len(early) == 30
    assert all(f.evidence["within_resolution"] for f in early)
    report = pipeline.check(DATA / "zipkin" / "messaging-kafka.json")
    assert not any(f.evidence["within_resolution"] for f in report.findings)


# -- signals, limits, broken ends


def traces(n_spans: int, **first: object) -> bytes:
    data = TracesData()
    spans = data.resource_spans.add().scope_spans.add().spans
    if first:
        spans.add(**first)
    for i in range(n_spans):
        spans.add(
            trace_id=b"t" * 16,
            span_id=bytes([i + 1]) * 8,
            name="x",
            start_time_unix_nano=10**18,
            end_time_unix_nano=10**18 + 1,
        )
    return data.SerializeToString()


def metrics() -> bytes:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    metric.gauge.data_points.add(time_unix_nano=10**18, as_int=1)
    return data.SerializeToString()


def test_a_strange_first_span_is_still_a_span(tmp_path):
    path = tmp_path / "a.pb"
    path.write_bytes(traces(9, trace_id=b"abc", span_id=b"\2" * 8, name="x"))
    reading = read_file(str(path))
    assert (len(reading.table), dict(reading.signals)) == (10, {})


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
def test_signals_are_told_message_by_message(tmp_path, order):
    parts = [(traces(3), metrics())[i] for i in order]
    path = tmp_path / "mixed.pb"
    path.write_bytes(b"".join(len(part).to_bytes(4) + part for part in parts))
    reading = read_file(str(path))
    assert len(reading.table) == 3 * order.count(0)
    assert dict(reading.signals) == {"metrics": 1, "data_points": 1}


def test_rows_are_bounded_as_bytes_are(tmp_path):
    empty = TracesData()
    empty.resource_spans.add().scope_spans.add().spans.add()
    scope = b"\x12\x00" * 4_000_000  # four million empty spans
    inner = b"\x12" + _length(len(scope)) + scope
    path = tmp_path / "rows.pb"
    path.write_bytes(b"\x0a" + _length(len(inner)) + inner)
    with pytest.raises(LimitError, match=r"4,\d+,\d+ rows in 8,\d+,\d+ bytes"):
        read_file(str(path))


def _length(n: int) -> bytes:
    from spanproof.ingest.wire import varint

    return varint(n)


def test_what_came_before_a_break_is_kept_if_told_to(tmp_path):
    lines = (DATA / "synthetic" / "skew" / "no-skew.jsonl").read_bytes()
    packed = gzip.compress(lines, mtime=0)
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(Exception, match="--keep-going"):
        read_file(str(path))
    reading = read_file(str(path), keep_going=True)
    assert 0 < len(reading.table) < 140
    assert "gzip data cut off" in str(reading.left_out[0])


def test_a_stray_line_is_one_line_lost(tmp_path):
    good = (DATA / "synthetic" / "graphs" / "two-roots.jsonl").read_text("utf-8")
    path = tmp_path / "log.jsonl"
    path.write_text(good + "a stray line\n" + good, "utf-8")
    reading = read_file(str(path), keep_going=True)
    assert (len(reading.table), len(reading.left_out)) == (4, 1)
    assert "line 2" in str(reading.left_out[0])


def test_a_text_that_begins_with_an_empty_line_is_no_message(tmp_path):
    path = tmp_path / "LICENSE"
    path.write_text("\n    Licence\n    Terms and conditions …\n" * 20, "utf-8")
    with pytest.raises(Exception, match="not a trace"):
        read_file(str(path))


def test_zipkin_halves_are_halves_without_the_mark(tmp_path):
    spans = json.loads(Path(SKEW).read_text("utf-8"))
    for span in spans:
        span.pop("shared", None)
    path = tmp_path / "zipkin.json"
    path.write_text(json.dumps(spans), "utf-8")
    out = tmp_path / "out.pb"
    pipeline.convert(path, str(out))
    identity = identify(read_file(str(out)).table)
    assert not identity.duplicate.any()
    assert (identity.parent == -1).sum() == 1
