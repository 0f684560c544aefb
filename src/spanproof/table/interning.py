"""A growing dictionary: slices of bytes become codes by first appearance."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spanproof.errors import LimitError

_SEED = int.from_bytes(os.urandom(4), "little") & 0x7FFFFFFF  # codes do not depend on it
_BYTES_MAX = 2**31 - 1


class NotUtf8(Exception):  # noqa: N818 - a signal within this room, never shown
    """Bytes that should be text are not; `offset` counts within the data that was given."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Interner:
    """Every distinct slice is kept once, and checked once if it must be text (UTF-8)."""

    def __init__(self, *, text: bool = True) -> None:
        self._text = text
        self._slots = np.full(256, -1, np.int32)
        self._hashes = np.zeros(64, np.int32)
        self._ends = np.zeros(65, np.int64)
        self._blob = np.zeros(1024, np.uint8)
        self._state = np.zeros(3, np.int64)

    def codes(
        self,
        data: npt.NDArray[np.uint8],
        at: npt.NDArray[np.int32],
        size: npt.NDArray[np.int32],
    ) -> npt.NDArray[np.int32]:
        """int32 code of each slice data[at:at + size]. Raises NotUtf8. O(bytes) expected."""
        from spanproof.kernels import dictionary as k

        codes = np.empty(at.size, np.int32)
        self._state[k.STATE_ROW] = 0
        while True:
            status = k.intern(
                data, at, size, self._text, _SEED, self._slots, self._hashes, self._ends,
                self._blob, self._state, codes,
            )  # fmt: skip
            if status == k.DONE:
                return codes
            if status != k.FULL:
                raise NotUtf8(int(status))
            self._grow(int(size[self._state[k.STATE_ROW]]))

    def _grow(self, room: int) -> None:
        from spanproof.kernels import dictionary as k

        count, used = int(self._state[k.STATE_COUNT]), int(self._state[k.STATE_BYTES])
        if used + room > _BYTES_MAX:
            raise LimitError("over 2 GiB of different texts in one column", hint="split the input")
        if count + 1 >= self._hashes.size:
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)])
            self._ends = np.concatenate([self._ends, np.zeros(self._ends.size - 1, np.int64)])
        if used + room > self._blob.size:
            grown = np.empty(min(max(2 * self._blob.size, used + room), _BYTES_MAX), np.uint8)
            grown[:used] = self._blob[:used]
            self._blob = grown
        if 2 * (count + 2) > self._slots.size:
            self._slots = np.full(4 * self._slots.size, -1, np.int32)
            k.rehash(self._hashes, count, self._slots)

    def dictionary(self) -> pa.StringArray:
        """The texts by code, as Arrow holds them."""
        count, used = int(self._state[0]), int(self._state[1])
        ends = pa.py_buffer(self._ends[: count + 1].astype(np.int32))
        return pa.StringArray.from_buffers(count, ends, pa.py_buffer(self._blob[:used].copy()))
