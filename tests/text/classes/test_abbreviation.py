"""Abbreviations by context, and sentences that end with one."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import abbreviation
from tts_cli.text.normalise import read

READ = [
    ("Ms.Jones", "Miz"),
    ("Lt. Col. Sanders", "Lieutenant"),
    ("Figs. 3 and 4", "figures"),
    ("para. 4", "paragraph"),
    ("c.1200", "circa"),
    ("etc. were", "et cetera"),
    ("Int'l flights", "international"),
    ("i.e. now", "that is"),
    ("D.C. is", "D. C."),
    ("Ed.D. in", "E. D. D."),
    ("w/ milk", "with"),
    ("w/o milk", "without"),
    ("max. speed", "maximum"),
    ("No. 5", "number"),
    ("c/o Bob", "care of"),
    ("e.g.Jack", "for example"),
    ("Wm. Penn", "William"),
    ("Mr and Mrs Hill", "Mister"),
    ("op. cit. here", "op cit"),
    ("max. 5 people", "maximum"),
    ("Rec'd today", "received"),
    ("sec. iii", "section"),
    ("Op. 27", "opus"),
]
WORDS = [
    "no. Nobody",
    "art. She",
    "fig. He",
    "sat. They",
    "max. She",
    "ave maria",
    "ex-wife",
    "rep. She",
    "col",
    "in. He",
    "Aka people",
    "reps. Rep",
    "max. He",
    "rep. 5",
    "no. of",
]


@pytest.mark.parametrize(("written", "spoken"), READ)
def test_an_abbreviation_is_written_out(written: str, spoken: str) -> None:
    reading = abbreviation.read(written, 0)
    assert reading is not None
    assert " ".join(reading.words) == spoken


@pytest.mark.parametrize("written", WORDS)
def test_a_word_that_is_also_an_abbreviation_stays(written: str) -> None:
    assert abbreviation.read(written, 0) is None


def _sentences(text: str) -> str:
    """Return the spoken words of `text`, with " | " where a sentence ends."""
    parts = [" ".join(token.words) + (" |" if token.ends else "") for token in read(text)]
    return " ".join(part.strip() for part in parts if part.strip())


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("The reply was no. 12 people agreed.", "The reply was no | twelve people agreed |"),
        ("Our house is no. 12 on the map.", "Our house is number twelve on the map |"),
        ("It is nine ft. Everyone looked.", "It is nine feet | Everyone looked |"),
        ("I saw Mar. He slept.", "I saw Mar | He slept |"),
        ("They met in Mar. He slept.", "They met in March | He slept |"),
        (
            "He runs Toys Inc. She runs Ford Motor Co. in town.",
            "He runs Toys Incorporated | She runs Ford Motor Company in town |",
        ),
        ("The U.S. Senate met in the U.S. It was long.", "The U. S. Senate met in the U. S. | It was long |"),
        ("He was a gen. The war was long.", "He was a gen | The war was long |"),
        ("Boston, Mass. is old. He felt ill. She did not.", "Boston Massachusetts is old | He felt ill | She did not |"),
        ("He lives in Calif. now. Two M.D.s left.", "He lives in California now | Two M. D.'s left |"),
        ("The plaintiff v. the town.", "The plaintiff versus the town |"),
        ("At No 10 the approx. cost is ten.", "At number ten the approximate cost is ten |"),
        ("No 2 cats are alike.", "No two cats are alike |"),
        ("The no. of cats is ten.", "The number of cats is ten |"),
        ("He said no. 2 of us left.", "He said no | two of us left |"),
        ("It was modern art. 10 people saw it.", "It was modern art | ten people saw it |"),
        ("One qt. of milk and two qt. of tea.", "One quart of milk and two quarts of tea |"),
        ("Mr. A left. I met the Prof. He left.", "Mister A left | I met the Professor | He left |"),
        ("She is a gen. in the army.", "She is a general in the army |"),
        ("Batman v. Superman is a film.", "Batman versus Superman is a film |"),
        ("Turn onto Park Ave. and sing Ave Maria.", "Turn onto Park Avenue and sing Ave Maria |"),
    ],
)
def test_context_decides(written: str, spoken: str) -> None:
    assert _sentences(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ('"Stop!" Tom said. He ran.', "Stop Tom said | He ran |"),
        ('"Stop!" He ran.', "Stop | He ran |"),
        ("He was . . . gone.", "He was gone |"),
        ("1. Eggs\n2. Milk", "one Eggs | two Milk"),
        ("a) Eggs\nb) Milk", "A. Eggs | b Milk"),
        ("It was 1990. 5 people came.", "It was nineteen ninety | five people came |"),
        ("It went down.Then up.", "It went down | Then up |"),
    ],
)
def test_sentences_are_divided(written: str, spoken: str) -> None:
    assert _sentences(written) == spoken
