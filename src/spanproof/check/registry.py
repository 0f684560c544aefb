"""Every check: what it asks, whether to believe it, what it costs, and where its code stands."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from spanproof.findings import Judgement

Judge = Callable[..., Judgement]  # (order, *, limit) -> Judgement


class Check(NamedTuple):
    """A registry row; `at` is text, so that listing imports no judge."""

    name: str
    at: str
    needs: str
    question: str
    sound: str
    complete: str
    cost: str
    partition: str  # the key by which the data may be split without changing an answer
    source: str


CHECKS: Final = {
    check.name: check
    for check in (
        Check(
            name="causality",
            at="spanproof.check.causality:judge",
            needs="order",
            question="Does every span start after the spans that caused it?",
            sound="yes, about times as recorded; each finding says whether one clock timed both",
            complete="for direct edges between spans that are in the data, and for cycles",
            cost="O(spans log spans + links), and the closure where links join traces",
            partition="trace id, where no link leaves its trace",
            source="Lamport 1978, Time, clocks, and the ordering of events",
        ),
        Check(
            name="structure",
            at="spanproof.check.structure:judge",
            needs="order",
            question="Is every trace a tree of spans, each with an id of its own?",
            sound="yes",
            complete="yes",
            cost="O(spans log spans)",
            partition="trace id",
            source="OpenTelemetry specification, Traces; opentelemetry-proto, trace.proto",
        ),
    )
}


def judge_of(name: str) -> Judge:
    """The check's function, imported now."""
    module, _colon, function = CHECKS[name].at.partition(":")
    judge: Judge = getattr(import_module(module), function)
    return judge
