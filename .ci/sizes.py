"""Prints the longest files and functions: past 400 lines or 60, look for the second idea."""

import ast
from pathlib import Path

SHOWN = 12

files = sorted(Path("src").rglob("*.py"))
lengths = {path: len(path.read_text("utf-8").splitlines()) for path in files}
functions = [
    (node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
    for path in files
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]
for length, path in sorted(((n, p) for p, n in lengths.items()), reverse=True)[:SHOWN]:
    print(f"{length:5} {path}")
print()
for length, name in sorted(functions, reverse=True)[:SHOWN]:
    print(f"{length:5} {name}")
median = sorted(n for n, _name in functions)[len(functions) // 2]
print(f"\n{len(files)} files, {sum(lengths.values())} lines, median function {median} lines")
