"""OTLP/JSON is read as the definition says: in every dialect, broken in every way."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import math
import random
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status, TracesData
from tests.oracles.json_otlp import RefusedError, read
from tests.strategies import parts, traces_data

from spanproof.errors import LimitError, TraceError
from spanproof.ingest.otlp_json import NOTES, is_lines, to_wire, vocabulary
from spanproof.ingest.wire import Wire, block
from spanproof.kernels import json_otlp as kernel
from spanproof.vocabulary.dialects import Dialect
from spanproof.vocabulary.otlp import DIALECT_FIELD, Message, Type

DATA = Path(__file__).parent / "data" / "otel"
COVERAGE = DATA / "synthetic" / "coverage"
MALFORMED = DATA / "synthetic" / "malformed"
HEAD = b'{"resourceSpans":[{"scopeSpans":[{"spans":['
TAIL = b"]}]}]}"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wire_of(text: bytes | str, *, lines: bool = False, keep_going: bool = False) -> Wire:
    raw = text.encode() if isinstance(text, str) else text
    return to_wire(np.frombuffer(raw, np.uint8), lines=lines, keep_going=keep_going)


def raw_of(wire: Wire) -> bytes:
    return b"".join(wire.data[a:b].tobytes() for a, b in zip(wire.starts, wire.ends, strict=True))


def message_of(wire: Wire) -> TracesData:
    """All messages as one, without the spellings."""
    message = TracesData.FromString(raw_of(wire))
    for span in spans_of(message):
        span.DiscardUnknownFields()
    return message


def spans_of(message: TracesData) -> list[Span]:
    return [s for r in message.resource_spans for g in r.scope_spans for s in g.spans]


def spellings_of(wire: Wire) -> list[int]:
    bits = []
    for span in spans_of(TracesData.FromString(raw_of(wire))):
        fields = list(UnknownFieldSet(span))
        assert all(f.field_number == DIALECT_FIELD and f.data for f in fields)
        assert len(fields) <= 1
        bits.append(fields[0].data if fields else 0)
    return bits


def content(message: TracesData) -> bytes:
    return message.SerializeToString(deterministic=True)


def span_with(member: str) -> bytes:
    return HEAD + b"{" + member.encode() + b"}" + TAIL


def attribute_with(member: str) -> bytes:
    return span_with('"attributes":[{"key":"k","value":{' + member + "}}]")


def agree(text: bytes, *, lines: bool = False) -> None:
    """The reader and its twin accept the same text with the same content, or neither does."""
    try:
        expected = read(text)
    except RefusedError:
        with pytest.raises(TraceError):
            wire_of(text, lines=lines)
        return
    wire = wire_of(text, lines=lines)
    assert content(message_of(wire)) == content(expected.message)
    assert spellings_of(wire) == expected.spellings


# --- the tables -------------------------------------------------------------------------


def test_the_kernel_and_the_vocabulary_number_alike() -> None:
    for name, number in Type.__members__.items():
        assert getattr(kernel, f"T_{name}") == number
    for name in ("UPPER_CASE_HEX", "BASE64_ID", "DASHED_ID", "TEXT_ID", "ENUM_NAME"):
        assert getattr(kernel, name) == Dialect[name]
    assert Message.TRACES == 0
    assert len(NOTES) <= kernel.S_COUNTS - kernel.S_NOTES


def test_every_name_is_found() -> None:
    tables = vocabulary()
    assert len(set(tables.words)) > 60
    assert (tables.rows[:, kernel.R_SIZE] == [len(w) for w in tables.words]).all()


# --- recorded and made files ------------------------------------------------------------


def text_of(path: Path) -> bytes:
    for stored in (path, path.with_name(path.name + ".gz")):
        if stored.exists():
            raw = stored.read_bytes()
            return gzip.decompress(raw) if stored.suffix == ".gz" else raw
    raise FileNotFoundError(path)


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        (row["file"], row["equal_to"])
        for row in rows_of(COVERAGE / "content.csv")
        if row["file"].endswith((".json", ".jsonl")) and row["signal"].startswith("traces")
    ],
)
def test_coverage_files_equal_what_they_were_made_from(name: str, same_as: str) -> None:
    text = text_of(COVERAGE / name)
    data = np.frombuffer(text, np.uint8)
    wire = to_wire(data, lines=is_lines(data))
    expected = TracesData()
    expected.ParseFromString((COVERAGE / re.match("[^, ]+", same_as)[0]).read_bytes())
    if "but for scope attributes" in same_as:
        for group in expected.resource_spans:
            for scope in group.scope_spans:
                scope.scope.ClearField("attributes")
                scope.scope.ClearField("dropped_attributes_count")
        message = message_of(wire)
        for made, kept in zip(message.resource_spans, expected.resource_spans, strict=True):
            for a, b in zip(made.scope_spans, kept.scope_spans, strict=True):
                assert a.scope.name == b.scope.name
                assert content_of_spans(a) == content_of_spans(b)
        return
    assert content(message_of(wire)) == content(expected)


def content_of_spans(scope: object) -> list[bytes]:
    return [s.SerializeToString(deterministic=True) for s in scope.spans]


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("dialect-snake-case.json", {"snake_case"}),
        ("dialect-instrumentation-library.json", {"instrumentation_library"}),
        ("dialect-tempo-v1.json", {"tempo_envelope"}),
        ("dialect-tempo-v2.json", {"tempo_envelope"}),
        ("traces.json", set()),
        ("int64-as-numbers.json", set()),
    ],
)
def test_dialects_of_a_file_are_noted(name: str, notes: set[str]) -> None:
    assert set(wire_of(text_of(COVERAGE / name)).notes) == notes


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("dialect-base64-ids.json", Dialect.BASE64_ID),
        ("dialect-enum-names.json", Dialect.ENUM_NAME),
        ("ids-upper-case.json", Dialect.UPPER_CASE_HEX),
    ],
)
def test_spellings_of_a_span_travel_with_it(name: str, bits: Dialect) -> None:
    text = text_of(COVERAGE / name)
    spellings = spellings_of(wire_of(text))
    assert spellings == read(text).spellings
    assert bits in spellings


def test_other_signals_are_counted() -> None:
    wire = wire_of(text_of(COVERAGE / "mixed-signals.jsonl"), lines=True)
    assert wire.signals == {"metrics": 9, "data_points": 17, "log_records": 7}
    assert len(spans_of(message_of(wire))) == 11


@pytest.mark.parametrize(
    "name",
    [
        "otel-demo/otel-demo.jsonl",
        "duckdb-otlp/nulls.jsonl",
        "duckdb-otlp/deep-nesting.jsonl",
        "jaeger/otlp-example.json",
        "jaeger/pair3-otlp-combined.json",
        "opentelemetry-proto/trace.json",
        "hyperdx/two-spans.json",
    ],
)
def test_recorded_files_agree_with_the_definition(name: str) -> None:
    text = text_of(DATA / name)
    data = np.frombuffer(text, np.uint8)
    lines = is_lines(data)
    assert lines == (name.endswith("l") and text.strip().count(b"\n") > 0)
    wire = to_wire(data, lines=lines)
    documents = [line for line in text.split(b"\n") if line.strip()] if lines else [text]
    assert len(wire.ends) == len(documents)
    for start, end, document in zip(wire.starts, wire.ends, documents, strict=True):
        message = TracesData.FromString(wire.data[start:end].tobytes())
        for span in spans_of(message):
            span.DiscardUnknownFields()
        assert content(message) == content(read(document).message)


EXPECTED = [
    row
    for row in rows_of(MALFORMED / "expected.csv")
    if row["file"].endswith((".json", ".jsonl"))
    and row["cause"] not in ("empty file", "utf-16")
    and row["file"] != "wrong-suffix.json"
]


@pytest.mark.parametrize("row", EXPECTED, ids=[row["file"] for row in EXPECTED])
def test_malformed_files_get_their_outcome(row: dict[str, str]) -> None:
    text = text_of(MALFORMED / row["file"]).removeprefix(b"\xef\xbb\xbf")
    data = np.frombuffer(text, np.uint8)
    lines = is_lines(data)
    assert lines == row["file"].endswith("l")
    if row["expected"] != "reject":
        wire = to_wire(data, lines=lines)
        assert len(spans_of(message_of(wire))) == int(row["spans"])
        assert content(message_of(wire)) == content(
            message_of(to_wire(data, lines=lines, keep_going=True))
        )
        return
    with pytest.raises(TraceError) as caught:
        to_wire(data, lines=lines)
    place, at = caught.value.place, row["at_from"]
    if at.isdecimal():
        assert int(at) <= int(place.removeprefix("byte ")) <= int(row["at_to"])
    elif at.startswith("line"):
        assert place.startswith(at)
    else:
        assert place.endswith(at.removeprefix("…"))
    if row["cause"] in ("utf-8", "depth", "json", "not a trace"):
        assert row["cause"] in caught.value.found.lower()
    wire = to_wire(data, lines=lines, keep_going=True)
    assert str(wire.left_out[0]) == str(caught.value)
    if row["spans_with_keep_going"]:
        assert len(wire.left_out) == 1
        assert len(spans_of(message_of(wire))) == int(row["spans_with_keep_going"])


# --- every dialect at random ------------------------------------------------------------


class Speller:
    """A message as JSON, spelt as the dice say."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.snake = self.dice.random() < 0.2

    def chance(self, p: float) -> bool:
        return self.dice.random() < p

    def gap(self) -> str:
        return self.dice.choice(["", "", "", " ", "\n", "\t\r "])

    def text(self, value: str) -> str:
        written = json.dumps(value, ensure_ascii=self.chance(0.5))
        if self.chance(0.1):
            units = value.encode("utf-16-be")
            written = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
            return f'"{written}"'
        return written.replace("/", "\\/") if self.chance(0.2) else written

    def whole(self, value: int) -> str:
        zeros = len(str(value)) - len(str(value).rstrip("0"))
        if value and zeros and self.chance(0.3):
            power = self.dice.randint(1, zeros)
            written = f"{value // 10**power}e{self.dice.choice(['', '+'])}{power}"
        elif value and self.chance(0.2):
            digits = str(abs(value))
            sign = "-" if value < 0 else ""
            written = f"{sign}{digits[0]}.{digits[1:] or '0'}E{len(digits) - 1}"
        else:
            written = f"{value}.0" if self.chance(0.1) else str(value)
        return f'"{written}"' if self.chance(0.5) else written

    def double(self, value: float) -> str:
        if not math.isfinite(value):
            return '"NaN"' if math.isnan(value) else '"-Infinity"' if value < 0 else '"Infinity"'
        return f'"{value!r}"' if self.chance(0.2) else repr(value)

    def octets(self, value: bytes) -> str:
        encode = base64.urlsafe_b64encode if self.chance(0.5) else base64.b64encode
        text = encode(value).decode()
        return json.dumps(text.rstrip("=") if self.chance(0.5) else text)

    def identifier(self, value: bytes) -> str:
        text = value.hex()
        if len(value) in (8, 16) and self.chance(0.2):
            text = base64.b64encode(value).decode()
        elif len(value) == 16 and self.chance(0.2):
            text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        elif self.chance(0.2):
            text = text.upper()
        return f'"{text}"'

    def enum(self, field, value: int) -> str:
        named = field.enum_type.values_by_number.get(value)
        if named is None or self.chance(0.6):
            return str(value)
        cut = self.chance(0.5)
        return f'"{re.sub("^(SPAN_KIND|STATUS_CODE)_", "", named.name) if cut else named.name}"'

    def scalar(self, field, value) -> str:
        match field.type:
            case field.TYPE_MESSAGE:
                return self.message(value)
            case field.TYPE_STRING:
                return self.text(value)
            case field.TYPE_BYTES:
                return (self.octets if field.name == "bytes_value" else self.identifier)(value)
            case field.TYPE_BOOL:
                return json.dumps(value)
            case field.TYPE_DOUBLE:
                return self.double(value)
            case field.TYPE_ENUM:
                return self.enum(field, value)
        return self.whole(value)

    def message(self, message) -> str:
        members = []
        for field, value in message.ListFields():
            many = field.is_repeated
            body = (
                "[" + ",".join(self.gap() + self.scalar(field, v) + self.gap() for v in value) + "]"
                if many
                else self.scalar(field, value)
            )
            key = field.name if self.snake else field.json_name
            if self.chance(0.05):
                key = f"\\u{ord(key[0]):04x}{key[1:]}"
            members.append((key, body))
        if self.chance(0.2):
            members.append(("unheardOf", '{"x":[1,-2.5e-3,{"y":null},"\\u00e9",true,[]]}'))
        if self.chance(0.2):
            absent = [f for f in message.DESCRIPTOR.fields if f not in dict(message.ListFields())]
            members += [(f.json_name, "null") for f in absent[:2]]
        self.dice.shuffle(members)
        between = ",".join(
            f'{self.gap()}"{key}"{self.gap()}:{self.gap()}{body}' for key, body in members
        )
        return "{" + between + self.gap() + "}"

    def document(self, message: TracesData) -> str:
        text = self.message(message)
        if self.chance(0.1):
            text = '{"trace":' + text + "}"
        if self.chance(0.1):
            text = f"[{text}]"
        return self.gap() + text + self.gap()


