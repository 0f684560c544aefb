"""A table as one Parquet file: a row a span, for anybody's queries, and the same table back.

Decides the file's layout. A row has the columns of `spans` (text columns read as plain
strings elsewhere), `service_name` (derived; not read back), and the lists `attributes`,
`events` and `links`, the latter two with attributes of their own. What has no span to
stand in (resources, scopes, their attributes and entity references, residue) is an Arrow IPC
stream each, base64, in the file's key-value metadata under `spanproof.table.<batch>`;
`spanproof.table` holds the layout's version, `spanproof.table.crc32` the checksum of these
streams. Compressed with zstd; pages carry checksums.

Refuses to know other Parquet files: they are a TraceError.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from spanproof.errors import LimitError, TraceError
from spanproof.table.schema import PARENTS, SCHEMAS, TEXT
from spanproof.table.table import Table, offsets
from spanproof.vocabulary.attributes import SERVICE_NAME
from spanproof.vocabulary.otlp import ValueType

FORMAT: Final = b"spanproof.table"
VERSION: Final = b"1"
CHECKSUM: Final = b"spanproof.table.crc32"
BESIDE: Final = (  # the batches in the metadata
    "resources",
    "resource_attributes",
    "entity_refs",
    "entity_keys",
    "scopes",
    "scope_attributes",
    "residue",
)
MAX_BYTES: Final = 2**30
METADATA_MAX: Final = 2**29
"""Bytes of the batches in the metadata as they are stored."""
EMPTY_REQUESTS_MAX: Final = 2**20
_ROW_GROUP: Final = 2**17
_HINT: Final = "only Parquet that `spanproof convert` wrote can be read back"


def write_parquet(table: Table, path: str | PathLike[str] | BinaryIO) -> None:
    """Write the table to a file, by its path or opened.

    Raises LimitError where resources, scopes and residue are more than METADATA_MAX. OSError
    is the caller's. O(rows).
    """
    import pyarrow.parquet as pq

    beside = {_name(batch): _packed(getattr(table, batch)) for batch in BESIDE}
    size = sum(map(len, beside.values()))
    if size > METADATA_MAX:
        raise LimitError(
            f"resources, scopes and residue take {size} bytes, {METADATA_MAX} at most fit",
            hint="write protobuf (.pb) or JSON lines (.jsonl)",
        )
    metadata = {FORMAT: VERSION, CHECKSUM: _checksum(beside), **beside}
    rows = _rows(table).replace_schema_metadata(metadata)
    pq.write_table(
        rows,
        path,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        # Always: a long text that recurs is to stay one text, here and for the reader.
        dictionary_pagesize_limit=2**30,
        write_page_checksum=True,
    )


def read_parquet(source: str | PathLike[str] | BinaryIO, *, max_bytes: int = MAX_BYTES) -> Table:
    """The table of a file that `write_parquet` wrote, from its path or opened.

    Raises TraceError for any other file and for a damaged one, LimitError where it unpacks to
    more than `max_bytes`; OSError only for a path that cannot be opened. O(rows).
    """
    if isinstance(source, (str, PathLike)):
        with Path(source).open("rb") as file:
            return _read(file, max_bytes)
    return _read(source, max_bytes)


def _read(file: BinaryIO, max_bytes: int) -> Table:
    import pyarrow.parquet as pq

    with _mistakes():
        parquet = pq.ParquetFile(
            file,
            page_checksum_verification=True,
            thrift_string_size_limit=2 * METADATA_MAX,
            thrift_container_size_limit=2**24,
        )
        metadata = parquet.schema_arrow.metadata or {}
        if FORMAT not in metadata:
            raise TraceError("Parquet, but not spanproof's", hint=_HINT)
        if metadata[FORMAT] != VERSION:
            version = metadata[FORMAT][:20].decode(errors="replace")
            raise TraceError(
                f"a table of layout {version!r}", hint="a newer spanproof wrote it; upgrade"
            )
        if not parquet.schema_arrow.equals(_ROWS):
            raise TraceError("Parquet whose columns are not a table's", hint=_HINT)
        _check_size(parquet.metadata, max_bytes)
        batches = _beside(metadata)
        # Arrow reads a nested dictionary only within one row group at a time.
        groups = [parquet.read_row_group(i) for i in range(parquet.num_row_groups)]
        batches |= _batches(pa.concat_tables([_ROWS.empty_table(), *groups]))
        table = Table(**batches)
        table.validate()
        _check_rows(table)
        return table


# -- columns into lists and back

_ATTRIBUTES: Final = [f for f in SCHEMAS["span_attributes"] if f.name != "parent_id"]


def _list_of(fields: list[pa.Field]) -> pa.DataType:
    return pa.list_(pa.field("element", pa.struct(fields), nullable=False))


def _nested(batch: str) -> list[pa.Field]:
    own = [f for f in SCHEMAS[batch] if f.name != "parent_id"]
    return [*own, pa.field("attributes", _list_of(_ATTRIBUTES), nullable=False)]


_ROWS: Final = pa.schema(
    [
        *SCHEMAS["spans"],
        pa.field("service_name", TEXT),
        pa.field("attributes", _list_of(_ATTRIBUTES), nullable=False),
        pa.field("events", _list_of(_nested("events")), nullable=False),
        pa.field("links", _list_of(_nested("links")), nullable=False),
    ]
)


def _rows(table: Table) -> pa.Table:
    n = len(table)
    attributes = _lists(table, "span_attributes", n)
    events, links = (
        _lists(table, batch, n, _lists(table, of_each, getattr(table, batch).num_rows))
        for batch, of_each in (("events", "event_attributes"), ("links", "link_attributes"))
    )
    columns = [*table.spans.columns, _service_names(table), attributes, events, links]
    return pa.Table.from_arrays(columns, schema=_ROWS)


def _lists(table: Table, batch: str, n: int, attributes: pa.Array | None = None) -> pa.ListArray:
    """The batch's rows as a list for each of its n parents; no column is copied."""
    rows: pa.RecordBatch = getattr(table, batch)
    column = PARENTS[batch][0]
    fields = [f for f in rows.schema if f.name != column]
    arrays = [rows[f.name] for f in fields]
    if attributes is not None:
        fields.append(pa.field("attributes", attributes.type, nullable=False))
        arrays.append(attributes)
    structs = pa.StructArray.from_arrays(arrays, fields=fields)
    edges = offsets(table.numbers(batch, column), n).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(edges), structs, type=_list_of(fields))


