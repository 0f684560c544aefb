"""spanproof judges OpenTelemetry traces: a verdict, with the evidence for it.

    >>> import spanproof
    >>> report = spanproof.check("examples/messaging-kafka.json")
    >>> report.verdict
    <Verdict.VIOLATED: 'violated'>

Importing this loads nothing heavy; each name is imported when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from spanproof.errors import LimitError, SpanproofError, TraceError, UsageError
    from spanproof.findings import CODES, Finding, Severity, Verdict
    from spanproof.order import Order, build
    from spanproof.pipeline import check, convert, read
    from spanproof.report.model import Report
    from spanproof.table import Table

__version__: Final = "0.1.0"

_HOME: Final = {
    "CODES": "spanproof.findings",
    "Finding": "spanproof.findings",
    "LimitError": "spanproof.errors",
    "Order": "spanproof.order",
    "Report": "spanproof.report.model",
    "Severity": "spanproof.findings",
    "SpanproofError": "spanproof.errors",
    "Table": "spanproof.table",
    "TraceError": "spanproof.errors",
    "UsageError": "spanproof.errors",
    "Verdict": "spanproof.findings",
    "build": "spanproof.order",
    "check": "spanproof.pipeline",
    "convert": "spanproof.pipeline",
    "read": "spanproof.pipeline",
}

__all__ = [
    "CODES",
    "Finding",
    "LimitError",
    "Order",
    "Report",
    "Severity",
    "SpanproofError",
    "Table",
    "TraceError",
    "UsageError",
    "Verdict",
    "__version__",
    "build",
    "check",
    "convert",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spanproof' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Root(ModuleType):
    """Keeps `check` the function: importing the room of that name would put its module here."""

    @property
    def check(self) -> Any:
        return globals().get("check") or __getattr__("check")

    @check.setter
    def check(self, value: Any) -> None:
        if not isinstance(value, ModuleType):
            globals()["check"] = value


sys.modules[__name__].__class__ = _Root
