"""What every block is, what it is built from, and what it may ask of its addon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.registry import block_class
from tts_cli.config import StrictModel, parse
from tts_cli.errors import ConfigError, StackError
from tts_cli.ports import Role

if TYPE_CHECKING:
    from tts_cli.blocks.network import AddonNetwork
    from tts_cli.blocks.streamable import StreamableBlock

Model = TypeVar("Model", bound=StrictModel)


class AddonParts(Protocol):
    """What an addon gives the blocks that are built for it. `path` is the asking block's, for messages."""

    @property
    def sample_rate(self) -> int:
        """Of the audio, in Hertz."""

    @property
    def mel(self) -> MelConfig:
        """What a mel frame means here."""

    @property
    def symbols(self) -> Sequence[str]:
        """Tokens by id."""

    @property
    def mean_log_f0(self) -> Sequence[float]:
        """Mean natural-log F0 in Hertz of each speaker, by id."""

    def networks(self, role: Role) -> Sequence[AddonNetwork]:
        """Every network of a role, in the order of addon.json."""

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        """The network called `name`, or the only one of its role. Raises StackError when there is none, or a choice to make."""

    def asset(self, name: str, path: str) -> Path:
        """The file of an asset. Raises StackError when the addon has none of that name."""

    def stack_of(self, name: str, path: str) -> StreamableBlock:
        """The stack of another addon. Raises StackError when it cannot be found."""


class BlockOptions:
    """The JSON object a block is built from, without its `type`, and where it stands: `arctic-16k: $.stack[0]`."""

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        self.value = {key: item for key, item in value.items() if key != "type"}
        self.path = path

    def parse(self, model: type[Model]) -> Model:
        """The options as a `model`. Raises StackError with the JSON path for unknown keys and wrong values."""
        try:
            return parse(model, self.value, self.path)
        except ConfigError as error:
            raise StackError(error.message, error.hint) from error


class Block:
    """A component of a stack. It holds what the addon gave it and never the state of one utterance.

    A component's one duty is to extend `SequenceBlock` or `StreamableBlock`, which extend this.
    """

    options_model: ClassVar[type[StrictModel]] = StrictModel
    """Schema of the block's JSON object; without fields unless a block says otherwise."""

    def __init__(self, options: BlockOptions, addon: AddonParts) -> None:
        self.path = options.path
        self.options: Any = options.parse(self.options_model)
        self.addon = addon

    @classmethod
    def build(cls, value: Any, path: str, addon: AddonParts) -> Self:
        """The block of this kind that the JSON `value` at `path` describes; a block stands for itself. Raises StackError."""
        if isinstance(value, cls):
            return value
        if isinstance(value, list | tuple):
            raise StackError(f"{path}: exactly one {cls.__name__} belongs here, not a list of {len(value)}", hint=_NESTING)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise StackError(f'{path}: a block is an object with a "type", for example {{"type": "Encoders"}}')
        found = block_class(value["type"], path)
        if not issubclass(found, cls):
            raise StackError(f"{path}: {value['type']} is not a {cls.__name__}, which belongs here", hint=_NESTING)
        return found(BlockOptions(value, path), addon)

    @classmethod
    def build_all(cls, values: Sequence[Any], path: str, addon: AddonParts) -> list[Self]:
        """The blocks of this kind in a JSON list, which holds at least one. Raises StackError."""
        if not values:
            raise StackError(f"{path}: at least one {cls.__name__} belongs here")
        return [cls.build(value, f"{path}[{index}]", addon) for index, value in enumerate(values)]


_NESTING = "several sequence blocks go into a SequenceBlockContainer, several streamable blocks into a StreamableStack"


class NetworkOptions(StrictModel):
    """Options of a block that runs one network."""

    network: str | None = None
    """Which one, where the addon has several of the block's role."""
