"""Treebanks: folders of Penn-bracketed trees, one file for each document; `splits.md` has the split of each document."""

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
"""Splits of the package by their names in `splits.md`."""
_MARKS = {
    **dict.fromkeys(("``", "''", "“", "”", "‘", "’", "'"), '"'),
    **dict.fromkeys(("--", "–", "—"), "-"),
    **dict.fromkeys(("..", "...", "....", "[...]"), "…"),
    "[": "(",
    "]": ")",
}
"""Marks of the text front end by the marks in treebanks."""

Marks = Literal["all", "front-end", "last"]
"""Selection of punctuation marks: all written ones; those of the text front end (one mark between two words, no hyphens within
words); or the last mark of the sentence alone."""


@dataclass(frozen=True)
class ParsedSentence:
    """Sentence of a treebank: words, punctuation marks and syntactic distances."""

    document: str
    words: tuple[str, ...]
    """Leaves of the tree without punctuation; "do" and "n't" are two words."""
    marks: tuple[str, ...]
    """Marks after each word: a string of symbols of `text.phones.BOUNDARIES`, "" for none."""
    hyphenated: tuple[bool, ...]
    """True for a mark that is a hyphen within a word."""
    distances: tuple[int, ...]
    """Syntactic distance of each word to the word before; that of the first word is 0."""

    def marked(self, left: Marks) -> tuple[str, ...]:
        """Return the marks after each word under the selection `left`."""
        if left == "all":
            return self.marks
        if left == "last":
            return (*([""] * (len(self.words) - 1)), self.marks[-1])
        first = [mark[:1] if not hyphen else "" for mark, hyphen in zip(self.marks, self.hyphenated, strict=True)]
        return (*first[:-1], first[-1] or ".")


class Treebank:
    """Treebank, opened by `open_treebank`."""

    facts = CorpusFacts()

    def __init__(self, folder: Path, sentences: dict[str, list[Tree]], documents: dict[str, str]) -> None:
        """Args:
        folder: Folder of the treebank, for messages.
        sentences: Trees of each document.
        documents: Split of each document.
        """
        self.folder, self._sentences, self._documents = folder, sentences, documents

    def of_split(self, split: str, said: bool = False) -> list[ParsedSentence]:
        """Return the sentences of a split that have a word.

        Args:
            split: train, validation or test.
            said: Replace numbers and symbols by the words that are spoken.

        Raises:
            CorpusError: The split is unknown or empty.
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
        """Return the first `count` validation sentences of several words. Raises CorpusError if the split is empty."""
        return [sentence for sentence in self.of_split("validation") if len(sentence.words) > 1][:count]


def open_treebank(folder: Path) -> Treebank:
    """Open the treebank in `folder`.

    Raises:
        CorpusError: There is no tree file, a tree is malformed, or a document has no split; names file and line.
    """
    documents = _read_splits(folder / SPLITS_FILE)
    files = sorted(folder.glob("*.ptb"))
    if not files:
        raise CorpusError(f"{folder}: no treebank: there is no file *.ptb", hint="name the folder with the tree files")
    for file in files:
        if file.stem not in documents:
            raise CorpusError(f"{file}: {SPLITS_FILE} does not list this document", hint="list it there under train, dev or test")
    return Treebank(folder, {file.stem: list(read_trees(file)) for file in files}, documents)


def parsed_sentence(document: str, tree: Tree) -> ParsedSentence:
    """Return the sentence of a tree of the document `document`."""
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
    """Return the tree with numbers and symbols as spoken words. Several words of one leaf become a constituent."""
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
    """Return the split of every document. In `splits.md`, a heading is a split and the list below it has its documents."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{file}: cannot be read", hint="it needs headings such as '## train' with lists of documents, '  * DOCUMENT'"
        ) from error
    documents: dict[str, str] = {}
    split = ""
    for line in map(str.strip, lines):
        if line.startswith("## "):
            split = _SPLIT_NAMES.get(line[3:].strip(), line[3:].strip())
        elif line.startswith("* "):
            documents[line[2:].strip()] = split
    return documents


