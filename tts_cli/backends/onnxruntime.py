"""Backend ONNX Runtime (the default): networks with free or fixed shapes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnxruntime

from tts_cli.backends import check_ports, chosen_provider, first_line, graph_outputs, interruption
from tts_cli.backends.cache import CacheEntry
from tts_cli.errors import AddonError, ConfigError, OutputError
from tts_cli.files import unwritable
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
        while True:
            run = onnxruntime.RunOptions()
            try:
                interruption.begin(run)
                results = self._session.run(self._tensors, feed, run)
            except Exception as error:
                if interruption.is_retried(run):
                    continue
                reason = "stopped, since the program is to end" if run.terminate else first_line(error)
                raise AddonError(f"{self._graph}: cannot run: {reason}") from error
            finally:
                interruption.end(run)
            return dict(zip(self.outputs, results, strict=True))


def open_network(
    graph: Path, model: bytes, spec: NetworkSpec, settings: NetworkSettings, sizes: Mapping[Rate, int], cache: Path | None
) -> OnnxRuntimeNetwork:
    """Open a network in ONNX Runtime, see `backends.open_network`. Only float32 copies of its parameters stay in memory."""
    interruption.watch()
    provider = chosen_provider(graph, settings, available_providers())
    if settings.precision != "f32":
        message = f"network '{graph.stem}': onnxruntime computes in f32, not in {settings.precision}"
        raise ConfigError(message, hint='choose "precision": "f32", or "backend": "openvino"')
    options = _options(settings.threads)
    for rate, size in sizes.items():
        options.add_free_dimension_override_by_name(rate.replace("/", "_per_"), size)
    try:
        if cache is None:
            session = _session(model, options, provider)
        else:
            facts = (onnxruntime.__version__, provider)
            session = _cached(model, options, provider, CacheEntry(cache, spec, sizes, facts, ".onnx"))
    except OutputError:
        raise
    except Exception as error:
        raise AddonError(f"{graph}: cannot be opened: {first_line(error)}", hint="export or install the addon again") from error
    names = graph_outputs(spec)
    check_ports(graph, "input", spec.inputs, _ports(session.get_inputs()))
    check_ports(
        graph, "output", spec.outputs, {names.get(name, name): found for name, found in _ports(session.get_outputs()).items()}
    )
    return OnnxRuntimeNetwork(graph, spec, session)


def _session(model: bytes, options: onnxruntime.SessionOptions, provider: str) -> onnxruntime.InferenceSession:
    session = onnxruntime.InferenceSession(model, options, providers=[provider])
    # Otherwise ONNX Runtime keeps the bytes, in order to open them again with another provider.
    session.disable_fallback()
    session._model_bytes = None
    return session


def _cached(model: bytes, options: onnxruntime.SessionOptions, provider: str, entry: CacheEntry) -> onnxruntime.InferenceSession:
    """Return a session from the optimised graph in the cache. Make the entry if it is missing or damaged. Raises OutputError."""
    if compiled := entry.read():
        level, options.graph_optimization_level = options.graph_optimization_level, _AS_IT_IS
        with suppress(Exception):
            return _session(compiled, options, provider)
        options.graph_optimization_level = level
    try:
        with tempfile.TemporaryDirectory(dir=entry.folder) as scratch:
            new = Path(scratch) / "optimised.onnx"
            options.optimized_model_filepath = str(new)
            session = _session(model, options, provider)
            compiled = new.read_bytes()
    except OSError as error:
        raise unwritable(entry.folder, error) from error
    except Exception:
        # ONNX Runtime gives no reason when it cannot write. An optimised graph holds float32 where the model holds float16.
        entry.refuse_full(2 * len(model))
        raise
    entry.write(compiled)
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
