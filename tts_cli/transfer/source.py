"""Sources: prosody of a recording, as input of a voice."""

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
    """Prosody of a recording for another voice. `transfer.listening.listen` makes it; `Voice.stream` accepts it as input.

    Examples:
        >>> from pathlib import Path
        >>> import tts_cli
        >>> from tts_cli.transfer.listening import listen
        >>> voice = tts_cli.load("copycat-16k")
        >>> recording = Path("data/cmu_us_bdl_arctic/wav/arctic_a0500.flac")
        >>> text = "Who the devil gave it to you to be judge and jury?"
        >>> source = listen(recording, text, voice.acoustic).source
        >>> chunks = list(voice.stream([source], controls=tts_cli.Controls(strength=0.5)))
    """

    sentence: Sentence
    """Words and tokens of the recording, with their durations in frames."""
    mel: Floats | None = None
    """Log mel spectrogram of the recording, shape (T, bands), T the sum of the durations; None: only durations are taken."""
    speaker: Floats | None = None
    """Speaker embedding of the recording, shape (D,), by the speaker encoder of the voice's addon; None without a mel."""

    def ports(self, phones: NDArray[Any]) -> Ports:
        """Return the ports of a request that the recording fills, by name; empty without a mel.

        Args:
            phones: Indices of the sentence's tokens in the addon's `symbols`, shape (N,).
        """
        if self.mel is None or self.speaker is None or self.sentence.durations is None:
            return {}
        source_phones = np.repeat(phones, np.array(self.sentence.durations, np.int64))
        return {
            SOURCE_MEL: self.mel,
            SOURCE_MASK: np.ones(len(source_phones)),
            SOURCE_PHONES: source_phones,
            SOURCE_SPEAKER: self.speaker,
        }
