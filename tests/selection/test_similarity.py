"""Sentences compared: hand-made distances of equal and unequal numbers, and slow but plain ways to the same result."""

from __future__ import annotations

import numpy as np
import pytest

from tts_cli.selection.similarity import MOST_WARPED, NUM_POINTS, SYNTAXES, Lengths, Padded, combined, resampled, warped_cosines

ROWS = ([0, 2, 1], [0, 1, 2], [0, 3, 2, 1], [0], [0, 2, 2, 1, 1])


def similarities(lengths: Lengths, gaps: list[float], rows: tuple[list[int], ...] = ROWS) -> np.ndarray:
    flat = np.array([value for row in rows for value in row], np.float32)
    measure = SYNTAXES[lengths](flat, np.cumsum([0, *map(len, rows)]))
    return measure.similarities(np.array(gaps, np.float32), np.arange(len(rows)))


def cosine(one: list[float], other: list[float]) -> float:
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("lengths", SYNTAXES)
def test_a_sentence_is_most_like_one_built_alike_whatever_the_scale(lengths: Lengths) -> None:
    for scale in (1, 3):
        found = similarities(lengths, [2.0 * scale, 1.0 * scale])
        assert found[0] == pytest.approx(1, abs=1e-5)
        assert found[0] > found[1]


def test_only_sentences_of_the_same_number_of_words_or_else_the_nearest() -> None:
    found = similarities("same", [2, 1])
    assert np.isfinite(found).tolist() == [True, True, False, False, False]
    nearest = similarities("same", [1, 2, 3, 4, 5, 6])
    assert np.isfinite(nearest).tolist() == [False, False, False, False, True]
    assert nearest[4] == pytest.approx(cosine([1, 2, 3, 4, 5, 6], [2, 2, 1, 1, 0, 0]), abs=1e-6)


def test_the_shorter_is_filled_up_with_zero() -> None:
    assert similarities("pad", [2, 1])[2] == pytest.approx(cosine([2, 1, 0], [3, 2, 1]), abs=1e-6)
    # Longer than any sentence of the inventory: the gaps beyond count in the length of the vector.
    assert similarities("pad", [2, 1, 1, 1, 9])[0] == pytest.approx(cosine([2, 1, 1, 1, 9], [2, 1, 0, 0, 0]), abs=1e-6)


def test_distances_are_resampled_along_straight_lines() -> None:
    points = resampled(np.array([[3.0, 1.0, 7.0, 0.0]], np.float32), np.array([2]))[0]
    np.testing.assert_allclose(points, np.linspace(3, 1, NUM_POINTS), atol=1e-6)
    found = similarities("resample", [2, 1.5, 1], ([0, 2, 1], [0, 1, 2]))
    assert found[0] == pytest.approx(1, abs=1e-6) and found[1] < 0.95


def test_warping_makes_repeated_distances_alike() -> None:
    found = similarities("dtw", [2, 1])
    assert found[4] > similarities("pad", [2, 1])[4]
    assert similarities("dtw", [2, 2, 1, 1])[4] == pytest.approx(1, abs=1e-6)
    # Stretched, [2, 1] is [2, 2, 1, 1]: the two differ in nothing.
    assert found[4] == pytest.approx(1, abs=1e-5)


def slow_warped(query: np.ndarray, row: np.ndarray) -> float:
    cost = np.full((len(query) + 1, len(row) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(query)):
        for j in range(len(row)):
            reach = min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
            cost[i + 1, j + 1] = reach + (query[i] - row[j]) ** 2
    return float(1 - cost[-1, -1] / (2 * max(len(query), len(row))))


def test_warping_is_that_of_the_textbook() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 9, 50)
    rows = np.zeros((50, 9), np.float32)
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = random.random(length)
    for size in (1, 4, 12):
        query = random.random(size).astype(np.float32)
        found = warped_cosines(query, rows, lengths)
        expected = [slow_warped(query, row[:length]) for row, length in zip(rows, lengths, strict=True)]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_only_the_most_alike_are_warped() -> None:
    random = np.random.default_rng(1)
    rows = tuple([0, *random.integers(1, 9, 8).tolist()] for _ in range(MOST_WARPED + 50))
    gaps = [float(value) for value in random.integers(1, 9, 5)]
    warped, plain = similarities("dtw", gaps, rows), similarities("resample", gaps, rows)
    assert np.sum(warped == plain) >= 50
    best = np.argsort(-plain)[:MOST_WARPED]
    assert np.all(warped[best] != plain[best])


@pytest.mark.parametrize("lengths", SYNTAXES)
def test_a_single_word_is_like_single_words(lengths: Lengths) -> None:
    assert int(np.argmax(similarities(lengths, []))) == 3
    assert similarities(lengths, [1, 2])[3] in (0, -np.inf)


def test_sentences_are_compared_among_those_asked_for() -> None:
    flat, offsets = np.array([0, 2, 1, 0, 1, 2], np.float32), np.array([0, 3, 6])
    found = Padded(flat, offsets).similarities(np.array([1, 2], np.float32), np.array([1, 0, 1]))
    assert found.tolist() == pytest.approx([1, 0.8, 1])


def test_similarities_are_averaged_on_one_scale() -> None:
    semantic = np.array([0.0, 0.2, 0.4, 0.1], np.float32)
    syntactic = np.array([0.99, 0.98, 0.97, -np.inf], np.float32)
    np.testing.assert_allclose(combined(semantic, syntactic, 1)[:3], semantic[:3], atol=1e-6)
    assert combined(semantic, syntactic, 1)[3] == -np.inf
    # Of opposite orders and equal deviation, they cancel out.
    np.testing.assert_allclose(combined(semantic, syntactic, 0.5)[:3], 0.2, atol=1e-4)
    assert np.argmax(combined(semantic, syntactic, 0.4)) == 0
    assert np.argmax(combined(semantic, syntactic, 0.6)) == 2
