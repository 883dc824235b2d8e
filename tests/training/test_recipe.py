"""Recipes are strict, and say what is wrong with them."""

from pathlib import Path

import pytest
import toy

from tts_cli.errors import ConfigError
from tts_cli.training.recipe import Optimiser, differences, load_recipe, write_recipe


def test_overrides_and_options_reach_the_recipe(tmp_path: Path) -> None:
    path = toy.write_toy_recipe(tmp_path)
    recipe = load_recipe(path, "toy", ["network.channels=12", "optimiser.learning_rate=1e-2"], max_minutes=3, data=None)
    assert recipe.network.channels == 12
    assert recipe.optimiser.learning_rate == 0.01
    assert recipe.max_minutes == 3
    assert recipe.data == str(tmp_path / "corpus")


@pytest.mark.parametrize(
    ("override", "key", "hint"),
    [
        ("stepz=3", "stepz", "did you mean 'steps'?"),
        ("network.chanels=3", "network.chanels", "did you mean 'channels'?"),
        ("batches.num_itms=3", "batches.num_itms", "did you mean 'num_items'?"),
        ("optimiser.learning_rte=3", "optimiser.learning_rte", "did you mean 'learning_rate'?"),
        ("model=to", "unknown model kind 'to'", "did you mean 'toy'?"),
    ],
)
def test_a_typo_is_answered_with_the_closest_key(tmp_path: Path, override: str, key: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe(toy.write_toy_recipe(tmp_path), "toy", [override])
    assert key in caught.value.message
    assert caught.value.hint == hint


def test_a_recipe_of_another_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no vocoder model"):
        load_recipe(toy.write_toy_recipe(tmp_path), "vocoder")


def test_a_recipe_without_a_model_lists_the_kinds(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("modle: toy\n")
    with pytest.raises(ConfigError, match="'model' is missing") as caught:
        load_recipe(path)
    assert "explicit-duration" in (caught.value.hint or "")


def test_the_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = load_recipe(toy.write_toy_recipe(tmp_path), "toy", ["seed=7"])
    write_recipe(recipe, tmp_path)
    assert load_recipe(tmp_path / "recipe.yaml", "toy") == recipe
    assert (tmp_path / "recipe.yaml").read_text().startswith(f"# tts train toy {tmp_path / 'recipe.yaml'} --output {tmp_path}\n")


@pytest.mark.parametrize("schedule", ["constant", "cosine", "exponential"])
def test_the_learning_rate_rises_then_follows_its_schedule(schedule: str) -> None:
    options = Optimiser.model_validate(
        {"learning_rate": 1.0, "schedule": schedule, "warmup_steps": 10, "final_fraction": 1.0 if schedule == "constant" else 0.1}
    )
    rates = [options.rate(step, 100) for step in range(101)]
    assert rates[:11] == pytest.approx([step / 11 for step in range(1, 12)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(options.final_fraction)


def test_differences_name_their_keys() -> None:
    assert differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == {"a.c": "2 -> 3"}
