"""Tests of the training loop: exact resume, recovery from bad losses, and stop signals."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file

from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import ConfigError, CorpusError, RefusedError
from tts_cli.training import checkpoints
from tts_cli.training.loop import share
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import create_model, train
from tts_cli.training.state import TrainingState


def history(run: Path) -> dict[int, dict[str, float]]:
    """Return the values of every step in history.jsonl; if a step occurs twice, the last."""
    found: dict[int, dict[str, float]] = {}
    for line in (run / "history.jsonl").read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            values = json.loads(line)
            found.setdefault(values["step"], {}).update(values)
    return found


def assert_same_checkpoint(one: Path, other: Path) -> None:
    for part in ("model", "average", "optimiser"):
        left, right = (load_file(checkpoints.newest(run) / f"{part}.safetensors") for run in (one, other))
        assert left.keys() == right.keys()
        assert all(torch.equal(left[name], right[name]) for name in left)


def wait_for_step(run: Path, step: int, alive: object) -> None:
    path = run / "history.jsonl"
    while alive() and not (path.exists() and path.read_text().count("\n") >= step):  # type: ignore[operator]
        time.sleep(0.002)


def test_a_corpus_that_is_prepared_again_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=60, checkpoint_every_minutes=1e-9, validate_every=50)
    batch = toy.ToyBatches.batch

    def changing(batches: toy.ToyBatches, step: int) -> object:
        if step == 23:
            toy.write_toy_corpus(tmp_path / "corpus", ("ann", "eve"))
        return batch(batches, step)

    monkeypatch.setattr(toy.ToyBatches, "batch", changing)
    with pytest.raises(CorpusError, match="prepared again while it was in use"):
        train(load_recipe(recipe), tmp_path / "run")
    assert checkpoints.read(checkpoints.newest(tmp_path / "run")).description.step == 20


@pytest.mark.parametrize("network", [{}, {"two_players": True}, {"bad_steps": [33, 121]}])
def test_killed_at_random_moments_it_resumes_to_the_same_losses_and_weights(
    processes: ForkServerContext, tmp_path: Path, network: dict[str, object]
) -> None:
    recipe = toy.write_toy_recipe(
        tmp_path, steps=200, network=network, checkpoint_every_minutes=1e-4, validate_every=50, batches={"milliseconds": 2.0}
    )
    train(load_recipe(recipe), tmp_path / "whole")
    kills = sorted(random.Random(1).sample(range(5, 190), 5)) if not network else [60]
    for step in kills:
        process = processes.Process(target=toy.run, args=(recipe, tmp_path / "killed"))
        process.start()
        wait_for_step(tmp_path / "killed", step, process.is_alive)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    train(load_recipe(recipe), tmp_path / "killed")
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    assert_same_checkpoint(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_checkpoint_and_exits_130(processes: ForkServerContext, tmp_path: Path, which: signal.Signals) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=100000, batches={"milliseconds": 2.0})
    process = processes.Process(target=toy.run, args=(recipe, tmp_path / "run"))
    process.start()
    wait_for_step(tmp_path / "run", 10, process.is_alive)
    try:
        os.kill(process.pid or 0, which)
        process.join(120)
        assert process.exitcode == 130
    finally:
        process.kill()
    found = checkpoints.latest(tmp_path / "run", print)
    assert found is not None
    assert found[0].description.step >= 10


def test_the_time_limit_ends_with_a_checkpoint(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=100000, max_minutes=0.01)
    newest = train(load_recipe(recipe), tmp_path / "run")
    description = checkpoints.read(newest).description
    assert 0 < description.step < 100000
    assert description.seconds > 0.3, "the limit was 0.6 s from the start of the process's work"


def test_training_learns_and_time_adds_up(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=300, optimiser={"learning_rate": 0.01}, log_every=50)
    first = checkpoints.read(train(load_recipe(recipe, overrides=["steps=150"]), tmp_path / "run")).description
    second = checkpoints.read(train(load_recipe(recipe), tmp_path / "run")).description
    losses = history(tmp_path / "run")
    assert losses[300]["validation/loss"] < 0.7 * losses[20]["validation/loss"]
    assert second.seconds > first.seconds


def test_a_bad_loss_rolls_back_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20, network={"bad_steps": [7, 8]})
    train(load_recipe(recipe), tmp_path / "run")
    output = " ".join(capsys.readouterr().err.split())
    assert "step 7: the loss or its gradient is not finite: back to the weights of step 5" in output
    assert "rollback 2 of 5" in output
    assert history(tmp_path / "run").keys() == set(range(1, 21)) - {8, 9}
    assert all(
        torch.isfinite(value).all() for value in load_file(checkpoints.newest(tmp_path / "run") / "model.safetensors").values()
    )


def test_losses_that_stay_bad_are_refused(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, network={"bad_steps": list(range(7, 40))}, max_rollbacks=2)
    with pytest.raises(RefusedError, match=r"step 9: .* after 2 rollbacks to the weights of step 5"):
        train(load_recipe(recipe), tmp_path / "run")


def test_weights_that_are_not_finite_at_the_end_are_refused_and_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter((True, False, False))
    monkeypatch.setattr(TrainingState, "finite", lambda _: next(answers))
    with pytest.raises(RefusedError, match="step 8: a weight is not finite") as caught:
        train(load_recipe(toy.write_toy_recipe(tmp_path, steps=8, validate_every=4, snapshot_every=1000)), tmp_path / "run")
    assert "optimiser.learning_rate" in (caught.value.hint or "")
    assert checkpoints.newest(tmp_path / "run").name == "step-000000004"


def test_two_processes_have_the_losses_of_one(search_path: str, tmp_path: Path) -> None:
    changes = {"network": {"dropout": 0.0, "two_players": True}, "batches": {"num_items": 5}, "steps": 12, "validate_every": 6}
    recipe = toy.write_toy_recipe(tmp_path, **changes)
    train(load_recipe(recipe), tmp_path / "one")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": search_path, "OMP_NUM_THREADS": "1"}
    arguments = [toy.__file__, recipe, tmp_path / "two", "devices=2"]
    subprocess.run([*command, *map(str, arguments)], env=environment, check=True, capture_output=True, timeout=400)
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert one.keys() == two.keys()
    for step, values in one.items():
        assert two[step] == pytest.approx(values, abs=1e-5)


def test_parameters_whose_rate_is_almost_nothing_hardly_move(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20, rate_factors={"first": 1e-9, "first.bias": 1.0})
    fresh = create_model(load_recipe(recipe), open_corpus(tmp_path / "corpus").facts)
    trained = checkpoints.read(train(load_recipe(recipe), tmp_path / "run")).read("model")
    moved = {name: float((trained[name] - value).abs().max()) for name, value in fresh.state_dict().items()}
    assert moved["first.weight"] < 1e-6 < 1e-4 < min(moved["first.bias"], moved["last.weight"])


def test_validation_weighs_batches_by_their_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch n, from 0, has n + 1 items, and this number as its loss."""
    monkeypatch.setattr(
        toy.ToyBatches, "batch", lambda _, step: {"x": torch.zeros(step + 1, 5), "speaker": torch.zeros(step + 1).long()}
    )
    monkeypatch.setattr(toy.Model, "metrics", lambda _, batch: {"loss": float(len(batch["x"]))})
    recipe = load_recipe(toy.write_toy_recipe(tmp_path, steps=1, validation_batches=3))
    train(recipe, tmp_path / "items")
    assert history(tmp_path / "items")[1]["validation/loss"] == pytest.approx((1 + 4 + 9) / 6)
    weighed = {1: 10.0, 2: 1.0, 3: 1.0}
    monkeypatch.setattr(
        toy.Model, "metrics", lambda _, batch: {"loss": float(len(batch["x"])), "weight": weighed[len(batch["x"])]}
    )
    train(recipe, tmp_path / "weights")
    found = history(tmp_path / "weights")[1]
    assert found["validation/loss"] == pytest.approx((10 + 2 + 3) / 12)
    assert "validation/weight" not in found


