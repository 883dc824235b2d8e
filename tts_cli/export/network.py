"""Export a PyTorch module as a network: `<name>.onnx` (graph) and `<name>.params` (parameters)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto
from torch import Tensor, nn

from tts_cli.addon.library import file_hash
from tts_cli.backends import graph_outputs
from tts_cli.export.margins import find_margins
from tts_cli.models.parts import ExportPart
from tts_cli.models.storage import SCALE, Arrays, stored
from tts_cli.ports import NetworkHashes, NetworkSpec, PortSpec

OPSET = 20
"""Version of the ONNX operators."""
_ALIGNMENT_BYTES = 64
_TIME_AXIS = 1
_WIDE = ".float32"
_UNKNOWN = "0" * 64


def export_network(part: ExportPart, folder: Path, example: Sequence[Tensor]) -> NetworkSpec:
    """Write the network `part` to `folder`, and return its entry for addon.json.

    Args:
        part: The network.
        folder: Folder of the networks.
        example: One tensor (1, T, C) for each input.

    Raises:
        ValueError: The module does not have the lengths that its role requires, see `find_margins`.
    """
    spec = NetworkSpec(
        role=part.role,
        inputs=tuple(part.inputs),
        outputs=tuple(part.outputs),
        margins=find_margins(part),
        when=part.when,
        mask=part.mask,
        splittable=part.splittable,
        sha256=NetworkHashes(onnx=_UNKNOWN, params=_UNKNOWN),
    )
    graph, params = folder / f"{part.name}.onnx", folder / f"{part.name}.params"
    _write_network(part, spec, example, graph, params)
    return spec.model_copy(update={"sha256": NetworkHashes(onnx=file_hash(graph), params=file_hash(params))})


def _write_network(part: ExportPart, spec: NetworkSpec, example: Sequence[Tensor], graph: Path, params: Path) -> None:
    module = part.module.eval()
    state = module.state_dict()
    for port in (*spec.inputs, *spec.outputs):
        if port.name in state:
            raise ValueError(f"network '{part.name}': '{port.name}' is the name of a port and of a parameter: rename the port")
    model = _trace(module, spec, example, graph)
    names = _parameters_of(model, state.keys())
    kept: Arrays = {}
    for name in names:
        kept |= stored(name, state[name], part.storage)
    _append_parameters(model, kept, params)
    onnx.save(model, graph)


def _trace(module: nn.Module, spec: NetworkSpec, example: Sequence[Tensor], path: Path) -> ModelProto:
    """Trace `module` to an ONNX graph at `path` with its parameters as inputs, under their state names.

    The TorchScript exporter is used because it keeps the names of parameters if told to fold no constants, and takes a tenth of
    the time of the exporter on torch.export. The runtimes fold constants when they load.
    """
    inputs, outputs = [port.name for port in spec.inputs], list(graph_outputs(spec))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(example),
            path,
            dynamo=False,
            export_params=False,
            do_constant_folding=False,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=_dynamic_axes(inputs, spec.inputs, "") | _dynamic_axes(outputs, spec.outputs, "_out"),
        )
    return onnx.load(path)


def _dynamic_axes(tensors: Sequence[str], ports: Sequence[PortSpec], suffix: str) -> dict[str, dict[int, str]]:
    """Return the names of the free axes of each tensor, by axis number. Axes of one rate have one name, hence one length.

    Args:
        tensors: Names of the tensors in the graph.
        ports: Port of each tensor; its rate is the unit of the time axis (token, frame, ...).
        suffix: End of the names of axes, which keeps outputs apart from inputs.
    """
    named = zip(tensors, ports, strict=True)
    return {name: {_TIME_AXIS: port.rate.replace("/", "_per_") + suffix} for name, port in named if port.rate != "utterance"}


def _parameters_of(model: ModelProto, state_names: Iterable[str]) -> list[str]:
    """Return the state names that the graph reads; undo the exporter's merging of equal parameters through Identity nodes."""
    candidates = set(state_names)
    graph = model.graph
    nodes = [node for node in graph.node if not (node.op_type == "Identity" and node.output[0] in candidates)]
    inputs = [value for value in graph.input if value.name not in candidates]
    _replace(graph.node, nodes)
    _replace(graph.input, inputs)
    read = {name for node in nodes for name in node.input}
    return [name for name in state_names if name in read]


def _append_parameters(model: ModelProto, values: Arrays, file: Path) -> None:
    """Add `values` as initializers with their data in `file`, and make the nodes read their float32 form."""
    graph = model.graph
    _replace(graph.node, _widened(graph.node, values))
    with file.open("wb") as data:
        for name, value in values.items():
            data.write(b"\0" * (-data.tell() % _ALIGNMENT_BYTES))
            graph.initializer.append(_external_tensor(name, value, file.name, data.tell()))
            data.write(value.tobytes())


def _widened(nodes: Iterable[NodeProto], arrays: Mapping[str, NDArray[np.generic]]) -> list[NodeProto]:
    """Return the nodes of a graph, changed to read parameters as float32, with the nodes that convert them.

    Runtimes convert matrices when they load; of embedding tables, only the rows that are looked up are converted.
    """
    narrow = {name for name, value in arrays.items() if value.dtype in (np.float16, np.int8)}
    reading: list[NodeProto] = []
    for node in nodes:
        if node.op_type == "Gather" and node.input[0] + SCALE in arrays:
            reading += _looked_up(node)
        else:
            inputs = [name + _WIDE if name in narrow else name for name in node.input]
            del node.input[:]
            node.input.extend(inputs)
            reading.append(node)
    read = {name for node in reading for name in node.input}
    return [node for name in arrays if name + _WIDE in read for node in _whole(name, name + SCALE in arrays)] + reading


def _whole(name: str, scaled: bool) -> list[NodeProto]:
    if not scaled:
        return [onnx.helper.make_node("Cast", [name], [name + _WIDE], to=TensorProto.FLOAT)]
    # Not DequantizeLinear, because ONNX Runtime computes that anew in every run.
    cast = onnx.helper.make_node("Cast", [name], [f"{name}.unscaled"], to=TensorProto.FLOAT)
    return [cast, onnx.helper.make_node("Mul", [f"{name}.unscaled", name + SCALE], [name + _WIDE])]


def _looked_up(node: NodeProto) -> list[NodeProto]:
    table, rows = node.input
    result = node.output[0]
    return [
        onnx.helper.make_node("Gather", [table, rows], [f"{result}.int8"]),
        onnx.helper.make_node("Gather", [table + SCALE, rows], [f"{result}.scale"]),
        onnx.helper.make_node("Cast", [f"{result}.int8"], [f"{result}.unscaled"], to=TensorProto.FLOAT),
        onnx.helper.make_node("Mul", [f"{result}.unscaled", f"{result}.scale"], [result]),
    ]


def _external_tensor(name: str, value: NDArray[np.generic], location: str, offset: int) -> TensorProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=value.shape, data_location=TensorProto.EXTERNAL)
    for key, entry in (("location", location), ("offset", offset), ("length", value.nbytes)):
        tensor.external_data.add(key=key, value=str(entry))
    return tensor


def _replace(field: object, values: Sequence[object]) -> None:
    """Replace all entries of a repeated protobuf field by `values`."""
    kept = list(values)
    del field[:]  # type: ignore[attr-defined]
    field.extend(kept)  # type: ignore[attr-defined]
