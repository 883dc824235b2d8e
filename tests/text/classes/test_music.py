"""Keys, notes, chords and metre."""

from __future__ import annotations

import pytest
from speaking import spoken

from tts_cli.text import TextFrontEnd

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("a fugue in G♯ minor", "a fugue in g sharp minor"),
        ("Bb major is easy.", "b flat major is easy"),
        ("She sang a D♭ and an F#.", "she sang a d flat and an f sharp"),
        ("Play F#m7 here.", "play f sharp minor seven here"),
        ("a jig in 6/8 time", "a jig in six eight time"),
        ("the Bb trumpet", "the b flat trumpet"),
    ],
)
def test_music_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Only 3/4 of it.", "only three quarters of it"),
        ("The Bb team", "the bb team"),
    ],
)
def test_other_text_is_no_music(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


def test_the_letter_of_a_key_is_its_name_and_no_article() -> None:
    def first(text: str, place: int) -> str:
        utterance = FRONT_END.utterance(text)
        return utterance.tokens[utterance.word_of_token.index(place)]

    assert first("It is in A minor.", 3) == "EY1"
    assert first("A minor problem came.", 0) == "AH0"
