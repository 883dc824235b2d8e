"""Addresses: house numbers, directions, street types, apartments, states and ZIP codes."""

from __future__ import annotations

import pytest

from tts_cli.text import TextFrontEnd
from tts_cli.text.classes import address

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("She lives at 742 Evergreen Terrace.", "She lives at seven forty two Evergreen Terrace."),
        ("We met at 1600 Pennsylvania Ave NW today.", "We met at sixteen hundred Pennsylvania Avenue Northwest today."),
        ("It is at 305 W. Main St. near here.", "It is at three oh five West Main Street near here."),
        ("Walk up N. Clark St. to the park.", "Walk up North Clark Street to the park."),
        ("He lives near S. 3rd Ave. now.", "He lives near South third Avenue now."),
        ("It is at 77C Mill Ln. today.", "It is at seventy seven C Mill Lane today."),
        ("Boston, MA 02134 is cold.", "Boston, Massachusetts zero two one three four is cold."),
        ("She moved from Tampa, FL to Bangor, ME.", "She moved from Tampa, Florida to Bangor, Maine."),
        ("She moved to Portland, Ore. in May.", "She moved to Portland, Oregon in May."),
        ("He is from Camden, N.J. She left.", "He is from Camden, New Jersey. She left."),
        ("He saw N. Korea and W. Virginia.", "He saw North Korea and West Virginia."),
        ("ZIP+4 is 90210-1234.", "ZIP plus four is nine zero two one zero, one two three four."),
        ("Go to Ste. 200 or Rm 305.", "Go to suite two hundred or room three oh five."),
        ("Take exit 104B or seat 14C.", "Take exit one oh four B or seat fourteen C."),
        ("He lives at 8 Elm St. She left.", "He lives at eight Elm Street. She left."),
    ],
)
def test_address_is_spoken_in_full(written: str, spoken: str) -> None:
    assert " ".join(utterance.normalised for utterance in FRONT_END.sentences(written, 400)) == spoken


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("Tell me, OK or not", "OK"),
        ("Hi, OK, fine", "OK"),
        ("IN THE BEGINNING, OR SO", "OR"),
        ("He is, IN my view, odd", "IN"),
        ("E minor", "E"),
        ("in 305 days", "305"),
        ("Go to 4 St. James Place", "St"),
        ("a room of 14C water", "14C"),
        ("a flight of 97201 miles", "97201"),
        ("He is Rm now", "Rm"),
        ("It cost RM4.6 billion", "RM4"),
        ("N.C. State won", "N"),
        ("S. Smith left", "S"),
    ],
)
def test_other_text_is_no_address(text: str, token: str) -> None:
    assert address.read(text, text.index(token)) is None


def test_street_type_at_the_end_of_a_sentence_ends_it() -> None:
    sentences = [utterance.normalised for utterance in FRONT_END.sentences("It is at 9 Oak Rd. They left.", 400)]
    assert sentences == ["It is at nine Oak Road.", "They left."]
