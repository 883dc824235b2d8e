"""Sources: recordings, understood, whose prosody a voice takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.transfer.feature import SOURCE_MASK, SOURCE_MEL, SOURCE_PHONES, SOURCE_SPEAKER
from tts_cli.voice.fillers import Ports
from tts_cli.voice.sentence import Sentence


@dataclass(frozen=True)
class Source:
    """A recording whose prosody another voice is to take, as `transfer.listening.listen` makes it."""

    sentence: Sentence
    """Its words and phones; the durations are those of the recording, in frames."""
    mel: Floats | None = None
    """Mel of the recording, (T, bands) with T the sum of the durations; None: only the rhythm is taken."""
    speaker: Floats | None = None
    """Speaker embedding of the recording, (D,), by the speaker encoder of the addon that takes its prosody."""

    def ports(self, phones: NDArray[Any]) -> Ports:
        """Return the ports of a request that the recording fills; phones: (N,) ids of the sentence's tokens."""
        if self.mel is None or self.speaker is None or self.sentence.durations is None:
            return {}
        source_phones = np.repeat(phones, np.array(self.sentence.durations, np.int64))
        return {
            SOURCE_MEL: self.mel,
            SOURCE_MASK: np.ones(len(source_phones)),
            SOURCE_PHONES: source_phones,
            SOURCE_SPEAKER: self.speaker,
        }
