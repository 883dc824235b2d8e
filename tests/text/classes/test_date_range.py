"""Ranges of dates, years and times."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import date_range

RANGES = {
    "9 June 1801 – 1866": "the ninth of June eighteen oh one to eighteen sixty six",
    "30-45s": "thirty to forty five seconds",
    "noon–3pm": "noon to three P. M.",
    "2010/2011": "twenty ten twenty eleven",
    "'39–45": "thirty nine to forty five",
    "1939–'45": "nineteen thirty nine to forty five",
    "AD 100–200": "A. D. one hundred to two hundred",
    "490 to 479 BC": "four ninety to four seventy nine B. C.",
    "6–7:30": "six to seven thirty",
    "6:15–7": "six fifteen to seven",
    "FY19–FY21": "fiscal year nineteen to fiscal year twenty one",
    "tue-thu": "Tuesday to Thursday",
    "3 Jan.–9 Feb.": "the third of January to the ninth of February",
    "April 2–9": "April second to ninth",
    "Apr. 2-9, 1998": "April second to ninth nineteen ninety eight",
    "Apr. 28–May 2": "April twenty eighth to May second",
    "2–9 April 1998": "the second to the ninth of April nineteen ninety eight",
    "Jan-Mar 2021": "January to March twenty twenty one",
    "May–July": "May to July",
    "Tues.–Sat.": "Tuesday to Saturday",
    "Sunday-Thursday": "Sunday to Thursday",
    "Tue/Thu/Sat": "Tuesday, Thursday, Saturday",
    "1803–1815": "eighteen oh three to eighteen fifteen",
    "1803-15": "eighteen oh three to fifteen",
    "2019/20": "twenty nineteen twenty",
    "1999–00": "nineteen ninety nine to oh oh",
    "1988-present": "nineteen eighty eight to",
    "100–44 BC": "one hundred to forty four B. C.",
    "30 BC–AD 14": "thirty B. C. to A. D. fourteen",
    "1920s–30s": "nineteen twenties to thirties",
    "'50s-'60s": "fifties to sixties",
    "15th-16th": "fifteenth to sixteenth",
    "Q2–Q4": "Q. two to Q. four",
    "8–10 p.m.": "eight to ten P. M.",
    "8:30-10pm": "eight thirty to ten P. M.",
    "8am–noon": "eight A. M. to noon",
    "7:00–8:15": "seven o'clock to eight fifteen",
    "4/5/2020–4/9/2020": "April fifth twenty twenty to April ninth twenty twenty",
    "8/9–8/12": "August ninth to August twelfth",
}


@pytest.mark.parametrize(("written", "spoken"), RANGES.items())
def test_a_range_is_read_at_its_place(written: str, spoken: str) -> None:
    reading = date_range.read(f"x {written}, y", 2)
    assert reading
    assert " ".join(reading.words) == spoken
    assert reading.end == 2 + len(written.removesuffix("present"))


@pytest.mark.parametrize(
    "written", ["1/2–3/4", "555-0123", "1960-1950", "1990–1995 kg", "9-5", "May-be", "April 9–2", "2020-13", "M-F", "Sun-dried"]
)
def test_other_text_is_no_range_of_dates(written: str) -> None:
    assert date_range.read(f"x {written}", 2) is None
