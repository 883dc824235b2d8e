"""Checkpoints: folders of safetensors and JSON, written whole or not at all, without pickle."""

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
from tts_cli.files import atomic_write, is_alive
from tts_cli.models import TrainableModel, model_file
from tts_cli.training.logbook import HISTORY
from tts_cli.training.recipe import Recipe, parse_recipe
from tts_cli.training.state import Tensors

DESCRIPTION = "checkpoint.json"
"""File of a checkpoint with its `Description`."""


class Stay(StrictModel):
    """Part of a training that ran on another machine, with a changed recipe."""

    training: str
    """Name of the packed run or recipe."""
    device: str
    """Name of the GPU or CPU."""
    first_step: int
    """Steps done before this part."""
    last_step: int
    """Steps done at the end of this part."""
    seconds: float
    """Duration of this part, in seconds."""
    changed: dict[str, str]
    """Recipe keys that were changed for it, with `old -> new`."""

    def __str__(self) -> str:
        changes = "".join(f", {key}: {change}" for key, change in self.changed.items())
        return f"steps {self.first_step} to {self.last_step} on {self.device} in {self.seconds:.0f} s{changes}"


class Description(StrictModel):
    """Contents of checkpoint.json: the model, the state of the training, and checksums of the tensor files."""

    format: int = 1
    """Version of the checkpoint format."""
    kind: str
    """Kind of model, a key of `tts_cli.models.KINDS`."""
    step: int
    """Steps done."""
    recipe: dict[str, Any]
    """The resolved recipe."""
    facts: CorpusFacts
    """Mel configuration, symbols and speakers of the corpus."""
    random: dict[str, int | str]
    """Seed, and the scheme that seeds the random numbers of each step."""
    rollbacks: int = 0
    """Consecutive rollbacks to the last snapshot so far."""
    seconds: float
    """Training time so far in seconds, all runs together."""
    validation: float | None = None
    """Mean validation loss at this step; None: not measured."""
    elsewhere: tuple[Stay, ...] = ()
    """Parts of the training that ran on other machines."""
    commit: str | None = None
    """Commit of the project's source; None: unknown."""
    begun_from: tuple[dict[str, Any], ...] = ()
    """Models that provided the initial weights: name, kind, step and commit of each, and the models that it started from in
    turn."""
    versions: dict[str, str]
    """Versions of the packages that compute, by name."""
    sha256: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of the tensor files, by file name."""


@dataclass(frozen=True)
class Checkpoint:
    """Checkpoint on disk with its parsed description; tensors are read on demand."""

    folder: Path
    """Folder of the checkpoint."""
    description: Description
    """Contents of its checkpoint.json."""

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training. Raises ConfigError when this version cannot read it."""
        return parse_recipe(self.description.recipe, str(self.folder / DESCRIPTION))

    def tensors(self) -> Tensors:
        """Read all tensors. Raises CheckpointError when a file is missing or damaged."""
        return {part: self.read(part) for part in ("model", "average", "optimiser")}

    def read(self, part: str) -> dict[str, torch.Tensor]:
        """Read the tensors of one part and verify their checksum.

        Args:
            part: "model", "average" or "optimiser".

        Raises:
            CheckpointError: The file is missing or damaged.
        """
        path = self.folder / f"{part}.safetensors"
        try:
            if file_hash(path) != self.description.sha256.get(path.name):
                raise CheckpointError(
                    f"{path}: damaged: its checksum is not the one in {DESCRIPTION}", hint="use another checkpoint of the run"
                )
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path}: cannot be read: {error}", hint="use another checkpoint of the run") from error


def save(run: Path, tensors: Tensors, description: Description) -> Path:
    """Write a checkpoint to `run`/checkpoints and return its folder.

    Args:
        run: Folder of the run.
        tensors: All tensors of the training.
        description: Description without checksums; its step names the folder.

    Raises:
        OutputError: The files cannot be written.
    """
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
        hint = "free some disk space or choose another --output; the older checkpoints are unchanged"
        raise OutputError(f"{folder}: cannot write the checkpoint: {error}", hint=hint) from error
    return folder


def read(folder: Path) -> Checkpoint:
    """Read the description of the checkpoint in `folder`. Raises CheckpointError when it is missing or damaged."""
    path = folder / DESCRIPTION
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
        return Checkpoint(folder, parse(Description, mapping, str(path)))
    except OSError as error:
        raise CheckpointError(f"{folder}: holds no checkpoint", hint="name a run folder or one of its checkpoints") from error
    except (ValueError, ConfigError) as error:
        raise CheckpointError(f"{path}: damaged: {error}", hint="use another checkpoint of the run") from error


