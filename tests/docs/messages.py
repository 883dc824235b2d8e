"""Writes docs/troubleshooting.md, every error message with its remedy, from the code: `python tests/docs/messages.py`.

`python tests/docs/messages.py --without-remedy` lists the messages that name no remedy, each with its place.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple

from tts_cli import errors

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tts_cli"
FILE = ROOT / "docs" / "troubleshooting.md"
INTRODUCTION = """# Troubleshooting

Every error message with its remedy. An error is one line, and a hint where there is a remedy; `--debug` prints the traceback.
Search this page for the words of the message that do not depend on your files and names: parts in `<angle brackets>` stand for
those. `tts doctor` tells whether the installation can speak.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | it ran, but its result is refused |
| 2 | bad usage, bad input, or a file that cannot be written |
| 130 | interrupted |

A message may begin with the file, the line or the JSON path that it is about. An empty remedy means that the message itself says
all that is known. Messages stand by the folder of `tts_cli/` that raises them.

This page is written by `python tests/docs/messages.py` from the code."""
CLASSES = {name: value for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, errors.TtsError)}
MOST_VARIANTS = 6
"""A message with more variants than this is shown with its alternatives as placeholders."""
REMEDY_OF_VALUES = "correct the value of <key>"
"""Remedy of the errors of validators, which `config.parse` gives."""
STAND_INS = {"strerror": "reason", "error": "reason", "msg": "reason", "lineno": "line", "colno": "column", "e": "reason"}
"""Placeholders for names that tell a reader nothing."""
Scope = dict[str, list[ast.expr]]


class Message(NamedTuple):
    """A message that the code raises."""

    room: str
    """Folder or file of the package that raises it."""
    exit_code: int
    text: str
    """Its template, with placeholders in angle brackets."""
    remedy: str
    """Template of the hint; empty: there is none."""
    place: str
    """File and line."""


def messages() -> list[Message]:
    """Return every message of the package, sorted by room and text."""
    found = [message for file in sorted(PACKAGE.rglob("*.py")) for message in _of_file(file)]
    return sorted({(one.room, one.exit_code, one.text, one.remedy): one for one in found}.values())


def troubleshooting() -> str:
    """Return the text of docs/troubleshooting.md."""
    lines = [INTRODUCTION]
    for room, group in groupby(messages(), key=lambda message: message.room):
        lines += [f"\n## {room}\n\n{_first_line(room)}\n\n| message | exit code | remedy |\n|---|---|---|"]
        lines += [f"| {_code(one.text)} | {one.exit_code} | {_code(one.remedy)} |" for one in group]
    return "\n".join(lines) + "\n"


def without_remedy() -> list[Message]:
    """Return the messages that name no remedy."""
    return [message for message in messages() if not message.remedy]


def _first_line(room: str) -> str:
    file = PACKAGE / room / "__init__.py" if (PACKAGE / room).is_dir() else PACKAGE / f"{room}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def _code(template: str) -> str:
    if not template:
        return ""
    mark = "``" if "`" in template else "`"
    inner = f" {template} " if mark == "``" else template
    return f"{mark}{inner}{mark}".replace("|", "\\|")


def _of_file(file: Path) -> Iterator[Message]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    place = file.relative_to(PACKAGE)
    room = place.parts[0] if len(place.parts) > 1 else place.stem
    outer = _assignments(tree.body)
    for call, scope in _calls(tree, outer):
        name = _name_of(call)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        message = call.args[0] if call.args else given.get("message")
        hint = call.args[1] if len(call.args) > 1 else given.get("hint")
        if message is None or _passes_on(message):
            continue
        remedies = [text for text in _templates(hint, scope) if text not in ("", "<hint>")] if hint is not None else []
        prefix = "<file>: '<key>': " if name == "ValueError" else ""
        if name == "ValueError":
            remedies = [REMEDY_OF_VALUES]
        for text in _templates(message, scope):
            yield Message(room, _exit_code(name), prefix + text, " / ".join(remedies), f"tts_cli/{place}:{call.lineno}")


def _calls(tree: ast.Module, outer: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    """Yield the calls that make errors, each with the assignments that its names may refer to."""

    def visit(node: ast.AST, scope: Scope, names: frozenset[str]) -> Iterator[tuple[ast.Call, Scope]]:
        if isinstance(node, ast.FunctionDef):
            scope = scope | _assignments(ast.walk(node))
            names = names | {"ValueError"} if node.name in validators else names
        if isinstance(node, ast.Call) and _name_of(node) in names:
            yield node, scope
        for child in ast.iter_child_nodes(node):
            yield from visit(child, scope, names)

    validators = set(_validators(tree))
    yield from visit(tree, outer, frozenset(CLASSES))


def _validators(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the functions that check values of configuration models: their ValueError names file and key."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("_validator" in ast.unparse(one) for one in node.decorator_list):
            yield node.name
        if isinstance(node, ast.Call) and _name_of(node) in {"BeforeValidator", "AfterValidator"}:
            yield ast.unparse(node.args[0])


def _exit_code(name: str) -> int:
    return CLASSES.get(name, errors.ConfigError).exit_code


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _assignments(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Scope:
    found: Scope = {}
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        for target in targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for one, value in pairs:
                if isinstance(one, ast.Name) and value is not None:
                    found.setdefault(one.id, []).append(value)
    return found


def _passes_on(message: ast.expr) -> bool:
    """Return whether a message is another error's, at most with a place before it."""
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    written = [part.value for part in parts if isinstance(part, ast.Constant)]
    has_message = any(isinstance(node, ast.Attribute) and node.attr == "message" for node in ast.walk(message))
    return has_message and not any(re.search(r"[a-z]+ [a-z]+", str(text)) for text in written)


