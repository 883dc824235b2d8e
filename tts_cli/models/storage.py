"""Parameters as an addon keeps them: as float16, or matrices as int8 with a scale for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tts_cli.models.parts import Storage

Arrays = dict[str, NDArray[np.generic]]

SCALE = ".int8_scale"
"""After the name of a parameter: that of the scales (rows, 1) its int8 rows are multiplied by."""
SMALLEST_INT8 = 1 << 12
"""Numbers in a matrix worth keeping as int8."""
_LARGEST = 127


def stored(name: str, value: Tensor, storage: Storage) -> Arrays:
    """What an addon keeps of a parameter, by the names of the initialisers.

    float32 becomes float16, unless that overflows; large matrices become int8 where `storage` says so. Other types stay.
    """
    array: NDArray[Any] = value.detach().cpu().numpy()
    if array.dtype != np.float32:
        return {name: array}
    if storage == "int8" and array.ndim == 2 and array.size >= SMALLEST_INT8:
        largest = np.abs(array).max(axis=1, keepdims=True)
        scale = np.where(largest > 0, largest / _LARGEST, 1).astype(np.float32)
        return {name: np.rint(array / scale).astype(np.int8), name + SCALE: scale}
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return {name: half if np.isfinite(half).all() else array}


def restored(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Parameters by their own names from what `stored` made of them; floats are float32."""
    found: Arrays = {}
    for name, value in arrays.items():
        if name + SCALE in arrays:
            found[name] = value.astype(np.float32) * arrays[name + SCALE]
        elif not name.endswith(SCALE):
            found[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    return found
