"""Verses and books of scripture."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import verse

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Read Genesis 1:1 now.", "Read Genesis one one now."),
        ("See Luke 15:11-32 now.", "See Luke fifteen eleven to thirty two now."),
        ("Read 2 Tim. 3:16 and Rom. 8:28.", "Read second Timothy three sixteen and Romans eight twenty eight."),
        ("Read I Cor. 13 and 1 Peter 2:9.", "Read first Corinthians thirteen and first Peter two nine."),
        ("Read Psalm 150:6 and Isa. 53.", "Read Psalm one fifty six and Isaiah fifty three."),
        ("I like 1 Thessalonians best.", "I like first Thessalonians best."),
    ],
)
def test_verse_is_read_without_colon(written: str, spoken: str) -> None:
    assert FRONT_END.utterance(written).normalised == spoken


@pytest.mark.parametrize(
    ("text", "token"),
    [("I met John 3 times", "3"), ("3 kings came", "3"), ("I saw Mark 7:30 pm", "7:30"), ("1 John came", "1"),
     ("at 3:16 he", "3:16"),
     ("Ex. 4 is", "Ex"), ("Rev. 21 people", "Rev"), ("5 Peter 2:9", "5")],
)  # fmt: skip
def test_other_text_is_no_verse(text: str, token: str) -> None:
    assert verse.read(text, text.index(token)) is None
