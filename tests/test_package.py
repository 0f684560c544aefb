"""Promises of the package as a whole: what loading it costs, and that answers repeat."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spanproof
from spanproof import cli, pipeline

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "otel"
HEAVY = ("numba", "numpy", "pyarrow", "duckdb", "rich", "jinja2", "msgspec")


def python(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    ).stdout


def test_the_root_loads_fast_and_nothing_heavy():
    code = (
        "import sys, time; begun = time.perf_counter(); import spanproof; "
        "print(time.perf_counter() - begun); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    runs = [python(code).splitlines() for _ in range(5)]
    assert {loaded for _time, loaded in runs} == {"[]"}
    assert min(float(time) for time, _loaded in runs) < 0.050


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["explain"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\nfrom spanproof.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python(code).splitlines()[-1] == "[]"


def test_every_exported_name_is_there():
    for name in spanproof.__all__:
        assert getattr(spanproof, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = spanproof.nothing


def test_two_processes_give_the_same_bytes():
    paths = [str(DATA / "zipkin" / "smartthings-oauth-authorization.json")]
    paths.append(str(DATA / "synthetic" / "graphs" / "duplicate-conflict.jsonl"))
    code = (
        "from spanproof.cli import main\n"
        f"for form in ('json', 'html', 'sarif', 'junit'):\n"
        f"    main(['check', '--format', form, *{paths}])"
    )
    outputs = {python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")}
    assert len(outputs) == 1


def test_files_are_judged_together(tmp_path):
    whole = DATA / "synthetic" / "skew" / "impossible-three-cycle.jsonl"
    lines = whole.read_text("utf-8").splitlines(keepends=True)
    for part in range(3):  # links lead from file to file
        (tmp_path / f"{part}.jsonl").write_text("".join(lines[part::3]), "utf-8")
    together, apart = pipeline.check(whole), pipeline.check(tmp_path)
    assert len(apart.inputs) == 3
    assert apart.figures["order.edges"] == together.figures["order.edges"]
    assert apart.figures["causality.reversed_pairs"] == 24
    assert apart.counts == together.counts
    assert {f.evidence["input"] for f in apart.findings} <= {i.path for i in apart.inputs}


def test_a_directory_may_hold_other_things(tmp_path):
    trace = (DATA / "zipkin" / "skew.json").read_bytes()
    (tmp_path / "README.md").write_text("# Traces\n")
    (tmp_path / "package.json").write_text('{"name": "shop"}')
    (tmp_path / "rotated.log").touch()
    (tmp_path / ".hidden").write_bytes(trace)
    (tmp_path / "trace").write_bytes(trace)
    report = pipeline.check(tmp_path)
    assert report.verdict is spanproof.Verdict.VIOLATED
    passed_over = {Path(i.path).name for i in report.inputs if i.notes == {"not_a_trace": 1}}
    assert passed_over == {"README.md", "package.json", "rotated.log"}
    with pytest.raises(spanproof.TraceError, match="not a trace"):  # named, it is a mistake
        pipeline.check([tmp_path / "README.md", tmp_path / "trace"])
    (tmp_path / "broken").write_bytes(trace[:-40])
    with pytest.raises(spanproof.TraceError, match="broken"):
        pipeline.check(tmp_path)
    (tmp_path / "trace").unlink()
    (tmp_path / "broken").unlink()
    with pytest.raises(spanproof.TraceError, match="not a trace"):
        pipeline.check(tmp_path)


def test_an_interrupt_ends_with_a_line_and_130(monkeypatch, capsys):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "check", interrupted)
    assert cli.main(["check", "x.json"]) == 130
    assert capsys.readouterr().err == "spanproof: interrupted\n"


def test_nothing_is_left_of_an_output_that_was_interrupted(monkeypatch, tmp_path):
    from spanproof.pipeline import converting

    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(converting, "_write", interrupted)
    source = str(DATA / "zipkin" / "skew.json")
    assert cli.main(["convert", source, str(tmp_path / "out.json")]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_limit_bounds_the_list_and_never_the_counts():
    path = DATA / "synthetic" / "skew" / "large-feasible.jsonl.gz"
    report = json.loads(
        python(
            f"from spanproof.cli import main\nmain(['check', '--format', 'json', {str(path)!r}])"
        )
    )
    code = "causality.reversed_edge"
    listed = [f for f in report["findings"] if f["code"] == code]
    assert (len(listed), report["counts"][code]) == (100, 2800)
    early = [f["evidence"]["early_ns"] for f in listed]
    assert early == sorted(early, reverse=True)


def test_every_kernel_is_warmed(capsys):
    assert cli.main(["warmup"]) == 0
    told = capsys.readouterr().out
    folder = ROOT / "src" / "spanproof" / "kernels"
    names = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert {line.split()[0] for line in told.splitlines()} == names
