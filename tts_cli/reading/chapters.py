"""Chapters of documents: their list with estimated lengths, some of them, and marks as FFmpeg metadata or JSON for podcasts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING

from tts_cli.config import StrictModel
from tts_cli.errors import InputError

if TYPE_CHECKING:
    from tts_cli.reading.documents import Document
    from tts_cli.reading.hypertext import Passage

CHARACTERS_PER_S = 15.0
"""Characters of text that are spoken in a second, for estimates."""
PASSAGE_S = 0.9
"""Silence that a passage adds, in seconds, for estimates."""
_RANGE = re.compile(r"(\d{1,6})(-)?(\d{1,6})?")


class Chapter(StrictModel):
    """Chapter mark in the audio of a document."""

    title: str
    level: int
    """Level of the heading from 1; 0 for the document itself."""
    start_s: float
    """Start in the audio, in seconds."""


@dataclass
class Section:
    """Chapter of a document before it is spoken."""

    number: int
    """Number from 1 on."""
    title: str
    level: int
    """Level of the heading from 1; 0 for the text before the first heading."""
    passages: list[Passage] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Estimated length of its speech."""
        spoken = [passage for passage in self.passages if passage.text]
        return sum(len(passage.text) for passage in spoken) / CHARACTERS_PER_S + PASSAGE_S * len(spoken)


def numbered(passages: Iterator[Passage]) -> Iterator[tuple[int, Passage]]:
    """Yield each passage with the number of its chapter; what precedes all words belongs to the first.

    A heading begins a chapter, unless it stands directly below a greater one.
    """
    number, above = 0, 0
    for passage in passages:
        if passage.kind == "heading":
            number += not (above and passage.level > above)
            above = passage.level
        elif passage.text:
            number, above = number or 1, 0
        yield max(number, 1), passage


def sections(document: Document) -> Iterator[Section]:
    """Yield the chapters of a document, one at a time in memory."""
    for number, pairs in groupby(numbered(document.passages()), key=lambda pair: pair[0]):
        section = Section(number, document.title, 0)
        for _, passage in pairs:
            if passage.kind == "heading" and not any(one.text and one.kind != "heading" for one in section.passages):
                title = f"{section.title}: {passage.text}" if section.level else passage.text
                section.title, section.level = title, passage.level
            section.passages.append(passage)
        if any(passage.text for passage in section.passages):
            yield section


def only(document: Document, asked: str) -> Document:
    """Return the chapters of a document that `asked` numbers, such as "2", "3-5" or "1,4-".

    Raises:
        InputError: `asked` is no list of numbers; the passages raise it if no such chapter exists.
    """
    wanted = _wanted(asked)

    def passages() -> Iterator[Passage]:
        number, found = 0, False
        for number, passage in numbered(document.passages()):
            if wanted(number):
                found = found or bool(passage.text)
                yield passage
        if not found:
            raise InputError(f"--only {asked}: the document has {number} chapters", hint="--list prints their numbers")

    digest = sha256(f"{document.digest} {asked}".encode()).hexdigest()
    return replace(document, digest=digest, passages=passages)


def _wanted(asked: str) -> Callable[[int], bool]:
    """Return a function that tells whether a number is asked for."""
    ranges: list[tuple[int, float]] = []
    for part in asked.split(","):
        match = _RANGE.fullmatch(part.strip())
        first = int(match[1]) if match else 0
        last = float(match[3]) if match and match[3] else float("inf") if match and match[2] else first
        if not match or not 0 < first <= last or (match[3] and not match[2]):
            raise InputError(
                f"--only {asked}: '{part.strip()}' is no chapter", hint="number chapters from 1: --only 3-5, --only 2,7-"
            )
        ranges.append((first, last))
    return lambda number: any(first <= number <= last for first, last in ranges)


def section_document(document: Document, section: Section) -> Document:
    """Return one chapter of a document as a document."""
    digest = sha256(f"{document.digest} {section.number}".encode()).hexdigest()
    return replace(document, title=section.title, digest=digest, passages=lambda: iter(section.passages))


def chapters_text(chapters: Sequence[Chapter], total_s: float, title: str, as_json: bool) -> str:
    """Return the text of a file of chapter marks.

    Args:
        chapters: Chapters in the order of the audio.
        total_s: Length of the audio in seconds.
        title: Title of the document.
        as_json: True: "JSON Chapters" 1.2.0 of the Podcasting 2.0 namespace. False: a metadata file of FFmpeg
            (https://ffmpeg.org/ffmpeg-formats.html#Metadata-2).
    """
    if as_json:
        listed = [{"startTime": chapter.start_s, "title": chapter.title} for chapter in chapters]
        return json.dumps({"version": "1.2.0", "title": title, "chapters": listed}, indent=1, ensure_ascii=False) + "\n"
    ends = [*(chapter.start_s for chapter in chapters[1:]), total_s]
    lines = [";FFMETADATA1", f"title={_escaped(title)}"]
    for chapter, end_s in zip(chapters, ends, strict=True):
        span = [f"START={round(1000 * chapter.start_s)}", f"END={round(1000 * end_s)}"]
        lines += ["", "[CHAPTER]", "TIMEBASE=1/1000", *span, f"title={_escaped(chapter.title)}"]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return "".join(f"\\{character}" if character in "=;#\\" else character for character in value)
