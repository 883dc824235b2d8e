"""Left-over markup is silent, and no text is lost."""

from __future__ import annotations

import pytest
from speaking import spoken

from tts_cli.text import TextFrontEnd

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("**Bold**, __bold__, *thin*, ~~old~~ and ==marked== `code`.", "bold bold thin old and marked code"),
        ("## A heading ##", "a heading"),
        ("# One\n## Two\nand more", "one | two | and more"),
        ("> A quote.", "a quote"),
        ("See [the guide](https://a.org/x_(y)) and ![a cat](cat.png).", "see the guide and a cat"),
        ('Say <break time="500ms"/> hello <emphasis level="strong">there</emphasis>.', "say hello there"),
        ("This is <b>bold</b>, Tom &amp; Ann, &lt;5.", "this is bold tom and ann less than five"),
        ("One\n\n* * *\n\nTwo", "one | two"),
        ("One\n---\nTwo", "one | two"),
        ("| A | B |\n|---|---|\n| 1 | 2 |", "a b | one two"),
        ("Footnote[^2] here.", "footnote here"),
        ("This [[Paris]] is read.", "this paris is read"),
    ],
)
def test_markup_is_read(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2 * 3 and a < b > c", "two times three and a is less than b is greater than c"),
        ("[sic] and (a)", "sic and a"),
    ],
)
def test_other_text_is_no_markup(written: str, words: str) -> None:
    assert spoken(written).lower() == words.lower()


def test_a_tag_is_noted_unless_it_is_of_layout() -> None:
    (utterance,) = FRONT_END.sentences('Say <say-as interpret-as="date">this</say-as> <b>now</b>.', 400)
    assert len(utterance.notes) == 2
    assert utterance.notes[0] == 'the tag <say-as interpret-as="date"> is not spoken (character 5)'