class DistanceAgreement(NamedTuple):
    """Agreement of predicted syntactic distances with those of a tree, as counts that can be added over sentences."""

    num_alike: int
    """Pairs of gaps with unequal distances in the tree that the prediction orders in the same way."""
    num_pairs: int
    """Pairs of gaps with unequal distances in the tree."""
    num_shared: int
    """Brackets of both the predicted and the true tree."""
    num_brackets: int
    """Brackets of the predicted tree plus those of the true tree."""

    @property
    def bracket_f1(self) -> float:
        """Return the F1 score of unlabelled brackets, without those of whole sentences and single words."""
        return 2 * self.num_shared / max(1, self.num_brackets)

    @property
    def order(self) -> float:
        """Return the share of pairs in the same order, 0 to 1."""
        return self.num_alike / max(1, self.num_pairs)


def agreement(true: Sequence[float], predicted: Sequence[float]) -> DistanceAgreement:
    """Return the agreement of predicted with true syntactic distances: counts of pairs in order and of shared brackets.

    Args:
        true: Distances of one sentence by its tree, one before each word. The first is ignored.
        predicted: Predicted distances of the same sentence.
    """
    words = [""] * len(true)
    guess, truth = (brackets(tree_from_distances(words, distances)) for distances in (predicted, true))
    return DistanceAgreement(*ordered_alike(true[1:], predicted[1:]), len(guess & truth), len(guess) + len(truth))


def ordered_alike(true: Sequence[float], predicted: Sequence[float]) -> tuple[int, int]:
    """Count the pairs with unequal values in `true`.

    Returns:
        The number of these pairs that `predicted` orders in the same way, and the number of all of them.
    """
    orders = [np.sign(np.subtract.outer(values, values)) for values in (np.asarray(true), np.asarray(predicted))]
    unequal = np.triu(orders[0] != 0)
    return int(np.sum(unequal & (orders[0] == orders[1]))), int(np.sum(unequal))


def treebank_batch(pieces: WordPieces, items: Sequence[tuple[ParsedSentence, Marks]]) -> Batch:
    """Return sentences, each with a selection of marks, as one batch, see `TreebankBatches`."""
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
    """Training batches of sentences of similar length; every sentence of several words comes once an epoch.

    A batch has these tensors, with B sentences of at most N word pieces and W words: `pieces` (B, N, 1) int64; `piece_mask`
    (B, N, 1), 1 for a piece; `first_pieces` (B, W, 1) int64, the index of the first piece of each word; `word_mask` (B, W, 1);
    `distances` (B, W, 1) int64. Half of the sentences have numbers and symbols as spoken words.
    """

    def __init__(
        self, treebank: Treebank, split: str, pieces: WordPieces, batch_pieces: int, lost_marks: float, seed: int
    ) -> None:
        """Args:
            treebank: Opened treebank.
            split: train, validation or test.
            pieces: Tokenizer that splits words into word pieces.
            batch_pieces: Largest number of word pieces of a batch, padding included.
            lost_marks: Share of sentences, 0 to 1, that lose punctuation marks.
            seed: Seed of the order and the variations.

        Raises:
            CorpusError: The split is unknown or empty.
        """
        self.seed, self.lost_marks, self._pieces = seed, lost_marks, pieces
        forms = zip(treebank.of_split(split), treebank.of_split(split, said=True), strict=True)
        self.sentences = [pair for pair in forms if len(pair[0].words) > 1]
        lengths = [len(self._encoded(written, "all")[0]) for written, _ in self.sentences]
        self._epochs = Epochs(lengths, batch_pieces, seed)

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`; steps count from 0 through all epochs."""
        generator = np.random.default_rng([self.seed, step])
        return self.collate([self._drawn(int(index), generator) for index in self._epochs.members(step)])

    def in_order(self) -> Iterator[Batch]:
        """Yield the batches of one epoch of written sentences, without shuffling or variations, for validation."""
        return (self.collate([(self.sentences[index][0], "all") for index in members]) for members in self._epochs.in_order())

    def collate(self, items: Sequence[tuple[ParsedSentence, Marks]]) -> Batch:
        """Return sentences, each with a selection of marks, as one batch."""
        return treebank_batch(self._pieces, items)

    def _encoded(self, sentence: ParsedSentence, marks: Marks) -> tuple[list[int], list[int]]:
        return self._pieces.encode(sentence.words, sentence.marked(marks))

    def _drawn(self, index: int, generator: np.random.Generator) -> tuple[ParsedSentence, Marks]:
        lost: Marks = "front-end" if generator.random() < 0.7 else "last"
        marks: Marks = lost if generator.random() < self.lost_marks else "all"
        return self.sentences[index][int(generator.random() < 0.5)], marks
