"""OTLP/JSON and its dialects → OTLP protobuf, for the one columnar decoder.

Decides which keys mean what (vocabulary.otlp.FIELDS, and the dialects' names beside them),
what an error is called and where it stands, and what `--keep-going` leaves out. Refuses to
know how JSON is read (kernels.json_otlp) and what becomes of the messages.

Which text is accepted, beyond proto3's JSON mapping: docs/explanation/decoder.md.
Decided here: a `null`
among the values of an attribute's array is a value without a member, a `null` in any other
list is an error; a key given twice adds to a list, merges into a message, and replaces
everything else, the content of an attribute included.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spanproof.errors import LimitError, NotATraceError, TraceError
from spanproof.ingest.wire import Wire
from spanproof.vocabulary.otlp import (
    DEPTH_MAX,
    DIALECT_FIELD,
    FIELDS,
    WIRE_TYPE,
    Field,
    Message,
    SpanKind,
    StatusCode,
    Type,
)

NOTES: Final = ("", "snake_case", "instrumentation_library", "tempo_envelope", "array_of_requests")
COUNTERS: Final = ("", "metrics", "data_points", "log_records")

# Not messages of a trace: enums by name, and as much of the other signals as is counted.
SPAN_KINDS, STATUS_CODES = len(Message), len(Message) + 1
RESOURCE_METRICS, SCOPE_METRICS, METRIC, DATA, RESOURCE_LOGS, SCOPE_LOGS, LEAF = range(
    len(Message) + 2, len(Message) + 9
)
N_KINDS: Final = LEAF + 1


class _Other(NamedTuple):
    """A key that counts or leads to what is counted, and writes nothing."""

    name: str
    repeated: bool
    kind: int
    counter: str = ""


OTHER_SIGNALS: Final[dict[int, tuple[_Other, ...]]] = {
    Message.TRACES: (
        _Other("resourceMetrics", True, RESOURCE_METRICS),
        _Other("resourceLogs", True, RESOURCE_LOGS),
    ),
    RESOURCE_METRICS: (
        _Other("scopeMetrics", True, SCOPE_METRICS),
        _Other("instrumentationLibraryMetrics", True, SCOPE_METRICS),
    ),
    SCOPE_METRICS: (_Other("metrics", True, METRIC, "metrics"),),
    METRIC: tuple(
        _Other(name, False, DATA)
        for name in ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
    ),
    DATA: (_Other("dataPoints", True, LEAF, "data_points"),),
    RESOURCE_LOGS: (
        _Other("scopeLogs", True, SCOPE_LOGS),
        _Other("instrumentationLibraryLogs", True, SCOPE_LOGS),
    ),
    SCOPE_LOGS: (_Other("logRecords", True, LEAF, "log_records"),),
}

# Names beside the official ones: (message, its field, the other name, the note).
ALIASES: Final = (
    (Message.TRACES, "resourceSpans", "batches", "tempo_envelope"),
    (
        Message.RESOURCE_SPANS,
        "scopeSpans",
        "instrumentationLibrarySpans",
        "instrumentation_library",
    ),
    (Message.SCOPE_SPANS, "scope", "instrumentationLibrary", "instrumentation_library"),
)

KEEP_GOING: Final = "--keep-going checks the readable rest and lists what it left out"


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda m: "_" + m[0].lower(), name)


class Tables(NamedTuple):
    """The vocabulary as the kernel reads it, and the names again for messages."""

    names: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int32]
    tables: npt.NDArray[np.int32]
    words: tuple[str, ...]  # the name of row i
    fields: tuple[Field | None, ...]  # of row i


@cache
def vocabulary() -> Tables:
    """Every key that is understood, as arrays. A few milliseconds, once a process."""
    from spanproof.kernels import json_otlp as k

    listed: list[tuple[int, str, Field | None, list[int]]] = []

    def add(
        kind: int, name: str, field: Field | None, cells: dict[str, int], note: str = ""
    ) -> None:
        row = [0] * k.R_WIDTH
        for cell, value in cells.items():
            row[getattr(k, f"R_{cell}")] = value
        row[k.R_NOTE] = NOTES.index(note)
        listed.append((kind, name, field, row))
        if (snake := _snake(name)) != name:
            add(kind, snake, field, cells, note or "snake_case")

    flags_of = {
        Message.TRACES: k.INLINE | k.GROUP,
        Message.RESOURCE_SPANS: k.PADDED | k.GROUP,
        Message.SCOPE_SPANS: k.PADDED | k.GROUP,
        Message.SPAN: k.PADDED | k.GROUP | k.SPAN,
        Message.EVENT: k.PADDED,
        Message.LINK: k.PADDED,
        Message.KEY_VALUE: k.KEY_VALUE,
        Message.ANY_VALUE: k.ANY_VALUE,
    }
    top = {"TYPE": Type.MESSAGE, "KIND": Message.TRACES, "FLAGS": flags_of[Message.TRACES]}
    add(-1, "", None, top)
    add(Message.TRACES, "trace", None, top, "tempo_envelope")
    enums = {Message.SPAN: SPAN_KINDS, Message.STATUS: STATUS_CODES}
    for message, fields in FIELDS.items():
        for field in fields:
            kind, flags = 0, 0
            if field.message is not None:
                kind, flags = field.message, flags_of.get(field.message, 0)
            elif field.type is Type.ENUM:
                kind = enums[message]
            elif message is Message.KEY_VALUE:
                flags = k.KEY
            cells = {
                "TYPE": field.type,
                "TAG": field.number << 3 | WIRE_TYPE[field.type],
                "REPEATED": field.repeated,
                "KIND": kind,
                "FLAGS": flags,
            }
            add(message, field.name, field, cells)
            for owner, name, alias, note in ALIASES:
                if (owner, name) == (message, field.name):
                    add(message, alias, field, cells, note)
    for kind, others in OTHER_SIGNALS.items():
        for other in others:
            cells = {
                "TYPE": Type.MESSAGE,
                "REPEATED": other.repeated,
                "KIND": other.kind,
                "FLAGS": k.SILENT,
                "COUNT": COUNTERS.index(other.counter),
            }
            add(kind, other.name, None, cells)
    for kind, prefix, enum in (
        (SPAN_KINDS, "SPAN_KIND_", SpanKind),
        (STATUS_CODES, "STATUS_CODE_", StatusCode),
    ):
        for member in enum:
            for name in (prefix + member.name, member.name):
                row = [0] * k.R_WIDTH
                row[k.R_VALUE] = member
                listed.append((kind, name, None, row))
    return _arrays(listed)


def _arrays(listed: list[tuple[int, str, Field | None, list[int]]]) -> Tables:
    from spanproof.kernels import json_otlp as k

    names = bytearray()
    rows = np.zeros((len(listed), k.R_WIDTH), np.int32)
    tables = np.zeros(k.SLOTS_AT + N_KINDS * k.SLOTS, np.int32)
    tables[: k.SLOTS_AT] = -1
    for digit in range(16):
        tables[ord(f"{digit:X}")] = digit + 16
        tables[ord(f"{digit:x}")] = digit
    for number, (kind, name, _, row) in enumerate(listed):
        text = name.encode()
        rows[number] = row
        rows[number, k.R_NAME], rows[number, k.R_SIZE] = len(names), len(text)
        names += text
        if kind < 0:
            continue
        slot = k.slot_of(len(text), text[0], text[len(text) // 2], text[-1])
        while tables[k.SLOTS_AT + kind * k.SLOTS + slot]:
            slot = (slot + 1) % k.SLOTS
        tables[k.SLOTS_AT + kind * k.SLOTS + slot] = number + 1
    return Tables(
        np.frombuffer(names + bytes(32), np.uint8),
        rows,
        tables,
        tuple(name for _, name, _, _ in listed),
        tuple(field for _, _, field, _ in listed),
    )


def _find_byte(data: npt.NDArray[np.uint8], byte: int, start: int) -> int:
    """The offset of the first such byte from start on, or the data's size."""
    step = 1 << 16
    for at in range(start, data.size, step):
        found = data[at : at + step].tobytes().find(byte)
        if found >= 0:
            return at + found
    return data.size


