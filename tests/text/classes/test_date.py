"""Dates in all orders, and short forms of months and weekdays."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import date

DATES = {
    "August 9, 1974": "August ninth nineteen seventy four",
    "Aug. 9th 1974": "August ninth nineteen seventy four",
    "aug 9": "August ninth",
    "NOV 30, 1999": "November thirtieth nineteen ninety nine",
    "Feb.3": "February third",
    "Feb-03-2011": "February third twenty eleven",
    "June the 2nd": "June second",
    "March 15, 44 BC": "March fifteenth forty four B. C.",
    "Dec. 7, '41": "December seventh forty one",
    "9 August 1974": "the ninth of August nineteen seventy four",
    "1st of Apr. 2003": "the first of April two thousand three",
    "17 may 2010": "the seventeenth of May twenty ten",
    "30-Nov-1999": "the thirtieth of November nineteen ninety nine",
    "August 1974": "August nineteen seventy four",
    "Sept. '08": "September oh eight",
    "July of 1969": "July nineteen sixty nine",
    "1974-08-09": "August ninth nineteen seventy four",
    "1974/8/9": "August ninth nineteen seventy four",
    "8/9/1974": "August ninth nineteen seventy four",
    "8/9/74": "August ninth seventy four",
    "08.31.1999": "August thirty first nineteen ninety nine",
    "31.8.1999": "the thirty first of August nineteen ninety nine",
    "31/08/1999": "the thirty first of August nineteen ninety nine",
    "2026-11": "November twenty twenty six",
    "1988-97": None,
    "9/11": "nine eleven",
    "Thurs.": "Thursday",
    "Tue": "Tuesday",
}


@pytest.mark.parametrize(("written", "spoken"), DATES.items())
def test_a_date_is_read_at_its_place(written: str, spoken: str | None) -> None:
    reading = date.read(f"x {written}, y", 2)
    assert (" ".join(reading.words) if reading else None) == spoken
    assert not reading or reading.end == 2 + len(written)


OTHERS = [
    "32 March",
    "14/13/2020",
    "1974-13-09",
    "march 5 miles",
    "may 5 times",
    "Sun shone",
    "Sat down",
    "May I",
    "MAR x",
    "3/4 cup",
    "5.6.7.8",
]


@pytest.mark.parametrize("written", OTHERS)
def test_other_text_is_no_date(written: str) -> None:
    assert date.read(f"He {written}", 3) is None


SENTENCES = {
    "Deadline: 3/28.": "Deadline: March twenty eighth.",
    "The 5/4 parade and the 5/4 time.": "The May fourth parade and the five four time.",
    "He ate 2/15 of it.": "He ate two fifteenths of it.",
    "The Feb/Mar issue.": "The February March issue.",
    "SUN 8PM and THU 9 JUN": "Sunday eight P M and Thursday the ninth of June.",
    "Open Sat 9-1.": "Open Saturday nine to one.",
    "I SAT DOWN IN THE SUN": "I SAT DOWN IN THE SUN.",
    "June 2021's heat": "June twenty twenty one's heat.",
    "It ended in March.9 Nobody knew.": "It ended in March. Nobody knew.",
    "On the 4th of August it rained.": "On the fourth of August it rained.",
    "It is due 3/14.": "It is due March fourteenth.",
    "By 3/4 of the vote.": "By three quarters of the vote.",
    "She ate by 1/2.": "She ate by one half.",
    "The 5th may be late.": "The fifth may be late.",
    "In May 5 people came.": "In May five people came.",
    "On May 5 people came.": "On May fifth people came.",
    "On July 9, 1500 men fell.": "On July ninth, fifteen hundred men fell.",
    "Open Wed. and Sat. only.": "Open Wednesday and Saturday only.",
    "On Sun. night we sang.": "On Sunday night we sang.",
    "Born Sat. 3 June.": "Born Saturday the third of June.",
    "In Sept. we left.": "In September we left.",
    "He left Jan. or Mar. first.": "He left January or March first.",
    "I met Jan and Mark.": "I met Jan and Mark.",
    "Posted 2024-03-05T14:30:00Z here.": "Posted March fifth twenty twenty four, fourteen thirty Zulu here.",
}


@pytest.mark.parametrize(("written", "spoken"), SENTENCES.items())
def test_words_around_decide(written: str, spoken: str) -> None:
    assert TextFrontEnd().utterance(written).normalised == spoken


@pytest.mark.parametrize(
    ("written", "sentences"),
    [("He left in Nov. She stayed.", 2), ("In Nov. Bob left.", 1), ("He left in Nov. 1990.", 1), ("Closed on Mon. We left.", 2)],
)
def test_the_full_stop_of_a_month_may_end_the_sentence(written: str, sentences: int) -> None:
    assert len(list(TextFrontEnd().sentences(written, 400))) == sentences