def with_plain_nans(message: TracesData) -> TracesData:
    """JSON cannot say which NaN."""
    plain = TracesData.FromString(content(message))
    for part in parts(plain):
        if part.DESCRIPTOR.name == "AnyValue" and math.isnan(part.double_value):
            part.double_value = math.nan
    return plain


@settings(deadline=None, max_examples=150)
@given(traces_data(), st.integers(0, 2**32))
def test_a_message_spelt_in_any_dialect_is_read_back(message: TracesData, seed: int) -> None:
    text = Speller(seed).document(message).encode()
    try:
        expected = read(text)
    except RefusedError:  # unheardOf alone at the top is no trace
        assert not message.resource_spans
        return
    assert content(with_plain_nans(expected.message)) == content(with_plain_nans(message))
    wire = wire_of(text)
    assert content(message_of(wire)) == content(expected.message)
    assert spellings_of(wire) == expected.spellings


@settings(deadline=None, max_examples=60)
@given(traces_data(), st.integers(0, 2**32))
def test_values_of_attributes_are_in_canonical_bytes(message: TracesData, seed: int) -> None:
    text = Speller(seed).document(message).encode()
    try:
        wire = wire_of(text)
    except TraceError:
        return
    raw = raw_of(wire)
    for span in spans_of(message_of(wire)):
        for attribute in span.attributes:
            if attribute.HasField("value"):
                assert block(2, attribute.value.SerializeToString(deterministic=True)) in raw


