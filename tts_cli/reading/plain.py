"""Plain text as passages to be read aloud: the words of the book without marks of pages, hyphens at line ends and a licence.

Blocks of lines between blank lines pass through generators, one block at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tts_cli.reading.hypertext import Passage, passage
from tts_cli.reading.left_out import Tell, ignore
from tts_cli.reading.line_ends import without_hyphens
from tts_cli.reading.pages import Pages, has_ended
from tts_cli.text.phones import parse_phones

LONGEST_WRAPPED = 120
"""Longest line, in characters, that counts as wrapped; a newline beside a longer line ends a paragraph."""
_ITEM = re.compile(r"\s*(?:[-*•·‣+–]|(\d{1,3})[.)])\s+(?=\S)")
_QUOTED = re.compile(r"\s*>+ ?")
_RULED = re.compile(r"\s*(=|-|~|\*|_){3,}\s*")
_PARTS = "part|book|volume|act"
CHAPTERS = f"{_PARTS}|chapter|canto|scene|section|letter|lesson|appendix|stave"
"""Regular expression of the words that stand before the number of a chapter or a larger part."""
_NUMBERS = (
    "[ivxlc]+|\\d+|the \\w+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    "|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif)ty(?:-\\w+)?|first|second|third|last"
)
_CHAPTER = re.compile(
    rf"\s*(?:(?:{CHAPTERS}) (?:{_NUMBERS})\b|(?:[ivxlc]+|\d+)\.?$"
    r"|(?:prologue|epilogue|preface|foreword|introduction|contents|afterword|conclusion|dedication)\b[.:]?$)",
    re.IGNORECASE,
)
_UNTITLED = re.compile(rf"\s*(?:(?:{CHAPTERS}) (?:{_NUMBERS})|(?:[ivxlc]+|\d+))[.:]?\s*$", re.IGNORECASE)
_PART = re.compile(rf"\s*(?:{_PARTS})\b", re.IGNORECASE)
_LONGEST_HEADING = 100
_LONGEST_TITLE = 70
_SMALL_WORDS = frozenset("a an the and or but of in on at to for from by with as is nor into upon".split())
_CONTENTS = re.compile(r"\s*(?:table of )?contents[.:]?\s*$", re.IGNORECASE)
_PAGE = r"(?:\d{1,4}|[ivxlc]+)"
_ENTRY = re.compile(
    rf"\s*(?:(?:{CHAPTERS}) (?:{_NUMBERS})\b.*|(?:[ivxlc]+|\d{{1,3}})[.:)]?\s+\S.*"
    rf"|\S.*?(?:\s\.[ .]{{2,}}|\.{{3,}}|,? |\s{{2,}}|\t){_PAGE})\s*$",
    re.IGNORECASE,
)
_LEADER = re.compile(r".*(?:\.[ .]{3,}|\s{3,})(?:\d{1,4}|[ivxlc]+)\s*$")
_START = re.compile(
    r"^[ \t]*(?:\*{2,} ?START OF (?:THE|THIS) PROJECT GUTENBERG[^*]{0,400}\*{2,}|\*END ?\*? ?THE SMALL PRINT!.*)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[ \t]*(?:\*{2,} ?(?:END OF (?:THE|THIS) PROJECT GUTENBERG|START: FULL LICENSE)"
    r"|End of (?:the )?Project Gutenberg(?:'s|’s| EBook| Etext))",
    re.IGNORECASE | re.MULTILINE,
)
_CREDITS = re.compile(
    r"\s*\[?(?:(?:produced|prepared|transcribed|scanned|e-?text (?:prepared|produced)) by\b|e-?text prepared\b"
    r"|this (?:e-?text|ebook) was (?:produced|prepared)\b|.{0,80}(?:distributed proofread|pgdp\.net|gutenberg\.(?:org|net)))",
    re.IGNORECASE | re.DOTALL,
)
_MOST_CREDITS = 4
_BRACKET = re.compile(
    r"\s*\[(footnote|illustration|transcriber['’]?s?['’]? notes?|sidenote|blank page|decoration)\b", re.IGNORECASE
)
_LABEL = re.compile(r"\s*\[\w+:?\s*")
_LONGEST_BRACKET = 60
_NOTE_TEXT = re.compile(r"\s*\[(\d{1,3}|[*†‡]|[A-Z])\][:.]?\s+\S")
_EMPHASIS = re.compile(
    r"(?<![\w_])_(?=[^\s_])([^_]{1,2000}?)(?<=[^\s_])_(?![\w_])|(?<![\w=])=(?=[^\s=])([^=]{1,300}?)(?<=[^\s=])=(?![\w=])"
)
_DOUBLE = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]")
_EMBEDDED = re.compile(r"(?:file|image|category):", re.IGNORECASE)
_LINE_NUMBER = re.compile(r"(?<=\S)(?:\s{2,}|\t\s*)[\[(]?(\d{1,5})[\])]?\s*$")
_VERSE_NUMBER = re.compile(r"(?<=\S)(?:\s{2,}|\t\s*|(?<=[.,;:!?]) )[\[(]?(\d{1,5})[\])]?\s*$")
_FIRST_NUMBER = re.compile(r"\s*(\d{1,5})(?:\s{2,}|\t\s*)(?=\D)")
_LONGEST_VERSE = 64


class TextBlock(NamedTuple):
    """Lines between two blank lines of a text."""

    lines: list[str]
    end: int
    """Index in the text at which the block ends."""


def passages_of_text(text: str, tell: Tell = ignore, keep_header: bool = False, notes: bool = False) -> Iterator[Passage]:
    """Yield the passages of a plain text with newlines as line breaks.

    A blank line ends a passage, and so does a newline beside a line longer than LONGEST_WRAPPED; other lines are joined. Each
    item of a list is a passage. A heading is underlined, or in capitals, or has the name or number of a chapter.

    Args:
        text: Whole text.
        tell: Receives the kind of each part that is left out.
        keep_header: Read the header and the licence of Project Gutenberg.
        notes: Read footnotes where they stand.
    """
    start, stop = (0, len(text)) if keep_header else _book(text, tell)
    pages = Pages(text[start:stop], tell)
    blocks = pages.without_marks(_blocks(text, start, stop))
    yield from _titled(_passages(_without_brackets(text, blocks, tell, notes)), tell)


def _book(text: str, tell: Tell) -> tuple[int, int]:
    """Return the start and end of the book between header and licence of Project Gutenberg; credits are no part of it."""
    first = _START.search(text)
    start = first.end() if first else 0
    last = _END.search(text, start)
    stop = last.start() if last else len(text)
    if first:
        tell("header of Project Gutenberg")
        for index, block in enumerate(_blocks(text, start, stop)):
            if index >= _MOST_CREDITS:
                break
            if _CREDITS.match("\n".join(block.lines)):
                start = block.end
    if last:
        tell("licence of Project Gutenberg")
    return start, stop


def lines_of(text: str, start: int = 0, stop: int | None = None) -> Iterator[tuple[str, int]]:
    """Yield each line from the character `start` on, without its line break, with the index of its end in `text`."""
    stop = len(text) if stop is None else stop
    while start < stop:
        end = text.find("\n", start, stop)
        end = stop if end < 0 else end
        yield text[start:end], end
        start = end + 1


def _blocks(text: str, start: int, stop: int) -> Iterator[TextBlock]:
    lines: list[str] = []
    last = start
    for line, end in lines_of(text, start, stop):
        if line.strip(" \t\u00a0") or line == "\f":
            lines.append(line)
        elif lines:
            yield TextBlock(lines, last)
            lines = []
        last = end
    if lines:
        yield TextBlock(lines, last)


def _without_brackets(text: str, blocks: Iterable[TextBlock], tell: Tell, notes: bool) -> Iterator[TextBlock]:
    """Leave out footnotes, notes of transcribers and pictures in square brackets; the caption of a picture stays."""
    waits, left = 0, 0
    for block in blocks:
        joined = "\n".join(block.lines)
        if waits and left:
            waits, left = max(0, waits + joined.count("[") - joined.count("]")), left - 1
            continue
        found = _BRACKET.match(joined)
        kind = found[1].lower() if found else ""
        if kind in ("illustration", "sidenote"):
            inner = _LABEL.sub("", joined, count=1).strip().removesuffix("]")
            if any(map(str.isalpha, inner)):
                yield TextBlock(inner.split("\n"), block.end)
            else:
                tell("picture without a caption")
        elif kind == "footnote" and notes:
            yield TextBlock(_LABEL.sub("", joined, count=1).strip().removesuffix("]").split("\n"), block.end)
        elif kind:
            waits, left = max(0, joined.count("[") - joined.count("]")), _LONGEST_BRACKET
            tell("footnote" if kind == "footnote" else "note of the transcriber" if kind.startswith("t") else "blank page")
        elif not notes and (note := _NOTE_TEXT.match(joined)) and 0 <= text.find(f"[{note[1]}]") < block.end - len(joined) - 1:
            tell("footnote")
        else:
            yield block


def _passages(blocks: Iterable[TextBlock]) -> Iterator[tuple[list[str], Passage]]:
    """Yield the lines of each passage, and the passage."""
    for block in blocks:
        lines = [line[quote.end() :] if (quote := _QUOTED.match(line)) else line for line in block.lines]
        lines = [line for line in lines if line.strip()]
        is_verse = _is_verse(lines)
        lines = _without_line_numbers(lines, is_verse)
        part: list[str] = []
        for line in lines:
            if part and _are_apart(part[-1], line, is_verse):
                yield part, classified(part)._replace(end=block.end)
                part = []
            part.append(line)
        if part:
            yield part, classified(part)._replace(end=block.end)


def _are_apart(before: str, line: str, is_verse: bool) -> bool:
    if _ITEM.match(line) or _RULED.fullmatch(before) or max(len(before), len(line)) > LONGEST_WRAPPED:
        return True
    indented = line[0].isspace() and not before[0].isspace()
    return indented and not is_verse and has_ended(before) and not _ITEM.match(before)


def _is_verse(lines: Sequence[str]) -> bool:
    """Return True for lines that were not wrapped: most would have had room for the next word, and begin with a capital."""
    if len(lines) < 4 or any(_ITEM.match(line) for line in lines):
        return False
    shown = [_LINE_NUMBER.sub("", line).strip() for line in lines]
    width = max(map(len, shown))
    roomy = sum(len(before) + 1 + len(after.split(" ")[0]) <= width for before, after in pairwise(shown))
    capitals = sum(line.lstrip("\"'“‘(—-")[:1].isupper() for line in shown)
    return width <= _LONGEST_VERSE and 2 * roomy >= len(lines) - 1 and 4 * capitals >= 3 * len(lines)


def _without_line_numbers(lines: list[str], is_verse: bool) -> list[str]:
    """Leave out the numbers of every fifth or so line of a poem, which stand at a distance. Columns of a table stay."""
    for pattern in (_VERSE_NUMBER if is_verse else _LINE_NUMBER, _FIRST_NUMBER):
        numbers = {place: int(found[1]) for place, line in enumerate(lines) if (found := pattern.search(line))}
        if numbers and _count_lines(numbers, len(lines)):
            lines = [pattern.sub("", line) if place in numbers else line for place, line in enumerate(lines)]
    return lines


def _count_lines(numbers: dict[int, int], num_lines: int) -> bool:
    if len(numbers) > 1:
        steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(numbers.items())]
        return all(places == difference for places, difference in steps)
    return num_lines > 1 and next(iter(numbers.values())) % 5 == 0


def classified(lines: Sequence[str]) -> Passage:
    """Return the passage of the lines of a paragraph, an item of a list or a heading."""
    if len(lines) > 1 and (rule := _RULED.fullmatch(lines[-1])):
        is_heading = len(lines) == 2 and len(lines[0]) <= _LONGEST_HEADING
        return _passage(lines[:-1], "heading", 1 if rule[1] == "=" else 2) if is_heading else _passage(lines[:-1])
    if item := _ITEM.match(lines[0]):
        number = f"{item[1]}: " if item[1] else ""
        return _passage([number + lines[0][item.end() :], *lines[1:]], "item")
    if _is_heading(lines):
        return _passage(lines, "heading", 1 if _PART.match(lines[0]) else 2)
    return _passage(lines)


def _passage(lines: Sequence[str], *kind: object) -> Passage:
    found = passage(without_hyphens(lines), *kind)  # type: ignore[arg-type]
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], found.text) if "_" in found.text or "=" in found.text else found.text
    return found._replace(text=without_double_brackets(text) if "[[" in text else text)


def without_double_brackets(text: str) -> str:
    """Return a text with double brackets only around phones; a number in them is a mark of a note."""

    def inner(match: re.Match[str]) -> str:
        if match[1].strip().isdigit():
            return f"[{match[1].strip()}]"
        if _are_phones(match[1]):
            return match[0]
        return "" if _EMBEDDED.match(match[1]) else match[1].rpartition("|")[2]

    return _DOUBLE.sub(inner, text)


def _are_phones(written: str) -> bool:
    from tts_cli.errors import TextError

    try:
        return any(map(str.isdigit, written)) and bool(parse_phones(written, source="text"))
    except TextError:
        return False


def _is_heading(lines: Sequence[str]) -> bool:
    text = " ".join(lines).strip()
    if len(lines) > 3 or len(text) > _LONGEST_HEADING:
        return False
    shouted = text.isupper() and text[-1] not in "!?,;:\"'”’" and sum(map(str.isalpha, text)) > 2
    return shouted or (_begins_chapter(lines[0]) and text[-1] not in ",;")


def _begins_chapter(line: str) -> bool:
    """Return False for a sentence that begins with the number of a chapter, such as "Part one was dull."."""
    found = _CHAPTER.match(line)
    return found is not None and not (line[found.end() :].lstrip()[:1].islower() and has_ended(line))


def _titled(found: Iterable[tuple[list[str], Passage]], tell: Tell) -> Iterator[Passage]:
    """Mark the title below the number of a chapter as a heading, and leave out tables of contents."""
    awaits_title, contents = False, None
    for lines, one in found:
        if contents:
            if _is_contents(lines):
                tell("table of contents")
                contents = contents._replace(text="", kind="pause")
                continue
            if contents.text:
                yield contents
            contents = None
        if one.kind == "heading" and _CONTENTS.match(one.text):
            contents, awaits_title = one, False
            continue
        if awaits_title and one.kind == "paragraph" and _is_title(lines):
            one = classified_title(lines, one)
        awaits_title = one.kind == "heading" and _UNTITLED.match(one.text) is not None
        yield one
    if contents and contents.text:
        yield contents


def classified_title(lines: Sequence[str], one: Passage) -> Passage:
    """Return the passage `one` as the heading below the number of a chapter."""
    return passage(without_hyphens(lines), "heading", 3)._replace(text=one.text, end=one.end)


def _is_contents(lines: Sequence[str]) -> bool:
    entries = sum(_ENTRY.match(line) is not None for line in lines)
    return (len(lines) > 1 and 5 * entries >= 4 * len(lines)) or all(_LEADER.match(line) for line in lines)


def _is_title(lines: Sequence[str]) -> bool:
    text = " ".join(" ".join(lines).split())
    if len(lines) > 2 or len(text) > _LONGEST_TITLE or text[-1] in ",;:" or (text[-1] == "." and text.count(" ") > 5):
        return False
    words = [word for word in re.findall(r"[A-Za-z][\w'’-]*", text) if word.lower() not in _SMALL_WORDS]
    return len(words) > 0 and all(word[0].isupper() for word in words)
