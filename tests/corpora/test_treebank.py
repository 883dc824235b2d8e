"""Treebanks: splits, written and spoken punctuation, numbers as words, and batches by seed and step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tts_cli.corpora.treebank import Treebank, TreebankBatches, open_treebank, parsed_sentence, spoken
from tts_cli.errors import CorpusError
from tts_cli.selection.pieces import WordPieces
from tts_cli.selection.syntax import parse_trees, syntactic_distances

QUOTED = """
(ROOT (S (`` ") (NP-SBJ (PRP It)) (VP (VBZ is) (RB n't) (NP (NP (DT a) (NN self) (HYPH -) (NN portrait)) (, ,)
  (PP (IN of) (NP (CD 2015))))) (. .) ('' ")))
"""
SPLITS = "# Splits\n\n## train\n\n  * one\n\n## dev\n\n  * two\n\n## test\n\n  * absent\n"


@pytest.fixture(name="treebank")
def _treebank(tmp_path: Path) -> Treebank:
    (tmp_path / "splits.md").write_text(SPLITS)
    (tmp_path / "one.ptb").write_text(QUOTED * 5 + "(ROOT (NP (NN Picture)))\n(ROOT (NFP --))\n(S (UH yes) (, ,) (UH please))")
    (tmp_path / "two.ptb").write_text(QUOTED)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "it", "isn", "'", "t", "a", "self", "portrait", "of", "yes", "please", *',.-"']
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(json.dumps({"model": {"vocab": {word: index for index, word in enumerate(words)}}}))
    return open_treebank(tmp_path)


def batches_of(treebank: Treebank, split: str, batch_pieces: int, lost_marks: float, seed: int) -> TreebankBatches:
    return TreebankBatches(treebank, split, WordPieces(treebank.folder / "tokenizer.json"), batch_pieces, lost_marks, seed)


def test_words_and_the_marks_after_them(treebank: Treebank) -> None:
    (sentence,) = treebank.of_split("validation")
    assert sentence.words == ("It", "is", "n't", "a", "self", "portrait", "of", "2015")
    assert sentence.marks == ("", "", "", "", "-", ",", "", '."')
    assert sentence.distances == tuple(syntactic_distances(next(parse_trees(QUOTED, "text"))))
    assert sentence.marked("front-end") == ("", "", "", "", "", ",", "", ".")
    assert sentence.marked("last") == ("", "", "", "", "", "", "", '."')


def test_numbers_as_they_are_said_are_constituents(treebank: Treebank) -> None:
    (written,), (said,) = treebank.of_split("validation"), treebank.of_split("validation", said=True)
    assert said.words == (*written.words[:-1], "twenty", "fifteen")
    assert said.marks == (*written.marks[:-1], "", '."')
    assert said.distances[-1] == 1
    assert said.distances[-2] == written.distances[-1] + 1


def test_a_symbol_that_nobody_says_stays() -> None:
    (tree,) = parse_trees("(NP (NN rock) (SYM /) (NN pop))", "text")
    assert spoken(tree) == tree
    assert parsed_sentence("x", tree).words == ("rock", "/", "pop")


def test_sentences_without_words_are_left_out(treebank: Treebank) -> None:
    assert [len(sentence.words) for sentence in treebank.of_split("train")] == [8] * 5 + [1, 2]
    with pytest.raises(CorpusError, match="no sentence is of the split 'test'"):
        treebank.of_split("test")


def test_batches_are_a_function_of_seed_and_step(treebank: Treebank) -> None:
    first, again, other = (batches_of(treebank, "train", 60, 0.5, seed) for seed in (1, 1, 2))
    for step in (7, 0, 3):
        batch = again.batch(step)
        assert all(torch.equal(value, batch[name]) for name, value in first.batch(step).items())
    pieces = [torch.cat([batches.batch(step)["pieces"].flatten() for step in range(6)]).tolist() for batches in (first, other)]
    assert pieces[0] != pieces[1]


def test_a_batch_points_to_the_first_piece_of_every_word(treebank: Treebank) -> None:
    batches = batches_of(treebank, "validation", 60, 0.0, 0)
    (batch,) = batches.in_order()
    assert batch["pieces"].shape == (1, int(batch["piece_mask"].sum()), 1)
    assert batch["pieces"][0, batch["first_pieces"][0, :, 0], 0].tolist() == [4, 5, 6, 8, 9, 10, 11, 1]
    assert batch["distances"][0, :, 0].tolist() == list(treebank.of_split("validation")[0].distances)


def test_an_epoch_holds_every_sentence_of_two_words_or_more_once(treebank: Treebank) -> None:
    batches = batches_of(treebank, "train", 40, 1.0, 0)
    rows = [batches.batch(step)["pieces"].shape[0] for step in range(len([*batches.in_order()]))]
    assert sum(rows) == len(batches.sentences) == 6
    assert len(rows) > 2


@pytest.mark.parametrize(
    ("remove", "write", "message"),
    [
        ("splits.md", None, "splits.md: cannot be read"),
        (None, ("three.ptb", "(NP (NN a))"), "three.ptb: splits.md does not list"),
        (None, ("one.ptb", "(NP (NN a)"), "one.ptb:1"),
    ],
)
def test_what_is_wrong_is_named(treebank: Treebank, remove: str | None, write: tuple[str, str] | None, message: str) -> None:
    if remove:
        (treebank.folder / remove).unlink()
    if write:
        (treebank.folder / write[0]).write_text(write[1])
    with pytest.raises(CorpusError, match=message):
        open_treebank(treebank.folder)


def test_a_folder_without_trees_is_none(tmp_path: Path) -> None:
    (tmp_path / "splits.md").write_text(SPLITS)
    with pytest.raises(CorpusError, match="no treebank"):
        open_treebank(tmp_path)