@pytest.mark.parametrize(
    ("member", "canonical"),
    [
        ('"stringValue":"a","intValue":1', "1801"),
        ('"intValue":1,"stringValue":null', "1801"),
        ('"arrayValue":{"values":[{}]},"arrayValue":{}', "2a00"),
        ('"kvlistValue":{"values":[{"value":{"intValue":1},"key":"k"}]}', "320912070a016b12021801"),
        (
            '"kvlistValue":{"values":[{"key":"x","value":{"intValue":1},"key":"k"}]}',
            "32090a070a016b12021801",
        ),
        (
            '"kvlistValue":{"values":[{"key":"x","value":{"boolValue":true},"key":""}]}',
            "32060a0412021001",
        ),
        (
            '"kvlistValue":{"values":[{"key":"k","value":{"intValue":9},"value":{}}]}',
            "32070a050a016b1200",
        ),
        ('"stringValue":""', "0a00"),
        ('"boolValue":false', "1000"),
        ('"intValue":0', "1800"),
        ('"bytesValue":""', "3a00"),
        ("", ""),
    ],
)
def test_a_repeated_member_replaces_within_a_value(member: str, canonical: str) -> None:
    text = attribute_with(member)
    agree(text)
    value = spans_of(message_of(wire_of(text)))[0].attributes[0].value
    plain = value.SerializeToString(deterministic=True)
    assert block(2, plain) in raw_of(wire_of(text))
    assert plain.hex() == canonical.replace("320912070a", "32090a070a")


