"""Letter network: training, export and score."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tts_cli.models.pronunciation import (  # noqa: E402
    Config,
    Model,
    batches,
    edit_distance,
    examples,
    export,
    fit,
    held_out_scores,
    report,
    score,
)
from tts_cli.text.dictionary import cmu_pronunciations  # noqa: E402
from tts_cli.text.letters import LABELS, SLOTS, LetterNetwork, encode  # noqa: E402

WORDS = [(word, cmu_pronunciations(word)) for word in "cat dog bit sun tub pig hat net".split()]
SMALL = Config(channels=16, hidden=32, layers=1, dropout=0.0, epochs=80, words=16, learning_rate=0.03)


def test_a_small_network_learns_a_few_words_and_survives_its_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    model = fit(WORDS, SMALL)
    export(model, tmp_path / "small.onnx")
    network = LetterNetwork(tmp_path / "small.onnx")
    assert [network.phones(word) for word, _ in WORDS] == [pronunciations[0] for _, pronunciations in WORDS]
    assert "epoch 80/80" in capsys.readouterr().out
    letters = torch.tensor([encode("abracadabra")])
    with torch.no_grad():
        expected = model(letters).numpy()
    given = network._session.run(None, {"letters": letters.numpy()})[0]
    assert given.shape == (1, SLOTS * 11, len(LABELS))
    assert np.abs(np.exp(given) - np.exp(expected)).max() < 0.02
    assert report(held_out_scores(network, WORDS), {"size": "small"}).count("| 8 |") == 2


def test_batches_hold_words_of_one_length_and_every_word_once() -> None:
    words = [("a" * length, [("AH0",)]) for length in (2, 3, 3, 4, 4, 4, 5) for _ in range(10)]
    made = list(batches(words, Config(words=8), random.Random(1)))
    assert all(len({len(word) for word, _ in batch}) == 1 and len(batch) <= 8 for batch in made)
    assert sorted(word for batch in made for word, _ in batch) == sorted(word for word, _ in words)


def test_held_out_words_are_apart_and_one_in_twenty() -> None:
    train, held_out = examples()
    assert not {word for word, _ in train} & {word for word, _ in held_out}
    assert 0.04 < len(held_out) / len(train) < 0.06
    assert not {"fbi", "abc"} & {word for word, _ in train + held_out}


def test_scores_count_stress_and_take_the_nearest_pronunciation() -> None:
    held_out = [("tomato", [("T", "AH0", "M", "EY1", "T", "OW2"), ("T", "AH0", "M", "AA1", "T", "OW2")])]
    perfect = score(lambda _: ("T", "AH0", "M", "AA1", "T", "OW2"), held_out)
    assert perfect == (1, 0.0, 0.0, 1.0, 1.0)
    flat = score(lambda _: ("T", "AH0", "M", "AA1", "T", "OW0"), held_out)
    assert flat == (1, pytest.approx(1 / 6), 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "distance"), [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(tuple(first), tuple(second)) == distance


def test_the_model_gives_a_distribution_for_every_slot() -> None:
    scores = Model(SMALL)(torch.zeros(3, 7, dtype=torch.int64))
    assert scores.shape == (3, 7 * SLOTS, len(LABELS))
    assert torch.allclose(scores.exp().sum(dim=-1), torch.ones(3, 7 * SLOTS), atol=1e-5)
