"""Tests of the ranges of recipes: every number, text and list of every kind of model is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tts_cli.errors import ConfigError
from tts_cli.models import KINDS
from tts_cli.models.pronunciation import Config as PronunciationConfig
from tts_cli.training.recipe import load_recipe, parse_recipe, recipe_class

ROOT = Path(__file__).parents[2]
SHIPPED_KINDS = [kind for kind in KINDS if "toy" not in kind]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
LOWER, UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def _leaves(schema: dict[str, Any], definitions: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schemas of all numbers and texts below `schema`, with their dotted places."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    alternatives = [*schema.get("anyOf", []), *schema.get("prefixItems", [])]
    inner = {**schema.get("properties", {}), "[]": schema.get("items"), "NAME": schema.get("additionalProperties")}
    for index, one in enumerate(alternatives):
        yield from _leaves(one, definitions, f"{where}|{index}")
    for name, one in inner.items():
        if isinstance(one, dict):
            yield from _leaves(one, definitions, f"{where}.{name}")
    if schema.get("type") in ("number", "integer", "string"):
        yield where, schema


@pytest.mark.parametrize("model", [*map(recipe_class, SHIPPED_KINDS), PronunciationConfig], ids=lambda model: model.__qualname__)
def test_every_number_and_text_of_a_recipe_is_bounded(model: Any) -> None:
    schema = model.model_json_schema()
    leaves = list(_leaves(schema, schema.get("$defs", {}), ""))
    assert len(leaves) > 5
    for where, leaf in leaves:
        if leaf["type"] == "string":
            assert "enum" in leaf or "const" in leaf or "maxLength" in leaf, where
        else:
            assert any(bound in leaf for bound in LOWER), f"{where} has no lower bound"
            assert any(bound in leaf for bound in UPPER), f"{where} has no upper bound"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path).steps >= 1


@pytest.mark.parametrize("path", sorted((ROOT / "addons").glob("*/addon.json")), ids=lambda path: path.parent.name)
def test_recipes_in_the_provenance_of_shipped_addons_are_within_the_ranges(path: Path) -> None:
    try:
        assert parse_recipe(json.loads(path.read_text())["provenance"]["recipe"], str(path)).steps >= 1
    except ConfigError as error:
        # An addon of an earlier version may name keys that are gone; its values are never out of range.
        assert "unknown key" in error.message


def _wrong(value: Any) -> Iterator[Any]:
    """Yield values out of any range, of the shape of `value`."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, int | float):
        yield from (-5, 10**30, float("nan"), float("inf"), "many", [value, value])
    elif isinstance(value, list) and value and not isinstance(value[0], str):
        yield from (([one] * len(value)) for one in (-1000, 10**30, float("nan")))


def _numbers(mapping: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_values_out_of_range_are_refused_with_option_and_key_in_one_line(path: Path) -> None:
    resolved = load_recipe(path).model_dump(mode="json")
    # The names of rate factors have dots themselves.
    for key, value in _numbers(resolved | {"rate_factors": {}}):
        for wrong in _wrong(value):
            override = f"{key}={yaml.safe_dump(wrong, default_flow_style=True).strip().removesuffix('...').strip()}"
            with pytest.raises(ConfigError) as refused:
                load_recipe(path, overrides=[override])
            assert f"--set {key}" in refused.value.message, override
            assert "\n" not in refused.value.message
            assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    ("recipe", "override", "said"),
    [
        ("tiny-acoustic", "network.kernel=4", "'network.kernel': must be odd, found 4"),
        ("tiny-acoustic", "network.channels=-5", "'network.channels': must be >= 1 and <= 4096, found -5"),
        ("tiny-acoustic", "optimiser.betas=[2, 3]", "'optimiser.betas.0': must be >= 0 and < 1, found 2"),
        ("tiny-acoustic", "optimiser.betas=[0.9, 1]", "'optimiser.betas.1': must be >= 0 and < 1, found 1"),
        ("tiny-acoustic", "seed=9223372036854775808", "must be >= 0 and <= 9223372036854775807"),
        ("tiny-acoustic", "name=../elsewhere", "'name': "),
        ("tiny-acoustic", "name=" + "x" * 9000, "'name': "),
        ("arctic-attention-16k", "network.prior_length=20", "must be at most (attention_kernel + 1) / 2 = 11"),
        ("tiny-vocoder", "network.f0_min_hz=600", "must be less than f0_max_hz"),
        ("tiny-vocoder", "batches.perturbation={gain_db: [3, 1]}", "give the lower one first"),
        ("tiny-syntax", "network.heads=7", "must be a multiple of heads"),
        (
            "universal-16k-adversarial",
            "network.adversarial.discriminators={periods: [], windows_ms: []}",
            "not both be empty",
        ),
    ],
)
def test_values_that_disagree_are_refused(recipe: str, override: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_recipe(ROOT / f"recipes/{recipe}.yaml", overrides=[override])
    assert said in refused.value.message
    assert len(refused.value.message) < 400
