"""Strict configuration: error messages for invalid files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import model_validator

from tts_cli.config import StrictModel, apply_overrides, parse, read_mapping, suggest
from tts_cli.errors import ConfigError


class Inner(StrictModel):
    width: int = 1


class Outer(StrictModel):
    steps: int
    inner: Inner = Inner()

    @model_validator(mode="after")
    def _agrees(self) -> Outer:
        if self.steps == self.inner.width:
            raise ValueError("steps and inner.width are equal")
        return self


def _refusal(value: object) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        parse(Outer, value, "recipe.yaml")
    return refused.value


def test_a_misspelt_key_is_named_rather_than_the_missing_one() -> None:
    error = _refusal({"stepz": 3})
    assert error.message == "recipe.yaml: unknown key 'stepz'"
    assert error.hint == "did you mean 'steps'?"


def test_a_misspelt_inner_key_lists_the_inner_ones() -> None:
    error = _refusal({"steps": 3, "inner": {"q": 1}})
    assert error.message == "recipe.yaml: unknown key 'inner.q'"
    assert error.hint == "valid: width"


def test_a_wrong_value_is_named_by_its_path() -> None:
    assert _refusal({"steps": 3, "inner": {"width": "wide"}}).message.startswith("recipe.yaml: 'inner.width': Input should be")


def test_what_concerns_the_whole_names_no_key() -> None:
    assert _refusal({"steps": 1}).message == "recipe.yaml: steps and inner.width are equal"


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("a: [", "while parsing"), ("- 1", "found list")])
def test_files_that_are_no_mapping(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_mapping(tmp_path / "x.yaml")


def test_a_missing_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_mapping(Path("nowhere.yaml"))


def test_overrides_go_to_their_place() -> None:
    assert apply_overrides({"a": {"b": 1}, "c": 2}, ["a.b=3", "a.d=[1, x]"]) == {"a": {"b": 3, "d": [1, "x"]}, "c": 2}


@pytest.mark.parametrize("override", ["a.b", "c.d=1"])
def test_overrides_that_do_not_fit(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        apply_overrides({"c": 2}, [override])


def test_suggestions() -> None:
    assert suggest("kathlen", ["kathleen", "slt"]) == "did you mean 'kathleen'?"
    assert suggest("zzz", ["kathleen", "slt"]) == "valid: kathleen, slt"
