"""Choice of the checkpoint of a run to export, with its reason."""

from __future__ import annotations

import json
from pathlib import Path

from tts_cli.config.plain_yaml import shortened
from tts_cli.errors import CheckpointError
from tts_cli.training.checkpoints import DESCRIPTION, Checkpoint, best, newest, read, steps
from tts_cli.training.logbook import HISTORY


def choose(path: Path, step: str | None = None) -> tuple[Checkpoint, str]:
    """Return the checkpoint at `path` to export, and one line for the user with the step, the reason and the newest step.

    Args:
        path: Folder of a checkpoint or of a run.
        step: Checkpoint of the run: a step, "newest" or "best"; None: the best, or the newest if none was validated.

    Raises:
        CheckpointError: There is no checkpoint, it is damaged, or the run has none of this step.
    """
    if not (path / DESCRIPTION).exists():
        chosen, reason = _of_run(path, step)
    elif step is None:
        chosen, reason = read(path), "the named checkpoint"
    else:
        message = f"{path}: is a single checkpoint, so --step has no choice"
        raise CheckpointError(message, hint="name the run, or leave out --step")
    return chosen, f"step {chosen.description.step}, averaged weights: {reason}"


def _of_run(run: Path, step: str | None) -> tuple[Checkpoint, str]:
    last, winner = read(newest(run)), best(run)
    newest_step = last.description.step
    if step in (None, "best") and winner is not None:
        is_newest = winner.description.step == newest_step
        newer = "it is also the newest" if is_newest else f"the newest is step {newest_step} (--step newest)"
        return winner, f"the best of {_validations(run)} by validation loss ({winner.description.validation:.4g}); {newer}"
    if step == "best":
        raise CheckpointError(f"{run}: no checkpoint has a validation loss", hint="--step newest")
    better = (
        "no checkpoint has a validation loss" if winner is None else f"the best is step {winner.description.step} (--step best)"
    )
    if step in (None, "newest"):
        return last, f"the newest; {better}"
    kept = steps(run)
    if not step or not step.isdecimal() or int(step[:18]) not in kept:
        message = f"{run}: has no checkpoint of step {shortened(step)}; the newest is step {newest_step}"
        raise CheckpointError(message, hint=f"--step best, --step newest, or one of {', '.join(map(str, kept))}")
    return read(kept[int(step)]), f"chosen by --step; the newest is step {newest_step}, {better}"


def _validations(run: Path) -> str:
    """Return the number of validated steps in the history of `run` in words."""
    try:
        lines = [json.loads(line) for line in (run / HISTORY).read_text(encoding="utf-8").splitlines()]
        number = len({line["step"] for line in lines if "validation/loss" in line})
    except (OSError, ValueError, KeyError, TypeError):
        number = 0
    return f"{number} validation{'s' * (number != 1)}" if number else "its validations"
