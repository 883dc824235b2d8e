"""Contractions with an apostrophe at their beginning or end."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import contraction
from tts_cli.text.normalise import read


@pytest.mark.parametrize(
    ("text", "spoken"), [("'Twas cold", "twas"), ("'n' roll", "n"), ("'cause I", "cause"), ("th' end", "the")]
)
def test_a_contraction_is_read(text: str, spoken: str) -> None:
    reading = contraction.read(text, 0)
    assert reading is not None
    assert reading.words == (spoken,)


@pytest.mark.parametrize("text", ["'go' he", "'hello there'", "the end", "an end"])
def test_other_words_stay(text: str) -> None:
    assert contraction.read(text, 0) is None


@pytest.mark.parametrize(
    ("text", "spoken"),
    [("Sammy Davis Jr.'s song", "Sammy Davis Junior's song"), ("Henry VIII's wife", "Henry the eighth's wife")],
)
def test_a_possessive_joins_the_word_before(text: str, spoken: str) -> None:
    assert " ".join(word for token in read(text) for word in token.words) == spoken