def is_lines(data: npt.NDArray[np.uint8]) -> bool:
    """Whether the text is JSON lines rather than one document, judged by its content.

    It is where the first line is a whole object and anything follows on a later one. A
    first line that was torn is passed over where the second is whole and the text is not.
    Reads two lines, in that last case everything.
    """
    first = _content(data, 0)
    end = _find_byte(data, 0x0A, first)
    second = _content(data, end)
    if second == data.size:
        return False
    if (data[first] == 0x7B or data[second] in b"{[") and _is_value(data[first:end]):
        return True
    if data[second] not in b"{[" or data[second - 1] != 0x0A:  # indented: a part of the first value
        return False
    end = _find_byte(data, 0x0A, second)
    return _is_value(data[second:end]) and not _is_value(data)


def _content(data: npt.NDArray[np.uint8], start: int) -> int:
    """The offset of the first byte from start on that is not JSON's white space."""
    step = 1 << 12
    for at in range(start, data.size, step):
        piece = data[at : at + step].tobytes()
        if rest := piece.lstrip(b" \t\r\n"):
            return at + len(piece) - len(rest)
    return data.size


def _is_value(text: npt.NDArray[np.uint8]) -> bool:
    from spanproof.kernels import json_otlp as k

    return _Reader(text, k.SCAN).run() == k.DONE


