"""Tests of `status_of`: a training that runs, has stopped, has finished, or has not begun."""

from __future__ import annotations

import json
import os
import socket
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import toy
from test_loop import wait_for_step

from tts_cli.cli.main import main
from tts_cli.errors import InputError
from tts_cli.training import checkpoints
from tts_cli.training.logbook import PROGRESS
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import train
from tts_cli.training.status import status_of


def test_a_running_training_tells_steps_losses_and_time_and_a_killed_one_how_to_go_on(
    processes: ForkServerContext, tmp_path: Path
) -> None:
    recipe = toy.write_toy_recipe(
        tmp_path, steps=4000, checkpoint_every_minutes=1e-9, validations=1, validate_every=20, batches={"milliseconds": 2.0}
    )
    run = tmp_path / "run"
    process = processes.Process(target=toy.run, args=(recipe, run))
    process.start()
    try:
        wait_for_step(run, 60, process.is_alive)
        found = status_of(run)
    finally:
        process.kill()
        process.join()
    assert found.state == "running"
    assert found.step >= 50 and found.steps == 4000
    assert "loss" in found.train and found.validation["loss"] > 0
    assert found.validated_step and found.validated_step % 20 == 0
    assert found.best_step and found.newest_step and found.best_step <= found.newest_step <= found.step
    assert "tensorboard --logdir" in found.next
    killed = status_of(run)
    newest = checkpoints.read(checkpoints.newest(run)).description.step
    assert (killed.state, killed.newest_step) == ("stopped", newest)
    assert killed.next == f"tts train toy {run / 'recipe.yaml'} --output {run}"
    assert f"left once it goes on, from step {newest}" in "\n".join(killed.lines())


def test_a_finished_training_tells_its_best_checkpoint_and_what_follows(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=40, optimiser={"learning_rate": 0.01})
    run = tmp_path / "run"
    train(load_recipe(recipe), run, say=lambda _: None)
    found, lines = status_of(run), list(status_of(run).lines())
    best = checkpoints.best(run)
    assert best is not None
    assert (found.state, found.step, found.best_step) == ("finished", 40, best.description.step)
    assert lines[0] == f"{run}: toy, finished"
    assert lines[1] == "steps: 40 of 40"
    assert lines[-1] == f"next: tts train toy RECIPE --init-from {run}"
    # More steps: the same run is a stopped one.
    recipe_file = run / "recipe.yaml"
    recipe_file.write_text(recipe_file.read_text().replace("steps: 40", "steps: 80"))
    assert status_of(run).state == "stopped"


def test_a_folder_without_training_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no training yet"):
        status_of(tmp_path)
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        toy.write_toy_recipe(tmp_path / name)
    with pytest.raises(InputError) as refused:
        status_of(tmp_path)
    assert refused.value.hint == f"it holds these runs: {tmp_path / 'mine'}, {tmp_path / 'other'}"


def test_a_misspelt_run_names_the_nearest_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    assert main(["status", str(tmp_path / "run" / "mien")]) == 2
    assert f"run/mien: no such run\nhint: did you mean '{tmp_path / 'runs' / 'mine'}'?" in capsys.readouterr().err
    assert main(["status", str(tmp_path / "runs" / "mine" / "quite" / "another")]) == 2
    assert "hint: check the path" in capsys.readouterr().err


def test_a_training_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    toy.write_toy_recipe(tmp_path)
    found = status_of(tmp_path)
    assert (found.state, found.step, found.newest_step, found.minutes_left) == ("stopped", 0, None, None)
    assert "checkpoint: none yet" in list(found.lines()) and "--init-from" in found.next


@pytest.mark.parametrize(("host", "age", "state"), [("elsewhere", 10, "running"), ("elsewhere", 1e6, "stopped")])
def test_on_another_machine_the_last_sign_of_life_decides(tmp_path: Path, host: str, age: float, state: str) -> None:
    toy.write_toy_recipe(tmp_path)
    written = (tmp_path / "recipe.yaml").stat().st_mtime - age
    told = {"process": 1, "host": host, "step": 7, "written": written, "steps_per_second": 0.5}
    (tmp_path / PROGRESS).write_text(json.dumps(told))
    found = status_of(tmp_path)
    assert (found.state, found.step) == (state, 7)
    assert found.minutes_left == pytest.approx((33 if state == "running" else 40) / 0.5 / 60)


def test_damaged_lines_and_files_are_left_out(tmp_path: Path) -> None:
    toy.write_toy_recipe(tmp_path)
    (tmp_path / PROGRESS).write_text("[")
    (tmp_path / "history.jsonl").write_text('{"step": 3, "train/loss": 0.5}\n[1]\n{"step": 4, "tra')
    found = status_of(tmp_path)
    assert (found.step, found.train) == (3, {"loss": 0.5})
    (tmp_path / PROGRESS).write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
    assert status_of(tmp_path).state == "running"
