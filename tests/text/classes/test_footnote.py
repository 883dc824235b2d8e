"""Footnote marks are silent, and the sentence before them ends."""

from __future__ import annotations

import pytest
from speaking import spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It was “over.”³ He ran.", "it was over | he ran"),
        ("It grew fast.[12][13] He was glad.", "it grew fast | he was glad"),
        ("They lost.24 She wept.", "they lost | she wept"),
        ("Was it so?⁷ Yes!⁸ Well…⁹ maybe.", "was it so | yes | well maybe"),
        ("He said “No.”14 Then he left.", "he said no | then he left"),
        ("It was in 1897.3 Few knew it.", "it was in eighteen ninety seven | few knew it"),
        ("The study¹,² was small.", "the study was small"),
        ("It was found[citation needed] there.", "it was found there"),
        ("Ask Bob.† Then go.", "ask bob | then go"),
        ("The results* are good, though;⁴ few agree.", "the results are good though few agree"),
        ("It rose 5%.² Then it fell.", "it rose five percent | then it fell"),
    ],
)
def test_footnote_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It costs 3.50 Now.", "it costs three point five zero now"),
        ("See note [3] and [14].", "see note three and fourteen"),
        ("It was No.7 Downing Street.", "it was number seven downing street"),
        ("4² and x³", "four squared and x cubed"),
    ],
)
def test_other_text_is_no_footnote(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()
