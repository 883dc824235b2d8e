"""Classifier of questions and statements on data with and without a difference."""

import numpy as np
import pytest

from tts_cli.evaluation.measures.questions import QuestionClassifier, cross_validated, told_apart

for needed in ("sklearn", "scipy"):
    pytest.importorskip(needed)


def drawn(count: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return features of questions and statements; those of questions are moved by `shift` in the first feature."""
    generator = np.random.default_rng(seed)
    asked = np.arange(count) % 4 == 0
    rows = generator.normal(size=(count, 3))
    rows[asked, 0] += shift
    return rows, asked


def test_what_can_be_separated_is_separated_though_questions_are_rare() -> None:
    rows, asked = drawn(200, 8.0)
    others, wanted = drawn(100, 8.0, seed=1)
    assert (QuestionClassifier(rows.tolist(), asked.tolist()).asks(others.tolist()) == wanted).all()
    assert (cross_validated(rows.tolist(), asked.tolist(), [str(place) for place in range(200)]) == asked).all()


def test_nothing_to_learn_is_chance_and_the_same_text_is_never_in_training() -> None:
    rows, asked = drawn(400, 0.0)
    texts = [str(place) for place in range(400)]
    blind = cross_validated(rows.tolist(), asked.tolist(), texts)
    found = told_apart(blind[asked].tolist(), blind[~asked].tolist())["balanced"]
    assert found.low < 0.5 < found.high
    again = cross_validated(rows.tolist(), asked.tolist(), texts)
    assert (again == blind).all(), "seeded"
    copies = np.concatenate([rows, rows])
    labels = np.concatenate([asked, asked]).tolist()
    twice = cross_validated(copies.tolist(), labels, texts * 2)
    balanced = told_apart(twice[: len(rows)][asked].tolist(), twice[: len(rows)][~asked].tolist())["balanced"]
    assert balanced.low < 0.5 < balanced.high, "copies under the same text do not help"


def test_no_utterance_is_no_answer() -> None:
    rows, asked = drawn(40, 8.0)
    assert len(QuestionClassifier(rows.tolist(), asked.tolist()).asks([])) == 0


def test_balanced_accuracy_is_the_mean_of_both_shares() -> None:
    found = told_apart([1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert found["found"].value == 0.75 and found["mistaken"].value == pytest.approx(0.1)
    assert found["balanced"].value == pytest.approx((0.75 + 0.9) / 2) and found["balanced"].num_clips == 14
    assert found["balanced"].low < found["balanced"].value < found["balanced"].high
    assert set(told_apart([1.0], [])) == {"found"} and told_apart([], []) == {}
    alone = told_apart([1.0], [0.0, 1.0, 0.0, 0.0])
    assert alone["balanced"].value == pytest.approx(0.875)
