"""The documentation: pages that run, links that lead somewhere, nothing left out or stale."""

from __future__ import annotations

import argparse
import doctest
import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.transcript import ROOT, Folder, Rewriting, check, renewed_page

import spanproof
from spanproof.check.registry import CHECKS
from spanproof.cli import COMMANDS
from spanproof.findings import CODES
from spanproof.ingest.rules import RULES
from spanproof.table.schema import SCHEMAS

PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
        ROOT / "examples/README.md",
    ]
)
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REFERENCE = ROOT / "docs/reference"
# Interpreted kernels read the large example in minutes.
LARGE = "examples/otel-demo.jsonl.gz"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, language: str) -> list[str]:
    return [body for found, body in CODE.findall(path.read_text("utf-8")) if found == language]


def with_blocks(*languages: str) -> list[Any]:
    """The pages that have such blocks; those that read the large example marked."""
    pages = []
    for path in PAGES:
        found = "".join(body for language in languages for body in blocks(path, language))
        if found:
            marks = [pytest.mark.compiled] if LARGE in found else []
            pages.append(pytest.param(path, id=name_of(path), marks=marks))
    return pages


@pytest.mark.parametrize("path", with_blocks("console"))
def test_commands_on_a_page_say_what_stands_there(
    path: Path, tmp_path: Path, rewriting: Rewriting
) -> None:
    check(path, Folder(tmp_path), rewriting, renewed_page)


@pytest.mark.parametrize("path", with_blocks("pycon", "python"))
def test_python_on_a_page_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Folder(tmp_path).path)
    names: dict[str, object] = {}
    for body in blocks(path, "python"):
        exec(compile(body, name_of(path), "exec"), names)
    session = "\n".join(blocks(path, "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, name_of(path), name_of(path), 0)
    told: list[str] = []
    assert doctest.DocTestRunner().run(test, out=told.append).failed == 0, "".join(told)


def test_the_package_docstring_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Folder(tmp_path).path)
    assert doctest.testmod(spanproof).attempted > 0
    assert doctest.testmod(spanproof).failed == 0


def test_check_is_the_function_whatever_was_imported_before() -> None:
    import_module("spanproof.check.structure")
    assert spanproof.check is import_module("spanproof.pipeline").check
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spanproof, "check", len)
        assert spanproof.check is len
    assert spanproof.check is import_module("spanproof.pipeline").check


# -- links


def anchors(path: Path) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-")
        for title in titles
    }


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        file, _hash, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT.resolve()), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_in_the_index_or_the_readme() -> None:
    linked = set()
    for index in (ROOT / "docs/README.md", ROOT / "README.md"):
        for link in LINK.findall(index.read_text("utf-8")):
            linked.add((index.parent / link.partition("#")[0]).resolve())
    missing = {name_of(path) for path in PAGES if path.resolve() not in linked}
    assert missing == {"README.md"}


# -- the generated reference


def test_generated_pages_are_fresh() -> None:
    generated = import_generator()
    for name, write in generated.PAGES.items():
        text = (REFERENCE / name).read_text("utf-8")
        assert text == generated.HEAD + write(), f"{name}: run python docs/generate.py"
    by_hand = {path.name for path in REFERENCE.iterdir()} - generated.PAGES.keys()
    assert by_hand == {"systems.md"}


def import_generator() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        return import_module("generate")


def documented(page: str) -> str:
    return (REFERENCE / page).read_text("utf-8")


def test_every_exported_name_is_documented() -> None:
    text = documented("python.md")
    for name in spanproof.__all__:
        assert f"\n## {name}\n" in text, name
        value = getattr(spanproof, name)
        if callable(value):
            assert value.__doc__, name
            assert not value.__doc__.startswith(f"{name}("), f"{name} has no docstring of its own"


def test_every_command_and_option_is_documented() -> None:
    text = documented("commands.md")
    for name in COMMANDS:
        part = text.partition(f"\n## spanproof {name}\n")[2].partition("\n## ")[0]
        assert part, name
        parser: argparse.ArgumentParser = import_module(f"spanproof.cli.{name}").parser()
        for action in parser._actions:
            for option in action.option_strings:
                if option not in ("-h", "--help"):
                    assert f"`{option}" in part, f"{name} {option}"
                    assert action.help or action.choices, f"{name} {option}"


