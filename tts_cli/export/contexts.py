"""The contexts that an exported addon offers: free shapes, and fixed ones on two backends."""

from __future__ import annotations

from collections.abc import Mapping

from tts_cli.addon_config import ChunkSchedule, Context
from tts_cli.ports import NetworkSettings, NetworkSpec, Rate

FIXED_CHUNKS = ChunkSchedule(first=64, growth=2.5, maximum=160)
"""Two sizes of chunks, so that two sizes of each streamed network lose little to padding."""
SPARE_FRAMES = 8
"""What blocks after a network look ahead beyond a chunk, at most."""
TOKEN_SIZES = (64, 128)
MAX_TOKENS = 200
"""Longest sentence; also the largest size of networks that cannot be split."""
FIXED_BACKENDS = ("openvino", "onnxruntime")


def shipped_contexts(networks: Mapping[str, NetworkSpec]) -> dict[str, Context]:
    """`default`, and `fixed-BACKEND` for each backend, for the networks of one addon.

    Networks whose sizes are not known beforehand keep free shapes.
    """
    contexts = {"default": Context()}
    for backend in FIXED_BACKENDS:
        settings = {name: NetworkSettings(backend=backend, sizes=fixed_sizes(spec)) for name, spec in networks.items()}
        contexts[f"fixed-{backend}"] = Context(chunks=FIXED_CHUNKS, max_tokens=MAX_TOKENS, networks=settings)
    return contexts


def fixed_sizes(spec: NetworkSpec) -> dict[Rate, tuple[int, ...]]:
    """The sizes a network is compiled for: chunks with its margins, or sentences."""
    rates = {port.rate for port in spec.inputs} - {"utterance"}
    if rates == {"frame"}:
        beyond = spec.margins.total + SPARE_FRAMES
        return {"frame": (FIXED_CHUNKS.first + beyond, FIXED_CHUNKS.maximum + beyond)}
    if rates == {"token"} and spec.mask is not None:
        return {"token": TOKEN_SIZES if spec.splittable else (*TOKEN_SIZES, MAX_TOKENS)}
    return {}
