"""Planted strategies: one that knows the text must win against its controls, one that does not must not, over many seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tts_cli.corpora.manifest import Recording
from tts_cli.errors import InputError
from tts_cli.evaluation import clusters, statistics
from tts_cli.evaluation.clusters import clustered_tests
from tts_cli.evaluation.selection.comparisons import StrategyComparison, sources_of
from tts_cli.evaluation.selection.controls import OTHER_TEXTS, RANDOM, controls_of
from tts_cli.evaluation.selection.embeddings import Chosen, at_same_spread, exchanged, spread_table
from tts_cli.evaluation.selection.tables import Standardised
from tts_cli.evaluation.selection.tasks import OTHERS, RECORDING, Found, Selection, SelectionTask, Setting
from tts_cli.evaluation.statistics import PairedTest
from tts_cli.selection.inventory import Inventory

pytest.importorskip("scipy")
pytest.importorskip("statsmodels")
READERS = ("ann", "ben", "cal")
SIZE = 8
NUM_TEXTS = 40
SEEDS = range(10)
CENTROID, PLAIN, TESTED = Setting("centroid"), Setting("random"), Setting("bert")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "FLIPS", 499)
    monkeypatch.setattr(statistics, "RESAMPLES", 199)
    monkeypatch.setattr(statistics, "SLOW_RESAMPLES", 99)


def recording(speaker: str, place: int, document: str = "") -> Recording:
    text = f"Text number {place}{document}."
    clip = Recording(
        id=f"{speaker}{document}{place}", audio_filepath="x", text=text, normalized_text=text, duration=1, speaker=speaker,
        corpus="c", split="test", kind="statement", tokens=("^", "AE1", "."), durations=(1, 2, 1), num_frames=4, features="x",
    )  # fmt: skip
    return clip.model_copy(update={"document": document, "position": place}) if document else clip


class World:
    """Planted corpus: embeddings of recordings that the text determines in part, and an inventory of other utterances."""

    def __init__(self, seed: int, draws: int = 5, has_story: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.texts = self.random.normal(size=(NUM_TEXTS, SIZE))
        documents = dict.fromkeys(range(0, NUM_TEXTS, 2), "tale") if has_story else {}
        self.places = {
            recording(speaker, place, documents.get(place, "")): place for speaker in READERS for place in range(NUM_TEXTS)
        }
        self.clips = list(self.places)
        self.centroids = {speaker: 3 * self.random.normal(size=SIZE) for speaker in READERS}
        self.recorded = {clip: self.centroids[clip.speaker] + self.said(clip) for clip in self.clips}
        offsets = self.random.normal(size=(3 * 200, SIZE))
        self.inventory = cast(
            Inventory,
            SimpleNamespace(
                deviations=lambda: offsets,
                speakers=np.repeat(np.arange(3), 200),
                sentences=np.tile(np.arange(200), 3),
                sentences_of=lambda _: np.zeros(0, np.intp),
            ),
        )
        self.selection = cast(
            Selection,
            SimpleNamespace(
                clips=tuple(self.clips), speakers=READERS, draws=draws, settings=(CENTROID, PLAIN, TESTED),
                voice=SimpleNamespace(speakers=READERS), folds=lambda clips: {(): list(clips)},
            ),
        )  # fmt: skip

    def said(self, clip: Recording) -> np.ndarray:
        return np.asarray(0.8 * self.texts[self.places[clip]] + 0.6 * self.random.normal(size=SIZE))

    def knowing(self) -> dict[Recording, np.ndarray]:
        """Predict the part of the embedding that the text determines, with some noise."""
        return self._by_text(list(0.8 * self.texts + 0.3 * self.random.normal(size=self.texts.shape)))

    def ignorant(self) -> dict[Recording, np.ndarray]:
        """Choose by the text, alike for all readers, and without any relation to its prosody."""
        return self._by_text(list(self.random.normal(size=(NUM_TEXTS, SIZE))))

    def cautious(self) -> dict[Recording, np.ndarray]:
        """Predict next to nothing: stay near the centroid, without knowledge."""
        return self._by_text(list(0.15 * self.random.normal(size=(NUM_TEXTS, SIZE))))

    def _by_text(self, offsets: Sequence[np.ndarray]) -> dict[Recording, np.ndarray]:
        return {clip: self.centroids[clip.speaker] + offsets[self.places[clip]] for clip in self.clips}

    def chosen(self, vectors: Mapping[Recording, np.ndarray]) -> Chosen:
        return Chosen({TESTED.name: vectors}, self.recorded, self.centroids)

    def near(self, vectors: Mapping[Recording, np.ndarray]) -> dict[Recording, dict[str, float]]:
        """Return figures of speech with these embeddings: skewed, noisy, and better the nearer the recordings' own."""
        found = {}
        for clip, vector in vectors.items():
            far = float(np.sum((vector - self.recorded[clip]) ** 2)) / SIZE
            noise = self.random.gamma(1.0, 0.2)
            found[clip] = {
                "f0_correlation": 1 - 0.15 * far - noise, "f0_rmse": 0.3 * far + noise, "energy_correlation": 0.9,
                "duration_correlation": 0.8, "duration_error_ms": 18 + 2 * far + 5 * noise,
            }  # fmt: skip
        return found

    def found(self, vectors: Mapping[Recording, np.ndarray]) -> Found:
        chosen, controls = self.chosen(vectors), controls_of(self.selection, [RANDOM, OTHER_TEXTS])
        drawn = self.inventory.deviations()[self.random.integers(0, 600, len(self.clips))]
        spoken = {
            CENTROID.name: {clip: self.centroids[clip.speaker] for clip in self.clips},
            PLAIN.name: {clip: self.centroids[clip.speaker] + drawn[place] for place, clip in enumerate(self.clips)},
            TESTED.name: vectors,
        }
        for control in controls:
            for draw, name in enumerate(control.names):
                spoken[name] = (
                    exchanged(self.selection, vectors, draw)
                    if control.kind == OTHER_TEXTS
                    else at_same_spread(self.selection, self.inventory, chosen, TESTED.name, draw)
                )
        return {name: results_of(name, self.near(by_clip)) for name, by_clip in spoken.items()}


