"""Types of configuration values with their ranges: sizes, counts, weights, shares, seeds and names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd")
    return value


def _file_name(value: str) -> str:
    if value.startswith(".") or not value.isprintable() or any(mark in value for mark in "/\\"):
        raise ValueError("must name a folder: no slash, no control character, no dot at its beginning")
    return value


def _module(value: str) -> str:
    if not value.isidentifier():
        raise ValueError("must be the name of a Python package: letters, digits and underscores")
    return value


def _path(value: str) -> str:
    if "\0" in value:
        raise ValueError("must be a path without a NUL character")
    return value


Count = Annotated[int, Field(ge=1, le=10**9)]
"""Number of steps, frames or items, at least 1."""
CountOrNone = Annotated[int, Field(ge=0, le=10**9)]
"""Number of steps, frames or items, at least 0."""
Single = Annotated[float, Field(ge=-3.4e38, le=3.4e38)]
"""Number that 32 bits hold."""
Segments = Annotated[int, Field(ge=1, le=100_000)]
"""Segments of a batch, or frames of a segment."""
Few = Annotated[int, Field(ge=1, le=1024)]
"""Number of processes, threads, machines or taps, at least 1."""
FewOrNone = Annotated[int, Field(ge=0, le=1024)]
"""Number of processes, at least 0."""
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""Seed of random numbers: 63 bits."""
Width = Annotated[int, Field(ge=1, le=4096)]
"""Channels of a layer."""
Layers = Annotated[int, Field(ge=1, le=64)]
"""Number of layers."""
Expansion = Annotated[int, Field(ge=1, le=16)]
"""Width of a hidden layer, as a multiple of the outer width."""
Kernel = Annotated[int, Field(ge=1, le=255)]
"""Width of a causal convolution."""
OddKernel = Annotated[int, Field(ge=1, le=255), AfterValidator(_odd)]
"""Width of a centred convolution, an odd number."""
Weight = Annotated[float, Field(ge=0, le=1e6)]
"""Weight of a loss, at least 0."""
Share = Annotated[float, Field(ge=0, le=1)]
"""Share or probability, from 0 to 1."""
Decay = Annotated[float, Field(ge=0, lt=1)]
"""Decay rate or dropout probability, in [0, 1)."""
Positive = Annotated[float, Field(gt=0, le=1e6)]
"""Number greater than 0."""
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_file_name)]
"""Name of a run or model that may name a folder: no slash, no control character, no dot at its beginning."""
Module = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_module)]
"""Name of a Python package."""
Text = Annotated[str, Field(min_length=1, max_length=200)]
"""Name of a speaker."""
Prefix = Annotated[str, Field(max_length=200)]
"""Beginning of parameter names."""
FolderPath = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_path)]
"""Path of a folder."""
