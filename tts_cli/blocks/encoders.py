"""The sequence block that runs an addon's encoders."""

from __future__ import annotations

from typing import Any

from tts_cli.blocks.block import AddonParts, BlockOptions
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.ports import Tensors


class Encoders(SequenceBlock):
    """Runs every network of role `encoder`, each on the scope where this block stands and none on another's outputs.

    What has to run on another's outputs is a sequence block of its own, in a `SequenceBlockContainer`.
    """

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.networks = addon.networks("encoder")
        if not self.networks:
            raise StackError(f"{self.path}: the addon has no network of role 'encoder'")

    def connect(self, scope: Wiring) -> Wiring:
        added = Wiring({})
        for network in self.networks:
            added = added.beside(network.connect(scope, self.path))
        return added

    def run(self, scope: Tensors) -> Tensors:
        outputs: dict[str, Any] = {}
        for network in self.networks:
            outputs.update(network.run(scope))
        return outputs
