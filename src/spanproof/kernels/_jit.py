"""The one place that imports numba, and the one way a kernel is declared.

    @kernel(i8(ro(u1), out(i4)))
    def count(data, column): ...

`ro(t)` is a read-only contiguous array (as Arrow's zero-copy arrays are; a writable NumPy
array is accepted as well), `out(t)` one that the kernel writes. Every kernel releases the
interpreter's lock and is cached on disk. No fastmath, no automatic parallelism: verdicts
are reproducible, and parallel work is threads over partitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import event

from spanproof.kernels import compiling

F = TypeVar("F", bound=Callable[..., Any])

b1, u1, u2, u4, u8 = types.boolean, types.uint8, types.uint16, types.uint32, types.uint64
i4, i8, f8 = types.int32, types.int64, types.float64


def ro(dtype: Any) -> Any:
    """A contiguous one-dimensional array that is only read."""
    return types.Array(dtype, 1, "C", readonly=True)


def out(dtype: Any) -> Any:
    """A contiguous one-dimensional array that the kernel writes."""
    return types.Array(dtype, 1, "C")


class _Announcer(event.Listener):  # type: ignore[misc] # numba is untyped
    """Passes on that a compilation begins; one found in the cache is none."""

    def on_start(self, _event: Any) -> None:
        for told in list(compiling):
            told()

    def on_end(self, _event: Any) -> None:
        """Nothing is said."""


event.register("numba:compile", _Announcer())


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., int]]:
    """Compile with one explicit signature, no interpreter lock, cached on disk.

    What a kernel returns is an integer: a count, or a status (−1 is fine).
    """
    return numba.njit(signature, nogil=True, cache=True)


def inline(function: F) -> F:
    """A step shared by the kernels of one file, compiled into each of them."""
    return numba.njit(function, nogil=True, forceinline=True)
