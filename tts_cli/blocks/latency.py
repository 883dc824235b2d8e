"""Algorithmic latency of a stack: look-ahead per block, and the steps each block must give before the first chunk.

The figures are computed from the declarations of the blocks (`StreamableBlock.lookahead_samples` and `needs`). The tests compare
them with the steps actually read, and with the inputs that actually influence an output sample.
"""

from __future__ import annotations

from collections.abc import Iterable

from tts_cli.blocks.effects import sample_rate_of
from tts_cli.blocks.streamable import StreamableBlock
from tts_cli.blocks.wiring import WiredPort
from tts_cli.config import StrictModel


class BlockLatency(StrictModel):
    """Share of one block in the latency of a stack."""

    block: str
    """Type of the block."""
    path: str
    """Place of the block: addon or file, and JSON path."""
    unit: str
    """Rate of its steps: frame or sample."""
    num_steps: int
    """Steps that the block must give before the first chunk is complete."""
    lookahead_ms: float
    """Look-ahead: audio that must exist beyond a step before the block can give it, in milliseconds."""


class Latency(StrictModel):
    """Latency of a stack from a request to the first chunk, without sequence blocks, which run over the whole sentence."""

    first_chunk_ms: float
    """Duration of the first chunk, in milliseconds."""
    lookahead_ms: float
    """Algorithmic latency in milliseconds: audio that must exist beyond a sample before it can be given. Sum over the blocks."""
    num_read: int
    """Steps that the first block reads before the first chunk is complete; if it reads no stream, the steps that it gives."""
    blocks: tuple[BlockLatency, ...]
    """Shares of the blocks, in the order in which data passes through them."""

    def describe(self) -> str:
        """Return the latency as one line for a terminal."""
        given = ", ".join(f"{part.block} {part.num_steps} {part.unit}s" for part in self.blocks)
        ahead = " + ".join(f"{part.block} {part.lookahead_ms:.1f}" for part in self.blocks if part.lookahead_ms) or "nothing"
        return f"first chunk: {self.first_chunk_ms:.1f} ms, made of {given}; look-ahead: {self.lookahead_ms:.1f} ms ({ahead})"


def first_chunk_latency(stack: StreamableBlock, num_samples: int) -> Latency:
    """Return the latency of a connected `stack` for a first chunk of `num_samples` samples.

    A sentence shorter than `num_samples` gives a single shorter chunk.
    """
    parts: list[BlockLatency] = []
    needed = num_samples
    for block in reversed(stack.chain):
        parts.insert(0, _part(block, needed))
        needed = block.needs(needed)
    return Latency(
        first_chunk_ms=1000 * num_samples / _sample_rate((stack.chain[-1].gives or {}).values(), stack),
        lookahead_ms=sum(part.lookahead_ms for part in parts),
        num_read=needed,
        blocks=tuple(parts),
    )


def _part(block: StreamableBlock, num_steps: int) -> BlockLatency:
    lookahead_ms = 1000 * block.lookahead_samples / _sample_rate(block.reads, block)
    unit = next((source.port.rate for source in (block.gives or {}).values()), "step")
    return BlockLatency(block=block.type, path=block.path, unit=unit, num_steps=num_steps, lookahead_ms=lookahead_ms)


def _sample_rate(sources: Iterable[WiredPort], block: StreamableBlock) -> int:
    """Return the sample rate of the audio port in `sources`, in Hz, since effects may change it; else that of the addon."""
    audio = [source.port for source in sources if source.port.rate == "sample"]
    return sample_rate_of(audio[0], block.addon.sample_rate) if audio else block.addon.sample_rate
