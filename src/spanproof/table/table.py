"""`Table`: the batches of schema.py behind one small immutable class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.table import views
from spanproof.table.schema import KEY_VALUE_OF, OWNERS, PARENTS, SCHEMAS
from spanproof.vocabulary.otlp import Message

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_VALUES = ("str", "int", "double", "bool", "bytes", "ser")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """Traces as columns; each field an Arrow batch of the schema of that name.

    A batch is one contiguous chunk, so NumPy views of number columns cost nothing. Nothing
    changes in place: `replacing`, `keep` and `concat` give new tables that share buffers.
    Raises ValueError where a batch has another schema.
    """

    resources: pa.RecordBatch
    resource_attributes: pa.RecordBatch
    entity_refs: pa.RecordBatch
    entity_keys: pa.RecordBatch
    scopes: pa.RecordBatch
    scope_attributes: pa.RecordBatch
    spans: pa.RecordBatch
    span_attributes: pa.RecordBatch
    events: pa.RecordBatch
    event_attributes: pa.RecordBatch
    links: pa.RecordBatch
    link_attributes: pa.RecordBatch
    residue: pa.RecordBatch

    def __post_init__(self) -> None:
        for name, schema in SCHEMAS.items():
            if not getattr(self, name).schema.equals(schema):
                raise ValueError(f"{name}: {getattr(self, name).schema} is not {schema}")

    def __len__(self) -> int:
        """How many spans."""
        return int(self.spans.num_rows)

    @property
    def batches(self) -> dict[str, pa.RecordBatch]:
        """Every batch by name, in the order of the schema."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def nbytes(self) -> int:
        """Bytes that the columns refer to; a dictionary shared by two columns counts twice."""
        return sum(batch.nbytes for batch in self.batches.values())

    def equals(self, other: Table) -> bool:
        """Same rows with the same values, however the dictionaries are numbered."""
        return all(
            _plain(mine).equals(_plain(getattr(other, name))) for name, mine in self.batches.items()
        )

    @classmethod
    def empty(cls) -> Self:
        return cls(**{n: pa.RecordBatch.from_pylist([], schema=s) for n, s in SCHEMAS.items()})

    # -- reading columns

    def numbers(self, batch: str, column: str) -> npt.NDArray[Any]:
        """A number column as a read-only NumPy array, without a copy (booleans are copied)."""
        return views.values(getattr(self, batch).column(column))

    def codes(self, batch: str, column: str) -> tuple[Ints, pa.StringArray]:
        """A text column as (codes, texts); the code of a null is −1."""
        array = getattr(self, batch).column(column)
        return views.values(array.indices, null=-1), array.dictionary

    def attribute(self, batch: str, key: str) -> list[Any]:
        """The value of an attribute for each row of its owner, None where there is none.

        `batch` is the owner ("resources", "spans", …). A key given twice is read as its
        last value. Maps and slices come as their encoding, bytes. O(attributes + owners).
        """
        name = {"resources": "resource", "scopes": "scope"}.get(batch, batch[:-1]) + "_attributes"
        values: list[Any] = [None] * getattr(self, batch).num_rows
        codes, texts = self.codes(name, "key")
        code = views.code_of(texts, key)
        if code < 0:
            return values
        attributes = views.taken(getattr(self, name), np.flatnonzero(codes == code))
        owners = attributes.column("parent_id").to_pylist()
        columns = [attributes.column(c).to_pylist() for c in _VALUES]
        for owner, *row in zip(owners, *columns, strict=True):
            values[owner] = next((value for value in row if value is not None), None)
        return values

    def residue_of(self, owner: int, field: int) -> dict[int, bytes]:
        """Row → the field's wire bytes, tag included; the last one where there are several."""
        residue = self.residue
        if not residue.num_rows:
            return {}
        mask = (self.numbers("residue", "owner") == owner) & (
            self.numbers("residue", "field") == field
        )
        found = views.taken(residue, np.flatnonzero(mask))
        return dict(
            zip(found.column("row").to_pylist(), found.column("wire").to_pylist(), strict=True)
        )

    # -- new tables

    def replacing(self, **batches: pa.RecordBatch) -> Self:
        """The same table with other batches under these names."""
        return replace(self, **batches)

    def with_columns(self, batch: str, columns: Mapping[str, pa.Array]) -> Self:
        """The same table with other columns in one batch."""
        old: pa.RecordBatch = getattr(self, batch)
        arrays = [columns.get(field.name, old.column(field.name)) for field in old.schema]
        return self.replacing(**{batch: pa.RecordBatch.from_arrays(arrays, schema=old.schema)})

    def keep(self, spans: Mask) -> Self:
        """The table without the spans where the mask is False, nor what belongs to them.

        Resources and scopes stay, emptied ones too. O(rows).
        """
        kept: dict[str, Mask] = {"spans": spans}
        batches = {}
        for name, (column, parent) in PARENTS.items():
            if parent in kept:
                kept[name] = kept[parent][self.numbers(name, column)]
        renumber = {
            name: (np.cumsum(mask, dtype=np.int64) - 1).astype(np.int32)
            for name, mask in kept.items()
        }
        for name, mask in kept.items():
            batch = getattr(self, name).filter(pa.array(mask))
            column, parent = PARENTS[name]
            if parent in kept:
                rows = renumber[parent][batch.column(column).to_numpy()]
                batch = _with(batch, column, pa.array(rows, pa.int32()))
            batches[name] = batch
        if self.residue.num_rows:
            batches["residue"] = _kept_residue(self.residue, kept, renumber)
        return self.replacing(**batches)

    @classmethod
    def concat(cls, tables: Iterable[Table]) -> Self:
        """One table of all rows, in order; dictionaries are unified. O(rows)."""
        parts = list(tables)
        if not parts:
            return cls.empty()
        if len(parts) == 1:
            return cls(**parts[0].batches)
        offsets: dict[str, list[int]] = {name: [0] for name in SCHEMAS}
        requests = [0]
        for part in parts:
            for name, batch in part.batches.items():
                offsets[name].append(offsets[name][-1] + batch.num_rows)
            requests.append(requests[-1] + part.n_requests)
        batches = {}
        for name, schema in SCHEMAS.items():
            moved = []
            for i, part in enumerate(parts):
                batch = getattr(part, name)
                if name == "residue":
                    batch = _moved_residue(batch, offsets, requests, i)
                elif name == "resources":
                    batch = _shifted(batch, "request", requests[i])
                else:
                    column, parent = PARENTS[name]
                    batch = _shifted(batch, column, offsets[parent][i])
                moved.append(batch)
            batches[name] = _one_batch(moved, schema)
        return cls(**batches)

    @property
    def n_requests(self) -> int:
        """How many messages the rows came in (at least; a last, empty one leaves no row)."""
        requests = self.numbers("resources", "request")
        own = self.numbers("residue", "owner") == Message.TRACES
        last = [int(requests[-1])] if requests.size else []
        if own.any():
            last.append(int(self.numbers("residue", "row")[own].max()))
        return max(last, default=-1) + 1

    # -- checking the shape

    def validate(self) -> None:
        """Raise ValueError unless every invariant of schema.py holds. O(rows)."""
        for batch in self.batches.values():
            batch.validate(full=True)
        for name, (column, parent) in PARENTS.items():
            rows = self.numbers(name, column)
            if rows.size and (
                rows[0] < 0
                or rows[-1] >= getattr(self, parent).num_rows
                or (np.diff(rows) < 0).any()
            ):
                raise ValueError(f"{name}.{column} does not ascend within {parent}")
        owners, rows = self.numbers("residue", "owner"), self.numbers("residue", "row")
        for owner in np.unique(owners):
            if int(owner) not in OWNERS:
                raise ValueError(f"residue: no owner {owner}")
            table = OWNERS[int(owner)]
            if table and rows[owners == owner].max() >= getattr(self, table).num_rows:
                raise ValueError(f"residue: a row beyond {table}")


