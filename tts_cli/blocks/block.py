"""Base class of all blocks: construction from JSON, validation of options, and checks of declared ports."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from tts_cli.blocks.parts import AddonParts
from tts_cli.blocks.registry import block_class
from tts_cli.blocks.wiring import WiredPort, Wiring
from tts_cli.config import StrictModel, parse
from tts_cli.errors import ConfigError, StackError, TtsError
from tts_cli.ports import Tensors

Model = TypeVar("Model", bound=StrictModel)


class BlockOptions:
    """JSON object that a block is built from, and its place.

    `BlockOptions({"type": "Gain", "gain_db": -6}, "arctic-16k: $.stack[2]")` has the `type` "Gain" and the `value`
    {"gain_db": -6}.

    Args:
        value: The JSON object, with its key `type`.
        path: Place of the object for messages: addon or file, and JSON path.
    """

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        self.value = {key: item for key, item in value.items() if key != "type"}
        self.type = value.get("type")
        self.path = path

    def parse(self, model: type[Model]) -> Model:
        """Validate the options and return them as an instance of `model`.

        Raises:
            StackError: A key is unknown or missing, or a value is wrong. The message names the JSON path.
        """
        try:
            return parse(model, self.value, self.path)
        except ConfigError as error:
            raise StackError(error.message, error.hint) from error


@dataclass(frozen=True)
class Nests:
    """Annotation for a field of an options model that holds blocks, so that a stack can be checked without an addon.

    `Annotated[Any, Nests(SequenceBlock)]` holds one sequence block, `Annotated[tuple[Any, ...], Nests(SequenceBlock)]` a list.
    """

    kind: type[Block]

    def check(self, value: Any, path: str) -> None:
        """Check the JSON of the nested blocks in `value`, the field at `path`. Raises StackError."""
        for item, place in self.kind.each(value, path) if isinstance(value, tuple) else [(value, path)]:
            self.kind.check(item, place)


class Block:
    """Base of the two kinds of component, `SequenceBlock` and `StreamableBlock`. Extend one of those, not this class.

    A block holds its options and the parts of its addon. It never holds the state of an utterance, so that many threads can use
    it at once.

    Args:
        options: JSON object of the block, and its place in the stack.
        addon: Networks, symbols and files that the block may use.

    Attributes:
        type: Name of the block's type, as the stack gives it.
        path: Place of the block for messages: addon or file, and JSON path.
        options: Instance of `options_model`.
        addon: The `addon` argument.

    Raises:
        StackError: The options do not fit `options_model`.
    """

    options_model: ClassVar[type[StrictModel]] = StrictModel
    """Schema of the block's JSON object without `type`. Override it to give the block options; by default it has none."""
    reads: tuple[WiredPort, ...] = ()
    """Ports that the block reads at its place in the stack, with the blocks that give them. Set by `connect`."""
    gives: Wiring | None = None
    """Ports that the block gives at its place in the stack. Set by `connect`; None before."""
    _declared: Mapping[str, tuple[int, np.dtype[Any]]] = MappingProxyType({})
    """(channels, type) of each port in `gives`, by name. 0 channels: any number."""

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        self.type: str = options.type or type(self).__name__
        self.path = options.path
        self.options: Any = options.parse(self.options_model)
        self.addon = addon

    @classmethod
    def build(cls, value: Any, path: str, addon: AddonParts) -> Self:
        """Build the block of this kind that the JSON `value` describes.

        Args:
            value: JSON object with a `type`. A block that is built already is returned as it is.
            path: Place of `value` for messages.
            addon: Parts of the addon, for the block.

        Raises:
            StackError: The type is unknown or of the other kind, the options are wrong, or the block cannot be built.
        """
        if isinstance(value, cls):
            return value
        found = cls.class_of(value, path)
        with naming_block(path, value["type"]):
            built = found(BlockOptions(value, path), addon)
        if not hasattr(built, "addon"):
            message = f"{path}: __init__ of {value['type']} does not call super().__init__(options, addon)"
            raise StackError(message, hint="add this call to the class of the block")
        return built

    @classmethod
    def build_all(cls, values: Sequence[Any], path: str, addon: AddonParts) -> list[Self]:
        """Build every block in a JSON list, see `build`. Raises StackError, also for an empty list."""
        return [cls.build(value, place, addon) for value, place in cls.each(values, path)]

    @classmethod
    def check(cls, value: Any, path: str) -> None:
        """Check the JSON `value` as far as possible without an addon: types, options, nesting. Raises StackError."""
        if isinstance(value, cls):
            return
        model = cls.class_of(value, path).options_model
        options = BlockOptions(value, path).parse(model)
        for name, field in model.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, Nests):
                    mark.check(getattr(options, name), f"{path}.{name}")

    @classmethod
    def each(cls, values: Sequence[Any], path: str) -> list[tuple[Any, str]]:
        """Return (item, JSON path) for every item of a JSON list. Raises StackError for an empty list."""
        if not values:
            raise StackError(f"{path}: at least one {cls.__name__} belongs here", hint="add a block to the list")
        return [(value, f"{path}[{index}]") for index, value in enumerate(values)]

    @classmethod
    def class_of(cls, value: Any, path: str) -> type[Self]:
        """Return the class that the `type` of the JSON `value` names. Raises StackError unless it is a subclass of this one."""
        if isinstance(value, list | tuple):
            raise StackError(f"{path}: exactly one {cls.__name__} belongs here, not a list of {len(value)}", hint=NESTING)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise StackError(f'{path}: a block is an object with a "type"', hint='for example {"type": "Encoders"}')
        found = block_class(value["type"], path)
        if not issubclass(found, cls):
            raise StackError(f"{path}: {value['type']} is not a {cls.__name__}, which belongs here", hint=NESTING)
        return found

    def note(self, gives: Wiring, *reachable: Wiring) -> Wiring:
        """Store the connected ports in `gives` and `reads`; return `gives`.

        Args:
            gives: Ports that the block gives, the result of `_connect`.
            reachable: All ports that the block could read: the scope, and those of the stream before it.

        Raises:
            StackError: `gives` is not a Wiring.
        """
        if not isinstance(gives, Wiring):
            message = f"{self.path}: connect of {self.type} gave {type(gives).__name__}, but a Wiring belongs there"
            raise StackError(message, hint="let _connect of the block return Wiring.of(ports, self.path)")
        self.gives = gives
        self._declared = {name: (source.port.channels, np.dtype(source.port.type)) for name, source in gives.items()}
        self.reads = tuple(source for wiring in reachable for source in wiring.values() if self.path in source.readers)
        return gives

    def refuse_undeclared(self, tensors: Tensors | None, max_steps: int | None = None) -> None:
        """Check output of the block against its declared ports: names, shapes (1, T, C) and types.

        Args:
            tensors: Output of the block; None counts as no tensors.
            max_steps: Most steps of a chunk, in which all ports have the same number of steps. None: not a chunk, any T >= 1.

        Raises:
            StackError: A port is missing, undeclared or not as declared.
        """
        if not self._is_as_declared(tensors or {}, max_steps):
            self._refuse(tensors, max_steps)

    def _is_as_declared(self, tensors: Tensors, max_steps: int | None) -> bool:
        """Return True if the output is as declared. A fast check, since it runs on every chunk; `_refuse` finds the reason."""
        chunk_steps = None
        for name, (channels, kind) in self._declared.items():
            array = tensors.get(name)
            if array is None or array.ndim != 3 or array.dtype != kind:
                return False
            num_items, num_steps, num_channels = array.shape
            if num_items != 1 or num_steps < 1 or num_channels != (channels or num_channels):
                return False
            if max_steps is not None and (num_steps > max_steps or num_steps != (chunk_steps or num_steps)):
                return False
            chunk_steps = num_steps
        return len(tensors) == len(self._declared) or self.gives is None

    def _refuse(self, tensors: Tensors | None, max_steps: int | None) -> None:
        """Raise the StackError that names the first difference from the declared ports."""
        for name, source in (self.gives or {}).items():
            port, array = source.port, (tensors or {}).get(name)
            if array is None:
                given = ", ".join(f"'{other}'" for other in tensors or {}) or "nothing"
                message = f"{self.path}: {self.type} declares {port.describe()}, but gave {given}"
                raise StackError(message, hint="let the block give every port that its _connect declares")
            fits = array.ndim == 3 and array.shape[2] == (port.channels or array.shape[2]) and array.dtype == port.type
            if not fits or array.shape[0] != 1 or array.shape[1] < 1 or array.shape[1] > (max_steps or array.shape[1]):
                asked = f"(1, {f'1 to {max_steps}' if max_steps else 'steps'}, {port.channels or 'any'}) {port.type}"
                raise StackError(
                    f"{self.path}: {self.type} gave '{name}' as {array.shape} {array.dtype}, but {asked} belongs there",
                    hint="mend the block's code, or the port that its _connect declares",
                )
        self._refuse_surplus(tensors or {}, is_chunk=max_steps is not None)

    def _refuse_surplus(self, tensors: Tensors, is_chunk: bool) -> None:
        """Raise StackError for an undeclared port, or for a chunk with different numbers of steps."""
        undeclared = tensors.keys() - (self.gives or {}).keys()
        if self.gives is not None and undeclared:
            message = f"{self.path}: {self.type} gave '{min(undeclared)}', which it does not declare"
            raise StackError(message, hint="declare the port in _connect of the block")
        if is_chunk and len({array.shape[1] for array in tensors.values()}) > 1:
            lengths = ", ".join(f"{array.shape[1]} of '{name}'" for name, array in tensors.items())
            message = f"{self.path}: {self.type} gave different numbers of steps in one chunk: {lengths}"
            raise StackError(message, hint="let the block give equally many steps of all ports in a chunk")


@contextmanager
def naming_block(path: str, kind: str) -> Iterator[None]:
    """Wrap unexpected exceptions of a component in a StackError that names the block.

    Exceptions of this package, MemoryError, RecursionError and the exit that SIGTERM causes pass unchanged.

    Args:
        path: Place of the block: addon or file, and JSON path.
        kind: Name of its type.
    """
    try:
        yield
    except (TtsError, MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code == _TERMINATED:
            raise
        raise StackError(f"{path}: {kind} raised {type(error).__name__}: {error}", hint="--debug shows the traceback") from error


_TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that ends on SIGTERM."""
NESTING = "put several sequence blocks into a SequenceBlockContainer, several streamable blocks into a StreamableStack"
"""Hint for a list in the place of one block."""


class NetworkOptions(StrictModel):
    """Options of a block that runs one network."""

    network: str | None = None
    """Name of the network. Needed only if the addon has several networks of the block's role."""
