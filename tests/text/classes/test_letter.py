"""Single letters: names of letters, initials and ranges."""

from __future__ import annotations

import pytest

from tts_cli.text.classes import letter
from tts_cli.text.grammar import Verbalization


def _read(text: str, written: str) -> Verbalization | None:
    return letter.read(text, text.index(written))


@pytest.mark.parametrize(
    ("text", "written", "spoken"),
    [
        ("Take option a, please.", "a,", "A."),
        ("Go from A to B.", "A ", "A."),
        ("Vitamin A helps.", "A ", "A."),
        ("An A–F scale.", "A–F", "A. to F."),
        ("The A-Z list.", "A-Z", "A. to Z."),
        ("Shirts in M–XXL sell.", "M–XXL", "medium to extra extra large"),
        ("Shirts in S-L sell.", "S-L", "small to large"),
        ("E. B. White wrote.", "E.", "E."),
        ("J.K.Rowling wrote.", "J.", "J. K."),
        ("He got two Bs in art.", "Bs", "B.'s"),
        ("Straight As again.", "As", "A.'s"),
        ("A. africanus is old.", "A.", "A."),
        ("A B- in math.", "B-", "B. minus"),
        ("Appendix C.3 is new.", "C.", "C."),
    ],
)
def test_a_letter_is_named(text: str, written: str, spoken: str) -> None:
    reading = _read(text, written)
    assert reading is not None
    assert " ".join(reading.words) == spoken


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("It is a dog.", "a "),
        ("A dog ran.", "A"),
        ("I ran.", "I"),
        ("T-X is", "T-X"),
        ("D-A-Y", "A-Y"),
        ("so As I said", "As"),
        ("Ms Hill", "Ms"),
        ("pay Rs 5", "Rs"),
        ("it was I. Tom knew.", "I."),
    ],
)
def test_an_article_or_pronoun_stays(text: str, written: str) -> None:
    assert _read(text, written) is None


@pytest.mark.parametrize(
    ("text", "written", "end"),
    [("It was plan B. Tom left.", "B.", 13), ("Ask Tom B. Smith now.", "B.", 10)],
)
def test_the_full_stop_is_part_of_an_initial_only(text: str, written: str, end: int) -> None:
    reading = _read(text, written)
    assert reading is not None
    assert reading.end == end


def test_an_initial_before_a_word_that_begins_sentences_ends_one() -> None:
    reading = _read("I met John F. They left.", "F.")
    assert reading is not None
    assert reading.ends
