"""Fillers: hooks by which features fill ports of a request, and report how a sentence was spoken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from tts_cli.addon.opened import Addon
from tts_cli.blocks.features import features, load_object
from tts_cli.ports import Tensors
from tts_cli.voice.sentence import Sentence

Ports = dict[str, ArrayLike]
Reads = Callable[[str], bool]
"""Function that returns whether a block of the voice reads the port of the request with this name."""


class Item(Protocol):
    """Sentence with ports that a feature fills. A voice accepts items as input beside texts and sentences."""

    @property
    def sentence(self) -> Sentence:
        """Sentence with the prosody that is prescribed."""

    def ports(self, phones: NDArray[Any]) -> Ports:
        """Return values of ports by name. `phones` holds the indices of the tokens in the addon's `symbols`, shape (N,)."""


@dataclass(frozen=True)
class PlainItem:
    """Sentence without ports of features."""

    sentence: Sentence

    def ports(self, phones: NDArray[Any]) -> Ports:  # noqa: ARG002
        """Return no port."""
        return {}


class Filler:
    """Base of the hooks of one feature into one voice. Threads share a filler, so it keeps no state of a sentence."""

    def __init__(self, acoustic: Addon, reads: Reads) -> None:
        """Prepare a filler for the voice of an opened addon. Raises AddonError if blocks read ports that it cannot fill."""
        self.acoustic, self.reads = acoustic, reads

    def sentence(self, sentence: Sentence) -> Ports:  # noqa: ARG002
        """Return values of ports, by name, for a sentence that is about to be spoken."""
        return {}

    def carried(self, sentence: Sentence) -> Ports:  # noqa: ARG002
        """Return values of ports, by name, that a spoken sentence passes to the request of the next sentence."""
        return {}

    def outcome(self, values: Tensors) -> dict[str, Any]:  # noqa: ARG002
        """Return outcomes for `Sentence.outcome` by key. `values` holds the tensors (1, T, C) of the stack for one sentence."""
        return {}


def fillers(acoustic: Addon, reads: Reads) -> tuple[Filler, ...]:
    """Return one filler of each feature that declares one, for the voice of an opened addon."""
    return tuple(load_object(feature.filler)(acoustic, reads) for feature in features() if feature.filler)
