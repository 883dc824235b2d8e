"""Tests of the checkpoint that is exported: the step, the reason, and the newest step."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy

from tts_cli.errors import CheckpointError
from tts_cli.training import checkpoints
from tts_cli.training.choice import choose
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with the checkpoints of the steps 8 (the best of three validations), 10 and 12."""
    folder = tmp_path_factory.mktemp("choice")
    losses = iter((3.0, 1.0, 2.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy.Model, "metrics", lambda *_: {"loss": next(losses)})
        changes = {"validate_every": 4, "validations": 1, "snapshot_every": 2, "validation_batches": 1, "keep_checkpoints": 1}
        train(load_recipe(toy.write_toy_recipe(folder, steps=12, **changes)), folder / "run")
    return folder / "run"


@pytest.mark.parametrize(
    ("step", "chosen", "words"),
    [
        (
            None,
            8,
            "step 8, averaged weights: the best of 3 validations by validation loss (1); the newest is step 12 (--step newest)",
        ),
        (
            "best",
            8,
            "step 8, averaged weights: the best of 3 validations by validation loss (1); the newest is step 12 (--step newest)",
        ),
        ("newest", 12, "step 12, averaged weights: the newest; the best is step 8 (--step best)"),
        ("8", 8, "step 8, averaged weights: chosen by --step; the newest is step 12, the best is step 8 (--step best)"),
    ],
)
def test_a_run_gives_the_chosen_step_with_the_reason(run: Path, step: str | None, chosen: int, words: str) -> None:
    checkpoint, reason = choose(run, step)
    assert checkpoint.description.step == chosen
    assert reason == words


def test_a_run_without_validation_gives_its_newest(run: Path, tmp_path: Path) -> None:
    source = checkpoints.read(checkpoints.newest(run))
    checkpoints.save(tmp_path, source.tensors(), source.description.model_copy(update={"validation": None, "sha256": {}}))
    assert choose(tmp_path)[1] == "step 12, averaged weights: the newest; no checkpoint has a validation loss"
    with pytest.raises(CheckpointError, match="no checkpoint has a validation loss"):
        choose(tmp_path, "best")


def test_a_named_checkpoint_is_the_choice(run: Path) -> None:
    folder = checkpoints.newest(run)
    assert choose(folder)[1] == "step 12, averaged weights: the named checkpoint"
    with pytest.raises(CheckpointError, match="--step has no choice"):
        choose(folder, "8")


@pytest.mark.parametrize("step", ["9", "-1", "oldest", "", "8.0", "9" * 5000, "\u00b2"])
def test_a_step_that_is_not_kept_is_answered_with_those_that_are(run: Path, step: str) -> None:
    with pytest.raises(CheckpointError, match="has no checkpoint of step") as refused:
        choose(run, step)
    assert refused.value.hint == "--step best, --step newest, or one of 8, 12"
    assert len(refused.value.message) < 300 + len(str(run))
