"""Bring the state of a training on another machine back as a run, to continue or to export."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tts_cli.errors import CheckpointError
from tts_cli.files import unwritable
from tts_cli.training import checkpoints
from tts_cli.training.logbook import HISTORY
from tts_cli.training.portable import completed, read_state
from tts_cli.training.recipe import Recipe, parse_recipe, write_recipe
from tts_cli.training.rehearsal import PACKED_SPEECH, REHEARSED, unpack_rehearsed
from tts_cli.training.start import check_agreement, create_model

Say = Callable[[str], None]
"""Called with one line for the user."""


def name_of(folder: Path) -> str:
    """Return the name of the packed run or recipe from the folder that `train_here.py` wrote. Raises CheckpointError."""
    description = checkpoints.read(folder).description
    return description.elsewhere[-1].training if description.elsewhere else str(description.recipe["name"])


def unpack(folder: Path, run: Path, say: Say = print) -> Path:
    """Write the state that `train_here.py` left in `folder` as a checkpoint of `run`, and return the checkpoint's folder.

    Args:
        folder: The `--out` of `train_here.py`.
        run: A new run, or the run that was packed.
        say: Called with one line at a time, on the other machine and on missing tensors.

    Raises:
        CheckpointError: A file is damaged, or `run` has as many steps already.
        CorpusError: The rehearsed speech is damaged.
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
        raise unwritable(run, error) from error
    if not checkpoints.steps(run):
        shutil.rmtree(run / REHEARSED, ignore_errors=True)
    unpack_rehearsed(folder / PACKED_SPEECH, run)
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
        message = f"{run}: has {there.step} steps already, and the training to unpack has {description.step}"
        raise CheckpointError(message, hint="choose another --output")
