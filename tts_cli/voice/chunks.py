"""Audio chunks of a voice: samples of a stack's output, and the refusal of faulty speech."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.blocks.streamable import Fault, Stream
from tts_cli.errors import RefusedError
from tts_cli.ports import Tensors
from tts_cli.voice.sentence import Sentence


@dataclass(frozen=True)
class AudioChunk:
    """Piece of audio that `Voice.stream` yields: speech of one sentence, or the silence between two sentences."""

    samples: NDArray[np.float32]
    """Mono samples in [-1, 1], shape (samples,). Empty in a chunk that only reports faults at the end of a sentence."""
    sample_rate: int
    """Sample rate in Hz."""
    sentence: Sentence | None = None
    """Sentence with the prosody it is spoken with, on the first chunk of each sentence; None on all other chunks."""
    faults: tuple[Fault, ...] = ()
    """Faults noticed since the chunk before. Only with `best_effort` of `Voice.stream`: it raises RefusedError otherwise."""


def audible_samples(chunk: Tensors | None, is_finite: bool) -> NDArray[np.float32]:
    """Return the samples of a stack's output, shape (samples,), clipped to [-1, 1].

    Args:
        chunk: Output of the stack with the port `audio`, shape (1, samples, 1); None for no output.
        is_finite: False replaces values that are not finite numbers by 0.
    """
    samples = np.zeros(0, np.float32) if chunk is None else chunk["audio"][0, :, 0]
    if not is_finite:
        samples = np.where(np.isfinite(samples), samples, np.float32(0))
    return np.clip(samples, -1.0, 1.0)


def first_block(stream: Stream, is_meant: Callable[[Stream], bool]) -> str:
    """Return JSON path and type of the first block, from the source on, with a stream for which `is_meant` holds."""
    found = (one.block for one in stream.chain if one.block is not None and is_meant(one))
    return next((f"{block.path}: {block.type}" for block in found), "its last block")


def without_faults(chunks: Generator[AudioChunk]) -> Generator[AudioChunk]:
    """Yield `chunks` as long as they have no fault, and close them at the end. Raises RefusedError at the first fault."""
    with closing(chunks):
        for chunk in chunks:
            if chunk.faults:
                raise RefusedError(chunk.faults[0].message, hint="--best-effort takes the speech as it is")
            yield chunk
