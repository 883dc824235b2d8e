"""Constituency trees and syntactic distances.

Trees have the format of the Penn Treebank. A syntactic distance says how far apart the tree of a sentence holds two neighbouring
words; the distances of a sentence determine its binary tree (Shen et al., "Straight to the Tree: Constituency Parsing with
Neural Syntactic Distance", ACL 2018).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

from tts_cli.errors import CorpusError

PUNCTUATION_TAGS = frozenset((",", ".", ":", "``", "''", "-LRB-", "-RRB-", "HYPH", "NFP", "-NONE-"))
"""Tags of leaves that are no words: punctuation, a hyphen as a token of its own, and traces."""
BRACKET_TOKENS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
"""Brackets of a text, by the token that stands for each in a treebank."""

_TREE_HINT = "a treebank file holds trees like (ROOT (NP (DT the) (NN dog)))"
_LEXEME = re.compile(r"[()]|[^\s()]+")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Tree:
    """Constituency tree. An inner node has children and no word; a leaf has a word and no children."""

    label: str = ""
    """Syntactic category of a node, or part of speech of a leaf; empty if unknown."""
    children: tuple[Tree, ...] = ()
    word: str = ""

    @property
    def leaves(self) -> tuple[Tree, ...]:
        """Leaves from left to right."""
        return fold(self, lambda leaf: (leaf,), lambda _, parts: tuple(chain.from_iterable(parts)))

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the leaves from left to right."""
        return tuple(leaf.word for leaf in self.leaves)

    def __str__(self) -> str:
        """Return the tree in one line as in the Penn Treebank: `(NP (DT the) (NN dog))`; without labels `(the dog)`."""
        return fold(self, _leaf_text, lambda node, parts: f"({' '.join([node.label] * bool(node.label) + list(parts))})")


def _leaf_text(leaf: Tree) -> str:
    word = {text: token for token, text in BRACKET_TOKENS.items()}.get(leaf.word, leaf.word)
    return f"({leaf.label} {word})" if leaf.label else word


def fold(tree: Tree, of_leaf: Callable[[Tree], _Result], of_node: Callable[[Tree, list[_Result]], _Result]) -> _Result:
    """Compute a value of a tree bottom-up, without recursion: trees may be deeper than Python's call stack.

    Args:
        tree: Tree.
        of_leaf: Function from a leaf to its value.
        of_node: Function from an inner node and the values of its children to its value.
    """
    order, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting += node.children
    results: list[_Result] = []
    for node in reversed(order):
        count = len(node.children)
        parts = results[len(results) - count :]
        del results[len(results) - count :]
        results.append(of_node(node, parts) if count else of_leaf(node))
    return results[0]


