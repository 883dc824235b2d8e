"""Choice of selection options of a voice: edits the `ProsodySelector` blocks in its stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import addons_that, find_addon
from tts_cli.addon.opened import StackEdit
from tts_cli.addon.stack_file import read_stack
from tts_cli.errors import InputError
from tts_cli.selection.feature import SELECTOR
from tts_cli.selection.selector import WITH_WEIGHTS, ProsodySelectorOptions


def choosing(addon: str | Path, stack: Path | None = None, **options: Any) -> StackEdit | None:
    """Return a function that changes the options of the `ProsodySelector` blocks in a voice's stack, for `load`.

    Args:
        addon: Name or path of the voice.
        stack: File with a stack that replaces the voice's own.
        options: Options of `ProsodySelector` by name, such as `strategy`, `top_k` and `inventory`; None leaves one as it is. The
            stack's own `spread` goes where the new strategy has no use for it.

    Returns:
        Function for the argument `edit_stack` of `load` and `Voice.variant`; None if every option is None.

    Raises:
        InputError: The stack has no `ProsodySelector`.
        AddonError: The addon is not found.

    Examples:
        >>> import tts_cli
        >>> from tts_cli.selection.choosing import choosing
        >>> edit_stack = choosing("prosody-16k", strategy="bert", top_k=3)
        >>> voice = tts_cli.load("prosody-16k", edit_stack=edit_stack)
        >>> chunks = list(voice.stream("Did you hear the wind last night?"))
    """
    changed = {name: value for name, value in options.items() if value is not None}
    if changed and not selects(addon, stack):
        raise InputError(f"'{addon}' does not select its prosody", hint=remedy())
    return partial(_with_options, options=changed) if changed else None


def selects(addon: str | Path, stack: Path | None = None) -> bool:
    """Return True if the stack of an addon, or of the file `stack` instead, has a `ProsodySelector`.

    Raises AddonError if the addon is not found.
    """
    return has_selector(read_stack(stack).stack if stack else read_addon_config(find_addon(addon)).stack)


def has_selector(value: Any) -> bool:
    """Return True if the JSON of a stack, or of a part of it, has a `ProsodySelector`."""
    return any(True for _ in _selectors(value))


def strategy_of(addon: str | Path) -> str:
    """Return the strategy by which an addon selects its prosody if no other is chosen.

    Raises:
        InputError: The stack has no `ProsodySelector`.
        AddonError: The addon is not found.
    """
    for selector in _selectors(read_addon_config(find_addon(addon)).stack):
        return str(selector.get("strategy", ProsodySelectorOptions().strategy))
    raise InputError(f"'{addon}' does not select its prosody", hint=remedy())


def _selectors(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the JSON of each `ProsodySelector` of a stack, or of a part of it."""
    if isinstance(value, dict) and value.get("type") == SELECTOR:
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in inner:
        yield from _selectors(item)


def remedy() -> str:
    """Return a hint that names the installed addons that select their prosody."""
    able = ", ".join(addons_that(lambda config: has_selector(config.stack)))
    return f"use --addon NAME with a voice that does: {able or 'none is installed'}"


def _with_options(stack: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Return the JSON of a stack in which each `ProsodySelector` has these options."""
    return [_changed(block, options) for block in stack]


def _changed(value: Any, options: dict[str, Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_changed(item, options) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _changed(item, options) for key, item in value.items()}
    return _overruled(inner, options) if value.get("type") == SELECTOR else inner


def _overruled(selector: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a `ProsodySelector` with other options. Its spread belongs to a strategy with weights."""
    changed = {**selector, **options}
    if "strategy" in options and "spread" not in options and changed["strategy"] not in WITH_WEIGHTS:
        changed.pop("spread", None)
    return changed
