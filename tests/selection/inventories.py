"""Small inventories, and large ones of random sentences, in memory or as an addon's assets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tts_cli.errors import StackError
from tts_cli.selection.inventory import Texts, asset_name, write_inventory

NUM_DIMENSIONS = 4
VECTORS = np.eye(6, dtype=np.float32)
DISTANCES = ([0, 2, 1], [0, 1, 2], [0, 3, 2, 1], [0], [0, 1, 2, 3, 4], [0, 2, 1])
"""Syntactic distances of six sentences; the first and the last have the same syntax."""
SPEAKERS = (0, 0, 0, 0, 0, 0, 1, 1)
SENTENCES = (0, 1, 2, 3, 4, 5, 0, 2)
"""Speaker and sentence of eight utterances; two are by the second speaker, of sentences that the first speaks, too."""


class Folder:
    """Assets in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def asset(self, name: str, path: str) -> Path:
        for suffix in (".npy", ".json"):
            if (self.folder / f"{name}{suffix}").is_file():
                return self.folder / f"{name}{suffix}"
        raise StackError(f"{path}: the addon has no asset '{name}'")


def write(
    folder: Path,
    distances: Sequence[Sequence[float]] = DISTANCES,
    vectors: np.ndarray = VECTORS,
    speakers: Sequence[int] = SPEAKERS,
    sentences: Sequence[int] = SENTENCES,
) -> Folder:
    """Write an inventory in which utterance u has the embedding (u, speaker, 0, ...)."""
    embeddings = np.zeros((len(speakers), NUM_DIMENSIONS))
    embeddings[:, 0], embeddings[:, 1] = np.arange(len(speakers)), speakers
    arrays = {
        "embeddings": embeddings,
        "utterances": np.stack([speakers, sentences], 1),
        "vectors": vectors,
        "distances": np.concatenate([np.array(one, np.float32) for one in distances]),
        "offsets": np.cumsum([0, *map(len, distances)]),
    }
    texts = Texts(ids=tuple(f"r{s}" for s in sentences), texts=tuple(f"Sentence {s}." for s in range(len(distances))))
    assert set(write_inventory(folder, arrays, texts)) == {asset_name(part) for part in (*arrays, "texts")}
    return Folder(folder)


def write_large(folder: Path, num_sentences: int) -> Folder:
    """An inventory as a long corpus would give it: sentences of 1 to 40 words, by one speaker."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((num_sentences, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = [[0.0, *random.integers(1, 12, random.integers(0, 40))] for _ in range(num_sentences)]
    return write(folder, distances, vectors, [0] * num_sentences, range(num_sentences))
