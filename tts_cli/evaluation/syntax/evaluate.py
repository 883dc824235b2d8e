"""How well parsers find the trees of a treebank's test documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tts_cli.corpora.treebank import Marks, ParsedSentence, Treebank, agreement
from tts_cli.evaluation.engine import tracked
from tts_cli.evaluation.report import Column, Report, Row, ratio_rows
from tts_cli.selection.parsers import Parser

COLUMNS = (
    Column("ordered_alike", "ordered alike %", 1, 100.0),
    Column("bracket_f1", "bracket F1 %", 1, 100.0),
    Column("cpu_ms", "CPU ms", 2),
)
WRITTEN, SPOKEN = "as written", "as spoken"
_NAMES = ("test sentences", "parser", "sentences")
_NOTES = (
    f"{WRITTEN}: the treebank's tokens and all their punctuation; {SPOKEN}: numbers and symbols as the words that are spoken, "
    "which are constituents, and such marks alone as the text front end keeps. Punctuation is no word.",
    "ordered alike: of all pairs of gaps between words of a sentence whose distances are unequal in the treebank, the share that "
    "the parser orders alike; a pair that it finds equal is not. bracket F1: unlabelled, against the right-binarised tree, whole "
    "sentences and single words left out, micro-averaged. CPU: of the process, a sentence.",
    "Rows named `first - second` are paired differences. 95 % bootstrap intervals over sentences.",
)


@dataclass(frozen=True)
class ParseScore:
    """What a parser made of one sentence."""

    num_words: int
    num_alike: int
    """Of the pairs of gaps whose distances are unequal in the treebank, those ordered alike."""
    num_pairs: int
    num_shared: int
    """Brackets that parser and treebank share."""
    num_brackets: int
    """Those of the parser and those of the treebank, added up."""
    cpu_s: float


MEASURES: Mapping[str, Callable[[ParseScore], tuple[float, float]]] = {
    "ordered_alike": lambda score: (score.num_alike, score.num_pairs),
    "bracket_f1": lambda score: (2 * score.num_shared, score.num_brackets),
    "cpu_ms": lambda score: (1000 * score.cpu_s, 1),
}


def evaluate_syntax(treebank: Treebank, parsers: Mapping[str, Parser], limit: int | None = None) -> Report:
    """Every one of `parsers`, by name, on at most `limit` sentences of the test documents; the first is compared with the others.

    Raises CorpusError where the treebank has no test document.
    """
    forms: tuple[tuple[str, bool, Marks], ...] = ((WRITTEN, False, "all"), (SPOKEN, True, "front-end"))
    rows: list[Row] = []
    details = []
    for form, said, marks in forms:
        sentences = treebank.of_split("test", said=said)[:limit]
        scores = {name: _scores(name, parser, sentences, marks) for name, parser in parsers.items()}
        rows += ratio_rows(form, MEASURES, scores, sign=-1)
        for name, made in scores.items():
            details += [
                {"form": form, "parser": name, "document": s.document, **vars(m)} for s, m in zip(sentences, made, strict=True)
            ]
    return Report("Syntax: test documents", COLUMNS, tuple(rows), _NOTES, tuple(details), _NAMES)


def score(sentence: ParsedSentence, predicted: Sequence[float], cpu_s: float = 0.0) -> ParseScore:
    """The distances that a parser gives a sentence, held against its tree's."""
    return ParseScore(len(sentence.words), *agreement(sentence.distances, predicted), cpu_s)


def _scores(name: str, parser: Parser, sentences: Sequence[ParsedSentence], marks: Marks) -> list[ParseScore]:
    parser.distances(sentences[0].words, sentences[0].marked(marks))
    made = []
    for sentence in tracked(sentences, name):
        start = time.process_time()
        predicted = parser.distances(sentence.words, sentence.marked(marks))
        made.append(score(sentence, predicted, time.process_time() - start))
    return made
