"""Writes docs/python.md, the Python API; the site's build fills in the signatures: `python tests/docs/python_api.py`."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import tts_cli

FILE = Path(__file__).parents[2] / "docs" / "python.md"
INTRODUCTION = """# Python API

```python
import tts_cli

voice = tts_cli.load("arctic-16k")
for chunk in voice.stream("Hello there."):
    print(len(chunk.samples), chunk.sample_rate)
```

Everything in the first section is imported from `tts_cli` itself. The other sections show
classes and functions of its rooms.

This page is written by `python tests/docs/python_api.py`. The site's build adds signatures, parameters and members from the
docstrings; the repository's folder view shows the first lines alone.
"""
ROOMS = {
    "Voices": (
        "voice.sentence:Prosody voice.request:Break voice.trace:Trace voice.description:view_stack voice.bench:measure_voice"
    ),
    "Stacks": (
        "blocks.block:Nests blocks.sequence:SequenceBlockContainer blocks.pipeline:StreamablePipeline"
        " blocks.streamable:StreamableStack blocks.wiring:Wiring blocks.features:Feature blocks.features:Control"
        " blocks.features:RequestPort blocks.latency:Latency ports:NetworkSpec ports:NetworkSettings"
    ),
    "Effects and observers": "blocks.effects:Effect blocks.processor:Processor blocks.observe:Observer",
    "Addons": (
        "addon.opened:Addon addon.opened:open_addon addon.config:AddonConfig addon.config:Context addon.library:find_addon"
        " addon.library:list_addons addon.library:install_addon"
    ),
    "Reading documents": (
        "reading.documents:open_document reading.documents:Document reading.reading:Reading reading.reader:Reader"
    ),
    "Transferring and selecting prosody": (
        "transfer.making:Transfer selection.choosing:choosing selection.inventory:Inventory selection.parsing:open_parser"
    ),
    "Output": "output.outlets:to_file output.timings:TimedSentence output.pictures:draw",
    "Training": "training.recipe:Recipe training.recipe:load_recipe models:TrainableModel models:Kind",
    "Errors": (
        "errors:InputError errors:ConfigError errors:TextError errors:AudioError errors:CorpusError errors:CheckpointError"
        " errors:AddonError errors:StackError errors:RefusedError errors:OutputError"
    ),
}
"""The main classes and functions of the rooms, `module:name`, by section."""


def python_api() -> str:
    """Return the text of docs/python.md. Raise AttributeError for a name that does not exist any more."""
    root = [f"{tts_cli._ROOMS[name]}:{name}" for name in tts_cli.__all__]
    lines = [INTRODUCTION]
    for title, names in {"Imported from `tts_cli`": root, **{title: names.split() for title, names in ROOMS.items()}}.items():
        lines += [f"## {title}\n\n| | |\n|---|---|", *map(_row, names), "", *(_entry(name) for name in names)]
    return "\n".join(lines)


def _row(place: str) -> str:
    module, name = place.split(":")
    value = getattr(import_module(f"tts_cli.{module}"), name)
    text = (value.__doc__ or "") if inspect.isclass(value) or inspect.isfunction(value) else _below(module, name)
    first = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return f"| `{name}` | {first} |".replace("||", "|")


def _below(module: str, name: str) -> str:
    """Return the docstring below the assignment of `name` in a module."""
    body = ast.parse(inspect.getsource(import_module(f"tts_cli.{module}"))).body
    for node, text in pairwise(body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name and isinstance(text, ast.Expr):
            return str(ast.literal_eval(text.value))
    return ""


def _entry(place: str) -> str:
    return f"::: tts_cli.{place.replace(':', '.')}\n"


if __name__ == "__main__":
    FILE.write_text(python_api(), encoding="utf-8")
