"""Which tensors are in reach at each place of a stack: ports are checked once, when the addon opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tts_cli.config import suggest
from tts_cli.errors import StackError
from tts_cli.ports import PortSpec


@dataclass(frozen=True)
class WiredPort:
    """A port, who gives it, and who reads it."""

    port: PortSpec
    path: str
    """JSON path of the block, or `request`."""
    readers: list[str] = field(default_factory=list)
    """JSON paths of the blocks that declared to read it."""


class Wiring(Mapping[str, WiredPort]):
    """The ports in one scope, by name: the static counterpart of the tensors of a scope or a stream."""

    def __init__(self, sources: Mapping[str, WiredPort]) -> None:
        self._sources = dict(sources)

    @classmethod
    def of(cls, ports: Iterable[PortSpec], path: str) -> Wiring:
        """What the block at `path` gives. Raises StackError when it gives one name twice."""
        wiring = cls({})
        for port in ports:
            wiring = wiring.union(cls({port.name: WiredPort(port, path)}))
        return wiring

    def __getitem__(self, name: str) -> WiredPort:
        return self._sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def shadowed_by(self, inner: Wiring) -> Wiring:
        """An inner scope: what `inner` gives hides the same names here."""
        return Wiring({**self, **inner})

    def union(self, other: Wiring) -> Wiring:
        """Two producers in one scope. Raises StackError when both give the same name."""
        for name in self.keys() & other.keys():
            raise StackError(f"{other[name].path} gives '{name}', which {self[name].path} gives already in the same scope")
        return Wiring({**self, **other})

    def need(self, ports: Iterable[PortSpec], path: str) -> None:
        """Connects the block at `path` to the `ports` it reads. Raises StackError naming both sides when one does not fit."""
        for port in ports:
            source = self.get(port.name)
            if source is not None:
                self._connect(source, port, path)
            elif not port.optional:
                message = f"{path} needs {port.describe()}, which nothing before it gives"
                raise StackError(message, hint=suggest(port.name, sorted(self)) if self else None)

    def _connect(self, source: WiredPort, port: PortSpec, path: str) -> None:
        if not port.accepts(source.port):
            raise StackError(f"{path} needs {port.describe()}, but {source.path} gives {source.port.describe()}")
        source.readers.append(path)