def test_long_values_get_longer_lengths() -> None:
    for size in (0, 1, 126, 127, 128, 129, 16383, 16384, 70_000, 2_200_000):
        agree(attribute_with(f'"arrayValue":{{"values":[{{"stringValue":"{"x" * size}"}}]}}'))


def test_values_nest_as_deep_as_protobuf_allows() -> None:
    def nested(levels: int) -> bytes:
        return attribute_with(
            '"arrayValue":{"values":[{' * levels + '"intValue":1' + "}]}" * levels
        )

    # resource spans, scope spans, span, attribute, value; then two a level
    TracesData.FromString(raw_of(wire_of(nested(47))))
    agree(nested(47))
    with pytest.raises(LimitError, match="depth"):
        wire_of(nested(48))
    wire = wire_of(nested(48), keep_going=True)
    assert (len(wire.left_out), len(spans_of(message_of(wire)))) == (1, 0)
    with pytest.raises(LimitError, match="depth"):
        wire_of('{"unheardOf":' + "[" * 600 + "]" * 600 + "}")
    assert raw_of(wire_of('{"trace":null,"unheardOf":' + "[" * 400 + "]" * 400 + "}")) == b""


# --- numbers ----------------------------------------------------------------------------

digits = st.text("0123456789", min_size=1, max_size=25)


