"""Writes docs/addon-format.md, every key of addon.json and every block of a stack: `python tests/docs/addon_format.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from fields import HEADER, keys

from tts_cli.addon.config import AddonConfig, Context
from tts_cli.blocks.block import Block
from tts_cli.blocks.features import features
from tts_cli.blocks.registry import BUILT_IN, block_class
from tts_cli.blocks.sequence import SequenceBlock

FILE = Path(__file__).parents[2] / "docs" / "addon-format.md"
INTRODUCTION = """# Addon format

An addon is a folder:

| | |
|---|---|
| `addon.json` | everything below; [addon.schema.json](addon.schema.json) is its JSON Schema |
| `networks/NAME.onnx`, `networks/NAME.params` | the graph and the parameters of each network |
| `assets/` | other files that blocks ask for by name |
| `MODEL_CARD.md` | for people: data, licence, figures |

`tts addons check FOLDER` holds an addon to all of this. Keys are strict: an unknown key is refused. The file names the SHA-256 of
every other file, and opening an addon checks them. No code of an addon is run.

Dots lead into objects, `[]` into the items of a list, `.NAME` into an object by names of your own. This page is
written by `python tests/docs/addon_format.py` from the configuration models.

## Keys of addon.json
"""
STACK = """
## Stack

`stack` is a list of blocks, in order: each reads from those before it. A block is an object with its `type` and its options. A
[stack file](../recipes/stacks) `{"stack": [...]}` holds the same list for `--stack`. `tts stack check FILE` checks it.
[Adding a component](adding.md) says how to make a block of your own."""
CONTEXT = """
## Contexts

A context says where and in which sizes networks run. `contexts` holds the addon's own; a JSON file with the same keys serves
`--context FILE`. [Contexts](contexts.md) explains the choice.
"""


def addon_format() -> str:
    """Return the text of docs/addon-format.md."""
    own = (key.row() for key in keys(AddonConfig, opaque=frozenset({Context})))
    context = (key.row() for key in keys(Context))
    return "\n".join([INTRODUCTION, HEADER, *own, CONTEXT, HEADER, *context, STACK, *_blocks()]) + "\n"


def missing() -> list[str]:
    """Return the keys of addons and options of blocks that have no meaning."""
    found = [f"addon.json: {key.name}" for key in keys(AddonConfig) if not key.meaning]
    return found + [
        f"{name}: {key.name}" for name, block in _classes().items() for key in keys(block.options_model) if not key.meaning
    ]


def _classes() -> dict[str, type[Block]]:
    """Return the blocks of this project, by type; those of installed packages are left out."""
    own = BUILT_IN.keys() | {
        name for feature in features() for name, place in feature.blocks.items() if place.startswith("tts_cli.")
    }
    return {name: block_class(name, name) for name in sorted(own)}


def _blocks() -> Iterator[str]:
    for name, block in _classes().items():
        kind = "sequence block" if issubclass(block, SequenceBlock) else "streamable block"
        yield f"\n### {name}\n\n{_first_paragraph(block)} A {kind}."
        rows = [key.row() for key in keys(block.options_model)]
        if rows:
            yield "\n".join(["", HEADER, *rows])


def _first_paragraph(block: type[Block]) -> str:
    return " ".join(inspect.cleandoc(block.__doc__ or "").split("\n\n")[0].split())


if __name__ == "__main__":
    FILE.write_text(addon_format(), encoding="utf-8")
