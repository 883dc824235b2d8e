"""Sequence blocks: map named tensors to named tensors over the whole utterance, such as encoders.

To write one, declare its ports and implement `_run`:

    class Loudness(SequenceBlock):
        inputs = (PortSpec(name="energy", rate="token"),)
        outputs = (PortSpec(name="loudness", rate="token"),)

        def _run(self, scope: Tensors) -> Tensors:
            return {"loudness": np.exp(scope["energy"])}

An installed package registers it under the name that stacks use, as an entry point of the group `tts_cli.blocks`:
`Loudness = "my_package:Loudness"`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from tts_cli.blocks.block import Block, BlockOptions, Nests, naming_block
from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import StrictModel
from tts_cli.errors import StackError
from tts_cli.ports import PortSpec, Tensors


class SequenceBlock(Block, ABC):
    """Block that maps named tensors to named tensors, both (1, T, C), over the whole utterance.

    Subclasses set `inputs` and `outputs` and implement `_run`; those with options also set `options_model`. Containers call
    `connect` once when the addon opens and `run` once an utterance, possibly from several threads at once: keep no state of an
    utterance on the block.

        class Declination(SequenceBlock):
            inputs = outputs = (PortSpec(name="log_f0", rate="token"),)

            def _run(self, scope: Tensors) -> Tensors:
                fall = np.linspace(0, 0.1, scope["log_f0"].shape[1], dtype=np.float32)
                return {"log_f0": scope["log_f0"] - fall[None, :, None]}
    """

    inputs: tuple[PortSpec, ...] = ()
    """Ports that the block reads from the scope: from the request or from sequence blocks before this one."""
    outputs: tuple[PortSpec, ...] = ()
    """Ports that the block gives to the blocks after it."""
    _reachable: Wiring = Wiring({})
    """Ports in scope at the block's place in the stack. Set by `connect`."""

    def _connect(self, scope: Wiring) -> Wiring:
        """Check the input ports against `scope` and return the output ports. Called once, when the addon opens.

        Override it only if the ports depend on the scope.

        Raises:
            StackError: An input port is missing or does not fit.
        """
        scope.need(self.inputs, self.path)
        return Wiring.of(self.outputs, self.path)

    @abstractmethod
    def _run(self, scope: Tensors) -> Tensors:
        """Compute the outputs of one utterance.

        Args:
            scope: Tensors (1, T, C) by port name. It holds every required port of `inputs`, and maybe further ports.

        Returns:
            Exactly the ports in `outputs`, (1, T, C) each. Ports of one rate have the same T.
        """

    def connect(self, scope: Wiring) -> Wiring:
        """Connect the block and store the ports that it reads and gives. Containers call this. Raises StackError."""
        with naming_block(self.path, self.type):
            given = self._connect(scope)
        self._reachable = scope
        return self.note(given, scope)

    def run(self, scope: Tensors) -> Tensors:
        """Run the block on one utterance and check its outputs. Containers call this.

        Raises:
            StackError: `_run` raises an unexpected exception, or its outputs are not as declared. The message names the block.
        """
        with naming_block(self.path, self.type):
            given = self._run(scope)
            self.refuse_undeclared(given)
        self._refuse_other_lengths(given, scope)
        return given

    def _refuse_other_lengths(self, given: Tensors, scope: Tensors) -> None:
        """Raise StackError if an output has another number of steps than a port of the same rate in `scope` or `given`."""
        known = {name: source.port.rate for name, source in self._reachable.items() if name in scope and name not in given}
        firsts = {rate: (name, scope[name].shape[1]) for name, rate in reversed(known.items())}
        for name, source in (self.gives or {}).items():
            num_steps = given[name].shape[1]
            other, expected = firsts.setdefault(source.port.rate, (name, num_steps))
            if num_steps != expected:
                raise StackError(
                    f"{self.path}: {self.type} gave {num_steps} steps of '{name}', but there are {expected} of '{other}'",
                    hint="declare the port with the rate that it has",
                )


class SequenceBlockContainerOptions(StrictModel):
    """Options of `SequenceBlockContainer`."""

    blocks: Annotated[tuple[Any, ...], Nests(SequenceBlock)]
    """Sequence blocks, in the order in which they run."""


class SequenceBlockContainer(SequenceBlock):
    """Sequence block that runs other sequence blocks in order. Each reads the outputs of those before it.

    Its outputs are the outputs of all of them.
    """

    options_model: ClassVar[type[StrictModel]] = SequenceBlockContainerOptions

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        super().__init__(options, addon)
        self.blocks = SequenceBlock.build_all(self.options.blocks, f"{self.path}.blocks", addon)

    def _connect(self, scope: Wiring) -> Wiring:
        added = Wiring({})
        for block in self.blocks:
            added = added.union(block.connect(scope.shadowed_by(added)))
        return added

    def _run(self, scope: Tensors) -> Tensors:
        added: dict[str, Any] = {}
        for block in self.blocks:
            added.update(block.run({**scope, **added}))
        return added
