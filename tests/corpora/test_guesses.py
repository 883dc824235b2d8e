"""Guessed words: forms that count, those that are known, and the file as a lexicon."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from synthetic import PROMPTS

from tts_cli.corpora.guesses import GuessedWord, guessed_words, write_guesses
from tts_cli.corpora.prepare import PrepareOptions, prepare
from tts_cli.text import TextFrontEnd
from tts_cli.text.dictionary import read_lexicon

TEXTS = [
    "Zorblax met Mr. Gundersonn's dog, in 1990.",
    "The zorblax, the F. B. I. and the houses' roofs; shh!",
    "Didn't Gundersonn read [[AH0 B AW1 T]] it, or would've ZORBLAX'S brother?",
    "Quendrith's record records TVs.",
]


def spoken(texts: list[str], front_end: TextFrontEnd) -> list[tuple[str, tuple[str, ...]]]:
    return [(f"toy/{number}", front_end.utterance(text).words) for number, text in enumerate(texts)]


def test_words_of_neither_dictionary_nor_lexicon_are_counted_in_any_form() -> None:
    guessed = guessed_words(spoken(TEXTS, TextFrontEnd()), ())
    assert [(one.word, one.count, one.first) for one in guessed] == [
        ("zorblax", 3, "toy/0"),
        ("gundersonn", 2, "toy/0"),
        ("quendrith", 1, "toy/3"),
    ]
    assert [one.word for one in guessed_words(spoken(TEXTS, TextFrontEnd()), {"zorblax": (), "quendrith": ()})] == ["gundersonn"]


def test_the_file_is_a_lexicon_that_changes_no_pronunciation(tmp_path: Path) -> None:
    guessed = guessed_words(spoken(TEXTS, TextFrontEnd()), ())
    assert write_guesses(tmp_path, guessed, None) == "guessed.txt"
    file = tmp_path / "guessed.txt"
    assert {word: " ".join(phones) for word, phones in read_lexicon(file).items()} == {one.word: one.phones for one in guessed}
    lines = file.read_text().splitlines()
    assert lines[2].startswith("ZORBLAX Z ") and lines[2].endswith("# 3 times, first in toy/0")
    assert lines[4].endswith("# once, first in toy/3")
    informed = TextFrontEnd(file)
    for text in ("Zorblax met Gundersonn.", *TEXTS[1:]):
        assert informed.utterance(text).tokens == TextFrontEnd().utterance(text).tokens
    assert guessed_words(spoken(TEXTS, informed), read_lexicon(file)) == []


def test_the_users_own_lexicon_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "guessed.txt"
    file.write_text("ZORBLAX Z IY1\n")
    more = [GuessedWord("quendrith", "K W", 1, "toy/3")]
    assert write_guesses(tmp_path, more, tmp_path / "." / "guessed.txt") == "report.json"
    assert file.read_text() == "ZORBLAX Z IY1\n"
    (tmp_path / "link").symlink_to(file)
    assert write_guesses(tmp_path, more, tmp_path / "link") == "report.json"
    shutil.copy(file, tmp_path / "mine.txt")
    assert write_guesses(tmp_path, more, tmp_path / "mine.txt") == "guessed.txt"
    assert "QUENDRITH" in file.read_text()


def test_preparation_lists_planted_words_and_takes_the_file_back(few: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("swift_f0")
    transcript = few[0] / "metadata.csv"
    transcript.write_text(transcript.read_text().replace("natives", "naytivz"))
    # A clip that is rejected counts: a wrong guess may be the reason.
    (few[0] / "metadata.csv").open("a").write("arctic_a0391|Naytivz, vlimpf.\n")
    shutil.copy(few[0] / "wavs" / "arctic_a0207.flac", few[0] / "wavs" / "arctic_a0391.flac")
    report = prepare(few[:1], tmp_path / "out", PrepareOptions())
    assert [(one.word, one.count, one.first) for one in report.guessed] == [
        ("naytivz", 2, "kathleen/arctic_b0195"),
        ("vlimpf", 1, "kathleen/arctic_a0391"),
    ]
    assert report.guesses_file == "guessed.txt"
    mine = tmp_path / "mine.txt"
    mine.write_text((tmp_path / "out" / "guessed.txt").read_text() + "NAYTIVZ N EY1 T IH0 V Z\n")
    again = prepare(few[:1], tmp_path / "out", PrepareOptions(lexicon=mine))
    assert again.guessed == []
    assert not read_lexicon(tmp_path / "out" / "guessed.txt")
    assert len(PROMPTS) == again.num_clips
