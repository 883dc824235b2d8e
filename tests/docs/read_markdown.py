"""Reads Markdown pages as the tests need them: sections, fenced blocks, tables and comments, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*([\w+-]*)(.*)$")
COMMENT = re.compile(r"^<!--\s*([a-z ]+?)\s*:\s*(.*?)\s*-->$")


@dataclass
class Piece:
    """A piece of a page that the tests look at."""

    kind: str
    """`heading`, `block`, `table` or `comment`."""
    line: int
    """Number of its first line, from 1."""
    text: str
    """Text of a heading, code of a block, content of a comment; empty for a table."""
    name: str = ""
    """Language of a block, name of a comment."""
    level: int = 0
    """Level of a heading."""
    rows: list[list[str]] = field(default_factory=list)
    """Cells of the body of a table."""


def pieces(page: Path) -> Iterator[Piece]:
    """Yield the pieces of a page in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    index = 0
    while index < len(lines):
        line, start = lines[index], index + 1
        if mark := FENCE.match(line):
            end = next(number for number in range(index + 1, len(lines)) if lines[number].strip() == mark[1])
            yield Piece("block", start, "\n".join(lines[index + 1 : end]) + "\n", mark[2])
            index = end
        elif heading := re.match(r"(#+) (.*)", line):
            yield Piece("heading", start, heading[2].strip(), level=len(heading[1]))
        elif line.startswith("<!--"):
            end = next(number for number in range(index, len(lines)) if "-->" in lines[number])
            if comment := COMMENT.match(" ".join(" ".join(lines[index : end + 1]).split())):
                yield Piece("comment", start, comment[2], comment[1])
            index = end
        elif line.startswith("|") and index + 1 < len(lines) and re.fullmatch(r"[|\s:-]+", lines[index + 1]):
            end = next((number for number in range(index, len(lines)) if not lines[number].startswith("|")), len(lines))
            yield Piece("table", start, "", rows=[_cells(row) for row in lines[index + 2 : end]])
            index = end - 1
        index += 1


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as a repository's page and the site have them."""
    found: set[str] = set()
    for piece in pieces(page):
        if piece.kind == "heading":
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", piece.text)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(slug if slug not in found else next(f"{slug}-{n}" for n in range(1, 100) if f"{slug}-{n}" not in found))
    return found


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
