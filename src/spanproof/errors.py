"""Whose mistake an exception is: the caller's, the input's, or a spent budget.

A violation found in a trace is never an exception; it is a finding. Every class here keeps
all it knows in `args`, so that it survives pickling when a check runs in another process.
"""

from __future__ import annotations


class SpanproofError(Exception):
    """What all of spanproof's own exceptions are; never raised itself."""


class UsageError(SpanproofError):
    """The caller asked for something that does not exist or does not go together."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message + (f"\n  help: {self.hint}" if self.hint else "")


class TraceError(SpanproofError):
    """The input is not what it should be.

    `found` says what stands there, `place` where: a byte offset ("4182"), "line 3", or a
    line and a JSON path; `hint` what to do. `path` is the file as the caller named it; the
    one who opened the file adds it with `within`.
    """

    def __init__(self, found: str, place: str = "", hint: str = "", path: str = "") -> None:
        super().__init__(found, place, hint, path)
        self.found, self.place, self.hint, self.path = found, place, hint, path

    def within(self, path: str) -> TraceError:
        """The same mistake, its file named."""
        return type(self)(self.found, self.place, self.hint, path)

    def __str__(self) -> str:
        where = ":".join(part for part in (self.path, self.place) if part)
        return (
            (f"{where}: " if where else "")
            + self.found
            + (f"\n  help: {self.hint}" if self.hint else "")
        )


class NotATraceError(TraceError):
    """The input is something else than traces, whole as it may be; or there is nothing in it."""


class LimitError(TraceError):
    """The input is larger than a limit allows; the limit's option is in `hint`."""
