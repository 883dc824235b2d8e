"""Filler of the ports that selection reads: syntax and meaning of a sentence, and the embedding of the sentence before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE
from tts_cli.addon.library import file_hash, find_addon
from tts_cli.addon.opened import Addon
from tts_cli.config import StrictModel
from tts_cli.errors import AddonError, InputError
from tts_cli.ports import Tensors
from tts_cli.selection.feature import SELECTED
from tts_cli.voice.fillers import Filler, Ports, Reads
from tts_cli.voice.sentence import Sentence

ANALYSED = ("sentence_vector", "syntactic_distance")
"""Ports that the analysis of a sentence by a linguistics addon fills."""


class SelectedUtterance(StrictModel):
    """Utterance of a voice's inventory that was selected for its acoustic embedding."""

    utterance: int
    """Index in the inventory."""
    score: float
    """Similarity to the sentence, by which utterances were ranked."""


SelectedUtterances = tuple[SelectedUtterance, ...]


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
        found = self.analyst.analyse(sentence.words, sentence.marks)
        ports: Ports = {
            "sentence_vector": found.vector,
            "syntactic_distance": found.distances,
            "word_of_token": np.array(sentence.word_of_token, np.int64),
        }
        return {name: value for name, value in ports.items() if self.reads(name)}

    def carried(self, sentence: Sentence) -> Ports:
        if sentence.embedding is None:
            return {}
        return {"previous_embedding": self._fitting(sentence.embedding)}

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
        return {SELECTED: tuple(SelectedUtterance(utterance=p, score=s) for p, s in zip(places, scores, strict=True))}