def latest(run: Path, warn: Callable[[str], None]) -> tuple[Checkpoint, Tensors] | None:
    """Return the newest undamaged checkpoint of a run and its tensors; None when there is none.

    Args:
        run: Folder of the run.
        warn: Called with one line for each damaged checkpoint that is skipped.
    """
    for folder in reversed(_folders(run)):
        try:
            checkpoint = read(folder)
            return checkpoint, checkpoint.tensors()
        except CheckpointError as error:
            warn(f"skipping a damaged checkpoint: {error.message}")
    return None


def find(path: Path) -> Checkpoint:
    """Return the checkpoint at `path`: a checkpoint folder, or the best checkpoint (else the newest) of a run folder.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    if (path / DESCRIPTION).exists():
        return read(path)
    return best(path) or read(newest(path))


def steps(run: Path) -> dict[int, Path]:
    """Return the folders of a run's checkpoints by step, the oldest first."""
    return {int(folder.name.removeprefix("step-")): folder for folder in _folders(run)}


def newest(run: Path) -> Path:
    """Return the folder of a run's newest checkpoint. Raises CheckpointError when there is none."""
    folders = _folders(run)
    if not folders:
        raise CheckpointError(f"{run}: holds no checkpoint", hint="name a run folder or one of its checkpoints")
    return folders[-1]


def best(run: Path) -> Checkpoint | None:
    """Return the checkpoint of a run with the smallest validation loss; None when no checkpoint has one."""
    measured = [c for c in map(_try_read, _folders(run)) if c is not None and c.description.validation is not None]
    return min(measured, key=lambda c: c.description.validation or 0.0, default=None)


def prune(run: Path, keep: int) -> None:
    """Remove all checkpoints of `run` except the newest `keep` and the best, and the remains of interrupted writes."""
    folders = _folders(run)
    chosen = best(run)
    for folder in folders[: max(0, len(folders) - keep)]:
        if chosen is None or folder != chosen.folder:
            _remove(folder)
    for leftover in checkpoints_folder(run).glob(".writing-*"):
        _remove(leftover)


def remove_leftovers(run: Path) -> None:
    """Remove the unfinished files that dead processes left in the folder `run`, as `files.atomic_write` names them."""
    for leftover in run.glob(".*.*.part"):
        number = leftover.name.split(".")[-2]
        if number.isdecimal() and not is_alive(int(number)):
            leftover.unlink(missing_ok=True)


def load_model(path: Path) -> tuple[TrainableModel, Checkpoint]:
    """Load the model of a checkpoint, or of a run's best checkpoint, with averaged weights, in evaluation mode.

    Args:
        path: Folder of a checkpoint or of a run.

    Returns:
        The model and its checkpoint.

    Raises:
        CheckpointError: There is no checkpoint, or it is damaged.
    """
    checkpoint = find(path)
    return model_of(checkpoint), checkpoint


def model_of(checkpoint: Checkpoint) -> TrainableModel:
    """Return the model of `checkpoint` with averaged weights, in evaluation mode. Raises CheckpointError."""
    recipe = checkpoint.recipe
    model: TrainableModel = model_file(recipe.model).Model(recipe.network, checkpoint.description.facts)
    model.load_state_dict(checkpoint.read("average"))
    return model.eval()


def set_aside(run: Path) -> Path | None:
    """Rename the checkpoints folder and the history of a run; return the new folder, or None when the run has no checkpoints."""
    folder = checkpoints_folder(run)
    if not folder.exists():
        return None
    number = 1 + len(list(run.glob("checkpoints-before-*")))
    if (run / HISTORY).exists():
        (run / HISTORY).rename(run / f"history-before-{number}.jsonl")
    return folder.rename(run / f"checkpoints-before-{number}")


def checkpoints_folder(run: Path) -> Path:
    """Return the folder of a run's checkpoints."""
    return run / "checkpoints"


def versions() -> dict[str, str]:
    """Return the versions of this project, torch, Lightning Fabric and numpy, by package name."""
    found = {}
    for package in ("tts-cli", "torch", "lightning-fabric", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str | None:
    """Return the git commit of the source tree that this module runs from; None outside of a git repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        # The command is fixed except for the folder of this package.
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - a fixed command
        return done.stdout.strip()
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
