"""Locks on outputs: one process at a time writes a file. The system releases a lock when its process dies."""

from __future__ import annotations

import errno
import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path

from tts_cli.errors import InputError
from tts_cli.files import remove_leftovers, unwritable

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of file systems without locks; a file there is written without one."""
_LOCKED_BYTE = 1 << 30
"""Offset of the byte that is locked on Windows, where other processes cannot read locked bytes."""
_MESSAGE = "is being written by another process"


class OutputLock:
    """Lock on an output: the file `.NAME.lock` beside it, or `.lock` in a folder. Use it in a `with` statement.

    The lock file holds the number of the process that writes the output. It is removed at the end; if the process was killed,
    the next writer takes it over.
    """

    def __init__(self, output: Path) -> None:
        """Name the lock file of `output`, a file or an existing folder. Nothing is locked yet."""
        self._output = output
        path = output.resolve()
        self._path = path / ".lock" if path.is_dir() else path.with_name(f".{path.name}.lock")
        self._release: weakref.finalize[..., OutputLock] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            InputError: Another process, or another writer of this process, has it.
            OutputError: The lock file cannot be written.
        """
        while True:
            try:
                file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise unwritable(self._output, error) from error
            try:
                _lock(file)
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    holder = os.read(file, 20).decode("ascii", "replace").strip()
                    os.close(file)
                    raise self._refusal(holder) from error
            # The last writer may have removed the file between the opening and the locking.
            with suppress(OSError):
                if os.path.sameopenfile(file, again := os.open(self._path, os.O_RDONLY)):
                    os.close(again)
                    break
                os.close(again)
            os.close(file)
        # A process that was killed leaves its temporary files.
        remove_leftovers(self._path.parent, None if self._output.is_dir() else self._output.resolve().name)
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        # A reading that is dropped before its end must not hold the lock as long as the process lives.
        self._release = weakref.finalize(self, _unlock, file, self._path)

    def release(self) -> None:
        """Give the lock back and remove its file; do nothing without the lock."""
        if self._release:
            self._release()

    def refuse_other_writer(self) -> None:
        """Raise InputError if another process writes the output."""
        if self._path.exists():
            with self:
                pass

    def _refusal(self, holder: str) -> InputError:
        process = f"{_MESSAGE} (process {holder})" if holder.isdecimal() else _MESSAGE
        return InputError(f"{self._output}: {process}", hint="wait until it ends, or write to another name")

    def __enter__(self) -> OutputLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(file: int) -> None:
    """Lock the open file, or raise OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(file: int, path: Path) -> None:
    """Remove the lock file and close it, which ends the lock."""
    if sys.platform == "win32":
        os.close(file)
        with suppress(OSError):
            path.unlink()
        return
    with suppress(OSError):
        path.unlink()
    os.close(file)
