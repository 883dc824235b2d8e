"""Filler of the ports that selection reads: syntax, meaning and cues of a sentence, and the same of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.addon.opened import Addon
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import Tensors
from tts_cli.selection.cues import CueSentence, cues_of
from tts_cli.selection.feature import REASONS, SELECTED
from tts_cli.voice.fillers import Filler, Ports, Reads
from tts_cli.voice.sentence import Sentence

ANALYSED = ("sentence_vector", "syntactic_distance", "sentence_cues")
"""Ports that the analysis of a sentence by a linguistics addon fills."""
CARRIED = {"sentence_vector": "previous_vector", "sentence_cues": "previous_cues"}
"""Port of the sentence after, by the port of the sentence itself that has the same value."""
MOST_KEPT = 16
"""Analyses that a voice keeps, because the next sentence reads that of the one before."""
MOST_PARTS, LEAST_SHARE = 5, 0.03
"""Largest number of parts of a prediction that an outcome tells, and the smallest share of one."""


class SelectedUtterance(StrictModel):
    """Utterance of a voice's inventory that was selected for its acoustic embedding."""

    utterance: int
    """Index in the inventory."""
    score: float
    """Similarity to the sentence, by which utterances were ranked."""


SelectedUtterances = tuple[SelectedUtterance, ...]


class PredictedPart(StrictModel):
    """Part of a predicted embedding that comes from one input."""

    of: str
    """Name of the input, one of `prediction.REASONS`."""
    share: float
    """Share of the offset from the centroid, negative for a part that points away from it; all shares add up to 1."""


PredictedParts = tuple[PredictedPart, ...]


class AnalysedSentence(Protocol):
    """Analysis of one sentence of W words: its syntax and its meaning."""

    @property
    def distances(self) -> NDArray[np.float32]:
        """Syntactic distance of each word from the word before, shape (W,); the first is 0."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """Sentence vector (meaning), shape (E,)."""


class Analyst(Protocol):
    """Analyzer of sentences, such as `selection.linguistics.Linguistics`."""

    def analyse(self, words: Sequence[str], marks: Sequence[str]) -> AnalysedSentence:
        """Analyse a sentence. `marks[i]` is the boundary token (punctuation) after `words[i]`, "" or a blank for none."""


class SelectionFiller(Filler):
    """Filler that analyses each sentence if a block reads its syntax or meaning, and passes embeddings to the next sentence."""

    def __init__(self, acoustic: Addon, reads: Reads) -> None:
        super().__init__(acoustic, reads)
        self._is_analysing = any(map(reads, ANALYSED))
        if self._is_analysing:
            _ = self.analyst

    @cached_property
    def analyst(self) -> Analyst:
        """Analyzer of the linguistics addon that the voice names.

        Raises AddonError if none is named or found, or if it differs from the one that the voice requires.
        """
        # Most voices analyse no sentences, and the import takes time.
        from tts_cli.selection.parsing import open_linguistics

        config = self.acoustic.config
        if config.default_linguistics is None:
            port = next(filter(self.reads, ANALYSED))
            message = f"a block of '{config.name}' reads '{port}', but no addon of kind 'linguistics' is named"
            raise AddonError(message, hint='name it in addon.json under the key "default_linguistics"')
        folder = find_addon(config.default_linguistics, near=self.acoustic.folder.parent)
        hashes = {requirement.name: requirement.sha256 for requirement in config.requires}
        if hashes.get(config.default_linguistics, file_hash(folder / ADDON_FILE)) != file_hash(folder / ADDON_FILE):
            message = f"addon '{config.default_linguistics}' in {folder} is not the one that '{config.name}' requires"
            raise AddonError(message, hint=f"install the '{config.default_linguistics}' that was exported with '{config.name}'")
        threads = max((settings.threads for settings in self.acoustic.context.networks.values()), default=1)
        return open_linguistics(folder, threads=threads)

    def sentence(self, sentence: Sentence) -> Ports:
        if sentence.embedding is not None:
            self._fitting(sentence.embedding)
        if not self._is_analysing or not sentence.words or sentence.embedding is not None:
            return {}
        ports = self._analysed(sentence, self.reads)
        return ports | ({"word_of_token": np.array(sentence.word_of_token, np.int64)} if self.reads("word_of_token") else {})

    def carried(self, sentence: Sentence) -> Ports:
        if sentence.embedding is None:
            return {}
        found: Ports = {"previous_embedding": self._fitting(sentence.embedding)}
        read = [name for name, after in CARRIED.items() if self.reads(after)]
        if read and sentence.words:
            found |= {CARRIED[name]: value for name, value in self._analysed(sentence, read.__contains__).items()}
        return found

    def _analysed(self, sentence: Sentence, is_wanted: Reads) -> Ports:
        """Return the ports of `ANALYSED` that are wanted, for a sentence with words."""
        found = self._analyse(sentence.words, sentence.marks)
        ports: Ports = {"sentence_vector": found.vector, "syntactic_distance": found.distances}
        if is_wanted("sentence_cues"):
            reading = CueSentence(sentence.text, sentence.words, sentence.marks, found.distances, sentence.tokens)
            ports["sentence_cues"] = cues_of(reading)
        return {name: value for name, value in ports.items() if is_wanted(name)}

    @cached_property
    def _analyse(self) -> Callable[[Sequence[str], Sequence[str]], AnalysedSentence]:
        return lru_cache(MOST_KEPT)(self.analyst.analyse)

    def _fitting(self, embedding: tuple[float, ...]) -> NDArray[np.float32]:
        """Return the embedding in shape (D,). Raises InputError if the addon has embeddings of another size."""
        ours = next((len(speaker.embedding) for speaker in self.acoustic.config.speakers if speaker.embedding), len(embedding))
        if len(embedding) != ours:
            name = self.acoustic.name
            message = f"an embedding of {len(embedding)} numbers is given, but those of '{name}' have {ours}"
            raise InputError(message, hint=f"use an embedding from '{name}', or a recording")
        return np.array(embedding, np.float32)

    def outcome(self, values: Tensors) -> dict[str, Any]:
        if SELECTED not in values:
            return {}
        places, scores = values[SELECTED][0, 0].tolist(), values["selected_score"][0, 0].tolist()
        found = {SELECTED: tuple(SelectedUtterance(utterance=p, score=s) for p, s in zip(places, scores, strict=True))}
        return found if REASONS not in values else {**found, REASONS: _largest(values[REASONS][0, 0].tolist())}


def _largest(shares: Sequence[float]) -> PredictedParts:
    """Return the largest parts of a prediction, the largest first; none for an embedding that was not predicted."""
    # Voices without prediction need no names of its parts.
    from tts_cli.selection.prediction import REASONS as NAMES

    order = sorted(range(len(shares)), key=lambda place: (-abs(round(shares[place], 4)), place))[:MOST_PARTS]
    return tuple(PredictedPart(of=NAMES[place], share=shares[place]) for place in order if abs(shares[place]) >= LEAST_SHARE)