def _templates(node: ast.expr | None, scope: Scope, depth: int = 0) -> list[str]:
    """Return the templates of an expression that gives a message: one for each of its variants."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return [""]
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return _joined([_templates(part, scope, depth) for part in node.values])
    if isinstance(node, ast.FormattedValue):
        texts = _templates(node.value, scope, depth)
        return [f"'{text}'" for text in texts] if node.conversion == ord("r") else texts
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and (_says(node.left) or _says(node.right)):
        return _joined([_templates(node.left, scope, depth), _templates(node.right, scope, depth)])
    if isinstance(node, ast.IfExp):
        return list(dict.fromkeys(_templates(node.body, scope, depth) + _templates(node.orelse, scope, depth)))
    if isinstance(node, ast.BoolOp):
        return list(dict.fromkeys(text for value in node.values[-2:] for text in _templates(value, scope, depth)))
    if isinstance(node, ast.Name) and node.id in scope and depth < 3:
        texts = [text for value in scope[node.id] if _says(value) for text in _templates(value, scope, depth + 1)]
        return list(dict.fromkeys(texts)) or [f"<{_plain(node.id)}>"]
    return [f"<{_placeholder(node)}>"]


def _says(value: ast.expr) -> bool:
    """Return whether an assigned expression holds words of a message, rather than a value that is put into one."""
    if isinstance(value, ast.IfExp):
        return _says(value.body) or _says(value.orelse)
    if isinstance(value, ast.BoolOp):
        return any(map(_says, value.values))
    if isinstance(value, ast.Call):
        return _name_of(value) == "suggest"
    if isinstance(value, ast.BinOp):
        return _says(value.left) or _says(value.right)
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str | None))


def _joined(parts: list[list[str]]) -> list[str]:
    variants = 1
    for texts in parts:
        variants *= max(1, len(texts))
    if variants > MOST_VARIANTS:
        parts = [texts if len(texts) < 2 else ["/".join(text for text in texts if text)] for texts in parts]
    return ["".join(chosen) for chosen in product(*parts)]


def _placeholder(node: ast.expr) -> str:
    """Return the words that stand for a value in a template."""
    if isinstance(node, ast.Name):
        return _plain(node.id)
    if isinstance(node, ast.Attribute) and node.attr == "__name__":
        return "kind of error" if _placeholder(node.value) == "reason" else "type"
    if isinstance(node, ast.Attribute):
        owner = _placeholder(node.value) if node.attr in {"name", "id", "folder"} else ""
        return _plain(node.attr) if owner in {"", "self", "args"} else f"{owner} {_plain(node.attr)}"
    if isinstance(node, ast.Subscript):
        return _placeholder(node.value)
    if isinstance(node, ast.Call):
        return _placeholder_of_call(node)
    if isinstance(node, ast.BinOp):
        return _placeholder(node.left if not isinstance(node.left, ast.Constant) else node.right)
    if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        return _placeholder(node.generators[0].iter)
    if isinstance(node, ast.Starred):
        return _placeholder(node.value)
    return "value"


def _placeholder_of_call(node: ast.Call) -> str:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else _name_of(node)
    if name == "suggest":
        return "the closest valid choice, or all valid ones"
    if name == "len":
        return f"number of {_placeholder(node.args[0])}"
    if name == "join" and node.args:
        return f"{_placeholder(node.args[0])}, ..."
    if (
        name in {"sorted", "min", "max", "next", "map", "str", "repr", "int", "list", "set", "type", "filter", "round"}
        and node.args
    ):
        return _placeholder(node.args[-1] if name in {"map", "filter"} else node.args[0])
    if isinstance(node.func, ast.Attribute) and name in {
        "replace",
        "split",
        "strip",
        "splitlines",
        "keys",
        "values",
        "items",
        "get",
    }:
        return _placeholder(node.func.value)
    return _plain(name.lstrip("_"))


def _plain(name: str) -> str:
    return STAND_INS.get(name.strip("_"), name.strip("_").replace("_", " ").lower())


if __name__ == "__main__":
    if "--without-remedy" in sys.argv[1:]:
        print(*(f"{one.place}: {one.text}" for one in without_remedy()), sep="\n")
    else:
        FILE.write_text(troubleshooting(), encoding="utf-8")
