"""From a path to unpacked bytes, within limits; from names to files."""

from __future__ import annotations

import gzip
import io
import random
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from spanproof.errors import LimitError, SpanproofError, TraceError, UsageError
from spanproof.ingest import source
from spanproof.ingest.reading import expand, read_file, read_files
from spanproof.ingest.source import open_source

DATA = Path(__file__).parent / "data" / "otel" / "synthetic"
GOOD = DATA / "malformed" / "control-good.json"
PLAIN = GOOD.read_bytes()


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.fixture
def stored(tmp_path):
    def write(data: bytes, name: str = "f") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


# -- unpacking


@pytest.mark.parametrize(
    ("packed", "compression"),
    [
        (PLAIN, ""),
        (gzip.compress(PLAIN), "gzip"),
        (gzip.compress(PLAIN[:100]) + gzip.compress(b"") + gzip.compress(PLAIN[100:]), "gzip"),
        (zstd(PLAIN), "zstd"),
        (zstd(PLAIN[:100]) + zstd(PLAIN[100:]), "zstd"),
    ],
    ids=["plain", "gzip", "gzip members", "zstd", "zstd frames"],
)
def test_packed_bytes_are_unpacked_and_named(stored, packed, compression):
    opened = open_source(stored(packed))
    assert opened.data.tobytes() == PLAIN
    assert (opened.compression, opened.stored_bytes) == (compression, len(packed))
    assert not opened.notes


def test_standard_input_is_a_file_like_others(monkeypatch):
    for packed in (PLAIN, gzip.compress(PLAIN), zstd(PLAIN)):
        monkeypatch.setattr(sys, "stdin", Stdin(packed))
        reading = read_file("-")
        assert (reading.path, len(reading.table)) == ("-", 3)
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    with pytest.raises(TraceError, match=r"^-:byte 0: empty file"):
        read_file("-")