def test_every_code_check_rule_and_table_is_documented() -> None:
    codes, checks = documented("findings.md"), documented("checks.md")
    assert all(f"\n## {code}\n" in codes and f"`{code}`" in codes for code in CODES)
    assert all(f"\n## {check}\n" in checks for check in CHECKS)
    assert all(f"| `{rule.name}` |" in documented("normalisation.md") for rule in RULES)
    assert all(f"\n## {table}\n" in documented("table.md") for table in SCHEMAS)


def test_every_figure_fact_and_note_of_a_report_is_documented() -> None:
    report = spanproof.check(
        [
            str(ROOT / "tests/data/otel/synthetic/malformed" / name)
            for name in ("pb-group-closed.pb", "json-utf8-bom.json", "gz-trailing-garbage.json.gz")
        ]
    )
    facts, figures = documented("facts.md"), documented("report.md")
    for read in report.inputs:
        assert read.notes
        for name in [*read.facts, *read.notes]:
            assert f"| `{name}` |" in facts, name
    assert all(f"| `{name}` |" in figures for name in report.figures)
    covered = documented("checks.md")
    for result in report.checks:
        assert all(f"| `{name}` |" in covered for name in result.covered)


def test_every_note_that_a_reader_writes_is_documented() -> None:
    notes = set()
    for path in (ROOT / "src/spanproof/ingest").glob("*.py"):
        text = path.read_text("utf-8")
        notes |= set(re.findall(r"notes\[\"(\w+)\"\]", text))
        for listed in re.findall(r"^_?NOTES: Final = \(([^)]*)\)", text, re.MULTILINE):
            notes |= set(re.findall(r"\"(\w+)\"", listed))
    assert len(notes) > 10
    assert {note for note in notes if f"| `{note}` |" not in documented("facts.md")} == set()


# -- the systems


SYSTEMS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in documented("systems.md").splitlines()
    if line.startswith("| ") and not line.startswith("| framework")
]
EVERY_SYSTEM = {
    *("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3"),
    *("4.1", "4.2", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "6"),
}
EVERY_SECTION = {
    *("3.1.1–2", "3.1.3", "3.2.1", "3.2.2", "3.2.3", "3.3.1", "3.3.2", "3.3.3", "3.4.1", "3.4.2"),
    *("4.1.1", "4.1.2", "4.1.3", "4.2", "4.3.1", "4.3.2", "4.4", "all"),
}


def test_the_table_of_systems_is_whole() -> None:
    assert {len(row) for row in SYSTEMS} == {7}
    assert {row[2].split()[0] for row in SYSTEMS} == EVERY_SYSTEM
    assert {row[0] for row in SYSTEMS} == EVERY_SECTION


def marked(row: tuple[str, ...]) -> Any:
    marks = [pytest.mark.compiled] if LARGE in row[4] else []
    return pytest.param(row, id=re.sub(r"\W+", "-", row[2]), marks=marks)


@pytest.mark.parametrize("row", [marked(row) for row in SYSTEMS])
def test_a_system_works_or_says_not_yet(row: tuple[str, ...], tmp_path: Path) -> None:
    _section, _names, _system, module, command, example, status = row
    if status == "not yet":
        assert (module, command, example) == ("–", "–", "–")
        return
    assert status == "working"
    assert find_spec(module.strip("`"))
    answer = Folder(tmp_path).run(command.strip("`"))
    assert answer.status in (0, 1), answer
    assert "Traceback" not in answer.err
    assert answer.out or answer.err.startswith("wrote "), answer
    if "`examples/" in example:
        assert shlex.split(command.strip("`"))[-1] == example.strip("`")


# -- prose


def test_the_readme_names_both_commands_and_quotes_the_benchmark() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "\n./run demo " in text
    assert "\n./run test " in text
    speed = text[text.index("## Speed") : text.index("## More")]
    assert "benchmarks/run.py" in speed
    for work in ("protobuf, 200,000 spans", "OTLP/JSON lines", "peak memory", "`spanproof check`"):
        assert work in speed


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_pages_name_no_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"/(work|root|home|tmp)/|localhost|\bpypi\.org\b", text)


@pytest.mark.parametrize("path", sorted((ROOT / "docs/adr").iterdir()), ids=name_of)
def test_a_decision_has_context_and_price(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.match(rf"# {path.name[:4]} \S", text)
    places = [text.index(f"**{part}.**") for part in ("Context", "Decision", "Price")]
    assert places == sorted(places)
