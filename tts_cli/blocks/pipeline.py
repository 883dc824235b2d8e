"""`StreamablePipeline`: a streamable block that combines one sequence block with one streamable block."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from tts_cli.blocks.block import BlockOptions, Nests
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.ports import Tensors


class StreamablePipelineOptions(StrictModel):
    """Options of `StreamablePipeline`."""

    sequence_block: Annotated[Any, Nests(SequenceBlock)]
    """Block that runs first, over the whole utterance."""
    streamable_block: Annotated[Any, Nests(StreamableBlock)]
    """Block that reads the outputs of `sequence_block` and gives the stream."""


class StreamablePipeline(StreamableBlock):
    """Streamable block that runs a sequence block once, at `open`, and then streams from a streamable block.

    The pipeline is a scope of its own: outputs of the sequence block hide ports of the same name in the enclosing scope and are
    not visible outside. Inside a stack, the streamable block reads the stream of the block before the pipeline.
    """

    options_model: ClassVar[type[StrictModel]] = StreamablePipelineOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.sequence_block = SequenceBlock.build(self.options.sequence_block, f"{self.path}.sequence_block", addon)
        self.streamable_block = StreamableBlock.build(self.options.streamable_block, f"{self.path}.streamable_block", addon)

    @property
    def chain(self) -> tuple[StreamableBlock, ...]:
        return self.streamable_block.chain

    def needs(self, num_steps: int) -> int:
        return self.streamable_block.needs(num_steps)

    def _connect(self, scope: Wiring, upstream: Wiring) -> Wiring:
        added = self.sequence_block.connect(scope)
        given = self.streamable_block.connect(scope.shadowed_by(added), upstream)
        self.lookahead_samples = self.streamable_block.lookahead_samples
        return given

    def _open(self, scope: Tensors, upstream: Stream | None) -> Stream:
        return self.streamable_block.open({**scope, **self.sequence_block.run(scope)}, upstream)
