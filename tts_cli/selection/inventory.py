"""Inventory: the index of an addon's training utterances for selection, with embeddings, syntax and meaning.

The arrays are memory-mapped. U utterances of the same text share one of S sentences:

    inventory-embeddings.npy   (U, D) float16, acoustic embedding of each utterance
    inventory-utterances.npy   (U, 2) int32, index of its speaker and of its sentence
    inventory-vectors.npy      (S, E) float16, sentence vector (meaning) of each sentence, of length 1
    inventory-distances.npy    (all words,) float16, syntactic distances of one sentence after the other
    inventory-offsets.npy      (S + 1,) int32, start of each sentence in the distances, and the end
    inventory-texts.json       {"ids": U names of recordings, "texts": S sentences}
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.config import StrictModel
from tts_cli.errors import StackError

Floats = NDArray[np.float32]
Integers = NDArray[np.intp]

ARRAYS: dict[str, tuple[str, int]] = {
    "embeddings": ("float16", 2),
    "utterances": ("int32", 2),
    "vectors": ("float16", 2),
    "distances": ("float16", 1),
    "offsets": ("int32", 1),
}
"""Type and number of dimensions of each array."""
TEXTS = "texts"
"""Name of the part with names of recordings and sentences."""


def asset_name(part: str) -> str:
    """Return the name of the asset with a part of the inventory; it is also the stem of its file."""
    return f"inventory-{part}"


class Texts(StrictModel):
    """Contents of `inventory-texts.json`."""

    ids: tuple[str, ...]
    """Name of the recording of each utterance. Recordings of one text by several speakers may share a name."""
    texts: tuple[str, ...]
    """Text of each sentence, as it was written."""


class Assets(Protocol):
    """Holder of the files of an inventory, such as an opened addon."""

    def asset(self, name: str, path: str) -> Path:
        """Return the file of the asset `name`. Raises StackError, with the JSON path of the block, if there is none."""


class Inventory:
    """Opened inventory of U utterances of S sentences. Arrays are memory-mapped: memory holds the parts that are read.

    Attributes:
        embeddings: Acoustic embedding of each utterance, shape (U, D).
        vectors: Sentence vector (meaning) of each sentence, shape (S, E).
        distances: Syntactic distances of all words, sentence after sentence.
        offsets: Start of each sentence in `distances`, and the end, shape (S + 1,).
        speakers: Index of each utterance's speaker, shape (U,).
        sentences: Index of each utterance's sentence, shape (U,).
    """

    def __init__(self, assets: Assets, path: str) -> None:
        """Open the assets. `path` is the JSON path of the block that reads them.

        Raises StackError if an asset is missing, damaged, or does not fit the others.
        """
        arrays = {part: _opened(assets.asset(asset_name(part), path), part, path) for part in ARRAYS}
        self.embeddings, self.vectors = arrays["embeddings"], arrays["vectors"]
        self.distances, self.offsets = arrays["distances"], arrays["offsets"]
        self.speakers: Integers = arrays["utterances"][:, 0].astype(np.intp)
        self.sentences: Integers = arrays["utterances"][:, 1].astype(np.intp)
        self._texts_file = assets.asset(asset_name(TEXTS), path)
        self._path = path
        if not self._agrees():
            raise StackError(f"{path}: the parts of the inventory do not fit together", hint="export the addon again")

    def __len__(self) -> int:
        return len(self.speakers)

    def deviations(self) -> Floats:
        """Return the difference of each utterance's embedding from the mean of its speaker's embeddings, shape (U, D)."""
        embeddings = self.embeddings.astype(np.float32)
        for speaker in np.unique(self.speakers):
            embeddings[self.speakers == speaker] -= embeddings[self.speakers == speaker].mean(0)
        return embeddings

    def id(self, utterance: int) -> str:
        """Return the name of the recording of the utterance with this index."""
        return self._texts.ids[utterance]

    def text(self, utterance: int) -> str:
        """Return the text of the utterance with this index."""
        return self._texts.texts[int(self.sentences[utterance])]

    def sentences_of(self, ids: tuple[str, ...]) -> Integers:
        """Return the sorted indices of the sentences of the recordings `ids`. Raises StackError for an unknown recording."""
        if not ids:
            return np.zeros(0, np.intp)
        unknown = sorted(set(ids) - set(self._texts.ids))
        if unknown:
            message = f"{self._path}.excluded: the inventory has no recording '{unknown[0]}'"
            raise StackError(message, hint="leave it out, or name a recording as the inventory does")
        wanted = set(ids)
        return np.unique(self.sentences[[name in wanted for name in self._texts.ids]])

    @cached_property
    def _texts(self) -> Texts:
        """Names of recordings and texts of sentences. Raises StackError if the file is damaged or does not fit the arrays."""
        try:
            texts = Texts.model_validate_json(self._texts_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StackError(f"{self._path}: {self._texts_file.name} is damaged", hint="export the addon again") from error
        if (len(texts.ids), len(texts.texts)) != (len(self), len(self.vectors)):
            raise StackError(f"{self._path}: {self._texts_file.name} does not fit the inventory", hint="export the addon again")
        return texts

    def _agrees(self) -> bool:
        """Return True if the arrays have the same numbers of utterances and sentences, and valid indices."""
        num_sentences, offsets = len(self.vectors), self.offsets
        sizes = len(self.embeddings) == len(self) > 0 and len(offsets) == num_sentences + 1
        whole = sizes and offsets[0] == 0 and offsets[-1] == len(self.distances) and bool(np.all(np.diff(offsets) > 0))
        return whole and self.speakers.min() >= 0 and 0 <= self.sentences.min() <= self.sentences.max() < num_sentences


def _opened(file: Path, part: str, path: str) -> NDArray[Any]:
    kind, num_dimensions = ARRAYS[part]
    try:
        # A damaged header may name a shape whose size overflows; then the file is too small for it.
        with np.errstate(over="ignore"):
            array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StackError(f"{path}: {file.name} is no array: {error}", hint="export the addon again") from error
    if array.dtype != kind or array.ndim != num_dimensions or (part == "utterances" and array.shape[1] != 2):
        message = f"{path}: {file.name} holds an array of shape {array.shape} and type {array.dtype}, which does not fit"
        raise StackError(message, hint="export the addon again")
    return np.asarray(array)


def write_inventory(folder: Path, arrays: dict[str, NDArray[Any]], texts: Texts) -> dict[str, Path]:
    """Write the files of an inventory.

    Args:
        folder: Folder that receives the files.
        arrays: Arrays by the names in `ARRAYS`, with any type of number.
        texts: Names of recordings and texts of sentences.

    Returns:
        Written files by name of the asset.
    """
    files = {}
    for part, (kind, _) in ARRAYS.items():
        files[asset_name(part)] = folder / f"{asset_name(part)}.npy"
        np.save(files[asset_name(part)], arrays[part].astype(kind), allow_pickle=False)
    files[asset_name(TEXTS)] = folder / f"{asset_name(TEXTS)}.json"
    files[asset_name(TEXTS)].write_text(json.dumps(texts.model_dump(), ensure_ascii=False), encoding="utf-8")
    return files
