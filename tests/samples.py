"""A report made by hand, with one of everything: two traces, a reversed edge between two
services, a cycle of links, a missing parent, an open span, one without a start, and names
that try to escape from every form of the report."""

from __future__ import annotations

from spanproof.findings import CODES, Verdict
from spanproof.report.model import (
    Arrow,
    Bar,
    CheckResult,
    Drawing,
    Input,
    Report,
    SpanLine,
    Told,
)

T0 = 1_700_000_000_000_000_000
CHECKOUT = "5b8efff798038103d269b633813fc60c"
LATE = "0af7651916cd43dd8448eb211c80319c"
HOSTILE = '</script><b>[red]x[/red]\x1b[31m\x1b]0;t\x07\u202egnp.exe\n"&\x00'


def span(
    span_id: str, named: tuple[str, str, str], start_ns: int | None, duration_ns: int | None
) -> SpanLine:
    """A span whose start counts from the sample's beginning."""
    service, name, kind = named
    at = None if start_ns is None else T0 + start_ns
    return SpanLine(
        span_id=span_id,
        service=service,
        name=name,
        kind=kind,
        start_ns=at,
        duration_ns=duration_ns,
    )


ROOT = span("00f067aa0ba902b7", ("frontend", "POST /checkout", "server"), 0, 700_000_000)
CART = span("11f067aa0ba902b7", ("frontend", "cart.GetCart", "client"), 12_000_000, 65_441_000)
# Starts 21 µs before the call that caused it: the other host's clock is late.
GET = span("22f067aa0ba902b7", ("cart", "GetCart", "server"), 11_979_000, 64_000_000)
REDIS = span("33f067aa0ba902b7", ("cart", "HGET", "client"), 20_000_000, 1_500_000)
PAY = span("44f067aa0ba902b7", ("payment", "charge", "server"), 300_000_000, 120_000_000)
LOST = span("55f067aa0ba902b7", ("email", "send_order_confirmation", "server"), 500_000_000, 80_000)
OPEN = span("66f067aa0ba902b7", ("shipping", "quote", "internal"), 450_000_000, None)
TIMELESS = span("77f067aa0ba902b7", ("shipping", HOSTILE, "internal"), None, None)
PING = span("88f067aa0ba902b7", ("a", "ping", "producer"), 0, 4_000)
PONG = span("99f067aa0ba902b7", ("b", "pong", "consumer"), 6_000, 4_000)


def bar(span: SpanLine, depth: int, *, missing: bool = False, error: bool = False) -> Bar:
    """The span in its drawing, with the codes of the findings that name it."""
    codes = tuple(dict.fromkeys(f.code for f in FINDINGS if span in f.spans))
    offset = None if span.start_ns is None else span.start_ns - T0
    return Bar(
        span=span, depth=depth, offset_ns=offset, missing_parent=missing, error=error, codes=codes
    )


def told(
    code: str, message: str, trace: str, spans: tuple[SpanLine, ...], **evidence: object
) -> Told:
    return Told(
        code=code,
        severity=CODES[code].severity,
        message=message,
        trace_id=trace,
        spans=spans,
        evidence=evidence,
    )


FINDINGS = (
    told(
        "causality.reversed_edge",
        "cart · GetCart starts 21 µs before its parent frontend · cart.GetCart",
        CHECKOUT,
        (GET, CART),
        kind="parent",
        early_ns=21_000,
        one_clock=False,
    ),
    told(
        "causality.cycle",
        "a · ping and b · pong link to each other",
        LATE,
        (PING, PONG),
        edges=[
            {"kind": "link", "from": PING.span_id, "to": PONG.span_id},
            {"kind": "link", "from": PONG.span_id, "to": PING.span_id},
        ],
        input="late.json",
    ),
    told(
        "structure.missing_parent",
        "the parent abcdef0123456789 of email · send_order_confirmation is not in the data",
        CHECKOUT,
        (LOST,),
        parent_id="abcdef0123456789",
        in_other_trace=False,
    ),
    told(
        "structure.invalid_id",
        f"{HOSTILE} has no id",
        CHECKOUT,
        (TIMELESS,),
        name=HOSTILE,
        weight=float("nan"),
    ),
)