def results_of(name: str, near: Mapping[Recording, Any]) -> dict[SelectionTask, dict[str, Any]]:
    return {
        SelectionTask(name, Path(), "prosody", clip.speaker, clip.text, clip): {"nearness": one} for clip, one in near.items()
    }


def comparison(world: World, vectors: Mapping[Recording, np.ndarray], kind: Any) -> StrategyComparison:
    return StrategyComparison(world.found(vectors), world.selection.settings, controls_of(world.selection, [kind]), kind)


def verdicts(world: World, vectors: Mapping[Recording, np.ndarray]) -> dict[str, PairedTest]:
    return {test.name: test for test in clustered_tests(comparison(world, vectors, RANDOM).families())}


def wins(test: PairedTest, sign: int = 1) -> bool:
    return test.corrected_p < 0.05 and sign * test.difference.value > 0


def test_knowledge_wins_against_the_average_and_against_chance() -> None:
    found = []
    for seed in SEEDS:
        world = World(seed)
        tests = verdicts(world, world.knowing())
        assert len(tests) == 4
        found.append([wins(tests[f"f0 correlation: bert, top 1 against {rival}"]) for rival in ("centroid", RANDOM)])
        assert wins(tests[f"duration error ms: bert, top 1 against {RANDOM}"], sign=-1)
    against_average, against_chance = np.mean(found, axis=0)
    assert against_average >= 0.7
    assert against_chance >= 0.9


@pytest.mark.parametrize("how", [World.ignorant, World.cautious])
def test_without_knowledge_nothing_wins_against_chance(how: Any) -> None:
    found = []
    for seed in SEEDS:
        world = World(seed)
        tests = verdicts(world, how(world))
        found += [wins(tests[f"f0 correlation: bert, top 1 against {rival}"]) for rival in ("centroid", RANDOM)]
    assert sum(found) <= 2, "at a level of 0.05 after correction, each of 20 tests wins with a chance of 0.025 at most"


def test_staying_near_the_centroid_beats_only_plain_chance() -> None:
    world = World(0)
    rows = {row.name: row for row in comparison(world, world.cautious(), RANDOM).better_table().rows}
    assert rows["bert, top 1 against random, top 1"].estimates["f0_correlation"].low > 0.05
    alike = rows[f"bert, top 1 against {RANDOM}"].estimates["f0_correlation"]
    assert alike.low < 0 < alike.high


def test_who_knows_the_text_loses_with_another() -> None:
    shares = {}
    for how in (World.knowing, World.ignorant):
        above = []
        for seed in SEEDS:
            world = World(seed)
            (row,) = comparison(world, how(world), OTHER_TEXTS).better_table().rows
            assert row.name == "bert, top 1 against other texts"
            above.append(row.estimates["f0_correlation"].low > 0)
        shares[how] = np.mean(above)
    assert shares[World.knowing] == 1
    assert shares[World.ignorant] <= 0.15


