"""Tests of validation: the best checkpoint is chosen by the averaged weights, which are also exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import toy

from tts_cli.training import checkpoints
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import train


def test_validation_measures_and_shows_the_averaged_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=12, validate_every=12, optimiser={"learning_rate": 0.01})
    judged: dict[str, list[torch.Tensor]] = {"metrics": [], "preview": []}
    for name, found in judged.items():
        original = getattr(toy.Model, name)

        def noting(model: toy.Model, batch: object, found: list = found, original: Callable = original) -> object:
            assert not model.training
            found.append(model.first.weight.detach().clone())
            return original(model, batch)

        monkeypatch.setattr(toy.Model, name, noting)
    newest = checkpoints.read(train(load_recipe(recipe), tmp_path / "run"))
    averaged, learnt = (newest.read(part)["first.weight"] for part in ("average", "model"))
    assert not torch.allclose(averaged, learnt, atol=1e-4)
    assert all(judged.values())
    for weight in (*judged["metrics"], *judged["preview"]):
        assert torch.equal(weight, averaged)
