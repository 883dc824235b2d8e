"""Documents as passages to be read aloud: plain text, Markdown, HTML, EPUB, DOCX and subtitles.

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.reading.docx import Docx
from tts_cli.reading.epub import Epub
from tts_cli.reading.hypertext import Included, Passage, passages_of_html
from tts_cli.reading.left_out import Tell
from tts_cli.reading.markdown import passages_of_markdown
from tts_cli.reading.markup import decoded_markup
from tts_cli.reading.plain import passages_of_text
from tts_cli.reading.subtitles import passages_of_subtitles

LARGEST_BYTES = 1 << 28
"""Largest file of a document."""
_BREAKS = {"\r\n": "\n", "\r": "\n", "\x85": "\n", "\u2028": "\n", "\v": "\n\n", "\u2029": "\n\n"}
_NEW_PAGE = "\n\n\f\n\n"
_DECLARED = re.compile(
    rb"^Character set encoding: *((?:ISO[ -]?(?:8859-1\b|Latin-?1)|Latin-?1|Windows-?1252|CP-?1252|Mac ?Roman)[^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
"""Line of a header of Project Gutenberg that names an encoding other than UTF-8."""
_LONGEST_HEADER = 10_000
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
    left_out: Counter[str] = field(default_factory=Counter, compare=False)
    """Number of parts that were not read, by kind, such as "footnote", since `passages` was called last."""


def open_document(path: Path, *, keep_header: bool = False, notes: bool = False, alt_texts: bool = False) -> Document:
    """Open a document. The suffix of `path` selects its kind (see `document_of`, besides EPUB and DOCX).

    Args:
        path: File of the document.
        keep_header: Read the header and the licence of Project Gutenberg.
        notes: Read footnotes, each after the paragraph with its mark.
        alt_texts: Read the descriptions of pictures and formulas.

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
    suffix = path.suffix.lower()
    if suffix == ".epub":
        book = Epub(path, Included(notes, alt_texts, keep_header))
        return _counted(book.title or path.stem, book.size, sha256(data).hexdigest(), book.passages)
    if suffix in (".docx", ".docm"):
        word = Docx(path)
        return _counted(word.title or path.stem, word.size, sha256(data).hexdigest(), word.passages)
    is_markup = suffix in _HYPERTEXT and b"\0" not in data and b"<" in data
    if is_markup:
        text = checked(decoded_markup(data)[0], str(path))
    elif declared := _DECLARED.search(data, 0, _LONGEST_HEADER):
        text = checked(_as_declared(data, declared[1].decode()), str(path))
    else:
        text = decoded(data, str(path))
    return document_of(text, path.stem, suffix, keep_header=keep_header, notes=notes, alt_texts=alt_texts)


def _as_declared(data: bytes, encoding: str) -> str:
    """Decode a text by the encoding that its header declares; one that is UTF-8 after all is read as that."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Windows-1252 has the characters of Latin-1, and quotation marks besides; five of its bytes are none.
        name = "mac-roman" if "mac" in encoding.lower() else "cp1252"
        return data.decode(name, errors="replace")


def document_of(
    text: str, title: str, suffix: str = ".txt", *, keep_header: bool = False, notes: bool = False, alt_texts: bool = False
) -> Document:
    """Return `text` as a document.

    Args:
        text: Whole text, with line breaks of any kind.
        title: Title of the document.
        suffix: Suffix of a file name that selects Markdown, HTML or subtitles, such as `.md`; any other is plain text.
        keep_header: Read the header and the licence of Project Gutenberg.
        notes: Read footnotes, each after the paragraph with its mark.
        alt_texts: Read the descriptions of pictures and formulas.
    """
    for written, line_break in _BREAKS.items():
        text = text.replace(written, line_break)
    reader = _READERS.get(suffix.lower())
    text = text.replace("\f", "\n\n" if reader else _NEW_PAGE)
    read: Callable[[Tell], Iterator[Passage]]
    if reader is passages_of_markdown:
        read = partial(passages_of_markdown, text, notes=notes, alt_texts=alt_texts)
    elif reader is passages_of_html:
        read = partial(passages_of_html, text, included=Included(notes, alt_texts, keep_header))
    elif reader:
        read = partial(reader, text)
    else:
        read = partial(passages_of_text, text, keep_header=keep_header, notes=notes)
    return _counted(title, len(text), sha256(text.encode()).hexdigest(), read)


def _counted(title: str, size: int, digest: str, read: Callable[[Tell], Iterator[Passage]]) -> Document:
    """Return a document that counts the parts it leaves out."""
    left_out: Counter[str] = Counter()

    def passages() -> Iterator[Passage]:
        left_out.clear()
        return read(lambda kind: left_out.update((kind,)))

    return Document(title, size, digest, passages, left_out)


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


_HYPERTEXT = frozenset((".html", ".htm", ".xhtml", ".xht"))
_READERS: dict[str, Callable[[str, Tell], Iterator[Passage]]] = {
    ".md": passages_of_markdown,
    ".markdown": passages_of_markdown,
    **dict.fromkeys(_HYPERTEXT, passages_of_html),
    ".srt": passages_of_subtitles,
    ".vtt": passages_of_subtitles,
}
