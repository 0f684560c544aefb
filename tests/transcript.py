"""Runs the commands of a text and compares what they say with what stands there.

Two shapes of text: transcripts (`$ command`, its output, `[exit 0]`) and pages of the
documentation (```console blocks with commands and their output). `spanproof …` runs in this
process; what needs a shell (a pipe, `sed`) runs in one, in the same folder.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest.mock import patch

ROOT: Final = Path(__file__).parent.parent
LINKED: Final = ("examples", "tests/data")
"""Folders that a text's commands may read, under the paths they have in the repository."""

_ENVIRONMENT: Final = {
    "COLUMNS": "100",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "PYTHONUTF8": "1",
    "TZ": "UTC",
}
_UNSET: Final = ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_SHELL: Final = re.compile(r"[|<>;&$`\\*]")  # outside quotes, these are the shell's business


@dataclass(slots=True)
class Rewriting:
    """Whether texts are renewed, and how many answers that filled or changed."""

    asked: bool
    n_filled: int = 0
    n_changed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def transcript(self) -> str:
        """Standard output, standard error behind `! `, the exit status."""
        err = "".join(f"! {line}\n".replace("! \n", "!\n") for line in self.err.splitlines())
        return f"{_ended(self.out)}{err}[exit {self.status}]\n"

    @property
    def page(self) -> str:
        """What a reader sees in a terminal."""
        return _ended(self.out) + _ended(self.err)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


@dataclass(slots=True)
class Folder:
    """A fresh folder in which the commands of one text run, one after another."""

    path: Path
    status: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for name in LINKED:
            link = self.path / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(ROOT / name, target_is_directory=True)

    def run(self, command: str) -> Answer:
        """The command's answer; `echo $?` gives the status of the one before."""
        if command == "echo $?":
            answer = Answer(0, f"{self.status}\n", "")
        else:
            with _prepared(self.path):
                words = shlex.split(command)
                unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", command)
                plain = words[0] == "spanproof" and not _SHELL.search(unquoted)
                answer = _called(words[1:]) if plain else _in_shell(command)
        self.status = answer.status
        return answer


@contextmanager
def _prepared(folder: Path) -> Iterator[None]:
    """The folder, a plain terminal of 100 columns, and this environment's programs."""
    before = Path.cwd()
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    with patch.dict(os.environ, {**kept, **_ENVIRONMENT, "PATH": programs}, clear=True):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _called(argv: list[str]) -> Answer:
    """`spanproof` in this process, its standard streams captured as bytes."""
    from spanproof.cli import main

    out, err = io.BytesIO(), io.BytesIO()
    streams = [io.TextIOWrapper(s, "utf-8", newline="", write_through=True) for s in (out, err)]
    nothing = io.TextIOWrapper(io.BytesIO())
    with (
        patch.object(sys, "stdout", streams[0]),
        patch.object(sys, "stderr", streams[1]),
        patch.object(sys, "stdin", nothing),
    ):
        try:
            status = main(argv)
        except SystemExit as left:  # how argparse leaves
            status = int(left.code or 0)
        for stream in streams:
            stream.flush()
    return Answer(status, out.getvalue().decode(), err.getvalue().decode())


def _in_shell(command: str) -> Answer:
    done = subprocess.run(  # the commands are ours
        ["sh", "-c", command], capture_output=True, timeout=120, check=False
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


# A command; then its answer up to the exit status, or nothing yet.
TRANSCRIPT: Final = re.compile(
    r"^\$ (?P<command>.+)\n(?P<told>(?:(?!\$ ).*\n)*?\[exit \d+\]\n|)", re.MULTILINE
)
_BLOCK: Final = re.compile(r"^```console\n(?P<body>(?:(?!```).*\n)*)(?=```$)", re.MULTILINE)
_PROMPT: Final = re.compile(r"^\$ (?P<command>.+)\n(?P<told>(?:(?!\$ ).*\n)*)", re.MULTILINE)


def renewed_transcript(text: str, tell: Callable[[str, str, str], str]) -> str:
    """The text with each answer as `tell(command, old answer, "transcript")` gives it."""
    return TRANSCRIPT.sub(
        lambda m: f"$ {m['command']}\n{tell(m['command'], m['told'], 'transcript')}", text
    )


def renewed_page(text: str, tell: Callable[[str, str, str], str]) -> str:
    """A page with the answers within its console blocks renewed."""

    def block(m: re.Match[str]) -> str:
        body = _PROMPT.sub(
            lambda p: f"$ {p['command']}\n{tell(p['command'], p['told'], 'page')}", m["body"]
        )
        return f"```console\n{body}"

    new, n_blocks = _BLOCK.subn(block, text)
    # A block that shows a fence of its own would end there, and pass unseen.
    assert n_blocks == len(re.findall(r"^```console$", text, re.MULTILINE)), "a fence in a block"
    return new


def check(
    path: Path,
    folder: Folder,
    rewriting: Rewriting,
    renewed: Callable[[str, Callable[[str, str, str], str]], str],
) -> None:
    """Fail unless every answer in the file is what its command says today.

    While rewriting, the file gets today's answers; it fails all the same where one that stood
    there was another: a run cannot bless itself.
    """
    old = path.read_text("utf-8")
    wrong: list[str] = []
    unfilled: list[str] = []

    def tell(command: str, told: str, form: str) -> str:
        answer: str = getattr(folder.run(command), form)
        assert "Traceback" not in answer, f"{command}\n{answer}"
        if told == answer:
            return answer
        if told:
            rewriting.n_changed += rewriting.asked
            wrong.append(f"$ {command}\n{_difference(told, answer)}")
        else:
            rewriting.n_filled += rewriting.asked
            unfilled.append(command)
        return answer

    new = renewed(old, tell)
    if rewriting.asked and new != old:
        path.write_text(new, "utf-8")
    assert not wrong, f"{path.name}: {len(wrong)} answers changed\n" + "\n".join(wrong)
    assert rewriting.asked or not unfilled, f"{path.name}: no answer yet to {unfilled}"


def _difference(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "there", "today", lineterm="")
    return "\n".join(lines)
