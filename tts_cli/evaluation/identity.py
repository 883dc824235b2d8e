"""Whose voice it is: Resemblyzer judges. It never conditions a model, or its verdict would mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tts_cli.audio.files import resample
from tts_cli.audio.mel import Floats
from tts_cli.errors import AudioError
from tts_cli.evaluation.report import require

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
    cosines = {name: float(vector @ other / np.linalg.norm(vector)) for name, other in centroids.items()}
    nearest = max(cosines, key=lambda name: cosines[name])
    return IdentityScores(cosines[target], cosines[source], nearest == target, nearest)
