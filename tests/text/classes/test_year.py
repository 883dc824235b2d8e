"""Years, eras, decades, centuries, quarters, and numbers that are no years."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import year

YEARS = {
    "31 BC": "thirty one B. C.",
    "612 B.C.": "six twelve B. C.",
    "5,000 BCE": "five thousand B. C. E.",
    "AD 79": "A. D. seventy nine",
    "A.D. 410": "A. D. four ten",
    "1100 CE": "eleven hundred C. E.",
    "'68": "sixty eight",
    "'03": "oh three",
    "1920s": "nineteen twenties",
    "1820's": "eighteen twenties",
    "'70s": "seventies",
    "2020s": "twenty twenties",
    "1600s": "sixteen hundreds",
    "1969's": "nineteen sixty nine's",
    "45s": "forty five seconds",
    "1s": "one second",
    "FY2021": "fiscal year twenty twenty one",
    "FY22-23": "fiscal year twenty two to twenty three",
    "Q2": "Q. two",
    "Q2 '21": "Q. two twenty one",
    "1Q19": "the first quarter of nineteen",
    "16th c.": "sixteenth century",
}


@pytest.mark.parametrize(("written", "spoken"), YEARS.items())
def test_a_year_is_read_at_its_place(written: str, spoken: str) -> None:
    reading = year.read(f"x {written} y", 2)
    assert reading
    assert " ".join(reading.words) == spoken
    assert reading.end == 2 + len(written)


@pytest.mark.parametrize("written", ["a", "AD", "CE", "Q5", "H2O", "1234", "20th", "'n'", "1985x", "Q1.5"])
def test_other_text_is_no_year(written: str) -> None:
    assert year.read(f"x {written} y", 2) is None


SENTENCES = {
    "The 1970s and 80s.": "The nineteen seventies and eighties.",
    "Stop at 20s and 40s.": "Stop at twenty seconds and forty seconds.",
    "Show a 20s clip.": "Show a twenty second clip.",
    "2020's best film": "twenty twenty's best film.",
    "The 1920's music.": "The nineteen twenties music.",
    "In the 2nd c. AD it fell.": "In the second century A D it fell.",
    "The 5th century BCE ended.": "The fifth century B C E ended.",
    "FY25 was good.": "fiscal year twenty five was good.",
    "2023Q3 sales": "twenty twenty three Q three sales.",
    "4Q 2019 sales": "the fourth quarter of twenty nineteen sales.",
    "In 1815 he fell.": "In eighteen fifteen he fell.",
    "In 1044 it began.": "In ten forty four it began.",
    "It has 1044 pages.": "It has one thousand forty four pages.",
    "He sold 1815 books.": "He sold one thousand eight hundred fifteen books.",
    "He sold 1800 books.": "He sold eighteen hundred books.",
    "The 1997 elections were lost.": "The nineteen ninety seven elections were lost.",
    "1997 was good.": "nineteen ninety seven was good.",
    "1997 marks the end.": "nineteen ninety seven marks the end.",
    "It has exactly 1985 stones.": "It has exactly one thousand nine hundred eighty five stones.",
    "Back to 2003 levels.": "Back to two thousand three levels.",
    "The 1848 revolutions failed.": "The eighteen forty eight revolutions failed.",
    "Two B-29s and MiG-21s.": "Two B twenty nines and MiG twenty ones.",
    "The 670s BCE were calm.": "The six seventies B C E were calm.",
    "He sold 2015 copies.": "He sold two thousand fifteen copies.",
    "A 2000-page book.": "A two thousand page book.",
    "A 1985-era car.": "A nineteen eighty five era car.",
    "2016 kg of rice": "two thousand sixteen kilograms of rice.",
    "She is in her 60s.": "She is in her sixties.",
    "It took 60s.": "It took sixty seconds.",
    "The late 60s were odd.": "The late sixties were odd.",
    "60s pop is fun.": "sixties pop is fun.",
    "1000s of men": "thousands of men.",
    "He died in 323 B.C. His son ruled.": "He died in three twenty three B C. His son ruled.",
}


@pytest.mark.parametrize(("written", "spoken"), SENTENCES.items())
def test_words_around_decide(written: str, spoken: str) -> None:
    assert TextFrontEnd().utterance(written).normalised == spoken
