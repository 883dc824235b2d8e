"""Cache of compiled networks: files whose names hold the SHA-256 of their content, so that a changed file is made anew."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tts_cli.files import atomic_write, unwritable
from tts_cli.ports import NetworkSpec, Rate


class CacheEntry:
    """Place of one compiled network in the folder of a cache.

    Args:
        folder: Folder of the cache.
        spec: Declaration of the network.
        sizes: Numbers of steps that it is compiled for, by rate.
        facts: Further facts that the compiled network depends on, such as the version of the runtime.
        suffix: Suffix of the file.
    """

    def __init__(self, folder: Path, spec: NetworkSpec, sizes: Mapping[Rate, int], facts: tuple[str, ...], suffix: str) -> None:
        self.folder, self._suffix = folder, suffix
        all_facts = [*facts, *spec.sha256.model_dump().values(), *sorted(sizes.items())]
        self._key = hashlib.sha256(repr(all_facts).encode()).hexdigest()[:32]

    def read(self) -> bytes | None:
        """Return the compiled network; None if there is none. A file whose content has changed is removed."""
        with suppress(OSError):
            for path in self.folder.glob(f"{self._key}-*{self._suffix}"):
                content = path.read_bytes()
                if path.name == self._name(content):
                    return content
                path.unlink(missing_ok=True)
        return None

    def write(self, content: bytes) -> None:
        """Keep a compiled network in place of any older one. Raises OutputError if the folder cannot be written."""
        target = self.folder / self._name(content)
        with atomic_write(target, "wb") as file:
            file.write(content)
        with suppress(OSError):
            for path in self.folder.glob(f"{self._key}-*{self._suffix}"):
                if path != target:
                    path.unlink(missing_ok=True)

    def refuse_full(self, num_bytes: int) -> None:
        """Raise OutputError if the folder has no room for `num_bytes` bytes more."""
        try:
            with tempfile.TemporaryDirectory(dir=self.folder) as scratch, Path(scratch, "zeros").open("wb") as file:
                file.write(bytes(num_bytes))
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _name(self, content: bytes) -> str:
        return f"{self._key}-{hashlib.sha256(content).hexdigest()}{self._suffix}"
