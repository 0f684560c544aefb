"""Commands with their whole output, as files: what spanproof says, word for word.

`pytest tests/test_transcripts.py --rewrite` renews them; read the diff before it is committed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcript import (
    ROOT,
    TRANSCRIPT,
    Folder,
    Rewriting,
    check,
    renewed_page,
    renewed_transcript,
)

from spanproof.cli import COMMANDS
from spanproof.findings import CODES

TRANSCRIPTS = sorted((ROOT / "tests/transcripts").glob("*.txt"))
# Interpreted kernels read the larger examples in minutes.
LARGE = ("otel-demo", "trainticket")


def marked(path: Path) -> object:
    commands = [m["command"] for m in TRANSCRIPT.finditer(path.read_text("utf-8"))]
    large = any(name in c for c in commands for name in LARGE if "--max-bytes" not in c)
    return pytest.param(path, id=path.stem, marks=[pytest.mark.compiled] if large else [])


@pytest.mark.parametrize("path", [marked(path) for path in TRANSCRIPTS])
def test_every_answer_is_what_stands_there(
    path: Path, tmp_path: Path, rewriting: Rewriting
) -> None:
    check(path, Folder(tmp_path), rewriting, renewed_transcript)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_transcript_that_finds_it(code: str) -> None:
    text = (ROOT / f"tests/transcripts/code-{code}.txt").read_text("utf-8")
    assert any(f" {code}: " in m["told"] for m in TRANSCRIPT.finditer(text))


def test_every_code_is_explained_in_a_transcript() -> None:
    text = (ROOT / "tests/transcripts/explain.txt").read_text("utf-8")
    for code in CODES:
        assert f"$ spanproof explain {code}\n# {code}\n" in text


def test_every_command_and_every_exit_status_occurs() -> None:
    texts = "".join(path.read_text("utf-8") for path in TRANSCRIPTS)
    for command in COMMANDS:
        if command != "warmup":  # prints times; tests/test_docs.py runs its help
            assert f"$ spanproof {command}" in texts, command
    for status in (0, 1, 2, 3):
        assert f"[exit {status}]\n" in texts


def test_every_example_has_a_transcript_of_its_whole_report() -> None:
    texts = "".join(path.read_text("utf-8") for path in TRANSCRIPTS)
    for example in (ROOT / "examples").iterdir():
        if ".json" in example.suffixes or example.suffix == ".jsonl":
            assert f"$ spanproof check examples/{example.name}\n" in texts, example.name


# -- the runner itself


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_an_answer_that_changed_fails_and_stays(folder: Folder) -> None:
    path = folder.path / "a.txt"
    path.write_text("$ spanproof --version\nspanproof 0\n[exit 0]\n", "utf-8")
    with pytest.raises(AssertionError, match="1 answers changed"):
        check(path, folder, Rewriting(asked=False), renewed_transcript)
    assert "spanproof 0\n" in path.read_text("utf-8")


def test_rewriting_counts_filled_and_changed_apart_and_cannot_bless_itself(folder: Folder) -> None:
    path = folder.path / "a.txt"
    path.write_text(
        "# one new, one changed\n$ spanproof --version\n\n"
        "$ spanproof --version\nspanproof 0\n[exit 0]\n# the end\n",
        "utf-8",
    )
    done = Rewriting(asked=True)
    with pytest.raises(AssertionError, match="1 answers changed"):
        check(path, folder, done, renewed_transcript)
    assert (done.n_filled, done.n_changed) == (1, 1)
    again = Rewriting(asked=True)
    check(path, folder, again, renewed_transcript)
    assert (again.n_filled, again.n_changed) == (0, 0)
    assert path.read_text("utf-8").endswith("[exit 0]\n# the end\n")


def test_filled_answers_alone_do_not_fail_but_without_rewriting_they_are_missing(
    folder: Folder,
) -> None:
    path = folder.path / "a.txt"
    path.write_text("$ spanproof --version\n", "utf-8")
    with pytest.raises(AssertionError, match="no answer yet"):
        check(path, folder, Rewriting(asked=False), renewed_transcript)
    check(path, folder, Rewriting(asked=True), renewed_transcript)
    check(path, folder, Rewriting(asked=False), renewed_transcript)


def test_a_block_that_shows_a_fence_is_refused(folder: Folder) -> None:
    path = folder.path / "a.md"
    path.write_text("```console\n$ printf '\\n'\n```text\n```\n", "utf-8")
    with pytest.raises(AssertionError, match="a fence in a block"):
        check(path, folder, Rewriting(asked=False), renewed_page)


def test_errors_statuses_and_blank_lines_are_told(folder: Folder) -> None:
    told = folder.run("spanproof chekc").transcript
    assert told.startswith("! spanproof: there is no command 'chekc'\n")
    assert told.endswith("[exit 2]\n")
    assert folder.run("echo $?").out == "2\n"
    assert folder.run("printf 'a\\n\\nb' >&2; exit 3").transcript == "! a\n!\n! b\n[exit 3]\n"
