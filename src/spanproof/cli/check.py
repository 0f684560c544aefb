"""`spanproof check PATH…`: a verdict on traces, with the evidence."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spanproof.cli import options

if TYPE_CHECKING:
    from spanproof.report.model import Report

FORMATS: Final = ("text", "json", "sarif", "junit", "html")
ENDINGS: Final = {
    ".json": "json", ".sarif": "sarif", ".xml": "junit", ".html": "html", ".htm": "html",
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "check",
        "Judge traces: does every effect start after its cause, is every trace a tree?\n"
        "The verdict is holds, violated or unknown; every finding comes with its evidence.",
        options.FORMATS_READ
        + "\nexit status: 0 holds, 1 violated, 2 usage or unreadable input, 3 unknown",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, directory, glob, or -")
    parser.add_argument(
        "--format", choices=FORMATS, help="default: by the ending of -o FILE, else text"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="write the report to a file (-: stdout)"
    )
    parser.add_argument(
        "--only",
        metavar="CHECK|CODE,…",
        default="",
        help="run these checks, or keep these finding codes, alone",
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "note"),
        default="error",
        help="the least severity that makes a check violated (default: error)",
    )
    parser.add_argument(
        "--all", action="store_true", help="list every finding, not the first 100 of a code"
    )
    options.add_reading(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from spanproof import pipeline
    from spanproof.cli.progress import progress
    from spanproof.findings import Severity

    form = args.format or ENDINGS.get(Path(args.output).suffix.lower(), "text")
    with progress(args.paths) as told:
        report = pipeline.check(
            args.paths,
            keep_going=args.keep_going,
            max_bytes=args.max_bytes,
            only=args.only,
            fail_on=Severity[args.fail_on.upper()],
            limit=None if args.all else pipeline.FINDINGS_MAX,
            draw=form == "html",
            told=told,
        )
    if form == "text" and args.output == "-":
        from spanproof.cli.terminal import console
        from spanproof.report import text

        text.print_report(report, console(), every=args.all)
        return report.verdict.exit_status
    with pipeline.written(args.output) as file:
        file.write(_rendered(report, form, every=args.all).encode())
    if args.output != "-":
        from spanproof.report.groups import headline

        told_in_short = f"{report.verdict.value}: {headline(report)}"
        sys.stderr.write(f"{told_in_short}; wrote {args.output}\n")
    return report.verdict.exit_status


def _rendered(report: Report, form: str, *, every: bool) -> str:
    if form == "text":
        from spanproof.report import text

        return text.render(report, every=every)
    module = "json_report" if form == "json" else form
    rendered: str = import_module(f"spanproof.report.{module}").render(report)
    return rendered
