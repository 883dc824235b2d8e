"""Times of day, zones and durations."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import time

TIMES = {
    "6:07": "six oh seven",
    "11:00": "eleven o'clock",
    "19:20": "nineteen twenty",
    "21:00": "twenty one hundred",
    "0:00": "midnight",
    "00:10": "zero ten",
    "12:10 a.m.": "twelve ten A. M.",
    "7 p.m.": "seven P. M.",
    "7P.M.": "seven P. M.",
    "8.15pm": "eight fifteen P. M.",
    "10:30 AM CST": "ten thirty A. M. C. S. T.",
    "3 pm ET": "three P. M. E. T.",
    "18:45 UTC": "eighteen forty five U. T. C.",
    "18:45Z": "eighteen forty five Zulu",
    "0700 hours": "oh seven hundred hours",
    "0715 hrs": "oh seven fifteen hours",
    "6 EST": "six E. S. T.",
    "2:03:04": "two hours three minutes and four seconds",
    "3:59.4": "three fifty nine point four",
    "3h 20m": "three hours and twenty minutes",
    "3h20": "three hours and twenty minutes",
    "1 hr. 1 min": "one hour and one minute",
    "4m 5s": "four minutes and five seconds",
    "2d 3h 4m": "two days three hours and four minutes",
    "2'30\"": "two minutes and thirty seconds",
    "18:00 hrs": "eighteen hundred hours",
    "2:30 hrs": "two hours and thirty minutes",
    "4:20 min": "four minutes and twenty seconds",
    "UTC+05:30": "U. T. C. plus five thirty",
    "1541 GMT": "fifteen forty one G. M. T.",
    "0600 EST": "oh six hundred E. S. T.",
    "GMT+8": "G. M. T. plus eight",
}


@pytest.mark.parametrize(("written", "spoken"), TIMES.items())
def test_a_time_is_read_at_its_place(written: str, spoken: str) -> None:
    reading = time.read(f"x {written}, y", 2)
    assert reading
    assert " ".join(reading.words) == spoken
    assert reading.end == 2 + len(written)


@pytest.mark.parametrize(
    "written", ["25:10", "9:75", "3:1", "16:10 aspect", "5 amps", "5 h", "30 m", "EST", "6'2\"", "7 PMs", "2030 hours"]
)
def test_other_text_is_no_time(written: str) -> None:
    assert time.read(f"x {written}", 2) is None


SENTENCES = {
    "Come at 6 p.m. (EST) please.": "Come at six P M (E S T) please.",
    "Report at 0545.": "Report at oh five forty five.",
    "There is 0:20 left.": "There is twenty seconds left.",
    "At 4:05:06 it rang.": "At four oh five and six seconds it rang.",
    "We ran for 0:50.": "We ran for fifty seconds.",
    "Come at 6pm. Bring wine.": "Come at six P M. Bring wine.",
    "At 6 p.m. Anna left.": "At six P M Anna left.",
    "By 6 p.m. Friday it was over.": "By six P M Friday it was over.",
    "Come at 2200 hours.": "Come at twenty two hundred hours.",
    "At midnight GMT it ends.": "At midnight G M T it ends.",
    "It is 7:00 o'clock.": "It is seven o'clock.",
}


@pytest.mark.parametrize(("written", "spoken"), SENTENCES.items())
def test_words_around_decide(written: str, spoken: str) -> None:
    assert TextFrontEnd().utterance(written).normalised == spoken
