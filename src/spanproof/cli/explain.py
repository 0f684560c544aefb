"""`spanproof explain [CODE]`: a finding's page, or the list of codes."""

from __future__ import annotations

import argparse
import sys

from spanproof.cli import options


def parser() -> argparse.ArgumentParser:
    parser = options.parser(
        "explain", "Explain a finding's code: what it means, how sure it is, what to do."
    )
    parser.add_argument("code", metavar="CODE", nargs="?", help="without it: every code there is")
    return parser


def run(args: argparse.Namespace) -> int:
    from spanproof.findings import CODES
    from spanproof.report.pages import page

    if args.code is None:
        for code, row in CODES.items():
            sys.stdout.write(f"{code:<30} {row.severity.label:<8} {row.title}\n")
        return 0
    named = [code for code in CODES if args.code in (code, *code.split("."))]
    if len(named) > 1:  # a check's name: its codes
        for code in named:
            sys.stdout.write(f"{code:<30} {CODES[code].severity.label:<8} {CODES[code].title}\n")
        return 0
    text = page(named[0] if named else args.code)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        sys.stdout.write(text)
    return 0
