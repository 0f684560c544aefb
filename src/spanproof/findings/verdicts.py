"""Verdicts and findings: what every judge gives back, as data.

Refuses to know Arrow, the judges, and how a finding is put into words on a page: `message`
is one sentence, everything else stands in `evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any


class Verdict(Enum):
    """Three answers; unknown says what was lacking and is never folded into a pass."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"

    @property
    def exit_status(self) -> int:
        return {"holds": 0, "violated": 1, "unknown": 3}[self.value]

    @staticmethod
    def of(verdicts: list[Verdict]) -> Verdict:
        """The whole: violated if any is, else unknown if any is, else holds."""
        for verdict in (Verdict.VIOLATED, Verdict.UNKNOWN):
            if verdict in verdicts:
                return verdict
        return Verdict.HOLDS


class Severity(IntEnum):
    """How bad; in ascending order, so that a threshold is a comparison."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with its witness.

    `rows` are span rows of the table that was judged, the accused first; `evidence` is
    plain data (numbers, text, lists, dicts) from which the claim can be checked by hand.
    """

    code: str
    severity: Severity
    message: str
    rows: tuple[int, ...]
    evidence: dict[str, Any]

    @property
    def check(self) -> str:
        return self.code.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one check found: its findings (capped), their exact counts, and what it covered.

    `lacking` names the budget or the data without which there is no answer; empty where the
    check could answer. `figures` are named measurements that go into the report's summary.
    """

    check: str
    findings: tuple[Finding, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    covered: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    lacking: str = ""