def _service_names(table: Table) -> pa.Array:
    """The service of each span; null where its resource names none as a text."""
    names = [
        name if isinstance(name, str) else None
        for name in table.attribute("resources", SERVICE_NAME)
    ]
    of_resources = pa.array(names, pa.string()).dictionary_encode()
    scopes = table.numbers("spans", "scope")
    return of_resources.take(pa.array(table.numbers("scopes", "resource")[scopes]))


def _batches(rows: pa.Table) -> dict[str, pa.RecordBatch]:
    rows = rows.replace_schema_metadata(None).unify_dictionaries().combine_chunks()
    columns = {
        name: column.chunk(0) if column.num_chunks else pa.array([], column.type)
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    }
    batches = {"spans": _batch("spans", [columns[f.name] for f in SCHEMAS["spans"]])}
    batches["span_attributes"], _ = _children("span_attributes", columns["attributes"])
    for batch, of_each in (("events", "event_attributes"), ("links", "link_attributes")):
        batches[batch], attributes = _children(batch, columns[batch])
        batches[of_each], _ = _children(of_each, attributes)
    return batches


def _children(batch: str, lists: pa.ListArray) -> tuple[pa.RecordBatch, pa.Array]:
    """The rows within the lists as a batch, and their last column where it is beyond it."""
    counts = np.diff(lists.offsets.to_numpy())
    parents = np.repeat(np.arange(len(lists), dtype=np.int32), counts)
    columns = lists.flatten().flatten()
    n = len(SCHEMAS[batch]) - 1
    return _batch(batch, [pa.array(parents), *columns[:n]]), columns[-1]


def _batch(name: str, columns: list[pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS[name])


# -- batches in the metadata


def _packed(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return base64.b64encode(sink.getvalue())


def _name(batch: str) -> bytes:
    return f"spanproof.table.{batch}".encode()


def _checksum(beside: dict[bytes, bytes]) -> bytes:
    """CRC 32 of the stored batches in their order: pages have their own, the footer none."""
    crc = 0
    for batch in BESIDE:
        crc = zlib.crc32(beside[_name(batch)], crc)
    return f"{crc:08x}".encode()


def _beside(metadata: dict[bytes, bytes]) -> dict[str, pa.RecordBatch]:
    for batch in BESIDE:
        if _name(batch) not in metadata:
            raise TraceError(f"a table without its {batch}", hint=_HINT)
    if metadata.get(CHECKSUM) != _checksum(metadata):
        raise TraceError("a table whose resources or scopes were changed", hint=_HINT)
    return {batch: _unpacked(metadata[_name(batch)], batch) for batch in BESIDE}


def _unpacked(packed: bytes, name: str) -> pa.RecordBatch:
    with pa.ipc.open_stream(base64.b64decode(packed, validate=True)) as stream:
        if not stream.schema.equals(SCHEMAS[name]):
            raise TraceError(f"a table with other columns in its {name}", hint=_HINT)
        return stream.read_next_batch()


# -- limits and mistakes


def _check_size(metadata: Any, max_bytes: int) -> None:
    """Refuse, before anything is unpacked, what says it would unpack to too much.

    Four bytes a value are counted beside the bytes that the pages say they have: a run of
    equal values is few bytes in a page and one entry each in a column.
    """
    size = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            column = group.column(j)
            if column.num_values < 0 or column.total_uncompressed_size < 0:
                raise TraceError("Parquet with a column of negative size", hint=_HINT)
            size += max(4 * column.num_values, column.total_uncompressed_size)
    if size > max_bytes:
        raise LimitError(
            f"unpacks to about {size} bytes, more than {max_bytes}", hint="see --max-bytes"
        )


def _check_rows(table: Table) -> None:
    """What `validate` does not ask: no more than decoding gives, for no one to stumble over."""
    for batch in SCHEMAS:
        if batch.endswith("_attributes") and table.numbers(batch, "type").max(initial=0) > max(
            ValueType
        ):
            raise ValueError(f"{batch}: a type that no value has")
    if table.numbers("residue", "row").min(initial=0) < 0:
        raise ValueError("residue: a negative row")
    requests = table.numbers("resources", "request")
    if requests.size and (requests[0] < 0 or (np.diff(requests) < 0).any()):
        raise ValueError("resources.request does not ascend")
    # They may have gaps, but not so many that writing them out is an attack.
    rows = table.resources.num_rows + table.residue.num_rows
    if table.n_requests > rows + EMPTY_REQUESTS_MAX:
        raise ValueError(f"{table.n_requests} requests of {rows} rows")


@contextmanager
def _mistakes() -> Iterator[None]:
    """What Arrow and `validate` raise on a file's contents, as the file's mistake."""
    try:
        yield
    except (pa.ArrowException, ValueError, OSError, KeyError, IndexError, OverflowError) as error:
        said = str(error).split("\n", 1)[0][:200]
        raise TraceError(f"not a whole Parquet file: {said}", hint=_HINT) from error
