import csv
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tts_cli.evaluation.prompts import read_sentences
from tts_cli.text import TextFrontEnd

ROOT = Path(__file__).parents[3]


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def spoken() -> list[str]:
    texts = [one.text for one in read_sentences(ROOT / "data/prosody-sentences.txt")]
    front_end = TextFrontEnd()
    for passage in read_sentences(ROOT / "data/passages.txt"):
        texts += [found.text for found in front_end.sentences(passage.text, 400)]
    return texts


def test_there_are_forty_sentences_of_each_group_and_no_two_are_alike() -> None:
    sentences = read_sentences(ROOT / "data/prosody-sentences.txt")
    assert Counter(one.group for one in sentences) == {"complex": 40, "compound": 40, "wh": 40, "or": 40}
    assert len({words(one.text) for one in sentences}) == len(sentences)
    questions = [one.text for one in sentences if one.group in ("wh", "or")]
    assert all(text.endswith("?") for text in questions)
    assert all(" or " in one.text for one in sentences if one.group == "or")


def test_passages_have_two_hundred_words_each() -> None:
    passages = read_sentences(ROOT / "data/passages.txt")
    assert len({one.group for one in passages}) == len(passages) == 5
    assert min(len(one.text.split()) for one in passages) >= 200


@pytest.mark.parametrize("splits", ["data/splits.csv", "corpora"])
def test_nothing_of_it_was_recorded(splits: str) -> None:
    path = ROOT / splits
    if splits == "corpora" and not (path := Path(os.environ.get("TTS_CORPORA", "")) / "splits.csv").is_file():
        pytest.skip("TTS_CORPORA names no corpora")
    with path.open(encoding="utf-8") as file:
        recorded = [words(row["text"]) for row in csv.DictReader(file)]
    together = " | ".join(recorded)
    assert [text for text in spoken() if words(text) in recorded or (len(text.split()) > 4 and words(text) in together)] == []