@st.composite
def decimals(draw) -> str:
    """Texts of JSON's number grammar, of every size; many near a rounding boundary."""
    if draw(st.booleans()):
        written = repr(abs(draw(st.floats(allow_nan=False, allow_infinity=False))))
    else:
        whole = draw(digits).lstrip("0") or "0"
        written = whole + (("." + draw(digits)) if draw(st.booleans()) else "")
    if "e" not in written and draw(st.booleans()):
        written += f"e{draw(st.integers(-360, 330))}"
    return draw(st.sampled_from(["", "-"])) + written


def half_way(value: float) -> str:
    """The decimal exactly between a double and the next, all digits of it."""
    low, high = int(value), int(math.nextafter(value, math.inf))
    return str((low + high) // 2)


HARD = [
    "0.30000000000000004",
    "9007199254740993",
    "9007199254740992.99999999999999999999999999999",
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "4.9406564584124654e-324",
    "2.4703282292062327208e-324",
    "2.4703282292062328e-324",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e400",
    "-1e-400",
    "0e999999999999999999999",
    "1e-999999999999999999999",
    "1" + "0" * 300,
    "0." + "0" * 400 + "1",
    "1" + "0" * 1000 + "e-1000",
    "-0",
    "-0.0",
    half_way(1e300),
    half_way(1e300) + "." + "0" * 900 + "1",
    half_way(2.0**60) + ".0",
    half_way(math.nextafter(2.0**60, 0)),
    "179769313486231580793" + "0" * 288,
    "89255" + "7" * 900 + "e-1200",
]


def check_doubles(written: list[str]) -> None:
    values = ",".join(f'{{"doubleValue":{text}}}' for text in written)
    text = attribute_with(f'"arrayValue":{{"values":[{values}]}}')
    read_back = spans_of(message_of(wire_of(text)))[0].attributes[0].value.array_value.values
    assert [struct.pack("<d", v.double_value) for v in read_back] == [
        struct.pack("<d", float(text)) for text in written
    ]


@settings(deadline=None, max_examples=100)
@given(st.lists(decimals(), min_size=30, max_size=60))
@example(HARD)
def test_doubles_are_rounded_as_python_rounds_them(written: list[str]) -> None:
    check_doubles(written)


def test_every_power_of_ten_and_two_is_rounded_right() -> None:
    check_doubles(
        [f"{m}e{e}" for e in range(-345, 312) for m in ("1", "8.5", "123456789012345678901")]
    )
    check_doubles([repr(2.0**e) for e in range(-1074, 1024)])
    check_doubles([half_way(2.0**e * 1.5) for e in range(54, 1023, 7)])


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["attr", "time", "count", "kind", "flags"]),
    st.one_of(
        st.integers(-(2**65), 2**65).map(str),
        st.sampled_from([2**31, 2**32, 2**63, 2**64, -(2**31), -(2**63)]).flatmap(
            lambda edge: st.integers(-2, 2).map(lambda off: str(edge + off))
        ),
        decimals(),
        st.builds("{}e{}".format, st.integers(-999, 999), st.integers(-4, 22)),
        st.builds("{}.{}e{}".format, st.integers(-999, 999), digits, st.integers(-4, 30)),
        st.sampled_from(
            ["", "+1", "01", "1.", ".5", "1e", "0x1", "1_0", " 1", "-", "true", "SERVER"]
        ),
    ),
    st.booleans(),
)
def test_whole_numbers_are_exact_or_refused(where: str, number: str, quoted: bool) -> None:
    body = f'"{number}"' if quoted else number
    agree(
        attribute_with(f'"intValue":{body}')
        if where == "attr"
        else span_with(
            {
                "time": f'"startTimeUnixNano":{body}',
                "count": f'"droppedEventsCount":{body}',
                "kind": f'"kind":{body}',
                "flags": f'"flags":{body}',
            }[where]
        )
    )


