"""The facts of a file: against FACTS.csv of the recorded data, and against the definitions."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.few_ids import tables
from tests.oracles.identity import Plain

from spanproof.ingest.reading import read_file
from spanproof.table import Table
from spanproof.table.facts import facts_of
from spanproof.table.identity import identify

OTEL = Path(__file__).parent / "data" / "otel"
ROWS = {
    row["file"]: row for row in csv.DictReader((OTEL / "FACTS.csv").read_text("utf-8").splitlines())
}
COUNTED = [file for file, row in ROWS.items() if row["spans"]]


def found(file: str) -> Path | None:
    """The file, or its compressed copy."""
    return next((p for p in (OTEL / file, OTEL / f"{file}.gz") if p.exists()), None)


def test_every_file_of_the_table_is_here() -> None:
    assert [file for file in ROWS if found(file) is None] == []
    assert len(COUNTED) > 100


@pytest.mark.parametrize("file", COUNTED)
def test_the_facts_are_those_that_an_independent_reader_counted(file: str) -> None:
    path = found(file)
    assert path is not None
    facts = facts_of(identify(read_file(str(path)).table))
    row = ROWS[file]
    wanted = {name: float(row[name]) for name in facts if row[name] != ""}
    if not row["format"].startswith("zipkin"):  # counted there for Zipkin only
        wanted["shared_client_server_pairs"] = facts["shared_client_server_pairs"]
    assert {name: facts[name] for name in wanted} == wanted
    assert len(wanted) == 20


@given(tables())
@settings(deadline=None, max_examples=80)
def test_the_facts_are_those_of_the_definitions(table: Table) -> None:
    assert facts_of(identify(table)) == Plain(table).facts()


def test_a_file_without_spans_has_facts() -> None:
    facts = facts_of(identify(Table.empty()))
    assert set(facts.values()) == {0}
    assert list(facts) == [name for name in next(iter(ROWS.values())) if name in facts]