def read_trees(file: Path) -> Iterator[Tree]:
    """Yield the bracketed trees of a file. Raises CorpusError, with file and line, for an unreadable or malformed file."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{file}: cannot be read: {error.strerror}", hint="name a readable file of bracketed trees") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{file}: is no UTF-8 text", hint=_TREE_HINT) from error
    return parse_trees(text, str(file))


def parse_trees(text: str, source: str) -> Iterator[Tree]:
    """Yield the bracketed trees in `text`; a tree may span lines. Raises CorpusError, with `source` and line, if malformed."""
    open_nodes: list[_OpenNode] = []
    line = 1
    for line, lexeme in _lexemes(text):
        place = f"{source}:{line}"
        if lexeme == "(":
            open_nodes.append(_OpenNode(place, [], []))
        elif not open_nodes:
            raise CorpusError(f"{place}: '{lexeme}' stands outside of a tree", hint=_TREE_HINT)
        elif lexeme != ")":
            open_nodes[-1].texts.append(lexeme)
        else:
            tree = open_nodes.pop().closed()
            if not open_nodes:
                yield tree
            else:
                open_nodes[-1].children.append(tree)
    if open_nodes:
        raise CorpusError(f"{open_nodes[0].place}: this tree is not closed by line {line}", hint="add the missing brackets")


def _lexemes(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        for found in _LEXEME.finditer(line):
            yield number, found[0]


@dataclass(slots=True)
class _OpenNode:
    """Node before its closing bracket is read."""

    place: str
    texts: list[str]
    children: list[Tree]

    def closed(self) -> Tree:
        """Return the tree. Raises CorpusError unless the node is (LABEL CHILDREN), (CHILDREN) or (TAG WORD)."""
        if self.children and len(self.texts) < 2:
            return Tree("".join(self.texts), tuple(self.children))
        if not self.children and len(self.texts) == 2:
            tag, word = self.texts
            return Tree(tag, word=BRACKET_TOKENS.get(word, word))
        held = " ".join(self.texts + ["(...)"] * len(self.children))
        raise CorpusError(f"{self.place}: '({held})' is neither (LABEL (...) ...) nor (TAG WORD)", hint=_TREE_HINT)


def right_binarised(tree: Tree) -> Tree | None:
    """Return the binary tree over the words: without punctuation and unary chains, children A B C as (A (B C)).

    Return None if there are no words.
    """

    def of_node(node: Tree, parts: list[Tree | None]) -> Tree | None:
        kept = [part for part in parts if part is not None]
        while len(kept) > 1:
            right = kept.pop()
            kept[-1] = Tree(node.label if len(kept) == 1 else "", (kept[-1], right))
        return kept[0] if kept else None

    return fold(tree, lambda leaf: None if leaf.label in PUNCTUATION_TAGS else leaf, of_node)


def syntactic_distances(tree: Tree) -> list[int]:
    """Return the syntactic distance of each word of `right_binarised(tree)` from the word before; the first is 0.

    It is the height of the lowest common ancestor of the two words. A leaf has height 0, a node 1 more than its higher child.
    """

    def of_node(_: Tree, parts: list[tuple[int, list[int]]]) -> tuple[int, list[int]]:
        (left_height, left), (right_height, right) = parts
        height = 1 + max(left_height, right_height)
        return height, [*left, height, *right[1:]]

    binary = right_binarised(tree)
    return [] if binary is None else fold(binary, lambda _: (0, [0]), of_node)[1]


def tree_from_distances(words: Sequence[str], distances: Sequence[float]) -> Tree:
    """Return the unlabelled binary tree of syntactic distances: split from the top down at the largest, the leftmost on ties.

    Args:
        words: Words of the sentence.
        distances: Distance of each word from the word before; the first is ignored.

    Raises:
        ValueError: There are no words, or the numbers of words and distances differ.
    """
    if not words or len(words) != len(distances):
        raise ValueError(f"{len(words)} words cannot have {len(distances)} distances")
    pending = [(float("inf"), Tree(word=words[0]))]
    for word, distance in zip(words[1:], distances[1:], strict=True):
        _join(pending, distance)
        pending.append((distance, Tree(word=word)))
    _join(pending, float("inf"))
    return pending[0][1]


def _join(pending: list[tuple[float, Tree]], below: float) -> None:
    """Join neighbouring subtrees at distances below `below` into constituents, from the right, in place.

    `pending` holds (distance from the subtree before, subtree) from left to right.
    """
    while len(pending) > 1 and pending[-1][0] < below:
        _, right = pending.pop()
        distance, left = pending.pop()
        pending.append((distance, Tree(children=(left, right))))


def brackets(tree: Tree) -> set[tuple[int, int]]:
    """Return the spans (first word, end) of all constituents of at least two words, without the whole sentence."""
    found: set[tuple[int, int]] = set()
    length = 0

    def of_leaf(_: Tree) -> tuple[int, int]:
        nonlocal length
        length += 1
        return length - 1, length

    def of_node(_: Tree, parts: list[tuple[int, int]]) -> tuple[int, int]:
        span = (parts[0][0], parts[-1][1])
        found.add(span)
        return span

    whole = fold(tree, of_leaf, of_node)
    return {(start, end) for start, end in found if end - start > 1 and (start, end) != whole}


def right_branching(num_words: int) -> list[int]:
    """Return the syntactic distances of a right-branching tree: 0, num_words - 1, ..., 2, 1."""
    return [0, *range(num_words - 1, 0, -1)][:num_words]


def drawn(tree: Tree, notes: Sequence[str] = ()) -> list[str]:
    """Draw a binary tree in lines of text above its words.

    The height of the line between two words is their syntactic distance.

    Args:
        tree: Binary tree.
        notes: Text to show under each word; empty for none.
    """
    rows = [tree.words, notes] if notes else [tree.words]
    widths = [max(map(len, cell)) for cell in zip(*rows, strict=True)]
    starts = [sum(widths[:index]) + index for index in range(len(widths))]
    columns = iter(start + (width - 1) // 2 for start, width in zip(starts, widths, strict=True))
    picture = [[" "] * (starts[-1] + widths[-1]) for _ in range(max(syntactic_distances(tree)))]
    fold(tree, lambda _: (0, next(columns)), lambda _, parts: _draw_node(picture, parts))
    return [*("".join(line).rstrip() for line in picture), *in_columns(*rows)]


def in_columns(*rows: Sequence[str]) -> list[str]:
    """Return one line of text for each row, with the cells of a column centred and a blank between columns."""
    widths = [max(map(len, cell)) for cell in zip(*rows, strict=True)]
    return [" ".join(map(str.center, row, widths)).rstrip() for row in rows]


def _draw_node(picture: list[list[str]], parts: list[tuple[int, int]]) -> tuple[int, int]:
    """Draw a node above its two children in `picture`; `parts` are their (height, column). Return those of the node."""
    (left_height, left), (right_height, right) = parts
    height, column = 1 + max(left_height, right_height), (left + right) // 2
    top = len(picture) - height
    picture[top][left : right + 1] = "┌" + "─" * (right - left - 1) + "┐"
    picture[top][column] = "┴"
    for child_height, child in parts:
        for row in range(top + 1, len(picture) - child_height):
            picture[row][child] = "│"
    return height, column
