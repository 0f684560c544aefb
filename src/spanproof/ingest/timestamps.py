"""Times and durations as other formats write them, in whole nanoseconds and exactly.

Decides what is a time: microseconds as a number, RFC 3339, Go's durations. Refuses to
round: what is finer than a nanosecond is an error, not a nearby number.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from spanproof.errors import TraceError
from spanproof.ingest.json_values import wrong

_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_RFC_3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:([Zz])|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_GO_STEP: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,  # the micro sign, and the Greek letter that looks the same
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TEXT_MAX: Final = 100  # characters; no time is longer
_DIGITS_MAX: Final = 40  # digits of a number that is taken for a time
_ZERO_IN_GO: Final = -62_135_596_800 * 10**9  # 0001-01-01T00:00:00Z, Go's "no time"


def micros_ns(value: object, place: str) -> int:
    """Nanoseconds of a number of microseconds: an int, an exact decimal, or digits in a string.

    Raises TraceError for another type, a fraction of a nanosecond, or over 40 digits.
    """
    if type(value) is int and abs(value) < 2**64:
        return value * 1000
    if type(value) is str and re.fullmatch(r"-?[0-9]{1,20}", value):
        return int(value) * 1000
    if type(value) is Decimal and (exact := _fraction(value)) is not None:
        ns = exact * 1000
        if ns.denominator == 1:
            return ns.numerator
    raise wrong(value, "a number of microseconds", place)


def _fraction(value: Decimal) -> Fraction | None:
    """The number exactly, unless writing it out would take more than a line."""
    if not value:
        return Fraction(0)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DIGITS_MAX or value.adjusted() > _DIGITS_MAX:
        return None
    return Fraction(value)


def rfc3339_ns(value: object, place: str) -> int:
    """Nanoseconds since 1970 of a date and time with offset; Go's zero time is 0."""
    if type(value) is str and len(value) <= _TEXT_MAX and (m := _RFC_3339.fullmatch(value)):
        year, month, day, hour, minute, second = map(int, m.groups()[:6])
        fraction = (m[7] or "").rstrip("0")
        offset_s = 0 if m[8] else int(m[9] + "1") * (int(m[10]) * 3600 + int(m[11]) * 60)
        if hour < 24 and minute < 60 and second < 60 and len(fraction) <= 9 and _sane(m):
            try:
                day_s = (datetime(year, month, day, tzinfo=UTC).toordinal() - _EPOCH_DAY) * 86400
            except ValueError:  # no such day
                raise wrong(value, "a date and time (RFC 3339)", place) from None
            clock_s = hour * 3600 + minute * 60 + second - offset_s
            ns = (day_s + clock_s) * 10**9 + int(fraction.ljust(9, "0"))
            return 0 if ns == _ZERO_IN_GO else ns
    raise wrong(value, "a date and time (RFC 3339)", place)


def _sane(m: re.Match[str]) -> bool:
    return m[8] is not None or (int(m[10]) < 24 and int(m[11]) < 60)


def go_duration_ns(value: object, place: str) -> int:
    """Nanoseconds of a Go duration ("5000ns", "1.5ms", "2h3m") or of a number of nanoseconds."""
    if type(value) is int and abs(value) < 2**64:
        return value
    if type(value) is str and len(value) <= _TEXT_MAX:
        sign, steps = (-1, value[1:]) if value[:1] == "-" else (1, value.removeprefix("+"))
        if steps == "0":
            return 0
        found = _GO_STEP.findall(steps)
        ns = sum(Fraction(n.rstrip(".")) * _UNITS_NS[unit] for n, unit in found)
        if found and "".join(map("".join, found)) == steps and Fraction(ns).denominator == 1:
            return sign * int(ns)
    raise wrong(value, 'a duration ("5000ns")', place)


def unix_ns(value: int, place: str) -> int:
    """The time itself, if OTLP can say it: from 1970 on, below 2⁶⁴ nanoseconds."""
    if 0 <= value < 2**64:
        return value
    raise TraceError(f"{value} ns is outside the times that OTLP can say", place)
