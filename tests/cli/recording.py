"""Recorder of calls that commands make to other rooms: a flat table of names and plain values."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

import tts_cli
from tts_cli.addon.opened import Addon
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence
from tts_cli.voice.synthesis import Voice

PACKAGE = Path(tts_cli.__file__).parent
ROOMS = ("cli", "output", "reading", "selection", "transfer")
Record = dict[str, Any]
"""Values by `call.parameter`, or `call.parameter.field` for the fields of a value; a second call is `call#2`."""


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the plain values inside `value` by name. A voice or addon yields its name, any other object its type."""
    if value is None or isinstance(value, bool | int | float | str):
        yield name, value
    elif isinstance(value, Path):
        yield name, str(value)
    elif isinstance(value, Voice):
        yield name, value.acoustic.name
    elif isinstance(value, Addon):
        yield name, value.name
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from flat(f"{name}.{field}", getattr(value, field))
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from flat(f"{name}.{one.name}", getattr(value, one.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from _of_several(name, list(value))
    else:
        yield name, type(value).__name__


def _of_several(name: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    if all(isinstance(one, str | int | float | Path) for one in values):
        yield name, [str(one) if isinstance(one, Path) else one for one in values]
        return
    for place, one in enumerate(values):
        yield from flat(f"{name}.{place}", one)


@lru_cache
def home_of(place: str) -> tuple[ModuleType, str]:
    """Return the module that defines the function or class at `place` (`room:name`), and the name."""
    room, _, path = place.partition(":")
    folder, name = PACKAGE / room, path.partition(".")[0]
    defined = re.compile(rf"^(?:def|class) {name}\b", re.MULTILINE)
    files = [file for file in folder.rglob("*.py") if defined.search(file.read_text(encoding="utf-8"))]
    assert len(files) == 1, f"{name} is defined {len(files)} times in {room}/"
    dotted = ".".join(files[0].relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    return importlib.import_module(dotted), path


@lru_cache
def load_rooms() -> None:
    """Import all modules of ROOMS. A module that a command imports first under a recorder would keep the recorder."""
    for room in ROOMS:
        for module in iter_modules([str(PACKAGE / room)], f"tts_cli.{room}."):
            importlib.import_module(module.name)


def called_from() -> list[ModuleType]:
    """Return the loaded modules that may hold a reference to a function: those of ROOMS, and packages that re-export."""
    load_rooms()
    known = {name: module for name, module in sys.modules.items() if name.startswith("tts_cli")}
    rooms = tuple(f"tts_cli.{room}." for room in ROOMS)
    return [module for name, module in known.items() if name.startswith(rooms) or hasattr(module, "__path__")]


class Recorder:
    """Recorder of the arguments of calls to functions of the rooms."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.record: Record = {}

    def follow(self, place: str) -> None:
        """Record calls of the function or method at `place` (`room:name`), and run it."""
        self._stand_before(place, None)

    def replace(self, place: str, result: Callable[[], Any]) -> None:
        """Record calls of the function at `place`, and return `result()` instead of running it."""
        self._stand_before(place, result)

    def follow_block(self, place: str) -> None:
        """Record the options of a block each time it runs."""
        module, name = home_of(place)
        block = getattr(module, name)
        original = block.run

        def recorded(this: Any, scope: Any) -> Any:
            self.record.update(flat(name, this.options))
            return original(this, scope)

        self._patch.setattr(block, "run", recorded)

    def _stand_before(self, place: str, result: Callable[[], Any] | None) -> None:
        module, path = home_of(place)
        outer, _, name = path.rpartition(".")
        owner: Any = getattr(module, outer) if outer else module
        original = getattr(owner, name)

        def recorded(*given: Any, **named: Any) -> Any:
            bound = inspect.signature(original).bind(*given, **named)
            bound.apply_defaults()
            self._keep(name, bound.arguments)
            return original(*bound.args, **bound.kwargs) if result is None else result()

        self._patch.setattr(owner, name, recorded)
        if not outer:
            for other in called_from():
                if vars(other).get(name) is original:
                    self._patch.setattr(other, name, recorded)

    def _keep(self, name: str, arguments: dict[str, Any]) -> None:
        call, count = name, 1
        while any(key.startswith(f"{call}.") for key in self.record):
            count += 1
            call = f"{name}#{count}"
        for parameter, value in arguments.items():
            if isinstance(value, Iterator) or (isinstance(value, list) and any(isinstance(one, Sentence) for one in value)):
                arguments[parameter] = self._followed(f"{call}.{parameter}", value)
            elif parameter != "self":
                self.record.update(flat(f"{call}.{parameter}", value))

    def _followed(self, name: str, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items that a voice is given, and record pauses, texts, durations and embeddings."""
        for place, item in enumerate(items):
            sentence = getattr(item, "sentence", item)
            if isinstance(item, Break):
                self.record[f"{name}.{place}.pause"] = item.seconds
            elif isinstance(sentence, Sentence):
                for field in ("text", "durations", "embedding"):
                    self.record.update(flat(f"{name}.{place}.{field}", getattr(sentence, field)))
            yield item
