"""The machine-readable forms: JSON against its published schema, SARIF, JUnit."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from tests import samples

from spanproof.errors import UsageError
from spanproof.findings import CODES, Severity, Verdict
from spanproof.report import json_report, junit, sarif
from spanproof.report.model import SCHEMA
from spanproof.report.pages import page
from spanproof.report.schema import schema


def _strict(text: str) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("report", [samples.report(), samples.holding()])
def test_json_keeps_its_schema(report: object) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    validator.validate(_strict(json_report.render(report)))


@pytest.mark.parametrize("missing", ["verdict", "counts", "findings"])
def test_the_schema_can_refuse(missing: str) -> None:
    content = json_report.content(samples.holding())
    del content[missing]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(content)


def test_json_says_exactly_the_interface() -> None:
    told = _strict(json_report.render(samples.report()))
    assert list(told) == [
        "schema", "verdict", "inputs", "normalisation", "checks", "counts", "figures", "findings",
    ]  # fmt: skip
    assert told["schema"] == SCHEMA
    assert told["verdict"] == "violated"
    assert list(told["inputs"][0]) == [
        "path", "format", "compression", "spans", "traces", "bytes", "facts", "notes", "signals",
        "left_out",
    ]  # fmt: skip
    assert list(told["checks"][0]) == [
        "check", "question", "verdict", "sound", "complete", "covered", "reason",
    ]  # fmt: skip
    assert told["findings"][0] == {
        "code": "causality.reversed_edge",
        "check": "causality",
        "severity": "error",
        "message": "cart · GetCart starts 21 µs before its parent frontend · cart.GetCart",
        "trace_id": samples.CHECKOUT,
        "span_ids": ["22f067aa0ba902b7", "11f067aa0ba902b7"],
        "spans": [
            {
                "span_id": span.span_id,
                "service": span.service,
                "name": span.name,
                "kind": span.kind,
                "start_ns": span.start_ns,
                "duration_ns": span.duration_ns,
            }
            for span in (samples.GET, samples.CART)
        ],
        "evidence": {"kind": "parent", "early_ns": 21000, "one_clock": False},
    }
    # What the trace says is data: nothing of it is changed, and NaN never stands bare.
    assert told["findings"][-1]["evidence"] == {"name": samples.HOSTILE, "weight": "NaN"}


def test_json_writes_what_json_cannot_say() -> None:
    value = {"a": b"\x01\xff", "b": (float("inf"), -float("inf")), "c": Verdict.HOLDS, "d": {2, 1}}
    value |= {"e": Severity.NOTE, "f": 2**64, "g": "\udcff", "h": None, 3: True}
    text = json_report.written(value, indent=None)
    text.encode("utf-8")
    assert json.loads(text) == {
        "a": "01ff", "b": ["Infinity", "-Infinity"], "c": "holds", "d": [1, 2],
        "e": 1, "f": 2**64, "g": "\udcff", "h": None, "3": True,
    }  # fmt: skip
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    json.loads(json_report.written(deep))


SAME_BYTES = """
import sys
from spanproof.report import html, json_report, junit, sarif, text
from tests import samples
for form in (json_report, sarif, junit, html, text):
    sys.stdout.buffer.write(form.render(samples.report()).encode())
