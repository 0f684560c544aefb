"""Options that several commands share, and how they are read."""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

_UNITS: Final = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}

FORMATS_READ: Final = """\
formats, recognised by content: OTLP protobuf (one message, or delimited by varints or by
four big-endian bytes), OTLP/JSON (a document or lines, as the Collector, Tempo and others
write it), Jaeger JSON (UI, API, domain), Zipkin v2 JSON, Parquet that spanproof wrote;
each plain, gzip or zstd. "-" is standard input; directories and globs are read in parallel.
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors look like every other error of the command."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"spanproof: {message}\n  help: {self.prog} --help\n")


def parser(command: str, description: str, epilog: str = "") -> Parser:
    return Parser(
        prog=f"spanproof {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options of everything that reads traces."""
    group = parser.add_argument_group("reading")
    group.add_argument(
        "--keep-going",
        action="store_true",
        help="check the readable rest of broken input, and list what was left out",
    )
    group.add_argument(
        "--max-bytes",
        type=byte_count,
        metavar="N",
        help="how much a file may unpack to, such as 500M or 4G (default: 1G, and for "
        "compressed files no more than 250 times their size, at least 32M)",
    )


def byte_count(text: str) -> int:
    """ "500M" as a number of bytes."""
    digits = text.lower().removesuffix("b").removesuffix("i")
    unit = digits[-1:] if digits[-1:] in _UNITS else ""
    number = digits.removesuffix(unit) if unit else digits
    if not number.isdecimal() or not int(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bytes, such as 500M")
    return int(number) * _UNITS[unit]
