"""Recipe of a training: one YAML file with strict keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, create_model

from tts_cli.config import StrictModel, apply_overrides, parse, read_mapping
from tts_cli.config.ranges import (
    Count,
    CountOrNone,
    Decay,
    Few,
    FewOrNone,
    FolderPath,
    Name,
    Positive,
    Prefix,
    Seed,
    Text,
    Weight,
)
from tts_cli.errors import ConfigError
from tts_cli.files import atomic_write
from tts_cli.models import KINDS, find_kind, model_file


class Optimiser(StrictModel):
    """AdamW optimizer (Loshchilov and Hutter, 2019) and its learning rate schedule."""

    learning_rate: Positive = 5e-4
    """Highest learning rate, greater than 0; it holds after the warm-up."""
    betas: tuple[Decay, Decay] = (0.9, 0.98)
    """Decay rates of the running means of the gradient and of its square, each in [0, 1)."""
    weight_decay: Weight = 0.01
    """Decoupled weight decay, at least 0."""
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    """Course of the rate after the warm-up: constant, or falling to `final_fraction` of `learning_rate` at the last step, along a
    cosine or exponentially."""
    warmup_steps: CountOrNone = 0
    """Steps over which the rate rises linearly to `learning_rate`, at least 0."""
    final_fraction: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Rate at the last step as a fraction of `learning_rate`, in (0, 1]; unused if constant."""

    def rate(self, step: int, num_steps: int) -> float:
        """Return the learning rate of `step` (counted from 0) in a training of `num_steps` steps."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / (self.warmup_steps + 1)
        progress = min(1.0, (step - self.warmup_steps) / max(1, num_steps - self.warmup_steps))
        if self.schedule == "cosine":
            return self.learning_rate * (self.final_fraction + (1 - self.final_fraction) * (1 + math.cos(math.pi * progress)) / 2)
        if self.schedule == "exponential":
            return self.learning_rate * math.pow(self.final_fraction, progress)
        return self.learning_rate


class Rehearsal(StrictModel):
    """Rehearsal of the speakers of the initial weights that the corpus lacks (Robins, 1995): the initial model speaks texts of
    the corpus in their voices, and the training learns from this speech beside the recordings."""

    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of this speech in the training, from 0 to below 1; the clips of the smaller part come several times an epoch. 0: the
    speakers stay in the model, but nothing holds them near their initial sound."""
    sentences: Count = 50
    """Sentences of each of these speakers, with training texts, at least 1; no text comes twice."""
    tested: CountOrNone = 6
    """Sentences of each of these speakers, with validation texts, on which export compares the trained and the initial model."""


