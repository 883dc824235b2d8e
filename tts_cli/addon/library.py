"""Library of addons: find them by name, list, verify and install them."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tts_cli.addon.config import ADDON_FILE, AddonConfig, read_addon_config
from tts_cli.addon.copying import copy_addon
from tts_cli.backends.graph import read_graph
from tts_cli.config import suggest
from tts_cli.errors import AddonError, InputError, OutputError
from tts_cli.files import is_alive

DEFAULT_ADDON = "arctic-16k"
"""Default voice."""
TRANSFER_ADDON = "copycat-16k"
"""Default voice for prosody transfer from recordings."""
SELECTION_ADDON = "prosody-16k"
"""Default voice for prosody selection."""
_INSTALLING = ".installing-"
"""Begin of the name of an installation's temporary folder. The number of the process follows."""
_FORMER = "former"
_PACKAGE = Path(__file__).parents[1]
SHIPPED = next((folder for folder in (_PACKAGE / "addons", _PACKAGE.parent / "addons") if folder.is_dir()), _PACKAGE / "addons")
"""Folder of the addons that come with the package; in a checkout it lies beside the package."""


def installed_folder() -> Path:
    """Return the folder of the user's installed addons, in the data folder of the operating system.

    Raises:
        OutputError: The user has no home folder.
    """
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local"))
    elif sys.platform == "darwin":
        data = Path("~/Library/Application Support")
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share")
    try:
        return data.expanduser() / "tts-cli" / "addons"
    except RuntimeError as error:
        hint = "set HOME or XDG_DATA_HOME to a folder that you may write to"
        raise OutputError("there is no folder for installed addons: the user has no home folder", hint) from error


def search_folders() -> list[Path]:
    """Return the folders that are searched for addons, in order.

    The folders in `$TTS_ADDONS` come first, then the installed addons, if the user has a home folder, and the shipped ones. The
    current folder is none of them.
    """
    folders = [Path(folder) for folder in os.environ.get("TTS_ADDONS", "").split(os.pathsep) if folder]
    with suppress(OutputError):
        folders.append(installed_folder())
    return [*folders, SHIPPED]


def find_addon(name: str | Path, near: Path | None = None) -> Path:
    """Return the folder of an addon.

    Args:
        name: Name of an addon in one of the `search_folders`, or path of its folder. A string is a path if it has a separator
            (`./mine`) or is `.` or `..`.
        near: Folder to search first for a name.

    Raises:
        AddonError: There is no such addon. The message lists the known ones.
    """
    folders = [Path()] if _is_path(name) else _folders(near)
    for folder in folders:
        if _is_addon(folder / name):
            return folder / name
    known = sorted(list_addons(near))
    listing = f"known: {', '.join(known)}" if known else "none is installed: tts addons install PATH"
    raise AddonError(
        f"unknown addon '{name}'; {listing}", hint=_path_hint(name) or (suggest(str(name), known) if known else None)
    )


def _is_path(name: str | Path) -> bool:
    return isinstance(name, Path) or name in (os.curdir, os.pardir) or bool({"/", os.sep} & set(name))


def _is_addon(folder: Path) -> bool:
    try:
        return (folder / ADDON_FILE).is_file()
    except OSError:
        # A folder on the way may not be entered, as the home folder of another user.
        return False


def _path_hint(name: str | Path) -> str | None:
    """Return a hint on an addon below the current folder that has the unknown `name`; None if there is none."""
    for place in (Path(name), Path("addons", name)):
        if not _is_path(name) and _is_addon(place):
            return f"{os.curdir}{os.sep}{place} opens the folder; a name alone is not looked up in the current folder"
    return None


def list_addons(near: Path | None = None) -> dict[str, Path]:
    """Return the folders of all addons, by name, without validating them.

    Args:
        near: Folder to search first.
    """
    addons: dict[str, Path] = {}
    for folder in _folders(near):
        with suppress(OSError):
            for path in sorted(folder.glob(f"[!.]*/{ADDON_FILE}")):
                addons.setdefault(path.parent.name, path.parent)
    return addons


def addons_that(is_meant: Callable[[AddonConfig], bool]) -> Iterator[str]:
    """Yield the names of the valid addons for which the predicate `is_meant` is true. Invalid addons are skipped."""
    for name, folder in list_addons().items():
        try:
            if is_meant(read_addon_config(folder)):
                yield name
        except AddonError:
            continue


