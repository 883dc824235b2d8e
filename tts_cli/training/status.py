"""State of a training from the files of its run: steps, losses, time left, best checkpoint, and the command that follows."""

from __future__ import annotations

import json
import shlex
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tts_cli.errors import CheckpointError, InputError
from tts_cli.files import is_alive
from tts_cli.models import find_kind
from tts_cli.training import checkpoints
from tts_cli.training.checkpoints import Checkpoint
from tts_cli.training.logbook import HISTORY, PROGRESS
from tts_cli.training.recipe import Recipe, load_recipe
from tts_cli.training.spoken import SPOKEN
from tts_cli.training.start import next_command

LONGEST_SILENCE_S = 900.0
"""Age of the last sign of life in seconds after which a training on another machine counts as stopped."""


@dataclass(frozen=True)
class RunStatus:
    """State of the training in a folder."""

    run: str
    """Folder of the run."""
    model: str
    """Kind of model."""
    state: Literal["running", "stopped", "finished"]
    """Finished: all steps are done, and the last one has a checkpoint."""
    step: int
    """Steps done."""
    steps: int
    """Steps of the recipe."""
    minutes_left: float | None
    """Estimated time to the last step at the present speed; None: unknown."""
    train: dict[str, float]
    """Last logged losses by name."""
    validation: dict[str, float]
    """Measures of the last validation by name."""
    validated_step: int | None
    """Steps done at the last validation; None: not validated yet."""
    best_step: int | None
    """Step of the checkpoint with the lowest validation loss; None: no checkpoint has one, and the newest is exported."""
    best_loss: float | None
    """Its validation loss."""
    newest_step: int | None
    """Step of the newest checkpoint; a resume goes on from here. None: there is none."""
    spoken: str | None
    """Folder of the sentences that were spoken at validations; None: there is none."""
    next: str
    """Command that follows; while the training runs, a remark."""

    def lines(self) -> Iterator[str]:
        """Yield the lines of the report."""
        yield f"{self.run}: {self.model}, {self.state}"
        yield f"steps: {self.step} of {self.steps}{self._left()}"
        if self.train:
            yield f"training losses: {_listed({n: v for n, v in self.train.items() if n.endswith('loss')} or self.train)}"
        if self.validation:
            yield f"validation at step {self.validated_step}: {_listed(self.validation)}"
        yield self._best()
        if self.spoken:
            yield f"spoken sentences: {self.spoken}"
        yield f"next: {self.next}"

    def _left(self) -> str:
        if self.state == "finished" or self.minutes_left is None:
            return ""
        left = f"about {self.minutes_left:.0f} min" if self.minutes_left >= 1 else "less than a minute"
        if self.state == "running":
            return f", {left} left"
        kept = f"step {self.newest_step}" if self.newest_step is not None else "the beginning"
        return f", {left} left once it goes on, from {kept}"

    def _best(self) -> str:
        if self.newest_step is None:
            return "checkpoint: none yet"
        if self.best_step is None:
            return f"checkpoint: the newest, step {self.newest_step}; none has a validation loss"
        return (
            f"checkpoint: the best by validation loss is step {self.best_step} ({self.best_loss:.4g}), newest {self.newest_step}"
        )


def status_of(run: Path) -> RunStatus:
    """Return the state of the training in the folder `run`.

    Raises:
        InputError: The folder holds no training.
        ConfigError: Its recipe cannot be read.
    """
    newest, best = _newest(run), checkpoints.best(run)
    recipe = _recipe(run, newest)
    lines, progress = _read_lines(run / HISTORY), _read_progress(run / PROGRESS)
    kept = newest.description.step if newest else 0
    is_running = _is_running(progress)
    step = max([kept, *(line["step"] for line in lines[-1:]), progress.get("step", 0)])
    is_finished = not is_running and kept >= recipe.steps
    state: Literal["running", "stopped", "finished"] = "running" if is_running else "finished" if is_finished else "stopped"
    train, _ = _last(lines, "train/")
    validation, validated_step = _last(lines, "validation/")
    return RunStatus(
        run=str(run),
        model=recipe.model,
        state=state,
        step=step,
        steps=recipe.steps,
        minutes_left=_minutes_left(recipe.steps - (step if is_running else kept), progress, newest),
        train=train,
        validation=validation,
        validated_step=validated_step,
        best_step=best.description.step if best else None,
        best_loss=best.description.validation if best else None,
        newest_step=newest.description.step if newest else None,
        spoken=str(run / SPOKEN) if (run / SPOKEN).is_dir() else None,
        next=_next(run, recipe, newest, state),
    )


def _next(run: Path, recipe: Recipe, newest: Checkpoint | None, state: str) -> str:
    if state == "running":
        return f"watch it with tensorboard --logdir {shlex.quote(str(run))}, or wait"
    if state == "finished" and newest:
        return next_command(recipe, run, newest.description.facts, newest.description.begun_from).removeprefix("next: ")
    command = ["tts", "train", find_kind(recipe.model).group, str(run / "recipe.yaml"), "--output", str(run)]
    sources = "" if newest else "; it begins anew: add the --init-from of the first start, if there was one"
    return f"{shlex.join(command)}{sources}"


def _newest(run: Path) -> Checkpoint | None:
    for folder in reversed(list(checkpoints.steps(run).values())):
        try:
            return checkpoints.read(folder)
        except CheckpointError:
            continue
    return None


def _recipe(run: Path, newest: Checkpoint | None) -> Recipe:
    if (run / "recipe.yaml").is_file():
        return load_recipe(run / "recipe.yaml")
    if newest:
        return newest.recipe
    found = sorted(str(path.parent) for path in run.glob("*/recipe.yaml"))
    hint = f"it holds these runs: {', '.join(found[:10])}" if found else "name the folder of a run, such as runs/NAME"
    raise InputError(f"{run}: holds no training yet", hint)


def _is_running(progress: dict[str, Any]) -> bool:
    process = progress.get("process")
    if process is None:
        return False
    if progress.get("host") == socket.gethostname():
        return is_alive(int(process))
    return time.time() - float(progress.get("written", 0.0)) < LONGEST_SILENCE_S


def _minutes_left(num_steps: int, progress: dict[str, Any], newest: Checkpoint | None) -> float | None:
    speed = float(progress.get("steps_per_second") or 0.0)
    if not speed and newest and newest.description.seconds > 0:
        speed = newest.description.step / newest.description.seconds
    return max(0, num_steps) / speed / 60 if speed else None


def _last(lines: Sequence[dict[str, Any]], group: str) -> tuple[dict[str, float], int | None]:
    """Return the values of the last line of a `group` of values by name, and its step."""
    for line in reversed(lines):
        if found := {name.removeprefix(group): value for name, value in line.items() if name.startswith(group)}:
            return found, line["step"]
    return {}, None


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a history. Lines that are being written, or are damaged, are left out."""
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def _read_progress(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
