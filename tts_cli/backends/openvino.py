"""Backend OpenVINO: networks on a CPU, GPU or NPU, with fixed or free shapes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import openvino

from tts_cli.backends import check_ports, chosen_provider, first_line, graph_outputs, static_shapes
from tts_cli.backends.cache import CacheEntry
from tts_cli.backends.graph import operators
from tts_cli.errors import AddonError
from tts_cli.ports import Array, NetworkSettings, NetworkSpec, Rate, Tensors

_DYNAMIC_QUANTIZATION = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
_TYPES = {"f32": "float32", "i64": "int64"}


class OpenVinoNetwork:
    """Network compiled by OpenVINO. Each of several simultaneous runs uses its own inference request."""

    def __init__(self, graph: Path, spec: NetworkSpec, compiled: openvino.CompiledModel, shapes: Mapping[str, Any]) -> None:
        outputs = graph_outputs(spec)
        self.inputs = tuple(port.name for port in spec.inputs)
        self.outputs = tuple(outputs.values())
        self._graph = graph
        self._compiled = compiled
        self._shapes = shapes
        self._places = [compiled.output(tensor) for tensor in outputs]
        self._idle: list[openvino.InferRequest] = []

    def run(self, tensors: Tensors) -> dict[str, Array]:
        """Run the network, see `Network.run`. Raises AddonError also for inputs of other than the compiled sizes."""
        feed = {name: tensors[name] for name in self.inputs}
        self._refuse_other_sizes(feed)
        request = self._free_request()
        try:
            results = request.infer(feed, share_inputs=True)
            # The next run overwrites the memory of the request.
            return {name: results[place].copy() for name, place in zip(self.outputs, self._places, strict=True)}
        except RuntimeError as error:
            raise AddonError(f"{self._graph}: cannot run: {first_line(error)}") from error
        finally:
            self._idle.append(request)

    def _free_request(self) -> openvino.InferRequest:
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()

    def _refuse_other_sizes(self, feed: Tensors) -> None:
        for name, shape in self._shapes.items():
            if feed[name].shape != shape:
                raise AddonError(f"{self._graph}: compiled for '{name}' of shape {shape}, but it has {feed[name].shape}")


def open_network(
    graph: Path, model: bytes, spec: NetworkSpec, settings: NetworkSettings, sizes: Mapping[Rate, int], cache: Path | None
) -> OpenVinoNetwork:
    """Open a network in OpenVINO, see `backends.open_network`."""
    if "Loop" in operators(model):
        # Not even `InferRequest.cancel` stops a loop in OpenVINO, and then Ctrl-C has no effect.
        message = f"{graph}: refused: the graph has a Loop, which cannot be interrupted in openvino"
        raise AddonError(message, hint='choose "backend": "onnxruntime" in the context')
    core = _core()
    device = chosen_provider(graph, settings, available_providers())
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": settings.precision,
        "INFERENCE_NUM_THREADS": settings.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    if settings.precision == "f32" and _DYNAMIC_QUANTIZATION in core.get_property(device, "SUPPORTED_PROPERTIES"):
        # Otherwise OpenVINO would quantise activations to int8 where parameters are int8.
        options[_DYNAMIC_QUANTIZATION] = 0
    facts = (openvino.__version__, device, settings.precision)
    entry = CacheEntry(cache, spec, sizes, facts, ".blob") if cache is not None else None
    shapes = static_shapes(spec, sizes) if sizes else {}
    try:
        compiled = _from_cache(core, entry, device, options)
        if compiled is None:
            read = core.read_model(model)
            _check(graph, spec, read)
            if shapes:
                read.reshape(shapes)
            compiled = core.compile_model(read, device, options)
            if entry is not None:
                entry.write(compiled.export_model().getvalue())
    except RuntimeError as error:
        raise AddonError(f"{graph}: cannot be opened: {first_line(error)}", hint="export or install the addon again") from error
    return OpenVinoNetwork(graph, spec, compiled, shapes)


@cache
def _core() -> openvino.Core:
    """Return the only Core of the process.

    A Core gives the thread that makes it a stack for signal handlers, and takes it back when it is deleted. Of two Cores, the
    later one would then put back the stack of the earlier one, which is gone, and the next signal would end the process.
    """
    return openvino.Core()


def _from_cache(
    core: openvino.Core, entry: CacheEntry | None, device: str, options: Mapping[str, Any]
) -> openvino.CompiledModel | None:
    """Return the compiled network in the cache; None if there is none that can be used."""
    content = entry.read() if entry is not None else None
    if content is None:
        return None
    try:
        return core.import_model(content, device, dict(options))
    except RuntimeError:
        return None


def available_providers() -> dict[str, str]:
    """Return OpenVINO's names of the devices here, by their short names in a context (`cpu`, `gpu`, `npu`, ...)."""
    return {name.lower(): name for name in _core().available_devices}


def _check(graph: Path, spec: NetworkSpec, model: openvino.Model) -> None:
    names = graph_outputs(spec)
    check_ports(graph, "input", spec.inputs, _ports(model.inputs))
    found = _ports(model.outputs)
    check_ports(graph, "output", spec.outputs, {names.get(name, name): facts for name, facts in found.items()})


def _ports(nodes: list[Any]) -> dict[str, tuple[str, int | None]]:
    """Return (type, channels or None if free) of every tensor, by name."""
    return {node.get_any_name(): (_TYPES.get(node.element_type.get_type_name(), "?"), _channels(node)) for node in nodes}


def _channels(node: Any) -> int | None:
    last = node.partial_shape[-1]
    return last.get_length() if last.is_static else None
