"""A file is written whole or not at all; what is no file is written to as it is."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from spanproof.errors import UsageError


@contextmanager
def written(out: str) -> Iterator[BinaryIO]:
    """A binary file that takes its place when the block ends well, and leaves nothing if not.

    "-" is standard output. A link is followed; a device, a pipe or a socket is written to
    directly. Raises UsageError where that cannot be.
    """
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        path = Path(out).resolve() if out else Path()
        if path.is_dir():
            raise UsageError(f"{out!r} is a directory", "name a file in it")
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        with _replacing(path) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror or error}", "check the path") from None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
