"""`spanproof info PATH…`: what a file holds, as it stands."""

from __future__ import annotations

import argparse

from spanproof.cli import options


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "info", "Say what files of traces hold, as they stand: nothing is repaired or judged.",
        options.FORMATS_READ,
    )  # fmt: skip
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, directory, glob, or -")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options.add_reading(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from spanproof import pipeline
    from spanproof.cli.progress import progress

    with progress(args.paths) as told:
        inputs = pipeline.inputs(
            args.paths, keep_going=args.keep_going, max_bytes=args.max_bytes, told=told
        )
    if args.format == "json":
        from spanproof.report import json_report

        said = json_report.inputs(inputs)
    else:
        from spanproof.report import text

        said = text.inputs(inputs)
    with pipeline.written("-") as file:
        file.write(said.encode())
    return 0
