"""The recipe of a training: one YAML file with strict keys."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, create_model

from tts_cli.config import StrictModel, apply_overrides, parse, read_mapping
from tts_cli.errors import ConfigError
from tts_cli.files import atomic_write
from tts_cli.models import KINDS, find_kind, model_file

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]


class Optimiser(StrictModel):
    """AdamW (Loshchilov and Hutter, 2019) and the course of its learning rate over the steps."""

    learning_rate: PositiveFloat = 5e-4
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    """How the rate goes from `learning_rate` after the warm-up to `final_fraction` of it at the last step."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    final_fraction: Annotated[float, Field(gt=0, le=1)] = 0.05

    def rate(self, step: int, num_steps: int) -> float:
        """The learning rate of `step` (counted from 0) in a training of `num_steps`."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / (self.warmup_steps + 1)
        progress = min(1.0, (step - self.warmup_steps) / max(1, num_steps - self.warmup_steps))
        if self.schedule == "cosine":
            return self.learning_rate * (self.final_fraction + (1 - self.final_fraction) * (1 + math.cos(math.pi * progress)) / 2)
        if self.schedule == "exponential":
            return self.learning_rate * math.pow(self.final_fraction, progress)
        return self.learning_rate


class Recipe(StrictModel):
    """Everything that decides what a training does; the kind of model adds its own `network` and `batches`."""

    model: str
    """The kind of model, one of `tts_cli.models.KINDS`."""
    name: str
    data: str | None = None
    """Folder of the prepared corpus; the command line may name it instead."""
    speakers: tuple[str, ...] | None = None
    """The voices of the corpus to learn; None: all."""
    without_speakers: tuple[str, ...] = ()
    """Voices of the corpus to leave out."""
    disjoint_prompts: bool = False
    """Whether of all who read the same text only one teaches it: no two speakers are then heard with the same words."""
    network: Any
    batches: Any
    optimiser: Optimiser = Optimiser()
    optimisers: dict[str, Optimiser] = Field(default_factory=dict)
    """Optimisers of single submodels (a discriminator's, say), by their names."""
    rate_factors: dict[str, PositiveFloat] = Field(default_factory=dict)
    """What the learning rate of some parameters is multiplied by (those that were trained before, say): by how names begin."""
    steps: PositiveInt
    seed: int = 0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay a step of the averaged weights, which validation and export use; early on they follow faster."""
    clip_gradient_norm: PositiveFloat = 1.0
    snapshot_every: PositiveInt = 100
    """Steps between the states in memory to which a non-finite loss or gradient rolls back."""
    max_rollbacks: PositiveInt = 5
    """Rollbacks to one snapshot before the training gives up."""

    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: PositiveInt = 1
    """Processes a machine, each with one device; they share every batch."""
    num_nodes: PositiveInt = 1
    """Machines."""
    threads: PositiveInt = 1
    """Threads of a process on the CPU."""
    loaders: Annotated[int, Field(ge=0)] = 0
    """Worker processes that make batches, of which a GPU needs several; 0: a thread of the training's own process."""

    max_minutes: PositiveFloat | None = None
    """Stop, with a checkpoint, after this many minutes."""
    checkpoint_every_minutes: PositiveFloat = 10.0
    """Checkpoints wait for the next snapshot after this time."""
    keep_checkpoints: PositiveInt = 2
    """Newest checkpoints that are kept, besides the best by validation."""
    log_every: PositiveInt = 50
    validate_every: PositiveInt = 1000
    validation_batches: PositiveInt = 4


CHANGEABLE = {
    *("name", "data", "steps", "accelerator", "devices", "num_nodes", "threads", "loaders", "max_minutes"),
    *("checkpoint_every_minutes", "keep_checkpoints", "log_every", "validate_every", "validation_batches"),
}
"""Keys that may change when a training is resumed."""


@lru_cache
def recipe_class(kind: str) -> type[Recipe]:
    """The recipe of a kind of model: with its own `network` and `batches` sections."""
    sections = model_file(kind)
    fields: dict[str, Any] = {"network": (sections.Config, ...), "batches": (sections.BatchConfig, ...)}
    return create_model(f"{kind}-recipe", __base__=Recipe, **fields)


def parse_recipe(mapping: dict[str, Any], source: str) -> Recipe:
    """The recipe in `mapping`. Raises ConfigError naming `source`, the key and the closest valid one."""
    if "model" not in mapping:
        kinds = ", ".join(sorted(KINDS))
        raise ConfigError(f"{source}: 'model' is missing", hint=f"add a line 'model: KIND', where KIND is one of {kinds}")
    try:
        kind = recipe_class(str(mapping["model"]))
    except ConfigError as error:
        raise ConfigError(f"{source}: {error.message}", hint=error.hint) from error
    return parse(kind, mapping, source)


def load_recipe(path: Path, group: str | None = None, overrides: list[str] | None = None, **options: Any) -> Recipe:
    """The recipe in the file `path` with every `KEY=VALUE` of `overrides` and every option that is not None in its place.

    Raises ConfigError when it is malformed, or for another `group` of models than the command's.
    """
    mapping = apply_overrides(read_mapping(path), overrides or [])
    recipe = parse_recipe(mapping | {key: value for key, value in options.items() if value is not None}, str(path))
    found = find_kind(recipe.model).group
    if group not in (None, found):
        raise ConfigError(f"{path}: a recipe for '{recipe.model}', which is no {group} model", hint=f"tts train {found} {path}")
    return recipe


def write_recipe(recipe: Recipe, folder: Path) -> None:
    """Write the resolved recipe as `recipe.yaml` in `folder`; its first line is the command that runs it. Raises OutputError."""
    command = f"# tts train {find_kind(recipe.model).group} {folder / 'recipe.yaml'} --output {folder}\n"
    body = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=130)
    with atomic_write(folder / "recipe.yaml") as file:
        file.write(command + body)


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted keys whose values differ between two recipes as mappings, with `old -> new`."""
    found: dict[str, str] = {}
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found[prefix + key] = f"{before} -> {after}"
    return found
