"""Simulated listeners: ratings drawn from a model with stated numbers, to check the statistics. Nobody listened.

    rating = mean of the system + listener + item + listener by system + item by system + residual, cut at the ends of the scale

All parts but the mean are normal. The gains of a report are planted here, so that its verdicts can be counted over many seeds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field, model_validator

from tts_cli.config import StrictModel, suggest
from tts_cli.errors import InputError
from tts_cli.listening.crossed import Floats
from tts_cli.listening.design import Condition, ConditionRole, ListeningTest, Page, Stimulus

RECORDINGS, BASELINE, NEW = "recordings", "baseline", "new"
"""Conditions of the default design."""
MEANS: Mapping[str, float] = {RECORDINGS: 75.0, BASELINE: 50.0, NEW: 62.0}
"""Means before cutting: the new system halves the gap, nearly (48 %)."""
ROLE_MEANS: Mapping[ConditionRole, float] = {"reference": 75.0, "low-anchor": 20.0, "mid-anchor": 40.0}
NUM_LISTENERS = 20
NUM_ITEMS = 12
NOT_PEOPLE = "The listeners of these results were simulated. No person listened, so the results say nothing of the systems."
NO_POST_SCREENING = (
    "Post-screening is off: simulated recordings are rated below 90 in about seven of ten items, so the rules of BS.1534-3 would "
    "remove every listener."
)


class ListenerModel(StrictModel):
    """Numbers of the model: standard deviations in points of a scale from 0 to 100, and the ends of the scale."""

    listeners: float = Field(default=12.0, ge=0, le=1000)
    """Standard deviation of listeners: some rate all systems higher."""
    items: float = Field(default=8.0, ge=0, le=1000)
    """Standard deviation of items: some sound better in all systems."""
    listeners_by_system: float = Field(default=8.0, ge=0, le=1000)
    """Standard deviation of listeners by system: some prefer one system."""
    items_by_system: float = Field(default=6.0, ge=0, le=1000)
    """Standard deviation of items by system: some suit one system."""
    residual: float = Field(default=18.0, ge=0, le=1000)
    """Standard deviation of the rest."""
    lowest: float = Field(default=0.0, ge=0, le=100)
    """Lower end of the scale."""
    highest: float = Field(default=100.0, ge=0, le=100)
    """Upper end of the scale."""

    @model_validator(mode="after")
    def _check(self) -> ListenerModel:
        if self.lowest >= self.highest:
            raise ValueError(f"the lowest rating {self.lowest:g} must lie below the highest, {self.highest:g}")
        return self

    @property
    def spread(self) -> float:
        """Standard deviation of a rating before cutting."""
        return math.hypot(self.listeners, self.items, self.listeners_by_system, self.items_by_system, self.residual)

    def cut(self, ratings: Floats) -> Floats:
        """Return `ratings` cut at the ends of the scale."""
        return np.clip(ratings, self.lowest, self.highest)


def draw_uncut(
    model: ListenerModel, means: Sequence[float], num_listeners: int, num_items: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw the lasting part and the residual of ratings, (listeners, items, systems) each; their sum is the rating, uncut."""
    num_systems = len(means)
    shapes = (
        (model.listeners, (num_listeners, 1, 1)),
        (model.items, (1, num_items, 1)),
        (model.listeners_by_system, (num_listeners, 1, num_systems)),
        (model.items_by_system, (1, num_items, num_systems)),
        (model.residual, (num_listeners, num_items, num_systems)),
    )
    *lasting, residual = (deviation * generator.standard_normal(shape) for deviation, shape in shapes)
    return np.asarray(means, np.float64) + sum(lasting, np.zeros(())), residual


def draw_scores(
    model: ListenerModel,
    means: Sequence[float] = tuple(MEANS.values()),
    num_listeners: int = NUM_LISTENERS,
    num_items: int = NUM_ITEMS,
    seeds: Sequence[int] = range(1000),
) -> Floats:
    """Draw ratings of many simulated tests, (seeds, listeners, items, systems).

    Each seed has its own generator: a test does not depend on the other seeds, and `simulate_answers` draws the same ratings.

    Args:
        model: Standard deviations and scale.
        means: Mean of each system before cutting.
        num_listeners: Number of listeners of each test.
        num_items: Number of items of each test.
        seeds: Seed of each test.
    """
    drawn = (draw_uncut(model, means, num_listeners, num_items, np.random.default_rng(seed)) for seed in seeds)
    return model.cut(np.stack([lasting + residual for lasting, residual in drawn]))


def mean_after_cutting(model: ListenerModel, mean: float) -> float:
    """Return the expected rating of a system with this mean before cutting."""
    if model.spread == 0:
        return float(np.clip(mean, model.lowest, model.highest))
    low, high = ((end - mean) / model.spread for end in (model.lowest, model.highest))
    inside = mean * (_below(high) - _below(low)) + model.spread * (_density(low) - _density(high))
    return inside + model.lowest * _below(low) + model.highest * _below(-high)


def _below(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2


def _density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def planted_gap_reduction(model: ListenerModel, means: Sequence[float] = tuple(MEANS.values())) -> float:
    """Return the true gap reduction of ratings after cutting; `means` are those of recordings, baseline and new system."""
    recordings, baseline, new = (mean_after_cutting(model, mean) for mean in means)
    return (new - baseline) / (recordings - baseline)


def default_test(num_items: int = NUM_ITEMS) -> ListeningTest:
    """Return the stated design: recordings, a baseline and a new system, side by side on one page an item."""
    roles: Mapping[str, ConditionRole] = {RECORDINGS: "reference"}
    conditions = [Condition(name=name, role=roles.get(name, "system"), description="simulated") for name in MEANS]
    return ListeningTest(
        kind="mushra",
        title="Simulated listening test",
        question="How good is the speech?",
        sample_rate=16000,
        conditions=tuple(conditions),
        pages=tuple(_page(number) for number in range(1, num_items + 1)),
    )


def _page(number: int) -> Page:
    stimuli = [Stimulus(id=hashlib.sha256(f"{number} {name}".encode()).hexdigest()[:16], condition=name) for name in MEANS]
    return Page(id=f"page-{number:02}", item=f"item {number:02}", stimuli=tuple(stimuli))


def means_of(test: ListeningTest, given: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the mean of each condition of a test before cutting.

    Recordings have 75, a low anchor 20, a mid anchor 40, the first system 50 (the baseline) and all others 62.

    Args:
        test: The test.
        given: Other means, by name of the condition.

    Raises:
        InputError: `given` names an unknown condition.
    """
    names = [one.name for one in test.conditions]
    systems = [one.name for one in test.conditions if one.role == "system"]
    unknown = next((name for name in given or () if name not in names), None)
    if unknown is not None:
        raise InputError(f"--mean {unknown}: the test has no such condition", hint=suggest(unknown, names))
    usual = {one.name: ROLE_MEANS.get(one.role, MEANS[NEW]) for one in test.conditions}
    return usual | dict.fromkeys(systems[:1], MEANS[BASELINE]) | dict(given or {})
