"""EPUB books as passages, by the EPUB 3.3 recommendation of the W3C, and EPUB 2.

An EPUB is a ZIP archive of XHTML files. Its package document lists them in the order of reading. Libraries that read EPUB have
a copyleft licence or are not maintained.
"""

from __future__ import annotations

import lzma
import posixpath
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from tts_cli.errors import InputError
from tts_cli.reading.hypertext import Passage, passages_of_html

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_LARGEST_BYTES = 1 << 26
"""Largest size of one unpacked file: no real chapter is larger, and a ZIP bomb would fill the memory."""
_LARGEST_BOOK = 1 << 29
"""Largest size of all unpacked chapters together."""
_ENCRYPTED = 1
"""Bit of `ZipInfo.flag_bits` for a file that needs a password."""
_UNPACKING = (BadZipFile, OSError, RuntimeError, EOFError, ValueError, IndexError, struct.error, zlib.error, lzma.LZMAError)
"""Errors of `zipfile` for damaged archives; RuntimeError includes NotImplementedError for unknown methods."""


class Epub:
    """EPUB book.

    Attributes:
        title: Title by the package document; may be empty.
        size: Size of all chapters in bytes; `Passage.end` counts the same bytes.
    """

    def __init__(self, path: Path) -> None:
        """Read the table of contents. Raises InputError for a damaged book, or one protected by DRM."""
        self._path = path
        try:
            with ZipFile(path) as archive:
                self.title, self._chapters = self._contents(archive)
        except _UNPACKING as error:
            raise self._damaged("it is no ZIP archive") from error
        if not self._chapters:
            raise self._damaged("it lists nothing to read")
        self.size = sum(self._chapters.values())
        if self.size > _LARGEST_BOOK:
            reason = f"{self.size >> 20} MB of text are more than {_LARGEST_BOOK >> 20} MB"
            raise InputError(f"{path}: is too large: {reason}", hint="split it into several books")

    def passages(self) -> Iterator[Passage]:
        """Yield the passages of all chapters, with one chapter in memory at a time. Raises InputError for a damaged chapter."""
        before = 0
        with ZipFile(self._path) as archive:
            for name, num_bytes in self._chapters.items():
                markup = self._text(archive, name)
                for found in passages_of_html(markup):
                    yield found._replace(end=before + num_bytes * found.end // max(len(markup), 1))
                before += num_bytes

    def _contents(self, archive: ZipFile) -> tuple[str, dict[str, int]]:
        """Return the title, and the size in bytes of each chapter by its name in the archive, in the order of reading."""
        rootfile = self._tree(archive, _CONTAINER).find(".//{*}rootfile")
        package = unquote(rootfile.get("full-path", "")) if rootfile is not None else ""
        tree = self._tree(archive, package)
        files = {item.get("id"): item.get("href", "") for item in tree.iterfind(".//{*}manifest/{*}item")}
        spine = [item.get("idref") for item in tree.iterfind(".//{*}spine/{*}itemref") if item.get("linear") != "no"]
        names = [posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(files.get(one, "")))) for one in spine]
        self._refuse_protected(archive, names)
        try:
            chapters = {name: archive.getinfo(name).file_size for name in names}
        except KeyError as error:
            raise self._damaged(f"it lacks {error.args[0]}") from error
        title = tree.find(".//{*}metadata/{*}title")
        return " ".join((title.text or "").split()) if title is not None else "", chapters

    def _refuse_protected(self, archive: ZipFile, names: list[str]) -> None:
        """Raise InputError for encrypted chapters. Encrypted fonts are common and do no harm."""
        if _ENCRYPTION not in archive.namelist():
            return
        hidden = {unquote(one.get("URI", "")) for one in self._tree(archive, _ENCRYPTION).iterfind(".//{*}CipherReference")}
        if not hidden.isdisjoint(names):
            raise InputError(f"{self._path}: is protected by DRM and cannot be read", hint="use a copy without DRM")

    def _tree(self, archive: ZipFile, name: str) -> ElementTree.Element:
        try:
            # Expat limits the growth of entities and opens no external ones.
            return ElementTree.fromstring(self._bytes(archive, name))  # noqa: S314
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise self._damaged(f"{name}: {error}") from error

    def _text(self, archive: ZipFile, name: str) -> str:
        data = self._bytes(archive, name)
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise self._damaged(f"{name} is no {encoding[:6].upper().rstrip('-')} text") from error

    def _bytes(self, archive: ZipFile, name: str) -> bytes:
        try:
            info = archive.getinfo(name)
            if info.file_size > _LARGEST_BYTES:
                reason = f"{name} has {info.file_size >> 20} MB, more than {_LARGEST_BYTES >> 20} MB"
                raise InputError(f"{self._path}: is too large: {reason}", hint="split the chapter into several")
            if info.flag_bits & _ENCRYPTED:
                raise InputError(f"{self._path}: {name} is encrypted", hint="use a copy without a password")
            return archive.read(name)
        except KeyError as error:
            raise self._damaged(f"it lacks {name or 'a package document'}") from error
        except _UNPACKING as error:
            raise self._damaged(f"{name} cannot be unpacked") from error

    def _damaged(self, reason: str) -> InputError:
        return InputError(f"{self._path}: cannot be read as an EPUB: {reason}", hint="ebook-convert book.epub book.txt may help")
