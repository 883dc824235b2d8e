"""British English: dates with the day first, numbers with "and", and words of another pronunciation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.british import pronunciations
from tts_cli.text.phones import PHONES

FRONT_END = TextFrontEnd(language="en-GB")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("On 3/4/2020 it rained.", "On the third of April twenty twenty it rained."),
        ("On the 3/4/2020 it rained.", "On the third of April twenty twenty it rained."),
        ("Due 25.12.2024.", "Due the twenty fifth of December twenty twenty four."),
        ("Due 12/25/2024.", "Due December the twenty fifth twenty twenty four."),
        ("Due 2012-07-25.", "Due the twenty fifth of July twenty twelve."),
        ("Come on 7/4.", "Come on the seventh of April."),
        ("He recalls 9/11.", "He recalls nine eleven."),
        ("July 25, 2012", "July the twenty fifth twenty twelve."),
        ("25 July 2012", "the twenty fifth of July twenty twelve."),
        ("May 2020", "May twenty twenty."),
        ("It is 120.", "It is one hundred and twenty."),
        ("It is 2,345,678.", "It is two million three hundred and forty five thousand six hundred and seventy eight."),
        ("It is 1,000,250.", "It is one million two hundred and fifty."),
        ("It is 2,005.", "It is two thousand and five."),
        ("It is 21,000.", "It is twenty one thousand."),
        ("the 105th", "the one hundred and fifth."),
        ("in 1905 and 2005", "in nineteen oh five and two thousand and five."),
        ("It is 0.5.", "It is nought point five."),
        ("It is 0.", "It is zero."),
        ("GBP 5 or £20.50", "five pounds or twenty pounds fifty pence."),
        ("a hundred twenty", "a hundred twenty."),
    ],
)
def test_numbers_and_dates(written: str, spoken: str) -> None:
    assert FRONT_END.utterance(written).normalised == spoken


def test_digits_are_no_amounts() -> None:
    assert "and" not in FRONT_END.utterance("Call 800-555-1234.").words


def test_american_reading_is_as_before() -> None:
    assert TextFrontEnd().utterance("On 3/4/2020 it is 0.5 of 120.").normalised == (
        "On March fourth twenty twenty it is zero point five of one hundred twenty."
    )


def test_words_have_british_pronunciations_unless_the_lexicon_has_others(tmp_path: Path) -> None:
    assert all(set(phones) <= set(PHONES) for phones in pronunciations().values())
    assert "AA1" in FRONT_END.utterance("bath").tokens
    assert "AE1" in TextFrontEnd().utterance("bath").tokens
    assert FRONT_END.utterance("Z.").tokens[1:-1] == ("Z", "EH1", "D")
    path = tmp_path / "words.txt"
    path.write_text("bath B AE1 TH\n")
    assert "AE1" in TextFrontEnd(path, language="en-GB").utterance("bath").tokens
    other = TextFrontEnd(path).in_language("en-GB")
    assert "AE1" in other.utterance("bath").tokens
    assert "AA1" in other.utterance("path").tokens
    assert FRONT_END.in_language("en-US").utterance("bath").tokens == TextFrontEnd().utterance("bath").tokens


def test_tokens_name_british_words() -> None:
    (token,) = (token for token in FRONT_END.tokens("on 3/4/2020") if token.kind == "date")
    assert token.words == ("the", "third", "of", "April", "twenty", "twenty")
