"""The page of every finding code, as `spanproof explain CODE` prints it."""

from __future__ import annotations

from importlib.resources import files

from spanproof.errors import UsageError
from spanproof.findings import CODES


def page(code: str) -> str:
    """The page of a code, in Markdown. Raises UsageError where there is no such code."""
    if code not in CODES:
        near = [known for known in CODES if code and code in known]
        raise UsageError(
            f"there is no finding code {code!r}",
            "the codes are " + ", ".join(near or CODES),
        )
    return files(__name__).joinpath(f"{code}.md").read_text("utf-8")
