"""Strict configuration models (unknown keys are errors that suggest valid ones), and reading of YAML and JSON files."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tts_cli.errors import ConfigError


class StrictModel(BaseModel):
    """Base of every configuration object. It refuses unknown keys and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Model = TypeVar("Model", bound=BaseModel)


def suggest(name: str, valid: list[str]) -> str:
    """Return a hint for the unknown `name`: the closest name in `valid`, or else all of them, or that there are none."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean '{close[0]}'?" if close else "valid: " + (", ".join(valid) or "none")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON file (suffix `.json`) or a YAML file (any other suffix).

    Raises:
        ConfigError: The file is missing, empty, not UTF-8 or malformed, holds no mapping, or (JSON) has a key twice.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise ConfigError(f"{path}: is empty, but a mapping of keys to values is expected")
        value = json.loads(text, object_pairs_hook=without_duplicates) if path.suffix == ".json" else yaml.safe_load(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(value).__name__}")
    return value


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return `pairs` as a dictionary, for `json.loads(..., object_pairs_hook=without_duplicates)`.

    Raises:
        ValueError: A key appears twice.
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key '{next(key for key in keys if keys.count(key) > 1)}' is given twice in one object")
    return value


def apply_overrides(mapping: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """Return a copy of `mapping` with every override applied.

    Args:
        overrides: Strings `KEY=VALUE`. KEY is a dotted path such as `optimiser.learning_rate`, VALUE is parsed as YAML.

    Raises:
        ConfigError: An override has no `=`, or its path leads through a value that is not a mapping.
    """
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
                raise ConfigError(f"--set {override}: '{parent}' holds a value, not a mapping of keys")
        node[last] = yaml.safe_load(value)
    return result


def parse(model: type[Model], mapping: Any, source: str) -> Model:
    """Validate `mapping` and return it as an instance of `model`.

    Args:
        source: Origin of `mapping` for messages: a file, or a place in a file.

    Raises:
        ConfigError: A key is unknown or missing, or a value is wrong. The message names `source` and the dotted key.
    """
    try:
        return model.model_validate(mapping)
    except ValidationError as error:
        # A misspelt key is reported as unknown and as missing; the unknown one shows the misspelling.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            valid = _fields_at(model, first["loc"][:-1])
            raise ConfigError(f"{source}: unknown key '{where}'", hint=suggest(str(first["loc"][-1]), valid)) from error
        place = f"{source}: '{where}'" if where else source
        message = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
        raise ConfigError(f"{place}: {message}") from error


def _fields_at(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Return the field names of the nested model at `location`, a path of keys and list indices below `model`."""
    for part in location:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            continue
        annotation = fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return sorted(getattr(model, "model_fields", {}))
