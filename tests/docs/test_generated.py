"""Writers of pages: keys with type, default and meaning, and templates of messages with their remedies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import messages
import pytest
from fields import Key, keys
from pydantic import Field

from tts_cli.config import StrictModel


class Inner(StrictModel):
    """Settings of one thing. More of them."""

    size: Annotated[int, Field(ge=1)]
    """Samples of one step."""


class Outer(StrictModel):
    """A configuration."""

    kind: Literal["a", "b"] = "a"
    inner: Inner = Inner(size=2)
    by_name: dict[str, Inner] = Field(default_factory=dict)
    many: tuple[Inner, ...] | None = None
    """All of them,
    in order."""


def test_keys_tell_type_default_and_meaning() -> None:
    assert list(keys(Outer, "top.")) == [
        Key("top.kind", '`"a"` or `"b"`', '`"a"`', ""),
        Key("top.inner", "mapping", "", "Settings of one thing."),
        Key("top.inner.size", "integer, ≥ 1", "required", "Samples of one step."),
        Key("top.by_name", "mapping of names to mapping", "`{}`", "Settings of one thing."),
        Key("top.by_name.NAME.size", "integer, ≥ 1", "required", "Samples of one step."),
        Key("top.many", "list of mapping or null", "`null`", "All of them, in order."),
        Key("top.many[].size", "integer, ≥ 1", "required", "Samples of one step."),
    ]


SOURCE = '''
"""A room."""
_FORM = "write it so"

def open_it(path, names, error):
    if not names:
        raise InputError(f"{path}: holds no names", hint=_FORM)
    found = ", ".join(names)
    message = f"{path.name}: several: {found}"
    if len(names) > 1:
        raise RefusedError(message, hint=suggest(found, names) if names else None)
    if path:
        raise AudioError(error.message, error.hint) from error
    raise OutputError(f"{path}: {error.strerror or error}: {'a file' if path else 'a folder'}")
'''


def test_messages_are_templates_with_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "room.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.setattr(messages, "PACKAGE", tmp_path)
    assert [(one.exit_code, one.text, one.remedy) for one in messages.messages()] == [
        (1, "<path name>: several: <found>", "<the closest valid choice, or all valid ones>"),
        (2, "<path>: <reason>: a file", ""),
        (2, "<path>: <reason>: a folder", ""),
        (2, "<path>: holds no names", "write it so"),
    ]
    assert "| `<path>: holds no names` | 2 | `write it so` |" in messages.troubleshooting()


def test_every_error_that_is_raised_is_told() -> None:
    told = {one.exit_code for one in messages.messages()}
    assert told == {1, 2}
    assert len(messages.messages()) > 300
