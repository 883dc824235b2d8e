"""Sequence blocks: named tensors to named tensors, over the whole utterance.

A block of one's own declares its ports and runs; there is nothing else to it:

    class Loudness(SequenceBlock):
        inputs = (PortSpec(name="energy", rate="token"),)
        outputs = (PortSpec(name="loudness", rate="token"),)

        def _run(self, scope: Tensors) -> Tensors:
            return {"loudness": np.exp(scope["energy"])}

An installed package offers it to stacks through an entry point of the group `tts_cli.blocks`.
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
    """Maps named tensors to named tensors over the whole utterance."""

    inputs: tuple[PortSpec, ...] = ()
    """Ports read from the scope: the request, and the sequence blocks before this one."""
    outputs: tuple[PortSpec, ...] = ()
    """Ports given to the blocks after this one."""
    _reachable: Wiring = Wiring({})
    """The ports in scope where the block stands; known once it is connected."""

    def _connect(self, scope: Wiring) -> Wiring:
        """Checks the ports once, when the addon opens; gives what this block adds. Raises StackError."""
        scope.need(self.inputs, self.path)
        return Wiring.of(self.outputs, self.path)

    @abstractmethod
    def _run(self, scope: Tensors) -> Tensors:
        """The outputs, (1, T, C) each, for one utterance. `scope` may hold more than `inputs`, and lack optional ones."""

    def connect(self, scope: Wiring) -> Wiring:
        """`connect`, as containers call it: the block knows from then on what it reads and gives."""
        with naming_block(self.path, self.type):
            given = self._connect(scope)
        self._reachable = scope
        return self.note(given, scope)

    def run(self, scope: Tensors) -> Tensors:
        """`run`, as containers call it. Raises StackError that names the block when it raises, or does not give its ports."""
        with naming_block(self.path, self.type):
            given = self._run(scope)
            self.refuse_undeclared(given)
        self._refuse_other_lengths(given, scope)
        return given

    def _refuse_other_lengths(self, given: Tensors, scope: Tensors) -> None:
        """Raises StackError when a port has another number of steps than others of its rate, in scope or among those given."""
        known = {name: source.port.rate for name, source in self._reachable.items() if name in scope and name not in given}
        firsts = {rate: (name, scope[name].shape[1]) for name, rate in reversed(known.items())}
        for name, source in (self.gives or {}).items():
            num_steps = given[name].shape[1]
            other, expected = firsts.setdefault(source.port.rate, (name, num_steps))
            if num_steps != expected:
                raise StackError(
                    f"{self.path}: {self.type} gave {num_steps} steps of '{name}', but there are {expected} of '{other}'"
                )


class SequenceBlockContainerOptions(StrictModel):
    """Options of `SequenceBlockContainer`."""

    blocks: Annotated[tuple[Any, ...], Nests(SequenceBlock)]


class SequenceBlockContainer(SequenceBlock):
    """Runs sequence blocks in order, each reading what those before it gave; gives all they gave."""

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
