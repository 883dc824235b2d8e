"""Documents as passages to be read aloud: plain text, Markdown, HTML and EPUB.

Parsing is lazy. Memory holds the text of one document, or of one EPUB chapter, at a time.

Examples:
    >>> from tts_cli.reading.documents import document_of
    >>> document = document_of("# The harbour\\n\\nThe boats came home.", "Story", ".md")
    >>> [passage.text for passage in document.passages()]
    ['The harbour', 'The boats came home.']
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.reading.epub import Epub
from tts_cli.reading.hypertext import Included, Passage, passage, passages_of_html
from tts_cli.reading.markup import decoded_markup

LONGEST_WRAPPED = 120
"""Longest line, in characters, that counts as wrapped; a newline beside a longer line ends a paragraph."""

LARGEST_BYTES = 1 << 28
"""Largest file of a document."""
_BREAKS = {"\r\n": "\n", "\r": "\n", "\x85": "\n", "\u2028": "\n", "\f": "\n\n", "\v": "\n\n", "\u2029": "\n\n"}
_ITEM = re.compile(r"\s*(?:[-*•·‣+–]|(\d{1,3})[.)])\s+(?=\S)")
_QUOTED = re.compile(r"\s*>+ ?")
_RULED = re.compile(r"\s*(=|-|~|\*|_){3,}\s*")
_SENTENCE_END = re.compile(r"[.?!:…][\"'”’)\]]*\s*$")
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
"""Kinds of files that are no text, by their first bytes, with the command that converts each to text."""


@dataclass(frozen=True)
class Document:
    """Document to be read aloud."""

    title: str
    size: int
    """Length in characters; of an EPUB in bytes. `Passage.end` counts the same unit."""
    digest: str
    """SHA-256 of the whole document."""
    passages: Callable[[], Iterator[Passage]]
    """Function that yields all passages in order, each parsed when it is asked for. Raises InputError for a damaged file."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Numbers of the parts that were left out up to now, by kind."""


def open_document(path: Path, included: Included | None = None) -> Document:
    """Open a document.

    Args:
        path: File whose suffix selects Markdown, HTML or EPUB; any other file is plain text.
        included: Parts that are read besides the text.

    Raises:
        InputError: The file is missing, damaged, protected, or no text; the hint names the remedy.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", hint="check the name and its permissions") from error
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{path}: is larger than {LARGEST_BYTES >> 20} MB", hint="split it into several documents")
    if path.suffix.lower() == ".epub":
        left_out: Counter[str] = Counter()
        book = Epub(path, included, lambda kind: left_out.update([kind]))
        return Document(book.title or path.stem, book.size, sha256(data).hexdigest(), book.passages, left_out)
    if path.suffix.lower() in _HYPERTEXT and b"\0" not in data.partition(b"<")[0]:
        return document_of(checked(decoded_markup(data)[0], str(path)), path.stem, path.suffix, included)
    return document_of(decoded(data, str(path)), path.stem, path.suffix, included)


def document_of(text: str, title: str, suffix: str = ".txt", included: Included | None = None) -> Document:
    """Return `text` as a document.

    Args:
        text: Whole text, with line breaks of any kind.
        title: Title of the document.
        suffix: Suffix of a file name that selects Markdown or HTML, such as `.md`; any other is plain text.
        included: Parts that are read besides the text.
    """
    left_out: Counter[str] = Counter()
    for written, line_break in _BREAKS.items():
        text = text.replace(written, line_break)
    if suffix.lower() in _HYPERTEXT:
        read = partial(passages_of_html, text, lambda kind: left_out.update([kind]), included)
    else:
        read = partial(_READERS.get(suffix.lower(), passages_of_text), text)
    return Document(title, len(text), sha256(text.encode()).hexdigest(), read, left_out)


def decoded(data: bytes, source: str) -> str:
    """Decode a text in UTF-8. Raises InputError for data that is no UTF-8 text; `source` names it in the message."""
    if source.lower().endswith(".epub"):
        raise InputError(f"{source}: is an EPUB, not a text", hint=f"tts read {source} reads it aloud")
    for first, (kind, remedy) in _KINDS.items():
        if data.startswith(first):
            raise InputError(f"{source}: is {kind}, not a text", hint=remedy and remedy.replace("FILE", source))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = f"convert it: iconv -f {_ENCODINGS.get(data[:2], 'LATIN1')} -t UTF-8 {source}"
        raise InputError(f"{source}: not UTF-8 text: byte {error.start} is {data[error.start]:#04x}", hint) from error
    return checked(text, source)


def checked(text: str, source: str) -> str:
    """Return `text`. Raises InputError if it holds a NUL byte or cannot be UTF-8; `source` names it in the message."""
    if "\0" in text:
        raise InputError(f"{source}: holds a NUL byte, so it is not a text", hint="convert it to UTF-8 text first")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{source}: not UTF-8 text", hint="convert it to UTF-8 text first") from error
    return text


def passages_of_text(text: str) -> Iterator[Passage]:
    """Yield the passages of a plain text with newlines as line breaks.

    A blank line ends a passage, and so does a newline beside a line longer than LONGEST_WRAPPED; other lines are joined. Each
    item of a list is a passage. A heading is underlined, or in capitals, or has the name or number of a chapter.
    """
    for lines, end in _paragraphs(text):
        yield _classified(lines)._replace(end=end)


def _lines(text: str, start: int = 0) -> Iterator[tuple[str, int]]:
    """Yield each line from the character `start` on, without its line break, with the index of its end in `text`."""
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end], end
        start = end + 1


def _paragraphs(text: str) -> Iterator[tuple[list[str], int]]:
    """Yield the lines of each paragraph, with the index of its end."""
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
    """Yield the passages of a Markdown text: CommonMark with tables and strikethrough. Portions are parsed when asked for."""
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
    """Yield the ends of portions that can be parsed separately: at headings, and between paragraphs outside of code."""
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
}
_HYPERTEXT = frozenset((".html", ".htm", ".xhtml", ".xht"))
