"""Checkpoints are whole or passed over, and know what they are."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import toy
from safetensors.torch import load_file

from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts
from tts_cli.errors import CheckpointError, ConfigError
from tts_cli.training import checkpoints
from tts_cli.training.recipe import load_recipe
from tts_cli.training.start import create_model, train
from tts_cli.training.weights import initialise


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe and a run with checkpoints at steps 10 and 20."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = toy.write_toy_recipe(folder, steps=10, validate_every=10)
    for steps in (10, 20):
        train(load_recipe(recipe, overrides=[f"steps={steps}"]), folder / "run")
    return recipe, folder / "run"


@pytest.fixture
def copied(trained: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """A copy of `trained` to damage."""
    shutil.copytree(trained[1], tmp_path / "run")
    return trained[0], tmp_path / "run"


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "checkpoint.json"])
def test_a_truncated_checkpoint_falls_back_to_the_one_before(copied: tuple[Path, Path], name: str) -> None:
    path = checkpoints.newest(copied[1]) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    warnings: list[str] = []
    found = checkpoints.latest(copied[1], warnings.append)
    assert found is not None
    assert found[0].description.step == 10
    assert len(warnings) == 1
    assert name in warnings[0]


def test_a_flipped_bit_is_noticed(copied: tuple[Path, Path]) -> None:
    path = checkpoints.newest(copied[1]) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        checkpoints.find(path.parent).read("model")


def test_another_kind_is_named_with_the_wanted_one(trained: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'toy'.*'other-toy'"):
        train(load_recipe(trained[0], overrides=["model=other-toy"]), trained[1])
    with pytest.raises(CheckpointError, match="no checkpoint"):
        checkpoints.find(tmp_path)


def test_a_decisive_change_of_the_recipe_is_refused_by_name(trained: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match=r"optimiser\.learning_rate: 0\.0005 -> 0\.1"):
        train(load_recipe(trained[0], overrides=["optimiser.learning_rate=0.1"]), trained[1])


def test_a_key_that_came_later_than_the_checkpoint_means_its_default(copied: tuple[Path, Path]) -> None:
    for folder in (copied[1] / "checkpoints").iterdir():
        description = json.loads((folder / "checkpoint.json").read_text())
        assert description["recipe"].pop("disjoint_prompts") is False
        (folder / "checkpoint.json").write_text(json.dumps(description))
    assert train(load_recipe(copied[0], overrides=["steps=21"]), copied[1], say=[].append).name == "step-000000021"
    with pytest.raises(ConfigError, match="disjoint_prompts: False -> True"):
        train(load_recipe(copied[0], overrides=["disjoint_prompts=true"]), copied[1])


def test_restarting_sets_the_former_checkpoints_aside(copied: tuple[Path, Path]) -> None:
    newest = train(load_recipe(copied[0], overrides=["steps=5", "seed=9"]), copied[1], restart=True, say=[].append)
    assert newest.name == "step-000000005"
    assert (copied[1] / "checkpoints-before-1" / "step-000000020").is_dir()


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    recipe = load_recipe(toy.write_toy_recipe(tmp_path, steps=40, validate_every=5, keep_checkpoints=1))
    train(recipe, tmp_path / "run")
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    best = checkpoints.best(tmp_path / "run")
    assert best is not None
    assert kept == sorted({best.folder.name, "step-000000040"})
    assert checkpoints.find(tmp_path / "run").folder == best.folder


def test_a_loaded_model_has_the_averaged_weights(trained: tuple[Path, Path]) -> None:
    model, checkpoint = checkpoints.load_model(trained[1])
    average = load_file(checkpoint.folder / "average.safetensors")
    latest = load_file(checkpoint.folder / "model.safetensors")
    assert all(torch.equal(value, average[name]) for name, value in model.state_dict().items())
    assert not torch.equal(average["first.weight"], latest["first.weight"])
    assert not model.training


def test_weights_start_another_model_that_knows_more_speakers(trained: tuple[Path, Path]) -> None:
    facts = checkpoints.find(trained[1]).description.facts
    speakers = tuple(SpeakerFacts(name=name, mean_log_f0=4.0) for name in ("abe", "ann", "bob"))
    model = create_model(load_recipe(trained[0]), facts.model_copy(update={"speakers": speakers}))
    (line,) = initialise(model, "toy", [trained[1]])
    former = checkpoints.find(trained[1]).read("average")
    table = model.state_dict()["speaker.weight"]
    assert "new speakers: abe" in line
    assert torch.equal(table[1:], former["speaker.weight"])
    assert torch.allclose(table[0], former["speaker.weight"].mean(0))
    assert model.state_dict()["mean_log_f0"].flatten().tolist() == [4.0, 5.0, 5.0]
    assert torch.equal(model.state_dict()["last.weight"], former["last.weight"])


def test_weights_of_other_symbols_or_shapes_are_refused(trained: tuple[Path, Path]) -> None:
    facts = checkpoints.find(trained[1]).description.facts
    recipe = load_recipe(trained[0])
    other = CorpusFacts(symbols=("_", "^", "!"), speakers=facts.speakers)
    with pytest.raises(CheckpointError, match=r"other symbols.*!"):
        initialise(create_model(recipe, other), "toy", [trained[1]])
    wide = load_recipe(trained[0], overrides=["network.channels=9"])
    with pytest.raises(CheckpointError, match="shape"):
        initialise(create_model(wide, facts), "toy", [trained[1]])


def test_a_recipe_of_before_a_key_existed_did_what_its_default_says(tmp_path: Path) -> None:
    recipe = toy.write_toy_recipe(tmp_path, steps=4)
    description = train(load_recipe(recipe), tmp_path / "run") / "checkpoint.json"
    about = json.loads(description.read_text())
    del about["recipe"]["rate_factors"], about["recipe"]["network"]["dropout"]
    description.write_text(json.dumps(about))
    lines: list[str] = []
    train(load_recipe(recipe, None, ["steps=5"]), tmp_path / "run", say=lines.append)
    assert lines[:2] == ["changed since the checkpoint: steps: 4 -> 5", f"resuming at step 4 from {description.parent}"]
    with pytest.raises(ConfigError, match=r"network\.dropout: 0\.1 -> 0\.2"):
        train(load_recipe(recipe, None, ["network.dropout=0.2", "steps=6"]), tmp_path / "run")
