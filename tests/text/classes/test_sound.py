"""Interjections are sounds, not letters."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd

FRONT_END = TextFrontEnd()


def phones(text: str) -> str:
    """Return the phones of a text without boundaries."""
    return " ".join(token for token in FRONT_END.utterance(text).tokens if token.isalnum())


@pytest.mark.parametrize(
    ("written", "sound"),
    [
        ("Shhhh", "SH"),
        ("grrrr", "G ER1"),
        ("BRRR", "B ER1"),
        ("psssst", "P S T"),
        ("Pffft", "P F T"),
        ("aaaargh", "AA1 R G"),
        ("tsk", "T IH1 S K"),
        ("zzzz", "Z Z"),
        ("eewww", "IY1 UW0"),
    ],
)
def test_a_sound_of_any_length_has_its_phones(written: str, sound: str) -> None:
    assert phones(written) == sound


@pytest.mark.parametrize(("written", "words"), [("PST", "P S T"), ("the GRU", "the G R U")])
def test_acronyms_are_no_sounds(written: str, words: str) -> None:
    assert "SH" not in phones(written) and len(phones(written).split()) >= len(words.split())
