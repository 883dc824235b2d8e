"""Prediction of a sentence's prosody embedding from its cues, its meaning and the sentence before, by weights in the addon.

`export.prediction` fits the weights to the inventory. The asset `prosody-prediction.npz` holds them:

    cues            (F,) names of the cues, those of `cues.CUES`
    standard        (4, F) mean, deviation, and lowest and highest standardised value of each cue in training
    meaning_mean    (E,) mean sentence vector
    cue_weights     (S, F + 1, D) of the cues of each of S speakers, and of a constant
    meaning_weights (E, D)
    before_cue_weights, before_meaning_weights, before_prosody_weights
                    (F + 1, D), (E, D) and (D, D), of the sentence before and of its chosen offset; no rows: not read
    recorded        (S,) root mean square offset of each speaker's recordings from the centroid
    predicted       (S,) that of the predictions for sentences that took no part in the fit, without the steady directions
    predicted_steady
                    (S,) that of the same in the steady directions
    steady          (D, K) directions in which predictions are not scaled up: those that durations depend on most
    explained       (S,) share of the variance of held-out embeddings that is predicted
    basis           (D, R) directions of the similarity that is learnt
    places          (U, R) place in them of each utterance of the inventory, predicted without its text
"""

from __future__ import annotations

import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tts_cli.errors import StackError
from tts_cli.selection.cues import CUES, GROUPS
from tts_cli.selection.inventory import Assets, Floats, Integers

PREDICTION = "prosody-prediction"
"""Name of the asset with the weights; it is also the stem of its file."""
FARTHEST = 2.0
"""Largest offset of a prediction, times the offset that the option `spread` asks for."""
AGAIN = "export the addon again"
_SHAPES = {
    "standard": "4F",
    "meaning_mean": "E",
    "cue_weights": "SCD",
    "meaning_weights": "ED",
    "before_cue_weights": "?D",
    "before_meaning_weights": "?D",
    "before_prosody_weights": "?D",
    "recorded": "S",
    "predicted": "S",
    "predicted_steady": "S",
    "steady": "DK",
    "explained": "S",
    "basis": "DR",
    "places": "UR",
}
"""Dimensions of each array; arrays with the same letter have the same size there."""

SOUNDS, MEANING, BEFORE, READER = "sounds", "meaning", "the sentence before", "the reader"
NAMED = tuple(name for group, names in GROUPS.items() if group != SOUNDS for name in names)
REASONS = (*NAMED, SOUNDS, MEANING, BEFORE, READER)
"""Names of the parts that a prediction is the sum of."""


class SentenceInputs(NamedTuple):
    """Inputs of a prediction; None for a sentence before that there is not."""

    cues: Floats
    """(F,)"""
    vector: Floats
    """Sentence vector, (E,)."""
    before_cues: Floats | None = None
    before_vector: Floats | None = None
    before_offset: Floats | None = None
    """Offset of the embedding chosen for the sentence before from the speaker's centroid, (D,)."""


