"""A table comes back from Parquet as it was, and no other file passes for one."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from tests.oracles.tables import table_of
from tests.strategies import traces_data

from spanproof.errors import LimitError, TraceError
from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.wire import Wire
from spanproof.table import Table, parquet
from spanproof.table.parquet import read_parquet, write_parquet

DATA = Path(__file__).parent / "data" / "otel"
TRACES = (DATA / "synthetic" / "coverage" / "traces.pb").read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.parquet"


def coverage() -> Table:
    unknown = (DATA / "synthetic" / "coverage" / "unknown-fields.pb").read_bytes()
    wire = Wire.of([TRACES, unknown])
    wire.ours = False
    return decode(wire)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages=st.lists(traces_data(), max_size=2))
def test_what_is_written_is_read_back(path, messages):
    table = table_of(*messages)
    write_parquet(table, path)
    assert read_parquet(path).equals(table)


def test_residue_comes_back_and_an_opened_file_will_do(path):
    table = coverage()
    assert table.residue.num_rows
    write_parquet(table, path)
    with path.open("rb") as file:
        back = read_parquet(file)
    assert back.equals(table)
    assert back.residue.equals(table.residue)


def test_an_empty_table(path):
    write_parquet(Table.empty(), path)
    assert read_parquet(path).equals(Table.empty())


def test_many_row_groups_with_dictionaries_of_their_own(path, monkeypatch):
    monkeypatch.setattr(parquet, "_ROW_GROUP", 3)
    table = Table.concat([coverage(), coverage().keep(coverage().numbers("spans", "kind") > 2)])
    write_parquet(table, path)
    assert pq.ParquetFile(path).num_row_groups > 3
    assert read_parquet(path).equals(table)


def test_a_kept_part_with_sliced_buffers(path):
    table = coverage().keep(coverage().numbers("spans", "kind") != 1)
    table = table.replacing(
        span_attributes=pa.RecordBatch.from_arrays(
            [pa.concat_arrays([c[:2], c]).slice(2) for c in table.span_attributes.columns],
            schema=table.span_attributes.schema,
        )
    )
    write_parquet(table, path)
    assert read_parquet(path).equals(table)


def test_rows_can_be_queried_by_anybody(path):
    """One row a span, its lists in place, texts plain once the Arrow schema is put aside."""
    message = TracesData()
    resource_spans = message.resource_spans.add()
    attribute = resource_spans.resource.attributes.add(key="service.name")
    attribute.value.string_value = "cart"
    spans = resource_spans.scope_spans.add().spans
    spans.add(name="bare")
    span = spans.add(name="full", trace_id=bytes(range(16)), start_time_unix_nano=7)
    span.attributes.add(key="n").value.int_value = 3
    span.attributes.add(key="nothing")
    event = span.events.add(name="e", time_unix_nano=8)
    event.attributes.add(key="k").value.string_value = "v"
    span.links.add(span_id=b"12345678")
    write_parquet(table_of(message), path)

    bare, full = pq.read_table(path).to_pylist()
    assert (bare["name"], bare["attributes"], bare["events"], bare["links"]) == ("bare", [], [], [])
    assert (bare["service_name"], full["service_name"]) == ("cart", "cart")
    assert full["trace_id"] == bytes(range(16))
    assert [(a["key"], a["type"], a["int"]) for a in full["attributes"]] == [
        ("n", 2, 3),
        ("nothing", 8, None),
    ]
    assert full["events"][0]["attributes"][0]["str"] == "v"
    assert full["links"][0]["span_id"] == b"12345678"
    assert full["links"][0]["attributes"] == []
    schema = pq.ParquetFile(path).schema
    kinds = {column.path: column.logical_type.type for column in map(schema.column, range(49))}
    assert (kinds["name"], kinds["attributes.list.element.key"]) == ("STRING", "STRING")


def test_a_long_text_that_recurs_is_one_text(path):
    """Or a small file would unpack to a large table."""
    message = TracesData()
    spans = message.resource_spans.add().scope_spans.add().spans
    for _ in range(50):
        spans.add()
    name = pa.DictionaryArray.from_arrays(pa.array([0] * 50, pa.int32()), pa.array(["x" * 2**21]))
    table = table_of(message).with_columns("spans", {"name": name})
    write_parquet(table, path)
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert columns["name"].total_uncompressed_size < 2**22
    assert read_parquet(path).spans["name"].nbytes < 2**22


# -- other files


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 9, b"{}", bytes(5000)])
def test_no_parquet_at_all(path, content):
    path.write_bytes(content)
    with pytest.raises(TraceError, match="not a whole Parquet file"):
        read_parquet(path)


def test_a_strangers_parquet(path):
    pq.write_table(pa.table({"name": ["x"]}), path)
    with pytest.raises(TraceError, match="not spanproof's"):
        read_parquet(path)


def rewritten(path: Path, **metadata: bytes | None) -> None:
    """The file of a table, with other metadata."""
    write_parquet(coverage(), path)
    rows = pq.ParquetFile(path).read_row_group(0)
    changed = {k: v for k, v in rows.schema.metadata.items() if metadata.get(k.decode(), v)}
    del changed[parquet.CHECKSUM]
    changed |= {k.encode(): v for k, v in metadata.items() if v}
    if all(parquet._name(batch) in changed for batch in parquet.BESIDE):
        changed.setdefault(parquet.CHECKSUM, parquet._checksum(changed))
    pq.write_table(rows.replace_schema_metadata(changed), path)


def packed(batch: pa.RecordBatch) -> bytes:
    return parquet._packed(batch)


def test_other_layouts_and_damaged_metadata(path):
    rewritten(path, **{"spanproof.table": b"2"})
    with pytest.raises(TraceError, match="layout '2'"):
        read_parquet(path)
    rewritten(path, **{"spanproof.table.scopes": None})
    with pytest.raises(TraceError, match="without its scopes"):
        read_parquet(path)
    rewritten(path, **{"spanproof.table.scopes": b"***"})
    with pytest.raises(TraceError, match="not a whole Parquet file"):
        read_parquet(path)
    rewritten(path, **{"spanproof.table.crc32": b"00000000"})
    with pytest.raises(TraceError, match="were changed"):
        read_parquet(path)
    rewritten(path, **{"spanproof.table.scopes": packed(coverage().resources)})
    with pytest.raises(TraceError, match="other columns in its scopes"):
        read_parquet(path)


def test_rows_that_point_nowhere(path):
    table = coverage()
    rewritten(path, **{"spanproof.table.scopes": packed(table.scopes.slice(0, 1))})
    with pytest.raises(TraceError, match="does not ascend within scopes"):
        read_parquet(path)
    far = table.with_columns(
        "resources", {"request": pa.array([2**31 - 1] * table.resources.num_rows, pa.int32())}
    )
    rewritten(path, **{"spanproof.table.resources": packed(far.resources)})
    with pytest.raises(TraceError, match="requests of"):
        read_parquet(path)
    below = table.with_columns(
        "residue", {"row": pa.array([-1] * table.residue.num_rows, pa.int32())}
    )
    rewritten(path, **{"spanproof.table.residue": packed(below.residue)})
    with pytest.raises(TraceError, match="negative row"):
        read_parquet(path)


def test_columns_that_are_not_a_tables(path):
    write_parquet(coverage(), path)
    rows = pq.read_table(path)
    pq.write_table(rows.drop_columns("kind"), path)
    with pytest.raises(TraceError, match="columns are not a table's"):
        read_parquet(path)


def test_a_file_that_unpacks_to_too_much(path):
    write_parquet(coverage(), path)
    with pytest.raises(LimitError, match="--max-bytes"):
        read_parquet(path, max_bytes=1000)


def test_metadata_that_would_not_be_read_is_not_written(path, monkeypatch):
    monkeypatch.setattr(parquet, "METADATA_MAX", 100)
    with pytest.raises(LimitError, match="JSON lines"):
        write_parquet(coverage(), path)
    assert not path.exists()


def test_a_missing_file_is_the_callers_mistake(path):
    with pytest.raises(FileNotFoundError):
        read_parquet(path)


def test_damage_is_told_or_does_not_matter(path):
    """Bytes changed and ends cut: an error of ours, or the same table; never another one."""
    table = coverage()
    write_parquet(table, path)
    whole = path.read_bytes()
    chance = random.Random(3)
    told = 0
    for _ in range(300):
        damaged = bytearray(whole)
        at = int(chance.random() * len(damaged))
        if chance.random() < 0.2:
            del damaged[at:]
        else:
            damaged[at] ^= 1 + int(chance.random() * 255)
        try:
            back = read_parquet(io.BytesIO(bytes(damaged)))
        except TraceError:
            told += 1
        else:
            assert back.equals(table)
    assert told > 120
