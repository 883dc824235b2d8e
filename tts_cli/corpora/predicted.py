"""Mels of a corpus's clips as acoustic models predict them, kept beside its features: vocoders learn to speak from these, too.

They lie in `predicted/NAME` of the prepared corpus, in the tree of its features, as float16. Durations, F0 and energy of the
recording were given to the model, so that a predicted mel and its recording agree in time.
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
    """Return where the mel of `recording` lies that the model called `name` predicts."""
    return corpus.folder / "predicted" / name / Path(recording.features).with_suffix(".npy")


def write_predicted(corpus: Corpus, name: str, recording: Recording, mel: Floats) -> None:
    """Write a predicted mel (T, bands), whole or not at all. Raises OutputError."""
    with atomic_write(predicted_path(corpus, name, recording), "wb", parents=True) as file:
        np.save(file, mel.astype(np.float16))


class PredictedMels:
    """The clips among `recordings` that one of the models `names` has predicted."""

    def __init__(self, corpus: Corpus, names: Sequence[str], recordings: Sequence[Recording]) -> None:
        """Raise CorpusError for a name of which there is nothing."""
        self._corpus = corpus
        self.items: list[tuple[str, Recording]] = []
        """Names of models and the recordings they predicted."""
        for name in names:
            found = [(name, recording) for recording in recordings if predicted_path(corpus, name, recording).is_file()]
            if not found:
                folder = corpus.folder / "predicted" / name
                raise CorpusError(f"{folder}: no predicted mels", hint=f"tts predict-mels MODEL --data {corpus.folder}")
            self.items += found

    def load(self, place: int) -> Floats:
        """Return the mel (T, bands) of the item at `place`. Raises CorpusError when it is damaged or of another length."""
        name, recording = self.items[place]
        path = predicted_path(self._corpus, name, recording)
        try:
            mel: NDArray[np.float16] = np.load(path)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path}: damaged ({error})", hint="run tts predict-mels again") from error
        if mel.shape != (recording.num_frames, self._corpus.mel.num_bands):
            raise CorpusError(f"{path}: not of {recording.num_frames} frames", hint="run tts predict-mels again")
        return mel.astype(np.float32)
