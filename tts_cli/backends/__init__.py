"""The `Network` protocol: one interface to run networks with ONNX Runtime or OpenVINO, and the checks that both share."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Protocol, cast

from tts_cli.backends.graph import read_graph
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, PortSpec, Rate, Tensors

_MISMATCH = "export the addon again, or declare the port in addon.json as the graph has it"

BACKENDS = {"onnxruntime": "tts_cli.backends.onnxruntime", "openvino": "tts_cli.backends.openvino"}
"""Modules of the backends, by their name in a context (where networks run: backend, sizes, threads).

Each has a function `open_network` with the signature below and, after `graph`, the `model`: ONNX bytes with the parameters in
them. `graph` is for messages alone."""
FREE: Mapping[Rate, int] = MappingProxyType({})
"""Sizes of a network with free shapes: it runs inputs of any length."""


class Network(Protocol):
    """Opened network. It keeps no state, so that several threads may run it at once."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors that `run` needs."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors that `run` returns."""
        ...

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Compute the outputs.

        Args:
            tensors: Inputs (1, T, C) by port name. Further tensors are ignored.

        Returns:
            Every output, (1, T', C'), by port name.

        Raises:
            AddonError: The runtime refuses the inputs.
        """
        ...


def open_network(
    graph: Path, spec: NetworkSpec, settings: NetworkSettings, sizes: Mapping[Rate, int] = FREE, cache: Path | None = None
) -> Network:
    """Open and compile the network in the ONNX file `graph`.

    Both files are read once. The bytes that are opened are those whose SHA-256 was checked.

    Args:
        graph: ONNX file `NAME.onnx`; the parameters are in `NAME.params` beside it.
        spec: Declaration of the network, which the files must match.
        settings: Backend, provider, threads and precision.
        sizes: Number of steps of the inputs by rate, without the rate `utterance`, which has always one. FREE: any length.
        cache: Folder in which compiled networks are kept and looked up. None: compile anew.

    Raises:
        ConfigError: The backend or provider is unknown or not installed.
        AddonError: A file is missing or damaged, names another file, or does not match `spec`.
    """
    if settings.backend not in BACKENDS:
        known = sorted(BACKENDS)
        message = f"network '{graph.stem}': unknown backend '{settings.backend}'; known: {', '.join(known)}"
        raise ConfigError(message, hint=suggest(settings.backend, known))
    backend = _imported(settings.backend, graph)
    return cast(Network, backend.open_network(graph, read_graph(graph, spec), spec, settings, sizes, cache))


def _imported(backend: str, graph: Path) -> ModuleType:
    """Import a backend. Raises ConfigError if its runtime is missing or cannot be imported."""
    try:
        return import_module(BACKENDS[backend])
    except ImportError as error:
        _raise_interruption(error)
        if isinstance(error, ModuleNotFoundError) and error.name == backend:
            message = f"network '{graph.stem}': the backend '{backend}' is not installed"
            raise ConfigError(message, hint=f"pip install {backend}") from error
        message = f"network '{graph.stem}': the backend '{backend}' cannot be imported: {first_line(error)}"
        raise ConfigError(message, hint=f"pip install --force-reinstall {backend}") from error


def _raise_interruption(error: BaseException) -> None:
    """Raise the KeyboardInterrupt or SystemExit that led to `error`, if one did: runtimes turn them into an ImportError."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, KeyboardInterrupt | SystemExit):
            raise cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__


def is_installed(backend: str) -> bool:
    """Return True if `backend` is a known backend and its runtime is installed."""
    if backend not in BACKENDS:
        return False
    try:
        import_module(BACKENDS[backend])
    except ImportError as error:
        _raise_interruption(error)
        return False
    return True


def static_shapes(spec: NetworkSpec, sizes: Mapping[Rate, int]) -> dict[str, tuple[int, int, int]]:
    """Return the shape (1, T, C) of every input of a network, by port name.

    Args:
        sizes: Number of steps T by rate (unit of the time axis: token, frame, ...); 1 for other rates.
    """
    return {port.name: (1, sizes.get(port.rate, 1), port.channels) for port in spec.inputs}


def chosen_provider(graph: Path, settings: NetworkSettings, available: Mapping[str, str]) -> str:
    """Return the backend's own name of the provider in `settings`.

    Args:
        graph: ONNX file, for messages.
        available: The backend's own names of the providers on this machine, by their names in a context.

    Raises:
        ConfigError: The provider is not available. The message lists those that are.
    """
    if settings.provider not in available:
        known = sorted(available)
        message = f"network '{graph.stem}': {settings.backend} has no provider '{settings.provider}' here"
        raise ConfigError(f"{message}; it has: {', '.join(known)}", hint=suggest(settings.provider, known))
    return available[settings.provider]


def first_line(error: Exception) -> str:
    """Return the first line of an error message, without the stack trace that runtimes append."""
    return str(error).strip().split("\n")[0]


def graph_outputs(spec: NetworkSpec) -> dict[str, str]:
    """Return the names of the output ports, by the names of their tensors in the graph.

    The names are equal, except that the tensor is called `NAME.out` if an input is called `NAME`.
    """
    inputs = {port.name for port in spec.inputs}
    return {f"{port.name}.out" if port.name in inputs else port.name: port.name for port in spec.outputs}


def check_ports(graph: Path, direction: str, declared: tuple[PortSpec, ...], found: dict[str, tuple[str, int | None]]) -> None:
    """Check the tensors of a graph against the declared ports.

    Args:
        graph: ONNX file, for messages.
        direction: "input" or "output", for messages.
        declared: Ports in addon.json.
        found: (type, channels) of the tensors in the graph, by port name. Channels None: free.

    Raises:
        AddonError: Names, types or channels differ.
    """
    expected = {port.name: port for port in declared}
    if found.keys() != expected.keys():
        message = f"{graph}: its {direction}s are {_names(found)}, but the addon declares {_names(expected)}"
        raise AddonError(message, _MISMATCH)
    for name, (kind, channels) in found.items():
        port = expected[name]
        if kind != port.type or (channels and port.channels and channels != port.channels):
            raise AddonError(
                f"{graph}: its {direction} '{name}' has {channels} channels of {kind}, declared is {port.describe()}", _MISMATCH
            )


def _names(ports: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(ports)) or "none"