class SpokenSentences(StrictModel):
    """Sentences that are spoken at each validation: WAV files in the folder `spoken` of the run, and audio in TensorBoard."""

    texts: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...], Field(min_length=1, max_length=100)]
    """The sentences."""
    speaker: Text | None = None
    """Speaker; None: the first one of the corpus."""
    vocoder: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Vocoder addon, by name or path; None: that of the addon that provides the initial weights, else the first that fits."""


class Recipe(StrictModel):
    """Settings of a training; each kind of model adds its own `network` and `batches` sections."""

    model: Name
    """Kind of model: attention, explicit-duration, copycat, vae, speaker, syntax or vocoder."""
    name: Name
    """Name of the training; its default run folder is runs/NAME."""
    data: FolderPath | None = None
    """Folder of the prepared corpus (or treebank); None: given on the command line by --data."""
    speakers: tuple[Text, ...] | None = None
    """Speakers of the corpus to learn; None: all. The first is the default speaker of the addon."""
    without_speakers: tuple[Text, ...] = ()
    """Speakers of the corpus to leave out."""
    disjoint_prompts: bool = False
    """If true, each text is learnt from one speaker only, so that no two speakers share a training text."""
    rehearsal: Rehearsal | None = None
    """Rehearsal of the speakers of the initial weights that the corpus lacks; None: the model has those of the corpus alone."""
    network: Any
    """Sizes and loss weights of the model, see the sections of each kind."""
    batches: Any
    """Size of the batches, see the sections of each kind."""
    optimiser: Optimiser = Optimiser()
    """Optimizer of all submodels that `optimisers` does not name."""
    optimisers: dict[Prefix, Optimiser] = Field(default_factory=dict)
    """Optimizers of single submodels (such as `discriminator`) by name."""
    rate_factors: dict[Prefix, Positive] = Field(default_factory=dict)
    """Factors greater than 0 on the learning rate of some parameters, by name prefix (pretrained parameters, for example). The
    longest matching prefix decides."""
    steps: Count
    """Steps of the training, at least 1."""
    seed: Seed = 0
    """Seed of initial weights, batches, augmentation and dropout."""
    ema_decay: Decay = 0.999
    """Decay per step of the averaged weights (exponential moving average), in [0, 1); early steps decay faster. Validation and
    export use the averages."""
    clip_gradient_norm: Positive = 1.0
    """Largest norm of a submodel's gradient, greater than 0; larger gradients are scaled down."""
    snapshot_every: Count = 100
    """Steps between snapshots in memory, at least 1. A non-finite loss or gradient rolls back to the last snapshot."""
    max_rollbacks: Count = 5
    """Rollbacks to one snapshot before the training ends with an error, at least 1."""

    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Number format of the computation: float32, or bfloat16 with float32 weights (mixed precision)."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device type; auto: a GPU if there is one, else the CPU."""
    devices: Few = 1
    """Processes on each machine, each with one device, at least 1; they share every batch."""
    num_nodes: Few = 1
    """Machines, at least 1."""
    threads: Few = 1
    """CPU threads of each process, at least 1."""
    loaders: FewOrNone = 0
    """Worker processes that make batches, at least 0; 0: a thread of the training process. A GPU needs several."""

    max_minutes: Positive | None = None
    """Stop with a checkpoint after this many minutes, greater than 0; None: no limit."""
    checkpoint_every_minutes: Positive = 10.0
    """Least minutes between checkpoints, greater than 0; a checkpoint is written at the next snapshot."""
    keep_checkpoints: Count = 2
    """Newest checkpoints to keep, at least 1, besides the best by validation loss."""
    log_every: Count = 50
    """Steps between logged losses, at least 1."""
    validate_every: Count = 1000
    """Most steps between validations, at least 1."""
    validations: Annotated[int, Field(ge=1, le=1000)] = 5
    """Least validations of a training, from 1: one every `steps` / `validations` steps, or more often."""
    validate_minutes: Positive = 10.0
    """Most minutes between validations, greater than 0."""
    validation_batches: Annotated[int, Field(ge=1, le=1_000_000)] = 4
    """Batches of a validation, at least 1."""
    spoken: SpokenSentences | None = None
    """Sentences to speak at each validation; None: none."""

    @property
    def validation_interval(self) -> int:
        """Steps between validations: `validate_every`, or less in a short training."""
        return max(1, min(self.validate_every, self.steps // self.validations))


CHANGEABLE = {
    *("name", "data", "steps", "accelerator", "devices", "num_nodes", "threads", "loaders", "max_minutes"),
    *("checkpoint_every_minutes", "keep_checkpoints", "log_every", "validate_every", "validations"),
    *("validate_minutes", "validation_batches", "spoken"),
}
"""Keys that may change when a training is resumed."""


@lru_cache
def recipe_class(kind: str) -> type[Recipe]:
    """Return the recipe class of a kind of model, with its own `network` and `batches` sections. Raises ConfigError."""
    sections = model_file(kind)
    fields: dict[str, Any] = {"network": (sections.Config, ...), "batches": (sections.BatchConfig, ...)}
    return create_model(f"{kind}-recipe", __base__=Recipe, **fields)


def parse_recipe(mapping: dict[str, Any], source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Validate the recipe in `mapping`.

    Args:
        mapping: Keys and values of the recipe.
        source: Name of the file, for error messages.
        overrides: Overrides in `mapping`, `KEY=VALUE` each, for error messages.

    Raises:
        ConfigError: A key is unknown or missing, or a value is wrong; the message names the source, the key and the closest valid
            one.
    """
    if "model" not in mapping:
        kinds = ", ".join(sorted(KINDS))
        raise ConfigError(f"{source}: 'model' is missing", hint=f"add a line 'model: KIND', where KIND is one of {kinds}")
    try:
        kind = recipe_class(str(mapping["model"]))
    except ConfigError as error:
        raise ConfigError(f"{source}: {error.message}", hint=error.hint) from error
    return parse(kind, mapping, source, overrides)


def load_recipe(path: Path, group: str | None = None, overrides: list[str] | None = None, **options: Any) -> Recipe:
    """Read the recipe file `path`, with changes.

    Args:
        path: YAML file.
        group: Group of models that the command trains; None: any.
        overrides: Changes of keys, `KEY=VALUE` each.
        **options: Top-level keys to set; None leaves a key as it is.

    Raises:
        ConfigError: The recipe is malformed, or for another group of models.
    """
    mapping = apply_overrides(read_mapping(path), overrides or [])
    given = {key: value for key, value in options.items() if value is not None}
    recipe = parse_recipe(mapping | given, str(path), overrides or ())
    found = find_kind(recipe.model).group
    if group not in (None, found):
        message = f"{path}: a recipe for a '{recipe.model}' model, not for tts train {group}"
        raise ConfigError(message, hint=f"tts train {found} {path}")
    return recipe


def write_recipe(recipe: Recipe, folder: Path) -> None:
    """Write the resolved recipe as `recipe.yaml` in `folder`; its first line is the command that runs it. Raises OutputError."""
    command = f"# tts train {find_kind(recipe.model).group} {folder / 'recipe.yaml'} --output {folder}\n"
    body = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=130)
    with atomic_write(folder / "recipe.yaml") as file:
        file.write(command + body)


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the dotted keys in which two recipes (as mappings) differ, each with `old -> new`."""
    found: dict[str, str] = {}
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found[prefix + key] = f"{before} -> {after}"
    return found
