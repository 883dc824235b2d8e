"""How far a stack looks ahead, added up block by block, and how much each block has to give before the first chunk is out.

What is printed here is arithmetic on what blocks declare (`StreamableBlock.lookahead_samples` and `needs`); the tests hold it
against what is really pulled, and against which input really moves which sample.
"""

from __future__ import annotations

from collections.abc import Iterable

from tts_cli.blocks.effects import sample_rate_of
from tts_cli.blocks.streamable import StreamableBlock
from tts_cli.blocks.wiring import WiredPort
from tts_cli.config import StrictModel


class BlockLatency(StrictModel):
    """One block's part."""

    block: str
    path: str
    unit: str
    """What its steps are: frame, sample."""
    num_steps: int
    """Steps it has to give before the first chunk is out."""
    lookahead_ms: float
    """Audio that must exist beyond one of its steps before it can give that step."""


class Latency(StrictModel):
    """What stands between a request and its first chunk, sequence blocks aside, which run over the whole sentence."""

    first_chunk_ms: float
    """Length of the first chunk."""
    lookahead_ms: float
    """Algorithmic latency: audio that must exist beyond a sample before that sample can be given; the sum over the blocks."""
    num_read: int
    """Steps that the stack reads before the first chunk is out; where its first block is the source, those that one gives."""
    blocks: tuple[BlockLatency, ...]
    """In the order in which data passes through them."""

    def describe(self) -> str:
        """One line for a terminal."""
        given = ", ".join(f"{part.block} {part.num_steps} {part.unit}s" for part in self.blocks)
        ahead = " + ".join(f"{part.block} {part.lookahead_ms:.1f}" for part in self.blocks if part.lookahead_ms) or "nothing"
        return f"first chunk: {self.first_chunk_ms:.1f} ms, made of {given}; look-ahead: {self.lookahead_ms:.1f} ms ({ahead})"


def first_chunk_latency(stack: StreamableBlock, num_samples: int) -> Latency:
    """The latency of `stack`, whose ports have been connected, for a first chunk of `num_samples`.

    A sentence that ends before gives its one chunk of as much as there is.
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
    """Of the audio among what a block reads or gives, in Hertz, since effects may change it; of its addon where there is none."""
    audio = [source.port for source in sources if source.port.rate == "sample"]
    return sample_rate_of(audio[0], block.addon.sample_rate) if audio else block.addon.sample_rate
