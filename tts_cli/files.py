"""Atomic writing of files: a file is complete, or it does not appear."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO, Any, Literal

from tts_cli.errors import OutputError


@contextmanager
def atomic_write(path: Path, mode: Literal["w", "wb"] = "w", *, parents: bool = False, sync: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file that replaces `path` when the `with` block ends, and is removed if the block fails.

    An older file at `path` stays unchanged until then.

    Args:
        path: The file to write.
        mode: "w" for UTF-8 text, "wb" for bytes.
        parents: Create the missing parent folders of `path`.
        sync: Flush the content to the disk (fsync), so that it survives a power failure.

    Raises:
        OutputError: The file cannot be written, or the block raises an OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open(mode, encoding=None if mode == "wb" else "utf-8") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        # If a parent of the path is a file, removing fails like writing did; the first error names the reason.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str | None = None, *, below: bool = False) -> None:
    """Remove temporary files `.NAME.PID.part` in `folder` whose process is dead.

    Files of running processes stay, and where the system is Windows, on which asking for a process can end it, all files.

    Args:
        folder: Folder to search; nothing happens if it is missing or cannot be changed.
        name: Name of the file that the temporary one was to become; None for any.
        below: Search the folders below as well.
    """
    pattern = f".{escape(name) if name else '*'}.*.part"
    with suppress(OSError):
        for path in list(folder.rglob(pattern) if below else folder.glob(pattern)):
            process = path.name.removesuffix(".part").rpartition(".")[2]
            if process.isdecimal() and not is_alive(int(process)):
                with suppress(OSError):
                    path.unlink()


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return an OutputError that gives `error` as the reason why `path` cannot be written."""
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error})",
        hint="check that the disk has space and that the folder is writable",
    )


def is_alive(process: int) -> bool:
    """Return True if a process with the number `process` runs on this machine, or if that cannot be found out."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # The process is another user's, or the number is none of a process.
        return True
    return True
