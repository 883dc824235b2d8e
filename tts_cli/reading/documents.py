"""Documents as passages to be read aloud, one after the other: plain text, Markdown, HTML and EPUB.

    document = open_document(Path("book.epub"))
    for passage in document.passages():
        read(passage.text)

Of a document its text is held, of an EPUB one chapter's at a time; nothing is parsed before it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.reading.epub import Epub
from tts_cli.reading.hypertext import Passage, passage, passages_of_html

LONGEST_WRAPPED = 120
"""Characters of the longest lines that may have been broken only because there was no more room."""

_BREAKS = {"\r\n": "\n", "\r": "\n", "\x85": "\n", "\u2028": "\n", "\f": "\n\n", "\v": "\n\n", "\u2029": "\n\n"}
_ITEM = re.compile(r"\s*(?:[-*•·‣+–]|(\d{1,3})[.)])\s+(?=\S)")
_QUOTED = re.compile(r"\s*>+ ?")
_RULED = re.compile(r"\s*(=|-|~|\*|_){3,}\s*")
_SENTENCE_END = re.compile(r"[.?!:…][\"'”’)\]]*\s*$")
_PARTS = "part|book|volume|act"
CHAPTERS = f"{_PARTS}|chapter|canto|scene|section|letter|lesson|appendix|stave"
"""What is numbered, as a regular expression."""
_NUMBERS = (
    "[ivxlc]+|\\d+|the \\w+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    "|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif)ty(?:-\\w+)?|first|second|third|last"
)
_CHAPTER = re.compile(
    rf"\s*(?:(?:{CHAPTERS}) (?:{_NUMBERS})\b|(?:[ivxlc]+|\d+)\.?$"
    r"|(?:prologue|epilogue|preface|foreword|introduction|contents|afterword|conclusion|dedication)\b[.:]?$)",
    re.IGNORECASE,
)
_PART = re.compile(rf"\s*(?:{_PARTS})\b", re.IGNORECASE)
_LONGEST_HEADING = 100
_FRONT_MATTER = re.compile(r"\A---\n(?:.*\n)*?(?:---|\.\.\.)\n")
_NOTE = re.compile(r"(\S)\[\^[^\]\s]+\](?!:)|^\[\^[^\]\s]+\]: *", re.MULTILINE)
_REFERENCE = re.compile(r"^ {0,3}\[[^\]\n^]+\]:[ \t]*\S.*", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PROSE = re.compile(r"[^\W\d_]")
_PORTION = 2000
_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_KINDS = {
    b"%PDF": ("a PDF", "pdftotext FILE book.txt"),
    b"PK\x03\x04": ("an archive or office document", "pandoc FILE -o book.md, or for e-books ebook-convert FILE book.epub"),
    b"\xd0\xcf\x11\xe0": ("an office document", "save it as text, or as .docx and: pandoc FILE -o book.md"),
    b"{\\rtf": ("a rich text", "pandoc FILE -o book.md"),
    b"\x89PNG": ("a picture", None),
    b"\xff\xd8\xff": ("a picture", None),
    b"GIF8": ("a picture", None),
    b"RIFF": ("audio or video", None),
    b"\x1f\x8b": ("compressed", "gunzip FILE"),
}
"""By their first bytes: what is no text, and the command that makes one of it."""


@dataclass(frozen=True)
class Document:
    """What is to be read aloud."""

    title: str
    size: int
    """In the measure of its passages' `end`."""
    digest: str
    """SHA-256 of all of it."""
    passages: Callable[[], Iterator[Passage]]
    """Them all from the beginning, each as it is asked for. Raises InputError for a damaged one."""


def open_document(path: Path) -> Document:
    """The document at `path`: Markdown, HTML and EPUB by their names, anything else as plain text.

    Raises InputError for what is not there or no text, naming the remedy.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if path.suffix.lower() == ".epub":
        book = Epub(path)
        return Document(book.title or path.stem, book.size, sha256(data).hexdigest(), book.passages)
    return document_of(decoded(data, str(path)), path.stem, path.suffix)


def document_of(text: str, title: str, suffix: str = ".txt") -> Document:
    """The text as a document; `suffix` says of what kind, as that of a file's name does."""
    for written, line_break in _BREAKS.items():
        text = text.replace(written, line_break)
    read = _READERS.get(suffix.lower(), passages_of_text)
    return Document(title, len(text), sha256(text.encode()).hexdigest(), partial(read, text))


