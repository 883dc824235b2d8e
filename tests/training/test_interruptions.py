"""Tests of interrupted trainings: the history after a resume, left-over files, ignored signals, and the next command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import toy

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.training import checkpoints
from tts_cli.training.recipe import load_recipe, parse_recipe
from tts_cli.training.start import StopSignals, next_command, train


def _lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


def _assert_in_order(run: Path, steps: int) -> None:
    """Assert that every step has its training losses once, in order, and no value comes twice."""
    lines = _lines(run)
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
    assert [line["step"] for line in lines if "train/loss" in line] == list(range(1, steps + 1))
    values = [(line["step"], name) for line in lines for name in line if name != "step"]
    assert len(values) == len(set(values))


@pytest.mark.parametrize("later", ['{"step": 11, "train/loss": 9.0}\n{"step": 12, "validation/loss": 9.0}\n', '{"step": 1', ""])
def test_on_resuming_the_history_is_cut_back_to_the_checkpoint(tmp_path: Path, later: str) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20, optimiser={"schedule": "constant"})
    train(load_recipe(recipe), tmp_path / "whole")
    train(load_recipe(recipe, overrides=["steps=10"]), tmp_path / "run")
    with (tmp_path / "run" / "history.jsonl").open("a") as file:
        file.write(later)
    train(load_recipe(recipe), tmp_path / "run")
    _assert_in_order(tmp_path / "run", 20)
    losses = [[line["train/loss"] for line in _lines(tmp_path / run) if "train/loss" in line] for run in ("whole", "run")]
    assert losses[0] == losses[1]


def test_a_corpus_that_was_prepared_again_with_its_language_is_trained_on(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=4)
    train(load_recipe(recipe, overrides=["steps=2"]), tmp_path / "run")
    summary = Path(load_recipe(recipe).data or "") / "corpus.json"
    summary.write_text(json.dumps({**json.loads(summary.read_text()), "language": "en-GB"}))
    checkpoint = train(load_recipe(recipe), tmp_path / "run")
    assert checkpoints.read(checkpoint).description.facts.language == "en-GB"


def test_steps_that_an_earlier_version_wrote_twice_are_kept_once(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20, optimiser={"schedule": "constant"})
    train(load_recipe(recipe, overrides=["steps=10"]), tmp_path / "run")
    path = tmp_path / "run" / "history.jsonl"
    path.write_text('{"step": 1, "train/loss": 9.0}\n{"step": 2, "train/loss": 9.0}\n' + path.read_text())
    train(load_recipe(recipe), tmp_path / "run")
    _assert_in_order(tmp_path / "run", 20)
    assert 9.0 not in [line.get("train/loss") for line in _lines(tmp_path / "run")]


def test_a_validation_that_the_kill_prevented_is_made_on_resuming(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20, validate_every=5)
    train(load_recipe(recipe, overrides=["steps=10"]), tmp_path / "run")
    path = tmp_path / "run" / "history.jsonl"
    kept = [line for line in _lines(tmp_path / "run") if line["step"] != 10 or "validation/loss" not in line]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    assert not any(line["step"] == 10 and "validation/loss" in line for line in _lines(tmp_path / "run"))
    train(load_recipe(recipe), tmp_path / "run")
    assert any(line["step"] == 10 and "validation/loss" in line for line in _lines(tmp_path / "run"))


def test_restarting_sets_the_history_aside(tmp_path: Path) -> None:
    recipe = load_recipe(toy.write_toy_recipe(tmp_path, steps=5))
    train(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "history.jsonl").read_text()
    train(recipe, tmp_path / "run", restart=True)
    assert (tmp_path / "run" / "history-before-1.jsonl").read_text() == before
    _assert_in_order(tmp_path / "run", 5)


def test_a_short_training_validates_often_enough_to_choose(tmp_path: Path) -> None:
    train(load_recipe(toy.write_toy_recipe(tmp_path, steps=23, validate_every=1000, validations=5)), tmp_path / "run")
    validated = [line["step"] for line in _lines(tmp_path / "run") if "validation/loss" in line]
    assert validated == [4, 8, 12, 16, 20, 23]


def test_a_slow_training_validates_by_time(tmp_path: Path) -> None:
    changes = {"validate_every": 1000, "validations": 1, "validate_minutes": 1e-6}
    train(load_recipe(toy.write_toy_recipe(tmp_path, steps=6, **changes)), tmp_path / "timed")
    assert [line["step"] for line in _lines(tmp_path / "timed") if "validation/loss" in line] == [1, 2, 3, 4, 5, 6]
    train(load_recipe(toy.write_toy_recipe(tmp_path, steps=6, **changes | {"validate_minutes": 10})), tmp_path / "rare")
    losses = [[line["train/loss"] for line in _lines(tmp_path / run) if "train/loss" in line] for run in ("timed", "rare")]
    assert losses[0] == losses[1], "validations leave the training as it is"


def test_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    run = tmp_path / "run"
    run.mkdir()
    gone = [run / f".recipe.yaml.{dead.pid}.part", run / f".history.jsonl.{dead.pid}.part"]
    stay = [run / f".recipe.yaml.{os.getppid()}.part", run / "notes.part", run / ".notes.old.part"]
    for path in (*gone, *stay):
        path.write_text("half")
    train(load_recipe(toy.write_toy_recipe(tmp_path, steps=2)), run)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in stay)


def test_a_signal_that_the_process_ignores_stays_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals.received()
    finally:
        signal.signal(signal.SIGHUP, former)


def test_the_end_of_a_training_names_the_next_command(tmp_path: Path) -> None:
    said: list[str] = []
    train(load_recipe(toy.write_toy_recipe(tmp_path, steps=2)), tmp_path / "a run", say=said.append)
    assert said[-1] == f"next: tts train toy RECIPE --init-from '{tmp_path / 'a run'}'"


@pytest.mark.parametrize(
    ("kind", "begun_from", "options"),
    [
        ("vocoder", [], ""),
        ("explicit-duration", [], " --default-vocoder NAME"),
        ("explicit-duration", [{"name": "x", "begun_from": [{"name": "y", "default_vocoder": "z"}]}], ""),
    ],
)
def test_the_next_command_exports_with_a_vocoder(kind: str, begun_from: list[dict[str, object]], options: str) -> None:
    recipe = parse_recipe({"model": kind, "name": "me", "network": {}, "batches": {}, "steps": 1}, "recipe")
    # No installed vocoder has this sample rate.
    facts = CorpusFacts(mel=MelConfig(sample_rate=12345), symbols=(), speakers=())
    assert next_command(recipe, Path("runs/me"), facts, begun_from) == (
        f"next: tts export-addon runs/me --output addons/me{options}"
    )
