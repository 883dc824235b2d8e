"""Copies of addons from a folder or a zip file: the files that addon.json names and no others, within stated sizes."""

from __future__ import annotations

import os
import stat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from tts_cli.addon.config import ADDON_FILE, AddonConfig, read_addon_config
from tts_cli.errors import AddonError

LARGEST_ADDON = 2_000_000_000
"""Bytes of all files of an addon together. A larger one is not installed."""
LARGEST_ADDON_FILE = 16_000_000
"""Bytes of addon.json."""
MOST_FILES = 10_000
"""Files in the folder or zip file of an addon."""
DOCUMENTS = ("MODEL_CARD.md", "LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")
"""Patterns of further files in the addon's folder that are copied, although addon.json does not name them."""
_PIECE = 1 << 20


def copy_addon(source: Path, copy: Path) -> AddonConfig:
    """Copy the addon in `source` to the new folder `copy`, and return its configuration. The SHA-256 of files is not checked.

    Args:
        source: Folder of the addon, or zip file that holds the addon or one folder with it.
        copy: Folder to make. Only addon.json, the files that it names and `DOCUMENTS` are copied.

    Raises:
        AddonError: `source` is no addon, cannot be read, exceeds a limit, or holds a link, a device or a path that leads outside.
        OSError: `copy` cannot be written.
    """
    with _opened(source) as files:
        if ADDON_FILE not in files.sizes:
            raise AddonError(
                f"{source}: not an addon: it holds no {ADDON_FILE}", hint=f"give a folder that holds {ADDON_FILE}, or its zip"
            )
        copy.mkdir()
        _copy_file(files, ADDON_FILE, copy, LARGEST_ADDON_FILE)
        config = read_addon_config(copy)
        chosen = {file for file in config.file_hashes() if file in files.sizes} | set(filter(_is_document, files.sizes))
        files.refuse_size("the addon", sum(files.sizes[file] for file in chosen), LARGEST_ADDON)
        for file in sorted(chosen - {ADDON_FILE}):
            _copy_file(files, file, copy, files.sizes[file])
    return config


def _is_document(file: str) -> bool:
    return "/" not in file and any(fnmatchcase(file, pattern) for pattern in DOCUMENTS)


def _copy_file(files: _Files, file: str, into: Path, most: int) -> None:
    target = into / file
    target.parent.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    with target.open("wb") as copy:
        for piece in files.pieces(file):
            num_bytes += len(piece)
            files.refuse_size(file, num_bytes, most)
            copy.write(piece)


@contextmanager
def _opened(source: Path) -> Iterator[_Files]:
    """Open a folder or a zip file. Raises AddonError if it is neither, or unsafe."""
    if source.is_dir():
        yield _Folder(source)
        return
    with _reading(source):
        is_zip = stat.S_ISREG(source.stat().st_mode) and zipfile.is_zipfile(source)
    if not is_zip:
        raise AddonError(f"{source}: neither a folder nor a zip file", hint=f"give a folder that holds {ADDON_FILE}, or its zip")
    with _reading(source):
        archive = zipfile.ZipFile(source)
    with archive:
        yield _Zip(source, archive)


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Turn each error of the block into an AddonError: decoders of zip files raise errors of many types."""
    try:
        yield
    except AddonError:
        raise
    except Exception as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        hint = "give the addon's folder, or a zip file that is whole, not encrypted, and stored or deflated"
        raise AddonError(f"{source}: cannot be read: {reason}", hint) from error


class _Files(ABC):
    """Files of an addon."""

    source: Path
    """Folder or zip file, for messages."""
    sizes: Mapping[str, int]
    """Bytes of each file, by path relative to the addon's folder, with `/`."""

    @abstractmethod
    def open(self, file: str) -> IO[bytes]:
        """Open a file for reading."""

    def pieces(self, file: str) -> Iterator[bytes]:
        """Yield the content of a file. Raises AddonError if it cannot be read."""
        with _reading(self.source / file), self.open(file) as content:
            while piece := content.read(_PIECE):
                yield piece

    def refuse_size(self, name: str, num_bytes: int, most: int) -> None:
        """Raise AddonError for more than `most` bytes."""
        if num_bytes > most:
            raise AddonError(
                f"{self.source}: refused: {name} has {num_bytes:,} bytes or more; at most {most:,} are taken",
                hint="give the addon's folder alone, without other files",
            )

    def refuse_number(self, number: int) -> None:
        """Raise AddonError for more than `MOST_FILES` files."""
        if number > MOST_FILES:
            raise AddonError(
                f"{self.source}: refused: it holds more than {MOST_FILES:,} files", hint="give the addon's folder alone"
            )


class _Folder(_Files):
    """Folder of an addon. Raises AddonError for links, devices, and too many files."""

    def __init__(self, source: Path) -> None:
        self.source, sizes = source, dict[str, int]()
        with _reading(source):
            for folder, folders, names in os.walk(source, onerror=_raise):
                for name in [*folders, *names]:
                    path = Path(folder, name)
                    facts = path.lstat()
                    if stat.S_ISREG(facts.st_mode):
                        sizes[path.relative_to(source).as_posix()] = facts.st_size
                    elif not stat.S_ISDIR(facts.st_mode):
                        raise AddonError(f"{path}: refused: a link or a device, not a file", hint="put the file itself there")
                self.refuse_number(len(sizes))
        self.sizes = sizes

    def open(self, file: str) -> IO[bytes]:
        return (self.source / file).open("rb")


def _raise(error: OSError) -> None:
    raise error


class _Zip(_Files):
    """Zip file of an addon, or of one folder with it. Raises AddonError for links, paths that lead outside, and giant ones."""

    def __init__(self, source: Path, archive: zipfile.ZipFile) -> None:
        self.source, self._archive = source, archive
        members = archive.infolist()
        self.refuse_number(len(members))
        for member in members:
            if _is_unsafe(member):
                raise AddonError(
                    f"{source}: refused: '{member.filename}' would be written outside the addon's folder, or is a link",
                    hint="get the addon from its maker again, or give its folder",
                )
        self.refuse_size("its content", sum(member.file_size for member in members), LARGEST_ADDON)
        places = {PurePosixPath(member.filename): member for member in members if not member.is_dir()}
        roots = [path.parent for path in places if path.name == ADDON_FILE and len(path.parts) <= 2]
        root = min(roots, key=lambda path: len(path.parts), default=PurePosixPath())
        self._members = {path.relative_to(root).as_posix(): one for path, one in places.items() if path.is_relative_to(root)}
        self.sizes = {file: member.file_size for file, member in self._members.items()}

    def open(self, file: str) -> IO[bytes]:
        return self._archive.open(self._members[file])


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    path = PurePosixPath(member.filename.replace("\\", "/"))
    leads_outside = path.is_absolute() or ".." in path.parts or ":" in member.filename
    return leads_outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
