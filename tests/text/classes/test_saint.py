"""St., Dr., Mt. and Ft. by context."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import saint

READ = [
    ("They met St. Bernard.", "St", "Saint"),
    ("Drive toward St. Olaf now.", "St", "Saint"),
    ("East St. Louis is flat.", "St", "Saint"),
    ("Visit St. Thomas soon.", "St", "Saint"),
    ("I saw St.Luke there.", "St", "Saint"),
    ("He lives on Elm St. with us.", "St", "Street"),
    ("He lives at 12 Elm St. Tom left.", "St", "Street"),
    ("It is on 8th St. by the park.", "St", "Street"),
    ("Call Dr. No soon.", "Dr", "Doctor"),
    ("He lives on Mulholland Dr. in town.", "Dr", "Drive"),
    ("Fans of Paris St Germain sang.", "St", "Saint"),
    ("We met in May. St. Ives is far.", "St", "Saint"),
    ("The mt. is high.", "mt", "mountain"),
    ("Mt. Hood is high.", "Mt", "Mount"),
    ("They left Ft. Worth.", "Ft", "Fort"),
]


@pytest.mark.parametrize(("text", "written", "spoken"), READ)
def test_context_decides(text: str, written: str, spoken: str) -> None:
    reading = saint.read(text, text.index(written))
    assert reading is not None
    assert reading.words == (spoken,)


@pytest.mark.parametrize("text", ["ft. long", "Stop here", "mt", "Drs", "St-Denis", "DR TV shows it."])
def test_other_words_stay(text: str) -> None:
    reading = saint.read(text, 0)
    assert reading is None or reading.words == ("Doctors",)


def test_a_street_ends_a_sentence() -> None:
    reading = saint.read("Elm St. It is long.", 4)
    assert reading is not None
    assert reading.ends
