"""Test of the earlier speakers of a fine-tuned model: its speech beside that of the initial model, which the run has kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.corpora.facts import Features
from tts_cli.corpora.manifest import Corpus, Recording, open_corpus
from tts_cli.models import TrainableModel
from tts_cli.training.rehearsal import REHEARSED, utterance_of

DECIBELS = 20 / math.log(10)
"""Decibels of a natural-log magnitude of 1."""
LARGEST_MEL_DB, LARGEST_SEMITONES, LARGEST_LENGTH = 3.0, 1.0, 0.05
"""Differences from the initial model beyond which a speaker is warned about: mel in dB, F0 in semitones, length of the sentences
as a share.

On one fine-tuning of `arctic-16k`, four speakers within these bounds (1.8 to 2.3 dB) changed in speaker cosine by -0.010 to
+0.004, and one beyond them (3.4 dB, 8 % shorter) by -0.08; five sentences each."""


@dataclass(frozen=True)
class SpeakerChange:
    """Differences of a speaker's speech from that of the initial model, means over sentences that no training used."""

    speaker: str
    """Name of the speaker."""
    num_sentences: int
    """Sentences spoken by both models."""
    mel_db: float
    """Mean absolute difference of the mel in dB, spoken with the durations of the initial model."""
    semitones: float
    """Mean absolute difference of F0 in semitones over frames voiced by the initial model."""
    duration_ms: float
    """Mean absolute difference of the duration of a token in ms."""
    length: float
    """Change of the length of all sentences together, as a share."""

    @property
    def is_large(self) -> bool:
        """Return whether a difference exceeds its bound."""
        return self.mel_db > LARGEST_MEL_DB or self.semitones > LARGEST_SEMITONES or abs(self.length) > LARGEST_LENGTH

    def __str__(self) -> str:
        return (
            f"{self.speaker}: mel {self.mel_db:.2f} dB, F0 {self.semitones:.2f} semitones, durations {self.duration_ms:.1f} ms, "
            f"length {100 * self.length:+.1f} % ({self.num_sentences} sentence{'s' * (self.num_sentences != 1)})"
        )


def tell_changes(model: TrainableModel, run: Path, data: Any, temperature: float, say: Callable[[str], None]) -> None:
    """Compare the earlier speakers of `model` with the initial model, and tell the figures, with a warning if one is large.

    Args:
        model: The trained model in evaluation mode.
        run: Folder of the run, with the rehearsed speech.
        data: The corpus of the training.
        temperature: Deviation of the noise of a flow of prosody with which the initial model spoke.
        say: Called with one line for each speaker, and one for each warning.

    Raises:
        CorpusError: The rehearsed speech is damaged.
    """
    if not (run / REHEARSED / "manifest.jsonl").is_file():
        say(f"the earlier speakers were not compared with the initial model: {run / REHEARSED} holds no speech of theirs")
        return
    for change in changes(model, open_corpus(run / REHEARSED), data, temperature):
        say(f"beside the initial model: {change}")
        if change.is_large:
            bounds = f"{LARGEST_MEL_DB:g} dB, {LARGEST_SEMITONES:g} semitone, {100 * LARGEST_LENGTH:g} % of the length"
            say(
                f"warning: {change.speaker} changed by more than {bounds}; listen, and if it is worse, train with fewer steps, a "
                "lower optimiser.learning_rate or a larger rehearsal.share"
            )


def changes(model: TrainableModel, rehearsed: Corpus, data: Any, temperature: float | None = None) -> Iterator[SpeakerChange]:
    """Yield the change of each earlier speaker that `model` has; both models say a sentence with the same noise.

    Args:
        model: The trained model in evaluation mode.
        rehearsed: Speech of the initial model.
        data: The corpus with the recordings whose texts it spoke; a text that it lacks is compared without the prosody of its
            recording.
        temperature: Deviation of the noise of a flow of prosody with which the initial model spoke.
    """
    sources = {(one.corpus, one.id): one for one in data.recordings} if isinstance(data, Corpus) else {}
    for name in rehearsed.speakers:
        tested = [one for one in rehearsed.recordings if one.speaker == name and one.split == "test"]
        if tested and name in model.facts.speaker_names:
            pairs = [(_utterance(data, sources.get((one.corpus, one.id)), rehearsed, one), one) for one in tested]
            yield _change(model, name, pairs, rehearsed, temperature)


def _utterance(data: Corpus, source: Recording | None, rehearsed: Corpus, spoken: Recording) -> Features:
    if source is not None:
        return utterance_of(data, source)
    return {"phones": utterance_of(rehearsed, spoken)["phones"]}


def _change(
    model: TrainableModel, name: str, pairs: Sequence[tuple[Features, Recording]], rehearsed: Corpus, temperature: float | None
) -> SpeakerChange:
    speaker, frame_ms = model.facts.speaker_names.index(name), 1000 / rehearsed.mel.frame_rate
    mels, pitches, durations = [], [], []
    for utterance, spoken in pairs:
        before = np.array(spoken.durations)
        free, timed = (model.say(utterance, speaker, frames, temperature) for frames in (None, before))
        assert free is not None and timed is not None, "the initial model spoke, so this one does"
        kept = rehearsed.load(spoken, ("mel", "log_f0", "voicing"))
        mels.append(DECIBELS * float(np.abs(timed["mel"] - kept["mel"]).mean()))
        voiced = kept["voicing"] > 0
        difference = np.abs(timed["log_f0"] - kept["log_f0"])[voiced]
        pitches.append(12 / math.log(2) * float(difference.mean()) if voiced.any() else 0.0)
        durations.append((before, free["durations"]))
    tokens = np.concatenate([after - before for before, after in durations])
    length = sum(int(after.sum()) for _, after in durations) / max(1, sum(int(before.sum()) for before, _ in durations)) - 1
    return SpeakerChange(
        name, len(pairs), float(np.mean(mels)), float(np.mean(pitches)), frame_ms * float(np.abs(tokens).mean()), length
    )
