"""One format → another, nothing repaired unless it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from spanproof.emit.residue import n_unknown_fields
from spanproof.errors import UsageError
from spanproof.findings.durations import plural
from spanproof.ingest.reading import Paths, Reading, expand
from spanproof.pipeline.reading import readings_of
from spanproof.pipeline.writing import written
from spanproof.table import Table

FORMATS: Final = {  # name: (file endings, what it is)
    "otlp-json": ((".json",), "one OTLP/JSON document"),
    "otlp-jsonl": ((".jsonl", ".ndjson"), "OTLP/JSON lines, a request a line"),
    "otlp-protobuf": ((".pb", ".otlp", ".bin", ".binpb"), "one OTLP protobuf message"),
    "parquet": ((".parquet",), "Parquet, a row a span"),
}


def convert(
    paths: Paths,
    out: str,
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    normalise: bool = False,
    keep_going: bool = False,
    max_bytes: int | None = None,
    told: Callable[[str], None] | None = None,
) -> tuple[Table, list[str]]:
    """Write the traces of the paths to one file ("-": standard output).

    The format is that of the file's ending unless it is named. Formats are translated
    (Zipkin's shared ids become two spans), nothing else is changed unless `normalise`.
    The file appears when it is complete. Returns the table, and what was not written: a
    sentence each.
    """
    name = format or _by_ending(out)
    if name not in FORMATS:
        raise UsageError(f"cannot write {name!r}", f"formats: {', '.join(FORMATS)}")
    from spanproof.ingest import rules

    if name == "parquet" and out == "-":
        raise UsageError("Parquet cannot be written to standard output", "name a file")
    for path in expand(paths):
        if Path(out).exists() and Path(path).exists() and Path(out).samefile(path):
            raise UsageError(f"{out} is the input as well", "write to another file")
    readings = readings_of(paths, keep_going=keep_going, max_bytes=max_bytes, told=told)
    not_written = _not_written(readings)
    table = Table.concat(reading.table for reading in readings)
    table = rules.normalise(table)[0] if normalise else rules.translate(table)
    if name.startswith("otlp-json") and (n := n_unknown_fields(table)):
        not_written.append(f"{plural(n, 'unknown protobuf field')}: JSON has no place for them")
    if told:
        told(f"writing {out}")
    with written(out) as file:
        _write(table, name, file)
    return table, not_written


def _not_written(readings: Sequence[Reading]) -> list[str]:
    broken = [
        f"{error.path}:{error.place}: {error.found}" for r in readings for error in r.left_out
    ]
    signals: Counter[str] = Counter()
    for reading in readings:
        signals.update(reading.signals)
    return broken + [
        f"{plural(n, what.removesuffix('s').replace('_', ' '))}: only traces are converted"
        for what, n in sorted(signals.items())
    ]


def _by_ending(out: str) -> str:
    for name, (endings, _what) in FORMATS.items():
        if out.lower().endswith(endings):
            return name
    raise UsageError(
        f"{out}: no format goes by that ending",
        "name it: --format " + "|".join(FORMATS),
    )


def _write(table: Table, name: str, file: BinaryIO) -> None:
    if name == "parquet":
        from spanproof.table.parquet import write_parquet

        write_parquet(table, file)
        return
    if name == "otlp-protobuf":
        from spanproof.emit.otlp_protobuf import encode

        file.write(encode(table))
        return
    from spanproof.emit import otlp_json

    write = otlp_json.write_json if name == "otlp-json" else otlp_json.write_json_lines
    write(table, file)
