"""EPUB books as passages, by the EPUB 3.3 recommendation of the W3C, and EPUB 2.

An EPUB is a ZIP archive of XHTML files. Its package document lists them in the order of reading. Libraries that read EPUB have
a copyleft licence or are not maintained. A book is read as far as it goes: a chapter that is missing or damaged is left out and
told, and only a book without any text is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.reading.archive import Archive
from tts_cli.reading.block import HtmlSource
from tts_cli.reading.hypertext import GUTENBERG, Passage, passages_of_chapter
from tts_cli.reading.left_out import Tell, ignore
from tts_cli.reading.markup import Markup, Tag
from tts_cli.reading.notes import Notes
from tts_cli.reading.unheard import Included

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_RIGHTS = {"META-INF/rights.xml": "Adobe", "META-INF/sinf.xml": "Apple", "META-INF/license.lcpl": "Readium LCP"}
"""Files of systems of digital rights management."""
_PROTECTED = ("META-INF/sinf.xml", "META-INF/license.lcpl")
_LARGEST_BOOK = 1 << 29
"""Largest size of all unpacked chapters together."""
_TEXTS = re.compile(r"\.(?:x?html?|htm|xht|xml|txt)$", re.IGNORECASE)
_NO_TEXTS = re.compile(
    r"(?:image|audio|video|font|text/css|application/(?:x-font|vnd\.ms-opentype|font|x-dtbncx|smil|javascript|pdf))"
)
_NO_TEXT_NAMES = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|bmp|tiff?|css|ncx|opf|smil|js|ttf|otf|woff2?|mp[34]|m4[ab]|ogg|opus|pdf|xpgt|pls)$",
    re.IGNORECASE,
)
_STYLE_LINK = re.compile(r"<link\b[^<>]*>", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_MOST_FALLBACKS = 8


class _Package:
    """Package document: title, files by their identifiers, and the order of reading."""

    def __init__(self, markup: str) -> None:
        self.title = ""
        self.files: dict[str, dict[str, str]] = {}
        self.spine: list[str] = []
        self.secondary: list[str] = []
        in_title = False
        for piece in Markup(markup, is_xml=True):
            if isinstance(piece, str):
                self.title += piece if in_title else ""
                continue
            name = piece.name.rpartition(":")[2]
            if piece.opens:
                self._add(name, piece)
            if name == "title" and not self.files:
                in_title = piece.opens and not piece.closes and not self.title
        self.title = " ".join(self.title.split())

    def _add(self, name: str, tag: Tag) -> None:
        values = tag.attributes
        if name == "item":
            self.files.setdefault(values.get("id", ""), values)
        elif name == "itemref":
            is_secondary = values.get("linear", "").strip().lower() == "no"
            (self.secondary if is_secondary else self.spine).append(values.get("idref", ""))

    def address(self, identifier: str) -> str | None:
        """Return the address of a file in the order of reading, or of its fallback if it is no text.

        Returns:
            An empty text for a picture without a fallback; None for an identifier that no file has.
        """
        for _ in range(_MOST_FALLBACKS):
            values = self.files.get(identifier)
            if values is None:
                return None
            address = values.get("href", "")
            path = address.partition("#")[0]
            if _TEXTS.search(path) or not (_NO_TEXTS.match(values.get("media-type", "")) or _NO_TEXT_NAMES.search(path)):
                return address
            identifier = values.get("fallback", "")
            if not identifier:
                return ""
        return ""


class Epub:
    """EPUB book.

    Attributes:
        title: Title by the package document; may be empty.
        size: Size of all chapters in bytes; `Passage.end` counts the same bytes.
    """

    def __init__(self, path: Path, included: Included | None = None) -> None:
        """Read the table of contents.

        Args:
            path: EPUB file.
            included: Parts that are read besides the text.

        Raises:
            InputError: The file is no archive, is protected, is too large, or lists no text.
        """
        self._path, self._included = path, included or Included()
        self._missing: list[str] = []
        with Archive(path) as archive:
            package_name, package = self._package(archive)
            self.title = package.title
            self._chapters = self._listed(archive, package_name, package)
            self._refuse_protected(archive)
        if not self._chapters:
            raise archive.damaged(
                f"it holds no text (left out: {self._missing[0]})" if self._missing else "it lists nothing to read"
            )
        self.size = sum(self._chapters.values())
        if self.size > _LARGEST_BOOK:
            reason = f"{self.size >> 20} MB of text are more than {_LARGEST_BOOK >> 20} MB"
            raise InputError(f"{path}: is too large: {reason}", hint="split it into several books")

    def passages(self, tell: Tell = ignore) -> Iterator[Passage]:
        """Yield the passages of all chapters, with one chapter in memory at a time.

        Args:
            tell: Receives the kind of each part that is left out.

        Raises:
            InputError: No chapter can be read.
        """
        for reason in self._missing:
            tell(reason)
        before, failed, is_read = 0, None, False
        with Archive(self._path) as archive:
            notes = Notes(lambda name: _text_or_none(archive, name))
            styles: dict[str, str] = {}
            for name, num_bytes in self._chapters.items():
                try:
                    markup, warning = archive.text(name)
                except InputError as error:
                    failed = failed or error
                    tell(f"{name}, which cannot be read ({error.message.rpartition(': ')[2]})")
                    before += num_bytes
                    continue
                if warning:
                    tell(f"characters of {name}, which {warning}")
                is_read = True
                style = self._styles(archive, name, markup, styles)
                chapter = HtmlSource(markup, name, True, self._included, style, notes, tell)
                for found in passages_of_chapter(chapter):
                    yield found._replace(end=before + num_bytes * found.end // max(len(markup), 1))
                before += num_bytes
                if not self._included.keep_header and _ends(markup):
                    break
        if failed and not is_read:
            raise failed

    def _package(self, archive: Archive) -> tuple[str, _Package]:
        """Return the package document with its name; an empty one if there is none or nothing can be read of it."""
        try:
            container = archive.text(archive.find("", _CONTAINER) or _CONTAINER)[0]
        except InputError:
            container = ""
        addresses = (one.attributes.get("full-path", "") for one in Markup(container, True) if isinstance(one, Tag))
        listed = [name for address in addresses if address and (name := archive.find("", address))]
        for name in [*listed, *(one for one in archive.names if one.lower().endswith(".opf"))]:
            try:
                package = _Package(archive.text(name)[0])
            except InputError:
                continue
            if package.files:
                return name, package
        self._missing.append(
            "the list of the chapters, which is missing or damaged; all texts are read in the order of their names"
        )
        return "", _Package("")

    def _listed(self, archive: Archive, package_name: str, package: _Package) -> dict[str, int]:
        """Return the size in bytes of each chapter by its name in the archive, in the order of reading."""
        chapters: dict[str, int] = {}
        for identifier in package.spine or package.secondary:
            address = package.address(identifier)
            name = archive.find(package_name, address) if address else None
            if name:
                chapters.setdefault(name, archive.size(name))
            elif address is None:
                self._missing.append(f"item {identifier or '(nameless)'} of the order of reading, which the book does not list")
            elif address:
                self._missing.append(f"{address}, which the book lacks")
            else:
                self._missing.append("picture or other file without text in the order of reading")
        if not package.spine and not chapters:
            texts = [name for name in archive.names if _TEXTS.search(name) and not name.lower().endswith((".xml", ".txt"))]
            chapters = {name: archive.size(name) for name in sorted(texts) if "nav." not in name.lower()}
        return chapters

    def _refuse_protected(self, archive: Archive) -> None:
        """Raise InputError for encrypted chapters. Encrypted fonts are common and do no harm."""
        systems = [_RIGHTS[name] for name in archive.names if name in _RIGHTS]
        hidden: set[str | None] = set()
        if _ENCRYPTION in archive.names:
            tags = (one for one in Markup(archive.text(_ENCRYPTION)[0], True) if isinstance(one, Tag))
            hidden = {archive.find("", one.attributes.get("uri", "")) for one in tags if one.name.endswith("cipherreference")}
        if not hidden.isdisjoint(self._chapters) or any(name in _PROTECTED for name in archive.names):
            system = f" ({systems[0]})" if systems else ""
            hint = "use a copy without DRM, or the reading app of the shop"
            raise InputError(f"{self._path}: is protected by DRM{system} and cannot be read", hint)

    def _styles(self, archive: Archive, name: str, markup: str, known: dict[str, str]) -> str:
        """Return the rules of the style sheets of a chapter, each unpacked once."""
        found = []
        for link in _STYLE_LINK.findall(markup[: markup.find("</head") + 1]):
            address = _HREF.search(link)
            sheet = archive.find(name, address[1]) if address and "stylesheet" in link.lower() else None
            if sheet:
                if sheet not in known:
                    known[sheet] = _text_or_none(archive, sheet) or ""
                found.append(known[sheet])
        return "\n".join(found)


def _text_or_none(archive: Archive, name: str) -> str | None:
    try:
        return archive.text(name)[0]
    except InputError:
        return None


def _ends(markup: str) -> bool:
    return any(found[1].upper() == "END" for found in GUTENBERG.finditer(markup))
