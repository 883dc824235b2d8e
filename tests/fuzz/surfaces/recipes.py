"""Recipes with values out of range, of other types and under other names, aliases of YAML, and odd `--set`."""

from __future__ import annotations

import os
import tempfile
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import yaml
from case import ROOT, Case
from mutations import change, damage, value
from tiny_corpus import write_corpus_of_noise

CORPUS = Path(tempfile.gettempdir()) / f"tts-fuzz-corpus-{os.getuid()}"
GROUPS = ("acoustic", "vocoder", "copycat", "vae")
SMALL = {"channels": 8, "prosody_channels": 8, "contour_channels": 8, "reference_channels": 8, "pitch_channels": 8}
LETTERS = "abcdefghij"
"""Names of lists in YAML, each of which holds the one before nine times."""
ODD = (
    "steps=!!python/object/apply:os.system [true]",
    "steps=!!x y",
    "steps",
    "=",
    "steps=",
    "a.b.c.d=1",
    "network=1",
    "network.channels=-5",
    "optimiser.betas=[2,3]",
    "seed=2023-01-01",
    "seed=99999999999999999999",
    "steps=1e400",
    "steps=.nan",
    "network.kernel=2",
    "x\0y=1",
    "steps=&a [*a]",
    "network.channels=[1",
    "name=../../x",
    "name=",
    "data=",
    "optimiser.learning_rate=-1",
    "batches={}",
    "log_every=0",
)


def make(random: Random, work: Path) -> Case:
    """Write a recipe, and return the command that trains two steps by it."""
    group = random.choice(GROUPS)
    recipe = yaml.safe_load((ROOT / "recipes" / f"tiny-{group}.yaml").read_text())
    recipe["network"] |= {key: given for key, given in SMALL.items() if key in recipe["network"]}
    recipe |= {"steps": 2, "log_every": 1, "validate_every": 2, "accelerator": "cpu"}
    settings: list[str] = []
    if random.random() < 0.75:
        for _ in range(random.choice((1, 1, 1, 3))):
            change(random, recipe)
    else:
        settings = ["--set", random.choice(ODD) if random.random() < 0.6 else _setting(random, recipe)]
    (work / "recipe.yaml").write_bytes(_written(random, recipe))
    arguments = ("train", group, "recipe.yaml", "--data", str(CORPUS), "-o", "run", "--max-minutes", "0.05", *settings)
    return Case(arguments, imports=("tts_cli.training.start", f"tts_cli.models.{group}"))


def _setting(random: Random, recipe: dict[str, Any]) -> str:
    part = random.choice(("network.", "optimiser.", "batches.", ""))
    keys = recipe[part[:-1]] if part else recipe
    return f"{part}{random.choice(list(keys))}={value(random)}".replace("\0", "")


def _written(random: Random, recipe: Any) -> bytes:
    text = yaml.safe_dump(recipe)
    kind = random.randrange(12)
    if kind == 0:
        return damage(random, text.encode())
    if kind == 1:
        lists = (f"{name}: &{name} [{','.join([f'*{other}'] * 9)}]\n" for other, name in pairwise(LETTERS))
        return ("a: &a [x]\n" + "".join(lists) + text).encode()
    if kind == 2:
        return text.replace(
            "seed: 1", random.choice(("seed: 2023-01-01", "seed: !!binary aGk=", "seed: &x {y: *x}", "seed: !!set {a}"))
        ).encode()
    return text.encode()


def ready() -> None:
    """Make the prepared corpus of all cases, unless it is there."""
    if not (CORPUS / "corpus.json").exists():
        write_corpus_of_noise(CORPUS)
