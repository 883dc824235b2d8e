"""Checkpoints: a folder of safetensors and JSON, written whole or not at all; no pickle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tts_cli.addon.library import file_hash
from tts_cli.config import StrictModel, parse
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import CheckpointError, ConfigError, OutputError
from tts_cli.files import atomic_write
from tts_cli.models import TrainableModel, model_file
from tts_cli.training.recipe import Recipe, parse_recipe
from tts_cli.training.state import Tensors

DESCRIPTION = "checkpoint.json"


class Stay(StrictModel):
    """A stretch of a training on another machine, by a recipe changed for it."""

    training: str
    """Name of the run or the recipe that travelled."""
    device: str
    first_step: int
    """Steps done before it."""
    last_step: int
    seconds: float
    changed: dict[str, str]
    """Keys of the recipe that were changed for it, with `old -> new`."""

    def __str__(self) -> str:
        changes = "".join(f", {key}: {change}" for key, change in self.changed.items())
        return f"steps {self.first_step} to {self.last_step} on {self.device} in {self.seconds:.0f} s{changes}"


class Description(StrictModel):
    """checkpoint.json: what the tensors beside it are."""

    format: int = 1
    kind: str
    step: int
    """Steps done."""
    recipe: dict[str, Any]
    facts: CorpusFacts
    random: dict[str, int | str]
    """How the random numbers of a step are seeded."""
    rollbacks: int = 0
    """Rollbacks since the last snapshot that was followed by another."""
    seconds: float
    """Training time so far, all runs together."""
    validation: float | None = None
    """Mean validation loss at this step, where it was measured."""
    elsewhere: tuple[Stay, ...] = ()
    """Stretches of the training on other machines."""
    commit: str | None = None
    begun_from: tuple[dict[str, Any], ...] = ()
    """Models that gave the first weights: of each its name, kind, step, commit, and in turn what it had begun from."""
    versions: dict[str, str]
    sha256: dict[str, str] = Field(default_factory=dict)
    """Checksums of the tensor files, by their names."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk whose description has been read."""

    folder: Path
    description: Description

    @property
    def recipe(self) -> Recipe:
        """The recipe it was trained by."""
        return parse_recipe(self.description.recipe, str(self.folder / DESCRIPTION))

    def tensors(self) -> Tensors:
        """Everything in it. Raises CheckpointError when a file is missing or damaged."""
        return {part: self.read(part) for part in ("model", "average", "optimiser")}

    def read(self, part: str) -> dict[str, torch.Tensor]:
        """The tensors of one part, checked against their checksum."""
        path = self.folder / f"{part}.safetensors"
        try:
            if file_hash(path) != self.description.sha256.get(path.name):
                raise CheckpointError(f"{path}: damaged: its checksum is not the one in {DESCRIPTION}")
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: cannot be read: {error}") from error


def save(run: Path, tensors: Tensors, description: Description) -> Path:
    """Write a checkpoint into `run`/checkpoints and return its folder. Raises OutputError when the disk refuses."""
    folder = checkpoints_folder(run) / f"step-{description.step:09d}"
    temporary = folder.with_name(f".writing-{folder.name}")
    try:
        _remove(temporary)
        temporary.mkdir(parents=True)
        _write(temporary, tensors, description)
        _remove(folder)
        temporary.rename(folder)
        _synchronise(folder.parent)
    except (OSError, SafetensorError, OutputError) as error:
        _remove(temporary)
        raise OutputError(f"{folder}: cannot write the checkpoint: {error}") from error
    return folder


def read(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`. Raises CheckpointError when its description is missing or damaged."""
    path = folder / DESCRIPTION
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
        return Checkpoint(folder, parse(Description, mapping, str(path)))
    except OSError as error:
        raise CheckpointError(f"{folder}: no checkpoint there", hint="name a run folder or one of its checkpoints") from error
    except (ValueError, ConfigError) as error:
        raise CheckpointError(f"{path}: damaged: {error}") from error


def latest(run: Path, warn: Callable[[str], None]) -> tuple[Checkpoint, Tensors] | None:
    """The newest sound checkpoint of a run and its tensors, or None; damaged ones are passed over and named to `warn`."""
    for folder in reversed(_folders(run)):
        try:
            checkpoint = read(folder)
            return checkpoint, checkpoint.tensors()
        except CheckpointError as error:
            warn(f"passing over a damaged checkpoint: {error.message}")
    return None


def find(path: Path) -> Checkpoint:
    """The checkpoint meant by `path`: one itself, or the best (else the newest) of a run folder."""
    if (path / DESCRIPTION).exists():
        return read(path)
    return best(path) or read(newest(path))


def newest(run: Path) -> Path:
    """The folder of a run's newest checkpoint. Raises CheckpointError when there is none."""
    folders = _folders(run)
    if not folders:
        raise CheckpointError(f"{run}: no checkpoint there", hint="name a run folder or one of its checkpoints")
    return folders[-1]


def best(run: Path) -> Checkpoint | None:
    """The checkpoint with the smallest validation loss, or None when none has been measured."""
    measured = [c for c in map(_try_read, _folders(run)) if c is not None and c.description.validation is not None]
    return min(measured, key=lambda c: c.description.validation or 0.0, default=None)


def prune(run: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints and the best one, and what interrupted writing left."""
    folders = _folders(run)
    chosen = best(run)
    for folder in folders[: max(0, len(folders) - keep)]:
        if chosen is None or folder != chosen.folder:
            _remove(folder)
    for leftover in checkpoints_folder(run).glob(".writing-*"):
        _remove(leftover)


def load_model(path: Path) -> tuple[TrainableModel, Checkpoint]:
    """The model of a checkpoint (or of a run's best one), with averaged weights, ready for evaluation."""
    checkpoint = find(path)
    recipe = checkpoint.recipe
    model: TrainableModel = model_file(recipe.model).Model(recipe.network, checkpoint.description.facts)
    model.load_state_dict(checkpoint.read("average"))
    return model.eval(), checkpoint


def set_aside(run: Path) -> Path | None:
    """Move the checkpoints of a run out of the way; their new folder, or None when there are none."""
    folder = checkpoints_folder(run)
    if not folder.exists():
        return None
    number = 1 + len(list(run.glob("checkpoints-before-*")))
    return folder.rename(run / f"checkpoints-before-{number}")


def checkpoints_folder(run: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run / "checkpoints"


def versions() -> dict[str, str]:
    """Versions of what computes."""
    found = {}
    for package in ("tts-cli", "torch", "lightning-fabric", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str | None:
    """The commit of the source tree this runs from, or None outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _write(folder: Path, tensors: Tensors, description: Description) -> None:
    checksums = {}
    for part, group in tensors.items():
        path = folder / f"{part}.safetensors"
        save_file({name: value.detach().cpu().contiguous().clone() for name, value in group.items()}, path)
        _synchronise(path)
        checksums[path.name] = file_hash(path)
    text = description.model_copy(update={"sha256": checksums}).model_dump_json(indent=1)
    with atomic_write(folder / DESCRIPTION, sync=True) as file:
        file.write(text)
    _synchronise(folder)


def _folders(run: Path) -> list[Path]:
    return sorted(checkpoints_folder(run).glob("step-*"))


def _try_read(folder: Path) -> Checkpoint | None:
    try:
        return read(folder)
    except CheckpointError:
        return None


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
