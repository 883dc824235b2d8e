"""`Wiring`: the ports in scope at each place of a stack, so that ports are checked once, when the addon opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tts_cli.config import suggest
from tts_cli.errors import StackError
from tts_cli.ports import PortSpec


@dataclass(frozen=True)
class WiredPort:
    """Port with the block that gives it and the blocks that read it."""

    port: PortSpec
    path: str
    """JSON path of the block that gives the port, or `request`."""
    readers: list[str] = field(default_factory=list)
    """JSON paths of the blocks that read the port."""


class Wiring(Mapping[str, WiredPort]):
    """Immutable mapping of the ports in one scope or stream, by name: the static counterpart of its tensors.

    `need` records the reader in the `readers` of a port.
    """

    def __init__(self, sources: Mapping[str, WiredPort]) -> None:
        self._sources = dict(sources)

    @classmethod
    def of(cls, ports: Iterable[PortSpec], path: str) -> Wiring:
        """Return a wiring of `ports`, all given by the block at `path`. Raises StackError if two have the same name."""
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
        """Return the wiring of an inner scope: these ports, with those of `inner` in place of equal names."""
        return Wiring({**self, **inner})

    def union(self, other: Wiring) -> Wiring:
        """Return the ports of both wirings. Raises StackError if both have a port of the same name."""
        for name in self.keys() & other.keys():
            message = f"{other[name].path} gives '{name}', which {self[name].path} gives already in the same scope"
            raise StackError(message, hint="leave out one of the two blocks")
        return Wiring({**self, **other})

    def need(self, ports: Iterable[PortSpec], path: str) -> None:
        """Check that every port the block at `path` reads is here, and record the block as its reader.

        Args:
            ports: Input ports of the block; optional ones may be absent.
            path: JSON path of the block.

        Raises:
            StackError: A required port is absent, or a port does not fit. The message names both blocks.
        """
        for port in ports:
            source = self.get(port.name)
            if source is not None:
                self._connect(source, port, path)
            elif not port.optional:
                message = f"{path} needs {port.describe()}, which nothing before it gives"
                raise StackError(message, hint=suggest(port.name, sorted(self)) if self else None)

    def _connect(self, source: WiredPort, port: PortSpec, path: str) -> None:
        if not port.accepts(source.port):
            message = f"{path} needs {port.describe()}, but {source.path} gives {source.port.describe()}"
            raise StackError(message, hint="take blocks or networks that agree on this port")
        source.readers.append(path)
