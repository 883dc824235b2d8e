"""Reading aloud: sentences in order, silence between them, passages that are left out; laziness and memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from itertools import islice

import pytest

from tts_cli.errors import TextError
from tts_cli.reading.documents import Document, document_of
from tts_cli.reading.hypertext import Passage
from tts_cli.reading.reading import Pauses, Place, Reading
from tts_cli.text import TextFrontEnd
from tts_cli.voice.request import Break
from tts_cli.voice.sentence import Sentence

FRONT_END = TextFrontEnd()
BOOK = """# Chapter IV

One came. "Two went!" Three

- four
- five

---

## Down

Six [[Page]].

\N{HEBREW LETTER ALEF}

Seven."""


def split(text: str) -> Iterator[Sentence]:
    for spoken in FRONT_END.sentences(text, 200):
        yield Sentence(text=spoken.text, tokens=spoken.tokens)


def reading(text: str, suffix: str = ".md", told: list[str] | None = None) -> Reading:
    return Reading(document_of(text, "title", suffix), split, Pauses(0.25, 1.0), (told if told is not None else []).append)


def test_sentences_come_in_order_with_their_silence() -> None:
    told: list[str] = []
    steps = [(step.sentence.text, step.pause_s) for step in reading(BOOK, told=told).steps()]
    assert steps == [
        ("Chapter 4", 0.0),
        ("One came.", 1.3),
        ('"Two went!"', 0.25),
        ("Three", 0.25),
        ("four", 1.0),
        ("five", 0.6),
        ("Down", 2.0),
        ("Six Page.", 1.3),
        ("Seven.", 1.0),
    ]
    assert len(told) == 1 and "Hebrew" in told[0]


def test_breaks_stand_between_sentences_only() -> None:
    said = list(reading(BOOK).sentences())
    assert [isinstance(item, Break) for item in said] == [bool(index % 2) for index in range(17)]


def test_headings_begin_where_they_are_spoken_and_the_end_is_reached() -> None:
    steps = list(reading(BOOK).steps())
    assert [step.heading.text for step in steps if step.heading] == ["Chapter IV", "Down"]
    assert [step.end for step in steps] == sorted(step.end for step in steps) and steps[-1].end >= len(BOOK) - 1


@pytest.mark.parametrize("num_done", range(8))
def test_a_reading_goes_on_after_any_sentence(num_done: int) -> None:
    steps = list(reading(BOOK).steps())
    last = steps[num_done - 1].place if num_done else None
    assert list(reading(BOOK).steps(last)) == steps[num_done:]


def test_parts_of_a_long_sentence_are_close_together() -> None:
    steps = list(reading("word and " * 300, ".txt").steps())
    assert len(steps) > 3 and {step.pause_s for step in steps[1:]} == {0.1}


@pytest.mark.parametrize(("text", "told"), [("", "no words"), ("...\n\n* * *", "no words"), ("\u6211\u559c\u6b22", "Cjk")])
def test_a_document_without_words_is_refused(text: str, told: str) -> None:
    with pytest.raises(TextError, match=told):
        list(reading(text).steps())


def test_latin_letters_among_others_are_read() -> None:
    told: list[str] = []
    steps = list(reading("\u6211\u559c\u6b22 Python.\n\n\u6211.\n\nGr\u00fc\u00dfe aus K\u00f6ln.", told=told).steps())
    assert [step.sentence.text for step in steps] == ["Python.", "Grüße aus Köln."]
    assert len(told) == 1


def test_nothing_past_a_sentence_is_looked_at() -> None:
    seen: list[int] = []

    def passages() -> Iterator[Passage]:
        for number in range(10**9):
            seen.append(number)
            yield Passage("One. Two.", end=number + 1)

    endless = Reading(Document("title", 10**9, "", passages), split)
    places = [step.place for step in islice(endless.steps(), 3)]
    assert places == [Place(0, 0), Place(0, 1), Place(1, 0)] and seen == [0, 1]


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_memory_does_not_grow_with_the_text(suffix: str) -> None:
    text = "The cat sat on the mat. It was not a hat, but that is that.\n\n" * 3400
    tokens = ("^", "AH0", ".")
    document = document_of(text, "title", suffix)
    steps = Reading(document, lambda passage: (Sentence(text=one, tokens=tokens) for one in passage.split("."))).steps()
    next(steps)
    gc.collect()
    tracemalloc.start()
    try:
        num_words = sum(len(step.sentence.text.split()) for step in steps)
        peak = tracemalloc.get_traced_memory()[1]
        gc.collect()
        growth = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert num_words > 50_000 and growth < 50_000 and peak < 1_000_000