def _folders(near: Path | None) -> list[Path]:
    return [*([near] if near else []), *search_folders()]


def check_files(folder: Path, config: AddonConfig) -> None:
    """Check that every file of the addon exists and has the SHA-256 in addon.json. Raises AddonError."""
    for file, expected in config.file_hashes().items():
        check_file(folder / file, expected)


def check_file(path: Path, expected: str) -> Path:
    """Check that a file of an addon exists and has the SHA-256 `expected`, and return `path`. Raises AddonError."""
    if not path.is_file():
        raise AddonError(f"{path}: missing from the addon", hint="install the addon again")
    if file_hash(path) != expected:
        raise AddonError(f"{path}: damaged: its SHA-256 is not the one in {ADDON_FILE}", hint="install the addon again")
    return path


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str, package: str) -> Path:
    """Verify a file of an installed package and return `path`.

    Args:
        path: The file.
        expected: Its SHA-256, in hexadecimal.
        package: Requirement of the package, `NAME==VERSION`, for messages.

    Raises:
        InputError: The file is missing or has another SHA-256.
    """
    hint = f"pip install --force-reinstall --no-deps {package}"
    if not path.is_file():
        raise InputError(f"{path}: missing from the package {package}", hint)
    if file_hash(path) != expected:
        raise InputError(f"{path}: its SHA-256 is not that of {package}: another version, or damaged", hint)
    return path


def install_addon(source: Path, into: Path | None = None, replace: bool = False) -> Path:
    """Copy an addon into the folder of installed addons, completely or not at all, and return its new folder.

    Only addon.json, the files that it names, the model card and licences are copied. The files have at most 2 GB together.

    Args:
        source: Folder, or zip file of one.
        into: Folder to install into; None: `installed_folder()`.
        replace: Replace an installed addon of the same name.

    Raises:
        AddonError: The addon is invalid or cannot be read, holds links or devices, or exceeds the size; or it is installed
            already and `replace` is False.
        OutputError: The folder cannot be written.
    """
    into = into or installed_folder()
    try:
        into.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(into)
        with tempfile.TemporaryDirectory(dir=into, prefix=f"{_INSTALLING}{os.getpid()}-") as temporary:
            return _install(source, into, Path(temporary), replace)
    except OSError as error:
        hint = "check that the disk has space and that the folder is writable"
        raise OutputError(f"{into}: cannot install: {error.strerror or error}", hint) from error


def _install(source: Path, into: Path, temporary: Path, replace: bool) -> Path:
    copy = temporary / "new"
    try:
        config = copy_addon(source, copy)
        check_files(copy, config)
        for name, spec in config.networks.items():
            read_graph(copy / "networks" / f"{name}.onnx", spec)
    except AddonError as error:
        hint = error.hint and error.hint.replace("install the addon again", "get the addon again")
        raise AddonError(error.message.replace(str(copy), str(source)), hint) from error
    target = into / config.name
    if target.exists():
        if not replace:
            raise AddonError(f"{target}: is installed already", hint="replace it with --force")
        (temporary / _FORMER).mkdir()
        target.rename(temporary / _FORMER / config.name)
    copy.rename(target)
    return target


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Context with a new folder beside `folder`, which takes its place at the end, or is deleted after an error.

    Until then `folder` stays as it is. Addons beside it are found from the new folder too.

    Raises:
        OSError: A folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    prefix = f"{_INSTALLING}{os.getpid()}-"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix, ignore_cleanup_errors=True) as temporary:
        new = Path(f"{temporary}-new")
        new.mkdir()
        try:
            yield new
            if folder.exists():
                (Path(temporary) / _FORMER).mkdir()
                folder.rename(Path(temporary) / _FORMER / folder.name)
            new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what installations left behind that were killed. An addon that they had moved away to replace it returns."""
    for leftover in folder.glob(f"{_INSTALLING}*"):
        process = leftover.name.removeprefix(_INSTALLING).partition("-")[0]
        if process.isdigit() and not is_alive(int(process)):
            for former in leftover.glob(f"{_FORMER}/*"):
                if not (folder / former.name).exists():
                    former.rename(folder / former.name)
            shutil.rmtree(leftover, ignore_errors=True)
