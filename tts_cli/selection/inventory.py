"""The selection inventory of an addon: how its training utterances were said, and what the sentences are like.

Its assets are memory-mapped. Utterances of one text share the sentence, which is kept once:

    inventory-embeddings.npy   (U, D) float16, acoustic embedding of each utterance
    inventory-utterances.npy   (U, 2) int32, its speaker's id and its sentence
    inventory-vectors.npy      (S, E) float16, what each sentence means: of length 1
    inventory-distances.npy    (all words,) float16, syntactic distances of one sentence after the other
    inventory-offsets.npy      (S + 1,) int32, where each sentence begins there
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
"""Type and dimensions of each array."""
TEXTS = "texts"


def asset_name(part: str) -> str:
    """What the asset that holds a part is called, and, without its suffix, its file."""
    return f"inventory-{part}"


class Texts(StrictModel):
    """inventory-texts.json."""

    ids: tuple[str, ...]
    """What each utterance's recording is called; recordings of one text by several speakers may share it."""
    texts: tuple[str, ...]
    """Each sentence, as it was written."""


class Assets(Protocol):
    """What has the files, as an addon."""

    def asset(self, name: str, path: str) -> Path:
        """The file of an asset. Raises StackError when there is none of that name."""


class Inventory:
    """U utterances of S sentences, opened. Nothing of it is in memory but what is looked at."""

    def __init__(self, assets: Assets, path: str) -> None:
        """`path` is the asking block's. Raises StackError when an asset is missing or does not fit the others."""
        arrays = {part: _opened(assets.asset(asset_name(part), path), part, path) for part in ARRAYS}
        self.embeddings, self.vectors = arrays["embeddings"], arrays["vectors"]
        self.distances, self.offsets = arrays["distances"], arrays["offsets"]
        self.speakers: Integers = arrays["utterances"][:, 0].astype(np.intp)
        """(U,) id of who speaks."""
        self.sentences: Integers = arrays["utterances"][:, 1].astype(np.intp)
        """(U,) place of what is said."""
        self._texts_file = assets.asset(asset_name(TEXTS), path)
        self._path = path
        if not self._agrees():
            raise StackError(f"{path}: the parts of the inventory do not fit together", hint="export the addon again")

    def __len__(self) -> int:
        return len(self.speakers)

    def deviations(self) -> Floats:
        """(U, D) of each utterance's embedding from the mean of its speaker's; in memory."""
        embeddings = self.embeddings.astype(np.float32)
        for speaker in np.unique(self.speakers):
            embeddings[self.speakers == speaker] -= embeddings[self.speakers == speaker].mean(0)
        return embeddings

    def id(self, utterance: int) -> str:
        """What the utterance's recording is called."""
        return self._texts.ids[utterance]

    def text(self, utterance: int) -> str:
        """What is said there."""
        return self._texts.texts[int(self.sentences[utterance])]

    def sentences_of(self, ids: tuple[str, ...]) -> Integers:
        """Places of the sentences of the recordings called so. Raises StackError for one that is not there."""
        if not ids:
            return np.zeros(0, np.intp)
        unknown = sorted(set(ids) - set(self._texts.ids))
        if unknown:
            raise StackError(f"{self._path}.excluded: the inventory has no recording '{unknown[0]}'")
        wanted = set(ids)
        return np.unique(self.sentences[[name in wanted for name in self._texts.ids]])

    @cached_property
    def _texts(self) -> Texts:
        """Raises StackError where the file is not as it should be."""
        try:
            texts = Texts.model_validate_json(self._texts_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StackError(f"{self._path}: {self._texts_file.name} is damaged", hint="export the addon again") from error
        if (len(texts.ids), len(texts.texts)) != (len(self), len(self.vectors)):
            raise StackError(f"{self._path}: {self._texts_file.name} does not fit the inventory", hint="export the addon again")
        return texts

    def _agrees(self) -> bool:
        """Whether the arrays speak of the same utterances and sentences."""
        num_sentences, offsets = len(self.vectors), self.offsets
        sizes = len(self.embeddings) == len(self) > 0 and len(offsets) == num_sentences + 1
        whole = sizes and offsets[0] == 0 and offsets[-1] == len(self.distances) and bool(np.all(np.diff(offsets) > 0))
        return whole and self.speakers.min() >= 0 and 0 <= self.sentences.min() <= self.sentences.max() < num_sentences


def _opened(file: Path, part: str, path: str) -> NDArray[Any]:
    kind, num_dimensions = ARRAYS[part]
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StackError(f"{path}: {file.name} is no array: {error}", hint="export the addon again") from error
    if array.dtype != kind or array.ndim != num_dimensions or (part == "utterances" and array.shape[1] != 2):
        raise StackError(f"{path}: {file.name} holds {array.shape} {array.dtype}", hint="export the addon again")
    return np.asarray(array)


def write_inventory(folder: Path, arrays: dict[str, NDArray[Any]], texts: Texts) -> dict[str, Path]:
    """Writes the files of an inventory into `folder`; they are an addon's assets, by their names.

    `arrays` are ARRAYS' parts, of any type.
    """
    files = {}
    for part, (kind, _) in ARRAYS.items():
        files[asset_name(part)] = folder / f"{asset_name(part)}.npy"
        np.save(files[asset_name(part)], arrays[part].astype(kind), allow_pickle=False)
    files[asset_name(TEXTS)] = folder / f"{asset_name(TEXTS)}.json"
    files[asset_name(TEXTS)].write_text(json.dumps(texts.model_dump(), ensure_ascii=False), encoding="utf-8")
    return files
