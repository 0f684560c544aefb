"""JSON text taken apart without trust: each value by its type, each mistake with its place.

Decides how a foreign JSON document is opened piece by piece (a list's items are cut out
first and decoded one at a time, so that memory holds one span, not all of them), and how a
wrong type or a broken text is told. Refuses to know any trace format.

A mistake in a value is a `TraceError` whose place is a path (`data[0].spans[3].startTime`);
a text that is no JSON is a `BrokenTextError`, placed by byte. Numbers never pass through a
double: an integer is an int of any size, everything else a Decimal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Self, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from spanproof.errors import TraceError

T = TypeVar("T")
Fields = dict[str, Any]

_BOM: Final = b"\xef\xbb\xbf"
_PLACED: Final = re.compile(r"(?:JSON is malformed: )?(.*?)(?: \(byte (\d+)\))?", re.DOTALL)
_PATHED: Final = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_SHOWN_MAX: Final = 40  # characters of a wrong value that a message quotes


class BrokenTextError(TraceError):
    """No JSON from here on: nothing after it can be trusted, `--keep-going` or not."""


def _exact(number: str) -> Decimal:
    try:
        return Decimal(number)
    except InvalidOperation:
        raise ValueError("number out of range") from None


_VALUE: Final = msgspec.json.Decoder(float_hook=_exact)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class Text:
    """One JSON text (any bytes-like object, kept, not copied) and the parts cut out of it."""

    __slots__ = ("_bytes", "notes", "whole")

    def __init__(self, data: Any) -> None:
        self._bytes: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self.whole = memoryview(self._bytes.data)
        self.notes: tuple[str, ...] = ()
        if bytes(self.whole[:3]) == _BOM:
            self.whole, self.notes = self.whole[3:], ("byte_order_mark",)

    def opening(self, part: Any) -> str:
        """The first character that is no white space; empty where there is none."""
        view = memoryview(part)
        for i in range(len(view)):
            if view[i] not in b" \t\r\n":
                return chr(view[i])
        return ""

    def documents(self) -> list[tuple[str, Any]]:
        """("", the whole), or ("line 3", line) for each line that is not blank.

        The text is JSON lines if its first line is a whole list or object and is not its
        last. O(bytes).
        """
        ends = np.flatnonzero(np.frombuffer(self.whole, np.uint8) == ord("\n")).tolist()
        lines: list[tuple[str, Any]] = []
        start = 0
        for n, end in enumerate([*ends, len(self.whole)], 1):
            line = self.whole[start:end]
            if self.opening(line):
                if not lines and not self._stands_alone(line):
                    break
                lines.append((f"line {n}", line))
            start = end + 1
        return lines if len(lines) > 1 else [("", self.whole)]

    def _stands_alone(self, line: Any) -> bool:
        try:
            self.items(line) if self.opening(line) == "[" else self.members(line)
        except TraceError:
            return False
        return True

    def items(self, part: Any) -> list[msgspec.Raw]:
        """The items of a list, not yet decoded; nothing in it is checked but its brackets."""
        return self._decoded(_ITEMS, part)

    def members(self, part: Any) -> dict[str, msgspec.Raw]:
        """The members of an object, not yet decoded; a key given twice has its last value."""
        return self._decoded(_MEMBERS, part)

    def value(self, part: Any) -> Any:
        """The part as Python values, checked throughout."""
        return self._decoded(_VALUE, part)

    def fields(self, part: Any) -> Fields:
        """The part, which must be an object, as Python values."""
        value = self.value(part)
        return value if type(value) is dict else object_of({"": value}, "")

    def _decoded(self, decoder: msgspec.json.Decoder[Any], part: Any) -> Any:
        try:
            return decoder.decode(part)
        except msgspec.ValidationError as error:
            found, path = _parts(_PATHED, str(error))
            raise TraceError(_plain(found), path) from None
        except msgspec.DecodeError as error:
            found, at = _parts(_PLACED, str(error))
            # msgspec gives no offset for a text that ends too early, and the one after the
            # first of trailing characters.
            within = int(at) - found.startswith("trailing") if at else len(memoryview(part))
            place = self._offset(part) + within
            raise BrokenTextError(f"broken JSON: {_plain(found)}", f"byte {place}") from None
        except UnicodeDecodeError:
            raise BrokenTextError(
                "invalid UTF-8 in a string", f"byte {self._not_utf8(part)}"
            ) from None
        except RecursionError:
            raise BrokenTextError(
                "JSON nested too deeply to be a trace", f"byte {self._offset(part)}"
            ) from None

    def _offset(self, part: Any) -> int:
        """How many bytes of the text stand before a part that was cut out of it."""
        own = np.frombuffer(part, np.uint8)
        return int(own.ctypes.data - self._bytes.ctypes.data) if own.size else 0

    def _not_utf8(self, part: Any) -> int:
        try:
            str(memoryview(part), "utf-8")
        except UnicodeDecodeError as error:
            return self._offset(part) + error.start
        return self._offset(part)


class Gaps:
    """What could not be read: raised at once or, with `keep_going`, left out and kept.

    `with gaps.at("data[0].spans[3]"): …` gives a mistake its place. Not to be nested.
    """

    __slots__ = ("_path", "errors", "keep_going", "line")

    def __init__(self, *, keep_going: bool) -> None:
        self.errors: list[TraceError] = []
        self.keep_going = keep_going
        self.line = ""  # of JSON lines: stands before the path
        self._path = ""

    def at(self, path: str) -> Self:
        self._path = path
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, TraceError) or isinstance(error, BrokenTextError):
            return False
        place = ", ".join(filter(None, (self.line, (self._path + error.place).lstrip("."))))
        placed = type(error)(error.found, place, error.hint)
        if not self.keep_going:
            raise placed from None
        self.errors.append(placed)
        return True


def read_documents(source: Text, read: Callable[[Any], None], gaps: Gaps) -> None:
    """Hand each document to `read`; a line that is no JSON is a gap, a whole text is not."""
    for line, document in source.documents():
        gaps.line = line
        try:
            read(document)
        except BrokenTextError as error:
            if not line:
                raise
            placed = BrokenTextError(error.found, line, error.hint)
            if not gaps.keep_going:
                raise placed from None
            gaps.errors.append(placed)


def _parts(shape: re.Pattern[str], message: str) -> tuple[str, str]:
    match = shape.fullmatch(message)
    return (match[1], match[2] or "") if match else (message, "")


def _plain(found: str) -> str:
    """The decoder's words without its marks, in a sentence's small letters."""
    return (found[:1].lower() + found[1:]).replace("`", "").rstrip(".")


def wrong(value: object, wanted: str, place: str) -> TraceError:
    """What stands there, and what should: an error to raise."""
    container = "a list" if isinstance(value, list) else "an object"
    shown = container if isinstance(value, list | dict) else encoded(value)
    if len(shown) > _SHOWN_MAX:
        shown = shown[:_SHOWN_MAX] + "…"
    return TraceError(f"{shown} where {wanted} should be", place)


def below(error: TraceError, place: str) -> TraceError:
    """The same mistake seen from one level further out."""
    return type(error)(error.found, place + error.place, error.hint, error.path)


def encoded(value: object) -> str:
    """A decoded value as JSON text again."""
    try:
        return _ENCODER.encode(value).decode()
    except RecursionError:
        raise TraceError("JSON nested too deeply to be an attribute") from None


def scalar(value: Any) -> str | bool | float | None:
    """A decoded value as an attribute can hold it: lists and objects as JSON text.

    A decimal is the nearest double, or its digits where it is too large for one.
    """
    if type(value) is Decimal:
        double = float(value)
        return str(value) if math.isinf(double) else double
    return encoded(value) if isinstance(value, list | dict) else value


def text_of(fields: Fields, key: str) -> str:
    """The string under a key; absent and null are empty."""
    value = fields.get(key)
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise wrong(value, "a string", f".{key}")


def integer_of(fields: Fields, key: str) -> int:
    """The whole number under a key, of 63 bits; absent and null are 0."""
    value = fields.get(key)
    if value is None:
        return 0
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise wrong(value, "a whole number", f".{key}")


def truth_of(fields: Fields, key: str) -> bool:
    """The boolean under a key; absent and null are false."""
    value = fields.get(key)
    if value is None or type(value) is bool:
        return bool(value)
    raise wrong(value, "true or false", f".{key}")


def object_of(fields: Fields, key: str) -> Fields:
    """The object under a key; absent and null are empty. An empty key: the value itself."""
    value = fields.get(key)
    if type(value) is dict:
        return value
    if value is None and key:
        return {}
    raise wrong(value, "an object", f".{key}" if key else "")


def each(fields: Fields, key: str, take: Callable[[Fields], T]) -> list[T]:
    """What `take` makes of each object in a list; absent and null are empty."""
    items = fields.get(key)
    if items is None or items == []:
        return []
    if type(items) is not list:
        raise wrong(items, "a list", f".{key}")
    taken: list[T] = []
    try:
        for item in items:
            fields = item if type(item) is dict else object_of({"": item}, "")
            taken.append(take(fields))
    except TraceError as error:
        raise below(error, f".{key}[{len(taken)}]") from None
    return taken
