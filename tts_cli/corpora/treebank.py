"""Treebanks: folders of Penn-bracketed trees, a file a document, whose `splits.md` says which document serves what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from tts_cli.corpora.batching import Batch, Epochs, padded
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.errors import CorpusError, TextError
from tts_cli.selection.pieces import WordPieces, leaves_of
from tts_cli.selection.syntax import PUNCTUATION_TAGS, Tree, brackets, fold, read_trees, syntactic_distances, tree_from_distances
from tts_cli.text.characters import plain
from tts_cli.text.normalise import read
from tts_cli.text.phones import BOUNDARIES, SPACE

SPLITS_FILE = "splits.md"
_SPLIT_NAMES = {"train": "train", "dev": "validation", "test": "test"}
_MARKS = {
    **dict.fromkeys(("``", "''", "“", "”", "‘", "’", "'"), '"'),
    **dict.fromkeys(("--", "–", "—"), "-"),
    **dict.fromkeys(("..", "...", "....", "[...]"), "…"),
    "[": "(",
    "]": ")",
}
"""What the text front end makes of the marks in treebanks."""

Marks = Literal["all", "front-end", "last"]
"""Which marks are left: all that are written; one between two words, and no hyphens within words, as the text front end has it;
the sentence's last alone."""


@dataclass(frozen=True)
class ParsedSentence:
    """A sentence without its punctuation, and how its tree divides it."""

    document: str
    words: tuple[str, ...]
    """Leaves of the tree: "do" and "n't" are two."""
    marks: tuple[str, ...]
    """What is written after each word: symbols of `text.phones.BOUNDARIES` one after the other; "" where nothing is."""
    hyphenated: tuple[bool, ...]
    """Whether the mark after a word is a hyphen within a word."""
    distances: tuple[int, ...]
    """Syntactic distance of each word from the one before; the first is 0."""

    def marked(self, left: Marks) -> tuple[str, ...]:
        """The marks that are left."""
        if left == "all":
            return self.marks
        if left == "last":
            return (*([""] * (len(self.words) - 1)), self.marks[-1])
        first = [mark[:1] if not hyphen else "" for mark, hyphen in zip(self.marks, self.hyphenated, strict=True)]
        return (*first[:-1], first[-1] or ".")


class Treebank:
    """A treebank, opened and checked."""

    facts = CorpusFacts()

    def __init__(self, folder: Path, sentences: dict[str, list[Tree]], documents: dict[str, str]) -> None:
        """`sentences` are the trees of each document, `documents` says the split of each."""
        self.folder, self._sentences, self._documents = folder, sentences, documents

    def of_split(self, split: str, said: bool = False) -> list[ParsedSentence]:
        """The sentences of "train", "validation" or "test"; `said`: with numbers and symbols as the words that are spoken.

        Sentences without a word are left out. Raises CorpusError for other names and empty splits.
        """
        chosen = [
            parsed
            for document, trees in self._sentences.items()
            if self._documents[document] == split
            for tree in trees
            if (parsed := parsed_sentence(document, spoken(tree) if said else tree)).words
        ]
        if not chosen:
            raise CorpusError(f"{self.folder}: no sentence is of the split '{split}'", hint="valid: train, validation, test")
        return chosen

    def held_out(self, facts: CorpusFacts, count: int) -> list[ParsedSentence]:  # noqa: ARG002
        """Return the first `count` validation sentences of several words. Raises CorpusError when there are none."""
        return [sentence for sentence in self.of_split("validation") if len(sentence.words) > 1][:count]


def open_treebank(folder: Path) -> Treebank:
    """Open the treebank in `folder`. Raises CorpusError naming file and line of what is wrong."""
    documents = _read_splits(folder / SPLITS_FILE)
    files = sorted(folder.glob("*.ptb"))
    if not files:
        raise CorpusError(f"{folder}: no treebank: it holds no file *.ptb")
    for file in files:
        if file.stem not in documents:
            raise CorpusError(f"{file}: {SPLITS_FILE} does not say what it serves", hint="name it there: train, dev or test")
    return Treebank(folder, {file.stem: list(read_trees(file)) for file in files}, documents)


def parsed_sentence(document: str, tree: Tree) -> ParsedSentence:
    """The sentence of a tree."""
    words: list[str] = []
    marks: list[str] = []
    hyphenated: list[bool] = []
    for leaf in tree.leaves:
        if leaf.label not in PUNCTUATION_TAGS:
            words.append(leaf.word)
            marks.append("")
            hyphenated.append(False)
        elif words and leaf.label != "-NONE-":
            marks[-1] += _mark(leaf.word)
            hyphenated[-1] = leaf.label == "HYPH"
    return ParsedSentence(document, tuple(words), tuple(marks), tuple(hyphenated), tuple(syntactic_distances(tree)))


def spoken(tree: Tree) -> Tree:
    """The tree with the words that are spoken: where one leaf is said with several words, they are parts of a constituent."""
    return fold(tree, _spoken_leaf, lambda node, children: Tree(node.label, tuple(children)))


def _spoken_leaf(leaf: Tree) -> Tree:
    if leaf.word.isalpha() or leaf.label in PUNCTUATION_TAGS or "'" in leaf.word or "’" in leaf.word:
        return leaf
    try:
        words = [word.replace(".", "") for token in read(plain(leaf.word)) for word in token.words]
    except TextError:
        return leaf
    leaves = [Tree(leaf.label, word=part) for word in words for part in leaves_of(word) if part]
    if len(leaves) < 2:
        return leaves[0] if leaves else leaf
    return Tree(leaf.label, tuple(leaves))


