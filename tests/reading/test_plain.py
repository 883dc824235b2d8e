"""Plain text as it is met: books of Project Gutenberg, scans, page marks, hyphens at line ends, poems, double brackets."""

from __future__ import annotations

import pytest

from tts_cli.reading.documents import document_of
from tts_cli.reading.line_ends import is_one_word

BOOK = """The Project Gutenberg EBook of The Mill, by Nobody

This eBook is for the use of anyone anywhere.

***START OF THIS PROJECT GUTENBERG EBOOK THE
MILL***

Produced by Some One and the
Distributed Proofreading Team

THE MILL

He was _very_ glad.

End of Project Gutenberg's The Mill, by Nobody

*** END OF THIS PROJECT GUTENBERG EBOOK THE MILL ***

Section 1. General terms.
"""
POEM = "The wind came down\n   And broke the mill\nAnd left the wheel     15\n   And went away\nTo the wide sea.\n"


def heard(text: str, **options: bool) -> list[str]:
    """Return the passages of a plain text; a heading has its level before it."""
    passages = document_of(text, "title", **options).passages()
    return [f"{one.level or ''}{one.text}" for one in passages if one.text]


def left_out(text: str) -> dict[str, int]:
    document = document_of(text, "title")
    list(document.passages())
    return dict(document.left_out)


def test_a_book_of_project_gutenberg_is_read_without_header_credits_and_licence() -> None:
    assert heard(BOOK) == ["2THE MILL", "He was very glad."]
    assert left_out(BOOK) == {"header of Project Gutenberg": 1, "licence of Project Gutenberg": 1}
    assert heard(BOOK, keep_header=True)[-1] == "2Section 1. General terms."


def test_a_text_without_its_start_or_end_loses_nothing() -> None:
    assert heard("Words stand here.\n\nThe project went on.") == ["Words stand here.", "The project went on."]
    assert heard("*** START OF THE PROJECT GUTENBERG EBOOK A ***\n\nOne.\n\nTwo.") == ["One.", "Two."]
    assert heard("One.\n\n*** END OF THE PROJECT GUTENBERG EBOOK A ***\n\nTerms.") == ["One."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The hill\n\n[Page 7]\n\nwas green.", ["The hill was green."]),
        ("The hill was green.\n\n{Pg 8}\n\nThe sky was blue.", ["The hill was green.", "The sky was blue."]),
        ("The hill [Pg 9]was green, the [p. 10] sky blue.", ["The hill was green, the sky blue."]),
        ("It rained.\n\n- 11 -\n\nIt stopped.\n\nPage 12 of 90\n\nIt froze.", ["It rained.", "It stopped.", "It froze."]),
        ("They walked to the\n\n81\n\nTHE LONG HILL\n\nsea.\n\n82   THE LONG HILL\n\nThen, on\n83   THE LONG HILL\nfoot, home.",
         ["They walked to the sea.", "Then, on foot, home."]),
        ("The mill stood\fby the sea.", ["The mill stood by the sea."]),
        ("It ended.\n\n1\n\nThey sailed.\n\n2\n\nThey came back.", ["It ended.", "21", "They sailed.", "22", "They came back."]),
        ("It ended.\n\n1914\n\nWar came.", ["It ended.", "21914", "War came."]),
        ("Scores:\n5\n10\n12", ["Scores: 5 10 12"]),
    ],
)  # fmt: skip
def test_marks_of_pages_are_left_out_and_numbers_of_chapters_stay(text: str, expected: list[str]) -> None:
    assert heard(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a won-\nderful day", "a wonderful day"),
        ("the re-\nmainder, how-\never, of un-\nhappinesses", "the remainder, however, of unhappinesses"),
        ("a well-\nbred open-\nhanded mother-\nin-law", "a well-bred open-handed mother-in-law"),
        ("Anglo-\nSaxon, 1914-\n18", "Anglo-Saxon, 1914-18"),
        ("the Zorbla-\nquent man", "the Zorblaquent man"),
        ("some soft\u00ad\nened words", "some softened words"),
    ],
)
def test_words_divided_at_line_ends_are_joined_and_compounds_stay(text: str, expected: str) -> None:
    assert heard(text) == [expected]


def test_endings_are_no_words_of_compounds() -> None:
    assert is_one_word("kind", "ness") and is_one_word("nega", "tive") and not is_one_word("self", "esteem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHAPTER IV\n\nThe Long Way Home\n\nIt was late.", ["2CHAPTER IV", "3The Long Way Home", "It was late."]),
        ("CHAPTER IV\n\nIt was late.\n\nThey slept.", ["2CHAPTER IV", "It was late.", "They slept."]),
        ("Chapter 5 was long and dull.", ["Chapter 5 was long and dull."]),
        (
            "CONTENTS\n\n  I. The Hill . . . . 3\n  II. The Sea . . . . 40\n\nCHAPTER I\n\nIt rained.",
            ["2CHAPTER I", "It rained."],
        ),
        ("Contents\n\nIt was full of words.", ["2Contents", "It was full of words."]),
    ],
)
def test_chapters_have_titles_and_tables_of_contents_are_left_out(text: str, expected: list[str]) -> None:
    assert heard(text) == expected


def test_numbers_of_the_lines_of_a_poem_are_left_out_and_its_lines_stay_together() -> None:
    assert heard(POEM) == ["The wind came down And broke the mill And left the wheel And went away To the wide sea."]
    assert heard("Tea     5\nMilk    10\nBread   12") == ["Tea 5 Milk 10 Bread 12"]
    assert heard("5   The wind came\n    and went") == ["The wind came and went"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_So,_ he said, \"_I\ndo_ know.\" A snake_case_name.", "So, he said, \"I do know.\" A snake_case_name."),
        ("The mark [[maybe_unused]] and [[3]].", "The mark maybe_unused and [3]."),
        ("Say [[HH AH0 L OW1]] now.", "Say [[HH AH0 L OW1]] now."),
        ("[Illustration: The mill\nat night]", "The mill at night"),
    ],
)  # fmt: skip
def test_marks_of_typists_are_not_heard(text: str, expected: str) -> None:
    assert heard(text) == [expected]


def test_footnotes_are_left_out_and_told_or_read() -> None:
    text = "He left.[1]\n\n[Footnote 1: He came\nback.\n\nMuch later.]\n\nShe stayed.[2]\n\n[Illustration]\n\n[2] For a year."
    assert heard(text) == ["He left.[1]", "She stayed.[2]"]
    assert left_out(text) == {"footnote": 2, "picture without a caption": 1}
    assert heard(text, notes=True)[-1] == "[2] For a year."
    assert heard("He chose a number.\n\n[7] is lucky.")[-1] == "[7] is lucky."
