"""Blocks: what every block is, and how it is built from JSON."""

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
    """The JSON object a block is built from, without its `type`, and where it stands: `arctic-16k: $.stack[0]`."""

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        self.value = {key: item for key, item in value.items() if key != "type"}
        self.type = value.get("type")
        self.path = path

    def parse(self, model: type[Model]) -> Model:
        """The options as a `model`. Raises StackError with the JSON path for unknown keys and wrong values."""
        try:
            return parse(model, self.value, self.path)
        except ConfigError as error:
            raise StackError(error.message, error.hint) from error


@dataclass(frozen=True)
class Nests:
    """Marks a field of an options model that nests blocks: `Annotated[Any, Nests(SequenceBlock)]` one of that kind,
    `Annotated[tuple[Any, ...], Nests(SequenceBlock)]` a list of them. A stack can then be checked without an addon."""

    kind: type[Block]

    def check(self, value: Any, path: str) -> None:
        """Checks the field's value. Raises StackError."""
        for item, place in self.kind.each(value, path) if isinstance(value, tuple) else [(value, path)]:
            self.kind.check(item, place)


class Block:
    """A component of a stack. It holds what the addon gave it and never the state of one utterance.

    A component's one duty is to extend `SequenceBlock` or `StreamableBlock`, which extend this.
    """

    options_model: ClassVar[type[StrictModel]] = StrictModel
    """Schema of the block's JSON object; without fields unless a block says otherwise."""
    reads: tuple[WiredPort, ...] = ()
    """What the block reads where it stands; known once it is connected."""
    gives: Wiring | None = None
    """What the block gives where it stands; known once it is connected."""
    _declared: Mapping[str, tuple[int, np.dtype[Any]]] = MappingProxyType({})
    """Channels (0: any) and type of what it gives, by port."""

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        self.type: str = options.type or type(self).__name__
        self.path = options.path
        self.options: Any = options.parse(self.options_model)
        self.addon = addon

    @classmethod
    def build(cls, value: Any, path: str, addon: AddonParts) -> Self:
        """The block of this kind that the JSON `value` at `path` describes; a block stands for itself. Raises StackError."""
        if isinstance(value, cls):
            return value
        found = cls.class_of(value, path)
        with naming_block(path, value["type"]):
            built = found(BlockOptions(value, path), addon)
        if not hasattr(built, "addon"):
            raise StackError(f"{path}: {value['type']} does not begin with super().__init__(options, addon)")
        return built

    @classmethod
    def build_all(cls, values: Sequence[Any], path: str, addon: AddonParts) -> list[Self]:
        """The blocks of this kind in a JSON list, which holds at least one. Raises StackError."""
        return [cls.build(value, place, addon) for value, place in cls.each(values, path)]

    @classmethod
    def check(cls, value: Any, path: str) -> None:
        """Checks what `build` is given as far as that goes without an addon: types, options, nesting. Raises StackError."""
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
        """The items of a JSON list, which holds at least one, and their paths. Raises StackError."""
        if not values:
            raise StackError(f"{path}: at least one {cls.__name__} belongs here")
        return [(value, f"{path}[{index}]") for index, value in enumerate(values)]

    @classmethod
    def class_of(cls, value: Any, path: str) -> type[Self]:
        """The class of this kind that the JSON `value` names. Raises StackError."""
        if isinstance(value, list | tuple):
            raise StackError(f"{path}: exactly one {cls.__name__} belongs here, not a list of {len(value)}", hint=NESTING)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise StackError(f'{path}: a block is an object with a "type", for example {{"type": "Encoders"}}')
        found = block_class(value["type"], path)
        if not issubclass(found, cls):
            raise StackError(f"{path}: {value['type']} is not a {cls.__name__}, which belongs here", hint=NESTING)
        return found

    def note(self, gives: Wiring, *reachable: Wiring) -> Wiring:
        """Keeps what the block gives, and what it reads of all it can reach, for whoever describes the stack; gives `gives`.

        Raises StackError when it is not a Wiring.
        """
        if not isinstance(gives, Wiring):
            raise StackError(f"{self.path}: connect of {self.type} gave {type(gives).__name__}, but a Wiring belongs there")
        self.gives = gives
        self._declared = {name: (source.port.channels, np.dtype(source.port.type)) for name, source in gives.items()}
        self.reads = tuple(source for wiring in reachable for source in wiring.values() if self.path in source.readers)
        return gives

    def refuse_undeclared(self, tensors: Tensors | None, max_steps: int | None = None) -> None:
        """Raises StackError unless `tensors`, which the block just gave, are those it declared, of 1 to `max_steps` steps."""
        if not self._is_as_declared(tensors or {}, max_steps):
            self._refuse(tensors, max_steps)

    def _is_as_declared(self, tensors: Tensors, max_steps: int | None) -> bool:
        """What `_refuse` explains where it does not hold: quick, because it is asked of every chunk."""
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
        """Raises the StackError that says what is wrong."""
        for name, source in (self.gives or {}).items():
            port, array = source.port, (tensors or {}).get(name)
            if array is None:
                given = ", ".join(f"'{other}'" for other in tensors or {}) or "nothing"
                raise StackError(f"{self.path}: {self.type} declares {port.describe()}, but gave {given}")
            fits = array.ndim == 3 and array.shape[2] == (port.channels or array.shape[2]) and array.dtype == port.type
            if not fits or array.shape[0] != 1 or array.shape[1] < 1 or array.shape[1] > (max_steps or array.shape[1]):
                asked = f"(1, {f'1 to {max_steps}' if max_steps else 'steps'}, {port.channels or 'any'}) {port.type}"
                raise StackError(
                    f"{self.path}: {self.type} gave '{name}' as {array.shape} {array.dtype}, but {asked} belongs there"
                )
        self._refuse_surplus(tensors or {}, is_chunk=max_steps is not None)

    def _refuse_surplus(self, tensors: Tensors, is_chunk: bool) -> None:
        """Raises StackError for ports that were not declared, and for ports of one chunk with different numbers of steps."""
        undeclared = tensors.keys() - (self.gives or {}).keys()
        if self.gives is not None and undeclared:
            raise StackError(f"{self.path}: {self.type} gave '{min(undeclared)}', which it does not declare")
        if is_chunk and len({array.shape[1] for array in tensors.values()}) > 1:
            lengths = ", ".join(f"{array.shape[1]} of '{name}'" for name, array in tensors.items())
            raise StackError(f"{self.path}: {self.type} gave different numbers of steps in one chunk: {lengths}")


@contextmanager
def naming_block(path: str, kind: str) -> Iterator[None]:
    """Makes of what a component raises a StackError with its place; what is raised on purpose passes."""
    try:
        yield
    except (TtsError, MemoryError, RecursionError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code == _TERMINATED:
            raise
        raise StackError(f"{path}: {kind} raised {type(error).__name__}: {error}", hint="--debug shows where") from error


_TERMINATED = 128 + signal.SIGTERM
"""The exit code of a process that is told to end from outside, whatever block it is in."""
NESTING = "several sequence blocks go into a SequenceBlockContainer, several streamable blocks into a StreamableStack"


class NetworkOptions(StrictModel):
    """Options of a block that runs one network."""

    network: str | None = None
    """Which one, where the addon has several of the block's role."""