def report() -> Report:
    """A violated report; the counts say that 9,900 reversed edges were left out."""
    return Report(
        verdict=Verdict.VIOLATED,
        inputs=(
            Input(
                path="traces/check out.json",
                format="otlp-json",
                compression="gzip",
                spans=8,
                traces=1,
                bytes=12_345,
                facts={"services": 5, "roots": 1, "missing_parents": 1, "max_early_us": 21.0},
                notes={"snake_case": 2},
                signals={"data_points": 40},
                left_out=("line 9: torn in the middle of an object",),
            ),
            Input(
                path="late.json",
                format="zipkin-v2",
                compression="",
                spans=2,
                traces=1,
                bytes=640,
                facts={"services": 2},
            ),
        ),
        normalisation={"upper_case_hex": 3, "shared_id": 1},
        checks=(
            CheckResult(
                check="causality",
                question="Does every effect start after its cause?",
                verdict=Verdict.VIOLATED,
                sound="yes",
                complete="for parent and link edges",
                covered={"spans": 10, "edges": {"parent": 6, "link": 2}, "missing_parents": 1},
                reason="9,901 effects are timed before their causes, and one cycle",
            ),
            CheckResult(
                check="structure",
                question="Is every trace a tree of spans with ids of their own?",
                verdict=Verdict.UNKNOWN,
                sound="yes",
                complete="yes",
                covered={"spans": 10},
                reason="3 spans were dropped by the SDK",
            ),
        ),
        counts={
            "causality.reversed_edge": 9_901,
            "causality.cycle": 1,
            "structure.missing_parent": 1,
            "structure.invalid_id": 1,
        },
        figures={
            "causality.reversed_pairs": {"value": 9_903, "lower_bound": False},
            "order.edges": {"parent": 6, "link": 2, "temporal": 9},
        },
        findings=FINDINGS,
        drawings=(CHECKOUT_DRAWING, LATE_DRAWING),
        n_traces=2,
    )


def holding() -> Report:
    """A report that found nothing, of one empty trace."""
    return Report(
        verdict=Verdict.HOLDS,
        inputs=(
            Input(
                path="-",
                format="otlp-protobuf",
                compression="zstd",
                spans=1,
                traces=1,
                bytes=90,
                facts={"services": 1},
            ),
        ),
        normalisation={},
        checks=(
            CheckResult(
                check="structure",
                question="Is every trace a tree of spans with ids of their own?",
                verdict=Verdict.HOLDS,
                sound="yes",
                complete="yes",
                covered={"spans": 1},
                reason="1 root, 0 children",
            ),
        ),
        counts={},
        figures={},
        findings=(),
        drawings=(
            Drawing(
                trace_id=LATE,
                start_ns=T0,
                length_ns=0,
                bars=(Bar(span=PING, depth=0, offset_ns=0),),
                n_spans=1,
            ),
        ),
        n_traces=1,
    )


CHECKOUT_DRAWING = Drawing(
    trace_id=CHECKOUT,
    start_ns=T0,
    length_ns=700_000_000,
    bars=(
        bar(ROOT, 0),
        bar(CART, 1),
        bar(GET, 2),
        bar(REDIS, 3),
        bar(PAY, 1, error=True),
        bar(OPEN, 1),
        bar(TIMELESS, 1),
        bar(LOST, 0, missing=True),
    ),
    arrows=(
        Arrow(code="causality.reversed_edge", kind="parent", cause=1, effect=2, early_ns=21_000),
    ),
    n_spans=8,
)
LATE_DRAWING = Drawing(
    trace_id=LATE,
    start_ns=T0,
    length_ns=10_000,
    bars=(bar(PING, 0), bar(PONG, 0)),
    n_spans=1_002,
)
