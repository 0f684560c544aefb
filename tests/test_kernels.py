"""Kernels keep their contracts: said in full, read-only inputs, nothing written outside."""

from __future__ import annotations

import ast
import importlib
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from tests import fuzz_otlp_protobuf as fuzz

from spanproof import kernels
from spanproof.ingest.layout import COLUMNS, TABLES, layout
from spanproof.kernels import (
    closure,
    components,
    dictionary,
    forest,
    gather,
    otlp_protobuf,
    reachability,
)

FOLDER = Path(kernels.__file__).parent
FILES = sorted(p for p in FOLDER.glob("*.py") if not p.name.startswith("_"))
DTYPES = {
    "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
    "i4": "int32", "i8": "int64", "f8": "float64",
}  # fmt: skip
GUARD = 64


def declared() -> dict[str, tuple[ast.FunctionDef, list[str]]]:
    """Each kernel by module.name: its definition and what its signature says."""
    found = {}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "kernel":
                        (signature,) = mark.args
                        found[f"{path.stem}.{node.name}"] = (
                            node,
                            [ast.unparse(argument) for argument in signature.args],
                        )
    return found


KERNELS = declared()


def test_every_file_has_kernels_and_only_one_place_imports_numba():
    assert {name.partition(".")[0] for name in KERNELS} == {path.stem for path in FILES}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                allowed = {"numpy", "numba"} if path.name == "_jit.py" else {"numpy"}
                package = name.partition(".")[0]
                own = name.startswith("spanproof.kernels")
                assert own or package in allowed | sys.stdlib_module_names, f"{path.name}: {name}"


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_says_what_each_array_is(name):
    node, signature = KERNELS[name]
    contract = ast.get_docstring(node)
    assert contract is not None
    assert contract.split("\n")[0].endswith(".")
    assert "Returns" in contract
    assert re.search(r"O\(|linear in", contract)
    parameters = [argument.arg for argument in node.args.args]
    assert len(parameters) == len(signature)
    for parameter, kind in zip(parameters, signature, strict=True):
        array = re.fullmatch(r"(ro2?|out)\((\w\d)\)", kind)
        if array is None:
            assert re.search(rf"\b{parameter}\b", contract), parameter
            continue
        line = re.search(rf"^(?:.*,\s*)?{parameter}\b.*$", contract, re.MULTILINE)
        assert line, f"no line for {parameter}"
        assert re.search(DTYPES[array[2]] + r"\b", line[0]), line[0]
        assert re.search("written|both|scratch" if array[1] == "out" else "read", line[0])


@pytest.mark.parametrize("name", KERNELS)
def test_what_the_signature_says_is_what_is_compiled(name):
    module, _dot, function = name.partition(".")
    compiled = getattr(importlib.import_module(f"spanproof.kernels.{module}"), function)
    if not hasattr(compiled, "signatures"):
        pytest.skip("kernels are interpreted")
    assert len(compiled.signatures) == 1
    for argument, said in zip(compiled.nopython_signatures[0].args, KERNELS[name][1], strict=True):
        if said.startswith("ro"):
            assert not argument.mutable
            assert argument.layout == "C"


