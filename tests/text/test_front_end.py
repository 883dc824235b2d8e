"""Text front end: tokens, splitting, bad input, laziness and speed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_cli.errors import TextError
from tts_cli.text import SYMBOLS, TextFrontEnd, Utterance
from tts_cli.text.phones import BOUNDARIES, FINAL_MARKS, PHONES

FRONT_END = TextFrontEnd()
LIMIT = 200


def split(text: str, max_tokens: int = LIMIT) -> list[str]:
    return [utterance.text for utterance in FRONT_END.sentences(text, max_tokens)]


def assert_well_formed(utterance: Utterance) -> None:
    """Assert the rules for tokens that acoustic models rely on."""
    tokens, places = utterance.tokens, utterance.word_of_token
    assert tokens[0] == "^" and tokens[-1] in FINAL_MARKS and len(tokens) == len(places)
    assert "^" not in tokens[1:]
    assert tokens[1] in PHONES and tokens[-2] in PHONES
    assert all(not (first in BOUNDARIES and second in BOUNDARIES) for first, second in pairwise(tokens))
    assert all((place == -1) == (token not in PHONES) for token, place in zip(tokens, places, strict=True))
    assert sorted({place for place in places if place >= 0}) == list(range(len(utterance.words)))
    assert [SYMBOLS[index] for index in utterance.ids] == list(tokens)
    assert utterance.ids.dtype == np.int64


def test_symbols_never_move() -> None:
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 83
    assert SYMBOLS[:14] == ("_", "^", " ", ",", ";", ":", "-", "(", ")", '"', ".", "?", "!", "…")
    assert SYMBOLS[14:17] == ("AA0", "AA1", "AA2") and SYMBOLS[59:62] == ("B", "CH", "D") and SYMBOLS[-1] == "ZH"


def test_an_utterance_is_phones_between_boundaries() -> None:
    utterance = FRONT_END.utterance("Hello, big world")
    expected = "^ HH AH0 L OW1 , B IH1 G _ W ER1 L D .".split()
    assert list(utterance.tokens) == [" " if token == "_" else token for token in expected]
    assert utterance.word_of_token == (-1, 0, 0, 0, 0, -1, 1, 1, 1, -1, 2, 2, 2, 2, -1)
    assert utterance.words == ("Hello", "big", "world")
    assert utterance.text == "Hello, big world"
    assert_well_formed(utterance)


@pytest.mark.parametrize(
    ("text", "boundaries"),
    [
        ("one two", " ."),
        ("one, two?", ",?"),
        ("one (two) three!", "()!"),
        ('one, "two" three', ',".'),
        ("one -- two; three...", "-;…"),
        ("one: two - three?!", ":-?"),
        ("one. two! three", ".!."),
        ("(one,", "."),
        ("well-known", " ."),
    ],
)
def test_the_strongest_mark_of_a_gap_stays(text: str, boundaries: str) -> None:
    assert "".join(token for token in FRONT_END.utterance(text).tokens if token in BOUNDARIES) == boundaries


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("I met Mr. Smith. He left.", ["I met Mr. Smith.", "He left."]),
        ("Dr. J. R. Smith et al. agreed. Fine.", ["Dr. J. R. Smith et al. agreed.", "Fine."]),
        ("He lives in the U.S. He likes it.", ["He lives in the U.S.", "He likes it."]),
        ("The U.S. Army is big.", ["The U.S. Army is big."]),
        ("We left at 5 p.m. It rained.", ["We left at 5 p.m.", "It rained."]),
        ("It cost 3.50. Cheap!", ["It cost 3.50.", "Cheap!"]),
        ('"Why?" he asked. "No!" she said.', ['"Why?" he asked.', '"No!" she said.']),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("Well... maybe. Yes... No.", ["Well... maybe.", "Yes...", "No."]),
        ("A title\n\nThe text goes\non here. End", ["A title", "The text goes\non here.", "End"]),
        ("To buy:\n- milk\n- two eggs", ["To buy:", "- milk", "- two eggs"]),
        ("end.Next one", ["end.", "Next one"]),
        ("Cats, dogs, etc. The end.", ["Cats, dogs, etc.", "The end."]),
        ("one?! (Two.) Three (four.) five", ["one?!", "(Two.)", "Three (four.) five"]),
        ("so do I. But", ["so do I.", "But"]),
    ],
)
def test_sentences_are_found(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


LONG = (
    "When the first light of the morning came over the hills, the old farmer opened the door of his house; he looked at the sky, "
    "which was grey and heavy with rain, and decided that the hay could wait for 1,234 days or more while he slept"
)


@pytest.mark.parametrize("max_tokens", [8, 12, 30, 64, 100, 200, 1000])
def test_nothing_is_dropped_however_short_the_pieces(max_tokens: int) -> None:
    whole = FRONT_END.utterance(LONG)
    pieces = list(FRONT_END.sentences(LONG, max_tokens))
    for piece in pieces:
        assert_well_formed(piece)
        assert len(piece.tokens) <= max_tokens
    bare = ["".join(token[:2] for token in one.tokens if token in PHONES) for one in (whole, *pieces)]
    assert "".join(bare[1:]).replace("DHIY", "DHAH").replace("TUW", "TAH") == bare[0].replace("DHIY", "DHAH").replace(
        "TUW", "TAH"
    )


def test_long_sentences_break_at_phrases_and_otherwise_between_words() -> None:
    pieces = split(LONG, 110)
    assert pieces[0].endswith("house;") and pieces[1].endswith("rain,")
    assert " ".join(pieces) == LONG
    unpunctuated = LONG.replace(",", "").replace(";", "")
    assert " ".join(split(unpunctuated, 60)) == unpunctuated


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        (" \n\t ", "the text is empty"),
        ("?!... -- ,", "no words to speak"),
        ("😀 👍🏽", "no words to speak"),
        ("#$%^&*", "no words to speak"),
        ("a\0b", "NUL byte (character 2)"),
        ("שלום עולם", "Hebrew"),
        ("مرحبا", "Arabic"),
        ("мир, труд", "Cyrillic): мир"),
        ("你好", "你好"),
        ("αβγ", "Greek"),
        ("٣", "Arabic"),
        ("في عام ٢٠١٤", "(Arabic)"),
        ("[[ ]]", "no words to speak"),
    ],
)
def test_what_cannot_be_spoken_is_refused_with_a_hint(text: str, message: str) -> None:
    for speak in (FRONT_END.utterance, lambda text: next(FRONT_END.sentences(text, LIMIT))):
        with pytest.raises(TextError) as caught:
            speak(text)
        assert message in caught.value.message
        assert caught.value.hint
        assert "\n" not in caught.value.message and caught.value.exit_code == 2


def test_a_limit_too_small_for_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        next(FRONT_END.sentences("hello", 3))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("abcIVX AEs0159.,;:!?'\"()[]-–—…$£%&@#*/+=<>^_~|\\{}\n\t é😀²½°")))
def test_any_text_gives_well_formed_utterances_or_a_text_error(text: str) -> None:
    try:
        for utterance in FRONT_END.sentences(text, 40):
            assert_well_formed(utterance)
            assert len(utterance.tokens) <= 40
    except TextError as error:
        assert error.hint


def seconds_of(text: str) -> float:
    # Loading its tables is no part of the time for a text.
    FRONT_END.load()
    for _ in FRONT_END.sentences("Go a-a.", LIMIT):
        pass
    start = time.process_time()
    with contextlib.suppress(TextError):
        for _ in FRONT_END.sentences(text, LIMIT):
            pass
    return time.process_time() - start


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "a.", "a-", "a'", "1,", "1.", "1-", "1/", "(", "[", " ", "\n", "-", ".", "...", '"', "&", "é", "A", "I. ", "w "],
)
def test_time_is_linear_in_length(unit: str) -> None:
    text = "Go " + unit * (20_000 // len(unit))
    assert seconds_of(text) < 4


def test_a_word_of_ten_thousand_letters_is_split() -> None:
    utterances = list(FRONT_END.sentences("so " + "abcdefghij" * 1000, LIMIT))
    assert sum(len(utterance.words) for utterance in utterances) > 300
    assert all(len(utterance.tokens) <= LIMIT for utterance in utterances)


def test_the_first_sentence_does_not_wait_for_the_rest() -> None:
    FRONT_END.utterance("Warm up.")
    text = "Here is a first sentence. " + "And here is another one of some 1,000 words. " * 2_500
    start = time.process_time()
    first = next(FRONT_END.sentences(text, LIMIT))
    assert first.text == "Here is a first sentence."
    assert time.process_time() - start < 0.02


def test_a_sentence_of_thirty_words_takes_under_three_milliseconds() -> None:
    sentence = (
        "the quick brown foxes of the northern forests jumped over thirty lazy dogs that were sleeping by the river while an old "
        "farmer watched them from his porch at 7:30 in the evening"
    )
    FRONT_END.utterance(sentence)
    start = time.process_time()
    for _ in range(20):
        FRONT_END.utterance(sentence)
    assert (time.process_time() - start) / 20 < 0.003


def test_importing_loads_neither_numpy_nor_the_dictionary() -> None:
    code = (
        "import sys, time; start = time.process_time(); import tts_cli.text; taken = time.process_time() - start;"
        "assert not {'numpy', 'onnxruntime', 'num2words', 'torch'} & set(sys.modules), 'too much is imported'; print(taken)"
    )
    taken = min(float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout) for _ in range(3))
    assert taken < 0.1
