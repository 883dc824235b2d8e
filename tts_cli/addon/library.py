"""Where addons are: finding them by name, listing and installing them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tts_cli.addon.config import ADDON_FILE, AddonConfig, read_addon_config
from tts_cli.config import suggest
from tts_cli.errors import AddonError, InputError, OutputError

DEFAULT_ADDON = "arctic-16k"
"""The voice that speaks when none is named."""
TRANSFER_ADDON = "copycat-16k"
"""The one that takes the prosody of recordings."""
SELECTION_ADDON = "prosody-16k"
"""The one whose sentences choose their own prosody."""
_PACKAGE = Path(__file__).parents[1]
SHIPPED = next((folder for folder in (_PACKAGE / "addons", _PACKAGE.parent / "addons") if folder.is_dir()), _PACKAGE / "addons")
"""Folder of the addons that come with the package; in a checkout they lie beside it."""


def installed_folder() -> Path:
    """Where this user's addons are installed, by the custom of the operating system."""
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        data = Path("~/Library/Application Support")
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    return data.expanduser() / "tts-cli" / "addons"


def search_folders() -> list[Path]:
    """Folders in which addons are looked up by name, first to last: `$TTS_ADDONS`, `./addons`, installed, the wheel's own."""
    named = [Path(folder) for folder in os.environ.get("TTS_ADDONS", "").split(os.pathsep) if folder]
    return [*named, Path("addons"), installed_folder(), SHIPPED]


def find_addon(name: str | Path, near: Path | None = None) -> Path:
    """The folder of an addon given by path or by name; `near` is a folder to look in first.

    Raises AddonError that lists the known addons.
    """
    if (Path(name) / ADDON_FILE).is_file():
        return Path(name)
    if not {"/", os.sep} & set(str(name)):
        for folder in _folders(near):
            if (folder / name / ADDON_FILE).is_file():
                return folder / name
    known = sorted(list_addons(near))
    listing = f"known: {', '.join(known)}" if known else "none is installed: tts addons install PATH"
    raise AddonError(f"unknown addon '{name}'; {listing}", hint=suggest(str(name), known) if known else None)


def list_addons(near: Path | None = None) -> dict[str, Path]:
    """Folders of the addons that can be named, by name; whether they are valid is not checked."""
    found = (path.parent for folder in _folders(near) for path in sorted(folder.glob(f"*/{ADDON_FILE}")))
    addons: dict[str, Path] = {}
    for folder in found:
        addons.setdefault(folder.name, folder)
    return addons


def addons_that(is_meant: Callable[[AddonConfig], bool]) -> Iterator[str]:
    """Names of the valid addons that are meant."""
    for name, folder in list_addons().items():
        try:
            if is_meant(read_addon_config(folder)):
                yield name
        except AddonError:
            continue


def _folders(near: Path | None) -> list[Path]:
    return [*([near] if near else []), *search_folders()]


def check_files(folder: Path, config: AddonConfig) -> None:
    """Raises AddonError unless every file of the addon is there and has the SHA-256 that addon.json states."""
    for file, expected in config.file_hashes().items():
        path = folder / file
        if not path.is_file():
            raise AddonError(f"{path}: missing from the addon")
        if file_hash(path) != expected:
            raise AddonError(f"{path}: damaged: its SHA-256 is not the one in {ADDON_FILE}", hint="install the addon again")


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str, package: str) -> Path:
    """Return `path`, a file that a pinned `package` (`NAME==VERSION`) brings.

    Raises:
        InputError: for a file that is missing, and for one with another SHA-256 than `expected`.
    """
    hint = f"pip install --force-reinstall --no-deps {package}"
    if not path.is_file():
        raise InputError(f"{path}: missing from the package {package}", hint)
    if file_hash(path) != expected:
        raise InputError(f"{path}: its SHA-256 is not that of {package}: another version, or damaged", hint)
    return path


def install_addon(source: Path, into: Path | None = None, replace: bool = False) -> Path:
    """Copies a valid addon, a folder or a zip file, into the folder of installed addons; gives where it now is.

    All of it appears at once, or nothing does. Raises AddonError for an invalid addon, or one that is there unless `replace`;
    OutputError when it cannot be written.
    """
    into = into or installed_folder()
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into, prefix=".installing-") as temporary:
            return _install(source, into, Path(temporary), replace)
    except OSError as error:
        raise OutputError(f"{into}: cannot install: {error.strerror or error}") from error


def _install(source: Path, into: Path, temporary: Path, replace: bool) -> Path:
    copy = _copied(source, temporary / "new")
    config = read_addon_config(copy)
    check_files(copy, config)
    target = into / config.name
    if target.exists():
        if not replace:
            raise AddonError(f"{target}: is installed already", hint="replace it with --force")
        target.rename(temporary / "old")
    copy.rename(target)
    return target


def _copied(source: Path, copy: Path) -> Path:
    """A copy of the addon in `source`, which is a folder, or a zip file of one with or without its own folder."""
    if source.is_dir():
        read_addon_config(source)
        shutil.copytree(source, copy)
        return copy
    if not source.is_file() or not zipfile.is_zipfile(source):
        raise AddonError(f"{source}: neither a folder nor a zip file")
    with zipfile.ZipFile(source) as archive:
        for name in _unsafe_members(archive, copy):
            raise AddonError(f"{source}: refused: '{name}' would be written outside the addon's folder")
        archive.extractall(copy)
    inside = [path.parent for path in copy.glob(f"*/{ADDON_FILE}")]
    return inside[0] if len(inside) == 1 and not (copy / ADDON_FILE).is_file() else copy


def _unsafe_members(archive: zipfile.ZipFile, into: Path) -> Iterator[str]:
    root = into.resolve()
    for member in archive.infolist():
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if is_link or not (root / member.filename.replace("\\", "/")).resolve().is_relative_to(root):
            yield member.filename