def test_bytes_behind_gzip_are_a_note(stored):
    opened = open_source(stored(gzip.compress(PLAIN) + b"\x00" * 7))
    assert opened.data.tobytes() == PLAIN
    assert opened.notes == {"trailing_bytes": 7}


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_packed_data_cut_anywhere_is_refused(stored, pack):
    packed = pack(PLAIN)
    for size in (*range(5, 40), len(packed) // 2, len(packed) - 9, len(packed) - 1):
        with pytest.raises(TraceError) as caught:
            open_source(stored(packed[:size]))
        assert "cut off" in caught.value.found
        assert caught.value.place == f"byte {size}"


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_packed_data_changed_anywhere_is_refused_or_read_as_it_was(stored, pack):
    """Nothing but one of our own errors, and never other bytes passed off as whole."""
    packed, chance = pack(PLAIN), random.Random(4)
    refused = 0
    for _ in range(150):
        changed = bytearray(packed)
        changed[chance.randrange(4, len(changed))] ^= 1 << chance.randrange(8)
        try:
            data = open_source(stored(bytes(changed))).data.tobytes()
        except SpanproofError:
            refused += 1
        else:
            assert data == PLAIN or pack is zstd  # Arrow writes its frames without a checksum
    assert refused > 10


# -- limits


def test_a_limit_holds_for_stored_and_for_unpacked_bytes(stored, monkeypatch):
    for packed in (PLAIN, gzip.compress(PLAIN), zstd(PLAIN)):
        path = stored(packed)
        assert open_source(path, max_bytes=len(PLAIN)).data.size == len(PLAIN)
        with pytest.raises(LimitError, match=f"{len(PLAIN) - 1:,} bytes.*\n.*--max-bytes"):
            open_source(path, max_bytes=len(PLAIN) - 1)
    monkeypatch.setattr(sys, "stdin", Stdin(PLAIN))
    with pytest.raises(LimitError, match="over the limit"):
        open_source("-", max_bytes=100)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_without_a_limit_the_ratio_is_one_and_naming_one_lifts_it(stored, monkeypatch, pack):
    """The same paths as for a bomb, in small: measured before it is kept."""
    monkeypatch.setattr(source, "_RATIO_FROM", 4000)
    monkeypatch.setattr(source, "_MEASURED_FROM", 1500)
    monkeypatch.setattr(source, "_CHUNK", 1000)
    large = b"x" * 60_000
    path = stored(pack(large))
    with pytest.raises(LimitError, match=r"unpacks to over [\d,]+ bytes, [\d,]+ times what"):
        open_source(path)
    assert open_source(path, max_bytes=60_000).data.tobytes() == large
    with pytest.raises(LimitError, match=r"unpacks to over 59,999 bytes\n"):
        open_source(path, max_bytes=59_999)
    fine = random.Random(1).randbytes(6000)
    assert open_source(stored(pack(fine))).data.tobytes() == fine


def test_messages_packed_one_by_one_have_a_limit_together(stored, monkeypatch):
    message = b"\x0a\xc4\x13\x1a\xc1\x13" + b"x" * 2497
    assert len(read_file(stored(message)).table) == 0
    frame = zstd(message)
    path = stored((len(frame).to_bytes(4) + frame) * 30)
    assert read_file(path).table.resources.num_rows == 30
    with pytest.raises(LimitError, match="unpacks to over 50,000 bytes"):
        read_file(path, max_bytes=50_000)
    monkeypatch.setattr(source, "_RATIO_FROM", 4000)
    monkeypatch.setattr(source, "RATIO_MAX", 10)
    with pytest.raises(LimitError, match=f"{path}:byte"):
        read_file(path)


def test_a_broken_message_among_packed_ones_is_left_out(stored):
    message = PLAIN_PB
    frame, broken = zstd(message), bytearray(zstd(message))
    broken[-3:] = b""
    parts = [bytes(frame), bytes(broken), bytes(frame)]
    path = stored(b"".join(len(p).to_bytes(4) + p for p in parts))
    with pytest.raises(TraceError, match=f"byte {len(frame) + 8}: broken or cut off zstd"):
        read_file(path)
    reading = read_file(path, keep_going=True)
    assert len(reading.table) == 6
    assert [e.place for e in reading.left_out] == [f"byte {len(frame) + 8}"]


PLAIN_PB = (DATA / "malformed" / "control-good.pb").read_bytes()


# -- names


def test_names_that_lead_to_no_file_are_the_callers_mistake(tmp_path, stored):
    with pytest.raises(UsageError, match="No such file"):
        read_file(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="is a directory"):
        read_file(str(tmp_path))
    below = Path(stored(PLAIN)) / "below"  # a file is no directory
    with pytest.raises(UsageError, match="Not a directory"):
        read_file(str(below))
    with pytest.raises(UsageError, match="no files"):
        expand([str(tmp_path / "*.none")])


def test_a_file_that_may_not_be_read_is_the_callers_mistake(monkeypatch, stored):
    path = stored(PLAIN)

    def deny(*_arguments, **_options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(Path, "open", deny)
    monkeypatch.setattr(source.np, "fromfile", deny)
    with pytest.raises(UsageError, match=f"{path}: Permission denied"):
        read_file(path)


def test_what_is_no_regular_file_is_read_to_its_limit():
    with pytest.raises(TraceError, match="empty file"):
        read_file("/dev/null")
    with pytest.raises(LimitError, match="over the limit of 5,000 bytes"):
        read_file("/dev/zero", max_bytes=5000)


def test_a_name_with_a_null_byte_is_the_callers_mistake():
    with pytest.raises(UsageError, match="null byte"):
        read_file("a\x00b")
    with pytest.raises(UsageError, match="null byte"):
        read_files(expand(["a\x00b"]))


def test_directories_and_globs_give_their_files_sorted(tmp_path):
    for name in ("b.json", "a.json", "below/c.pb", ".hidden.json", ".git/d.json", "e[1].json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PLAIN)

    def names(*asked: str) -> list[str]:
        found = expand([str(tmp_path / name) for name in asked])
        return [str(Path(path).relative_to(tmp_path)) for path in found]

    assert names("") == ["a.json", "b.json", "below/c.pb", "e[1].json"]
    assert names("*.json") == ["a.json", "b.json", "e[1].json"]
    assert names("**/*.pb") == ["below/c.pb"]
    assert names("e[1].json") == ["e[1].json"]  # a file of that name is meant, not a pattern
    assert names("b.json", "a.json", "b.json") == ["b.json", "a.json", "b.json"]
    assert expand(["-", "missing.json"]) == ["-", "missing.json"]


def test_a_directory_without_files_is_the_callers_mistake(tmp_path):
    (tmp_path / ".hidden").write_bytes(PLAIN)
    (tmp_path / "below").mkdir()
    with pytest.raises(UsageError, match="no files"):
        expand([str(tmp_path)])


# -- several files


def test_files_are_read_in_the_order_given_and_told_in_it():
    names = ["control-good.pb", "control-good.jsonl", "control-good.json"]
    paths = [str(DATA / "malformed" / name) for name in names] * 3
    told = []
    readings = read_files(paths, told=told.append)
    assert [r.path for r in readings] == paths
    assert [len(r.table) for r in readings] == [3, 6, 3] * 3
    assert told == readings


def test_one_broken_file_spoils_all_unless_told_to_go_on():
    good = str(GOOD)
    broken = str(DATA / "malformed" / "pb-cut-last-byte.pb")
    image = str(DATA / "malformed" / "image.png")
    with pytest.raises(TraceError, match="pb-cut-last-byte"):
        read_files([good, broken, image])
    readings = read_files([good, broken, image], keep_going=True)
    assert [len(r.table) for r in readings] == [3, 0, 0]
    assert [[e.path for e in r.left_out] for r in readings] == [[], [broken], [image]]
    with pytest.raises(TraceError, match="PNG"):
        read_files([image, image], keep_going=True)
    with pytest.raises(UsageError, match="No such file"):  # a name is wrong in either case
        read_files([good, "missing.json"], keep_going=True)
    with pytest.raises(UsageError, match="no file"):
        read_files([])
