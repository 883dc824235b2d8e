"""Senses of homographs by the contextual embeddings of a sentence encoder, with the light classifier beside them.

The method is that of Nicolis and Klimkov (2021), "Homograph disambiguation with contextual word embeddings for TTS systems":
logistic regression on the embedding of the homograph. `tts_cli.models.homographs` trains it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

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
_BEFORE, _AFTER = 13, 12
"""Words around a homograph that the encoder reads: its cost grows with their number."""
_SURE = 0.99
"""Probability from which the light classifier alone decides."""
_LIGHT_WEIGHT = 0.5
"""Weight of the log-probabilities of the light classifier."""


class Window(NamedTuple):
    """Contextual embeddings of the words around a homograph."""

    start: int
    """Index in the sentence of the first word."""
    states: Floats
    """Embedding of each word, shape (W, C)."""


def read_window(analyser: Linguistics, words: Sequence[str], marks: Sequence[str], place: int) -> Window:
    """Return the contextual embeddings of `words[place]` and its neighbours, from one pass of the encoder over them alone."""
    start, end = max(0, place - _BEFORE), place + _AFTER + 1
    return Window(start, analyser.analyse(words[start:end], marks[start:end]).states)


class ContextualSenses:
    """Classifier of homographs by contextual embeddings. Threads may share it.

    The light classifier decides where it is sure. The encoder reads one window of a sentence, that of the homograph of which the
    light classifier is least sure, so that no sentence costs more than one short pass.

    The encoder opens in a thread of its own once `prepare` was called, so that it is ready for the first homograph without
    delaying any other sentence.
    """

    def __init__(self, light: LightSenses, opening: Callable[[], Linguistics], path: Path = CONTEXTUAL_FILE) -> None:
        """Args:
        light: Light classifier; it alone decides if the encoder cannot be opened.
        opening: Function that opens the encoder.
        path: Weights, as `write` makes them.
        """
        self._light, self._path, self._opening = light, path, opening
        self._analyser: Linguistics | None = None
        self._thread: Thread | None = None
        self._starting = Lock()

    def prepare(self) -> None:
        """Begin to open the encoder in a thread of its own, once."""
        with self._starting:
            if self._thread is None:
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
        light = [np.array(self._light.scores(words, marks, place)) for place in places]
        chosen = [int(scores.argmax()) for scores in light]
        unsure = [index for index, scores in enumerate(light) if np.exp(scores.max()) < _SURE]
        if not unsure:
            return chosen
        self.prepare()
        if self._thread:
            self._thread.join()
        if self._analyser is None:
            return chosen
        least_sure = min(unsure, key=lambda index: light[index].max())
        window = read_window(self._analyser, words, marks, places[least_sure])
        for index in unsure:
            inside = places[index] - window.start
            if 0 <= inside < len(window.states):
                chosen[index] = self._best(words[places[index]].lower(), window.states[inside], light[index])
        return chosen

    def _best(self, word: str, state: Floats, light: NDArray[np.float64]) -> int:
        """Return the index of the most probable sense of `word`, by its embedding and the scores of the light classifier."""
        weights, biases, firsts = self._weights
        rows = slice(firsts[word], firsts[word] + len(light))
        scores = weights[rows] @ state + biases[rows]
        return int(np.argmax(scores + _LIGHT_WEIGHT * light))


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
