# ruff: noqa: INP001, T201 - a script, not part of a package; it prints
"""Writes docs/reference from the code; with `--check`, says which pages are stale instead.

Decides how tables look. What they say is read from the code's own tables (codes, checks,
rules, schemas, options, docstrings) and, where those hold names only, from wording.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import wording

import spanproof

REFERENCE: Final = Path(__file__).parent / "reference"
HEAD: Final = "<!-- Written by docs/generate.py; change the code, not this page. -->\n\n"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def code(text: object) -> str:
    return f"`{text}`"


# -- the command line


def commands() -> str:
    """Every command with its arguments, from the parsers themselves."""
    from spanproof.cli import COMMANDS

    text = "# Commands\n\n"
    text += table(
        ("command", "what it does"),
        ((f"[`{name}`](#spanproof-{name})", does) for name, does in COMMANDS.items()),
    )
    text += (
        "\nExit status: 0 holds, 1 violated, 2 usage or unreadable input, 3 unknown; "
        "130 interrupted.\n`spanproof --version` prints the version, `spanproof COMMAND --help` "
        "what a command takes.\n"
    )
    for name in COMMANDS:
        parser = import_module(f"spanproof.cli.{name}").parser()
        text += f"\n## spanproof {name}\n\n{parser.description}\n"
        rows = [option for group in parser._action_groups for option in _options(group)]  # noqa: SLF001 - argparse has no public list
        if rows:
            text += "\n" + table(("argument", "meaning", "default"), rows)
        if parser.epilog:
            text += f"\n{parser.epilog.strip()}\n"
    return text


def _options(group: Any) -> Iterator[tuple[str, str, str]]:
    for action in group._group_actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._HelpAction):  # noqa: SLF001 - as above
            continue
        values = "|".join(action.choices) if action.choices else action.metavar or ""
        if action.nargs == 0:
            values = ""
        if action.option_strings:
            shown = ", ".join(code(f"{o} {values}".strip()) for o in action.option_strings)
        else:
            many = {"+": "…", "?": " (may be left out)"}.get(action.nargs, "")
            shown = code(values + ("…" if many == "…" else "")) + (many if many != "…" else "")
        plain = action.default not in (None, [], "", False)
        yield shown, (action.help or "").replace("\n", " "), str(action.default) if plain else ""


# -- tables of the code


def findings() -> str:
    """Every code in a table, then its page as `spanproof explain` prints it."""
    from spanproof.findings import CODES
    from spanproof.report.pages import page

    rows = (
        (f"[`{name}`](#{name.replace('.', '')})", row.severity.label, row.title)
        for name, row in CODES.items()
    )
    text = "# Finding codes\n\n" + table(("code", "severity", "what was found"), rows)
    text += (
        "\nA finding of severity error makes its check violated; warnings and notes do not, "
        "unless\n`--fail-on` says so. Below is what `spanproof explain CODE` prints.\n"
    )
    for name in CODES:
        lines = page(name).strip().splitlines()
        text += "\n" + "\n".join(f"#{line}" if line.startswith("#") else line for line in lines)
        text += "\n"
    return text


def checks() -> str:
    from spanproof.check.registry import CHECKS
    from spanproof.findings import CODES

    text = "# Checks\n"
    for check in CHECKS.values():
        rows = [
            ("question", check.question),
            ("sound", check.sound),
            ("complete", check.complete),
            ("cost", check.cost),
            ("may be split by", check.partition),
            ("source", check.source),
            (
                "findings",
                ", ".join(
                    f"[`{c}`](findings.md#{c.replace('.', '')})"
                    for c in CODES
                    if c.startswith(check.name + ".")
                ),
            ),
        ]
        text += f"\n## {check.name}\n\n" + table(("", ""), rows)
    text += "\n## What a check covered\n\n"
    return text + table(("name", "meaning"), _named(wording.COVERED))


def rules() -> str:
    from spanproof.ingest.rules import RULES

    text = (
        "# Normalisation rules\n\nIn the order in which they are applied. The report counts, for "
        "each rule, the spans it touched.\n\n"
    )
    rows = ((code(r.name), r.does, "yes" if r.changes else "no") for r in RULES)
    return text + table(("rule", "what it does", "changes the table"), rows)


def facts() -> str:
    from spanproof.table import Table
    from spanproof.table.facts import facts_of
    from spanproof.table.identity import identify

    _same(facts_of(identify(Table.empty())), wording.FACTS, "facts")
    text = (
        "# Facts and notes\n\n`spanproof info FILE` prints the facts of a file: counts of what "
        "stands in it, before anything is\nrepaired. The JSON report has them under `inputs`.\n\n"
        "A span's key is (trace id, span id). Its parent is the span of the same trace with the "
        "parent's\nid; if several carry it, the one of the same service, else a SERVER, else the "
        "first. In Zipkin\nfiles a SERVER half that shares its id with a CLIENT half has that "
        "CLIENT as its parent.\n\n"
    )
    text += table(("fact", "meaning"), _named(wording.FACTS))
    text += "\n## Notes\n\nOddities of a file that touch no single span.\n\n"
    return text + table(("note", "meaning"), _named(wording.NOTES))


def schema() -> str:
    from spanproof.table.schema import SCHEMAS, TEXT
    from spanproof.vocabulary.dialects import Dialect
    from spanproof.vocabulary.otlp import ValueType

    _same(SCHEMAS, wording.TABLES, "tables")
    text = (
        "# The trace table\n\nThe OTel-Arrow data model as Arrow batches, one of each name in a "
        "`spanproof.Table`. Row numbers\nare ids, and every column of parents ascends. Type `text` "
        "is a dictionary of int32 codes and\nstrings.\n"
    )
    attributes = SCHEMAS["span_attributes"]
    used: set[str] = set()
    for name, batch in SCHEMAS.items():
        text += f"\n## {name}\n\n{wording.TABLES[name]}"
        if batch == attributes and name != "span_attributes":
            text += " Columns as in [span_attributes](#span_attributes).\n"
            continue
        rows = []
        for column in batch:
            key = f"{name}.{column.name}"
            key = key if key in wording.COLUMNS else column.name
            used.add(key)
            kind = "text" if column.type == TEXT else column.type
            absent = "may be null" if column.nullable else ""
            rows.append((code(column.name), code(kind), absent, wording.COLUMNS[key]))
        text += "\n\n" + table(("column", "type", "", "meaning"), rows)
    _same(used, wording.COLUMNS, "columns")
    text += "\n## Types of attribute values\n\n"
    text += table(("number", "type"), ((t.value, code(t.name)) for t in ValueType))
    text += "\n## Bits of `spans.dialect`\n\n"
    return text + table(
        ("bit", "how the span was spelt"), ((d.value, code(d.name)) for d in Dialect)
    )


def edges() -> str:
    from spanproof.order import EDGE_KINDS

    rows = (
        (code(kind.name.lower()), row.cause, row.effect, row.grade, row.source)
        for kind, row in EDGE_KINDS.items()
    )
    text = "# Kinds of edges\n\nWhat orders two spans, and how far it may be trusted; why, stands "
    text += "in\n[the causal order](../explanation/causal-order.md).\n\n"
    return text + table(("kind", "from", "to", "grade", "source"), rows)


def attributes() -> str:
    from spanproof.vocabulary import attributes as names

    read: list[str] = []
    for name, value in vars(names).items():
        if name.isupper() and name != "LOGFIRE_PENDING":
            read += [value] if isinstance(value, str) else value
    _same(read, wording.ATTRIBUTES, "attributes")
    text = (
        "# Attributes that are read\n\nNo other attribute changes a verdict. A clock is named by "
        "the first of its attributes below that the\nresource has, in this order: "
        + ", ".join(code(n) for n in names.CLOCK_DOMAIN)
        + ", `service.name`.\n\n"
    )
    return text + table(("attribute", "what it is read for"), _named(wording.ATTRIBUTES))


def report() -> str:
    from spanproof.report.schema import schema as published

    text = "# The JSON report\n\n"
    whole = published()
    text += f"{whole['description']} `spanproof schema` prints the JSON Schema.\n\n"
    text += "## The whole\n\n" + _properties(whole)
    for name, part in whole["$defs"].items():
        if "properties" in part:
            text += f"\n## {name}\n\n" + _properties(part)
    text += "\n## Figures\n\n" + table(("figure", "meaning"), _named(wording.FIGURES))
    return text


def _properties(part: dict[str, Any]) -> str:
    rows = []
    for name, value in part["properties"].items():
        kind = value.get("$ref", "").rpartition("/")[2] or value.get("type", "")
        if "items" in value:
            item = value["items"]
            kind = f"array of {item.get('$ref', '').rpartition('/')[2] or item.get('type', '')}"
        if "const" in value or "enum" in value:
            kind = ", ".join(code(v) for v in value.get("enum", [value.get("const")]))
        always = "always" if name in part.get("required", ()) else ""
        rows.append((code(name), kind, always, value.get("description", "")))
    return table(("member", "type", "", "meaning"), rows)


# -- the Python interface


def python() -> str:
    """Every exported name with its signature and docstring."""
    text = "# Python\n\nWhat `import spanproof` gives; each name is loaded when it is first used.\n"
    for name in spanproof.__all__:
        value = getattr(spanproof, name)
        text += f"\n## {name}\n\n"
        if inspect.isclass(value):
            text += _class(name, value)
        elif inspect.isfunction(value):
            text += f"```text\n{name}{_signature(value)}\n```\n\n{inspect.getdoc(value)}\n"
        elif isinstance(value, dict):
            text += "A dict from finding code to its row; see [finding codes](findings.md).\n"
        else:
            text += f"The version, {code(repr(value))}.\n"
    return text


def _class(name: str, value: type) -> str:
    doc = inspect.getdoc(value) or ""
    text = "" if doc.startswith(f"{name}(") else f"{doc}\n"
    if issubclass(value, Enum):
        return text + "\n" + table(("member", "value"), ((code(m.name), m.value) for m in value))
    if issubclass(value, Exception):
        text += f"\nBase: {code(value.__base__.__name__)}.\n"
    if dataclasses.is_dataclass(value):
        rows = ((code(f.name), code(f.type)) for f in dataclasses.fields(value))
        text += "\n" + table(("field", "type"), rows)
    for member, found in vars(value).items():
        if member.startswith("_") and member != "__len__":
            continue
        called = getattr(found, "__func__", found)  # of a class method
        function = getattr(found, "fget", getattr(found, "func", called))  # of a property
        if not inspect.isfunction(function) or not function.__doc__:
            continue
        text += f"\n### {name}.{member}\n\n"
        if function is called:
            text += f"```text\n{member}{_signature(function)}\n```\n\n"
        text += f"{inspect.getdoc(function)}\n"
    return text


def _signature(function: Callable[..., Any]) -> str:
    """As written, one parameter a line where it is long."""
    parts, starred = [], False
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        star = stars.get(parameter.kind, "")
        starred = starred or star == "*"
        shown = f"{star}{parameter.name}: {parameter.annotation}"
        if parameter.default is not parameter.empty:
            shown += f" = {_default(parameter.default)}"
        parts.append(shown)
    gives = signature.return_annotation
    line = f"({', '.join(parts)}) -> {gives}"
    if len(line) < 80:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f") -> {gives}"


def _default(value: object) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, frozenset):
        return "{" + ", ".join(_default(member) for member in sorted(value)) + "}"
    return repr(value)


# -- putting it together


def _named(rows: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((code(name), meaning) for name, meaning in rows.items())


def _same(code_names: Iterable[str], worded: Iterable[str], what: str) -> None:
    missing, extra = set(code_names) - set(worded), set(worded) - set(code_names)
    if missing or extra:
        sys.exit(f"docs/wording.py, {what}: not worded {sorted(missing)}, gone {sorted(extra)}")


PAGES: Final[dict[str, Callable[[], str]]] = {
    "attributes.md": attributes,
    "checks.md": checks,
    "commands.md": commands,
    "edges.md": edges,
    "facts.md": facts,
    "findings.md": findings,
    "normalisation.md": rules,
    "python.md": python,
    "report.md": report,
    "table.md": schema,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    only_check = parser.parse_args().check
    stale = []
    for name, write in PAGES.items():
        path, text = REFERENCE / name, HEAD + write()
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not only_check:
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"docs/reference/{name}: {'stale' if only_check else 'written'}")
    if stale and only_check:
        print("run: python docs/generate.py")
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
