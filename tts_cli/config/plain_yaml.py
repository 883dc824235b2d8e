"""Reading of YAML that holds what JSON can hold: mappings with text keys, lists, text, numbers; bounded in size."""

from __future__ import annotations

from typing import Any

import yaml

from tts_cli.errors import ConfigError

MOST_CHARACTERS = 1_000_000
"""Longest YAML text that is read."""
MOST_VALUES = 100_000
"""Most values of a YAML text, counted as often as aliases repeat them."""
LONGEST_QUOTE = 120
"""Longest quotation in a message, in characters."""
PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}
"""Tags of the values that JSON knows, and of merge keys."""
TEXT = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
"""Tags of the keys of a mapping."""


def shortened(value: object) -> str:
    """Return `value` as text of one line for a message, at most `LONGEST_QUOTE` characters long."""
    try:
        text = " ".join(str(value).split())
    except ValueError:
        text = "a number of thousands of digits"
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."


def load_yaml(text: str, source: str) -> Any:
    """Return the value that the YAML `text` describes.

    Args:
        text: YAML of at most `MOST_CHARACTERS`.
        source: Origin of the text for messages.

    Raises:
        ConfigError: The text is malformed or too long, a mapping has a key twice or a key that is not text, a value is neither
            text, number, truth value nor null (a date, a set, binary data, a Python object), or aliases repeat too many values.
    """
    if len(text) > MOST_CHARACTERS:
        message = f"{source}: {len(text)} characters, but at most {MOST_CHARACTERS} are read"
        raise ConfigError(message, hint="shorten the YAML")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _count(root, source, {})
        return loader.construct_document(root)
    except RecursionError as error:
        raise ConfigError(f"{source}: its lists and mappings are nested too deeply", hint="remove some levels") from error
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{source}: {place}not YAML: {shortened(error.problem or error.context)}", hint=_QUOTE) from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigError(f"{source}: not YAML: {shortened(error)}", hint=_QUOTE) from error


_QUOTE = "put a text with special characters in quotes"


def _count(node: yaml.Node, source: str, counts: dict[int, int | None]) -> int:
    """Check `node` and its children; return the number of values that it unfolds to.

    Args:
        node: A node of YAML's graph.
        source: Origin of the text for messages.
        counts: Results by id; None for the nodes that hold the present one.

    Raises:
        ConfigError: See `load_yaml`.
    """
    place = f"{source}: line {node.start_mark.line + 1}"
    if id(node) in counts:
        known = counts[id(node)]
        if known is None:
            raise ConfigError(f"{place}: an alias names the value that holds it", hint="write the value out, without an alias")
        return known
    if node.tag not in PLAIN:
        name = shortened(node.tag.removeprefix("tag:yaml.org,2002:"))
        raise ConfigError(f"{place}: a value of type '{name}' is not read", hint="put it in quotes, or use a number or list")
    counts[id(node)] = None
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, source)
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    total = 1 + sum(_count(child, source, counts) for child in children)
    if total > MOST_VALUES:
        raise ConfigError(f"{place}: unfolds to more than {MOST_VALUES} values", hint="remove aliases (*NAME) or values")
    counts[id(node)] = total
    return total


def _check_keys(node: yaml.MappingNode, source: str) -> None:
    """Raise ConfigError when a key of the mapping `node` is not text, or occurs twice."""
    seen = set()
    for key, _ in node.value:
        place = f"{source}: line {key.start_mark.line + 1}"
        name = shortened(key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping")
        if key.tag not in TEXT or not isinstance(key, yaml.ScalarNode):
            kind = shortened(key.tag.removeprefix("tag:yaml.org,2002:"))
            raise ConfigError(f"{place}: the key '{name}' is of type '{kind}', not text", hint="put the key in quotes")
        if key.value in seen:
            raise ConfigError(f"{place}: key '{name}' is given twice in one mapping", hint="remove one of them")
        seen.add(key.value)
