"""Writing a file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from tts_cli.errors import OutputError


@contextmanager
def atomic_write(path: Path, mode: Literal["w", "wb"] = "w", *, parents: bool = False, sync: bool = False) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that takes its place when the `with` block ends, and is removed if the block fails.

    Until then an older file at `path` stays as it is.

    Args:
        mode: "w" for UTF-8 text, "wb" for bytes.
        parents: Make the folders that lead to `path`.
        sync: Wait until the content is on the disk, so that it outlives a power failure.

    Raises:
        OutputError: The file cannot be written. Every OSError within the block becomes this.
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
        # Where a folder of the path is a file, removing fails as writing did; the first error says why.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> OutputError:
    """Return the OutputError that says why `path` could not be written."""
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error})", hint="is there space, and is the folder writable?"
    )
