"""Trees: reading, words and spans, and the way to distances and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.errors import CorpusError
from tts_cli.selection.syntax import (
    Tree,
    brackets,
    drawn,
    parse_trees,
    read_trees,
    right_binarised,
    right_branching,
    syntactic_distances,
    tree_from_distances,
)

FOX = """
(ROOT (S (S (NP-SBJ (DT The) (JJ brown) (NN fox)) (VP (VBZ is) (ADJP-PRD (JJ quick))))
         (, ,) (CC and)
         (S (NP-SBJ (PRP it))
            (VP (VBZ is) (VP (VBG jumping) (PP (IN over) (NP (DT the) (JJ lazy) (NN dog))))))
         (. .)))
"""
"""The Penn tree of the first article's example."""
DISTANCES = st.lists(st.integers(1, 9), max_size=40).map(lambda rest: [0, *rest])


def tree_of(text: str) -> Tree:
    (tree,) = parse_trees(text, "text")
    return tree


def words_for(distances: list[int]) -> list[str]:
    return [f"w{index}" for index in range(len(distances))]


def test_the_example_of_the_article() -> None:
    assert syntactic_distances(tree_of(FOX)) == [0, 2, 1, 3, 1, 8, 7, 6, 5, 4, 3, 2, 1]


def test_its_distances_give_its_binary_tree_back() -> None:
    tree = tree_of(FOX)
    binary = right_binarised(tree)
    assert binary is not None
    again = tree_from_distances(binary.words, syntactic_distances(tree))
    expected = "(((The (brown fox)) (is quick)) (and (it (is (jumping (over (the (lazy dog))))))))"
    assert str(again) == expected
    assert brackets(again) == brackets(binary)


@given(DISTANCES)
def test_distances_to_tree_and_back(distances: list[int]) -> None:
    tree = tree_from_distances(words_for(distances), distances)
    heights = syntactic_distances(tree)
    assert tree.words == tuple(words_for(distances))
    assert tree_from_distances(tree.words, heights) == tree
    assert syntactic_distances(tree_from_distances(tree.words, heights)) == heights


@given(DISTANCES)
def test_a_constituent_is_split_at_its_first_greatest_distance(distances: list[int]) -> None:
    tree = tree_from_distances(words_for(distances), distances)

    def check(node: Tree, start: int) -> int:
        if not node.children:
            return start + 1
        left, right = node.children
        middle = check(left, start)
        end = check(right, middle)
        assert middle == max(range(start + 1, end), key=lambda place: (distances[place], -place))
        return end

    assert check(tree, 0) == len(distances)


@given(DISTANCES.filter(lambda distances: len(distances) > 2))
def test_a_binary_tree_has_a_bracket_for_all_but_one_of_its_gaps(distances: list[int]) -> None:
    assert len(brackets(tree_from_distances(words_for(distances), distances))) == len(distances) - 2


@pytest.mark.parametrize("length", [1, 2, 3, 5000])
def test_right_branching(length: int) -> None:
    distances = right_branching(length)
    tree = tree_from_distances(["w"] * length, distances)
    assert syntactic_distances(tree) == distances
    assert brackets(tree) == {(start, length) for start in range(1, length - 1)}


def test_no_words_have_no_tree() -> None:
    assert right_branching(0) == []
    assert syntactic_distances(tree_of("(ROOT (NP (: --) (-NONE- *T*-1)))")) == []
    with pytest.raises(ValueError, match="0 words"):
        tree_from_distances([], [])
    with pytest.raises(ValueError, match="1 words cannot have 2"):
        tree_from_distances(["a"], [0, 1])


def test_trees_are_read_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "two.ptb"
    file.write_text("( (NP (NN dog)\n  (-LRB- -LRB-) (NN cat)(-RRB- -RRB-)) )\n\n(ROOT\n(UH yes))", encoding="utf-8")
    first, second = read_trees(file)
    assert first.words == ("dog", "(", "cat", ")")
    assert str(first) == "((NP (NN dog) (-LRB- -LRB-) (NN cat) (-RRB- -RRB-)))"
    assert syntactic_distances(first) == [0, 1]
    assert second == Tree("ROOT", (Tree("UH", word="yes"),))


def test_traces_and_unary_chains_leave_no_level() -> None:
    tree = tree_of("(S (NP-SBJ (-NONE- *)) (VP (VP (VB go) (ADVP (NP (NN home)))) (NP (-NONE- *T*))) (. .))")
    assert str(right_binarised(tree)) == "(VP (VB go) (NN home))"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("(S (NN a))\n(S\n (NN b)", 2, "not closed by line 3"),
        ("(S (NN a)))", 1, "'.' stands outside"),
        ("\n\nhello", 3, "'hello' stands outside"),
        ("(S\n (NN New York))", 2, "neither"),
        ("(S\n\n ())", 3, "neither"),
        ("(S\n (NP))", 2, "neither"),
        ("(S word (NN a))", 1, "neither"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "bad.ptb"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message) as raised:
        list(read_trees(file))
    assert raised.value.message.startswith(f"{file}:{line}: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        list(read_trees(tmp_path / "absent.ptb"))
    (tmp_path / "binary.ptb").write_bytes(b"\xff\xfe(")
    with pytest.raises(CorpusError, match="UTF-8"):
        list(read_trees(tmp_path / "binary.ptb"))


def test_the_drawing_shows_heights_and_notes() -> None:
    tree = tree_from_distances(["a", "big", "dog", "ran"], [0, 2, 1, 3])
    assert drawn(tree, ["0", "2", "1", "3"]) == [
        "  ┌───┴────┐",
        "┌─┴──┐     │",
        "│  ┌─┴─┐   │",
        "a big dog ran",
        "0  2   1   3",
    ]
    assert drawn(tree_from_distances(["yes"], [0])) == ["yes"]
