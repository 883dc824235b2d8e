"""Fake recogniser and naturalness predictor, both decided by the loudness of the audio."""

import numpy as np

from tts_cli.audio.mel import Floats
from tts_cli.evaluation.measures.recognition import Recogniser, WordErrors


class LoudnessRecogniser(Recogniser):
    """Recogniser that understands every word of loud audio and none of soft audio."""

    def __init__(self) -> None: ...

    def word_errors(self, text: str, audio: Floats, sample_rate: int) -> WordErrors:
        assert sample_rate in (16000, 22050)
        words = len(text.split())
        return WordErrors(text, text, 0 if np.abs(audio).max() > 0.1 else words, words)


def peak(audio: Floats, sample_rate: int) -> float:
    """Return 1 for silence, 5 for full scale."""
    assert sample_rate in (16000, 22050)
    return 1 + 4 * float(np.abs(audio).max())
