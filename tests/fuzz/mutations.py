"""Random changes of JSON values, bytes and texts, which the surfaces share."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (0, -1, 1, 2, 3, 7, 255, 256, 65536, 2**31 - 1, 2**31, 2**62, 2**63, 2**64, 10**30, 0.5, -0.5, 1e-300, 1e300, 1e308)
NOT_FINITE = (float("nan"), float("inf"), float("-inf"))
TEXTS = (
    "",
    " ",
    "a",
    "..",
    "../../x",
    "/etc/passwd",
    "C:\\x",
    "a/b",
    "a\0b",
    "\n",
    "\t\r",
    "\u202e",
    "\ud7ff",
    "é",
    "x" * 300,
    "x" * 70000,
    "nan",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "[]",
    "{}",
    "$(x)",
    "`x`",
    "%s%n",
    "{0}",
    "tiny-vocoder",
    "decoder",
    "text_encoder",
    "networks/decoder",
    "frame",
    "token",
    "utterance",
    "sample",
    "float32",
    "int64",
    "audio",
    "mel",
    "log_f0",
    "\U0001f600",
)


def value(random: Random, depth: int = 2) -> Any:
    """Return an arbitrary JSON value, hostile more often than not."""
    kind = random.randrange(9 if depth else 6)
    if kind == 0:
        return random.choice(NUMBERS)
    if kind == 1:
        return random.choice(NOT_FINITE)
    if kind == 2:
        return random.choice((None, True, False))
    if kind in (3, 4):
        return random.choice(TEXTS)
    if kind == 5:
        return random.uniform(-100, 100) if random.random() < 0.5 else random.randrange(-100, 1000)
    if kind == 6:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 7:
        return {random.choice(TEXTS): value(random, depth - 1) for _ in range(random.randrange(4))}
    return []


def places(tree: Any, found: list[tuple[Any, Any]] | None = None) -> list[tuple[Any, Any]]:
    """Return the (container, key) of every value inside `tree`."""
    found = [] if found is None else found
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in list(items):
        found.append((tree, key))
        places(inner, found)
    return found


def change(random: Random, tree: Any) -> None:
    """Change one value inside `tree`: replace, remove, rename, repeat, exchange, or shift it a little."""
    all_places = places(tree)
    if not all_places:
        return
    container, key = random.choice(all_places)
    old = container[key]
    kind = random.randrange(8)
    if kind < 3 and isinstance(old, int | float) and not isinstance(old, bool):
        container[key] = random.choice((old + 1, old - 1, -old, old * 2, old / 2 if old else 1, old * 1000, *NUMBERS))
    elif kind < 4:
        container[key] = value(random)
    elif kind < 5:
        del container[key]
    elif kind < 6 and isinstance(container, dict):
        container[random.choice(TEXTS)] = container.pop(key)
    elif kind < 7 and isinstance(container, list):
        container.insert(random.randrange(len(container) + 1), copy.deepcopy(old))
    else:
        other, name = random.choice(all_places)
        container[key] = copy.deepcopy(other.get(name) if isinstance(other, dict) else (other[name : name + 1] or [None])[0])


def written(random: Random, tree: Any) -> bytes:
    """Return `tree` as JSON, sometimes broken as text."""
    text = json.dumps(tree)
    kind = random.randrange(20)
    if kind == 0:
        return damage(random, text.encode())
    if kind == 1:
        return text.encode(random.choice(("utf-16", "utf-8-sig", "utf-32")))
    if kind == 2:
        return text.replace("1", "9" * random.choice((20, 400, 5000)), 1).encode()
    if kind == 3:
        deep = random.choice((100, 2000, 100_000))
        return text.replace(": ", ": " + "[" * deep + "]" * deep + ', "x": ', 1).encode()
    if kind == 4:
        return text.replace("{", '{"name": 1, "name": 2, ', 1).encode()
    return text.encode()


def damage(random: Random, data: bytes) -> bytes:
    """Return the bytes with a few of them changed, cut, repeated, zeroed or replaced."""
    damaged = bytearray(data)
    kinds: tuple[Callable[[int], None], ...] = (
        lambda at: damaged.__setitem__(slice(at, at + 1), bytes([random.randrange(256)])),
        lambda at: damaged.__setitem__(
            slice(at, at + 1), bytes([(damaged[at] if at < len(damaged) else 0) ^ (1 << random.randrange(8))])
        ),
        lambda at: damaged.__delitem__(slice(at, None)),
        lambda at: damaged.__delitem__(slice(at, at + random.randrange(1, 64))),
        lambda at: damaged.__setitem__(slice(at, at), damaged[at : at + 64]),
        lambda at: damaged.__setitem__(slice(at, at + 4), random.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"))),
        lambda at: damaged.__setitem__(slice(at, at), random.randbytes(random.randrange(1, 200))),
    )
    for _ in range(random.choice((1, 1, 2, 3, 10))):
        # Headers matter more than what comes after them.
        end = len(damaged) if random.random() < 0.5 else min(len(damaged), 100)
        random.choice(kinds)(random.randrange(end + 1) if end else 0)
    return bytes(damaged)
