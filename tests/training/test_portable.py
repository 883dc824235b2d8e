"""Tests of the state in files of limited size: exact if it fits, else compact, most important tensors first."""

from pathlib import Path

import pytest
import torch
import toy

from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import CheckpointError
from tts_cli.training import checkpoints
from tts_cli.training.loop import seed_step
from tts_cli.training.portable import Limits, completed, fresh_description, groups, lay_out, read_state, write_state
from tts_cli.training.recipe import Recipe, load_recipe
from tts_cli.training.start import create_model
from tts_cli.training.state import Tensors, TrainingState

ROOM = Limits(8, 10_000_000, 60_000_000)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("toy")
    return load_recipe(toy.write_toy_recipe(folder, network={"two_players": True, "channels": 600}))


def _model(recipe: Recipe) -> toy.Model:
    return create_model(recipe, open_corpus(Path(str(recipe.data))).facts)


def _trained(recipe: Recipe) -> tuple[toy.Model, Tensors]:
    """Return a model after three steps of both submodels, and its state."""
    model = _model(recipe)
    state = TrainingState(model, recipe)
    batches = model.batches(open_corpus(Path(str(recipe.data))), "train", recipe.batches, 1)
    for step in range(3):
        seed_step(1, step, 0)
        for submodel in state.submodels:
            submodel.optimiser.zero_grad()
            model.losses(batches.batch(step), submodel.name, step)["loss"].backward()
            submodel.optimiser.step()
        state.average.update(step)
    return model, state.snapshot()


def _there_and_back(recipe: Recipe, limits: Limits, folder: Path) -> tuple[Tensors, Tensors, list[str], list[str]]:
    model, tensors = _trained(recipe)
    layout = lay_out(groups(model, tensors), limits)
    description = fresh_description(recipe, model, None).model_copy(update={"step": 3})
    write_state(folder, layout, description)
    read, found = read_state(folder)
    assert read.model_copy(update={"sha256": {}}) == description
    again, lines = completed(_model(recipe), found, True)
    return tensors, again, layout.left_out, lines


def test_with_room_nothing_is_lost(recipe: Recipe, tmp_path: Path) -> None:
    before, after, left_out, lines = _there_and_back(recipe, ROOM, tmp_path)
    assert (left_out, lines) == ([], [])
    for part, tensors in before.items():
        assert tensors.keys() == after[part].keys()
        assert all(torch.equal(value, after[part][name]) for name, value in tensors.items())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.json",
        "optimiser-1.safetensors",
        "weights-1.safetensors",
    ]


def test_a_tensor_larger_than_a_file_is_cut_into_rows(recipe: Recipe, tmp_path: Path) -> None:
    before, after, *_ = _there_and_back(recipe, Limits(60, 5_000, 60_000_000), tmp_path)
    files = list(tmp_path.glob("*.safetensors"))
    assert len(files) > 10
    assert all(path.stat().st_size <= 5_000 for path in files)
    assert all(torch.equal(value, after["model"][name]) for name, value in before["model"].items())


def test_what_has_no_room_is_named_and_the_weights_come_first(recipe: Recipe, tmp_path: Path) -> None:
    before, after, left_out, lines = _there_and_back(recipe, Limits(4, 40_000, 45_000), tmp_path)
    assert left_out[0] == "optimizer states of the generator"
    assert any("optimizer states of 'generator' are fresh" in line for line in lines)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) <= 45_000
    for name, value in before["average"].items():
        torch.testing.assert_close(after["average"][name], value, atol=1e-3, rtol=1e-3)


def test_other_players_give_way_to_the_model(recipe: Recipe, tmp_path: Path) -> None:
    model, tensors = _trained(recipe)
    whole = groups(model, tensors)
    assert [group.name for group in whole] == [
        "averaged weights",
        "weights",
        "weights of the other submodels",
        "optimizer states of the generator",
        "optimizer states of the critic",
        "averages of the other submodels",
    ]
    layout = lay_out(whole[:1], ROOM)
    write_state(tmp_path, layout, fresh_description(recipe, model, None))
    _, found = read_state(tmp_path)
    after, lines = completed(_model(recipe), found, False)
    assert lines == ["2 of 8 tensors are fresh: critic"]
    assert torch.equal(after["model"]["first.weight"], tensors["average"]["first.weight"])
    assert torch.equal(after["model"]["critic.weight"], _model(recipe).state_dict()["critic.weight"])


def test_a_damaged_or_missing_file_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    _there_and_back(recipe, ROOM, tmp_path)
    path = tmp_path / "weights-1.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights-1.safetensors: damaged"):
        read_state(tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state(tmp_path / checkpoints.DESCRIPTION)


def test_a_smaller_state_takes_the_place_of_a_larger_one(recipe: Recipe, tmp_path: Path) -> None:
    model, tensors = _trained(recipe)
    for chosen in (groups(model, tensors), groups(model, tensors)[:2]):
        write_state(tmp_path, lay_out(chosen, ROOM), fresh_description(recipe, model, None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "weights-1.safetensors"]
