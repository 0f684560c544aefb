"""The console that text goes to: a terminal, or a pipe that may close."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.console import Console


class _Console(Console):
    """Leaves a closed pipe to the one who knows the exit status."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def console() -> Console:
    """Standard output as rich writes to it; plain where it is no terminal."""
    return _Console(file=sys.stdout)