class Prediction:
    """Opened weights; predicts offsets from the centroid of a speaker."""

    def __init__(self, assets: Assets, path: str, sizes: tuple[int, int, int]) -> None:
        """Open the weights of an addon.

        Args:
            assets: Holder of the asset.
            path: JSON path of the block that reads it.
            sizes: Numbers U of utterances, E of values in a sentence vector, and D of values in an embedding.

        Raises:
            StackError: There are no weights, or they are damaged or do not fit the inventory.
        """
        try:
            file = assets.asset(PREDICTION, path)
        except StackError as error:
            message = f"{path}: the addon has no weights for the strategies 'learnt' and 'predicted'"
            hint = f"{AGAIN} with enough speech to learn from, or choose another strategy, such as bert+syntactic"
            raise StackError(message, hint=hint) from error
        self._arrays = _read(file, path)
        if not self._fits(dict(zip("UED", sizes, strict=True))):
            raise StackError(f"{path}: {file.name} does not fit the inventory", hint=AGAIN)

    @cached_property
    def num_speakers(self) -> int:
        """Number of speakers that the weights were fitted for."""
        return len(self._arrays["recorded"])

    @property
    def reads_before(self) -> tuple[bool, bool, bool]:
        """Return whether the weights read the cues, the meaning and the chosen embedding of the sentence before."""
        cues, meaning, prosody = (len(self._arrays[f"before_{name}_weights"]) > 0 for name in ("cue", "meaning", "prosody"))
        return cues, meaning, prosody

    @property
    def explained(self) -> Floats:
        """Share of the variance of held-out embeddings that is predicted, for each speaker, shape (S,)."""
        return self._arrays["explained"]

    def parts(self, speaker: int, asked: SentenceInputs) -> Floats:
        """Return the parts that add up to the predicted offset, shape (len(REASONS), D), in the order of `REASONS`.

        The sentence before has no part where its inputs are None.
        """
        arrays = self._arrays
        weights = arrays["cue_weights"][speaker]
        of_cues = self._standardised(asked.cues)[:, None] * weights[:-1]
        meaning = (asked.vector - arrays["meaning_mean"]) @ arrays["meaning_weights"]
        sounds = of_cues[len(NAMED) :].sum(0)
        return np.concatenate([of_cues[: len(NAMED)], [sounds, meaning, self._before(asked), weights[-1]]]).astype(np.float32)

    def _before(self, asked: SentenceInputs) -> Floats:
        arrays, (reads_cues, reads_meaning, reads_prosody) = self._arrays, self.reads_before
        found = np.zeros(arrays["basis"].shape[0], np.float32)
        if reads_cues and asked.before_cues is not None:
            found += np.append(self._standardised(asked.before_cues), np.float32(1)) @ arrays["before_cue_weights"]
        if reads_meaning and asked.before_vector is not None:
            found += (asked.before_vector - arrays["meaning_mean"]) @ arrays["before_meaning_weights"]
        if reads_prosody and asked.before_offset is not None:
            found += asked.before_offset @ arrays["before_prosody_weights"]
        return found

    def _standardised(self, cues: Floats) -> Floats:
        mean, deviation, lowest, highest = self._arrays["standard"]
        return np.asarray(np.clip((cues - mean) / deviation, lowest, highest), np.float32)

    def spread_out(self, offset: Floats, speaker: int, spread: float, usual: float | None = None) -> Floats:
        """Return an offset, scaled so that offsets deviate `spread` times as much as those of the speaker's recordings.

        Predictions keep their own spread in the steady directions, and the others are scaled the more.

        Args:
            offset: Offset from the centroid, shape (D,).
            speaker: Index of the speaker.
            spread: Wanted root mean square of offsets, times that of the recordings.
            usual: Root mean square of such offsets as they come, which are all scaled alike; None: a prediction is scaled.
        """
        wanted = spread * float(self._arrays["recorded"][speaker])
        if usual is None:
            scaled = self._scaled(
                offset, wanted, *(float(self._arrays[name][speaker]) for name in ("predicted", "predicted_steady"))
            )
        else:
            scaled = offset * np.float32(wanted / (usual or 1))
        size, most = float(np.linalg.norm(scaled)), FARTHEST * wanted
        return np.asarray(scaled * np.float32(most / size) if size > most else scaled, np.float32)

    def _scaled(self, offset: Floats, wanted: float, rest: float, kept: float) -> Floats:
        """Return a prediction scaled to the spread `wanted`; predictions have `rest`, and `kept` in the steady directions."""
        steady = self._arrays["steady"]
        along = steady @ (steady.T @ offset)
        share = min(1.0, wanted / float(np.hypot(rest, kept)))
        further = float(np.sqrt(max(0.0, wanted**2 - (share * kept) ** 2))) / rest
        return np.asarray(np.float32(share) * along + np.float32(further) * (offset - along), np.float32)

    def likeness(self, offset: Floats, among: Integers) -> Floats:
        """Return the learnt similarity of a predicted offset (D,) to utterances (C,), shape (C,).

        It is 1 for the same place, and 0 at the root mean square distance between two utterances.
        """
        away = self.places[among] - offset @ self._arrays["basis"]
        usual = 2 * float(self.places.var(0).sum()) or 1.0
        return np.asarray(1 - np.square(away).sum(1) / usual, np.float32)

    @property
    def places(self) -> Floats:
        """Place of each utterance of the inventory in the learnt directions, shape (U, R)."""
        return self._arrays["places"]

    def _fits(self, sizes: dict[str, int]) -> bool:
        """Return True if all arrays are finite, and sizes with the same letter agree with each other and with `sizes`."""
        sizes |= {"F": len(CUES), "C": len(CUES) + 1, "4": 4}
        before = {"before_cue_weights": len(CUES) + 1, "before_meaning_weights": sizes["E"], "before_prosody_weights": sizes["D"]}
        for name, letters in _SHAPES.items():
            shape = self._arrays[name].shape
            if len(shape) != len(letters) or not np.all(np.isfinite(self._arrays[name])):
                return False
            if any(sizes.setdefault(letter, size) != size for letter, size in zip(letters, shape, strict=True) if letter != "?"):
                return False
        is_whole = all(len(self._arrays[name]) in (0, size) for name, size in before.items())
        return is_whole and bool(np.all(self._arrays["standard"][1] > 0)) and bool(np.all(self._arrays["predicted"] > 0))


def shares(parts: Floats) -> Floats:
    """Return the share of each part (P, D) in the length of their sum, shape (P,); shares add up to 1, and may be negative."""
    whole = parts.sum(0)
    return np.asarray(parts @ whole / (float(whole @ whole) or 1.0), np.float32)


def _read(file: Path, path: str) -> dict[str, Floats]:
    try:
        with np.load(file, allow_pickle=False) as held:
            names: NDArray[np.str_] = held["cues"]
            arrays = {name: np.asarray(held[name], np.float32) for name in _SHAPES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StackError(f"{path}: {file.name} holds no weights: {' '.join(str(error).split())}", hint=AGAIN) from error
    if names.tolist() != list(CUES):
        message = f"{path}: {file.name} weighs other cues than this version reads"
        raise StackError(message, hint=f"{AGAIN} with this version, or choose another strategy, such as bert+syntactic")
    return arrays


def write_prediction(folder: Path, arrays: dict[str, NDArray[np.floating]]) -> dict[str, Path]:
    """Write the weights to `folder`, and return the file by the name of its asset.

    Args:
        folder: Folder that receives the file.
        arrays: The arrays but `cues`, by name; weights and places are stored with half precision.
    """
    file = folder / f"{PREDICTION}.npz"
    small = {
        name: array.astype(np.float16 if array.ndim > 1 and name != "standard" else np.float32) for name, array in arrays.items()
    }
    np.savez_compressed(file, **cast(dict[str, Any], {"cues": np.array(CUES), **small}))
    return {PREDICTION: file}
