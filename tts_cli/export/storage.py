"""How an addon keeps parameters: as float16, or matrices as int8 with a scale for each row; and the nodes that widen them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto
from torch import Tensor

from tts_cli.models.parts import Storage

Arrays = dict[str, NDArray[np.generic]]

SCALE = ".int8_scale"
"""After the name of a parameter: that of the scales (rows, 1) its int8 rows are multiplied by."""
SMALLEST_INT8 = 1 << 12
"""Numbers in a matrix worth keeping as int8."""
_WIDE = ".float32"
_LARGEST = 127


def stored(name: str, value: Tensor, storage: Storage) -> Arrays:
    """What an addon keeps of a parameter, by the names of the initialisers.

    float32 becomes float16, unless that overflows; large matrices become int8 where `storage` says so. Other types stay.
    """
    array: NDArray[np.generic] = value.detach().cpu().numpy()
    if array.dtype != np.float32:
        return {name: array}
    if storage == "int8" and array.ndim == 2 and array.size >= SMALLEST_INT8:
        largest = np.abs(array).max(axis=1, keepdims=True)
        scale = np.where(largest > 0, largest / _LARGEST, 1).astype(np.float32)
        return {name: np.rint(array / scale).astype(np.int8), name + SCALE: scale}
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return {name: half if np.isfinite(half).all() else array}


def restored(arrays: Mapping[str, NDArray[np.generic]]) -> Arrays:
    """Parameters by their own names from what `stored` made of them; floats are float32."""
    found: Arrays = {}
    for name, value in arrays.items():
        if name + SCALE in arrays:
            found[name] = value.astype(np.float32) * arrays[name + SCALE]
        elif not name.endswith(SCALE):
            found[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    return found


def widened(nodes: Iterable[NodeProto], arrays: Mapping[str, NDArray[np.generic]]) -> list[NodeProto]:
    """The nodes of a graph that read parameters as float32, though they are kept otherwise, with the nodes that widen them.

    Runtimes widen matrices when they load, but of a table only the rows that are looked up.
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
    # Not DequantizeLinear, which ONNX Runtime works out again on every run.
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