def offsets(parents: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    """Where each parent's children begin: int64[n + 1] for an ascending parent column."""
    return np.searchsorted(parents, np.arange(n + 1), side="left").astype(np.int64)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts decoded, doubles as their bits: a NaN equals itself, and 0.0 is not -0.0."""
    arrays = [
        column.dictionary_decode()
        if pa.types.is_dictionary(column.type)
        else column.view(pa.int64())
        if pa.types.is_float64(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _with(batch: pa.RecordBatch, column: str, array: pa.Array) -> pa.RecordBatch:
    i = batch.schema.get_field_index(column)
    arrays = [array if j == i else old for j, old in enumerate(batch.columns)]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _shifted(batch: pa.RecordBatch, column: str, by: int) -> pa.RecordBatch:
    if by == 0 or not batch.num_rows:
        return batch
    return _with(batch, column, pa.array(batch.column(column).to_numpy() + np.int32(by)))


def _moved_residue(
    batch: pa.RecordBatch, offsets: dict[str, list[int]], requests: list[int], part: int
) -> pa.RecordBatch:
    if not batch.num_rows:
        return batch
    by = np.zeros(256, np.int32)
    for owner, table in OWNERS.items():
        by[owner] = requests[part] if table is None else offsets[table][part]
    rows = batch.column("row").to_numpy() + by[batch.column("owner").to_numpy()]
    return _with(batch, "row", pa.array(rows, pa.int32()))


def _kept_residue(
    residue: pa.RecordBatch, kept: dict[str, Mask], renumber: dict[str, Ints]
) -> pa.RecordBatch:
    owners, rows = residue.column("owner").to_numpy(), residue.column("row").to_numpy()
    mask, new = np.ones(rows.size, np.bool_), rows.copy()
    for owner, table in OWNERS.items():
        if table in kept:
            own = owners == owner
            mask[own] = kept[table][rows[own]]
            new[own] = renumber[table][rows[own]]
    return _with(residue, "row", pa.array(new, pa.int32())).filter(pa.array(mask))


def _one_batch(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    whole = pa.Table.from_batches(batches, schema).unify_dictionaries().combine_chunks()
    return whole.to_batches()[0] if whole.num_rows else batches[0]


__all__ = ["KEY_VALUE_OF", "Table", "offsets"]
