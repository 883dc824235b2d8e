"""Writes docs/recipes.md, every key of the recipes of every kind of model: `python tests/docs/recipe_keys.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fields import HEADER, Key, keys, table

from tts_cli.models import KINDS, model_file
from tts_cli.training.recipe import CHANGEABLE, Recipe

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "recipes.md"
_KINDS = {name: kind for name, kind in KINDS.items() if kind.module.startswith("tts_cli.")}
"""Kinds of this project; tests register more of them."""
INTRODUCTION = """# Recipes

A recipe is one YAML file that decides everything about a training. Its first line is the command that runs it. Keys are strict:
an unknown key is refused, and the message names the closest valid one. `--set KEY=VALUE` changes one key for one training, for
example `--set optimiser.learning_rate=1e-4`; a value is read as YAML.

```yaml
model: vocoder
name: my-vocoder
network: {}
batches: {}
steps: 1000
```

That is the smallest recipe of a vocoder: whatever is left out has its default. [Train a voice](train-a-voice.md) walks through a
training; [recipes/](../recipes) has those of the shipped voices.

Dots lead into mappings, `[]` into the items of a list, `.NAME` into a mapping by names of your own. This page is
written by `python tests/docs/recipe_keys.py` from the configuration models.
"""


def recipes() -> str:
    """Return the text of docs/recipes.md."""
    return "\n".join([INTRODUCTION, *_kinds(), *_common(), *(line for kind in _KINDS for line in _kind(kind))]) + "\n"


def missing() -> list[str]:
    """Return the keys of recipes that have no meaning, each with its kind of model."""
    found = [f"{kind}: {key.name}" for kind in _KINDS for key in _sections(kind) if not key.meaning]
    return [f"all: {key.name}" for key in _common_keys() if not key.meaning] + found


def _kinds() -> Iterator[str]:
    yield "## Kinds of models\n\n| `model` | trained by | becomes | recipes |\n|---|---|---|---|"
    for name, kind in _KINDS.items():
        shipped = ", ".join(f"[{path.stem}](../recipes/{path.name})" for path in _shipped(name))
        becomes = f"an addon of kind `{kind.addon}`" if kind.addon else "the beginning of other models"
        yield f"| [`{name}`](#{name}) | `tts train {kind.group}` | {becomes} | {shipped} |"


def _shipped(kind: str) -> list[Path]:
    return [
        path for path in sorted((ROOT / "recipes").glob("*.yaml")) if f"\nmodel: {kind}\n" in path.read_text(encoding="utf-8")
    ]


def _common_keys() -> Iterator[Key]:
    return (key for key in keys(Recipe) if key.name not in {"network", "batches"} and not key.name.startswith("optimisers.NAME."))


def _common() -> Iterator[str]:
    yield "\n## Keys of every recipe\n"
    yield table(_common_keys())
    yield "\nAn entry of `optimisers` has the keys of `optimiser`. `network` and `batches` have the keys of their kind, below."
    yield f"\nThese may change when a training is resumed: {', '.join(f'`{name}`' for name in sorted(CHANGEABLE))}."


def _sections(kind: str) -> Iterator[Key]:
    file = model_file(kind)
    yield from keys(file.Config, "network.")
    yield from keys(file.BatchConfig, "batches.")


def _kind(kind: str) -> Iterator[str]:
    file = model_file(kind)
    yield f"\n## {kind}"
    for section, model in (("network", file.Config), ("batches", file.BatchConfig)):
        rows = [key.row() for key in keys(model, f"{section}.")]
        if rows:
            yield "\n".join(["", HEADER, *rows])
        else:
            yield f"\n`{section}` has no keys: `{section}: {{}}`."


if __name__ == "__main__":
    FILE.write_text(recipes(), encoding="utf-8")
