"""Stacks in files of their own: another integration of an addon's networks, written by its user."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_cli.addon_config import AddonConfig
from tts_cli.blocks.streamable import StreamableStack
from tts_cli.config import suggest, without_duplicates
from tts_cli.errors import StackError

_FORM = 'a stack file holds {"stack": [{"type": ...}, ...]}'
_TYPOGRAPHIC = "“”„‟‘’‚‛«»"


@dataclass(frozen=True)
class StackFile:
    """A stack and the file it was read from."""

    path: Path
    stack: tuple[Any, ...]
    """The blocks, in order, as an addon's `stack` has them."""


def read_stack(path: Path) -> StackFile:
    """The stack in a file that holds `{"stack": [...]}`, or an object like addon.json, of which only the stack is looked at.

    Types, options and nesting are checked, which needs no addon. Raises StackError that names line and column where the file is
    not JSON, and the JSON path where the stack is wrong.
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
        raise StackError(f"{place}.stack: the blocks are nested too deeply") from error
    return StackFile(path, tuple(value["stack"]))


def _read_json(path: Path) -> Any:
    text = _read_text(path)
    try:
        return json.loads(text, object_pairs_hook=without_duplicates)
    except json.JSONDecodeError as error:
        raise _not_json(path, text, error) from error
    except (ValueError, RecursionError) as error:
        raise StackError(f"{path}: {error}") from error


def _read_text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StackError(f"{path}: no such file") from error
    except OSError as error:
        raise StackError(f"{path}: cannot be read: {error.strerror}", _FORM) from error
    except UnicodeDecodeError as error:
        raise StackError(f"{path}: not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from error
    if not text.strip():
        raise StackError(f"{path}: is empty", _FORM)
    return text


def _not_json(path: Path, text: str, error: json.JSONDecodeError) -> StackError:
    """Where and why `text` is not JSON; quotes that a word processor has made round are the likeliest reason."""
    places = [index for index, character in enumerate(text) if character in _TYPOGRAPHIC]
    if places:
        error = json.JSONDecodeError(f"the quote {text[places[0]]} is none of JSON's", text, places[0])
    hint = 'JSON quotes with "' if places or text[error.pos : error.pos + 1] == "'" else None
    return StackError(f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}", hint)


def _kind(value: Any) -> str:
    names = {list: "a list", dict: "an object", str: "a text", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")
