"""HTML and XHTML as passages to be read aloud. EPUB chapters are XHTML, and Markdown is converted to HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_cli.reading.block import HtmlSource
from tts_cli.reading.contents import Contents
from tts_cli.reading.elements import HtmlReader
from tts_cli.reading.left_out import Tell, ignore
from tts_cli.reading.markup import Markup
from tts_cli.reading.notes import Notes
from tts_cli.reading.passage import Kind, Passage, passage
from tts_cli.reading.unheard import Included

__all__ = ["Included", "Kind", "Passage", "passage", "passages_of_chapter", "passages_of_html"]

_PORTION = 1024
"""Unit of `Passage.end`, in characters: the end of the last passage is the end of the markup."""
GUTENBERG = re.compile(r"\*\*\* ?(START|END) OF (?:THE|THIS) PROJECT GUTENBERG")
"""Marks in the text at which a book of Project Gutenberg starts and ends."""


def passages_of(chapter: HtmlSource) -> Iterator[Passage]:
    """Yield the passages of a chapter, and parse only as far as needed. `Passage.end` counts characters of its markup."""
    markup = chapter.markup
    notes = chapter.notes or Notes(lambda file: None if file else markup)
    reader, pieces, contents = HtmlReader(chapter, notes, passages_of), Markup(markup, chapter.is_xml), Contents(chapter.tell)
    for piece in pieces:
        reader.take(piece)
        if reader.ready:
            end = min(pieces.position + _PORTION - pieces.position % _PORTION, len(markup))
            for found, num_links in reader.ready:
                yield from contents.take(found._replace(end=end), num_links)
            reader.ready.clear()
    reader.close()
    for found, num_links in reader.ready:
        yield from contents.take(found._replace(end=len(markup)), num_links)
    yield from contents.end()


def passages_of_html(markup: str, tell: Tell = ignore, included: Included | None = None) -> Iterator[Passage]:
    """Yield the passages of an HTML or XHTML text, or of a fragment, and parse only as far as needed.

    Args:
        markup: Text, with newlines as line breaks.
        tell: Receives the kind of each part that is left out.
        included: Parts that are read besides the text.

    Returns:
        Passages without code, formulas, navigation, notes, hidden parts, and the numbers of notes, pages and lines.
        `Passage.end` counts characters of `markup`.
    """
    is_xml = markup[:200].lstrip().startswith("<?xml")
    return passages_of_chapter(HtmlSource(markup, is_xml=is_xml, included=included or Included(), tell=tell))


def passages_of_chapter(chapter: HtmlSource) -> Iterator[Passage]:
    """Yield the passages of a chapter, without the header and licence of Project Gutenberg unless they are included."""
    found = passages_of(chapter)
    return found if chapter.included.keep_header else _without_licence(found, chapter.markup, chapter.tell)


def _without_licence(passages: Iterator[Passage], markup: str, tell: Tell) -> Iterator[Passage]:
    """Yield the passages between the marks at which a book of Project Gutenberg starts and ends."""
    marks = {found[1].upper() for found in GUTENBERG.finditer(markup)}
    is_inside = "START" not in marks
    for found in passages:
        mark = GUTENBERG.search(found.text) if marks else None
        if mark and mark[1].upper() == "END":
            break
        if is_inside:
            yield found
        elif mark:
            is_inside = True
    if marks:
        tell("Project Gutenberg header or licence")
