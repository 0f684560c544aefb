"""Normalisation: every tolerated oddity is a rule that says what it did to which spans.

Decides what is repaired, in which order, and what is only counted. What cannot be repaired
is kept and counted; nothing is dropped in silence. Refuses to know order, and whether an
oddity is a fault: that is for the judges. Source: docs/explanation/normalisation.md.

The order makes one pass enough. Values are repaired before copies are looked for, since a
trace id or a time that was written another way may be what told two copies apart, or made
a pending span seem to last; ids are split last. A second pass changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from spanproof.ingest.rules.change import Change, Touched
from spanproof.table import Table
from spanproof.table.identity import Identity, identify


class Rule(NamedTuple):
    name: str  # public: the report counts under it
    does: str  # a sentence for the reference and for reports
    at: str  # module:function, so that listing the rules imports none of them
    changes: bool


_HERE: Final = __name__
RULES: Final = (
    Rule("trace_id_64bit", "Trace ids of 64 bits are padded with zeros on the left.",
         "trace_id_64bit:pad", True),
    Rule("time_unit", "Times in seconds, milli- or microseconds are scaled to nanoseconds, "
         "unless file, trace or service count from 0.", "time_unit:scale", True),
    Rule("pending_span", "Logfire's pending spans make way for the real span; where that is "
         "missing, they become it, still open.", "pending_span:settle", True),
    Rule("duplicate_exact", "Of spans that are equal in every field, one is kept.",
         "duplicate_exact:drop_copies", True),
    Rule("shared_id", "The SERVER half of a call that shares its CLIENT's id gets an id of its "
         "own, and the CLIENT as parent; its children follow it.", "shared_id:split", True),
    Rule("upper_case_hex", "Ids in upper-case hex are read as they are meant.",
         "spellings:upper_case_hex", False),
    Rule("base64_id", "Ids in base64 are decoded.", "spellings:base64_id", False),
    Rule("dashed_id", "Dashes in ids are left out.", "spellings:dashed_id", False),
    Rule("text_id", "Ids that are neither hex nor base64 are kept as text.",
         "spellings:text_id", False),
    Rule("enum_name", "Kinds and status codes given by name are read as numbers.",
         "spellings:enum_name", False),
    Rule("unknown_enum", "Kinds and status codes that OTLP does not define are kept.",
         "values:unknown_enum", False),
    Rule("invalid_id", "Spans whose trace or span id is missing, all zero or of another length "
         "are kept under it.", "identifiers:invalid_id", False),
    Rule("duplicate_conflict", "Different spans under one id are all kept.",
         "identifiers:duplicate_conflict", False),
    Rule("missing_parent", "A span whose parent is not in its trace is shown as a root, and "
         "never called one.", "parents:missing_parent", False),
    Rule("parent_in_other_trace", "The missing parent's id stands in another trace.",
         "parents:parent_in_other_trace", False),
    Rule("self_parent", "A span that is its own parent has none for the tree.",
         "parents:self_parent", False),
    Rule("parent_cycle", "Spans that are each other's ancestors are cut from the tree.",
         "parents:parent_cycle", False),
    Rule("link_to_self", "A link to its own span is no edge.", "identifiers:link_to_self", False),
    Rule("link_to_absent_span", "A link to a span that is not in the data is kept, and no edge.",
         "identifiers:link_to_absent_span", False),
    Rule("no_start", "A span without a start takes part in no verdict about time.",
         "times:no_start", False),
    Rule("no_end", "A span without an end is open.", "times:no_end", False),
    Rule("end_before_start", "Of a span that ends before it starts, only the start is believed.",
         "times:end_before_start", False),
    Rule("time_saturated", "A time too large for a signed number counts as the largest; the "
         "exact one is kept.", "times:time_saturated", False),
    Rule("event_outside_span", "An event before its span's start or after its end is kept.",
         "times:event_outside_span", False),
    Rule("duplicate_attribute_key", "Of an attribute given twice both are kept, and the last "
         "is read.", "values:duplicate_attribute_key", False),
)  # fmt: skip


def normalise(table: Table) -> tuple[Table, list[Touched]]:
    """The table after every rule, and the rules that touched something, in their order.

    Never raises on a table that is valid. O(spans · log spans) and, where ids stand twice,
    the bytes of those spans.
    """
    identity, touched = normalised(identify(table))
    return identity.table, touched


def normalised(identity: Identity) -> tuple[Identity, list[Touched]]:
    """As `normalise`, for ids that are resolved already; the same object where nothing changes."""
    touched: list[Touched] = []
    for rule in RULES:
        change = _function(rule.at)(identity)
        if change is None:
            continue
        if change.kept is not None:
            touched = [earlier.after(change.kept) for earlier in touched]
        if change.table is not None:
            identity = identify(change.table)
        touched.append(
            Touched(rule=rule.name, rows=change.rows, count=change.count, detail=change.detail)
        )
    return identity, touched


def translate(table: Table) -> Table:
    """What belongs to translating a format: halves that Zipkin marked get their own id.

    Everything else stays as it was written. O(spans · log spans).
    """
    from spanproof.ingest.rules.shared_id import split_marked

    change = split_marked(identify(table))
    return table if change is None or change.table is None else change.table


def _function(at: str) -> Callable[[Identity], Change | None]:
    module, name = at.split(":")
    function: Callable[[Identity], Change | None] = getattr(
        import_module(f"{_HERE}.{module}"), name
    )
    return function


__all__ = ["RULES", "Rule", "Touched", "normalise", "normalised", "translate"]
