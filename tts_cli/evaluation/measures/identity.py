"""Speaker identity by cosine similarity of Resemblyzer speaker embeddings (Wan et al. 2018).

No model is conditioned on these embeddings: a model conditioned on them would be judged by its own input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.audio.files import read_native, resample
from tts_cli.audio.mel import Floats
from tts_cli.corpora.journal import fingerprint
from tts_cli.corpora.layouts import Clip
from tts_cli.errors import AudioError, CorpusError
from tts_cli.evaluation.extra import require
from tts_cli.evaluation.prompts import read_prompts

NUM_RECORDINGS = 20
"""Largest number of recordings that a speaker's centroid is made of."""
_SAMPLE_RATE = 16000


def voice_vector(audio: Floats, sample_rate: int) -> Floats:
    """Return the speaker embedding of `audio` (samples,): the d-vector of Wan et al. 2018 by Resemblyzer, shape (256,), norm 1.

    Raises:
        AudioError: if there is no speech in the audio.
        InputError: if the extra `eval` is not installed.
    """
    # Resampling by Resemblyzer needs another package. Silence makes it warn and then fail.
    if not np.any(audio):
        raise AudioError("the audio is silent: there is no voice to compare")
    speech = require("resemblyzer").preprocess_wav(resample(audio, sample_rate, _SAMPLE_RATE))
    if not len(speech):
        raise AudioError("no speech was found in the audio: there is no voice to compare")
    return np.asarray(_encoder().embed_utterance(speech), np.float32)


@lru_cache(maxsize=1)
def _encoder() -> Any:
    return require("resemblyzer").VoiceEncoder("cpu", verbose=False)


def centroid(vectors: Iterable[Floats]) -> Floats:
    """Return the centroid of speaker embeddings (D,): their mean scaled to unit length, shape (D,)."""
    mean = np.mean(list(vectors), axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def cosine(vector: Floats, other: Floats) -> float:
    """Return the cosine similarity, -1 to 1, of `vector` (D,) and the unit vector `other` (D,)."""
    return float(vector @ other / np.linalg.norm(vector))


def own_recordings(corpora: Path, speaker: str, split: str = "train") -> tuple[Clip, ...]:
    """Return the recordings a speaker's centroid is made from, by default of those that voices are trained on.

    Raises:
        CorpusError: for a speaker without any.
    """
    return read_prompts(corpora, split, [speaker], NUM_RECORDINGS)


class OwnVoices:
    """Centroids of the speakers' own recordings, to judge the identity of an utterance. Recordings are read at first use.

    They are the first `NUM_RECORDINGS` of the split `train`; for a speaker without training recordings, of `unseen`.
    """

    def __init__(self, corpora: Path) -> None:
        self._corpora = corpora
        self._vectors: dict[str, dict[Clip, Floats]] = {}
        self._prints: dict[str, tuple[str, ...]] = {}

    def cosine(self, speaker: str, audio: Floats, sample_rate: int, without: Clip | None = None) -> float:
        """Return the cosine similarity of the embedding of `audio` with the centroid of the speaker's recordings.

        Args:
            speaker: the speaker that the audio should sound like.
            audio: samples (samples,).
            sample_rate: sample rate in Hertz.
            without: recording to leave out of the centroid, such as the audio's own.

        Returns:
            The cosine, -1 to 1; NaN if the audio holds no voice, or the speaker has no other recording.

        Raises:
            InputError: if the extra `eval` is not installed.
        """
        others = [vector for clip, vector in self._of(speaker).items() if clip != without]
        try:
            return cosine(voice_vector(audio, sample_rate), centroid(others)) if others else float("nan")
        except AudioError:
            return float("nan")

    def prints(self, speaker: str) -> tuple[str, ...]:
        """Return the hashes of the speaker's recordings, on which the cosine depends."""
        if speaker not in self._prints:
            self._prints[speaker] = tuple(fingerprint(clip.audio) for clip in self._clips(speaker))
        return self._prints[speaker]

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
    """Speaker similarity of a transferred utterance to its target and its source."""

    target_cosine: float
    """Cosine similarity with the centroid of the target, the speaker it should sound like."""
    source_cosine: float
    """Cosine similarity with the centroid of the source, the speaker of the transferred recording."""
    is_target: bool
    """True if the target's centroid is the nearest of all."""
    nearest: str
    """Speaker of the nearest centroid."""


def compare_identity(vector: Floats, target: str, source: str, centroids: Mapping[str, Floats]) -> IdentityScores:
    """Compare a speaker embedding with the centroids of several speakers.

    Args:
        vector: speaker embedding of the utterance, shape (D,).
        target: name of the speaker it should sound like.
        source: name of the speaker of the transferred recording.
        centroids: unit-length centroids (D,) by speaker, with those of `target` and `source`.
    """
    cosines = {name: cosine(vector, other) for name, other in centroids.items()}
    nearest = max(cosines, key=lambda name: cosines[name])
    return IdentityScores(cosines[target], cosines[source], nearest == target, nearest)