def test_a_rate_factor_of_nothing_is_refused(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, rate_factors={"frist": 0.5})
    with pytest.raises(ConfigError, match=r"rate_factors\.frist"):
        train(load_recipe(recipe), tmp_path / "run")


@pytest.mark.parametrize("num_items", [1, 2, 5])
def test_shares_make_up_the_batch(num_items: int) -> None:
    batch = {"x": torch.arange(num_items), "scale": torch.tensor(2.0)}
    shares = [share(batch, process, 2) for process in range(2)]
    assert sorted(int(item) for rows, number in shares for item in rows["x"][:number]) == list(range(num_items))
    assert all(len(rows["x"]) >= 1 for rows, _ in shares)


def test_mixed_precision_trains_on_exact_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=5, precision="bf16-mixed")
    types: set[torch.dtype] = set()
    losses = toy.Model.losses

    def noting(model: toy.Model, batch: dict[str, torch.Tensor], *rest: object) -> dict[str, torch.Tensor]:
        types.add(batch["x"].dtype)
        return losses(model, batch, *rest)

    monkeypatch.setattr(toy.Model, "losses", noting)
    train(load_recipe(recipe), tmp_path / "run")
    assert types == {torch.float32}
    assert load_file(checkpoints.newest(tmp_path / "run") / "model.safetensors")["first.weight"].dtype == torch.float32


def test_batches_from_worker_processes_are_those_of_a_thread(search_path: str, tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=20)
    train(load_recipe(recipe), tmp_path / "thread")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", search_path)
        train(load_recipe(recipe, overrides=["loaders=2"]), tmp_path / "processes")
    assert history(tmp_path / "processes") == history(tmp_path / "thread")
