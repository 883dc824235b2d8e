"""The streamable block that joins the two kinds: exactly one sequence block, exactly one streamable block."""

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
    streamable_block: Annotated[Any, Nests(StreamableBlock)]


class StreamablePipeline(StreamableBlock):
    """Runs its sequence block once, at open; its streamable block then streams with what that gave in scope.

    The pipeline is a scope of its own: what the sequence block gives hides the same names of the enclosing scope, and is not
    seen outside. Standing in a stack, its upstream goes to the streamable block.
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
