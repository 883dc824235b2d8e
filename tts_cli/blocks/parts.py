"""Parts of an addon that blocks are built from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.network import AddonNetwork
from tts_cli.ports import Role


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

    def stack_of(self, name: str, path: str) -> object:
        """Return the stack of another addon, a `StreamableBlock`. Raises StackError when it cannot be found."""
