"""`spanproof show FILE [TRACE]`: a trace as a waterfall, violations marked."""

from __future__ import annotations

import argparse
import sys

from spanproof.cli import options


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "show",
        "Draw a trace in the terminal as a waterfall, violations marked.\n"
        "Without TRACE, the trace with the worst findings, else the first.",
        options.FORMATS_READ,
    )
    parser.add_argument("path", metavar="FILE", help="a file of traces, or -")
    parser.add_argument(
        "trace", metavar="TRACE", nargs="?", default="", help="a trace id, or its first digits"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument(
        "--rows", type=int, default=500, metavar="N", help="draw at most N spans (default: 500)"
    )
    options.add_reading(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from spanproof import pipeline
    from spanproof.cli.progress import progress
    from spanproof.report.waterfall import print_waterfall

    with progress([args.path]) as told:
        drawing, n_traces = pipeline.draw(
            args.path,
            args.trace,
            keep_going=args.keep_going,
            max_bytes=args.max_bytes,
            told=told,
        )
    console = Console(file=sys.stdout)
    print_waterfall(drawing, console, ascii_only=args.ascii, rows_max=max(args.rows, 1))
    if n_traces > 1 and not args.trace:
        more = f"{n_traces:,} traces are in {args.path}; name one: spanproof show FILE TRACE"
        console.print(more, markup=False, highlight=False, soft_wrap=True)
    return 0
