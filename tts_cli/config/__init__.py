"""Strict configuration models (unknown keys are errors that suggest valid ones), and reading of YAML and JSON files."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tts_cli.config.plain_yaml import load_yaml, shortened
from tts_cli.errors import ConfigError


class StrictModel(BaseModel):
    """Base of every configuration object. It refuses unknown keys and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Model = TypeVar("Model", bound=BaseModel)

BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
"""Signs of the bounds of a number, by their key in a JSON Schema."""
MAPPING_HINT = 'write keys with values: KEY: VALUE a line in YAML, {"KEY": VALUE} in JSON'
"""Remedy for a file that is no mapping."""
OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"}
"""Types of pydantic's errors of numbers out of range."""


def suggest(name: str, valid: list[str]) -> str:
    """Return a hint for the unknown `name`: the closest name in `valid`, or else all of them, or that there are none."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f"did you mean '{close[0]}'?" if close else "valid: " + (", ".join(valid) or "none")


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON file (suffix `.json`) or a YAML file (any other suffix).

    Raises:
        ConfigError: The file is missing, empty, not UTF-8 or malformed, holds no mapping, has a key twice, or (YAML) see
            `load_yaml`.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file", hint="check the path")
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            raise ConfigError(f"{path}: is empty, but a mapping of keys to values is expected", hint=MAPPING_HINT)
        is_json = path.suffix == ".json"
        value = json.loads(text, object_pairs_hook=without_duplicates) if is_json else load_yaml(text, str(path))
    except json.JSONDecodeError as error:
        message = f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        raise ConfigError(message, hint="correct this line: double quotes, no comma before a bracket that closes") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}", hint="name a readable file") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {shortened(error)}", hint="mend the file: it must be UTF-8 text") from error
    if not isinstance(value, dict):
        message = f"{path}: expected a mapping of keys to values, found {type(value).__name__}"
        raise ConfigError(message, hint=MAPPING_HINT)
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
        where = f"--set {shortened(override)}"
        if not separator:
            raise ConfigError(f"{where}: expected KEY=VALUE", hint="for example --set optimiser.learning_rate=1e-4")
        node = result
        *parents, last = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                hint = "give a key that the recipe's section has"
                raise ConfigError(f"{where}: '{shortened(parent)}' holds a value, not a mapping of keys", hint=hint)
        node[last] = load_yaml(value, where)
    return result


def parse(model: type[Model], mapping: Any, source: str, overrides: Sequence[str] = ()) -> Model:
    """Validate `mapping` and return it as an instance of `model`.

    Args:
        model: Class of the result.
        mapping: Keys and values.
        source: Origin of `mapping` for messages: a file, or a place in a file.
        overrides: Overrides in `mapping`, `KEY=VALUE` each; a wrong value that comes from one is reported as such.

    Raises:
        ConfigError: A key is unknown or missing, or a value is wrong. The message names `source` and the dotted key, and the
            range of a number.
    """
    try:
        return model.model_validate(mapping)
    except ValidationError as error:
        # A misspelt key is reported as unknown and as missing; the unknown one shows the misspelling.
        first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        override = next((given for given in reversed(overrides) if _covers(given.partition("=")[0], where)), None)
        source = source if override is None else f"--set {shortened(override)}"
        if first["type"] == "extra_forbidden":
            valid = _fields_at(model, first["loc"][:-1])
            hint = suggest(str(first["loc"][-1]), valid)
            raise ConfigError(f"{source}: unknown key '{shortened(where)}'", hint=hint) from error
        place = f"{source}: '{shortened(where)}'" if where else source
        hint = f"correct the value of {shortened(where)}" if where else "correct the values that the message names"
        raise ConfigError(f"{place}: {_wrong(first, model)}", hint=hint) from error


def _covers(key: str, where: str) -> bool:
    """Return whether an override of `key` concerns the value at the dotted path `where`."""
    return bool(key) and (f"{where}.".startswith(f"{key}.") or f"{key}.".startswith(f"{where}."))


def _wrong(error: Any, model: type[BaseModel]) -> str:
    """Return the reason of a validation error in words, with the value and the range that it misses."""
    message = error["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    value = error.get("input")
    if not isinstance(value, str | int | float | bool):
        return str(message)
    bounds = range_of(schema_at(model.model_json_schema(), error["loc"]))
    needed = f"must be {bounds}" if bounds and error["type"] in OUT_OF_RANGE else message
    return f"{needed}, found {shortened(value)}"


def schema_at(schema: dict[str, Any], location: Sequence[str | int]) -> dict[str, Any]:
    """Return the part of the JSON Schema `schema` that describes the value at `location`; empty if there is none."""
    definitions, node = schema.get("$defs", {}), schema
    for part in location:
        node = _resolved(node, definitions)
        items = node.get("prefixItems", [])
        inner = items[part] if isinstance(part, int) and part < len(items) else node.get("items")
        named = node.get("properties", {}).get(part, node.get("additionalProperties"))
        found = inner if isinstance(part, int) else named
        if not isinstance(found, dict):
            return {}
        node = found
    return _resolved(node, definitions)


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and take the first alternative that is not null."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = definitions[node["$ref"].rsplit("/", 1)[-1]]
        else:
            node = next(one for one in node["anyOf"] if one.get("type") != "null")
    return node


def range_of(schema: dict[str, Any]) -> str:
    """Return the range of a number in words, such as `>= 1 and <= 8`; empty without bounds."""
    return " and ".join(f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema)


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
