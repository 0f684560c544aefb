"""Every file of the coverage corpus holds what `content.csv` says, and equals what it names."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests import fuzz_otlp_protobuf as fuzz
from tests.oracles.tables import table_of

from spanproof.emit.otlp_protobuf import encode
from spanproof.ingest.reading import Reading, read_file
from spanproof.table import Table

FOLDER = Path(__file__).parent / "data" / "otel" / "synthetic" / "coverage"
with (FOLDER / "content.csv").open(encoding="utf-8") as rows:
    CONTENT = {row["file"]: row for row in csv.DictReader(rows)}
TABLES = {
    "resource_groups": "resources",
    "scope_groups": "scopes",
    "spans": "spans",
    "events": "events",
    "links": "links",
    "span_attributes": "span_attributes",
    "event_attributes": "event_attributes",
    "link_attributes": "link_attributes",
}
SIGNALS = {"metrics": "metrics", "data_points": "data_points", "log_records": "log_records"}
LIBRARY = "dialect-instrumentation-library.json"  # has no place for a scope's attributes
TRACES = [name for name, row in CONTENT.items() if "traces" in row["signal"]]
EQUAL = [
    (name, "traces.pb" if row["equal_to"] == "itself" else row["equal_to"].split(",")[0])
    for name, row in CONTENT.items()
    if row["equal_to"].split(",")[0] in CONTENT and row["signal"].startswith("traces")
]


def read(name: str) -> Reading:
    return read_file(str(FOLDER / name))


def plain(table: Table) -> Table:
    """Without how it was spelt, and in which message which rows came."""
    table.validate()
    zeros = pa.array([0] * len(table), pa.uint16())
    requests = pa.array([0] * table.resources.num_rows, pa.int32())
    table = table.with_columns("spans", {"dialect": zeros})
    return fuzz.settled(table.with_columns("resources", {"request": requests}))


def test_the_corpus_is_whole():
    stored = {path.name for path in FOLDER.iterdir()} - {"README.md", "content.csv"}
    assert stored == set(CONTENT)
    assert (
        len(EQUAL) == len(TRACES) - 3
    )  # the first, the one without scope attributes, unknown fields


@pytest.mark.parametrize("name", CONTENT)
def test_what_is_counted_is_what_was_written(name):
    reading, row = read(name), CONTENT[name]
    assert not reading.left_out
    got = {column: getattr(reading.table, table).num_rows for column, table in TABLES.items()}
    wanted = {column: int(row[column]) for column in TABLES}
    if row["signal"] in {"metrics", "logs"} or name == "mixed-signals.jsonl":
        for column in ("resource_groups", "scope_groups"):  # those of other signals are no rows
            del got[column], wanted[column]
    assert got == wanted
    signals = {column: int(row[column]) for column in SIGNALS if int(row[column])}
    assert dict(reading.signals) == signals


@pytest.mark.parametrize(("name", "twin"), EQUAL)
def test_files_equal_their_twins(name, twin):
    table, other = read(name).table, read(twin).table
    assert plain(table).equals(plain(other))
    message = TracesData.FromString(encode(table))
    assert message == TracesData.FromString(encode(other))
    if twin == "traces.pb":
        official = TracesData.FromString((FOLDER / twin).read_bytes())
        assert message.SerializeToString(deterministic=True) == official.SerializeToString(
            deterministic=True
        )
        assert plain(table).equals(plain(table_of(official)))


def test_twins_are_told_apart_where_they_differ():
    """The comparison can fail: one bit of one column is enough."""
    table = read("traces.pb").table
    flags = table.numbers("spans", "flags").copy()
    flags[3] ^= 1
    changed = table.with_columns("spans", {"flags": pa.array(flags)})
    assert not plain(changed).equals(plain(table))


def test_the_old_library_dialect_lacks_scope_attributes_alone():
    message = TracesData.FromString((FOLDER / "traces.pb").read_bytes())
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            if scope_spans.HasField("scope"):  # to clear a field would give it a scope
                scope_spans.scope.ClearField("attributes")
                scope_spans.scope.ClearField("dropped_attributes_count")
    table = read(LIBRARY).table
    assert plain(table).equals(plain(table_of(message)))


def test_unknown_fields_are_kept_on_four_levels():
    reading = read("unknown-fields.pb")
    owners = reading.table.residue.column("owner").to_pylist()
    assert sorted(owners) == [level for level in (0, 1, 4, 6) for _ in range(5)]
    data = (FOLDER / "unknown-fields.pb").read_bytes()
    official = TracesData.FromString(data).SerializeToString(deterministic=True)
    written = TracesData.FromString(encode(reading.table))
    assert written.SerializeToString(deterministic=True) == official
