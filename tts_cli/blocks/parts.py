"""`AddonParts`: the parts of an addon (networks, symbols, files) that blocks are built from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tts_cli.audio.mel import MelConfig
from tts_cli.blocks.network import AddonNetwork
from tts_cli.ports import Role


class AddonParts(Protocol):
    """Parts of an addon that are available to its blocks.

    In every method, `path` is the JSON path of the calling block, for messages.
    """

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio, in Hz."""

    @property
    def mel(self) -> MelConfig:
        """Configuration of the mel spectrogram."""

    @property
    def symbols(self) -> Sequence[str]:
        """Token symbols; the index of a symbol is its id."""

    @property
    def mean_log_f0(self) -> Sequence[float]:
        """Mean of ln(F0 in Hz) over voiced frames for each speaker; the index is the speaker id."""

    def networks(self, role: Role) -> Sequence[AddonNetwork]:
        """Return every network of a role, in the order of addon.json."""

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        """Return the network `name` of a role; None: the only network of that role.

        Raises:
            StackError: There is no such network, or `name` is None and the role has several.
        """

    def asset(self, name: str, path: str) -> Path:
        """Return the path of the asset `name`. Raises StackError if the addon has no such asset.

        `path` is the place of the block in the stack, for messages.
        """

    def stack_of(self, name: str, path: str) -> object:
        """Return the stack of the addon `name`, a `StreamableBlock`. Raises StackError if it is missing or does not fit."""
