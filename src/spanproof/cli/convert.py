"""`spanproof convert IN… OUT`: traces in another format."""

from __future__ import annotations

import argparse
import sys

from spanproof.cli import options

FORMATS = ("otlp-json", "otlp-jsonl", "otlp-protobuf", "parquet")


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "convert",
        "Translate traces into OTLP JSON (.json), JSON lines (.jsonl), protobuf (.pb) or\n"
        "Parquet (.parquet). Formats are translated (Zipkin's shared ids become two spans);\n"
        "nothing is repaired unless --normalise says so.",
        options.FORMATS_READ,
    )
    parser.add_argument("paths", nargs="+", metavar="IN", help="a file, directory, glob, or -")
    parser.add_argument("out", metavar="OUT", help="the file to write, or -")
    parser.add_argument(
        "--format", choices=FORMATS, help="default: by the ending of OUT", default=None
    )
    parser.add_argument(
        "--normalise", action="store_true", help="repair what can be, as `check` does"
    )
    options.add_reading(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from spanproof import pipeline
    from spanproof.cli.progress import progress
    from spanproof.findings.durations import plural

    with progress(args.paths) as told:
        table, not_written = pipeline.convert(
            args.paths,
            args.out,
            format=args.format,
            normalise=args.normalise,
            keep_going=args.keep_going,
            max_bytes=args.max_bytes,
            told=told,
        )
    for what in not_written:
        sys.stderr.write(f"not written: {what}\n")
    if args.out != "-":
        sys.stderr.write(f"wrote {args.out}: {plural(len(table), 'span')}\n")
    return 0
