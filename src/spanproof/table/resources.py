"""Which rows of `resources` are one and the same resource: same attributes, same schema.

Exporters repeat the resource with every batch; what happened on one resource is what
happened under equal attributes, in the order they stand.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spanproof.table.interning import Interner
from spanproof.table.table import Table, offsets
from spanproof.table.views import values


def same_resource(table: Table) -> npt.NDArray[np.int32]:
    """int32[resources]: a dense number, equal for equal resources. O(resource attributes)."""
    n = table.resources.num_rows
    rows = _attribute_codes(table)
    bounds = offsets(table.numbers("resource_attributes", "parent_id"), n)
    schema, _texts = table.codes("resources", "schema_url")
    # One slice a resource: its schema's code, then its attributes' codes.
    at = (bounds[:-1] + np.arange(n)) * 4
    size = (np.diff(bounds) + 1) * 4
    data = np.empty(rows.size + n, np.int32)
    heads = bounds[:-1] + np.arange(n)
    mask = np.ones(data.size, np.bool_)
    mask[heads] = False
    data[heads], data[mask] = schema, rows
    return Interner(text=False).codes(
        data.view(np.uint8), at.astype(np.int32), size.astype(np.int32)
    )


def _attribute_codes(table: Table) -> npt.NDArray[np.int32]:
    """A number for each attribute row: equal for equal key, type and value."""
    name = "resource_attributes"
    batch = table.resource_attributes
    n = batch.num_rows
    columns = np.zeros((n, 6), np.int64)
    columns[:, 0] = table.codes(name, "key")[0]
    columns[:, 1] = table.numbers(name, "type")
    columns[:, 2] = table.codes(name, "str")[0]
    # A row has one of these at most, and its type says which.
    columns[:, 3] = values(batch.column("int"))
    columns[:, 3] |= values(batch.column("double")).view(np.int64)
    columns[:, 3] |= values(batch.column("bool"))
    for k, column in ((4, "bytes"), (5, "ser")):
        if batch.column(column).null_count < n:
            columns[:, k] = values(batch.column(column).dictionary_encode().indices, null=-1)
    width = np.int32(columns.shape[1] * 8)
    at = np.arange(n, dtype=np.int32) * width
    size = np.full(n, width, np.int32)
    return Interner(text=False).codes(columns.reshape(-1).view(np.uint8), at, size)
