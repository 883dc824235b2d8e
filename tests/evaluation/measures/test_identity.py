import numpy as np
import pytest

from tts_cli.errors import AudioError
from tts_cli.evaluation.measures.identity import centroid, compare_identity, voice_vector


def test_the_nearest_of_all_centroids_is_named() -> None:
    centroids = {"low": np.array([1, 0, 0]), "high": np.array([0, 1, 0]), "stranger": np.array([0, 0, 1])}
    vector = np.array([0.6, 0.0, 0.8], np.float32)
    scores = compare_identity(vector, "low", "stranger", centroids)
    assert (scores.target_cosine, scores.source_cosine) == (pytest.approx(0.6), pytest.approx(0.8))
    assert (scores.is_target, scores.nearest) == (False, "stranger")
    assert compare_identity(np.array([2.0, 0, 0]), "low", "high", centroids).target_cosine == pytest.approx(1)
    assert compare_identity(np.array([2.0, 0, 0]), "low", "high", centroids).is_target


def test_a_centroid_is_a_direction() -> None:
    assert centroid([np.array([1.0, 0.0]), np.array([0.0, 1.0])]) == pytest.approx(np.sqrt([0.5, 0.5]))


def _voice(hertz: float, formant: float, seed: int) -> np.ndarray:
    """Audio of 2 s: a harmonic tone filtered by a resonance, in bursts."""
    seconds = np.arange(32000) / 16000
    generator = np.random.default_rng(seed)
    wander = hertz * (1 + 0.05 * np.sin(2 * np.pi * (1.3 + seed / 7) * seconds))
    phase = 2 * np.pi * np.cumsum(wander) / 16000
    weights = [(k, 1 / (1 + ((k * hertz - formant) / 200) ** 2)) for k in range(1, int(7000 / hertz))]
    buzz = sum(weight * np.sin(k * phase) for k, weight in weights)
    return (0.1 * buzz * (1 + np.sin(2 * np.pi * 4 * seconds)) + 1e-3 * generator.normal(size=32000)).astype(np.float32)


def test_the_judge_hears_who_is_who() -> None:
    pytest.importorskip("resemblyzer")
    first, again, other = (voice_vector(_voice(*given), 16000) for given in ((110, 600, 1), (112, 620, 2), (240, 1500, 3)))
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    assert first @ again > first @ other + 0.1
    with pytest.raises(AudioError, match="silent"):
        voice_vector(np.zeros(16000, np.float32), 16000)
