"""Telephone numbers of all usual shapes, and keys to press."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import phone

READ = {
    ("", "+49 30 901820"): "plus four nine, three zero, nine zero one eight two zero",
    ("", "+1.202.555.0143"): "plus one, two zero two, five five five, zero one four three",
    ("", "+44 (0)161 496 0000"): "plus four four, one six one, four nine six, zero zero zero zero",
    ("", "(503) 555-0160"): "five zero three, five five five, zero one six zero",
    ("", "917.555.0163, ext. 7"): "nine one seven, five five five, zero one six three, extension seven",
    ("", "212-555-0147 x120"): "two one two, five five five, zero one four seven, extension one two zero",
    ("", "1-800-555-0112"): "one, eight hundred, five five five, zero one one two",
    ("", "1-800-GO-U-HAUL"): "one eight hundred, Go U. Haul",
    ("", "555-PETS"): "five five five, Pets",
    ("", "555-2368"): "five five five, two three six eight",
    ("Call me on ", "07700 900123"): "zero seven seven zero zero, nine zero zero one two three",
    ("Phone: ", "8675309"): "eight six seven five three zero nine",
    ("Text STOP to ", "80808"): "eight zero eight zero eight",
    ("Phone ", "555.0142"): "five five five, zero one four two",
    ("He dialed ", "999"): "nine nine nine",
    ("I called ", "911"): "nine one one",
}


@pytest.mark.parametrize(("before", "number"), READ)
def test_number_is_read_by_digits_in_groups(before: str, number: str) -> None:
    reading = phone.read(f"{before}{number} now", len(before))
    assert reading
    assert reading.end == len(before + number)
    assert " ".join(reading.words) == READ[before, number]


@pytest.mark.parametrize(
    "text",
    ["about 500-1000 people", "Call 5 people", "pages 120-1400 are", "in 1999-2004 he", "+7 points", "133-ABC",
     "(2019) 2020", "text 12 friends", "1.5 miles", "+3.5 percent"],
)  # fmt: skip
def test_other_number_is_left_to_its_class(text: str) -> None:
    place = next(place for place, character in enumerate(text) if character.isdigit() or character in "+(")
    assert phone.read(text, place) is None


@pytest.mark.parametrize(
    ("text", "words"), [("Press *67 now", "star sixty seven"), ("press the # key", "pound"), ("Dial #4 now", "pound four")]
)
def test_key_is_named_after_a_word_such_as_press(text: str, words: str) -> None:
    place = next(place for place, character in enumerate(text) if character in "*#")
    reading = phone.KEYS.read(text, place)
    assert reading
    assert " ".join(reading.words) == words
    assert phone.KEYS.read(f"See {text[place:]}", 4) is None
