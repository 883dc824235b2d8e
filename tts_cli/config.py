"""Strict configuration: unknown keys are errors that list the valid ones; YAML and JSON loading."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tts_cli.errors import ConfigError


class StrictModel(BaseModel):
    """Base of every configuration object: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Model = TypeVar("Model", bound=BaseModel)


def suggest(name: str, valid: list[str]) -> str:
    """A hint that names the closest valid choice, or all of them, or says that there is none."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean '{close[0]}'?" if close else "valid: " + (", ".join(valid) or "none")


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML or JSON file. Raises ConfigError when the file is missing, empty or malformed."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise ConfigError(f"{path}: is empty")
        value = json.loads(text, object_pairs_hook=without_duplicates) if path.suffix == ".json" else yaml.safe_load(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(value).__name__}")
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are each given once; for `json.loads(..., object_pairs_hook=...)`. Raises ValueError."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key '{next(key for key in keys if keys.count(key) > 1)}' is given twice in one object")
    return value


def apply_overrides(mapping: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """`mapping` with every `a.b=value` of `overrides` set (values are parsed as YAML)."""
    result: dict[str, Any] = json.loads(json.dumps(mapping))
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator:
            raise ConfigError(f"--set {override}: expected KEY=VALUE", hint="for example --set optimiser.learning_rate=1e-4")
        node = result
        *parents, last = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ConfigError(f"--set {override}: '{parent}' is not a mapping")
        node[last] = yaml.safe_load(value)
    return result


def parse(model: type[Model], mapping: Any, source: str) -> Model:
    """`mapping` as a `model`. Raises ConfigError naming `source`, the dotted key and the remedy."""
    try:
        return model.model_validate(mapping)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling tells more.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            valid = _fields_at(model, first["loc"][:-1])
            raise ConfigError(f"{source}: unknown key '{where}'", hint=suggest(str(first["loc"][-1]), valid)) from error
        place = f"{source}: '{where}'" if where else source
        message = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
        raise ConfigError(f"{place}: {message}") from error


def _fields_at(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Names of the fields of the model found by walking `location` down from `model`."""
    for part in location:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            continue
        annotation = fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return sorted(getattr(model, "model_fields", {}))
