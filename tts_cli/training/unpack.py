"""What a training learnt on another machine, brought back as a run that goes on or is exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tts_cli.errors import CheckpointError, OutputError
from tts_cli.training import checkpoints
from tts_cli.training.away import HISTORY
from tts_cli.training.portable import completed, read_state
from tts_cli.training.recipe import Recipe, parse_recipe, write_recipe
from tts_cli.training.start import check_agreement, create_model

Say = Callable[[str], None]


def name_of(folder: Path) -> str:
    """Return the name of the run or the recipe of which `train_here.py` left `folder`. Raises CheckpointError."""
    description = checkpoints.read(folder).description
    return description.elsewhere[-1].training if description.elsewhere else str(description.recipe["name"])


def unpack(folder: Path, run: Path, say: Say = print) -> Path:
    """Write what `train_here.py` left in `folder` as a checkpoint of `run`, a new run or the one that was packed, and return it.

    `say` tells what did not come back and is fresh.

    Raises:
        CheckpointError: A file is damaged, or `run` has as many steps already.
        ConfigError: `run` is another training.
        OutputError: `run` cannot be written.
    """
    description, found = read_state(folder)
    recipe = parse_recipe(description.recipe, str(folder))
    model = create_model(recipe, description.facts)
    _check_run(run, recipe, description, say)
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


def _check_run(run: Path, recipe: Recipe, description: checkpoints.Description, say: Say) -> None:
    folder = checkpoints.checkpoints_folder(run)
    if not any(folder.glob("step-*")):
        return
    newest = checkpoints.read(checkpoints.newest(run))
    check_agreement(newest, recipe, description.facts, say)
    there = newest.description
    if there.step >= description.step:
        message = f"{run}: has had {there.step} steps, and what comes back {description.step}"
        raise CheckpointError(message, hint="choose another --output")
