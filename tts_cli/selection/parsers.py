"""Parsers of other projects that give syntactic distances: Link Grammar and Benepar; and a right-branching baseline."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

from tts_cli.errors import InputError
from tts_cli.selection.pieces import leaves_of
from tts_cli.selection.syntax import Tree, fold, parse_trees, right_binarised, right_branching, syntactic_distances

LONGEST_PARSE_S = 5
"""Longest time that Link Grammar may take for a sentence, in seconds."""
MARK_TAG = "."
"""Tag of leaves that are punctuation."""

_CLITIC = re.compile(r"(?i)n't|'[a-z]*")
_LEFT_MARKS = frozenset(",;:.?!…)")
_LINK_TOKEN = re.compile(r"(\([A-Z]+)\b|[^\s()]+")


class Parser(Protocol):
    """Parser: gives the syntactic distances of a sentence."""

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """Return one syntactic distance for each word: that from the word before. Only their order counts; the first is 0.

        Args:
            words: Words as they are spoken.
            marks: Punctuation after each word; "" or a blank for none.
        """
        ...


class RightBranching:
    """Parser that gives each sentence a right-branching tree: the baseline for English."""

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:  # noqa: ARG002
        """Return the syntactic distance of each word from the word before, as `Parser` specifies."""
        return right_branching(len(words))


class LinkGrammar:
    """Parser by the constituents of Link Grammar (Sleator and Temperley 1993).

    A sentence without a whole tree gets a right-branching one.
    """

    def __init__(self) -> None:
        """Open the English dictionary. Raises InputError if Link Grammar is not installed."""
        try:
            import linkgrammar
        except ImportError as error:
            hint = "apt install python3-link-grammar link-grammar-dictionaries-en, and a Python that sees the system's packages"
            raise InputError("the parser 'link-grammar' is not installed", hint) from error
        linkgrammar.LG_Error.set_handler(lambda *_: 0)
        self._package: Any = linkgrammar
        self._dictionary = linkgrammar.Dictionary("en")

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """Return the syntactic distance of each word from the word before, as `Parser` specifies."""
        text, starts, owners = _written(words, marks)
        options = self._package.ParseOptions(verbosity=0, max_parse_time=LONGEST_PARSE_S, max_null_count=len(words))
        try:
            linkage = next(iter(self._package.Sentence(text, self._dictionary, options).parse()), None)
        except self._package.LG_TimerExhausted:
            linkage = None
        if linkage is None:
            return right_branching(len(words))
        tokens = range(1, linkage.num_of_words() - 1)
        (tree,) = parse_trees(_LINK_TOKEN.sub(_as_leaf, linkage.constituent_tree()), "Link Grammar")
        found = [owners[bisect_right(starts, linkage.word_char_start(token)) - 1] for token in tokens]
        # The constituents of some sentences cover the first words only.
        is_whole = len(tree.leaves) == len(found)
        return distances_of_words(tree, found, len(words)) if is_whole else right_branching(len(words))


class Benepar:
    """Parser by the Berkeley Neural Parser (Kitaev and Klein 2018)."""

    def __init__(self, model: str = "benepar_en3") -> None:
        """Load a model by its name. Raises InputError if the package or the model is not installed."""
        hint = f"pip install benepar; python -c \"import benepar; benepar.download('{model}')\""
        try:
            import benepar

            self._parser = benepar.Parser(model)
        except ImportError as error:
            raise InputError("the parser 'benepar' is not installed", hint) from error
        except LookupError as error:
            raise InputError(f"the parser 'benepar' lacks its model '{model}'", hint) from error
        self._input = benepar.InputSentence

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """Return the syntactic distance of each word from the word before, as `Parser` specifies."""
        tokens: list[str] = []
        owners: list[int] = []
        for place, (word, mark) in enumerate(zip(words, marks, strict=True)):
            parts = leaves_of(word)
            tokens += [*parts, mark] if mark.strip() else parts
            owners += [place] * len(parts) + [-1] * bool(mark.strip())
        (tree,) = parse_trees(str(self._parser.parse(self._input(words=tokens))), "benepar")
        return distances_of_words(tree, owners, len(words))


def distances_of_words(tree: Tree, owners: Sequence[int], num_words: int) -> list[int]:
    """Return the syntactic distance of each word, by a tree over tokens.

    Args:
        tree: Tree; its leaves are the tokens.
        owners: Index of the word of each token; -1 for punctuation.
        num_words: Number of words.

    Returns:
        Distance before the first token of each word; 0 for a word without a token, and for the first word.

    Raises:
        ValueError: The tree has another number of leaves than there are owners.
    """
    if len(tree.leaves) != len(owners):
        raise ValueError(f"a tree of {len(tree.leaves)} leaves cannot have {len(owners)} tokens")
    each = iter(owners)
    owned = fold(tree, lambda _: _owned(next(each)), lambda node, parts: Tree(node.label, tuple(parts)))
    binary = right_binarised(owned)
    found = [0] * num_words
    if binary is not None:
        for word, distance in reversed(list(zip(binary.words, syntactic_distances(owned), strict=True))):
            found[int(word)] = distance
    return [0, *found[1:]]


def _owned(owner: int) -> Tree:
    return Tree("X" if owner >= 0 else MARK_TAG, word=str(owner))


def _written(words: Sequence[str], marks: Sequence[str]) -> tuple[str, list[int], list[int]]:
    """Return the sentence as text, the start of each word and mark in it, and the index of each word, -1 for marks."""
    text = ""
    starts: list[int] = []
    owners: list[int] = []
    for place, (word, mark) in enumerate(zip(words, marks, strict=True)):
        for part, owner, is_attached in ((word, place, bool(_CLITIC.fullmatch(word))), (mark.strip(), -1, mark in _LEFT_MARKS)):
            if part:
                text += " " * (bool(text) and not is_attached)
                starts.append(len(text))
                owners.append(owner)
                text += part
    return text, starts, owners


def _as_leaf(found: re.Match[str]) -> str:
    """Return a word of Link Grammar's tree as a leaf of the Penn Treebank; the opening of a phrase stays as it is."""
    return found[0] if found[1] else f"(X {found[0]})"
