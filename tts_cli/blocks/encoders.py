"""Sequence blocks that run the encoder networks of an addon: `Encoders` in order, `CustomizedEncoders` in parallel."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait

from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.sequence import SequenceBlock
from tts_cli.blocks.wiring import Wiring
from tts_cli.errors import StackError
from tts_cli.ports import Array, Tensors


class Encoders(SequenceBlock):
    """Sequence block that runs every network of role `encoder` on the same scope.

    No encoder reads the outputs of another. A network that does needs a sequence block of its own, after this one in a
    `SequenceBlockContainer`. Raises StackError if the addon has no encoder.
    """

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.networks = addon.networks("encoder")
        if not self.networks:
            message = f"{self.path}: the addon has no network of role 'encoder'"
            raise StackError(message, hint="use an addon that has one, or leave out the block")

    def _connect(self, scope: Wiring) -> Wiring:
        added = Wiring({})
        for network in self.networks:
            added = added.union(network.connect(scope, self.path))
        return added

    def _run(self, scope: Tensors) -> Tensors:
        outputs: dict[str, Array] = {}
        for network in self.networks:
            outputs.update(network.run(scope))
        return outputs


class CustomizedEncoders(Encoders):
    """`Encoders` that run in parallel: the first network in the caller's thread, the others in threads of the block.

    Utterances share these threads. The caller itself runs every network that no thread has started, so that no utterance waits
    for another. The threads start with the first utterance and end with the block or the interpreter.
    """

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self._threads = ThreadPoolExecutor(max(1, len(self.networks) - 1), thread_name_prefix="encoder")

    def _run(self, scope: Tensors) -> Tensors:
        first, *others = self.networks
        begun = [(network, self._threads.submit(network.run, scope)) for network in others]
        try:
            outputs = dict(first.run(scope))
            for network, future in begun:
                outputs.update(_result(network, future, scope))
            return outputs
        finally:
            # After an error no network may keep running in the background.
            wait([future for _, future in begun if not future.cancel()])


def _result(network: AddonNetwork, future: Future[dict[str, Array]], scope: Tensors) -> dict[str, Array]:
    return network.run(scope) if future.cancel() else future.result()
