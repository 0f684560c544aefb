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
    parser.add_argument(
        "--list", action="store_true", help="list the traces instead, those with findings first"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument(
        "--rows", type=_rows, default=500, metavar="N", help="draw at most N spans (default: 500)"
    )
    options.add_reading(parser)
    return parser


def _list(args: argparse.Namespace) -> int:
    from spanproof import pipeline
    from spanproof.cli.progress import progress
    from spanproof.findings.durations import duration, plural
    from spanproof.report.printable import printable

    with progress([args.path]) as told:
        listed = pipeline.traces(
            args.path, keep_going=args.keep_going, max_bytes=args.max_bytes, told=told
        )
    with pipeline.written("-") as file:
        for trace in listed:
            facts = f"{plural(trace.n_spans, 'span')}, {duration(trace.length_ns)}"
            codes = "".join(f"  {code}" for code in trace.codes)
            line = (
                f"{printable(trace.trace_id) or '(no id)'}  {facts}  {printable(trace.name)}{codes}"
            )
            file.write(f"{line}\n".encode())
    return 0


def _rows(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows, 1 or more")
    return int(text)


def _draws() -> bool:
    """Whether standard output can say the characters of a drawing."""
    try:
        "█▏·µ…✗".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def run(args: argparse.Namespace) -> int:
    from spanproof import pipeline
    from spanproof.cli.progress import progress
    from spanproof.cli.terminal import console as standard_console
    from spanproof.report.waterfall import print_waterfall

    if args.list:
        return _list(args)
    with progress([args.path]) as told:
        drawing, n_traces = pipeline.draw(
            args.path,
            args.trace,
            room=args.rows,
            keep_going=args.keep_going,
            max_bytes=args.max_bytes,
            told=told,
        )
    console = standard_console()
    print_waterfall(drawing, console, ascii_only=args.ascii or not _draws(), rows_max=args.rows)
    if n_traces > 1 and not args.trace:
        more = f"{n_traces:,} traces are in {args.path}; spanproof show FILE --list names them"
        console.print(more, markup=False, highlight=False, soft_wrap=True)
    return 0
