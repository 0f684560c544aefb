"""Every figure of the README, each a ratio to a baseline measured in the same run.

    python benchmarks/run.py [--spans 200000] [--repeats 5] [NAME …]

Names: protobuf, json, memory, start. A measured piece and its baseline take turns, in
processor time of one thread or wall time of a whole process; the median of the ratios is
the figure, smallest and largest stand beside it, since machines are noisy.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

PYTHON = sys.executable
BARE = "import numpy, pyarrow, numba"
# Byte code is kept between runs, as an installed package has it.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


class Ratio:
    """Measurements of a piece and its baseline, in turns."""

    def __init__(self, piece: Callable[[], float], baseline: Callable[[], float], n: int) -> None:
        piece(), baseline()  # caches, pages, branch predictors
        self.pairs = [(piece(), baseline()) for _ in range(n)]
        self.piece = statistics.median(a for a, _b in self.pairs)
        self.baseline = statistics.median(b for _a, b in self.pairs)

    def of(self, ratio: Callable[[float, float], float]) -> str:
        ratios = sorted(ratio(a, b) for a, b in self.pairs)
        middle = statistics.median(ratios)
        return f"{middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def cpu(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    gc.collect()
    gc.disable()
    begun = time.process_time()
    result = work()
    taken = time.process_time() - begun
    gc.enable()
    del result
    return taken


def wall(command: list[str]) -> float:
    """Seconds of a whole process."""
    begun = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, stdout=quiet, stderr=quiet, check=False, env=ENVIRONMENT)
    return time.perf_counter() - begun


def row(work: str, figure: str, ratio: str, goal: str) -> None:
    print(f"| {work} | {figure} | {ratio} | {goal} |", flush=True)


def protobuf(n_spans: int, repeats: int) -> None:
    import baselines
    import corpus

    from spanproof.ingest.otlp_protobuf import decode

    data = corpus.protobuf(n_spans)
    r = Ratio(
        lambda: cpu(lambda: decode(_wire(data))),
        lambda: cpu(lambda: baselines.protobuf_loop(data)),
        repeats,
    )
    row(
        f"protobuf, {n_spans:,} spans ({len(data) / 1e6:.0f} MB) → Arrow tables",
        f"{n_spans / r.piece / 1e6:.2f} M spans/s; baseline {n_spans / r.baseline / 1e6:.2f} M",
        f"{r.of(lambda a, b: b / a)} × official classes + loop",
        "≥ 5",
    )


def json(n_spans: int, repeats: int) -> None:
    import baselines
    import corpus
    import numpy as np

    from spanproof.ingest import otlp_json
    from spanproof.ingest.otlp_protobuf import decode

    data = corpus.otlp_json(n_spans)
    view = np.frombuffer(data, np.uint8)
    r = Ratio(
        lambda: cpu(lambda: decode(otlp_json.to_wire(view, lines=True))),
        lambda: cpu(lambda: baselines.json_loop(data)),
        repeats,
    )
    row(
        f"OTLP/JSON lines, the same spans ({len(data) / 1e6:.0f} MB) → Arrow tables",
        f"{n_spans / r.piece / 1e6:.2f} M spans/s; baseline {n_spans / r.baseline / 1e6:.2f} M",
        f"{r.of(lambda a, b: b / a)} × orjson + loop",
        "≥ 1.2",
    )


def _wire(data: bytes):
    import numpy as np

    from spanproof.ingest.wire import Wire

    view = np.frombuffer(data, np.uint8)
    return Wire(data=view, starts=np.zeros(1, np.int64), ends=np.array([view.size], np.int64))


def memory(n_spans: int, _repeats: int) -> None:
    import corpus

    n = max(n_spans, 420_000)
    for name, made in (("protobuf", corpus.protobuf(n)), ("OTLP/JSON", corpus.otlp_json(n // 2))):
        with tempfile.NamedTemporaryFile(suffix=".traces") as file:
            file.write(made)
            file.flush()
            above = _peak(file.name) - _peak("")
        row(
            f"peak memory, reading {len(made) / 1e6:.0f} MB of {name}",
            f"{above / 1e6:.0f} MB above the bare process",
            f"{above / len(made):.2f} × the unpacked input",
            "≤ 4",
        )


def _peak(path: str) -> int:
    """Peak bytes of a process that reads the file; of one that only loads what reads it."""
    needed = ("otlp_protobuf", "json_otlp", "dictionary", "gather")
    kernels = "import " + ", ".join(f"spanproof.kernels.{name}" for name in needed)
    read = f"spanproof.read({path!r})" if path else "None"
    # Linux: the process's own high-water mark, since ru_maxrss may be its parent's.
    code = f"""
import numpy, pyarrow, resource, spanproof
{kernels}
table = {read}
try:
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    told = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    return int(told.stdout) * (1 if platform.system() == "Darwin" else 1024)


def start(_n_spans: int, repeats: int) -> None:
    import corpus

    spanproof = str(Path(PYTHON).with_name("spanproof"))
    n = max(repeats, 9)
    for name, data in (("protobuf", corpus.protobuf(1000)), ("OTLP/JSON", corpus.otlp_json(1000))):
        with tempfile.NamedTemporaryFile(suffix=".traces") as file:
            file.write(data)
            file.flush()
            command = [spanproof, "check", "--format", "json", file.name]
            r = Ratio(lambda c=command: wall(c), lambda: wall([PYTHON, "-c", BARE]), n)
            row(
                f"`spanproof check`, 1,000 spans of {name}, whole process",
                f"{r.piece:.2f} s; {_shares(file.name)}",
                f"{r.of(lambda a, b: a / b)} × a process that imports numpy, pyarrow, numba",
                "≤ 2",
            )
    r = Ratio(lambda: wall([spanproof, "--help"]), lambda: wall([PYTHON, "-c", "pass"]), n)
    row(
        "`spanproof --help`, whole process",
        f"{r.piece * 1000:.0f} ms",
        f"{r.of(lambda a, b: a / b)} × `python -c pass`",
        "≤ 8",
    )


def _shares(path: str) -> str:
    """How the time of a check divides: libraries, kernels from the cache, the rest."""
    code = f"""
import io, sys, time
from importlib import import_module
times = [time.perf_counter()]
{BARE}
times.append(time.perf_counter())
for name in {{kernels!r}}:
    import_module(name)
times.append(time.perf_counter())
from spanproof.cli import main
sys.stdout = io.TextIOWrapper(io.BytesIO())
main(["check", "--format", "json", {path!r}])
times.append(time.perf_counter())
sys.stdout = sys.__stdout__
print(*(b - a for a, b in zip(times, times[1:])))
print(*(name for name in sys.modules if name.startswith("spanproof.kernels.")))
"""
    kernels: list[str] = []
    for _ in range(2):  # the first run tells which kernels are needed
        told = subprocess.run(
            [PYTHON, "-c", code.replace("{kernels!r}", repr(kernels))],
            capture_output=True,
            text=True,
            check=True,
            env=ENVIRONMENT,
        ).stdout.splitlines()
        kernels = told[1].split()
    libraries, loading, rest = map(float, told[0].split())
    return f"libraries {libraries:.2f}, kernels {loading:.2f}, the rest {rest:.2f} s"


PARTS = {"protobuf": protobuf, "json": json, "memory": memory, "start": start}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "pyarrow"))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {libraries}\n"
    )
    print("| work | measured | ratio: median (least to most) | goal |\n|---|---|---|---|")
    for name in args.names or PARTS:
        PARTS[name](args.spans, args.repeats)
    print(
        f"\npeak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
    )


if __name__ == "__main__":
    main()
