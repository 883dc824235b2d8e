"""Command `tts parse`: draw the syntax tree of each sentence of a text, or list its tokens with their semiotic classes."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts_cli.cli.speaking import read_text
from tts_cli.cli.terminal import WIDTH_OF_PIPES, Json, LanguageOfTexts, print_json, print_table, refuse_closed_output
from tts_cli.output.speech_options import refuse_several

if TYPE_CHECKING:
    from tts_cli.voice.sentence import Sentence

MOST_TOKENS = 4000
"""Longest sentence that is parsed whole, in tokens (phones and boundaries): about 700 words."""

ParserName = Annotated[
    str | None,
    typer.Option(
        "--parser",
        metavar="NAME",
        help="Parser: linguistics-en (default), another linguistics addon, link-grammar, benepar, right-branching, or one that "
        "an installed package offers.",
    ),
]


def parse(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Text to parse; by default read from a pipe.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input-file", "-i", metavar="FILE", help="Read the text from this UTF-8 file; - is standard input."),
    ] = None,
    parser: ParserName = None,
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="Show how the text is read instead: each token, its class, its words and the rule."),
    ] = False,
    language: LanguageOfTexts = "en-US",
    as_json: Json = False,
) -> None:
    """Draw the syntax tree of each sentence of a text, or show how its numbers, abbreviations and signs are read.

    The words are those of the spoken text, with numbers written out. The number under a word is its syntactic distance: the
    height at which the tree joins it to the word before. --json adds the raw distances of the parser; only their order counts.

    --tokens lists the tokens of the text with their semiotic classes, such as money or date, instead.
    """
    refuse_several({"TEXT": text, "--input-file": input_file})
    refuse_several({"--tokens": tokens, "--parser": parser})
    if not as_json:
        refuse_closed_output("table" if tokens else "drawing")
    if tokens:
        _show_tokens(read_text(text, input_file), language, as_json)
    else:
        _show_trees(read_text(text, input_file), language, parser, as_json)


def _show_tokens(text: str, language: str, as_json: bool) -> None:
    """Print each token of `text` with its semiotic class, its words and the rule that decided."""
    from tts_cli.text import TextFrontEnd

    found = TextFrontEnd(language=language).tokens(text)
    if as_json:
        print_json({"tokens": [{**token._asdict(), "words": list(token.words)} for token in found]})
        return
    rows = [(" ".join(token.text.split()), token.kind, " ".join(token.words), token.note or token.rule) for token in found]
    print_table("", ("token", "class", "words", "rule"), rows)


def _show_trees(text: str, language: str, parser: str | None, as_json: bool) -> None:
    """Print the syntax tree of each sentence."""
    from tts_cli.selection.parsing import DEFAULT_LINGUISTICS, open_parser

    name = parser or DEFAULT_LINGUISTICS
    opened = open_parser(name)
    parsed = ((sentence, opened.distances(sentence.words, sentence.marks)) for sentence in _sentences(text, language))
    if as_json:
        print_json({"parser": name, "sentences": [_as_dict(*one) for one in parsed]})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_OF_PIPES
    for place, (sentence, distances) in enumerate(parsed):
        typer.echo("\n".join([*[""] * bool(place), sentence.text, *_drawing(sentence.words, distances, width)]))


def _sentences(text: str, language: str) -> Iterator[Sentence]:
    from tts_cli.text import TextFrontEnd
    from tts_cli.voice.sentence import Sentence

    for utterance in TextFrontEnd(language=language).sentences(text, MOST_TOKENS):
        yield Sentence.of(utterance)


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
    """Yield the lines of a drawing: the tree above its words and distances.

    A drawing wider than `width` columns becomes the tree in brackets, then words and distances, all wrapped.
    """
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
    """Split words into lines of at most `width` columns and yield each as (first word, end). A longer word has its own line."""
    start, column = 0, 0
    for place, cell in enumerate(zip(words, notes, strict=True)):
        size = max(map(len, cell)) + 1
        if column and column + size > width + 1:
            yield start, place
            start, column = place, 0
        column += size
    yield start, len(words)
