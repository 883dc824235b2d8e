"""Stack files: JSON files of a user with a stack to use in place of an addon's own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.addon.config import AddonConfig
from tts_cli.blocks.block import NESTING
from tts_cli.blocks.streamable import StreamableStack
from tts_cli.config import suggest
from tts_cli.errors import StackError

_FORM = 'a stack file holds {"stack": [{"type": ...}, ...]}'
_TYPOGRAPHIC = "“”„‟‘’‚‛«»"


@dataclass(frozen=True)
class StackFile:
    """Stack read from a file."""

    path: Path
    """The file."""
    stack: tuple[Any, ...]
    """Blocks as JSON objects, in order, like `stack` in addon.json."""


def read_stack(path: Path) -> StackFile:
    """Read a stack file, and check the types, options and nesting of its blocks.

    Args:
        path: JSON file `{"stack": [...]}`, or an addon.json, of which only `stack` is used.

    Raises:
        StackError: The file cannot be read or is no JSON (the message names line and column), or the stack is wrong (the
            message names the JSON path).
    """
    value = _read_json(path)
    place = f"{path}: $"
    if not isinstance(value, dict):
        raise StackError(f"{place}: an object belongs here, not {_kind(value)}", _FORM)
    for key in sorted(value.keys() - AddonConfig.model_fields.keys()):
        raise StackError(f"{place}: unknown key '{key}'", hint=_FORM if key == "type" else suggest(key, ["stack"]))
    if not isinstance(value.get("stack"), list):
        given = _kind(value["stack"]) if "stack" in value else "nothing"
        raise StackError(f"{place}.stack: a list of blocks belongs here, not {given}", _FORM)
    try:
        StreamableStack.check({"type": StreamableStack.__name__, "stack": value["stack"]}, place)
    except RecursionError as error:
        raise StackError(f"{place}.stack: the blocks are nested too deeply", hint="nest fewer blocks in each other") from error
    return StackFile(path, tuple(value["stack"]))


def _read_json(path: Path) -> Any:
    text = _read_text(path)
    try:
        value = json.loads(text, object_pairs_hook=_Object)
        _refuse_duplicates(value, f"{path}: $")
        return value
    except json.JSONDecodeError as error:
        raise _not_json(path, text, error) from error
    except RecursionError as error:
        raise StackError(f"{path}: the JSON is nested too deeply", _FORM) from error
    except ValueError as error:
        raise StackError(f"{path}: {error}", _FORM) from error


class _Object(dict[str, Any]):
    """JSON object with a list of the keys that the file gives more than once, `repeated`."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


def _refuse_duplicates(value: Any, place: str) -> None:
    """Raise StackError for the first object in `value` that has a key twice. The message names its JSON path."""
    if isinstance(value, _Object):
        for key in value.repeated:
            hint = NESTING if key in ("sequence_block", "streamable_block") else None
            raise StackError(f"{place}: key '{key}' is given twice in one object", hint)
        for key, inner in value.items():
            _refuse_duplicates(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_duplicates(inner, f"{place}[{index}]")


def _read_text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StackError(f"{path}: no such file", hint="check the path of the stack file") from error
    except OSError as error:
        raise StackError(f"{path}: cannot be read: {error.strerror}", _FORM) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"
        raise StackError(message, hint="save the file as UTF-8") from error
    if not text.strip():
        raise StackError(f"{path}: is empty", _FORM)
    return text


def _not_json(path: Path, text: str, error: json.JSONDecodeError) -> StackError:
    """Return a StackError with line, column and reason.

    Typographic quotation marks, which word processors insert, are reported first, as the likeliest reason.
    """
    places = [index for index, character in enumerate(text) if character in _TYPOGRAPHIC]
    if places:
        error = json.JSONDecodeError(f"the quote {text[places[0]]} is not a JSON quote", text, places[0])
    hint = 'use straight double quotes: "' if places or text[error.pos : error.pos + 1] == "'" else None
    return StackError(f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}", hint)


def _kind(value: Any) -> str:
    names: dict[type, str] = {list: "a list", dict: "an object", str: "a text", type(None): "null", bool: "true or false"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")