def _mark(written: str) -> str:
    mark = _MARKS.get(written, written)
    return "".join(character for character in mark if character in BOUNDARIES and character != SPACE)


def _read_splits(file: Path) -> dict[str, str]:
    """The split of every document: headings name splits, the items of the lists below them documents."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{file}: cannot be read", hint="'## train' and '  * DOCUMENT' say what serves what") from error
    documents: dict[str, str] = {}
    split = ""
    for line in map(str.strip, lines):
        if line.startswith("## "):
            split = _SPLIT_NAMES.get(line[3:].strip(), line[3:].strip())
        elif line.startswith("* "):
            documents[line[2:].strip()] = split
    return documents


class DistanceAgreement(NamedTuple):
    """How far predicted distances agree with those of trees, as counts that add up over sentences."""

    num_alike: int
    """Of the pairs of gaps whose distances are unequal in the tree, those ordered alike."""
    num_pairs: int
    num_shared: int
    """Brackets that both have."""
    num_brackets: int
    """Those of either, added up."""

    @property
    def bracket_f1(self) -> float:
        """Of unlabelled brackets, those of whole sentences and single words left out."""
        return 2 * self.num_shared / max(1, self.num_brackets)

    @property
    def order(self) -> float:
        """The share of pairs that are ordered alike."""
        return self.num_alike / max(1, self.num_pairs)


def agreement(true: Sequence[float], predicted: Sequence[float]) -> DistanceAgreement:
    """Of the distances of one sentence's words, the first of which counts for nothing."""
    words = [""] * len(true)
    found, own = (brackets(tree_from_distances(words, distances)) for distances in (predicted, true))
    return DistanceAgreement(*ordered_alike(true[1:], predicted[1:]), len(found & own), len(found) + len(own))


def ordered_alike(true: Sequence[float], predicted: Sequence[float]) -> tuple[int, int]:
    """Of all pairs that `true` has unequal: how many `predicted` orders in the same way, and how many there are."""
    orders = [np.sign(np.subtract.outer(values, values)) for values in (np.asarray(true), np.asarray(predicted))]
    unequal = np.triu(orders[0] != 0)
    return int(np.sum(unequal & (orders[0] == orders[1]))), int(np.sum(unequal))


def treebank_batch(pieces: WordPieces, items: Sequence[tuple[ParsedSentence, Marks]]) -> Batch:
    """Return sentences with these of their marks as one batch, see `TreebankBatches`."""
    encoded = [pieces.encode(sentence.words, sentence.marked(marks)) for sentence, marks in items]
    columns = {
        "pieces": [np.array(ids) for ids, _ in encoded],
        "piece_mask": [np.ones(len(ids), np.float32) for ids, _ in encoded],
        "first_pieces": [np.array(first) for _, first in encoded],
        "word_mask": [np.ones(len(first), np.float32) for _, first in encoded],
        "distances": [np.array(sentence.distances) for sentence, _ in items],
    }
    return {name: padded([array[:, None] for array in arrays], 0) for name, arrays in columns.items()}


class TreebankBatches:
    """Sentences of similar length, at most `batch_pieces` word pieces a batch, padding included; every one once an epoch.

    A batch holds, with B sentences of at most N pieces and W words: `pieces` (B, N, 1) int64; `piece_mask` (B, N, 1), 1 where a
    piece is; `first_pieces` (B, W, 1) int64, the place of each word's first piece; `word_mask` (B, W, 1); `distances` (B, W, 1)
    int64. A share `lost_marks` of the sentences of an epoch is without some of its marks, and half of them all as they are said.
    """

    def __init__(
        self, treebank: Treebank, split: str, pieces: WordPieces, batch_pieces: int, lost_marks: float, seed: int
    ) -> None:
        """`pieces` cuts words into the encoder's word pieces."""
        self.seed, self.lost_marks, self._pieces = seed, lost_marks, pieces
        forms = zip(treebank.of_split(split), treebank.of_split(split, said=True), strict=True)
        self.sentences = [pair for pair in forms if len(pair[0].words) > 1]
        lengths = [len(self._encoded(written, "all")[0]) for written, _ in self.sentences]
        self._epochs = Epochs(lengths, batch_pieces, seed)

    def batch(self, step: int) -> Batch:
        """The batch of `step`, counted from 0 through all epochs."""
        generator = np.random.default_rng([self.seed, step])
        return self.collate([self._drawn(int(index), generator) for index in self._epochs.members(step)])

    def in_order(self) -> Iterator[Batch]:
        """Every sentence once as it is written, always in the same batches: for validation."""
        return (self.collate([(self.sentences[index][0], "all") for index in members]) for members in self._epochs.in_order())

    def collate(self, items: Sequence[tuple[ParsedSentence, Marks]]) -> Batch:
        """Sentences with these of their marks as one batch."""
        return treebank_batch(self._pieces, items)

    def _encoded(self, sentence: ParsedSentence, marks: Marks) -> tuple[list[int], list[int]]:
        return self._pieces.encode(sentence.words, sentence.marked(marks))

    def _drawn(self, index: int, generator: np.random.Generator) -> tuple[ParsedSentence, Marks]:
        lost: Marks = "front-end" if generator.random() < 0.7 else "last"
        marks: Marks = lost if generator.random() < self.lost_marks else "all"
        return self.sentences[index][int(generator.random() < 0.5)], marks
