"""Facts of a corpus that a model keeps in its checkpoints and its addon: mel configuration, symbols, speakers and language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel

English = Literal["en-US", "en-GB"]
"""English of the texts of a corpus: dates, numbers and some words."""
Features = Mapping[str, NDArray[np.generic]]
"""Features of one utterance of N tokens and T frames, without a batch axis: `phones` (N,) int64, `durations` (N,) int64,
`speaker` () int64, `mel` (T, bands), and `log_f0`, `voicing`, `energy` (T,)."""


class SpeakerFacts(StrictModel):
    """Speaker of a corpus. Its id is its index in the list of speakers."""

    name: str
    mean_log_f0: float = 0.0
    """Mean of the natural logarithm of F0 in Hz over voiced training frames."""
    std_log_f0: float = 1.0
    """Standard deviation of the natural logarithm of F0 in Hz."""


class CorpusFacts(StrictModel):
    """Mel configuration, symbols, speakers and language of a corpus. A treebank has the default values."""

    mel: MelConfig = MelConfig()
    symbols: tuple[str, ...] = ()
    """Symbols of the tokens; the id of a symbol is its index."""
    speakers: tuple[SpeakerFacts, ...] = ()
    language: str = "en-US"
    """Language of the texts as a BCP 47 tag: a voice that learns from them reads text so by default."""

    @property
    def speaker_names(self) -> list[str]:
        """Return the names of the speakers, in the order of their ids."""
        return [speaker.name for speaker in self.speakers]
