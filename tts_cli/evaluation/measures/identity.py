"""Whose voice it is: Resemblyzer judges. It never conditions a model, or its verdict would mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError, CorpusError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.prompts import read_prompts

NUM_RECORDINGS = 20
"""Of a speaker, from which its centroid is made, or all where there are fewer."""
_SAMPLE_RATE = 16000


def voice_vector(audio: Floats, sample_rate: int) -> Floats:
    """The d-vector (256,), of unit length, of who speaks in `audio` (samples,): Wan et al. 2018, as Resemblyzer has it.

    Raises AudioError where there is no speech, InputError where the evaluation extra is missing.
    """
    # Its own resampling wants another package; silence makes it warn and then fail.
    if not np.any(audio):
        raise AudioError("there is no voice in silence")
    speech = require("resemblyzer").preprocess_wav(resample(audio, sample_rate, _SAMPLE_RATE))
    if not len(speech):
        raise AudioError("there is no voice in the recording")
    return np.asarray(_encoder().embed_utterance(speech), np.float32)


@lru_cache(maxsize=1)
def _encoder() -> Any:
    return require("resemblyzer").VoiceEncoder("cpu", verbose=False)


def centroid(vectors: Iterable[Floats]) -> Floats:
    """The mean direction (D,), of unit length, of a speaker's `vectors` (D,)."""
    mean = np.mean(list(vectors), axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def cosine(vector: Floats, other: Floats) -> float:
    """Return the cosine of `vector` (D,) with `other` (D,), which is of unit length."""
    return float(vector @ other / np.linalg.norm(vector))


def own_recordings(corpora: Path, speaker: str, split: str = "train") -> tuple[Clip, ...]:
    """Return the recordings a speaker's centroid is made from, by default of those that voices are trained on.

    Raises:
        CorpusError: for a speaker without any.
    """
    return read_prompts(corpora, split, [speaker], NUM_RECORDINGS)


class OwnVoices:
    """Speakers' own recordings as judges of identity; each speaker's are read when they are first asked for.

    They are the first `NUM_RECORDINGS` of the split `train`, of speakers nobody trained on those of `unseen`.
    """

    def __init__(self, corpora: Path) -> None:
        self._corpora = corpora
        self._vectors: dict[str, dict[Clip, Floats]] = {}

    def cosine(self, speaker: str, audio: Floats, sample_rate: int, without: Clip | None = None) -> float:
        """Return the cosine of `audio` (samples,) with the centroid of its speaker's recordings, `without` one of them.

        NaN stands for audio in which no voice is found, and for a speaker without another recording.

        Raises:
            InputError: where the evaluation extra is missing.
        """
        others = [vector for clip, vector in self._of(speaker).items() if clip != without]
        try:
            return cosine(voice_vector(audio, sample_rate), centroid(others)) if others else float("nan")
        except AudioError:
            return float("nan")

    def _of(self, speaker: str) -> dict[Clip, Floats]:
        if speaker not in self._vectors:
            self._vectors[speaker] = {clip: voice_vector(*read_native(clip.audio)) for clip in self._clips(speaker)}
        return self._vectors[speaker]

    def _clips(self, speaker: str) -> tuple[Clip, ...]:
        for split in ("train", "unseen"):
            try:
                return own_recordings(self._corpora, speaker, split)
            except CorpusError:
                continue
        return ()


@dataclass(frozen=True)
class IdentityScores:
    """Whose voice an output has."""

    target_cosine: float
    """With the centroid of the speaker it is to sound like."""
    source_cosine: float
    """With that of the speaker whose prosody it has."""
    is_target: bool
    """Whether the nearest of all centroids is the target's."""
    nearest: str


def compare_identity(vector: Floats, target: str, source: str, centroids: Mapping[str, Floats]) -> IdentityScores:
    """Where `vector` (D,) lies among the `centroids` (D,) of speakers, `target` and `source` among them."""
    cosines = {name: cosine(vector, other) for name, other in centroids.items()}
    nearest = max(cosines, key=lambda name: cosines[name])
    return IdentityScores(cosines[target], cosines[source], nearest == target, nearest)
