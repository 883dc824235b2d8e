"""Agreement of a recording with its transcript, word by word, by scores of forced alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.alignment import (
    ALIGNER_RATE,
    Integers,
    Stretch,
    Transcript,
    align_closely,
    decoder,
    pronunciations,
    run,
)
from tts_cli.audio.files import pcm16, resample
from tts_cli.audio.mel import Floats, MelConfig
from tts_cli.errors import AudioError

# Set on 234 recordings of the splits `unseen` and `test`. On 188 others (tests/transfer/measure_agreement.py CORPORA --limit 28)
# no true text was refused; of wrong texts 108 of 109 were, and of those of fewer than six words 59 of 79.
_LOWEST_MEAN = -36.0
"""Lowest mean log score of all frames, silence included, of a recording that says its text."""
_MOST_DOUBTED = 0.5
"""Largest share of speech frames, doubtful or surplus, of a recording that says its text."""
_POOR = -40.0
"""Log score of a frame below which the frame counts against its word."""
_MOST_AGAINST = 400.0
"""Largest evidence (see `_against`) against a run of words that are not doubted."""
_POOR_UNHEARD = -60.0
"""Mean log score below which a word is doubted if the recogniser skips it when all words are optional."""
_POOR_SILENCE, _MOST_AGAINST_SILENCE = -25.0, 600.0
"""`_POOR` and `_MOST_AGAINST` for silence: some 10 frames of speech in a silence are needed to doubt it."""
_BEAM = 1e-120
"""Beam of the recogniser that listens for optional words, relative to the best path (pocketsphinx `beam`)."""


@dataclass(frozen=True)
class TranscriptAgreement:
    """Result of comparing a recording with a text."""

    durations: Integers | None
    """Frames of each of the N tokens by forced alignment, shape (N,); None if the alignment fails."""
    doubtful: tuple[int, ...]
    """Indices of words that do not sound like the recording."""
    surplus: tuple[int, ...]
    """Indices of words after which the recording has speech that the text lacks; -1: before the first word."""
    is_same: bool
    """True if the recording says this text, apart from the doubtful words."""


def compare(audio: Floats, utterance: Transcript, config: MelConfig) -> TranscriptAgreement:
    """Align `audio` with a text, and find the words that do not agree.

    The score of a frame is relative to the best state of any phone at that frame: noise and accents, which lower the scores of
    all phones, count for little. A word is doubted in a run of words with poor scores, or if its score is poor and the recogniser
    skips it when all words are optional.

    Args:
        audio: Samples, shape (samples,), at the sample rate of `config`.
        utterance: Words and tokens of the text.
        config: Configuration of the mel frames that the durations count.

    Raises:
        AudioError: The text has no phone, or more phones than the audio has frames.
    """
    samples = pcm16(resample(audio, config.sample_rate, ALIGNER_RATE))
    unheard = _unheard(samples, pronunciations(utterance))
    try:
        durations, stretches = align_closely(audio, utterance, config, most_unlike=1.0)
    except AudioError:
        if sum(word >= 0 for word in utterance.word_of_token) > config.num_frames(len(audio)):
            raise
        return TranscriptAgreement(None, tuple(unheard), (), False)
    doubtful, surplus = _doubtful(stretches, unheard), _surplus(stretches)
    believed = sum(one.num_frames for one in stretches if one.word >= 0 and one.word not in doubtful)
    disputed = sum(one.num_frames for one in stretches if one.word in doubtful) + sum(surplus.values())
    is_same = _mean(stretches) >= _LOWEST_MEAN and disputed <= _MOST_DOUBTED * (believed + disputed)
    return TranscriptAgreement(durations, tuple(doubtful), tuple(surplus), is_same)


def _mean(stretches: Sequence[Stretch]) -> float:
    return sum(stretch.score for stretch in stretches) / sum(stretch.num_frames for stretch in stretches)


def _against(stretch: Stretch, poor: float) -> float:
    """Return the evidence against a stretch: the sum of `poor` minus the score over its frames. Negative supports it."""
    return poor * stretch.num_frames - stretch.score


def _doubtful(stretches: Sequence[Stretch], unheard: Sequence[int]) -> list[int]:
    words = [stretch for stretch in stretches if stretch.word >= 0]
    weak = {word.word for word in words if _mean([word]) < _POOR_UNHEARD}
    return sorted(weak.intersection(unheard) | {words[place].word for place in np.flatnonzero(_poor_runs(words))})


def _poor_runs(stretches: Sequence[Stretch]) -> NDArray[np.bool_]:
    """Return a mask (S,) of the S stretches in runs with more evidence against them than `_MOST_AGAINST`.

    A stretch is the frames of one word. Runs are found from the most evidence down.
    """
    against = [_against(stretch, _POOR) for stretch in stretches]
    poor = np.zeros(len(against), bool)
    while True:
        total, first, end = _heaviest_run(against)
        if total <= _MOST_AGAINST:
            return poor
        poor[first:end] = True
        against[first:end] = [-np.inf] * (end - first)


def _heaviest_run(values: Sequence[float]) -> tuple[float, int, int]:
    """Return the largest sum of adjacent values, with start and end of their range (Kadane's algorithm)."""
    best, total, first = (0.0, 0, 0), 0.0, 0
    for place, value in enumerate(values):
        if total <= 0:
            total, first = 0.0, place
        total += value
        best = max(best, (total, first, place + 1), key=lambda run: run[0])
    return best


def _surplus(stretches: Sequence[Stretch]) -> dict[int, int]:
    """Return the frames of each silence that holds speech, by the index of the word before it; -1 before the first."""
    words = np.maximum.accumulate([stretch.word for stretch in stretches])
    found = {}
    for word in np.unique(words).tolist():
        silences = [stretch for stretch, last in zip(stretches, words, strict=True) if last == word and stretch.word < 0]
        if sum(_against(silence, _POOR_SILENCE) for silence in silences) > _MOST_AGAINST_SILENCE:
            found[word] = sum(silence.num_frames for silence in silences)
    return found


def _unheard(samples: bytes, words: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the indices of words that the recogniser skips when all words are optional.

    Args:
        samples: 16-bit samples at the rate of the aligner.
        words: Phones of each word.
    """
    listener = decoder(_BEAM)
    for place, phones in enumerate(words):
        listener.add_word(str(place), " ".join(phones), False)
    steps: list[tuple[int, int, float] | tuple[int, int, float, str]] = []
    for place in range(len(words)):
        steps += [(place, place + 1, 0.5, str(place)), (place, place + 1, 0.5)]
    listener.add_fsg("optional", listener.create_fsg("optional", 0, len(words), steps))
    listener.activate_search("optional")
    run(listener, samples)
    heard = {segment.word for segment in listener.seg() or ()} if listener.hyp() is not None else set()
    return [place for place in range(len(words)) if str(place) not in heard]
