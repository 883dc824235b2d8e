"""Scores of parsers on a treebank, on trees small enough to count by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.corpora.treebank import ParsedSentence, open_treebank, ordered_alike
from tts_cli.evaluation.syntax.evaluate import evaluate_syntax, score
from tts_cli.selection.parsers import RightBranching

DOCUMENT = """
(ROOT (S (NP (DT the) (JJ big) (NN dog)) (VP (VBD ate) (NP (CD 22) (NNS bones))) (. .)))
(ROOT (FRAG (UH Yes) (. .)))
(ROOT (S (NP (PRP I)) (VP (MD ca) (RB n't) (VP (VB run))) (. !)))
"""


class Gold:
    """Parser that returns the distances of the treebank."""

    def __init__(self, sentences: Sequence[ParsedSentence]) -> None:
        self.answers = {sentence.words: sentence.distances for sentence in sentences}

    def distances(self, words: Sequence[str], marks: Sequence[str]) -> Sequence[float]:
        assert len(words) == len(marks)
        return self.answers[tuple(words)]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "dogs.ptb").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "cats.ptb").write_text("(ROOT (NP (NNS cats) (NNS mice) (NNS rats)))", encoding="utf-8")
    (tmp_path / "splits.md").write_text("## test\n  * dogs\n## train\n  * cats\n", encoding="utf-8")
    return tmp_path


def test_pairs_that_are_ordered_alike() -> None:
    assert ordered_alike([2, 1, 3], [5, 1, 9]) == (3, 3)
    assert ordered_alike([2, 1, 3], [1, 5, 9]) == (2, 3)
    assert ordered_alike([2, 2, 3], [1, 5, 5]) == (1, 2)
    assert ordered_alike([1], [1]) == (0, 0)
    assert ordered_alike([], []) == (0, 0)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12))
def test_reversed_distances_order_nothing_alike(distances: list[int]) -> None:
    alike, pairs = ordered_alike(distances, [-distance for distance in distances])
    assert alike == 0
    assert ordered_alike(distances, distances) == (pairs, pairs)


def test_one_sentence(folder: Path) -> None:
    sentence = open_treebank(folder).of_split("test")[0]
    assert sentence.distances == (0, 2, 1, 3, 2, 1)
    right = score(sentence, RightBranching().distances(sentence.words, sentence.marks))
    # ((the (big dog)) (ate (22 bones))) against (the (big (dog (ate (22 bones))))).
    assert (right.num_shared, right.num_brackets) == (2, 8)
    assert (right.num_alike, right.num_pairs) == (5, 8)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:The BCa")
def test_the_report(folder: Path) -> None:
    treebank = open_treebank(folder)
    gold = Gold([*treebank.of_split("test"), *treebank.of_split("test", said=True)])
    report = evaluate_syntax(treebank, {"gold": gold, "right-branching": RightBranching()})
    rows = {(row.group, row.name): row.estimates for row in report.rows}
    assert {name for _, name in rows} == {"gold", "right-branching", "gold - right-branching"}
    for form in ("as written", "as spoken"):
        estimates = rows[form, "gold"]
        assert estimates["ordered_alike"].value == estimates["bracket_f1"].value == 1
        assert estimates["bracket_f1"].num_clips == 3
        assert rows[form, "right-branching"]["bracket_f1"].value < 1
        assert rows[form, "gold - right-branching"]["bracket_f1"].value > 0
    # The second sentence has no bracket; in the third, (ca (n't run)), a chain is right.
    assert rows["as written", "right-branching"]["bracket_f1"].value == pytest.approx(2 * (2 + 2) / (8 + 4))
    assert "test sentences" in report.markdown()


def test_few_sentences(folder: Path) -> None:
    report = evaluate_syntax(open_treebank(folder), {"right-branching": RightBranching()}, limit=1)
    assert [row.num_clips for row in report.rows] == [1, 1]
