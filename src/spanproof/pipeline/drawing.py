"""Tables → what a drawing of a trace needs: bars in reading order, violating edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spanproof.check.names import Names
from spanproof.errors import UsageError
from spanproof.findings import Finding
from spanproof.order import Order
from spanproof.order.order import Rows
from spanproof.order.tree import reading_order
from spanproof.report.model import Arrow, Bar, Drawing, SpanLine
from spanproof.table.identity import MISSING
from spanproof.table.schema import TIME_MAX
from spanproof.vocabulary.otlp import SpanKind, StatusCode

BARS_MAX: Final = 3000  # in one page: what a browser draws as SVG without a pause
BARS_A_TRACE_MAX: Final = 1000
_REVERSED: Final = "causality.reversed_edge"


class SpanLines:
    """Spans as a reader wants to see them, by row."""

    def __init__(self, order: Order) -> None:
        self._order, self._names = order, Names(order.table)
        self._end = order.table.numbers("spans", "end_time_unix_nano")
        self._kind = order.table.numbers("spans", "kind")

    def trace_id(self, row: int) -> str:
        return self._names.id_of(row, "trace_id")

    def __call__(self, row: int) -> SpanLine:
        start = int(self._order.start[row]) if self._order.timed[row] else None
        end = int(self._end[row])
        ended = start is not None and start <= end < TIME_MAX and end != 0
        kind = int(self._kind[row])
        return SpanLine(
            span_id=self._names.id_of(row),
            service=self._names.service(row),
            name=self._order.table.spans.column("name")[row].as_py(),
            kind=SpanKind(kind).name.lower() if 0 <= kind <= 5 else f"kind {kind}",
            start_ns=start,
            duration_ns=end - start if ended and start is not None else None,
        )


class TraceLine(NamedTuple):
    """A trace in a list of traces."""

    trace_id: str
    n_spans: int
    name: str  # of its first span: service · operation
    length_ns: int
    codes: tuple[str, ...]


class Drawer:
    """Draws the traces of one order."""

    def __init__(self, order: Order, lines: SpanLines) -> None:
        self.order, self._lines = order, lines

    @cached_property
    def _walk(self) -> tuple[Rows, Rows, npt.NDArray[np.int64], Rows]:
        """(rows in reading order, depth by row, where each trace begins, its number)."""
        walk, depth = reading_order(self.order)
        trace = self.order.identity.trace[walk]
        begins = np.flatnonzero(np.diff(trace, prepend=-2))
        return walk, depth, begins, trace[begins]

    def drawings(self, findings: Sequence[Finding]) -> tuple[Drawing, ...]:
        """The traces with findings, then others, as many as a page can hold.

        A trace that is cut keeps the spans that findings name and the spans above them.
        """
        by_trace: dict[int, list[Finding]] = defaultdict(list)
        for finding in findings:
            for trace in {int(self.order.identity.trace[row]) for row in finding.rows}:
                by_trace[trace].append(finding)
        _walk, _depth, _begins, traces = self._walk
        wanted = [*by_trace, *(t for t in traces.tolist() if t not in by_trace)]
        drawn: list[Drawing] = []
        room = BARS_MAX
        for trace in wanted:
            if room <= 0:
                break
            drawing = self.draw(trace, by_trace[trace], min(room, BARS_A_TRACE_MAX))
            drawn.append(drawing)
            room -= len(drawing.bars)
        return tuple(drawn)

    def traces(self, findings: Sequence[Finding]) -> Iterator[TraceLine]:
        """Every trace, a line each; those with findings first."""
        walk, _depth, begins, traces = self._walk
        codes: dict[int, list[str]] = defaultdict(list)
        for finding in findings:
            for trace in {int(self.order.identity.trace[row]) for row in finding.rows}:
                if finding.code not in codes[trace]:
                    codes[trace].append(finding.code)
        ends = np.append(begins, walk.size)[1:]
        listed = sorted(range(traces.size), key=lambda i: int(traces[i]) not in codes)
        for i in listed:
            rows = walk[begins[i] : ends[i]]
            first = self._lines(int(rows[0]))
            start = self.order.start[rows][self.order.timed[rows]]
            end = self.order.table.numbers("spans", "end_time_unix_nano")[rows]
            length = max(int(end.max()), int(start.max())) - int(start.min()) if start.size else 0
            yield TraceLine(
                trace_id=self._lines.trace_id(int(rows[0])),
                n_spans=int(rows.size),
                name=" · ".join(part for part in (first.service, first.name) if part),
                length_ns=length,
                codes=tuple(codes.get(int(traces[i]), ())),
            )

    def find(self, trace_id: str) -> int:
        """The number of the only trace whose id begins with the text (none: the first trace).

        Raises UsageError where none or several do.
        """
        walk, _depth, begins, traces = self._walk
        if not traces.size:
            raise UsageError("there are no spans to draw")
        ids = {
            int(t): self._lines.trace_id(int(walk[b])) for t, b in zip(traces, begins, strict=True)
        }
        found = [t for t, name in ids.items() if name.startswith(trace_id.lower())] or [
            t for t, name in ids.items() if name.startswith(trace_id)
        ]
        if not found:
            raise UsageError(
                f"there is no trace {trace_id!r}", f"the first is {next(iter(ids.values()))}"
            )
        if len(found) > 1 and trace_id:
            raise UsageError(f"{len(found)} traces begin with {trace_id!r}", "give more digits")
        return found[0]

    def draw(self, trace: int, findings: Sequence[Finding], room: int | None = None) -> Drawing:
        """One trace; at most `room` bars."""
        walk, depth, begins, traces = self._walk
        at = int(np.flatnonzero(traces == trace)[0])
        end = begins[at + 1] if at + 1 < begins.size else walk.size
        whole = walk[begins[at] : end]
        rows = self._cut(whole, findings, room) if room and whole.size > room else whole
        order = self.order
        timed = order.timed[whole]
        starts = order.start[whole][timed]
        first = int(starts.min(initial=TIME_MAX)) if starts.size else 0
        lines = [self._lines(row) for row in rows.tolist()]
        ends = [(s.start_ns or first) + (s.duration_ns or 0) for s in lines]
        codes: dict[int, list[str]] = defaultdict(list)
        for finding in findings:
            for row in finding.rows:
                if finding.code not in codes[row]:
                    codes[row].append(finding.code)
        status = order.table.spans.column("status_code")
        number = {row: i for i, row in enumerate(rows.tolist())}
        bars = tuple(
            Bar(
                span=line,
                depth=int(depth[row]),
                offset_ns=None if line.start_ns is None else line.start_ns - first,
                missing_parent=bool(order.identity.parent[row] == MISSING),
                error=status[row].as_py() == StatusCode.ERROR,
                codes=tuple(codes[row]),
            )
            for row, line in zip(rows.tolist(), lines, strict=True)
        )
        arrows = tuple(
            Arrow(
                code=finding.code,
                kind=finding.evidence["edge"],
                cause=number[finding.rows[1]],
                effect=number[finding.rows[0]],
                early_ns=finding.evidence["early_ns"],
            )
            for finding in findings
            if finding.code == _REVERSED and all(row in number for row in finding.rows)
        )
        return Drawing(
            trace_id=self._lines.trace_id(int(whole[0])),
            start_ns=first,
            length_ns=max(ends, default=first) - first,
            bars=bars,
            arrows=arrows,
            n_spans=int(whole.size),
        )

    def _cut(self, whole: Rows, findings: Sequence[Finding], room: int) -> Rows:
        """The rows that findings name with those above them, then the first ones, in order."""
        parent = self.order.identity.parent
        keep: set[int] = set()
        for finding in findings:
            for named in finding.rows:
                row = named
                while row >= 0 and row not in keep and len(keep) < room:
                    keep.add(row)
                    row = int(parent[row])
        rows = whole.tolist()
        keep &= set(rows)
        for row in rows:
            if len(keep) >= room:
                break
            keep.add(row)
        return np.array([row for row in rows if row in keep], np.int32)
