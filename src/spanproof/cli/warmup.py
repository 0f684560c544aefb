"""`spanproof warmup`: every kernel compiled and cached, so that the next command starts fast."""

from __future__ import annotations

import argparse
import pkgutil
import sys
import time
from importlib import import_module

from spanproof.cli import options


def parser() -> argparse.ArgumentParser:
    return options.parser(
        "warmup",
        "Compile every kernel now. They are cached beside the package, or, where that cannot\n"
        "be written, in the user's cache; NUMBA_CACHE_DIR names another place.",
    )


def run(_args: argparse.Namespace) -> int:
    from spanproof import kernels

    for module in pkgutil.iter_modules(kernels.__path__):
        if module.name.startswith("_"):
            continue
        begun = time.perf_counter()
        import_module(f"spanproof.kernels.{module.name}")
        sys.stdout.write(f"{module.name:<16} {time.perf_counter() - begun:6.2f} s\n")
    return 0
