"""What a training learnt on another machine, brought back as a run that goes on or is exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tts_cli.errors import CheckpointError, OutputError
from tts_cli.training import checkpoints
from tts_cli.training.away import HISTORY
from tts_cli.training.portable import completed, read_state
from tts_cli.training.recipe import parse_recipe, write_recipe
from tts_cli.training.start import create_model

Say = Callable[[str], None]


def name_of(folder: Path) -> str:
    """Return the name of the recipe by which `train_here.py` trained what is in `folder`. Raises CheckpointError."""
    return str(checkpoints.read(folder).recipe.name)


def unpack(folder: Path, run: Path, say: Say = print) -> Path:
    """Write what `train_here.py` left in `folder` as a checkpoint of `run`, a new run or the one that was packed, and return it.

    `say` tells what did not come back and is fresh.
    Raises CheckpointError when a file is damaged, or when `run` has as many steps already or is of another kind.
    """
    description, found = read_state(folder)
    recipe = parse_recipe(description.recipe, str(folder))
    model = create_model(recipe, description.facts)
    _check_run(run, description)
    tensors, lines = completed(model, found, description.step > 0)
    try:
        run.mkdir(parents=True, exist_ok=True)
        write_recipe(recipe, run)
        if (folder / HISTORY).is_file():
            with (run / HISTORY).open("ab") as file:
                file.write((folder / HISTORY).read_bytes())
    except OSError as error:
        raise OutputError(f"{run}: cannot be written: {error}") from error
    saved = checkpoints.save(run, tensors, description)
    for stay in description.elsewhere:
        say(f"trained elsewhere: {stay}")
    for line in lines:
        say(line)
    return saved


def _check_run(run: Path, description: checkpoints.Description) -> None:
    folder = checkpoints.checkpoints_folder(run)
    if not any(folder.glob("step-*")):
        return
    there = checkpoints.read(checkpoints.newest(run)).description
    if there.kind != description.kind or there.facts != description.facts:
        raise CheckpointError(f"{run}: a run of another model or corpus", hint="choose another --output")
    if there.step >= description.step:
        message = f"{run}: has had {there.step} steps, and what comes back {description.step}"
        raise CheckpointError(message, hint="choose another --output")