def decoded(data: bytes, source: str) -> str:
    """A text out of its bytes. Raises InputError, naming `source`, for what is no UTF-8 text."""
    if source.lower().endswith(".epub"):
        raise InputError(f"{source}: is an EPUB, not a text", hint="--long-form reads it")
    for first, (kind, remedy) in _KINDS.items():
        if data.startswith(first):
            raise InputError(f"{source}: is {kind}, not a text", hint=remedy and remedy.replace("FILE", source))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = f"iconv -f {_ENCODINGS.get(data[:2], 'LATIN1')} -t UTF-8 converts it"
        raise InputError(f"{source}: not UTF-8 text: byte {error.start} is {data[error.start]:#04x}", hint) from error
    return checked(text, source)


def checked(text: str, source: str) -> str:
    """The text. Raises InputError, naming `source`, for one that holds what no text does."""
    if "\0" in text:
        raise InputError(f"{source}: holds a NUL byte, so it is not a text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{source}: not UTF-8 text") from error
    return text


def passages_of_text(text: str) -> Iterator[Passage]:
    """The passages of a plain text whose lines end in newlines.

    Blank lines separate them, and so do newlines beside a line longer than LONGEST_WRAPPED; other lines are joined. Items of
    lists stand for themselves. Headings are underlined, in capitals, or what chapters are called and numbered.
    """
    for lines, end in _paragraphs(text):
        yield _classified(lines)._replace(end=end)


def _lines(text: str, start: int = 0) -> Iterator[tuple[str, int]]:
    """Each line from `start` on, and where it ends."""
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end], end
        start = end + 1


def _paragraphs(text: str) -> Iterator[tuple[list[str], int]]:
    """The lines of each, and where they end."""
    lines: list[str] = []
    last = 0
    for line, end in _lines(text):
        if lines and _are_apart(lines[-1], line):
            yield lines, last
            lines = []
        if line.strip():
            quote = _QUOTED.match(line)
            lines.append(line[quote.end() :] if quote else line)
        last = end
    if lines:
        yield lines, last


def _are_apart(before: str, line: str) -> bool:
    if not line.strip() or _ITEM.match(line) or _RULED.fullmatch(before) or max(len(before), len(line)) > LONGEST_WRAPPED:
        return True
    indented = line[0].isspace() and not before[0].isspace()
    return indented and bool(_SENTENCE_END.search(before)) and not _ITEM.match(before)


def _classified(lines: list[str]) -> Passage:
    if len(lines) > 1 and (rule := _RULED.fullmatch(lines[-1])):
        is_heading = len(lines) == 2 and len(lines[0]) <= _LONGEST_HEADING
        return passage(lines[:-1], "heading", 1 if rule[1] == "=" else 2) if is_heading else passage(lines[:-1])
    if item := _ITEM.match(lines[0]):
        number = f"{item[1]}: " if item[1] else ""
        return passage([number + lines[0][item.end() :], *lines[1:]], "item")
    if _is_heading(lines):
        return passage(lines, "heading", 1 if _PART.match(lines[0]) else 2)
    return passage(lines)


def _is_heading(lines: Sequence[str]) -> bool:
    text = " ".join(lines).strip()
    if len(lines) > 3 or len(text) > _LONGEST_HEADING:
        return False
    shouted = text.isupper() and text[-1] not in "!?,;:\"'”’" and sum(map(str.isalpha, text)) > 2
    return shouted or (bool(_CHAPTER.match(lines[0])) and text[-1] not in ",;")


def passages_of_markdown(text: str) -> Iterator[Passage]:
    """The passages of a Markdown text, of CommonMark with tables; a portion of it is parsed when it is asked for."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    references: dict[str, object] = {}
    markdown.parse("\n\n".join(_REFERENCE.findall(text)), references)
    start = found.end() if (found := _FRONT_MATTER.match(text)) else 0
    for end in _portions(text, start):
        markup = markdown.render(_NOTE.sub(r"\1", text[start:end]), references)
        for one in passages_of_html(markup):
            yield one._replace(end=start + (end - start) * one.end // max(len(markup), 1))
        start = end


def _portions(text: str, start: int) -> Iterator[int]:
    """Ends of portions that can be parsed by themselves: at headings, and elsewhere between paragraphs, outside of code."""
    begun, before, fence = start, "x", ""
    for line, end in _lines(text, start):
        here = end - len(line)
        whole = not fence and not before.strip()
        if whole and (line.startswith("#") or (here - begun > _PORTION and _PROSE.match(line))):
            yield here
            begun = here
        if marks := _FENCE.match(line):
            fence = "" if fence and marks[1].startswith(fence) else fence or marks[1]
        before = line
    yield len(text)


_READERS: dict[str, Callable[[str], Iterator[Passage]]] = {
    ".md": passages_of_markdown,
    ".markdown": passages_of_markdown,
    ".html": passages_of_html,
    ".htm": passages_of_html,
    ".xhtml": passages_of_html,
}
