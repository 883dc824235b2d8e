"""Senses of homographs by the contextual embeddings of a sentence encoder, with the light classifier beside them.

The method is that of Nicolis and Klimkov (2021), "Homograph disambiguation with contextual word embeddings for TTS systems":
logistic regression on the embedding of the homograph. `tts_cli.models.homographs` trains it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE, read_addon_config
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.errors import TtsError
from tts_cli.text.homographs import LIGHT_SENSES, LightSenses, WordSenses, homographs

if TYPE_CHECKING:
    from tts_cli.selection.linguistics import Linguistics

Floats = NDArray[np.float32]

CONTEXTUAL_FILE = Path(__file__).with_name("homographs.npz")
_BEFORE, _AFTER = 10, 9
"""Words around a homograph that the encoder reads: its cost grows with their number."""
_LEAST_AFTER = 4
"""Words that must follow a further homograph of a window, unless the sentence ends with the window."""
_LIGHT_WEIGHT = 0.3
"""Weight of the log-probabilities of the light classifier."""


def states_of(analyser: Linguistics, words: Sequence[str], marks: Sequence[str], places: Sequence[int]) -> list[Floats]:
    """Return the contextual embedding of the word at each place, shape (C,), read within a window of the sentence.

    Places near each other share a window, and so a pass of the encoder.
    """
    found: list[Floats] = []
    waiting = list(places)
    while waiting:
        start = max(0, waiting[0] - _BEFORE)
        end = min(len(words), waiting[0] + _AFTER + 1)
        states = analyser.analyse(words[start:end], marks[start:end]).states
        sharing = [
            place for place in waiting if place == waiting[0] or place < (end if end == len(words) else end - _LEAST_AFTER)
        ]
        found += [states[place - start] for place in sharing]
        waiting = waiting[len(sharing) :]
    return found


class ContextualSenses:
    """Classifier of homographs by contextual embeddings. Threads may share it.

    The encoder opens in a thread of its own, so that it is ready for the first homograph without delaying any other sentence.
    """

    def __init__(self, light: LightSenses, opening: Callable[[], Linguistics], path: Path = CONTEXTUAL_FILE) -> None:
        """Begin to open the encoder.

        Args:
            light: Light classifier; it alone decides if the encoder cannot be opened.
            opening: Function that opens the encoder.
            path: Weights, as `write` makes them.
        """
        self._light, self._path, self._opening = light, path, opening
        self._analyser: Linguistics | None = None
        self._thread = Thread(target=self._open, name="homographs")
        self._thread.start()

    def _open(self) -> None:
        try:
            self._analyser = self._opening()
            _ = self._weights
        except TtsError:
            # An addon that is damaged costs accuracy, and not the speech. `tts addons check` reports it.
            self._analyser = None

    @cached_property
    def _weights(self) -> tuple[Floats, Floats, Mapping[str, int]]:
        with np.load(self._path) as file:
            weights, biases = file["weights"].astype(np.float32), file["biases"]
        firsts = accumulate(map(len, homographs().values()), initial=0)
        return weights, biases, dict(zip(homographs(), firsts, strict=False))

    def choose(self, words: Sequence[str], marks: Sequence[str], places: Sequence[int]) -> list[int]:
        """Return the index of the most probable sense of each homograph; see `text.homographs.WordSenses`."""
        self._thread.join()
        if self._analyser is None:
            return self._light.choose(words, marks, places)
        weights, biases, firsts = self._weights
        chosen = []
        for place, state in zip(places, states_of(self._analyser, words, marks, places), strict=True):
            light = np.array(self._light.scores(words, marks, place), np.float32)
            rows = slice(firsts[words[place].lower()], firsts[words[place].lower()] + len(light))
            scores = weights[rows] @ state + biases[rows]
            chosen.append(int(np.argmax(scores + _LIGHT_WEIGHT * light)))
        return chosen


def write(fitted: Mapping[str, Floats], addon: str, path: Path) -> None:
    """Write the weights of a contextual classifier, with the name of the addon and the SHA-256 of the encoder they belong to.

    Args:
        fitted: "weights" (S, C) and "biases" (S,) of all senses in the order of `homographs()`.
        addon: Name of the linguistics addon of the encoder.
        path: File to write.
    """
    encoder = np.array([addon, _encoder_hash(find_addon(addon))])
    weights, biases = fitted["weights"].astype(np.float16), fitted["biases"].astype(np.float32)
    np.savez_compressed(path, encoder=encoder, weights=weights, biases=biases)


def _encoder_hash(folder: Path) -> str:
    return read_addon_config(folder).networks["sentence_encoder"].sha256.params


def open_senses() -> WordSenses | None:
    """Return the classifier of the addon that it was trained with; None if the addon is missing, or has another encoder."""
    with np.load(CONTEXTUAL_FILE) as file:
        addon, encoder = map(str, file["encoder"])
    try:
        folder = find_addon(addon)
        if _encoder_hash(folder) != encoder:
            return None
        return _opened(folder, file_hash(folder / ADDON_FILE))
    except (TtsError, OSError, KeyError):
        return None


@cache
def _opened(folder: Path, _: str) -> ContextualSenses:
    """Open the classifier once for each content of the addon, because the encoder takes memory."""

    def opening() -> Linguistics:
        # The import takes time, and need not delay the voice.
        from tts_cli.selection.parsing import open_linguistics

        return open_linguistics(folder)

    return ContextualSenses(LIGHT_SENSES, opening)
