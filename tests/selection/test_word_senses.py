"""Senses of homographs by contextual embeddings: the encoder is asked where the light classifier is unsure, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tts_cli
from tts_cli.errors import AddonError
from tts_cli.selection import homographs as module
from tts_cli.selection.homographs import ContextualSenses, open_senses, write
from tts_cli.text import TextFrontEnd
from tts_cli.text.homographs import LIGHT_SENSES, homographs

ROOT = Path(__file__).parents[2]
WORDS = ("there", "may", "be", "some", "content", "here", "and", "people", "who", "close", "up")
MARKS = (" ",) * 10 + (".",)


class Analyser:
    """Analyzer with an embedding of one number for each word, that keeps its inputs."""

    def __init__(self, value: float = 1.0) -> None:
        self.value, self.asked = value, []

    def analyse(self, words: Sequence[str], marks: Sequence[str]) -> Any:
        assert len(words) == len(marks)
        self.asked.append(tuple(words))
        return SimpleNamespace(states=np.full((len(words), 1), self.value, np.float32))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return weights that choose the second sense for positive embeddings, the first for negative ones."""
    monkeypatch.setattr(module, "find_addon", lambda name: Path(name))
    monkeypatch.setattr(module, "_encoder_hash", lambda _: "0" * 64)
    rows = np.array([[1000.0 * (place == 1)] for senses in homographs().values() for place in range(len(senses))], np.float32)
    write({"weights": rows, "biases": np.zeros(len(rows), np.float32)}, "any", tmp_path / "weights.npz")
    return tmp_path / "weights.npz"


def unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SURE", 1.1)


@pytest.mark.parametrize(("value", "sense"), [(1.0, 1), (-1.0, 0)])
def test_the_embedding_decides_where_the_light_classifier_is_unsure(
    weights: Path, monkeypatch: pytest.MonkeyPatch, value: float, sense: int
) -> None:
    unsure(monkeypatch)
    analyser = Analyser(value)
    senses = ContextualSenses(LIGHT_SENSES, lambda: analyser, weights)  # type: ignore[arg-type,return-value]
    assert senses.choose(WORDS, MARKS, [4, 9]) == [sense, sense]
    assert len(analyser.asked) == 1


def test_a_sure_light_classifier_decides_alone(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SURE", 0.0)
    analyser = Analyser()
    senses = ContextualSenses(LIGHT_SENSES, lambda: analyser, weights)  # type: ignore[arg-type,return-value]
    assert senses.choose(WORDS, MARKS, [4, 9]) == LIGHT_SENSES.choose(WORDS, MARKS, [4, 9])
    assert analyser.asked == []


def test_the_encoder_reads_one_short_window_of_a_long_sentence(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsure(monkeypatch)
    analyser = Analyser()
    senses = ContextualSenses(LIGHT_SENSES, lambda: analyser, weights)  # type: ignore[arg-type,return-value]
    words = [*["word"] * 30, "wind", *["word"] * 30, "wind", *["word"] * 30]
    senses.choose(words, [" "] * len(words), [30, 61])
    (window,) = analyser.asked
    assert window.count("wind") == 1 and len(window) <= 26


def test_without_an_encoder_the_light_classifier_decides(weights: Path) -> None:
    def broken() -> Any:
        raise AddonError("damaged")

    senses = ContextualSenses(LIGHT_SENSES, broken, weights)
    assert senses.choose(WORDS, MARKS, [4, 9]) == LIGHT_SENSES.choose(WORDS, MARKS, [4, 9])


def test_the_classifier_fits_the_shipped_encoder_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    senses = open_senses()
    assert isinstance(senses, ContextualSenses) and open_senses() is senses
    monkeypatch.setattr(module, "_encoder_hash", lambda _: "0" * 64)
    assert open_senses() is None
    monkeypatch.setattr(module, "find_addon", lambda _: (_ for _ in ()).throw(AddonError("no such addon")))
    assert open_senses() is None


@pytest.mark.parametrize(
    ("sentence", "word", "phones"),
    [
        ("The roof is covered with lead.", "lead", "L EH1 D"),
        ("The shops close at nine.", "close", "K L OW1 Z"),
        ("We drank sake with the fish.", "sake", "S AA1 K EY2"),
        ("Muscles contract when cold.", "contract", "K AH0 N T R AE1 K T"),
        ("A tear ran down her cheek.", "tear", "T IH1 R"),
        ("The cat has four lives left.", "lives", "L AY1 V Z"),
        ("It has many uses.", "uses", "Y UW1 S AH0 Z"),
    ],
)
def test_sentences_that_want_an_encoder(sentence: str, word: str, phones: str) -> None:
    utterance = TextFrontEnd(senses=open_senses()).utterance(sentence)
    index = utterance.words.index(word)
    tokens = zip(utterance.tokens, utterance.word_of_token, strict=True)
    assert " ".join(token for token, of in tokens if of == index) == phones


def test_a_voice_has_the_classifier() -> None:
    voice = tts_cli.load(ROOT / "tests/addons/tiny-acoustic")
    (sentence,) = voice.sentences("The roof is covered with lead.")
    assert sentence.tokens[-4:-1] == ("L", "EH1", "D")
