"""Normalisation of written text to spoken words."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd

FRONT_END = TextFrontEnd()

NUMBERS = {
    "3 cats": "three cats.",
    "0 cats": "zero cats.",
    "1,234,567": "one million two hundred thirty four thousand five hundred sixty seven.",
    "3.14": "three point one four.",
    ".5": "point five.",
    "-5": "minus five.",
    "1.2.3": "one point two point three.",
    "1st, 2nd, 3rd, 12th, 20th and 21st": "first, second, third, twelfth, twentieth and twenty first.",
    "10-15 people": "ten to fifteen people.",
    "1990–1995": "nineteen ninety to nineteen ninety five.",
    "3/4": "three quarters.",
    "3 1/2": "three and a half.",
    "2½ cups": "two and a half cups.",
    "24/7": "twenty four seven.",
    "50%": "fifty percent.",
    "Agent 007": "Agent zero zero seven.",
    "1234567890123456789": "one two three four five six seven eight nine zero one two three four five six seven eight nine.",
    "5M users and 10k more": "five million users and ten thousand more.",
}
DATES_AND_TIMES = {
    "in 1905": "in nineteen oh five.",
    "in 1900": "in nineteen hundred.",
    "in 2005": "in two thousand five.",
    "in 2024": "in twenty twenty four.",
    "the 1990s": "the nineteen nineties.",
    "the '80s": "the eighties.",
    "July 4, 1776": "July fourth seventeen seventy six.",
    "Sept. 3rd": "September third.",
    "4 July": "the fourth of July.",
    "the 4th of July": "the fourth of July.",
    "March 2020": "March twenty twenty.",
    "3/4/2021": "March fourth twenty twenty one.",
    "2021-03-04": "March fourth twenty twenty one.",
    "3:30 p.m. today": "three thirty P M today.",
    "5pm": "five P M.",
    "12:00": "twelve o'clock.",
    "8:05": "eight oh five.",
    "99:99": "ninety nine to ninety nine.",
}
MONEY_AND_MEASURES = {
    "$3.50": "three dollars fifty cents.",
    "$1": "one dollar.",
    "$0.01": "one cent.",
    "£5": "five pounds.",
    "€20m": "twenty million euros.",
    "$1.5 million": "one point five million dollars.",
    "¥500": "five hundred yen.",
    "5¢": "five cents.",
    "5 km": "five kilometers.",
    "1 kg": "one kilogram.",
    "10 m²": "ten square meters.",
    "60 mph": "sixty miles per hour.",
    "25°C": "twenty five degrees Celsius.",
    "5'10\"": "five foot ten.",
    "5 ft. 6 in. tall": "five feet six inches tall.",
    "a 5-km run": "a five kilometer run.",
    "It weighs 5 lbs. Then": "It weighs five pounds. Then.",
    "555-123-4567": "five five five, one two three, four five six seven.",
}
ABBREVIATIONS = {
    "Mr. Smith": "Mister Smith.",
    "Mrs Jones": "Missus Jones.",
    "Dr. Jones of Maple Dr.": "Doctor Jones of Maple Drive.",
    "St. James St. is old": "Saint James Street is old.",
    "Prof. X": "Professor X.",
    "cats, dogs, etc.": "cats, dogs, et cetera.",
    "e.g. this, i.e. that": "for example this, that is that.",
    "them vs. us": "them versus us.",
    "No. 5 and no. We": "number five and no. We.",
    "J. R. R. Tolkien": "J R R Tolkien.",
    "the U.S. Army": "the U S Army.",
    "the FBI and the BBC's DVDs": "the FBI and the BBC's D V D's.",
    "tell US": "tell U S.",
    "THEY TOLD US": "THEY TOLD US.",
    "NASA": "NASA.",
    "MP3, F16, 2A, 3D and a/b": "M P three, F sixteen, two A, three D and A B.",
    "GitHub and OpenAI": "GitHub and Open AI.",
    "Henry VIII": "Henry the eighth.",
    "World War II": "World War two.",
    "Chapter IV": "Chapter four.",
    "I think I am": "I think I am.",
    "Ph.D. students": "P H D students.",
}
SYMBOLS = {
    "A & B": "A and B.",
    "2+2=4": "two plus two equals four.",
    "5 > 3": "five is greater than three.",
    "#1": "number one.",
    "#blessed": "hashtag blessed.",
    "C++ and C#": "C plus plus and C sharp.",
    "and/or": "and or.",
    "w/o milk": "without milk.",
    "bob@example.com": "bob at example dot com.",
    "www.example.org": "W W W dot example dot org.",
    "*bold* `code`": "bold code.",
    "x² + y³": "X squared plus Y cubed.",
    "naïve café “Łódź”": 'naive cafe " Lodz.',
    "πr": "pi r.",
    "hello 😀 world 👍🏽!": "hello world!",
    "ﬁne Ａbc": "fine Abc.",
    "soft\u00adware": "software.",
    "rock 'n' roll": "rock n roll.",
    "he said 'go' to 'em": "he said go to 'em.",
    "dogs' tails, runnin' wild": "dogs' tails, runnin' wild.",
    "well-known — really": "well known - really.",
    "wait... what?!": "wait… what?",
}


@pytest.mark.parametrize(
    ("written", "spoken"),
    [item for table in (NUMBERS, DATES_AND_TIMES, MONEY_AND_MEASURES, ABBREVIATIONS, SYMBOLS) for item in table.items()],
)
def test_text_is_spoken_as_people_do(written: str, spoken: str) -> None:
    assert FRONT_END.utterance(written).normalised == spoken