class _Reader:
    """One pass of the kernel over a text, stopped and resumed at each error."""

    def __init__(self, data: npt.NDArray[np.uint8], mode: int) -> None:
        from spanproof.kernels import json_otlp as k

        self.k, self.data, self.mode = k, data, mode
        self.names = vocabulary()
        self.state = np.zeros(k.S_WIDTH + 2 * len(self.names.rows), np.int64)
        self.state[k.S_TAG] = DIALECT_FIELD << 3
        self.state[k.S_NEST_MAX] = DEPTH_MAX
        self.stack = np.zeros(k.DEPTH_JSON * k.F_WIDTH, np.int64)
        self.limbs = np.zeros(k.LIMBS_MAX, np.int64)
        # An upper bound: pages that nothing is written to cost nothing.
        self.out = np.empty(2 * data.size + 64, np.uint8)
        self.ends = np.empty(64, np.int64)
        self.line, self.line_start = 1, 0

    def run(self) -> int:
        """To the next error, or DONE."""
        k = self.k
        while True:
            code: int = k.transcode(
                self.mode,
                self.data,
                self.names.names,
                self.names.rows.reshape(-1),
                self.names.tables,
                self.state,
                self.stack,
                self.out,
                self.ends,
                self.limbs,
            )
            if code != k.FULL:
                assert code != k.OVERFLOW, "the output outgrew its bound"
                return code
            self.ends = np.concatenate([self.ends, np.empty(3 * self.ends.size, np.int64)])

    def frames(self) -> npt.NDArray[np.int64]:
        """The open frames, outermost first; a view of the stack."""
        depth = int(self.state[self.k.S_DEPTH])
        return self.stack.reshape(-1, self.k.F_WIDTH)[:depth]

    def error(self, code: int) -> TraceError:
        """What the kernel stopped at, in words."""
        k = self.k
        at = int(self.state[k.S_BAD])
        byte = at
        where = ""
        if self.mode == k.LINES:
            self._count_lines(at)
            byte, where = at - self.line_start, f"line {self.line}"
        offset = f"{where}, byte {byte}" if where else f"byte {byte}"
        here = self._quote(at)
        if code == k.TOO_DEEP:
            return LimitError(
                f"depth: JSON nested more than {k.DEPTH_JSON} deep", offset, KEEP_GOING
            )
        if code == k.NESTED:
            found = f"depth: values nested more than {DEPTH_MAX} messages deep"
            return LimitError(found, offset, KEEP_GOING)
        if code == k.NO_TRACE:
            # At its beginning a text of another kind; further on, a stray line of this one.
            kind = NotATraceError if self.line <= 1 else TraceError
            return kind(self._unknown(), where or f"byte {at}", "give it OTLP/JSON")
        if code < k.WRONG_TYPE:
            if at == 0 and code == k.NO_VALUE:
                return NotATraceError(f"not a trace: no JSON, it begins with {here}", offset)
            cut = "the line ends" if where else "the text ends"
            found = {
                k.CUT: f"JSON cut off: {cut} in the middle of a value",
                k.NO_KEY: f"broken JSON: a key in quotes was expected, not {here}",
                k.NO_COLON: f"broken JSON: a colon was expected after the key, not {here}",
                k.NO_COMMA: f"broken JSON: a comma or a closing bracket was expected, not {here}",
                k.NO_VALUE: f"broken JSON: a value was expected, not {here}",
                k.BAD_NUMBER: f"broken JSON: a digit was expected, not {here}",
                k.BAD_ESCAPE: f"broken JSON: {here} is no escape",
                k.CONTROL: f"broken JSON: a control character in a string: {here}",
                k.BAD_UTF8: f"invalid UTF-8 in a string: {here}",
                k.SURROGATE: f"broken JSON: {here} is half of a surrogate pair",
                k.TRAILING: f"JSON with text after its end: {here}",
            }[code]
            return TraceError(found, offset, KEEP_GOING)
        path = self._path()
        place = ": ".join(part for part in (where, path) if part) or offset
        return TraceError(self._mistake(code, at), place, KEEP_GOING)

    def _count_lines(self, at: int) -> None:
        while (end := _find_byte(self.data, 0x0A, self.line_start)) < at:
            self.line, self.line_start = self.line + 1, end + 1

    def _quote(self, at: int) -> str:
        """What stands there, as much of it as a line of text can take."""
        text = self.data[at : at + 40].tobytes().decode(errors="backslashreplace")
        if not text:
            return "the end"
        if token := re.match(r'"[^"]*"|[-+.\w]+', text):
            text = token[0].strip('"')
        text = text[:20] + "…" * (len(text) > 20)
        return f"'{text}'" if text.isprintable() else ascii(text)

    def _path(self) -> str:
        """Where the value at hand stands: resourceSpans[0].scopeSpans[2].spans[7].name."""
        k, words = self.k, self.names.words
        path, inner = "", 0
        in_list = False
        for frame in self.frames():
            if in_list:
                path += f"[{inner}]"
            elif frame[k.F_ROW] > 0:
                path += "." + words[frame[k.F_ROW]]
            in_list = frame[k.F_WHAT] == k.LIST
            inner = int(frame[k.F_INDEX])
        if in_list:
            path += f"[{inner}]"
        elif self.state[k.S_ROW] > 0:
            path += "." + words[self.state[k.S_ROW]]
        return path.removeprefix(".")

    def _mistake(self, code: int, at: int) -> str:
        k = self.k
        row = int(self.state[k.S_ROW])
        field = self.names.fields[row]
        value = self._quote(at)
        kind = field.type if field else Type.MESSAGE
        if code == k.NOT_BASE64:
            return f"text that is not base64 where bytes were expected: {value}"
        if code == k.NOT_NAME:
            return f"an unknown name where a {self.names.words[row]} was expected: {value}"
        if code == k.RANGE:
            return f"a number out of range, {_RANGES[kind]}: {value}"
        frames = self.frames()
        in_list = len(frames) > 0 and frames[-1][k.F_WHAT] == k.LIST
        if field is None:
            wanted = "an OTLP request (an object)"
        elif field.repeated and not in_list:
            wanted = f"a list of {field.name}"
        else:
            wanted = _WANTED[kind]
        found = {
            0x22: "text",
            0x7B: "an object",
            0x5B: "a list",
            0x74: "true",
            0x66: "false",
            0x6E: "null",
        }.get(int(self.data[at]), "a number")
        more = f": {value}" if found in ("text", "a number") else ""
        return f"{found} where {wanted} was expected{more}"

    def _unknown(self) -> str:
        k = self.k
        frame = self.frames()[-1]
        keys = []
        for i in range(min(int(frame[k.F_SEEN]), k.KEYS_SHOWN)):
            start = int(self.state[k.S_KEYS + i])
            text = self.data[start : start + 40].tobytes().partition(b'"')[0]
            keys.append(ascii(text.decode(errors="backslashreplace"))[1:-1])
        more = ", …" if frame[k.F_SEEN] > k.KEYS_SHOWN else ""
        return f"not a trace: an object with the keys {', '.join(keys)}{more}"

    def leave_out(self) -> None:
        """Pass over the smallest group that the wrong value belongs to.

        That is its span, or else its scope's or resource's spans, or the document; where the
        group itself is the wrong value, only that. What was written of it is taken back; its
        open brackets become ones to be skipped.
        """
        k, state = self.k, self.state
        frames = self.frames()
        pending = state[k.S_PHASE] == k.P_VALUE
        rows = self.names.rows
        if pending:
            row = int(state[k.S_ROW])
            whole = len(frames) == 0 or (
                frames[-1][k.F_WHAT] == k.LIST and rows[row, k.R_FLAGS] & k.GROUP
            )
            state[k.S_ROW] = -1
            if whole:
                return
        group = max(
            i
            for i, frame in enumerate(frames)
            if i == 0 or (frame[k.F_WHAT] == k.OBJECT and frame[k.F_FLAGS] & k.GROUP)
        )
        state[k.S_OUT] = frames[group][k.F_START]
        for frame in frames[group:]:
            is_list = frame[k.F_WHAT] in (k.LIST, k.SKIP_LIST)
            frame[k.F_WHAT] = k.SKIP_LIST if is_list else k.SKIP_OBJECT
            frame[k.F_ROW], frame[k.F_FLAGS], frame[k.F_KIND] = -1, 0, -1
        state[k.S_NEST] = sum(
            1
            for frame in frames[:group]
            if frame[k.F_WHAT] == k.OBJECT and not frame[k.F_FLAGS] & (k.INLINE | k.SILENT)
        )

    def close_at_cut(self) -> None:
        """End the broken document before its first unfinished span, resource or scope."""
        k, state = self.k, self.state
        if state[k.S_PHASE] in (k.P_START, k.P_AFTER):
            return
        kept = []
        for frame in self.frames():
            group = frame[k.F_FLAGS] & k.GROUP and not frame[k.F_FLAGS] & k.SPAN
            if frame[k.F_WHAT] != k.LIST and not (frame[k.F_WHAT] == k.OBJECT and group):
                state[k.S_OUT] = frame[k.F_START]
                break
            kept.append(frame)
        end = int(state[k.S_OUT])
        for frame in reversed(kept):
            if frame[k.F_FLAGS] & k.PADDED:
                body = int(frame[k.F_BODY])
                size = end - body
                padded = [size >> 7 * i & 127 | 128 for i in range(4)]
                self.out[body - 5 : body] = [*padded, size >> 28]
        self.ends[state[k.S_DOCUMENTS]] = end
        state[k.S_DOCUMENTS] += 1

    def next_line(self) -> None:
        """Forget the line at hand and go on after it."""
        k, state = self.k, self.state
        after = _find_byte(self.data, 0x0A, int(state[k.S_BAD]))
        if state[k.S_PHASE] == k.P_AFTER:
            state[k.S_DOCUMENTS] -= 1
        state[k.S_AT], state[k.S_DEPTH], state[k.S_PHASE] = after, 0, k.P_START
        state[k.S_OUT] = state[k.S_START]
        state[k.S_NOTES : k.S_KEYS] = state[k.S_SAVED : k.S_SAVED + k.S_KEYS - k.S_NOTES]

    def wire(self, left_out: list[TraceError]) -> Wire:
        k, state = self.k, self.state
        n = int(state[k.S_DOCUMENTS])
        ends = self.ends[:n].copy()
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[:n]

        def counted(names: tuple[str, ...], first: int) -> Counter[str]:
            return Counter(
                {
                    name: int(state[first + i])
                    for i, name in enumerate(names)
                    if name and state[first + i]
                }
            )

        return Wire(
            data=self.out[: int(ends[-1]) if n else 0],
            starts=starts,
            ends=ends,
            ours=True,
            notes=counted(NOTES, k.S_NOTES),
            signals=counted(COUNTERS, k.S_COUNTS),
            left_out=left_out,
        )


