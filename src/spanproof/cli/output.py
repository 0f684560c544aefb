"""Where output goes: to a file whole or not at all, or to standard output as UTF-8."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from spanproof.errors import UsageError


def write(text: str, out: str | None) -> None:
    """Write text to `out`; None and "-" are standard output."""
    if out is None or out == "-":
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    path = Path(out)
    partial = ""
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        mask = os.umask(0)
        os.umask(mask)
        Path(partial).chmod(0o666 & ~mask)
        Path(partial).replace(path)
    except OSError as error:
        if partial:
            Path(partial).unlink(missing_ok=True)
        raise UsageError(f"{out}: {error.strerror or error}", "check the path") from None
