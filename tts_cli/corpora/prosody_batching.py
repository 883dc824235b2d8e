"""Batches of token-level prosody: questions come often, and readers lend each other their prosody.

Few recorded sentences are questions, and some readers never raise their voice at the end of one. Their voices learn to ask from
the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.corpora.batching import AcousticBatches, Arrays, Batch
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.text.phones import QUESTION, STOP

ASKED = "yes-no"
"""Kind of the questions that rise at their end."""
RARE = frozenset({"yes-no", "wh", "or", "exclamation", "dialogue"})
"""Kinds that come more often in an epoch than they were recorded, and that readers lend each other."""
FINAL_S = 0.3
"""Seconds of voiced speech at the end of an utterance that decide whether it rises."""
LEAST_FRAMES = 6
"""Fewest voiced frames that tell whether an utterance rises."""
MASKS = {"token_log_f0": "token_mask", "log_f0": "frame_mask", "token_energy": "token_mask", "energy": "frame_mask"}
"""Tensors of log F0 and of energy that are moved to another speaker, and their masks."""
LEVEL_CLIPS = 50
"""Most clips of a speaker from which the level of their recordings is told."""
RANGES = (0.7, 1.5)
"""Smallest and largest factor on the F0 range of lent prosody."""


class ProsodyBatches(AcousticBatches):
    """Batches of token-level prosody of whole clips of similar length.

    A batch has the tensors of `AcousticBatches` at token rate, and `speaker`. If a yes/no question does not rise at its end, its
    question mark becomes a full stop. Some utterances are lent to a random speaker of the corpus: their F0 moves to the mean of
    that speaker and takes that speaker's range, and their energy moves to the level of that speaker's recordings.

    Args:
        corpus: Prepared corpus.
        split: Its split to read.
        batch_frames: Largest number of frames of a batch, padding included.
        seed: Seed of the order and of the lending.
        times: Times that an utterance of a kind in `RARE` comes in an epoch.
        lent: Share of the utterances of a kind in `RARE` that are lent; a quarter of this share of the others.
        normalise_sessions: Subtract the drift over sessions, as `AcousticBatches` does.

    Raises:
        CorpusError: The corpus has no such split, or does not know the drift that is to be subtracted.
    """

    FEATURES: tuple[str, ...] = ("log_f0", "voicing", "energy")

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        batch_frames: int,
        seed: int,
        times: int,
        lent: float,
        normalise_sessions: bool = False,
    ) -> None:
        self._times, self._lent, self._seed = times, lent, seed
        super().__init__(corpus, split, batch_frames, seed, normalise_sessions)

    def _chosen(self, recordings: list[Recording]) -> list[Recording]:
        return [one for one in recordings for _ in range(self._times if one.kind in RARE else 1)]

    def batch(self, step: int) -> Batch:
        members = self.members(step)
        return self._with_lent(self.collate(members), members, step)

    def _item(self, recording: Recording) -> Arrays:
        features = self._loaded(recording)
        tokens = self._arrays(recording)
        if recording.kind == ASKED and not rises(features, self.corpus.mel.frame_rate):
            asked, said = (self._symbol_ids[mark] for mark in (QUESTION, STOP))
            tokens["phones"] = np.where(tokens["phones"] == asked, said, tokens["phones"])
        return tokens

    def _arrays(self, recording: Recording) -> Arrays:
        """Return the arrays of a recording as it was said."""
        features = self._loaded(recording)
        return self._tokens(recording, {name: features[name][:, None] for name in self.FEATURES})

    @cached_property
    def _levels(self) -> dict[str, float]:
        """Return the level of each speaker's recordings: the mean energy of voiced frames."""
        clips: dict[str, list[Recording]] = {}
        for recording in self.recordings:
            clips.setdefault(recording.speaker, []).append(recording)
        return {name: self._level(own[:: -(-len(own) // LEVEL_CLIPS)]) for name, own in clips.items()}

    def _level(self, recordings: Sequence[Recording]) -> float:
        loaded = [self._loaded(recording) for recording in recordings]
        voiced = np.concatenate([one["energy"][one["voicing"] > 0.5] for one in loaded])
        return float(voiced.mean()) if len(voiced) else 0.0

    def _with_lent(self, batch: Batch, recordings: Sequence[Recording], step: int) -> Batch:
        generator = np.random.default_rng([self._seed, step, 1])
        summaries, names = self.corpus.summary.speakers, self.corpus.speakers
        log_f0, energies = (
            {name: batch[name].clone() for name in MASKS if name.endswith(value) and name in batch}
            for value in ("log_f0", "energy")
        )
        speaker = batch["speaker"].clone()
        for row, recording in enumerate(recordings):
            share = self._lent if recording.kind in RARE else self._lent / 4
            if generator.random() >= share:
                continue
            borrower = int(generator.integers(len(names)))
            own, other = summaries[recording.speaker], summaries[names[borrower]]
            factor = float(np.clip(other.std_log_f0 / max(own.std_log_f0, 1e-3), *RANGES))
            for values in log_f0.values():
                values[row] = (values[row] - own.mean_log_f0) * factor + other.mean_log_f0
            level = self._levels[recording.speaker]
            for energy in energies.values():
                energy[row] += self._levels.get(names[borrower], level) - level
            speaker[row] = borrower
            if "lent" in batch:
                batch["lent"][row] = True
        changed = {name: values * batch[MASKS[name]] for name, values in (log_f0 | energies).items()}
        return {**batch, **changed, "speaker": speaker}


class MelProsodyBatches(ProsodyBatches):
    """Batches of `ProsodyBatches` that also have mels and prosody of the frames, for models that hear a recording.

    A batch has the tensors of `AcousticBatches`, and `lent` (B,), true for an utterance that is lent: F0 is that of the borrower,
    `mel` is still that of the lender.
    """

    FEATURES = AcousticBatches.FEATURES

    def collate(self, recordings: Sequence[Recording]) -> Batch:
        return {**super().collate(recordings), "lent": torch.zeros(len(recordings), dtype=torch.bool)}

    def _arrays(self, recording: Recording) -> Arrays:
        return AcousticBatches._item(self, recording)


def rises(features: Arrays, frame_rate: float) -> bool:
    """Return whether F0 rises over the last `FINAL_S` seconds before the end of the last voiced sound.

    Args:
        features: `log_f0` and `voicing` of an utterance, shape (T,).
        frame_rate: Frames a second.
    """
    voiced = np.flatnonzero(features["voicing"] > 0.5)
    if len(voiced) < LEAST_FRAMES:
        return False
    last = voiced[voiced > voiced[-1] - round(FINAL_S * frame_rate)]
    return len(last) >= LEAST_FRAMES and slope(features["log_f0"][last], last) > 0


def slope(values: Floats, places: NDArray[np.int64]) -> float:
    """Return the slope of the regression line of `values` over `places`, both (n,)."""
    return float(np.polyfit(places, values, 1)[0])
