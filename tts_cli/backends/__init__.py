"""One way to run a network, whichever runtime does it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, cast

from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, PortSpec, Rate, Tensors

BACKENDS = {"onnxruntime": "tts_cli.backends.onnxruntime", "openvino": "tts_cli.backends.openvino"}
"""Modules that run networks, by the name a context gives. Each has `open_network` with the signature below."""
FREE: Mapping[Rate, int] = MappingProxyType({})
"""Shapes that are free."""


class Network(Protocol):
    """An opened network. It keeps no state, so that many threads may run it at once."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors `run` needs."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors `run` gives."""
        ...

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """All outputs, each (1, T', C'), for inputs (1, T, C). Tensors that are not inputs are ignored.

        Raises AddonError when the runtime refuses them.
        """
        ...


def open_network(
    graph: Path, spec: NetworkSpec, settings: NetworkSettings, sizes: Mapping[Rate, int] = FREE, cache: Path | None = None
) -> Network:
    """The network whose symbols are in `graph`, compiled as `settings` say for inputs of just these `sizes`.

    `sizes` has the steps of every rate but `utterance`, which is always one; FREE: any. A compiled network is kept in the folder
    `cache` and found there the next time. Raises ConfigError for an unknown backend or provider, AddonError for a file that is
    damaged or disagrees with `spec`.
    """
    if settings.backend not in BACKENDS:
        known = sorted(BACKENDS)
        message = f"network '{graph.stem}': unknown backend '{settings.backend}'; known: {', '.join(known)}"
        raise ConfigError(message, hint=suggest(settings.backend, known))
    try:
        backend = import_module(BACKENDS[settings.backend])
    except ImportError as error:
        message = f"network '{graph.stem}': the backend '{settings.backend}' is not installed"
        raise ConfigError(message, hint=f"pip install 'tts-cli[{settings.backend}]'") from error
    return cast(Network, backend.open_network(graph, spec, settings, sizes, cache))


def is_installed(backend: str) -> bool:
    """Whether a backend of this name can run here."""
    try:
        import_module(BACKENDS[backend])
    except (KeyError, ImportError):
        return False
    return True


def static_shapes(spec: NetworkSpec, sizes: Mapping[Rate, int]) -> dict[str, tuple[int, int, int]]:
    """The shape (1, T, C) of every input of a network whose sizes are fixed, by its name."""
    return {port.name: (1, sizes.get(port.rate, 1), port.channels) for port in spec.inputs}


def chosen_provider(graph: Path, settings: NetworkSettings, available: Mapping[str, str]) -> str:
    """What a backend itself calls the provider of `settings`. Raises ConfigError that lists those `available` here."""
    if settings.provider not in available:
        known = sorted(available)
        message = f"network '{graph.stem}': {settings.backend} has no provider '{settings.provider}' here"
        raise ConfigError(f"{message}; it has: {', '.join(known)}", hint=suggest(settings.provider, known))
    return available[settings.provider]


def first_line(error: Exception) -> str:
    """What a runtime's error says, without its stack."""
    return str(error).strip().split("\n")[0]


def graph_outputs(spec: NetworkSpec) -> dict[str, str]:
    """Output ports by the names of their tensors in a graph: the same, but `NAME.out` where an input has that name already."""
    inputs = {port.name for port in spec.inputs}
    return {f"{port.name}.out" if port.name in inputs else port.name: port.name for port in spec.outputs}


def check_ports(graph: Path, direction: str, declared: tuple[PortSpec, ...], found: dict[str, tuple[str, int | None]]) -> None:
    """Raises AddonError unless the tensors `found` in a graph are those `declared`; by name (type, channels or None if free)."""
    expected = {port.name: port for port in declared}
    if found.keys() != expected.keys():
        raise AddonError(f"{graph}: its {direction}s are {_names(found)}, but the addon declares {_names(expected)}")
    for name, (kind, channels) in found.items():
        port = expected[name]
        if kind != port.type or (channels and port.channels and channels != port.channels):
            raise AddonError(
                f"{graph}: its {direction} '{name}' has {channels} channels of {kind}, declared is {port.describe()}"
            )


def _names(ports: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(ports)) or "none"
