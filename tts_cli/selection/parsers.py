"""Parsers that say how far apart the words of a sentence are, besides the one that ships with this project."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

from tts_cli.errors import InputError
from tts_cli.selection.pieces import leaves_of
from tts_cli.selection.syntax import Tree, fold, parse_trees, right_binarised, right_branching, syntactic_distances

LONGEST_PARSE_S = 5
"""What Link Grammar may take for a sentence."""
MARK_TAG = "."

_CLITIC = re.compile(r"(?i)n't|'[a-z]*")
_LEFT_MARKS = frozenset(",;:.?!…)")
_LINK_TOKEN = re.compile(r"(\([A-Z]+)\b|[^\s()]+")


class Parser(Protocol):
    """What finds the syntactic distances of sentences."""

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """One for each of `words`: how far apart the tree holds it and the word before; only their order counts, the first is 0.

        `marks[i]` is the punctuation after `words[i]`, "" or a blank where there is none.
        """
        ...


class RightBranching:
    """Takes every sentence for a chain: what any parser of English has to beat."""

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:  # noqa: ARG002
        """See `Parser`."""
        return right_branching(len(words))


class LinkGrammar:
    """Link Grammar (Sleator and Temperley 1993), and the phrases that it makes of its links.

    A sentence of which it finds no whole tree is a chain.
    """

    def __init__(self) -> None:
        """Raises InputError where it is not installed."""
        try:
            import linkgrammar
        except ImportError as error:
            hint = "apt install python3-link-grammar link-grammar-dictionaries-en, and a Python that sees the system's packages"
            raise InputError("the parser 'link-grammar' is not installed", hint) from error
        linkgrammar.LG_Error.set_handler(lambda *_: 0)
        self._package: Any = linkgrammar
        self._dictionary = linkgrammar.Dictionary("en")

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        """See `Parser`."""
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
        # Of some sentences its phrases hold the first words alone.
        is_whole = len(tree.leaves) == len(found)
        return distances_of_words(tree, found, len(words)) if is_whole else right_branching(len(words))


class Benepar:
    """The Berkeley Neural Parser (Kitaev and Klein 2018)."""

    def __init__(self, model: str = "benepar_en3") -> None:
        """Raises InputError where it is not installed, or its model is not."""
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
        """See `Parser`."""
        tokens: list[str] = []
        owners: list[int] = []
        for place, (word, mark) in enumerate(zip(words, marks, strict=True)):
            parts = leaves_of(word)
            tokens += [*parts, mark] if mark.strip() else parts
            owners += [place] * len(parts) + [-1] * bool(mark.strip())
        (tree,) = parse_trees(str(self._parser.parse(self._input(words=tokens))), "benepar")
        return distances_of_words(tree, owners, len(words))


def distances_of_words(tree: Tree, owners: Sequence[int], num_words: int) -> list[int]:
    """Distances of words by a tree over tokens, of which `owners` tells for each the word it belongs to, or -1 for a mark.

    A word's is that before its first token, or 0 where it has no token of its own. Raises ValueError when the tree has not as
    many leaves as there are owners.
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
    """The sentence as text, the characters at which its words and marks begin, and of each its word's place or -1."""
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
    """A word of Link Grammar's tree as the Penn Treebank writes it; what opens a phrase stays."""
    return found[0] if found[1] else f"(X {found[0]})"
