"""Mels of the clips of a corpus, predicted by acoustic models, for the training of vocoders.

They are float16 files in `predicted/NAME` of the prepared corpus, in the same tree as the features. The model received durations,
F0 and energy of the recording, so that a predicted mel is aligned with its recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tts_cli.audio.mel import Floats
from tts_cli.corpora.manifest import Corpus, Recording
from tts_cli.errors import CorpusError
from tts_cli.files import atomic_write


def predicted_path(corpus: Corpus, name: str, recording: Recording) -> Path:
    """Return the path of the mel that the model `name` predicts for `recording`."""
    return corpus.folder / "predicted" / name / Path(recording.features).with_suffix(".npy")


def write_predicted(corpus: Corpus, name: str, recording: Recording, mel: Floats) -> None:
    """Write a predicted mel, shape (frames, bands), completely or not at all. Raises OutputError."""
    with atomic_write(predicted_path(corpus, name, recording), "wb", parents=True) as file:
        np.save(file, mel.astype(np.float16))


class PredictedMels:
    """Predicted mels of some recordings of a corpus."""

    def __init__(self, corpus: Corpus, names: Sequence[str], recordings: Sequence[Recording]) -> None:
        """Find the mels that each model has predicted.

        Args:
            corpus: Prepared corpus.
            names: Names of the models.
            recordings: Clips of the corpus.

        Raises:
            CorpusError: A model has predicted none of `recordings`.
        """
        self._corpus = corpus
        self.items: list[tuple[str, Recording]] = []
        """Pairs of a model's name and a recording that it has predicted."""
        for name in names:
            found = [(name, recording) for recording in recordings if predicted_path(corpus, name, recording).is_file()]
            if not found:
                folder = corpus.folder / "predicted" / name
                raise CorpusError(f"{folder}: no predicted mels", hint=f"tts predict-mels MODEL --data {corpus.folder}")
            self.items += found

    def load(self, place: int) -> Floats:
        """Return the mel of item `place`, shape (frames, bands). Raises CorpusError if it is damaged or has another length."""
        name, recording = self.items[place]
        path = predicted_path(self._corpus, name, recording)
        try:
            mel: NDArray[np.float16] = np.load(path)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path}: damaged ({error})", hint="run tts predict-mels again") from error
        if mel.shape != (recording.num_frames, self._corpus.mel.num_bands):
            raise CorpusError(
                f"{path}: its shape is not {recording.num_frames} frames of {self._corpus.mel.num_bands} bands",
                hint="run tts predict-mels again",
            )
        return mel.astype(np.float32)
