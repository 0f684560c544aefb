"""`spanproof check PATH…`: a verdict on traces, with the evidence."""

from __future__ import annotations

import argparse
import sys

from spanproof.cli import options

FORMATS = ("text", "json", "sarif", "junit", "html")


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "check",
        "Judge traces: does every effect start after its cause, is every trace a tree?\n"
        "The verdict is holds, violated or unknown; every finding comes with its evidence.",
        options.FORMATS_READ
        + "\nexit status: 0 holds, 1 violated, 2 usage or unreadable input, 3 unknown",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, directory, glob, or -")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report to a file")
    parser.add_argument(
        "--only",
        metavar="CHECK|CODE,…",
        type=lambda text: [name for name in text.split(",") if name],
        default=[],
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

    with progress(args.paths) as told:
        report = pipeline.check(
            args.paths,
            keep_going=args.keep_going,
            max_bytes=args.max_bytes,
            only=args.only,
            fail_on=Severity[args.fail_on.upper()],
            limit=None if args.all else pipeline.FINDINGS_MAX,
            draw=args.format == "html",
            told=told,
        )
    if args.format == "text" and args.output is None:
        from rich.console import Console

        from spanproof.report import text

        text.print_report(report, Console(file=sys.stdout))
        return report.verdict.exit_status
    from spanproof.cli import output

    output.write(_rendered(report, args.format), args.output)
    return report.verdict.exit_status


def _rendered(report: object, form: str) -> str:
    from importlib import import_module

    module = "json_report" if form == "json" else form
    rendered: str = import_module(f"spanproof.report.{module}").render(report)
    return rendered
