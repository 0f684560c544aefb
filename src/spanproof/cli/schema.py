"""`spanproof schema`: the JSON Schema of the report, for those who read it by machine."""

from __future__ import annotations

import argparse
import json
import sys

from spanproof.cli import options


def parser() -> argparse.ArgumentParser:
    return options.parser("schema", "Print the JSON Schema of `spanproof check --format json`.")


def run(_args: argparse.Namespace) -> int:
    from spanproof.report.schema import schema

    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0