"""


def test_the_same_report_gives_the_same_bytes(pytestconfig: pytest.Config) -> None:
    """Two processes with two hash seeds."""
    told = [
        subprocess.run(
            [sys.executable, "-c", SAME_BYTES],
            env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            cwd=pytestconfig.rootpath,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 10_000


def test_json_and_pages_load_nothing_heavy() -> None:
    code = (
        "import sys; from spanproof.report import json_report, sarif, junit; "
        "from spanproof.report.pages import page; page('causality.cycle'); "
        "print([m for m in ('rich', 'jinja2', 'numpy', 'pyarrow', 'numba') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert told.stdout == "[]\n"


def test_sarif() -> None:
    log = _strict(sarif.render(samples.report()))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["markdown"].startswith(f"# {rule['id']}\n")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    first, cycle = run["results"][:2]
    assert first["level"] == "error"
    (location,) = first["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "traces/check%20out.json"
    assert [span["name"] for span in location["logicalLocations"]] == ["GetCart", "cart.GetCart"]
    cycle_file = cycle["locations"][0]["physicalLocation"]["artifactLocation"]
    assert cycle_file["uri"] == "late.json"
    fingerprints = {r["partialFingerprints"]["spanproof/v1"] for r in run["results"]}
    assert len(fingerprints) == len(run["results"])
    told = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert told == [
        "structure: unknown: 3 spans were dropped by the SDK",
        "traces/check out.json: left out: line 9: torn in the middle of an object",
        "9900 more findings were counted and are not listed here",
    ]


def test_sarif_is_cut_where_github_refuses() -> None:
    one = samples.FINDINGS[0]
    report = dataclasses.replace(
        samples.report(),
        findings=(one,) * (sarif.RESULTS_MAX + 7),
        counts={one.code: sarif.RESULTS_MAX + 10},
    )
    (run,) = sarif.content(report)["runs"]
    assert len(run["results"]) == 25_000
    assert run["properties"]["resultsLeftOut"] == 10


def test_sarif_sets_are_sets() -> None:
    """The schema demands unique artifacts and logical locations; inputs and spans may repeat."""
    one = dataclasses.replace(samples.FINDINGS[0], spans=(samples.GET, samples.GET))
    report = samples.report()
    report = dataclasses.replace(report, findings=(one,), inputs=report.inputs * 2)
    (run,) = sarif.content(report)["runs"]
    assert len(run["artifacts"]) == 2
    assert len(run["results"][0]["locations"][0]["logicalLocations"]) == 1


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("-", "stdin"),
        ("a b/ü#.json", "a%20b/%C3%BC%23.json"),
        ("/tmp/x.json", "file:///tmp/x.json"),
        ("bad\udcff.json", "bad%FF.json"),
    ],
)
def test_sarif_uri(path: str, uri: str) -> None:
    assert sarif.uri(path) == uri


def test_the_fingerprint_is_of_the_spans_and_not_of_the_words() -> None:
    def fingerprint(**changes: object) -> str:
        told = dataclasses.replace(samples.FINDINGS[0], **changes)
        report = dataclasses.replace(samples.report(), findings=(told,))
        (run,) = sarif.content(report)["runs"]
        return run["results"][0]["partialFingerprints"]["spanproof/v1"]

    same = fingerprint()
    assert fingerprint(message="other words", evidence={}) == same
    assert fingerprint(spans=(samples.GET,)) != same
    assert fingerprint(code="causality.cycle") != same


def test_junit() -> None:
    root = ET.fromstring(junit.render(samples.report()))
    assert {k: root.get(k) for k in ("tests", "failures", "errors")} == {
        "tests": str(2 + len(CODES)),
        "failures": "3",
        "errors": "1",
    }
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert set(CODES) <= set(cases)
    failure = cases["causality.reversed_edge"].find("failure")
    assert failure.get("message") == "an effect is timed before its cause: 9901"
    assert failure.text.endswith("… 9,900 more")
    # A warning is told, and is no failure; unknown is an error and no pass.
    assert cases["structure.missing_parent"].find("failure") is None
    assert cases["structure.missing_parent"].find("system-out") is not None
    unknown = cases["Is every trace a tree of spans with ids of their own?"].find("error")
    assert unknown.get("message") == "unknown: 3 spans were dropped by the SDK"


def test_junit_fails_from_the_severity_that_was_asked_for() -> None:
    report = dataclasses.replace(samples.report(), fail_on=Severity.WARNING)
    root = ET.fromstring(junit.render(report))
    assert root.get("failures") == "5"


def test_junit_is_xml_whatever_the_names_hold() -> None:
    every = "".join(map(chr, [*range(0x20), 0x7F, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x1F600]))
    report = samples.report()
    check = dataclasses.replace(report.checks[0], reason=every, question=every + "<]]>&\"'")
    told = dataclasses.replace(samples.FINDINGS[0], message=every, trace_id=every)
    text = junit.render(dataclasses.replace(report, checks=(check,), findings=(told,)))
    ET.fromstring(text.encode("utf-8"))


# -- pages

HEADINGS = ["What it means", "Why it matters", "Before and after", "False alarms to know of",
            "What to do"]  # fmt: skip
ROWS = ["Severity", "Confidence", "Check", "Soundness", "Source"]


@pytest.mark.parametrize("code", CODES)
def test_every_page_is_built_alike(code: str) -> None:
    text = page(code)
    title, _, sentence = text.split("\n")[:3]
    assert title == f"# {code}"
    assert sentence.endswith((".", ":")) or "," in sentence
    assert [line[3:] for line in text.split("\n") if line.startswith("## ")] == HEADINGS
    rows = dict(
        line.strip("| ").split(" | ", 1)
        for line in text.split("\n")
        if line.startswith("| ") and line != "| | |"
    )
    assert list(rows) == ROWS
    assert rows["Severity"] == CODES[code].severity.label
    assert rows["Check"] == f"`{code.partition('.')[0]}`"
    assert max(map(len, text.replace("| ", "\n").split("\n"))) < 400


@pytest.mark.parametrize("code", ["", "nonsense", "../model", "causality"])
def test_no_page(code: str) -> None:
    with pytest.raises(UsageError, match="there is no finding code"):
        page(code)
