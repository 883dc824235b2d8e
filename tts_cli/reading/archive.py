"""ZIP archives of books: files found in spite of wrong case, backslashes and fragments in their addresses."""

from __future__ import annotations

import lzma
import posixpath
import struct
import unicodedata
import zlib
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile, ZipInfo

from tts_cli.errors import InputError
from tts_cli.reading.markup import decoded_markup

LARGEST_BYTES = 1 << 26
"""Largest size of one unpacked file: no real chapter is larger, and a ZIP bomb would fill the memory."""
_ENCRYPTED = 1
"""Bit of `ZipInfo.flag_bits` for a file that needs a password."""
_UTF8_NAME = 0x800
"""Bit of `ZipInfo.flag_bits` for a name in UTF-8; other names are in code page 437, or in UTF-8 by mistake."""
_NO_TEXTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"%PDF", b"OggS", b"ID3")
"""First bytes of pictures and other files that are no texts."""
_UNPACKING = (BadZipFile, OSError, RuntimeError, EOFError, ValueError, IndexError, struct.error, zlib.error, lzma.LZMAError)
"""Errors of `zipfile` for damaged archives; RuntimeError includes NotImplementedError for unknown methods."""


class Archive:
    """Open ZIP archive of a book.

    Attributes:
        names: Names of all files.
    """

    def __init__(self, path: Path) -> None:
        """Open an archive. Raises InputError if the file is none."""
        self._path = path
        try:
            self._archive = ZipFile(path)
        except _UNPACKING as error:
            raise self.damaged("it is no ZIP archive") from error
        self._files: dict[str, ZipInfo] = {one.filename: one for one in self._archive.infolist() if not one.is_dir()}
        self.names = list(self._files)
        self._by_path: dict[str, str] = {}
        self._by_file_name: dict[str, list[str]] = {}
        for name, info in self._files.items():
            for written in {name, _repaired(info)}:
                path_of_name = _comparable(written)
                self._by_path.setdefault(path_of_name, name)
                self._by_file_name.setdefault(posixpath.basename(path_of_name), []).append(name)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()

    def find(self, base: str, address: str) -> str | None:
        """Return the name of the file at an address; None if there is none.

        Args:
            base: Name of the file that holds the address, to which it is relative.
            address: Address, with or without a fragment, percent signs, backslashes, or a slash at its start.
        """
        folder = posixpath.dirname(base.replace("\\", "/"))
        bare = address.strip().partition("#")[0]
        for written in (unquote(bare), bare, unquote(bare.partition("?")[0])):
            for path in (posixpath.join(folder, written.replace("\\", "/")), written):
                if written and path in self._files:
                    return path
                if written and (name := self._by_path.get(_comparable(path))):
                    return name
        alike = set(self._by_file_name.get(posixpath.basename(_comparable(unquote(bare))), ())) if bare else set()
        return alike.pop() if len(alike) == 1 else None

    def size(self, name: str) -> int:
        """Return the size of an unpacked file in bytes."""
        return self._files[name].file_size

    def text(self, name: str) -> tuple[str, str]:
        """Return the text of a file and a warning about its encoding, as `decoded_markup` does.

        Raises:
            InputError: The file is missing, encrypted, damaged, too large, or no text.
        """
        data = self._bytes(name)
        is_utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:4] in (b"<\0?\0", b"\0<\0?")
        if (b"\0" in data and not is_utf16) or data.startswith(_NO_TEXTS):
            raise self.damaged(f"{name} is no text")
        return decoded_markup(data)

    def _bytes(self, name: str) -> bytes:
        info = self._files.get(name)
        if info is None:
            raise self.damaged(f"it lacks {name or 'a package document'}")
        if info.file_size > LARGEST_BYTES:
            reason = f"{name} has {info.file_size >> 20} MB, more than {LARGEST_BYTES >> 20} MB"
            raise InputError(f"{self._path}: is too large: {reason}", hint="split the chapter into several")
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{self._path}: {name} is encrypted", hint="use a copy without a password")
        try:
            return self._archive.read(info)
        except _UNPACKING as error:
            raise self.damaged(f"{name} cannot be unpacked") from error

    def damaged(self, reason: str) -> InputError:
        """Return the error for a book that cannot be read."""
        return InputError(f"{self._path}: cannot be read as an EPUB: {reason}", hint="ebook-convert book.epub book.txt may help")


def _repaired(info: ZipInfo) -> str:
    """Return the name of a file, read as UTF-8 if its archive does not say so."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _comparable(path: str) -> str:
    """Return a path in one form: small letters, slashes, no parts such as "..", composed accents."""
    normal = posixpath.normpath(path.replace("\\", "/")).lstrip("/")
    while normal.startswith("../"):
        normal = normal[3:]
    return unicodedata.normalize("NFC", normal).casefold()
