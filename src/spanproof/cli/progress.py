"""Says what long work is at: on a terminal's standard error, and only if the work is long."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_LONG_BYTES = 4 * 2**20  # below this everything is over before it could be read


class Told(Protocol):
    def __call__(self, what: str, /) -> None: ...


@contextmanager
def progress(paths: Sequence[str]) -> Iterator[Told | None]:
    """Give a function that shows its text, or None where nothing is to be shown."""
    if not sys.stderr.isatty() or not _long(paths):
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("reading", spinner="line") as status:
        yield lambda what: status.update(what.replace("[", r"\["))


def _long(paths: Sequence[str]) -> bool:
    total = 0
    for path in paths:
        try:
            total += Path(path).stat().st_size
        except OSError:
            return True  # standard input, a glob: who knows
        if Path(path).is_dir() or total > _LONG_BYTES:
            return True
    return False