def test_the_control_has_the_spread_of_the_strategy_in_every_draw() -> None:
    world = World(1)
    for vectors in (world.knowing(), world.cautious()):
        chosen = world.chosen(vectors)
        controls = [at_same_spread(world.selection, world.inventory, chosen, TESTED.name, draw) for draw in (0, 0, 1)]
        for speaker in READERS:
            sizes = [
                sum(float(np.sum((one[clip] - world.centroids[speaker]) ** 2)) for clip in world.clips if clip.speaker == speaker)
                for one in (vectors, *controls)
            ]
            np.testing.assert_allclose(sizes, sizes[0])
        first, again, other = ([one[clip] for clip in world.clips] for one in controls)
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other)


def test_every_text_gets_the_embedding_of_another() -> None:
    world = World(2)
    vectors = world.ignorant()
    draws = [exchanged(world.selection, vectors, draw) for draw in range(5)]
    for one in draws:
        for clip in world.clips:
            source = next(other for other in world.clips if vectors[other] is one[clip])
            assert (source.speaker, source.text != clip.text) == (clip.speaker, True)
        assert len({id(vector) for vector in one.values()}) == len(world.clips)
    assert len({tuple(id(one[clip]) for clip in world.clips) for one in draws}) == 5


def test_an_inventory_without_the_speaker_is_refused() -> None:
    world = World(3)
    world.inventory.speakers[:200] = 1
    with pytest.raises(InputError, match="no utterance of 'ann' is in the inventory"):
        at_same_spread(world.selection, world.inventory, world.chosen(world.ignorant()), TESTED.name, 0)


def test_spread_and_knowledge_are_seen_without_audio() -> None:
    world = World(4)
    for how, spread, knows in ((World.knowing, 0.85, True), (World.ignorant, 1.0, False), (World.cautious, 0.15, False)):
        (row,) = spread_table(world.selection, world.chosen(how(world)), [TESTED], {"all": world.clips}).rows
        assert row.estimates["spread"].value == pytest.approx(spread, rel=0.2)
        assert row.estimates["about_mean"].value == pytest.approx(row.estimates["spread"].value, rel=0.1)
        assert (row.estimates["knowledge"].low > 0) == knows
    constant = {clip: world.centroids[clip.speaker] + 1 for clip in world.clips}
    (row,) = spread_table(world.selection, world.chosen(constant), [TESTED], {"all": world.clips}).rows
    assert row.estimates["spread"].value == pytest.approx(1.0, rel=0.15)
    assert row.estimates["about_mean"].value == pytest.approx(0, abs=1e-6), "one embedding for all texts is no variety"


def test_stories_and_prompts_are_tested_together_and_apart() -> None:
    assert list(sources_of(World(5).clips)) == ["all speakers"]
    world = World(5, has_story=True)
    assert {name: len(clips) for name, clips in sources_of(world.clips).items()} == {
        "all speakers": 120,
        "stories": 60,
        "prompts": 60,
    }
    found = comparison(world, world.knowing(), RANDOM)
    assert {name: len(pairs) for name, pairs in found.families().items()} == {"": 4, "stories": 4, "prompts": 4}
    names = [test.name for test in clustered_tests(found.families())]
    assert "stories: f0 correlation: bert, top 1 against centroid" in names


def scored(world: World, spread: Mapping[str, float]) -> Standardised:
    """Return scores of outputs that vary `spread` times as much as recordings."""
    measures = ("mean_f0", "f0_range", "rate", "energy_range", "pause_share", "final_slope")
    found: Found = {}
    for name, times in {RECORDING: 1.0, OTHERS: 1.0, **spread}.items():
        rows = times * world.random.normal(size=(len(world.clips), len(measures)))
        found[name] = {
            SelectionTask(name, Path(), "prosody", clip.speaker, clip.text, clip): {
                "sentences": [dict(zip(measures, row.tolist(), strict=True))]
            }
            for clip, row in zip(world.clips, rows, strict=True)
        }
    return Standardised(found, world.selection.settings, [name for name in spread if name.startswith((RANDOM, OTHER_TEXTS))])


def test_the_share_of_the_gap_is_compared_with_that_of_the_control() -> None:
    world = World(6, draws=2)
    judged = comparison(world, world.knowing(), RANDOM)
    control = judged.controls[TESTED.name]
    spread = {CENTROID.name: 0.3, PLAIN.name: 0.9, TESTED.name: 1.0, **dict.fromkeys(control.names, 0.6)}
    (row,) = judged.share_table(scored(world, spread)).rows
    closed = row.estimates["closed"]
    assert 0.5 < closed.low < closed.value < closed.high < 1
    assert row.estimates["minus_control"].low > 0.05
    assert abs(row.estimates["minus_random"].value) < 0.25
    spread |= dict.fromkeys(control.names, 1.0)
    (row,) = judged.share_table(scored(world, spread)).rows
    assert row.estimates["minus_control"].low < 0 < row.estimates["minus_control"].high