def test_a_kernel_calls_only_functions_of_its_own_file():
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        own |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        allowed = own | {
            "range",
            "min",
            "max",
            "int",
            "len",
            "abs",
            "float",
            "bool",
            "kernel",
            "inline",
        }
        allowed |= {"ro", "ro2", "out", "i8", "i4", "u1", "uint64", "int64", "uint8", "np"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id in allowed, f"{path.name}: {ast.unparse(node)}"


# -- arrays as they come: read-only, in the middle of a larger buffer


class Guarded:
    """Outputs with guards on both sides; inputs that cannot be written."""

    def __init__(self) -> None:
        self._buffers: list[tuple[np.ndarray, int]] = []

    def out(self, n: int, dtype: type, value: int = 0) -> np.ndarray:
        buffer = np.full(n + 2 * GUARD, 77, dtype)
        buffer[GUARD : GUARD + n] = value
        self._buffers.append((buffer, n))
        return buffer[GUARD : GUARD + n]

    def whole(self) -> bool:
        return all(
            (buffer[:GUARD] == 77).all() and (buffer[GUARD + n :] == 77).all()
            for buffer, n in self._buffers
        )


def ro(values: object, dtype: type) -> np.ndarray:
    array = np.array(values, dtype)
    array.flags.writeable = False
    return array


I4, I8, U1 = np.int32, np.int64, np.uint8


@pytest.mark.parametrize("seed", range(30))
def test_interning_is_a_dict_whatever_the_sizes_of_its_tables(seed):
    """Full tables are told, grown, and the call made again; codes are by first appearance."""
    chance, guard = random.Random(seed), Guarded()
    words = [chance.randbytes(chance.choice((0, 1, 2, 3, 4, 5, 9))) for _ in range(12)]
    data, at, size = b"", [], []
    for _ in range(40):
        word = chance.choice(words)
        at.append(len(data))
        size.append(len(word))
        data += word
    wanted: dict[bytes, int] = {}
    pairs = list(zip(at, size, strict=True))
    codes_wanted = [wanted.setdefault(data[a : a + n], len(wanted)) for a, n in pairs]
    room = chance.choice((1, 2, 5, 64))
    hashes, slots = guard.out(room, I4), guard.out(1 << (2 * room - 1).bit_length(), I4, -1)
    ends, blob = guard.out(room + 1, I8), guard.out(chance.choice((1, 8, 200)), U1)
    state, codes = guard.out(3, I8), guard.out(40, I4, -5)
    arrays = ro(list(data), U1), ro(at, I4), ro(size, I4)
    for _ in range(100):
        status = dictionary.intern(
            *arrays, False, 12345, slots, hashes, ends, blob, state, codes
        )  # fmt: skip
        if status == dictionary.DONE:
            break
        assert status == dictionary.FULL
        count, used = int(state[0]), int(state[1])
        hashes = np.concatenate([hashes, guard.out(hashes.size, I4)])
        ends = np.concatenate([ends, guard.out(ends.size, I8)])
        blob = np.concatenate([blob[:used], guard.out(used + 16, U1)])
        slots = guard.out(2 * slots.size, I4, -1)
        dictionary.rehash(ro(hashes, I4), count, slots)
    assert guard.whole()
    assert codes.tolist() == codes_wanted
    assert [bytes(blob[ends[i] : ends[i + 1]]) for i in range(state[0])] == list(wanted)


def python_fault(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"ok\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", -1),
        *((bytes([b]), 0) for b in range(0x80, 0x100)),
        (b"a\xc3", 1),
        (b"\xe0\x9f\x80", 0),
        (b"\xed\xa0\x80", 0),
        (b"\xf0\x8f\x80\x80", 0),
        (b"\xf4\x90\x80\x80", 0),
        (b"\xe2\x82", 0),
        (b"\xf0\x9f\x98", 0),
    ],
)
def test_text_is_what_python_takes_for_utf8(data, fault):
    assert python_fault(data) == fault
    for module in (dictionary, otlp_protobuf):
        assert module.utf8_fault(ro(list(data), U1), 0, len(data)) == fault


@pytest.mark.parametrize("seed", range(20))
def test_gathering_is_slicing(seed):
    chance, guard = random.Random(seed), Guarded()
    data = chance.randbytes(60)
    size = [chance.choice((0, 3, 4, 4, 5)) for _ in range(10)]
    at = [chance.randrange(60 - n) for n in size]
    slices = [data[a : a + n] for a, n in zip(at, size, strict=True)]
    arrays = ro(list(data), U1), ro(at, I4), ro(size, I4)
    column, valid = guard.out(40, U1), guard.out(10, U1)
    assert gather.gather_fixed(*arrays, 4, column, valid) == -1
    assert bytes(column) == b"".join(s if len(s) == 4 else bytes(4) for s in slices)
    assert valid.tolist() == [{4: 1, 0: 0}.get(n, 2) for n in size]
    offsets = ro([0, *np.cumsum(size)], I8)
    column = guard.out(sum(size), U1)
    assert gather.gather(*arrays, offsets, column) == -1
    assert bytes(column) == b"".join(slices)
    assert guard.whole()


