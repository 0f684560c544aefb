"""Which format unpacked bytes are in: by content, never by name."""

from __future__ import annotations

import re
from typing import Final

from spanproof.errors import NotATraceError, TraceError
from spanproof.ingest import frames
from spanproof.ingest.frames import Bytes

_MAGIC: Final = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (unpack it first)"),
    (b"\x7fELF", "an executable"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "bzip2 data (unpack it first)"),
    (b"\xfd7zXZ", "xz data (unpack it first)"),
    (b"ARROW1", "an Arrow file"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
UTF8_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_HEAD: Final = 65536
_TEXT: Final = 512
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SOON: Final = 128
_FORMATS: Final = (
    "OTLP (protobuf or JSON), Jaeger JSON, Zipkin v2 JSON, Parquet written by spanproof"
)
_OTLP: Final = re.compile(
    r"(resource|instrumentationLibrary)(_?)(spans|metrics|logs)$", re.IGNORECASE
)


def recognise(data: Bytes) -> str:
    """The format's name: "otlp-json" (one document or lines), "jaeger-json", "zipkin-v2",
    "parquet", or one of the framings of frames.py. Raises TraceError for anything else."""
    head = data[:_HEAD].tobytes()
    if not data.size:
        raise NotATraceError("empty file", "byte 0", f"expected {_FORMATS}")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head[:2] in _UTF16 and frames.recognise(data) is None:  # a length may begin like that
        raise TraceError("UTF-16 text", "byte 0", "convert it to UTF-8: iconv -f UTF-16 -t UTF-8")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            raise NotATraceError(f"not a trace: {name}", "byte 0", f"expected {_FORMATS}")
    text = head.removeprefix(UTF8_BOM).lstrip(_SPACE)
    if not text and not data[_HEAD:].size:
        raise NotATraceError(
            "empty file: nothing but white space", "byte 0", f"expected {_FORMATS}"
        )
    if text[:1] in (b"{", b"["):
        # A message may begin so as well: "\n{" is 123 bytes of resource_spans, "{" a length.
        # It soon holds what no JSON text does.
        framing = frames.recognise(data) if _CONTROL.search(head[:_SOON]) else None
        return framing or _json(text)
    framing = frames.recognise(data)
    if framing and not (framing == frames.SINGLE and _is_text(head[:_TEXT])):
        return framing
    raise NotATraceError(
        f"not a trace: it begins with {head[:8].hex(' ')}, which is neither JSON nor OTLP protobuf",
        "byte 0",
        f"expected {_FORMATS}",
    )


def _is_text(head: bytes) -> bool:
    """Whether this is something to read: a licence may begin with an empty line, as a message
    may with a byte 10. Messages have ids and lengths, and so bytes that no text has."""
    text = head.decode("utf-8", "ignore")
    readable = all(c.isprintable() or c in "\t\n\r" for c in text)
    return readable and len(text.encode()) > len(head) - 4  # a character may be cut at the end


def _json(text: bytes) -> str:
    """By the keys of the first object, and of the first objects within it."""
    levels = _keys(text)
    outer = next((keys for keys in levels if keys), set())
    if any(_OTLP.match(key) for key in outer) or outer & {"batches", "trace"}:
        return "otlp-json"
    from spanproof.ingest import jaeger, zipkin  # not needed, and not loaded, for OTLP

    if zipkin.looks_like(outer):
        return zipkin.FORMAT
    if "data" in outer and outer & {"total", "errors"}:
        return jaeger.FORMAT  # an answer of Jaeger's API, if an empty one
    if "data" in outer or jaeger.looks_like(outer):
        spans = set[str]().union(*levels)
        known = spans & {"traceID", "traceId", "spanID", "spanId", "processID", "processes"}
        if jaeger.looks_like(outer) or known:
            return jaeger.format_of(spans - {"traceId"} if "traceID" in spans else spans)
    return "otlp-json"  # whose reader says what is wrong with it


def _keys(text: bytes) -> list[set[str]]:
    """The keys met at each depth of the text's head, until its first value is complete."""
    levels: list[set[str]] = [set() for _ in range(12)]
    depth = 0
    for token in _TOKEN.finditer(text.decode("utf-8", "replace")):
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
                if depth == 0:
                    break
            case _ if token["key"] is not None and depth < len(levels):
                levels[depth].add(token["key"])
            case _:
                pass
    return levels


_TOKEN: Final = re.compile(r'[{}\[\]]|"(?P<key>[^"\\]{0,64})"\s*:|"(?:[^"\\]|\\.)*"?')
