"""Tables of a language: written forms and their words, one TSV file a table."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

LANGUAGE = "en-US"
"""Language of the text front end, the folder of its tables."""


@cache
def rows(name: str, language: str = LANGUAGE) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the table `name`: the cells of each line, without comments (`#`) and empty lines."""
    path = Path(__file__).parent / language / f"{name}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("# "))


@cache
def entries(name: str) -> dict[str, tuple[str, ...]]:
    """Return the table `name` as a dictionary: the words of the second cell by each key of the first; `|` separates keys."""
    return {key: tuple(row[1].split()) for row in rows(name) for key in row[0].split("|")}


@cache
def context(name: str) -> str:
    """Return the words of the context `name` as the alternatives of a regular expression: "(?:call|dial)"."""
    words = next(row[1] for row in rows("contexts") if row[0] == name)
    return "(?:" + "|".join(map(re.escape, words.split("|"))) + ")"