def successors(n: int, pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = sorted(pairs)
    indptr = np.zeros(n + 1, I4)
    for a, _b in pairs:
        indptr[a + 1 :] += 1
    return ro(indptr, I4), ro([b for _a, b in pairs], I4)


@pytest.mark.parametrize("seed", range(30))
def test_graph_kernels_write_their_outputs_and_nothing_else(seed):
    """What they compute, tests/test_order.py judges; here: sizes, guards, and self-edges too."""
    chance, guard = random.Random(seed), Guarded()
    n = chance.randrange(1, 12)
    pairs = [(chance.randrange(n), chance.randrange(n)) for _ in range(chance.randrange(3 * n))]
    indptr, target = successors(n, pairs)
    component = guard.out(n, I4, -1)
    n_components = components.strong_components(
        indptr, target, component, guard.out(n, I4), guard.out(n, I4), guard.out(3 * n, I4)
    )
    assert set(component.tolist()) == set(range(n_components))
    assert all(component[a] >= component[b] for a, b in pairs)  # reverse topological order
    sources, targets = ro([a for a, _ in pairs], I4), ro([b for _, b in pairs], I4)
    root = guard.out(n, I4, -9)
    assert closure.weak_components(sources, targets, root) == -1
    assert all(root[a] == root[b] <= min(a, b) for a, b in pairs)
    order, degree = guard.out(n, I4, -1), guard.out(n, I4)
    done = closure.topological_order(indptr, target, order, degree)
    place = {int(row): k for k, row in enumerate(order[:done])}
    assert all(place[a] < place[b] for a, b in pairs if b in place)
    acyclic = n_components == n and all(a != b for a, b in pairs)
    assert (done == n) == acyclic
    none, via, how = ro([], I4), guard.out(n, I4, -1), guard.out(n, U1)
    kind = ro([0] * len(pairs), U1)
    reached = reachability.reach(
        0, indptr, target, kind, False, none, none, none, guard.out(0, I4),
        guard.out(n + 1, I4), via, how,
    )  # fmt: skip
    assert reached == sum(v >= 0 for k, v in enumerate(via) if k != 0)
    assert guard.whole()


@pytest.mark.parametrize("seed", range(30))
def test_forest_kernels_write_their_outputs_and_nothing_else(seed):
    chance, guard = random.Random(seed), Guarded()
    n = chance.randrange(1, 14)
    parent = [chance.randrange(-1, n) for _ in range(n)]
    cycle = guard.out(n, I4, 5)
    n_cycles = forest.parent_cycles(ro(parent, I4), cycle, guard.out(n, I4))
    assert set(cycle.tolist()) - {-1} == set(range(n_cycles))
    assert all(cycle[i] == cycle[parent[i]] for i in range(n) if cycle[i] >= 0)
    parent = [chance.randrange(-1, i) if i else -1 for i in range(n)]
    indptr, child = successors(n, [(p, i) for i, p in enumerate(parent) if p >= 0])
    roots = guard.out(n + 1, I4, -1)
    tops = [i for i in range(n) if parent[i] < 0]
    roots[: len(tops)] = tops
    order, last, depth = (guard.out(n, I4) for _ in range(3))
    assert forest.preorder(indptr, child, roots, order, last, depth) == n
    assert sorted(order.tolist()) == list(range(n))
    start = [chance.randrange(5) for _ in range(n)]
    timed = [chance.random() < 0.8 for _ in range(n)]
    path, tree = guard.out(int(depth.max()) + 1, I4), guard.out(6, I4)
    pairs = forest.reversed_pairs(
        ro(order, I4), ro(depth, I4), ro([s + 1 for s in start], I4), ro(timed, U1), path, tree
    )
    wanted = 0
    for i in range(n):
        above = parent[i]
        while above >= 0:
            wanted += start[above] > start[i] and timed[above] and timed[i]
            above = parent[above]
    assert pairs == wanted
    assert guard.whole()


def test_no_bytes_make_the_scan_write_outside_its_columns():
    """Both passes over mutated messages, every output guarded and of exactly the counted size."""
    chance = random.Random(5)
    messages, plan, k = fuzz.corpus(chance, 10), layout(), otlp_protobuf
    seen = set()
    for _ in range(60):
        guard, data = Guarded(), ro(list(fuzz.mutated(chance, messages)), U1)
        starts, ends = ro([0], I8), ro([data.size], I8)
        cursor, stack = guard.out(4, I8), guard.out(k.STACK, I8)
        status, bases = guard.out(2, I8), np.zeros(plan.n_slots, I8)
        counts = guard.out(k.COUNT_POSITION + 1, I8)
        none = guard.out(0, I4), guard.out(0, I8), guard.out(0, U1)

        def scan(into, columns, *, fill, now=(data, starts, ends, cursor, bases, stack, status)):
            data, starts, ends, cursor, bases, stack, status = now
            return k.scan(
                data, starts, ends, cursor, 2**40, False, fill, plan.fields, plan.tables,
                plan.parents, bases, into, *columns, stack, status,
            )  # fmt: skip

        place = scan(counts, none, fill=False)
        assert -1 <= place <= data.size
        assert (place < 0) == (status[0] == 0)
        seen.add(int(status[0]))
        if place < 0:
            n_cells = n_wide = slot = 0
            for table, name in zip(COLUMNS, TABLES, strict=True):
                rows = int(counts[TABLES.index(name)])
                for column in COLUMNS[table]:
                    wide = column.endswith("!")
                    for _half in range(2 if column.endswith("/") else 1):
                        bases[slot] = n_wide if wide else n_cells
                        n_wide, n_cells = n_wide + wide * rows, n_cells + (not wide) * rows
                        slot += 1
            again = guard.out(k.COUNT_POSITION + 1, I8)
            columns = (
                guard.out(n_cells, I4), guard.out(n_wide, I8),
                guard.out(int(counts[k.COUNT_SER]), U1),
            )  # fmt: skip
            if scan(again, columns, fill=True) < 0:
                assert (again == counts).all()
        assert guard.whole()
    assert len(seen) > 3
