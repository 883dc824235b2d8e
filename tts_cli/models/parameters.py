"""Load the parameters of an addon into PyTorch models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn

from tts_cli.addon.config import read_addon_config
from tts_cli.errors import AddonError, CheckpointError
from tts_cli.models.parts import ExportPart
from tts_cli.models.storage import restored


def addon_state_dict(addon: Path, network: str) -> dict[str, NDArray[np.generic]]:
    """Read the parameters of one network of an addon, by their state names; float16 and int8 become float32.

    Args:
        addon: Folder of the addon.
        network: Name of the network in addon.json.

    Raises:
        AddonError: The addon has no such network, or its files are damaged.
    """
    if network not in read_addon_config(addon).networks:
        raise AddonError(f"{addon}: has no network '{network}'", hint="name an addon of the same kind of model")
    graph, data = addon / "networks" / f"{network}.onnx", addon / "networks" / f"{network}.params"
    try:
        tensors = onnx.load(graph, load_external_data=False).graph.initializer
        content = np.memmap(data, np.uint8, mode="r") if data.stat().st_size else np.zeros(0, np.uint8)
        return restored({tensor.name: _read(tensor, content) for tensor in tensors})
    except Exception as error:
        message = f"{graph}: cannot be read: {' '.join(str(error).split())}"
        raise AddonError(message, hint="fetch or export the addon again") from error


def model_state_of_addon(model: nn.Module, parts: list[ExportPart], addon: Path) -> dict[str, Tensor]:
    """Return the parameters of an addon under the names of `model.state_dict()`.

    Parameters that no network of the addon holds are absent. Shapes are the addon's: its speaker tables may have fewer rows than
    the model's.

    Args:
        model: A model of the addon's kind.
        parts: The networks of this model, from `export_parts`.
        addon: Folder of the addon.

    Raises:
        CheckpointError: The addon is of another kind of model.
        AddonError: A network is missing or damaged.
    """
    names: dict[int, list[str]] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        names.setdefault(id(value), []).append(name)
    state: dict[str, Tensor] = {}
    for part in parts:
        own = part.module.state_dict(keep_vars=True)
        for name, value in addon_state_dict(addon, part.name).items():
            if name not in own:
                raise CheckpointError(
                    f"{addon}: network '{part.name}' is of another kind of model: this one has no parameter '{name}'",
                    hint="begin from an addon, checkpoint or run of the kind of model that the recipe names",
                )
            state |= dict.fromkeys(names[id(own[name])], torch.from_numpy(value))
    return state


def _read(tensor: TensorProto, content: NDArray[np.uint8]) -> NDArray[np.generic]:
    where = {entry.key: entry.value for entry in tensor.external_data}
    start, num_bytes = int(where["offset"]), int(where["length"])
    kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    value: NDArray[np.generic] = content[start : start + num_bytes].view(kind).reshape(tuple(tensor.dims))
    return value.copy()
