"""From a path to a table: unpack, recognise, translate, decode.

Every format is translated into OTLP protobuf, and one decoder makes the columns; Parquet is
the exception, being columns already. Nothing is repaired here: that is what rules are for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from io import BytesIO
from pathlib import Path

import numpy as np

from spanproof.errors import NotATraceError, SpanproofError, TraceError, UsageError
from spanproof.ingest import frames
from spanproof.ingest.recognise import UTF8_BOM, recognise
from spanproof.ingest.source import MAX_BYTES, Source, open_source
from spanproof.ingest.wire import Wire
from spanproof.table import Table

OnePath = str | os.PathLike[str]
Paths = OnePath | Iterable[OnePath]
"""One path (a file, a directory, a glob, "-") or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file's table, and what is to be said about the file."""

    path: str
    format: str
    compression: str
    stored_bytes: int
    table: Table
    notes: Counter[str] = field(default_factory=Counter)
    signals: Counter[str] = field(default_factory=Counter)
    left_out: tuple[TraceError, ...] = ()


def read_file(path: str, *, keep_going: bool = False, max_bytes: int | None = None) -> Reading:
    """One file ("-" is standard input) as a table.

    Raises TraceError with file and place where it cannot be read whole; with `keep_going`
    the readable rest, and `left_out` says what is missing. Time linear in the input, memory
    at most about 3 times the unpacked input.
    """
    try:
        source = open_source(path, max_bytes=max_bytes, keep_going=keep_going)
        return _read(source, keep_going, max_bytes)
    except TraceError as error:
        raise error.within(path) from None


def _read(source: Source, keep_going: bool, max_bytes: int | None) -> Reading:
    name = recognise(source.data)
    if name == "parquet":
        from spanproof.table.parquet import read_parquet

        table = read_parquet(BytesIO(source.data.tobytes()), max_bytes=max_bytes or MAX_BYTES)
        return _reading(source, name, Wire.of([]), table)
    wire: Wire
    if name.startswith("otlp-protobuf"):
        from spanproof.ingest.signals import set_apart

        wire = frames.cut(source.data, name, max_bytes=max_bytes, keep_going=keep_going)
        set_apart(wire)
    else:
        name, wire = _from_json(source, name, keep_going)
    from spanproof.ingest.otlp_protobuf import collect

    source.data = np.zeros(0, np.uint8)  # the text is no longer needed
    columns = collect(wire, keep_going=keep_going, bounded=max_bytes is None)
    wire.data = np.zeros(0, np.uint8)  # nor are the messages, while the columns are joined
    table = columns.table()
    if name == "zipkin-v2":
        from spanproof.ingest.zipkin import marked

        table = marked(table)
    return _reading(source, name, wire, table)


def _from_json(source: Source, name: str, keep_going: bool) -> tuple[str, Wire]:
    data = source.data
    if name == "zipkin-v2":
        from spanproof.ingest import zipkin

        return name, zipkin.to_wire(data, keep_going=keep_going)
    if name.startswith("jaeger"):
        from spanproof.ingest import jaeger

        return name, jaeger.to_wire(data, keep_going=keep_going)
    if data[:3].tobytes() == UTF8_BOM:
        source.notes["byte_order_mark"] = 1
        data = data[3:]
    from spanproof.ingest import otlp_json

    lines = otlp_json.is_lines(data)
    return (
        "otlp-jsonl" if lines else "otlp-json",
        otlp_json.to_wire(data, lines=lines, keep_going=keep_going),
    )


def _reading(source: Source, name: str, wire: Wire, table: Table) -> Reading:
    return Reading(
        path=source.path,
        format=name,
        compression=source.compression,
        stored_bytes=source.stored_bytes,
        table=table,
        notes=source.notes + wire.notes,
        signals=wire.signals,
        left_out=tuple(e.within(source.path) for e in (*source.left_out, *wire.left_out)),
    )


def expand(paths: Paths) -> list[str]:
    """Files named, found in directories (all of them, below too), or matched by globs; sorted.

    Hidden files are passed over. Raises UsageError where a name leads to nothing.
    """
    return [path for path, _found in _expanded(paths)]


def _expanded(paths: Paths) -> list[tuple[str, bool]]:
    """(file, whether it was found rather than named)."""
    files: list[tuple[str, bool]] = []
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    names = [os.fspath(one) for one in several]
    if not all(names) or not names:
        raise UsageError("no file is named", "name a file, a directory, a glob, or -")
    for path in names:
        named = Path(path)
        if path == "-" or not (named.is_dir() or has_magic(path)) or named.is_file():
            files.append((path, False))
            continue
        if named.is_dir():
            found = [str(p) for p in sorted(named.rglob("*")) if _visible(p, named)]
        else:
            matched = glob(path, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute one
            found = sorted(p for p in matched if Path(p).is_file())
        if not found:
            raise UsageError(f"{path}: no files", "name a file, a directory with files, or a glob")
        files += [(file, True) for file in found]
    return files


def _visible(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return path.is_file() and not any(part.startswith(".") for part in parts)


def read_files(
    paths: Paths,
    *,
    keep_going: bool = False,
    max_bytes: int | None = None,
    told: Callable[[Reading], None] | None = None,
) -> list[Reading]:
    """Every file that the paths lead to, read in parallel by threads (kernels hold no lock).

    `told` is called with each reading as it is done, in order. A file that was found, not
    named, and is no trace (a README, an empty log) is passed over, with the note
    "not_a_trace". With `keep_going`, a file that cannot be read at all is left out. Raises
    the first error otherwise, and always where nothing could be read.
    """
    files = _expanded(paths)
    readings: list[Reading] = []
    errors: list[TraceError] = []
    attempts = _attempts([path for path, _found in files], keep_going, max_bytes)
    for (path, found), result in zip(files, attempts, strict=True):
        if isinstance(result, Reading):
            if told is not None:
                told(result)
            readings.append(result)
            continue
        other = found and isinstance(result, NotATraceError)
        if not isinstance(result, TraceError) or not (other or keep_going):
            raise result
        errors.append(result)
        readings.append(_nothing(path, None if other else result))
    if errors and len(errors) == len(files):
        raise errors[0]
    return readings


def _attempts(
    paths: Sequence[str], keep_going: bool, max_bytes: int | None
) -> Iterator[Reading | SpanproofError]:
    """What reading each path gives, in order, several at a time; one needs no threads."""

    def attempt(path: str) -> Reading | SpanproofError:
        try:
            return read_file(path, keep_going=keep_going, max_bytes=max_bytes)
        except SpanproofError as error:
            return error

    if len(paths) == 1:
        yield attempt(paths[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=min(len(paths), os.cpu_count() or 1, 8) or 1)
    try:
        yield from pool.map(attempt, paths)
    finally:
        pool.shutdown(cancel_futures=True)


def _nothing(path: str, error: TraceError | None) -> Reading:
    """A file of which nothing was read: broken, or (no error) something else than traces."""
    return Reading(
        path=path,
        format="",
        compression="",
        stored_bytes=Path(path).stat().st_size if path != "-" else 0,
        table=Table.empty(),
        notes=Counter() if error else Counter({"not_a_trace": 1}),
        left_out=(error,) if error else (),
    )
