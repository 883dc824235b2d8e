"""Roman numerals by context, and letters and words that are none."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import roman

NUMERALS = [
    ("King Richard III slept.", "III", "the third"),
    ("Edward I ruled.", "I ", "the first"),
    ("Thurston Howell III left.", "III", "the third"),
    ("See Chapter XIV now.", "XIV", "fourteen"),
    ("Super Bowl LVIII was fun.", "LVIII", "fifty eight"),
    ("In Scene iii she sings.", "iii", "three"),
    ("Pages xii–xv are lost.", "xii", "twelve to fifteen"),
    ("Books II-IV are lost.", "II", "two to four"),
    ("Phase I trials began.", "I", "one"),
    ("Made in MCMLXXXIV.", "MCMLXXXIV", "nineteen eighty four"),
    ("The XVIII century began.", "XVIII", "eighteenth"),
    ("The XXth century began.", "XX", "twentieth"),
    ("Parts I and II are here.", "I ", "one"),
    ("II, III, and IV are here.", "II", "two"),
    ("Vatican II ended.", "II", "two"),
    ("See Fig. IV here.", "IV", "four"),
    ("Rule (iv) is new.", "iv", "four"),
    ("Section VI.B is new.", "VI", "six"),
    ("A Type-II fault.", "II", "two"),
    ("Kings James I and II ruled.", "II", "the second"),
    ("King Olav V died.", "V", "the fifth"),
    ("Acts I through V are good.", "V", "five"),
    ("Mk. IV is new.", "IV", "four"),
]
LETTERS = [
    ("I agree.", "I"), ("In Chapter C he left.", "C "), ("A Model X car.", "X"), ("Malcolm X spoke.", "X"), ("an IV drip", "IV"),
    ("For Charles I think so.", "I "), ("Henry V. Higgins spoke.", "V"), ("MIX it.", "MIX"), ("The CD is new.", "CD"),
    ("Henry V. Smith left.", "V"), ("Duke Ellington", "D"), ("file IV.txt", "IV"),
    ("vi and emacs", "vi"), ("Vitamin D helps.", "D"), ("Type C plugs.", "C"), ("I'm here.", "I"), ("I.V. here", "I"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written", "spoken"), NUMERALS)
def test_a_numeral_is_read(text: str, written: str, spoken: str) -> None:
    reading = roman.read(text, text.index(written))
    assert reading is not None
    assert " ".join(reading.words) == spoken


@pytest.mark.parametrize(("text", "written"), LETTERS)
def test_a_letter_or_word_stays(text: str, written: str) -> None:
    assert roman.read(text, text.index(written)) is None


def test_values_are_those_of_canonical_numerals() -> None:
    assert [roman.value(text) for text in ("IV", "XCIX", "MMXXIV", "IIII", "IC", "VX", "")] == [4, 99, 2024, 0, 0, 0, 0]
