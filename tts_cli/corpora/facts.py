"""Facts of a corpus that a model is built from and keeps: in its checkpoints, and in its addon."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import MelConfig
from tts_cli.config import StrictModel

Features = Mapping[str, NDArray[np.generic]]
"""One utterance of a prepared corpus, without a batch axis: `phones` (N,) int64, `durations` (N,) int64, `speaker` () int64,
`mel` (T, bands), and `log_f0`, `voicing`, `energy` (T,)."""


class SpeakerFacts(StrictModel):
    """One voice of a corpus; its id is its place in the list of speakers."""

    name: str
    mean_log_f0: float = 0.0
    """Mean of the natural logarithm of F0 in Hertz over voiced frames."""
    std_log_f0: float = 1.0


class CorpusFacts(StrictModel):
    """Mel configuration, symbols and speakers of a corpus; a treebank has none of its own."""

    mel: MelConfig = MelConfig()
    symbols: tuple[str, ...] = ()
    """Tokens; their ids are their places."""
    speakers: tuple[SpeakerFacts, ...] = ()

    @property
    def speaker_names(self) -> list[str]:
        """Names in the order of their ids."""
        return [speaker.name for speaker in self.speakers]
