"""Paths → one table, and what each input was as it stood."""

from __future__ import annotations

from collections.abc import Callable

from spanproof.ingest.reading import OnePath, Paths, Reading, read_files
from spanproof.report.model import Input
from spanproof.table import Table
from spanproof.table.facts import facts_of
from spanproof.table.identity import Identity, identify


def read(
    *paths: OnePath,
    keep_going: bool = False,
    max_bytes: int | None = None,
    normalise: bool = False,
) -> Table:
    """The traces of files, directories and globs, as one table.

    Every format that `spanproof check` reads, recognised by content; "-" is standard input.
    Nothing is repaired unless `normalise` is set. Raises TraceError where an input cannot be
    read whole (with `keep_going`: not at all), UsageError where there is none.
    """
    readings = read_files(paths, keep_going=keep_going, max_bytes=max_bytes)
    table = Table.concat(reading.table for reading in readings)
    if normalise:
        from spanproof.ingest.rules import normalise as apply_rules

        table, _touched = apply_rules(table)
    return table


def readings_of(
    paths: Paths,
    *,
    keep_going: bool,
    max_bytes: int | None,
    told: Callable[[str], None] | None = None,
) -> list[Reading]:
    """Every file that the paths lead to; `told` hears of each as it is done."""

    def tell(reading: Reading) -> None:
        if told is not None:
            told(f"read {reading.path}: {len(reading.table):,} spans")

    return read_files(paths, keep_going=keep_going, max_bytes=max_bytes, told=tell)


def describe(reading: Reading, identity: Identity | None = None) -> Input:
    """The input as it stood, before anything was repaired; `identity`: its ids, resolved."""
    facts = facts_of(identity or identify(reading.table))
    return Input(
        path=reading.path,
        format=reading.format,
        compression=reading.compression,
        spans=len(reading.table),
        traces=int(facts["traces"]),
        bytes=reading.stored_bytes,
        facts=facts,
        notes=dict(sorted(reading.notes.items())),
        signals=dict(sorted(reading.signals.items())),
        left_out=tuple(f"{e.place}: {e.found}" if e.place else e.found for e in reading.left_out),
    )


def inputs(
    paths: Paths,
    *,
    keep_going: bool = False,
    max_bytes: int | None = None,
    told: Callable[[str], None] | None = None,
) -> tuple[Input, ...]:
    """What each file of the paths holds: `spanproof info`."""
    readings = readings_of(paths, keep_going=keep_going, max_bytes=max_bytes, told=told)
    return tuple(describe(reading) for reading in readings)