# --- ids, bytes, strings ----------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(
    st.text("0123456789abcdefABCDEF-=+/_zé", max_size=26)
    | st.binary(min_size=8, max_size=8).map(lambda b: base64.b64encode(b).decode())
    | st.binary(min_size=16, max_size=16).map(lambda b: base64.urlsafe_b64encode(b).decode())
    | st.uuids().map(str)
)
@example("EREREREREREREREREREREQ==")
@example("EREREREREREREREREREREQ=a")
@example("aaaaaaaaaaaaaaaaaaaaaaa=")
@example("aaaaaaaaaa==")
@example("11111111-1111-1111-1111-11111111111A")
@example("-")
def test_ids_and_bytes_of_any_text(text: str) -> None:
    written = json.dumps(text)
    agree(span_with(f'"traceId":{written},"links":[{{"spanId":{written}}}]'))
    agree(attribute_with(f'"bytesValue":{written}'))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
@example(b"\xed\xa0\x80")
@example(b"\xc0\x80")
@example(b"\xf4\x90\x80\x80")
@example(b"\xf0\x8f\xbf\xbf")
@example(b"\xe0\x9f\xbf")
@example(b"0123456789abcdef\n")
@example(b"\\ud834\\udd1e")
@example(b"\\ud834x")
@example(b"\\udd1e")
@example(b"\\ud834\\u0041")
@example(b"\\u12")
@example(b"\\x")
def test_strings_of_any_bytes(raw: bytes) -> None:
    agree(span_with('"name":"').removesuffix(b"}" + TAIL) + raw + b'"}' + TAIL)
    agree(span_with('"unheardOf":"').removesuffix(b"}" + TAIL) + raw + b'"}' + TAIL)
    agree(b'{"trace":null,"' + raw + b'":1}')


# --- broken text ------------------------------------------------------------------------

SEEDS = [
    (MALFORMED / "control-good.json").read_bytes(),
    (MALFORMED / "json-nan-string.json").read_bytes(),
    (MALFORMED / "ids-base64.json").read_bytes(),
    (MALFORMED / "json-array-of-requests.json").read_bytes(),
    (COVERAGE / "field-order-and-merge.json").read_bytes(),
    (COVERAGE / "dialect-tempo-v2.json").read_bytes()[:3000],
]
PIECES = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"0", b"-", b"e9", b"\x00"]
PIECES += [b"\xff", b"\xc3", b"\n", b"true", b'"kind"', b'{"a":1}', b"[]", b"{}", b'""', b".5"]


