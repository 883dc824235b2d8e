"""Generated mutants: one operator, number, condition or result of a file is replaced."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
NOT_CODE = ("annotation", "returns", "decorator_list")
"""Fields of the syntax tree that are not mutated."""


@dataclass(frozen=True)
class Edit:
    """One mutation of a source text: `new` replaces the characters from `start` to `end`."""

    line: int
    start: int
    end: int
    new: str

    def applied(self, text: str) -> str:
        """Return `text` with the mutation applied."""
        return text[: self.start] + self.new + text[self.end :]

    def shown(self, text: str) -> str:
        """Return the mutation as text: old and new expression."""
        return f"{' '.join(text[self.start : self.end].split())} -> {' '.join(self.new.split())}"


def edits(text: str, is_wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Edit]:
    """Yield the mutations in the functions of a file for which `is_wanted` returns True by name."""
    tree = ast.parse(text)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = text.splitlines()

    def place(row: int, column: int) -> int:
        """Return the character offset of a position; columns of the syntax tree count bytes."""
        return starts[row - 1] + len(lines[row - 1].encode()[:column].decode())

    for node in _functions(tree, is_wanted):
        for inside, new in _mistakes(node):
            start, end = (
                place(inside.lineno, inside.col_offset),
                place(inside.end_lineno or 0, inside.end_col_offset or 0),
            )
            yield Edit(inside.lineno, start, end, new)


def edits_of_file(path: Path, is_wanted: Callable[[str], bool] = lambda _: True) -> list[Edit]:
    """Return every mutation of a file, each once."""
    return list(dict.fromkeys(edits(path.read_text(encoding="utf-8"), is_wanted)))


def _functions(tree: ast.AST, is_wanted: Callable[[str], bool]) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and is_wanted(node.name))


def _mistakes(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Yield the expressions within `node` and their replacements. Error messages and f-strings are not mutated."""
    for name, value in ast.iter_fields(node):
        if name in NOT_CODE:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.Assert | ast.FunctionDef):
                continue
            if isinstance(child, ast.expr):
                yield from ((child, new) for new in _instead_of(child))
            if isinstance(child, ast.Return) and child.value is not None and not isinstance(child.value, ast.Constant):
                yield child.value, "None"
            yield from _mistakes(child)


def _instead_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield _written(ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators))
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield _written(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))
    elif isinstance(node, ast.BoolOp):
        yield _written(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield _written(node.operand)
    elif isinstance(node, ast.Constant):
        yield from _other_constant(node.value)


def _other_constant(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield repr(not value)
    elif isinstance(value, int):
        yield repr(value + 1)
    elif isinstance(value, float):
        yield repr(2 * value if value else 1.0)


def _written(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"
