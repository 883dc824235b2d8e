"""The sequence blocks that run an addon's encoders: one after another, or all at once."""

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
    """Runs every network of role `encoder`, each on the scope where this block stands and none on another's outputs.

    What has to run on another's outputs is a sequence block of its own, in a `SequenceBlockContainer`.
    """

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.networks = addon.networks("encoder")
        if not self.networks:
            raise StackError(f"{self.path}: the addon has no network of role 'encoder'")

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
    """Gives what `Encoders` gives, but runs all networks at once, a thread each: the first in the caller's, the others in threads
    of the block.

    Utterances share those threads. A network that no thread has begun is run by the caller, so that no utterance waits for
    another. The threads begin with the first utterance and end with the block, or the interpreter.
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
            # After an error nothing may go on in the background.
            wait([future for _, future in begun if not future.cancel()])


def _result(network: AddonNetwork, future: Future[dict[str, Array]], scope: Tensors) -> dict[str, Array]:
    return network.run(scope) if future.cancel() else future.result()
