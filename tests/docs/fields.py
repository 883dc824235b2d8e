"""Reads the keys of configuration models: each with its type, its default and its meaning, as rows of Markdown tables."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

HEADER = "| key | type | default | meaning |\n|---|---|---|---|"
NAMES = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Key(NamedTuple):
    """One key of a configuration."""

    name: str
    """Dotted, as options of commands name it; `[]` stands for an item of a list, `NAME` for a name of one's own."""
    type: str
    default: str
    meaning: str

    def row(self) -> str:
        """Return the key as a row of a table below `HEADER`."""
        cells = (f"`{self.name}`", self.type, self.default, self.meaning)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def keys(model: type[BaseModel], prefix: str = "", opaque: frozenset[type[BaseModel]] = frozenset()) -> Iterator[Key]:
    """Yield every key of `model` and of the models inside it, which begin with `prefix`; not those of `opaque` models."""
    schema = model.model_json_schema()
    meanings = _meanings(model)
    for name, field in model.model_fields.items():
        inner, mark = _inner(field.annotation)
        described = _described(schema["properties"][name], schema.get("$defs", {}))
        default = "required" if field.is_required() else _default(field)
        is_section = inner is not None and default not in ("required", "`null`") and inner not in opaque
        meaning = meanings.get(name) or _first_sentence(inner)
        yield Key(prefix + name, described, "" if is_section and not mark else default, meaning)
        if inner is not None and inner not in opaque:
            yield from keys(inner, f"{prefix}{name}{mark}.", opaque)


def table(found: Iterator[Key]) -> str:
    """Return the keys as a Markdown table."""
    return "\n".join([HEADER, *(key.row() for key in found)])


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """Return the model inside a field's annotation, and the mark of an item: none, `[]` of a list, `.NAME` of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin = getattr(annotation, "__origin__", None)
    mark = {tuple: "[]", list: "[]", dict: ".NAME"}.get(origin, "")
    for argument in getattr(annotation, "__args__", ()):
        found, inner_mark = _inner(argument)
        if found is not None:
            return found, mark + inner_mark
    return None, ""


def _first_sentence(model: type[BaseModel] | None) -> str:
    """Return the first sentence of a model's docstring, which serves a field without one of its own."""
    if model is None:
        return ""
    paragraph = " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`]\.) ", paragraph)[0]


@cache
def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below the fields of a model and of those that it extends, by field."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls.__module__.startswith("pydantic"):
            continue
        try:
            body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body[0].body
        except OSError:
            continue
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[field.target.id] = " ".join(inspect.cleandoc(str(text.value.value)).split())
    return found


def _described(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return the type of a JSON Schema in words."""
    if "$ref" in schema:
        return _described(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_described(one, definitions) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {_described(schema['prefixItems'][0], definitions)}"
    if schema.get("type") == "array":
        items = _described(schema["items"], definitions) if schema.get("items") else ""
        return f"list of {items}" if items else "list"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        items = _described(schema["additionalProperties"], definitions)
        return f"mapping of names to {items}" if items != "any value" else "mapping"
    bounds = [f"{sign} {schema[bound]:g}" for bound, sign in BOUNDS.items() if bound in schema]
    bounds += [f"matches `{schema['pattern']}`"] if "pattern" in schema else []
    return ", ".join([NAMES.get(schema.get("type", ""), "any value"), *bounds])


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    return f"`{json.dumps(_plain(value), ensure_ascii=False)}`"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
