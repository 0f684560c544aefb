"""Broken input is refused with its place, and what can be read of it is read when asked."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from spanproof.errors import TraceError
from spanproof.ingest.reading import Reading, read_file
from spanproof.ingest.rules import normalise

FOLDER = Path(__file__).parent / "data" / "otel" / "synthetic" / "malformed"
BOMB = "gz-bomb-1GiB.json.gz"  # made here: see `bomb`
MIB = 2**20

with (FOLDER / "expected.csv").open(encoding="utf-8") as rows:
    CASES = {row["file"]: row for row in csv.DictReader(rows) if row["file"] != BOMB}
REFUSED = [name for name, row in CASES.items() if row["expected"] == "reject"]
READ = [name for name in CASES if name not in REFUSED]


def read(name: str, *, keep_going: bool = False) -> Reading:
    return read_file(str(FOLDER / name), keep_going=keep_going)


def test_the_corpus_is_whole():
    stored = {path.name for path in FOLDER.iterdir()} - {"expected.csv", "README.md", BOMB}
    assert stored == set(CASES)
    for name, row in CASES.items():
        assert (FOLDER / name).stat().st_size == int(row["bytes"])


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize("name", READ)
def test_what_is_odd_but_readable_is_read_whole(name, keep_going):
    reading = read(name, keep_going=keep_going)
    reading.table.validate()
    assert len(reading.table) == int(CASES[name]["spans"])
    assert reading.left_out == ()
    if CASES[name]["expected"] == "accept with note":
        assert reading.notes or normalise(reading.table)[1], "an oddity that nobody hears of"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_is_refused_in_one_line_with_its_place(name):
    with pytest.raises(TraceError) as caught:
        read(name)
    error = caught.value
    assert error.path == str(FOLDER / name)
    told = str(error).split("\n")
    assert told[0].startswith(f"{FOLDER / name}:{error.place}: ")
    assert len(told) == 2
    assert told[1].startswith("  help: ")
    assert told[0].isprintable()
    assert stands_within(error.place, CASES[name]["at_from"], CASES[name]["at_to"])


def stands_within(place: str, low: str, high: str) -> bool:
    """A byte offset from `low` to `high`, or the line or path that `low` names."""
    if low.isdigit():
        offset = re.fullmatch(r"byte (\d+)", place)
        return offset is not None and int(low) <= int(offset[1]) <= int(high)
    if low.startswith("line"):
        return place == low or place.startswith(low + ",")
    return place.endswith(low.removeprefix("…"))


@pytest.mark.parametrize("name", REFUSED)
def test_the_readable_rest_is_read_and_what_is_missing_is_named(name):
    wanted = CASES[name]["spans_with_keep_going"]
    try:
        reading = read(name, keep_going=True)
    except TraceError:  # nothing in it could be read
        assert not wanted
        return
    reading.table.validate()
    if wanted:
        assert len(reading.table) == int(wanted)
    assert reading.left_out
    for error in reading.left_out:
        assert error.path == str(FOLDER / name)
    row = CASES[name]
    assert stands_within(reading.left_out[0].place, row["at_from"], row["at_to"])


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("pb-cut-last-byte.pb", "cut off"),
        ("pb-varint-11-bytes.pb", "varint"),
        ("pb-inner-length-past-message.pb", "length runs past the end of its message"),
        ("pb-nesting-5000-arrays.pb", "100 nested"),
        ("image.png", "PNG"),
        ("json-utf16le-bom.json", "UTF-16"),
        ("gz-bad-crc.json.gz", "check"),
        ("jsonl-cut-last-line.jsonl", "cut off"),
    ],
)
def test_the_cause_is_named(name, cause):
    with pytest.raises(TraceError, match=cause):
        read(name)


def test_ids_are_kept_whatever_their_length():
    table = read("pb-trace-id-8-and-32-bytes.pb").table
    assert table.spans.column("trace_id").null_count == 2
    assert sorted(len(w) - 2 for w in table.residue.column("wire").to_pylist()) == [8, 32]


# -- bombs


def bomb(kind: str, path: Path) -> None:
    """A JSON document with one string of 1.15 GB, packed: the pieces are members of their own."""
    pieces = [b'{"resourceSpans":[{"schemaUrl":"', b"x" * (16 * MIB), b'"}]}']
    if kind == "gzip":
        packed = []
        for piece in pieces:
            pack = zlib.compressobj(wbits=31)
            packed.append(pack.compress(piece) + pack.flush())
    else:
        packed = [pa.compress(piece, codec="zstd", asbytes=True) for piece in pieces]
    path.write_bytes(packed[0] + 69 * packed[1] + packed[2])


def bomb_in_a_stream(path: Path) -> None:
    """The Collector's big-endian framing, each message zstd: small frames, large messages."""
    message = b"\x0a\x80\x80\x80\x10\x1a\xf9\xff\xff\x0f" + b"x" * (32 * MIB)
    frame = pa.compress(message, codec="zstd", asbytes=True)
    path.write_bytes((len(frame).to_bytes(4) + frame) * 40)


ASK = """
import sys
from spanproof.errors import LimitError
from spanproof.ingest.reading import read_file
try:
    read_file(sys.argv[1])
except LimitError as error:
    print(error)
try:
    status = open("/proc/self/status").read()  # a process inherits the other figure
    print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
except OSError:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak if sys.platform == "darwin" else peak * 1024)
"""


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd in a stream"])
def test_a_bomb_is_refused_within_bounds(kind, tmp_path):
    path = tmp_path / "bomb"
    if kind == "zstd in a stream":
        bomb_in_a_stream(path)
    else:
        bomb(kind, path)
    assert path.stat().st_size < 3 * MIB
    asked = subprocess.run(
        [sys.executable, "-c", ASK, path],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    *told, peak = asked.stdout.splitlines()
    assert told[0].startswith(f"{path}:byte ")
    assert "unpacks to over " in told[0]
    assert "--max-bytes" in told[1]
    assert int(peak) < 450 * MIB
