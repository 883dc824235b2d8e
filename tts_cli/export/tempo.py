"""Direction of the prosody embedding that the durations of a model depend on most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import Recording
from tts_cli.models.parts import ExportPart

NUM_UTTERANCES = 40
"""Utterances over which the dependence is averaged."""
STEP = 0.5
"""Change of one value of the embedding, from which the change of durations is measured."""


def tempo_directions(
    parts: Sequence[ExportPart], facts: CorpusFacts, recordings: Sequence[Recording], centroids: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the direction in which durations change most, a unit vector (D, 1); (D, 0) if no network gives durations.

    Durations are those of phones in frames, and their changes are measured at the centroids of the speakers.

    Args:
        parts: The networks of the model.
        facts: Symbols and speakers of the model.
        recordings: Recordings of the speakers; at most `NUM_UTTERANCES` are read.
        centroids: Mean embedding of each speaker, (S, D).
    """
    size = centroids.shape[1]
    part = next((one for one in parts if _gives_durations(one)), None)
    if part is None:
        return np.zeros((size, 0))
    places = np.linspace(0, len(recordings) - 1, min(NUM_UTTERANCES, len(recordings))).astype(int)
    squares = np.zeros((size, size))
    for recording in (recordings[place] for place in places):
        speaker = facts.speaker_names.index(recording.speaker)
        changes = _changes(part, facts, recording, speaker, centroids[speaker])
        squares += changes.T @ changes / max(1, len(changes))
    values, vectors = np.linalg.eigh(squares)
    return vectors[:, -1:] if values[-1] > 0 else np.zeros((size, 0))


def _gives_durations(part: ExportPart) -> bool:
    names = {port.name for port in part.inputs}
    return {"phones", "speaker", "embedding"} <= names and any(port.name == "log_duration" for port in part.outputs)


@torch.no_grad()
def _changes(
    part: ExportPart, facts: CorpusFacts, recording: Recording, speaker: int, centroid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the change of the duration of each phone by each value of the embedding, (phones, D), in frames."""
    rows = np.concatenate([np.zeros((1, len(centroid))), STEP * np.eye(len(centroid))]) + centroid
    count, tokens = len(rows), [facts.symbols.index(token) for token in recording.tokens]
    known: dict[str, Tensor] = {
        "phones": torch.tensor(tokens)[None, :, None].expand(count, -1, -1),
        "token_mask": torch.ones(count, len(tokens), 1),
        "speaker": torch.full((count, 1, 1), speaker),
        "embedding": torch.from_numpy(rows).float()[:, None],
    }
    inputs = [known.get(port.name, torch.zeros(count, len(tokens), max(1, port.channels))) for port in part.inputs]
    found = part.module(*inputs)
    place = next(place for place, port in enumerate(part.outputs) if port.name == "log_duration")
    durations = (found[place] if isinstance(found, tuple) else found)[:, :, 0].expm1().double().numpy()
    is_phone = np.array([token[0].isalnum() for token in recording.tokens])
    return np.asarray((durations[1:] - durations[:1])[:, is_phone].T / STEP, np.float64)
