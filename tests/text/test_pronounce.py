"""Pronunciation of words in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_cli.errors import TextError
from tts_cli.text import SYMBOLS, TextFrontEnd
from tts_cli.text.dictionary import cmu_lines, cmu_pronunciations, read_lexicon
from tts_cli.text.letters import LABELS, LetterNetwork, decode
from tts_cli.text.phones import PHONES, VOWELS
from tts_cli.text.pronounce import derive

FRONT_END = TextFrontEnd()


def phones_of(sentence: str, word: str, front_end: TextFrontEnd = FRONT_END) -> str:
    """Return the phones of the first `word` in `sentence`."""
    utterance = front_end.utterance(sentence)
    index = utterance.words.index(word)
    return " ".join(token for token, of in zip(utterance.tokens, utterance.word_of_token, strict=True) if of == index)


@pytest.mark.parametrize(
    ("sentence", "word", "phones"),
    [
        ("the apple", "the", "DH IY0"),
        ("the pear", "the", "DH AH0"),
        ("a pear", "a", "AH0"),
        ("vitamin A is good", "A", "EY1"),
        ("go to town", "to", "T AH0"),
        ("go to it", "to", "T UW0"),
        ("where to?", "to", "T UW1"),
        ("full of joy", "of", "AH0 V"),
        ("what is it made of?", "of", "AH1 V"),
        ("I will read it", "read", "R IY1 D"),
        ("I have read it", "read", "R EH1 D"),
        ("they live here", "live", "L IH1 V"),
        ("live music tonight", "live", "L AY1 V"),
        ("our lives", "lives", "L AY1 V Z"),
        ("he lives here", "lives", "L IH1 V Z"),
        ("the wind blew", "wind", "W IH1 N D"),
        ("to wind up", "wind", "W AY1 N D"),
        ("lead the way", "lead", "L IY1 D"),
        ("a lead pipe", "lead", "L EH1 D"),
        ("please close the door", "close", "K L OW1 Z"),
        ("close to home", "close", "K L OW1 S"),
        ("no use at all", "use", "Y UW1 S"),
        ("they use it", "use", "Y UW1 Z"),
        ("break the record", "record", "R EH1 K ER0 D"),
        ("to record a song", "record", "R AH0 K AO1 R D"),
        ("a separate room", "separate", "S EH1 P ER0 IH0 T"),
        ("to separate them", "separate", "S EH1 P ER0 EY2 T"),
        ("tears fell", "tears", "T IH1 R Z"),
        ("Polish food", "Polish", "P OW1 L IH0 SH"),
        ("the letter W is", "W", "D AH1 B AH0 L Y UW0"),
        ("[[HH AH0 L OW1]] there", "[[HH AH0 L OW1]]", "HH AH0 L OW1"),
    ],
)
def test_words_in_context(sentence: str, word: str, phones: str) -> None:
    assert phones_of(sentence, word) == phones


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("selden's", "S EH1 L D AH0 N Z"),
        ("thorpe's", "TH AO1 R P S"),
        ("doxing", "D AA1 K S IH0 NG"),
        ("reboxed", "R IY0 B AA1 K S T"),
        ("unmuted", "AH0 N M Y UW1 T IH0 D"),
        ("dysfunctionally", "D IH0 S F AH1 NG K SH AH0 N AH0 L IY0"),
        ("paywall", "P EY1 W AO2 L"),
        ("doomscrolling", "D UW1 M Z K R OW2 L IH0 NG"),
        ("springy", "S P R IH1 NG IY0"),
        ("nooooo", "N OW1"),
        ("brb", "B IY1 AA1 R B IY1"),
        ("xyz", "EH1 K S W AY1 Z IY1"),
    ],
)
def test_words_that_no_dictionary_holds(word: str, phones: str) -> None:
    assert not cmu_pronunciations(word)
    assert " ".join(derive(word)) == phones


@pytest.mark.parametrize("word", ["Zelensky", "Kubernetes", "Sweynheim", "blorptastic", "Covid"])
def test_the_letter_network_gives_speakable_phones(word: str) -> None:
    phones = derive(word)
    assert set(phones) <= set(PHONES)
    assert sum(phone.endswith("1") for phone in phones) == 1
    assert len(word) / 3 <= len(phones) <= 2 * len(word)


def test_the_letter_network_reads_most_sounds_right() -> None:
    network = LetterNetwork()
    assert network.phones("blorp") == ("B", "L", "AO1", "R", "P")
    assert network.phones("zanter")[0] == "Z"


def test_decoding_joins_labels_and_keeps_one_primary_stress() -> None:
    import numpy as np

    said = ["B", "B", "", "AE1", "", "T", "", "T", "AE1"]
    scores = np.full((len(said), len(LABELS)), -9.0, dtype=np.float32)
    for slot, label in enumerate(said):
        scores[slot, LABELS.index(label)] = -0.1 * slot
    assert decode(scores) == ("B", "AE1", "T", "T", "AE2")


def test_every_pronunciation_of_the_dictionary_is_made_of_symbols() -> None:
    for line in cmu_lines()[::7]:
        word = line.split(" ", 1)[0].split("(")[0]
        for phones in cmu_pronunciations(word):
            assert phones and set(phones) <= set(SYMBOLS), word


def test_a_lexicon_wins_over_everything(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(
        "# mine\nSQL  S IY1 K W AH0 L  # said so\n\nto\tT UW2\nB2B B IY1 T UW0 B IY1\ncats K AE2 T S\n", encoding="utf-8"
    )
    front_end = TextFrontEnd(path)
    assert phones_of("the SQL table", "SQL", front_end) == "S IY1 K W AH0 L"
    assert phones_of("SQL's table", "SQL's", front_end) == "S IY1 K W AH0 L Z"
    assert phones_of("to town", "to", front_end) == "T UW2"
    assert phones_of("our B2B sales", "B2B", front_end) == "B IY1 T UW0 B IY1"
    assert phones_of("some cats.", "cats", front_end) == "K AE2 T S"
    assert phones_of("concatenate cats", "concatenate", front_end).startswith("K AH0 N")


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ("hello HH AH0 L OW1\nworld\n", ":2: 'world' has no phones", "WORD  PH ON EMES"),
        ("hello HH AX0\n", ":1: unknown phone 'AX0'", "AA AE AH"),
        ("# a\n\nhello HH AH L OW1\n", ":3: the vowel 'AH' lacks its stress", "0, 1 or 2"),
    ],
)
def test_errors_of_a_lexicon_name_its_line(tmp_path: Path, lines: str, message: str, hint: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(TextError) as caught:
        read_lexicon(path)
    assert caught.value.message == f"{path}{message}"
    assert hint in (caught.value.hint or "")


def test_an_unreadable_lexicon_is_named(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"none\.txt: cannot read"):
        read_lexicon(tmp_path / "none.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TextError, match=r"binary\.txt: the lexicon is not UTF-8"):
        read_lexicon(tmp_path / "binary.txt")


@pytest.mark.parametrize(
    ("text", "words", "note"),
    [
        ("say [[HH AX0]] now", "say H H A X zero now", "[[HH AX0]] is read as text: unknown phone 'AX0' (character 5)"),
        ("say [[HH AH]]", "say H H AH", "[[HH AH]] is read as text: the vowel 'AH' lacks its stress (character 5)"),
        ("say [[ ]] now", "say now", "[[ ]] is read as text: no phones (character 5)"),
        ("Well. Say [[the boats", "Say the boats", "[[ is read as text: ']]' is missing (character 11)"),
    ],
)
def test_wrong_inline_phones_are_read_as_text_with_a_note(text: str, words: str, note: str) -> None:
    *_, last = FRONT_END.sentences(text, 200)
    assert " ".join(last.words).lower() == words.lower()
    assert last.notes == (note,)


def test_vowels_are_phones_with_stress() -> None:
    assert {phone[:-1] for phone in PHONES if phone[-1].isdigit()} == set(VOWELS)
