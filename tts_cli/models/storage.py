"""Storage types of parameters in an addon: float16, or int8 matrices with a scale for each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tts_cli.models.parts import Storage

Arrays = dict[str, NDArray[np.generic]]
"""Arrays by name."""

SCALE = ".int8_scale"
"""Suffix of the name of a scale tensor (rows, 1), by which the int8 rows of the parameter are multiplied."""
SMALLEST_INT8 = 1 << 12
"""Fewest elements of a matrix that is stored as int8."""
_LARGEST = 127


def stored(name: str, value: Tensor, storage: Storage) -> Arrays:
    """Convert a parameter to the arrays that an addon stores.

    float32 becomes float16, except where that would overflow. With `storage` "int8", matrices of at least `SMALLEST_INT8`
    elements become int8 with a scale for each row. Other types stay.

    Args:
        name: Name of the parameter.
        value: The parameter.
        storage: "float16" or "int8".

    Returns:
        Arrays by name: the parameter and, for int8, its scales.
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
    """Convert the arrays of an addon back to parameters by name: float32 for float16 and int8. Inverse of `stored`, except for
    rounding."""
    parameters: Arrays = {}
    for name, value in arrays.items():
        if name + SCALE in arrays:
            parameters[name] = value.astype(np.float32) * arrays[name + SCALE]
        elif not name.endswith(SCALE):
            parameters[name] = value.astype(np.float32) if value.dtype == np.float16 else value
    return parameters