@st.composite
def broken(draw) -> bytes:
    """A real document with pieces cut out, put in, or moved."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 3))):
        a = draw(st.integers(0, len(text)))
        b = min(len(text), a + draw(st.sampled_from([0, 0, 1, 1, 2, 30])))
        text = text[:a] + draw(st.sampled_from(PIECES) | st.binary(max_size=2)) + text[b:]
    return text[: draw(st.sampled_from([len(text)] * 4 + [draw(st.integers(0, len(text)))]))]


@settings(deadline=None, max_examples=400)
@given(broken())
def test_broken_text_is_refused_exactly_where_the_definition_refuses_it(text: bytes) -> None:
    if not text.strip(b" \t\r\n"):
        return
    agree(text)
    wire = wire_of(text, keep_going=True)  # never an exception, always whole messages
    message_of(wire)


@settings(deadline=None, max_examples=150)
@given(st.lists(broken(), min_size=1, max_size=4))
def test_lines_are_judged_each_by_itself(texts: list[bytes]) -> None:
    texts = [text.replace(b"\n", b" ") for text in texts]
    expected = TracesData()
    n_broken = 0
    for text in texts:
        try:
            expected.MergeFrom(read(text).message)
        except RefusedError as refused:
            n_broken += bool(text.strip(b" \t\r\n"))
            if not refused.json:
                return  # spans of the wrong form are left out one by one
    wire = wire_of(b"\r\n".join(texts), lines=True, keep_going=True)
    assert content(message_of(wire)) == content(expected)
    assert len(wire.left_out) == n_broken


def test_a_cut_document_keeps_its_whole_spans() -> None:
    text = SEEDS[0]
    ends = [m.end() for m in re.finditer(rb'"value"\}\}\]\}', text)]
    for cut in range(1, len(text) - 1):
        wire = wire_of(text[:cut], keep_going=True)
        assert len(spans_of(message_of(wire))) == sum(end <= cut for end in ends)
        assert len(wire.left_out) == 1
        assert "cut off" in wire.left_out[0].found


def test_what_is_left_out_is_as_little_as_can_be() -> None:
    good = '{"name":"good"}'
    text = (
        '{"resourceSpans":['
        f'{{"resource":{{"attributes":5}},"scopeSpans":[{{"spans":[{good}]}}]}},'
        f'{{"scopeSpans":[{{"scope":[],"spans":[{good}]}},{{"spans":[{good},7,{{"name":1}},{good}]}}]}},'
        f'3,{{"scopeSpans":[{{"spans":[{good},null]}}]}}]}}'
    )
    wire = wire_of(text, keep_going=True)
    assert len(spans_of(message_of(wire))) == 3
    assert [error.place for error in wire.left_out] == [
        "resourceSpans[0].resource.attributes",
        "resourceSpans[1].scopeSpans[0].scope",
        "resourceSpans[1].scopeSpans[1].spans[1]",
        "resourceSpans[1].scopeSpans[1].spans[2].name",
        "resourceSpans[2]",
        "resourceSpans[3].scopeSpans[0].spans[1]",
    ]


# --- documents and lines ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("{}", False),
        ("{}\n", False),
        ("\n {}\n\n", False),
        ("{}\n{}", True),
        ("\r\n{}\r\n\r\n{}\r\n", True),
        ("{}\n{", True),
        ("{}\ntrailing", True),
        ("{} {}", False),
        ('{"a":\n1}', False),
        ('{\n"a": 1\n}\n', False),
        ('{"a":"cut\n{}\n', True),
        ('{"a":"cut\n{}', True),
        ("", False),
        (" \n\n", False),
        ("<html>\n<body>", False),
        ("[\n{}\n]", False),
    ],
)
def test_lines_are_told_from_a_document(text: str, lines: bool) -> None:
    assert is_lines(np.frombuffer(text.encode(), np.uint8)) is lines


@pytest.mark.parametrize(
    ("text", "found", "place"),
    [
        ('{"a":1,"b":2}', "not a trace: an object with the keys a, b", "byte 12"),
        ("5", "a number where an OTLP request", "byte 0"),
        ('"x"', "text where an OTLP request", "byte 0"),
        ("[[]]", "a list where an OTLP request", "[0]"),
        ("nul", "cut off", "byte 0"),
        ("<html>", "not a trace", "byte 0"),
        ('{"trace":[]}', "a list where an OTLP request", "trace"),
        ('{"resourceSpans":{}}', "an object where a list of resourceSpans", "resourceSpans"),
        ('{"batches":[{"resource":[]}]}', "a list where an object", "batches[0].resource"),
        ('{"trace":NaN}', "a value was expected", "byte 9"),
    ],
)
def test_errors_name_what_stands_where(text: str, found: str, place: str) -> None:
    with pytest.raises(TraceError) as caught:
        wire_of(text)
    assert found in caught.value.found
    assert caught.value.place == place


def test_errors_in_lines_count_from_their_line() -> None:
    with pytest.raises(TraceError) as caught:
        wire_of('{}\n\n{"resourceSpans":[{"scopeSpans":7}]}\n', lines=True)
    assert caught.value.place == "line 3: resourceSpans[0].scopeSpans"
    with pytest.raises(TraceError) as caught:
        wire_of("{}\n{} {}\n", lines=True)
    assert caught.value.place == "line 2, byte 3"


def test_many_lines_outgrow_the_first_reservation() -> None:
    wire = wire_of("{}\n" * 1000, lines=True)
    assert len(wire.ends) == 1000
    assert (wire.starts == wire.ends).all()


def test_small_elements_fit_the_reservation() -> None:
    wire = wire_of('{"batches":[' + ",".join(["{}"] * 5000) + "]}")
    assert len(message_of(wire).resource_spans) == 5000


def test_status_codes_and_kinds_by_every_name() -> None:
    for kind in Span.SpanKind.items():
        agree(span_with(f'"kind":"{kind[0]}","status":{{"code":"STATUS_CODE_ERROR"}}'))
    for code in Status.StatusCode.items():
        agree(span_with(f'"status":{{"code":"{code[0]}"}}'))
    agree(span_with('"kind":"STATUS_CODE_OK"'))
    agree(span_with('"kind":"server"'))
