"""Accuracy of constituency parsers on the test documents of a treebank: order of syntactic distances, bracket F1, CPU time.

Syntactic distances are those of Shen et al. 2018: one number for each gap between neighbouring words of a sentence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tts_cli.corpora.treebank import Marks, ParsedSentence, Treebank, agreement
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.report import Column, Report, Row, ratio_rows
from tts_cli.selection.parsers import Parser

COLUMNS = (
    Column("ordered_alike", "pair accuracy %", 1, 100.0),
    Column("bracket_f1", "bracket F1 %", 1, 100.0),
    Column("cpu_ms", "CPU ms", 2),
)
WRITTEN, SPOKEN = "as written", "as spoken"
_NAMES = ("test sentences", "parser", "sentences")
_NOTES = (
    f"{WRITTEN}: the treebank's tokens with all punctuation. {SPOKEN}: numbers and symbols are replaced by the words spoken for "
    "them, which form a constituent, and only the punctuation that the text front end keeps remains. Punctuation is no word.",
    "Pair accuracy: share of the pairs of word gaps of a sentence, with unequal syntactic distances in the treebank, that the "
    "parser puts in the same order; equal distances count as wrong. Bracket F1: unlabelled, against the right-binarised "
    "tree, without whole sentences and single words, micro-averaged. CPU: milliseconds of the process per sentence.",
    "Rows named `first - second` are paired differences. 95 % bootstrap intervals over sentences.",
)


@dataclass(frozen=True)
class ParseScore:
    """Counts of one parsed sentence, from which the measures of a parser are summed."""

    num_words: int
    num_alike: int
    """Pairs of word gaps that the parser puts in the treebank's order."""
    num_pairs: int
    """Pairs of word gaps with unequal distances in the treebank."""
    num_shared: int
    """Brackets of the parser that the treebank has too."""
    num_brackets: int
    """Brackets of the parser plus brackets of the treebank."""
    cpu_s: float
    """CPU time of the process for this sentence, in seconds."""


MEASURES: Mapping[str, Callable[[ParseScore], tuple[float, float]]] = {
    "ordered_alike": lambda score: (score.num_alike, score.num_pairs),
    "bracket_f1": lambda score: (2 * score.num_shared, score.num_brackets),
    "cpu_ms": lambda score: (1000 * score.cpu_s, 1),
}


def evaluate_syntax(treebank: Treebank, parsers: Mapping[str, Parser], limit: int | None = None) -> Report:
    """Measure parsers on the test documents of a treebank, as written and as spoken.

    Args:
        treebank: annotated documents with their splits.
        parsers: parsers by name. Rows of paired differences compare the first with each of the others.
        limit: largest number of sentences; None: all.

    Raises:
        CorpusError: if the treebank has no test document.
    """
    forms: tuple[tuple[str, bool, Marks], ...] = ((WRITTEN, False, "all"), (SPOKEN, True, "front-end"))
    rows: list[Row] = []
    details = []
    for form, is_spoken, marks in forms:
        sentences = treebank.of_split("test", said=is_spoken)[:limit]
        scores = {name: _scores(name, parser, sentences, marks) for name, parser in parsers.items()}
        rows += ratio_rows(form, MEASURES, scores, sign=-1)
        for name, made in scores.items():
            details += [
                {"form": form, "parser": name, "document": s.document, **vars(m)} for s, m in zip(sentences, made, strict=True)
            ]
    return Report("Syntax: test documents", COLUMNS, tuple(rows), _NOTES, tuple(details), _NAMES)


def score(sentence: ParsedSentence, predicted: Sequence[float], cpu_s: float = 0.0) -> ParseScore:
    """Score the syntactic distances that a parser predicts for a sentence.

    Args:
        sentence: sentence with the distances of its treebank tree.
        predicted: one distance for each gap between neighbouring words.
        cpu_s: CPU time of the prediction, in seconds.
    """
    return ParseScore(len(sentence.words), *agreement(sentence.distances, predicted), cpu_s)


def _scores(name: str, parser: Parser, sentences: Sequence[ParsedSentence], marks: Marks) -> list[ParseScore]:
    parser.distances(sentences[0].words, sentences[0].marked(marks))
    made = []
    for sentence in tracked(sentences, name):
        start = time.process_time()
        predicted = parser.distances(sentence.words, sentence.marked(marks))
        made.append(score(sentence, predicted, time.process_time() - start))
    return made
