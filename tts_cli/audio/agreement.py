"""Agreement of a recording with its transcript, word by word, by scores of forced alignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

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
# no true text was refused; of wrong texts 108 of 109 were, and of those of fewer than six words 61 of 79.
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
_LOUD = 0.1
"""Power of a loud frame, as a share of that of the loud frames of the words (-10 dB)."""
_LEAST_LOUD, _POOR_LOUD = 28, -20.0
"""Loud frames of a silence that is speech if its mean log score is below the second figure. Noisy recordings of true texts
had at most 26; four of texts that lack their last words had 31 to 36."""
_SHORTEST_SURPLUS = 20
"""Frames of the shortest silence that is surplus: a word; the aligner has shorter ones between the phones of foreign names."""
_BEAM = 1e-120
"""Beam of the recogniser that listens for optional words, relative to the best path (pocketsphinx `beam`)."""
_MOST_NAMED = 12
"""Runs of words that a complaint names."""
AGREEMENT_VERSION = 1
"""Version of the judgement; raised when the same recording and text are judged otherwise than before."""


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
    samples, words = resample(audio, config.sample_rate, ALIGNER_RATE), pronunciations(utterance)
    try:
        durations, stretches = align_closely(audio, utterance, config, most_unlike=1.0)
    except AudioError:
        if sum(word >= 0 for word in utterance.word_of_token) > config.num_frames(len(audio)):
            raise
        return TranscriptAgreement(None, tuple(_unheard(samples, words)), (), False)
    return judge(samples, words, durations, stretches)


def judge(
    samples: Floats, words: Sequence[tuple[str, ...]], durations: Integers, stretches: Sequence[Stretch]
) -> TranscriptAgreement:
    """Return how far the words of an alignment are to be believed.

    It takes the scores of the alignment, and a second search only if a word is poor enough to need it.

    Args:
        samples: Recording at `ALIGNER_RATE`, shape (samples,).
        words: Phones of each word, see `pronunciations`.
        durations: Frames of each token (N,).
        stretches: Words and silences, as `align_closely` returns them.
    """
    doubtful = _doubtful(stretches, lambda: _unheard(samples, words))
    surplus = _surplus(stretches, _num_loud(samples, stretches))
    believed = sum(one.num_frames for one in stretches if one.word >= 0 and one.word not in doubtful)
    disputed = sum(one.num_frames for one in stretches if one.word in doubtful) + sum(surplus.values())
    is_same = _mean(stretches) >= _LOWEST_MEAN and disputed <= _MOST_DOUBTED * (believed + disputed)
    return TranscriptAgreement(durations, tuple(doubtful), tuple(surplus), is_same)


def _mean(stretches: Sequence[Stretch]) -> float:
    return sum(stretch.score for stretch in stretches) / sum(stretch.num_frames for stretch in stretches)


def _against(stretch: Stretch, poor: float) -> float:
    """Return the evidence against a stretch: the sum of `poor` minus the score over its frames. Negative supports it."""
    return poor * stretch.num_frames - stretch.score


def _doubtful(stretches: Sequence[Stretch], unheard: Callable[[], Sequence[int]]) -> list[int]:
    words = [stretch for stretch in stretches if stretch.word >= 0]
    weak = {word.word for word in words if _mean([word]) < _POOR_UNHEARD}
    return sorted(
        (weak.intersection(unheard()) if weak else set()) | {words[place].word for place in np.flatnonzero(_poor_runs(words))}
    )


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


def _num_loud(samples: Floats, stretches: Sequence[Stretch]) -> list[int]:
    """Return the number of frames of each stretch that are about as loud as the words."""
    hop = ALIGNER_RATE // 100
    level = np.square(samples[: len(samples) // hop * hop].reshape(-1, hop)).mean(1)
    parts = [level[stretch.start : stretch.start + stretch.num_frames] for stretch in stretches]
    spoken = np.concatenate([part for part, stretch in zip(parts, stretches, strict=True) if stretch.word >= 0])
    least = _LOUD * np.percentile(spoken, 75) if len(spoken) else np.inf
    return [int((part > least).sum()) for part in parts]


def _surplus(stretches: Sequence[Stretch], num_loud: Sequence[int]) -> dict[int, int]:
    """Return the frames of each silence that holds speech, by the index of the word before it; -1 before the first."""
    words = np.maximum.accumulate([stretch.word for stretch in stretches])
    found = {}
    for word in np.unique(words).tolist():
        places = [place for place, stretch in enumerate(stretches) if words[place] == word and stretch.word < 0]
        silences = [stretches[place] for place in places]
        is_speech = sum(num_loud[place] for place in places) >= _LEAST_LOUD and _mean(silences) < _POOR_LOUD
        is_long = any(one.num_frames >= _SHORTEST_SURPLUS and _mean([one]) < _POOR_LOUD for one in silences)
        if is_speech or (is_long and sum(_against(silence, _POOR_SILENCE) for silence in silences) > _MOST_AGAINST_SILENCE):
            found[word] = sum(silence.num_frames for silence in silences)
    return found


def _unheard(samples: Floats, words: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the indices of words that the recogniser skips when all words are optional.

    Args:
        samples: Samples (samples,) at the rate of the aligner.
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
    run(listener, pcm16(samples))
    heard = {segment.word for segment in listener.seg() or ()} if listener.hyp() is not None else set()
    return [place for place in range(len(words)) if str(place) not in heard]


def complaints(words: Sequence[str], doubtful: Sequence[int], surplus: Sequence[int]) -> Iterator[str]:
    """Yield sentences that name the words that do not agree; words in a row are named together."""
    runs = [[place for _, place in group] for _, group in groupby(enumerate(doubtful), key=lambda pair: pair[1] - pair[0])]
    named = [f'"{" ".join(words[place] for place in run)}"' for run in runs[:_MOST_NAMED]]
    more = sum(len(run) for run in runs[_MOST_NAMED:])
    if named:
        yield f"not heard as written: {', '.join(named)}{f' and {more} more words' if more else ''}"
    if surplus:
        places = [f'after "{words[place]}"' if place >= 0 else "before the first word" for place in surplus[:_MOST_NAMED]]
        yield f"more is said than written {', '.join(places)}"
