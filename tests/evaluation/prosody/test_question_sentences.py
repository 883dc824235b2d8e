"""Sentences that `tts evaluate prosody` speaks: enough of each group, and none of them recorded."""

import csv
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tts_cli.errors import InputError
from tts_cli.evaluation.prompts import GroupedText, read_sentences
from tts_cli.evaluation.prosody.material import GROUPS, with_statements

ROOT = Path(__file__).parents[3]
SENTENCES = read_sentences(ROOT / "data/question-sentences.txt")


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def of(group: str) -> list[str]:
    return [one.text for one in SENTENCES if one.group == group]


def test_there_are_enough_sentences_of_each_group_and_no_two_are_alike() -> None:
    counts = Counter(one.group for one in SENTENCES)
    assert counts["declarative"] >= 64 and set(counts) == set(GROUPS)
    assert min(counts[group] for group in GROUPS) >= 24
    assert len({words(one.text) for one in SENTENCES}) == len(SENTENCES)
    assert all(one.text.endswith("." if one.group == "statement" else "?") for one in SENTENCES)
    assert all(" or " in text for text in of("or")) and not any(" or " in text for text in of("yes-no"))


def test_declarative_questions_are_not_inverted_and_vary() -> None:
    auxiliaries = "am are is was were do does did have has had can could will would shall should may might must".split()
    questions = "who whom whose what which when where why how".split()
    for text in of("declarative"):
        assert words(text).split()[0] not in (*auxiliaries, *questions), text
    assert all(words(text).split()[0] in auxiliaries for text in of("yes-no"))
    assert all(words(text).split()[0] in questions for text in of("wh"))
    lengths = [len(text.split()) for text in of("declarative")]
    assert min(lengths) <= 3 and max(lengths) >= 12 and len(set(lengths)) >= 8
    last = Counter(words(text).split()[-1] for text in of("declarative"))
    assert max(last.values()) <= 2, "the last word carries the rise, so it varies"


@pytest.mark.parametrize("splits", ["data/splits.csv", "corpora"])
def test_none_of_them_was_recorded(splits: str) -> None:
    path = ROOT / splits
    if splits == "corpora" and not (path := Path(os.environ.get("TTS_CORPORA", "")) / "splits.csv").is_file():
        pytest.skip("TTS_CORPORA names no corpora")
    with path.open(encoding="utf-8") as file:
        recorded = [words(row["text"]) for row in csv.DictReader(file)]
    together = " | ".join(recorded)
    found = [one.text for one in SENTENCES if words(one.text) in recorded]
    assert found + [one.text for one in SENTENCES if len(one.text.split()) > 4 and words(one.text) in together] == []


def test_each_declarative_question_is_also_stated() -> None:
    found = with_statements((GroupedText("declarative", "You left?"), GroupedText("wh", "Who left?")))
    assert found == (("declarative", "You left?"), ("stated", "You left."), ("wh", "Who left?"))
    with pytest.raises(InputError, match="no group 'stated'"):
        with_statements((GroupedText("stated", "You left."),))
    with pytest.raises(InputError, match="ends with a question mark"):
        with_statements((GroupedText("declarative", "You left."),))
