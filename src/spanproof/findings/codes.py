"""Every finding code: how bad it is, what it says, why it matters, what to do.

The long form of each stands in `spanproof explain CODE` (report/pages); a test demands a
page and a transcript for every row here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from spanproof.findings.verdicts import Severity


class Code(NamedTuple):
    severity: Severity
    title: str
    why: str
    todo: str


CODES: Final[dict[str, Code]] = {
    "causality.reversed_edge": Code(
        Severity.ERROR,
        "an effect is timed before its cause",
        "A span that was started by another, or links to it, cannot have begun before it: "
        "durations, critical paths and orderings drawn from these times are wrong.",
        "If both spans share a clock, look for times set by hand or truncated by the SDK; "
        "if not, check that the hosts' clocks are synchronised.",
    ),
    "causality.cycle": Code(
        Severity.ERROR,
        "spans cause each other in a circle",
        "Nothing can happen before itself: at least one of these parents or links is not true.",
        "Find the instrumentation that links to a span which had not begun when the link "
        "was made, or that reuses ids.",
    ),
    "structure.self_parent": Code(
        Severity.ERROR,
        "a span names itself as its parent",
        "The trace has no tree at this span; many tools crash or hide it.",
        "Look at the instrumentation that sets the parent context by hand; the parent must "
        "be taken before the new span becomes current.",
    ),
    "structure.parent_cycle": Code(
        Severity.ERROR,
        "spans are each other's ancestors",
        "No span of the circle, nor below it, can be reached from a root: the trace is no tree.",
        "Look for ids generated twice or parents overwritten after the start of a span.",
    ),
    "structure.missing_parent": Code(
        Severity.WARNING,
        "the parent of a span is not in the data",
        "What the missing spans would have shown is unknown, and so is everything that "
        "rests on their absence.",
        "Check sampling, dropped batches and late spans; export the whole trace and check again.",
    ),
    "structure.duplicate_span_id": Code(
        Severity.WARNING,
        "one span id stands for different spans",
        "Children cannot be told apart: every edge to these spans is a guess.",
        "Look for forked processes that share a random seed, or spans exported twice with changes.",
    ),
    "structure.end_before_start": Code(
        Severity.WARNING,
        "a span ends before it starts",
        "Its duration is negative: a clock was set back, or the times were set by hand.",
        "Take durations from a monotonic clock; look for the code that sets these times.",
    ),
    "structure.invalid_id": Code(
        Severity.WARNING,
        "a trace or span id is zero, missing, or not of its length",
        "Such spans may be one or many: other tools drop them, and nothing can name them as "
        "a parent for certain.",
        "Ids are 16 and 8 random bytes, not all zero; look at the exporter or the converter.",
    ),
}
