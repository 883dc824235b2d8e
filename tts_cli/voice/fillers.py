"""Fillers: hooks by which features fill ports of a request, and tell how a sentence was spoken."""

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
"""Return whether a block of the voice reads a port of the request."""


class Item(Protocol):
    """A sentence with ports that a feature fills, as a voice is given it to speak."""

    @property
    def sentence(self) -> Sentence:
        """The sentence, with its prosody as far as it is prescribed."""

    def ports(self, phones: NDArray[Any]) -> Ports:
        """Return the ports to fill; phones: (N,) ids of the sentence's tokens."""


@dataclass(frozen=True)
class PlainItem:
    """A sentence that no feature knows more of."""

    sentence: Sentence

    def ports(self, phones: NDArray[Any]) -> Ports:  # noqa: ARG002
        """Return no port."""
        return {}


class Filler:
    """What one feature adds to the requests of one voice. Threads share it, so it keeps no state."""

    def __init__(self, acoustic: Addon, reads: Reads) -> None:
        """Raises AddonError where blocks read ports that cannot be filled."""
        self.acoustic, self.reads = acoustic, reads

    def sentence(self, sentence: Sentence) -> Ports:  # noqa: ARG002
        """Return the ports that it fills for a sentence."""
        return {}

    def carried(self, sentence: Sentence) -> Ports:  # noqa: ARG002
        """Return the ports that a sentence, spoken, hands on to the next one."""
        return {}

    def outcome(self, values: Tensors) -> dict[str, Any]:  # noqa: ARG002
        """Return outcomes for `Sentence.outcome`, from what the stack shows of a sentence as it is spoken."""
        return {}


def fillers(acoustic: Addon, reads: Reads) -> tuple[Filler, ...]:
    """Return the fillers of all features for a voice."""
    return tuple(load_object(feature.filler)(acoustic, reads) for feature in features() if feature.filler)
