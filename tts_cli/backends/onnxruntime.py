"""Backend ONNX Runtime (the default): networks with free or fixed shapes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnxruntime

from tts_cli.backends import check_ports, chosen_provider, first_line, graph_outputs
from tts_cli.errors import AddonError, ConfigError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, Rate, Tensors

_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}
_AS_IT_IS = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
_ONLY_ERRORS = 3
_ONLY_FATAL_ERRORS = 4


class OnnxRuntimeNetwork:
    """Network in a session of ONNX Runtime. `run` copies neither contiguous inputs nor outputs."""

    def __init__(self, graph: Path, spec: NetworkSpec, session: onnxruntime.InferenceSession) -> None:
        outputs = graph_outputs(spec)
        self.inputs = tuple(port.name for port in spec.inputs)
        self.outputs = tuple(outputs.values())
        self._graph = graph
        self._session = session
        self._tensors = list(outputs)

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the network, see `Network.run`."""
        feed = {name: tensors[name] for name in self.inputs}
        try:
            results = self._session.run(self._tensors, feed)
        except Exception as error:
            raise AddonError(f"{self._graph}: cannot run: {first_line(error)}") from error
        return dict(zip(self.outputs, results, strict=True))


def open_network(
    graph: Path, spec: NetworkSpec, settings: NetworkSettings, sizes: Mapping[Rate, int], cache: Path | None
) -> OnnxRuntimeNetwork:
    """Open a network in ONNX Runtime. Arguments and errors are those of `backends.open_network`.

    The parameter file is memory-mapped; only float32 copies of its parameters stay in memory.
    """
    provider = chosen_provider(graph, settings, available_providers())
    if settings.precision != "f32":
        message = f"network '{graph.stem}': onnxruntime computes in f32, not in {settings.precision}"
        raise ConfigError(message, hint='choose "precision": "f32", or "backend": "openvino"')
    options = _options(settings.threads)
    for rate, size in sizes.items():
        options.add_free_dimension_override_by_name(rate.replace("/", "_per_"), size)
    try:
        if cache is None:
            session = onnxruntime.InferenceSession(str(graph), options, providers=[provider])
        else:
            session = _cached(graph, options, provider, cache / f"{_key(spec, provider, sizes)}.onnx")
    except Exception as error:
        raise AddonError(f"{graph}: cannot be opened: {first_line(error)}", hint="export or install the addon again") from error
    names = graph_outputs(spec)
    check_ports(graph, "input", spec.inputs, _ports(session.get_inputs()))
    check_ports(
        graph, "output", spec.outputs, {names.get(name, name): found for name, found in _ports(session.get_outputs()).items()}
    )
    return OnnxRuntimeNetwork(graph, spec, session)


def _key(spec: NetworkSpec, provider: str, sizes: Mapping[Rate, int]) -> str:
    """Return a name of 32 hexadecimal digits that is unique to the network, runtime version, provider and sizes."""
    facts = [onnxruntime.__version__, provider, *spec.sha256.model_dump().values(), *sorted(sizes.items())]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _cached(graph: Path, options: onnxruntime.SessionOptions, provider: str, compiled: Path) -> onnxruntime.InferenceSession:
    """Return a session from the optimised graph in the file `compiled`. Write the file if it is missing or damaged."""
    if compiled.is_file():
        level, options.graph_optimization_level = options.graph_optimization_level, _AS_IT_IS
        with suppress(Exception):
            return onnxruntime.InferenceSession(str(compiled), options, providers=[provider])
        options.graph_optimization_level = level
    with tempfile.TemporaryDirectory(dir=compiled.parent) as scratch:
        new = Path(scratch) / compiled.name
        options.optimized_model_filepath = str(new)
        session = onnxruntime.InferenceSession(str(graph), options, providers=[provider])
        new.replace(compiled)
    return session


def available_providers() -> dict[str, str]:
    """Return ONNX Runtime's names of its providers here, by their short names in a context (`cpu`, `cuda`, ...)."""
    return {name.removesuffix("ExecutionProvider").lower(): name for name in onnxruntime.get_available_providers()}


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # ONNX Runtime keeps a memory plan for every input shape; with free lengths their number grows without limit.
    options.enable_mem_pattern = False
    options.log_severity_level = _ONLY_FATAL_ERRORS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _ports(nodes: list[Any]) -> dict[str, tuple[str, int | None]]:
    """Return (type, channels or None if free) of every tensor, by name."""
    return {node.name: (_TYPES.get(node.type, node.type), _channels(node.shape)) for node in nodes}


def _channels(shape: list[Any]) -> int | None:
    return shape[-1] if shape and isinstance(shape[-1], int) else None


onnxruntime.set_default_logger_severity(_ONLY_ERRORS)
