"""Letter network: a small grapheme-to-phoneme network for words that are not in a dictionary.

It computes `SLOTS` distributions over phones for each letter. Decoding merges adjacent equal phones and removes blanks
(connectionist temporal classification, Graves et al., 2006). `tts_cli.models.pronunciation` trains it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.text.phones import PHONES, VOWELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LETTERS = "'abcdefghijklmnopqrstuvwxyz"
SLOTS = 3
"""Largest number of phones of one letter."""
LABELS = ("", *PHONES)
"""Labels of a slot: the blank, then all phones."""
_IDS = {letter: index for index, letter in enumerate(LETTERS)}
_PRIMARY = [index for index, label in enumerate(LABELS) if label.endswith("1")]


def encode(word: str) -> list[int]:
    """Return the ids of the letters of `word`, which has only characters of LETTERS."""
    return [_IDS[letter] for letter in word]


def decode(scores: NDArray[np.float32]) -> tuple[str, ...]:
    """Return the most probable phones, with one primary stress.

    Args:
        scores: Log-probabilities, shape (SLOTS * letters, len(LABELS)).
    """
    best = scores.argmax(axis=1)
    phones: list[str] = []
    places: list[int] = []
    for slot, label in enumerate(best):
        if label and (slot == 0 or label != best[slot - 1]):
            phones.append(LABELS[label])
            places.append(slot)
    vowels = [index for index, phone in enumerate(phones) if phone[:2] in VOWELS]
    if not vowels:
        return tuple(phones)
    stressed = max(vowels, key=lambda index: float(scores[places[index], _PRIMARY].max()))
    for index in vowels:
        if index == stressed:
            phones[index] = phones[index][:2] + "1"
        elif phones[index].endswith("1"):
            phones[index] = phones[index][:2] + "2"
    return tuple(phones)


class LetterNetwork:
    """Trained network in ONNX Runtime, on one thread. Threads may share it."""

    def __init__(self, path: Path | None = None) -> None:
        """Args:
        path: Exported network; None for the one of this package.
        """
        self._path = path

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        graph = (self._path or Path(__file__).with_name("pronunciation.onnx")).read_bytes()
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def load(self) -> None:
        """Open the network now, instead of with the first word."""
        _ = self._session

    def phones(self, word: str) -> tuple[str, ...]:
        """Return the phones of `word`, which has only characters of LETTERS."""
        import numpy as np

        scores = self._session.run(None, {"letters": np.array([encode(word)], dtype=np.int64)})[0]
        return decode(scores[0])
