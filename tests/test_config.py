"""Strict configuration: error messages for invalid files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, model_validator

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


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("a: [", "line 1: not YAML"), ("- 1", "found list")])
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


def _bomb(levels: int, shape: str) -> str:
    """Return YAML whose aliases unfold to 10 ** levels values."""
    lines = [f"a0: &a0 {shape.replace('*', '1')}"]
    lines += [f"a{n}: &a{n} {shape.replace('*', f'*a{n - 1}')}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_bomb(40, "[" + ", ".join("*" * 10) + "]"), "unfolds to more than"),
        (_bomb(40, "{" + ", ".join(f"k{n}: *" for n in range(10)) + "}"), "unfolds to more than"),
        ("a: &a [*a]", "an alias names the value that holds it"),
        ("a: [" + "[" * 5000 + "]" * 5000 + "]", "nested too deeply"),
        ("a: 2026-01-02", "type 'timestamp'"),
        ("2026-01-02: a", "the key '2026-01-02' is of type 'timestamp'"),
        ("1: a", "the key '1' is of type 'int'"),
        ("[1, 2]: a", "the key 'a list or mapping' is of type 'seq'"),
        ("a: !!set {x, y}", "type 'set'"),
        ("a: !!binary aGVsbG8=", "type 'binary'"),
        ("!!binary aGVsbG8=: a", "type 'binary'"),
        ("a: !!python/object/apply:os.getcwd []", "type 'python/object/apply"),
        ("a: 1\na: 2", "line 2: key 'a' is given twice"),
        ("a: " + "9" * 5000, "not YAML"),
        ("a: *nothing", "line 1: not YAML"),
        ("a: 1\n--- \nb: 2", "not YAML"),
        ("a: " + "x" * 1_100_000, "at most 1000000 are read"),
    ],
)
def test_yaml_that_json_could_not_hold_is_refused_in_one_line_of_bounded_time(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    begun = time.monotonic()
    with pytest.raises(ConfigError) as refused:
        read_mapping(tmp_path / "x.yaml")
    assert time.monotonic() - begun < 5
    assert said in refused.value.message
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 400 + len(str(tmp_path))


def test_few_aliases_and_merge_keys_still_work(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}\n")
    mapping = read_mapping(tmp_path / "x.yaml")
    assert mapping == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}
    assert apply_overrides(mapping, ["c.b=5"]) == {"a": {"b": 1}, "c": {"b": 5}, "d": {"b": 1, "e": 2}}


@pytest.mark.parametrize(
    "value",
    ["!!python/x", "!!x y", "[", "{a: b: c}", "*a", "&a [*a]", "2026-01-02", "!!set {a}", "\x00", "9" * 5000, "[" * 9999],
)
def test_a_value_of_set_that_is_no_plain_yaml_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        apply_overrides({}, [f"steps={value}"])
    assert refused.value.message.startswith("--set steps=")
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 400


class Ranged(StrictModel):
    rates: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.0, 0.0)
    inner: Inner | None = None
    named: dict[str, Annotated[int, Field(ge=1, le=9)]] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"rates": [0.5, 1.5]}, "x.yaml: 'rates.1': must be >= 0 and < 1, found 1.5"),
        ({"named": {"a": 12}}, "x.yaml: 'named.a': must be >= 1 and <= 9, found 12"),
        ({"inner": {"width": "w" * 9999}}, "x.yaml: 'inner.width': Input should be a valid integer, unable to parse string"),
    ],
)
def test_a_number_out_of_range_is_reported_with_key_value_and_range(mapping: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(Ranged, mapping, "x.yaml")
    assert refused.value.message.startswith(said)
    assert len(refused.value.message) < 300


def test_a_wrong_value_from_set_names_the_option() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(Ranged, apply_overrides({}, ["rates=[2, 3]"]), "x.yaml", ["rates=[2, 3]"])
    assert refused.value.message == "--set rates=[2, 3]: 'rates.0': must be >= 0 and < 1, found 2"
