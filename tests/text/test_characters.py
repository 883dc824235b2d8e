"""Characters of the normaliser: readable forms, words that are left out, and places in the source text."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_cli.errors import TextError
from tts_cli.text import TextFrontEnd
from tts_cli.text.characters import legible, plain, to_plain

FRONT_END = TextFrontEnd()


@pytest.mark.parametrize(
    ("written", "readable"),
    [
        ("① and ➌, ⑵ ⓐ", "1 and 3, (2) a"),
        ("②③", "2  3"),
        ("ᴛʜᴇ ᴇɴᴅ", "the end"),
        ("Ｗｉｄｅ ４２", "Wide 42"),
        ("𝐁𝐨𝐥𝐝 𝟕𝟖", "Bold 78"),
        ("🅱 ㎏ ㎡", "B kg m²"),
        ("Ångström Łódź", "Angstrom Lodz"),
        ("λ, Δt and γ-rays", "lambda, delta t and gamma-rays"),
        ("the letter Ж, and ٤٢ of them", "the letter zhe, and 42 of them"),
        ("don`t `ls`", "don't  ls "),
    ],
)
def test_letters_and_digits_of_other_shapes_are_readable(written: str, readable: str) -> None:
    assert plain(written) == readable


@pytest.mark.parametrize(
    ("text", "left", "notes"),
    [
        ("We met друзья there.", "We met there", ["друзья is left out: Cyrillic cannot be read aloud here (character 8)"]),
        ("It is 大阪 now.", "It is now", ["大阪 is left out: Cjk cannot be read aloud here (character 7)"]),
        ("See λόγος, λ and π.", "See lambda and pi", ["λόγος is left out: Greek cannot be read aloud here (character 5)"]),
        ("Nice 🚀🚀 work.", "Nice work", ["🚀🚀 is left out: emoji are silent (character 6)"]),
    ],
)
def test_a_word_that_cannot_be_read_is_left_out_with_a_note(text: str, left: str, notes: list[str]) -> None:
    (utterance,) = FRONT_END.sentences(text, 200)
    assert " ".join(utterance.words) == left
    assert list(utterance.notes) == notes
    assert utterance.text == text


def test_notes_come_with_the_sentence_that_follows_or_ends_the_text() -> None:
    first, second = FRONT_END.sentences("One. мир. Two. мир!", 200)
    assert [len(one.notes) for one in (first, second)] == [0, 2]
    assert second.notes[1].endswith("(character 16)")


def test_only_a_text_without_any_word_is_refused() -> None:
    with pytest.raises(TextError, match="Hebrew") as caught:
        next(FRONT_END.sentences("שלום, עולם 🚀", 200))
    assert caught.value.hint
    assert [one.words for one in FRONT_END.sentences("שלום OK", 200)] == [("OK",)]


def test_legible_text_keeps_all_places() -> None:
    text = "Ünï мир 3 大阪."
    assert legible(text) == ("Ünï     3   .", ("Cyrillic", "Cjk"))


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Hello, big world!", ["Hello", "big", "world"]),
        ("“Caf\u0065\u0301” — it’s £20…", ["Cafe\u0301", "it’s", "£20", "£20"]),
        ("Dr. Wu (β) paid 5 km.", ["Dr.", "Wu", "β", "paid", "5 km", "5 km"]),
        ("Über ﬁve ㎏ x² ok", ["Über", "ﬁve", "㎏", "x²", "x²", "ok"]),
    ],
)
def test_every_word_has_its_span_in_the_source(text: str, spans: list[str]) -> None:
    utterance = FRONT_END.utterance(text)
    assert [text[start:end] for start, end in utterance.spans] == spans
    assert len(utterance.spans) == len(utterance.words)


def test_spans_of_later_sentences_count_from_the_start_of_the_text() -> None:
    text = "Où est-il? … “Là,” she said. Très bien."
    found = [
        (word, text[start:end])
        for one in FRONT_END.sentences(text, 200)
        for word, (start, end) in zip(one.words, one.spans, strict=True)
    ]
    assert found[0] == ("Ou", "Où") and ("La", "Là") in found and found[-2] == ("Tres", "Très")


MIXED = st.text(
    alphabet=st.sampled_from("abc XY.,!?'\"-–—…éßﬁ①½²₂µπλжя中文🚀👍🏽\u0301\u200d\ufe0f™$£5 0%&#@*_`~<>[]()|=+/\n\t"), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(MIXED)
def test_spans_are_ordered_and_inside_the_text(text: str) -> None:
    try:
        utterances = list(FRONT_END.sentences(text, 60))
    except TextError:
        return
    spans = [span for one in utterances for span in one.spans]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


@settings(max_examples=300, deadline=None)
@given(MIXED)
def test_each_plain_character_comes_from_its_place(text: str) -> None:
    found = to_plain(text)
    for place, character in enumerate(found.text):
        source = text[found.start(place)]
        assert (
            character in unicodedata.normalize("NFKD", source) or not (source.isascii() and source.isprintable()) or source == "`"
        )
    assert found.end(len(found.text)) <= len(text)


@pytest.mark.parametrize("unit", ["мир ", "大阪", "é", "λ ", "🚀", "[[", "①", "“", "x² ", "x+", "<a>", "*", "word.7 "])
def test_time_is_linear_in_length(unit: str) -> None:
    text = "Go " + unit * (10_000 // len(unit))
    start = time.process_time()
    for _ in FRONT_END.sentences(text, 200):
        pass
    assert time.process_time() - start < 8
