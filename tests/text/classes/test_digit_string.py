"""Digit strings: codes, cards, ISBN, flights, rooms, and numbers with zeros before them."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import digit_string
from tts_cli.text.classes.digit_string import pairs

READ = {
    ("My postal code is ", "02139"): "zero two one three nine",
    ("zip: ", "73301"): "seven three three zero one",
    ("the card ending in ", "4417"): "four four one seven",
    ("Routing number ", "021000021"): "zero two one zero zero zero zero two one",
    ("Order #", "48213"): "four eight two one three",
    ("The combination is ", "12-34-56"): "one two, three four, five six",
    ("ISBN ", "0-8044-2957-X"): "zero eight zero four four, two nine five seven, X.",
    ("Pay with ", "4111 1111 1111 1111"): "four one one one, one one one one, one one one one, one one one one",
    ("It is ", "219-09-9999"): "two one nine, zero nine, nine nine nine nine",
    ("flight ", "207"): "two oh seven",
    ("flight UA ", "2400"): "twenty four hundred",
    ("Room ", "1204"): "twelve oh four",
    ("Rooms ", "101-110"): "one oh one to one ten",
    ("the last four digits are ", "4411"): "four four one one",
    ("RFC ", "2616"): "twenty six sixteen",
    ("Error number ", "503"): "five oh three",
    ("Episode ", "08"): "eight",
    ("Bond, ", "007's"): "zero zero seven's",
    ("It was ", "0815"): "zero eight one five",
    ("Dial in ", "040 1234 567"): "zero four zero, one two three four, five six seven",
}


@pytest.mark.parametrize(("before", "number"), READ)
def test_number_is_read_by_its_context_and_shape(before: str, number: str) -> None:
    reading = digit_string.read(f"{before}{number} today", len(before))
    assert reading
    assert reading.end == len(before + number)
    assert " ".join(reading.words) == READ[before, number]


@pytest.mark.parametrize(
    "text",
    [
        "In 2024-05-17 we",
        "07/04 is",
        "1,204 votes",
        "305 people",
        "12 000 men",
        "05.12.2020",
        "0.5 of",
        "08:15 sharp",
        "in 1984",
        "20 km",
    ],
)
def test_other_number_is_left_to_its_class(text: str) -> None:
    place = next(place for place, character in enumerate(text) if character.isdigit())
    assert digit_string.read(text, place) is None


@pytest.mark.parametrize("text", ["I counted the room of 305 people", "Zip past 20001 men", "The code of 12 men"])
def test_word_that_only_looks_like_a_context_changes_nothing(text: str) -> None:
    place = next(place for place, character in enumerate(text) if character.isdigit())
    assert digit_string.read(text, place) is None


@pytest.mark.parametrize(
    ("number", "words"),
    [("7", "seven"), ("42", "forty two"), ("221", "two twenty one"), ("404", "four oh four"), ("500", "five hundred"),
     ("1080", "ten eighty"), ("1905", "nineteen oh five"), ("3000", "three thousand"), ("12345", "one two three four five"),
     ("049", "zero four nine")],
)  # fmt: skip
def test_pairs_are_the_numbers_of_houses_and_rooms(number: str, words: str) -> None:
    assert " ".join(pairs(number)) == words
