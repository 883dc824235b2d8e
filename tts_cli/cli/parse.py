"""`tts parse` shows how a text's sentences are built."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.speaking import read_text
from tts_cli.cli.terminal import WIDTH_OF_PIPES, Json, print_json
from tts_cli.output.speech_options import refuse_several

if TYPE_CHECKING:
    from tts_cli.voice.sentence import Sentence

MOST_TOKENS = 4000
"""Longest sentence that is parsed whole, in phones and boundaries: 700 words or so."""

ParserName = Annotated[
    str | None,
    typer.Option(
        "--parser",
        metavar="NAME",
        help="linguistics-en (the default) or another addon of its kind, link-grammar, benepar, right-branching, or yours.",
    ),
]


def parse(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What to parse; by default what comes from a pipe.")] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", "-i", metavar="FILE", help="Text in UTF-8; - is standard input.")
    ] = None,
    parser: ParserName = None,
    as_json: Json = False,
) -> None:
    """Show the syntax of a text: the tree of each sentence.

    Under the words stand their syntactic distances: how high the tree joins a word and the one before. Words are those that are
    spoken, numbers written out. --json also has what the parser itself predicted, of which only the order counts.
    """
    from tts_cli.selection.parsing import DEFAULT_LINGUISTICS, open_parser

    refuse_several({"TEXT": text, "--input-file": input_file})
    name = parser or DEFAULT_LINGUISTICS
    said = read_text(text, input_file)
    opened = open_parser(name)
    parsed = ((sentence, opened.distances(sentence.words, sentence.marks)) for sentence in _sentences(said))
    if as_json:
        print_json({"parser": name, "sentences": [_as_dict(*one) for one in parsed]})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_OF_PIPES
    for place, (sentence, distances) in enumerate(parsed):
        typer.echo("\n".join([*[""] * bool(place), sentence.text, *_drawing(sentence.words, distances, width)]))


def _sentences(text: str) -> Iterator[Sentence]:
    from tts_cli.text import TextFrontEnd
    from tts_cli.voice.sentence import Sentence

    for said in TextFrontEnd().sentences(text, MOST_TOKENS):
        yield Sentence.of(said)


def _as_dict(sentence: Sentence, distances: Sequence[float]) -> dict[str, object]:
    from tts_cli.selection.syntax import syntactic_distances, tree_from_distances

    tree = tree_from_distances(sentence.words, distances)
    return {
        "text": sentence.text,
        "words": sentence.words,
        "marks": [mark.strip() for mark in sentence.marks],
        "predicted": [round(float(distance), 4) for distance in distances],
        "tree": str(tree),
        "distances": syntactic_distances(tree),
    }


def _drawing(words: Sequence[str], distances: Sequence[float], width: int) -> Iterator[str]:
    """The tree drawn above words and distances; in brackets, and then these, where it would be wider than `width` columns."""
    from tts_cli.selection.syntax import drawn, in_columns, syntactic_distances, tree_from_distances

    tree = tree_from_distances(words, distances)
    notes = [str(distance) for distance in syntactic_distances(tree)]
    lines = list(_lines(words, notes, width))
    if len(lines) == 1:
        yield from drawn(tree, notes)
        return
    yield from textwrap.wrap(str(tree), width, break_on_hyphens=False)
    for start, end in lines:
        yield from ("", *in_columns(words[start:end], notes[start:end]))


def _lines(words: Sequence[str], notes: Sequence[str], width: int) -> Iterator[tuple[int, int]]:
    """Stretches (first word, end) that fit into `width` columns, or that are single words."""
    start, column = 0, 0
    for place, cell in enumerate(zip(words, notes, strict=True)):
        size = max(map(len, cell)) + 1
        if column and column + size > width + 1:
            yield start, place
            start, column = place, 0
        column += size
    yield start, len(words)
