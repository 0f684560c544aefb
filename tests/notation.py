"""Traces to hold in the head: `a@web 0-9; b@db 2-5 <a; c@db 6-8 <a ~b`.

name@resource start-end, `<` the parent, `~` a link's target; spans are separated by `;` or a
new line. `trace/name` puts a span into a trace of its own name; a parent or target is looked
for in the span's own trace unless it says another. `-` alone is a span without end (0), `=7`
gives a span the id that another span has (`b=a`), a name nobody has is an absent span.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from spanproof.ingest.otlp_protobuf import decode
from spanproof.ingest.wire import Wire, block, fixed64, key_value, number, text
from spanproof.table import Table

SPAN: Final = re.compile(
    r"(?:(?P<trace>\w+)/)?(?P<name>\w+)(?:=(?P<id>\w+))?(?:\[(?P<kind>\w+)\])?"
    r"@(?P<host>\w+) (?P<start>\d+)-(?P<end>\d*)"
    r"(?: <(?P<parent>[\w/]+))?(?P<links>(?: ~[\w/]+)*)"
)
KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Sketch(NamedTuple):
    """One span as written; `id`, `parent` and `links` are (trace, name)."""

    name: str
    host: str
    start: int
    end: int
    id: tuple[str, str]
    parent: tuple[str, str] | None = None
    links: tuple[tuple[str, str], ...] = ()
    kind: int = 0


def parse(notation: str) -> list[Sketch]:
    sketches = []
    for part in filter(None, map(str.strip, re.split(r"[;\n]", notation))):
        m = SPAN.fullmatch(part)
        if m is None:
            raise ValueError(f"{part!r} is not a span: write b@db 2-5 <a ~c")
        trace = m["trace"] or "t"

        def key(name: str, trace: str = trace) -> tuple[str, str]:
            own, _slash, rest = name.rpartition("/")
            return (own or trace, rest)

        sketches.append(
            Sketch(
                name=m["name"],
                host=m["host"],
                start=int(m["start"]),
                end=int(m["end"] or 0),
                id=key(m["id"] or m["name"]),
                parent=key(m["parent"]) if m["parent"] else None,
                links=tuple(map(key, m["links"].replace("~", "").split())),
                kind=KINDS.index(m["kind"] or "unspecified"),
            )
        )
    return sketches


def trace_id(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


def span_id(key: tuple[str, str]) -> bytes:
    """Of the name alone: span ids are unique within a trace only."""
    return hashlib.blake2b(key[1].encode(), digest_size=8).digest()


def span_of(sketch: Sketch, shift_ns: int = 0) -> bytes:
    """The Span as a field of ScopeSpans."""
    fields = [
        block(1, trace_id(sketch.id[0])),
        block(2, span_id(sketch.id)),
        text(5, sketch.name),
        number(6, sketch.kind),
        fixed64(7, sketch.start + shift_ns),
        fixed64(8, sketch.end + shift_ns if sketch.end else 0),
    ]
    if sketch.parent is not None:
        fields.append(block(4, span_id(sketch.parent)))
    fields += [block(13, block(1, trace_id(k[0])) + block(2, span_id(k))) for k in sketch.links]
    return block(2, b"".join(fields))


def table_of(sketches: Iterable[Sketch] | str, *, shift_ns: int = 0) -> Table:
    """A resource to each span, as exporters repeat it: rows stand in the order written."""
    if isinstance(sketches, str):
        sketches = parse(sketches)
    groups = [
        block(1, block(1, key_value(1, "service.name", s.host)) + block(2, span_of(s, shift_ns)))
        for s in sketches
    ]
    table = decode(Wire.of([b"".join(groups)]))
    table.validate()
    return table
