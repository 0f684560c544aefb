"""The JSON Schema of the report, as it is published."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def schema() -> dict[str, Any]:
    """The schema of `spanproof.report/1` (JSON Schema, draft 2020-12)."""
    text = files(__name__).joinpath("report.schema.json").read_text("utf-8")
    return json.loads(text)  # the file is an object
