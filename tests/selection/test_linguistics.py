"""Analysis of sentences from an encoder's outputs: one figure for each word, for any words and any number of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tts_cli.ports import Array, Tensors
from tts_cli.selection.linguistics import Linguistics

VOCABULARY = ["[UNK]", "[CLS]", "[SEP]", "do", "don", "n", "t", "'", "the", "dog", "##s", "run", ",", ".", "?", "a"]
MOST_PIECES = 16


class Encoder:
    """Network that gives the id of each leaf's first piece, and keeps its inputs."""

    inputs = ("pieces", "piece_mask", "first_pieces", "word_mask")
    outputs = ("sentence_vector", "word_states", "syntactic_distance")

    def __init__(self) -> None:
        self.given: list[dict[str, Array]] = []

    def run(self, tensors: Tensors) -> dict[str, Array]:
        self.given.append(dict(tensors))
        first = tensors["pieces"][0, tensors["first_pieces"][0, :, 0], 0]
        vector = np.array([1.0, len(self.given)], np.float32)
        return {
            "sentence_vector": (vector / np.linalg.norm(vector))[None, None],
            "word_states": np.stack([first, -first], 1).astype(np.float32)[None],
            "syntactic_distance": first.astype(np.float32)[None, :, None],
        }

    @property
    def pieces(self) -> list[list[str]]:
        return [[VOCABULARY[piece] for piece in tensors["pieces"][0, :, 0]] for tensors in self.given]


@pytest.fixture(name="encoder")
def _encoder() -> Encoder:
    return Encoder()


@pytest.fixture(name="linguistics")
def _linguistics(encoder: Encoder, tmp_path: Path) -> Linguistics:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({"model": {"vocab": {piece: index for index, piece in enumerate(VOCABULARY)}}}))
    return Linguistics(encoder, file, MOST_PIECES)


def ids(*pieces: str) -> list[int]:
    return [VOCABULARY.index(piece) for piece in pieces]


def test_a_word_of_two_leaves_has_the_figures_of_its_first(linguistics: Linguistics, encoder: Encoder) -> None:
    found = linguistics.analyse(["Dogs", "don't", "run"], [",", " ", "?"])
    assert encoder.pieces == [["[CLS]", "dog", "##s", ",", "don", "'", "t", "run", "?", "[SEP]"]]
    assert encoder.given[0]["first_pieces"][0, :, 0].tolist() == [1, 4, 5, 7]
    assert found.words == ("Dogs", "don't", "run")
    assert found.predicted.tolist() == [0, *ids("don", "run")]
    assert found.states.tolist() == [[piece, -piece] for piece in ids("dog", "don", "run")]
    assert found.distances.dtype == found.vector.dtype == found.states.dtype == np.float32


def test_the_tensors_are_what_the_ports_say(linguistics: Linguistics, encoder: Encoder) -> None:
    linguistics.analyse(["the", "dog"], ["", "."])
    shapes = {name: (array.shape, array.dtype.name) for name, array in encoder.given[0].items()}
    assert shapes == {
        "pieces": ((1, 5, 1), "int64"),
        "piece_mask": ((1, 5, 1), "float32"),
        "first_pieces": ((1, 2, 1), "int64"),
        "word_mask": ((1, 2, 1), "float32"),
    }
    assert all((encoder.given[0][mask] == 1).all() for mask in ("piece_mask", "word_mask"))


@pytest.mark.parametrize("word", ["dog", "xyzzy", "[[AH0 B AW1 T]]", "ß", "", "'" * 1000, "a" * 1000])
def test_one_word_of_any_kind(linguistics: Linguistics, word: str) -> None:
    found = linguistics.analyse([word], ["."])
    assert found.distances.tolist() == [0]
    assert found.states.shape == (1, 2)


def test_phones_are_no_spelling(linguistics: Linguistics, encoder: Encoder) -> None:
    linguistics.analyse(["a", "[[D AO1 G]]"], [" ", "."])
    assert encoder.pieces == [["[CLS]", "a", "[UNK]", ".", "[SEP]"]]


def test_no_words(linguistics: Linguistics) -> None:
    with pytest.raises(ValueError, match="without words"):
        linguistics.analyse([], [])


def test_a_sentence_that_just_fits_is_read_at_once(linguistics: Linguistics, encoder: Encoder) -> None:
    linguistics.analyse(["dog"] * (MOST_PIECES - 2), [""] * (MOST_PIECES - 2))
    linguistics.analyse(["dog"] * (MOST_PIECES - 1), [""] * (MOST_PIECES - 1))
    assert list(map(len, encoder.pieces)) == [MOST_PIECES, MOST_PIECES, 3]


def test_a_longer_one_is_divided_at_its_marks_and_held_together_above_them(linguistics: Linguistics, encoder: Encoder) -> None:
    words = ["the", "dogs", "run"] * 10
    marks = ["", "", ","] * 9 + ["", "", "."]
    found = linguistics.analyse(words, marks)
    assert [pieces[-2] for pieces in encoder.pieces] == [",", ",", ",", ",", "."]
    heights = found.distances.tolist()
    assert sorted(heights, reverse=True)[:4] == [heights[joint] for joint in (6, 12, 18, 24)]
    assert found.states.shape == (30, 2)
    assert np.linalg.norm(found.vector) == pytest.approx(1)


@pytest.mark.parametrize("mark", ["", ",", "…"])
def test_any_number_of_words(linguistics: Linguistics, encoder: Encoder, mark: str) -> None:
    for num_words in (15, 40, 301):
        found = linguistics.analyse(["don't"] * num_words, [mark] * num_words)
        assert len(linguistics.distances(["don't"] * num_words, [mark] * num_words)) == len(found.words) == num_words
    assert max(map(len, encoder.pieces)) <= MOST_PIECES
