"""The kinds of edges between spans, as a literal table: what each orders, and how surely."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Relation(IntEnum):
    """The byte that an edge carries."""

    PARENT = 0
    LINK = 1
    TEMPORAL = 255


class EdgeKind(NamedTuple):
    cause: str
    effect: str
    grade: str  # "definite": true whatever the instrumentation did; "assumed"
    says: str  # one sentence, with {cause} and {effect}
    source: str


EDGE_KINDS: Final = {
    # No row child end -> parent end: an asynchronous child may outlive its parent.
    Relation.PARENT: EdgeKind(
        "start of the parent",
        "start of the child",
        "definite",
        "{cause} is the parent of {effect}: its context had to exist before the child began",
        "OpenTelemetry, Trace API, Span creation",
    ),
    # Doubt: a link added while the span runs (AddLink) bounds only its end; OTLP does not
    # record when a link was added. The API advises to give links at the start.
    Relation.LINK: EdgeKind(
        "start of the link's target",
        "start of the linking span",
        "assumed",
        "{effect} links to {cause}, which therefore had begun when the link was made",
        "OpenTelemetry, Trace API, Link",
    ),
    # Real time on one resource, not causality: nothing need have travelled from one to the
    # other. It orders, but no violation may rest on it.
    Relation.TEMPORAL: EdgeKind(
        "end of a span",
        "start of a later span of the same resource",
        "assumed",
        "{cause} ended before {effect} began on the same resource",
        "Lamport 1986, On interprocess communication, part I (precedence of operations)",
    ),
}