_WANTED: Final = {
    Type.MESSAGE: "an object",
    Type.STRING: "text",
    Type.BYTES: "base64 text",
    Type.ID: "an id (text)",
    Type.UINT32: "a whole number",
    Type.ENUM: "an enum's number or name",
    Type.FIXED32: "a whole number",
    Type.FIXED64: "a time (a whole number)",
    Type.INT64: "a whole number",
    Type.DOUBLE: "a number",
    Type.BOOL: "true or false",
}
_RANGES: Final = {
    Type.UINT32: "0 to 2^32 - 1",
    Type.ENUM: "-2^31 to 2^31 - 1",
    Type.FIXED32: "0 to 2^32 - 1",
    Type.FIXED64: "0 to 2^64 - 1",
    Type.INT64: "-2^63 to 2^63 - 1",
}


def to_wire(data: npt.NDArray[np.uint8], *, lines: bool, keep_going: bool = False) -> Wire:
    """The text's requests as protobuf, a TracesData message a document.

    `lines`: one document a line, else one document, an object or a list of requests. A
    message may be without spans (`{}`, or other signals only: `signals` counts those). With
    `keep_going`, spans of the wrong form, broken lines, and what follows a break in a single
    document are left out and listed. Raises TraceError, or LimitError for depth. Linear;
    takes as much memory again as the messages, which are shorter than the text.
    """
    from spanproof.kernels import json_otlp as k

    reader = _Reader(np.ascontiguousarray(data), k.LINES if lines else k.DOCUMENT)
    left_out: list[TraceError] = []
    n_before, line = 0, 0  # errors before the line at hand
    while (code := reader.run()) != k.DONE:
        error = reader.error(code)
        if not keep_going:
            raise error
        if reader.line != line:
            n_before, line = len(left_out), reader.line
        if code >= k.WRONG_TYPE:
            left_out.append(error)
            reader.leave_out()
        elif lines:
            left_out[n_before:] = [error]  # the whole line goes, what was wrong in it too
            reader.next_line()
        else:
            left_out.append(error)
            reader.close_at_cut()
            break
    return reader.wire(left_out)
