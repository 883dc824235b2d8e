"""Answers of simulated listeners to a test, and files of results that say so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tts_cli.addon.library import replacing
from tts_cli.errors import InputError
from tts_cli.files import unwritable
from tts_cli.listening.crossed import Floats
from tts_cli.listening.design import TEST_FILE, ListeningTest, Page, Screening
from tts_cli.listening.ratings import Answers, Choice, Rating
from tts_cli.listening.simulation import (
    NO_POST_SCREENING,
    NOT_PEOPLE,
    NUM_LISTENERS,
    ListenerModel,
    default_test,
    draw_uncut,
    mean_after_cutting,
    means_of,
)

_MOS_STEPS = 4
"""Steps of the scale from 1 to 5."""
_AGAIN = 1
"""Branch of the seed for stimuli that are heard again (ABX)."""

Given = Mapping[str, float]
"""Answers on one page by id of the stimulus: a score, or 1 for the chosen stimulus and 0 for others."""


@dataclass(frozen=True)
class SimulatedTest:
    """Test with the answers of simulated listeners, and the numbers that they were drawn with."""

    test: ListeningTest
    model: ListenerModel
    means: Mapping[str, float]
    """Mean of each condition before cutting."""
    seed: int
    given: Mapping[str, Mapping[str, Given]]
    """Answers by token of the listener and id of the page."""

    @cached_property
    def answers(self) -> Answers:
        """All answers in the form that the analysis takes."""
        pages = {page.id: page for page in self.test.pages}
        answered = [(token, pages[page], one) for token, own in self.given.items() for page, one in own.items()]
        if self.test.kind in ("ab", "abx"):
            choices = tuple(_choice(token, page, given) for token, page, given in answered)
            return Answers(self.test, choices=choices, is_simulated=True)
        ratings = tuple(rating for token, page, given in answered for rating in _ratings(token, page, given))
        return Answers(self.test, ratings=ratings, is_simulated=True)

    @property
    def lines(self) -> tuple[str, ...]:
        """Sentences on the simulation; the first says that nobody listened."""
        model = self.model
        deviations = ", ".join(f"{name} {value:g}" for name, value in model if name not in ("lowest", "highest"))
        cut = f"cut at {model.lowest:g} and {model.highest:g}"
        means = (f"{name} {mean:g} ({mean_after_cutting(model, mean):.1f})" for name, mean in self.means.items())
        return (
            f"Simulated: {NOT_PEOPLE}",
            f"means, and in brackets after ratings are {cut}: {', '.join(means)}",
            f"standard deviations: {deviations}; seed {self.seed}".replace("_", " "),
            NO_POST_SCREENING,
        )


def simulate_answers(
    test: ListeningTest | None = None,
    model: ListenerModel | None = None,
    means: Mapping[str, float] | None = None,
    num_listeners: int = NUM_LISTENERS,
    seed: int = 0,
) -> SimulatedTest:
    """Simulate listeners who answer all pages of a test.

    MOS tests get the rating on the scale from 1 to 5, rounded. In AB tests the higher rating is preferred. In ABX tests X is
    heard once more, and taken for the stimulus with the nearest rating. Attention pages are answered right.

    Args:
        test: The test; by default the stated design. Its post-screening is switched off, and a note says so.
        model: Standard deviations and scale; by default the stated ones.
        means: Means by condition, in place of those of `means_of`.
        num_listeners: Number of listeners.
        seed: Seed of all draws.

    Raises:
        InputError: `means` names an unknown condition.
    """
    test, model = _without_screening(test or default_test()), model or ListenerModel()
    all_means = means_of(test, means)
    draws = _Draws.of(test, model, all_means, num_listeners, seed)
    given = {
        f"simulated-{seed}-{number + 1:03}": {page.id: _given(test, model, draws, number, page) for page in test.pages}
        for number in range(num_listeners)
    }
    return SimulatedTest(test, model, all_means, seed, given)


def _without_screening(test: ListeningTest) -> ListeningTest:
    screening = Screening(attention=test.screening.attention)
    notes = dict.fromkeys((NOT_PEOPLE, NO_POST_SCREENING, *test.notes))
    return test.model_copy(update={"screening": screening, "notes": tuple(notes)})


@dataclass(frozen=True)
class _Draws:
    """Ratings of one simulated test before cutting, (listeners, items, conditions)."""

    ratings: Floats
    heard_again: Floats
    """The same with another residual."""
    items: Mapping[str, int]
    conditions: Mapping[str, int]

    @classmethod
    def of(cls, test: ListeningTest, model: ListenerModel, means: Mapping[str, float], num_listeners: int, seed: int) -> _Draws:
        """Draw the ratings of all items and conditions of a test."""
        items = {name: place for place, name in enumerate(dict.fromkeys(page.item for page in test.pages))}
        conditions = {name: place for place, name in enumerate(means)}
        lasting, residual = draw_uncut(model, [*means.values()], num_listeners, len(items), np.random.default_rng(seed))
        again = np.random.default_rng((seed, _AGAIN)).standard_normal(residual.shape)
        return cls(lasting + residual, lasting + model.residual * again, items, conditions)

    def cell(self, listener: int, page: Page, condition: str) -> tuple[int, int, int]:
        """Return the place of a listener's rating of a condition on a page."""
        return listener, self.items[page.item], self.conditions[condition]


def _given(test: ListeningTest, model: ListenerModel, draws: _Draws, listener: int, page: Page) -> Given:
    """Return the answers of one listener on one page."""
    is_choice = test.kind in ("ab", "abx")
    if page.role == "attention":
        right = page.expected
        score = 1.0 if is_choice else (right.low + right.high) / 2 if right else 0.0
        return {one.id: score if right and one.id == right.stimulus else float(not is_choice) for one in page.stimuli}
    heard = {one.id: float(draws.ratings[draws.cell(listener, page, one.condition)]) for one in page.stimuli}
    if is_choice:
        x = float(draws.heard_again[draws.cell(listener, page, page.answer)]) if test.kind == "abx" else np.inf
        nearest = max(heard, key=lambda one: heard[one] if np.isinf(x) else -abs(heard[one] - x))
        return {stimulus: float(stimulus == nearest) for stimulus in heard}
    scores = {stimulus: float(model.cut(np.array(rating))) for stimulus, rating in heard.items()}
    if test.kind == "mos":
        return {stimulus: float(round(1 + _MOS_STEPS * score / 100)) for stimulus, score in scores.items()}
    return scores


def _ratings(token: str, page: Page, given: Given) -> Iterator[Rating]:
    for one in page.stimuli:
        yield Rating(token, page.item, one.condition, given[one.id], page.id, page.group, page.role)


def _choice(token: str, page: Page, given: Given) -> Choice:
    names = {one.id: one.id if page.role == "attention" else one.condition for one in page.stimuli}
    first, *_, second = sorted(names.values())
    chosen = next((names[stimulus] for stimulus, is_chosen in given.items() if is_chosen), "")
    return Choice(token, page.item, first, second, chosen, page.answer, page.id, page.group, page.role)


def write_simulation(simulated: SimulatedTest, folder: Path) -> None:
    """Write a folder of results that the analysis reads: `test.json` and a file `results-TOKEN.json` a listener.

    Every file says that the listeners were simulated.

    Raises:
        InputError: The folder exists and is not empty.
        OutputError: The folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists already", hint="name a new folder, so that no answers of people are lost or mixed in")
    try:
        with replacing(folder) as new:
            (new / TEST_FILE).write_text(simulated.test.model_dump_json(indent=1) + "\n", encoding="utf-8")
            for number, (token, pages) in enumerate(simulated.given.items()):
                text = json.dumps(_file(simulated, number, token, pages), indent=1)
                (new / f"results-{token}.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise unwritable(folder, error) from error


def _file(simulated: SimulatedTest, number: int, token: str, pages: Mapping[str, Given]) -> dict[str, Any]:
    """Return the values of one file of results: the format of downloaded results, marked as simulated."""
    return {
        "format": 1,
        "simulated": True,
        "title": simulated.test.title,
        "token": token,
        "name": f"simulated {number + 1}",
        "finished": True,
        "answers": list(_rows(simulated, number, pages)),
    }


def _rows(simulated: SimulatedTest, number: int, pages: Mapping[str, Given]) -> Iterator[dict[str, Any]]:
    field, other = ("chosen", "score") if simulated.test.kind in ("ab", "abx") else ("score", "chosen")
    order = np.random.default_rng((simulated.seed, number)).permutation(len(pages)).tolist()
    for position, (page, given) in zip(order, pages.items(), strict=True):
        for stimulus, value in given.items():
            answer = int(value) if field == "chosen" else value
            row = {"page": page, "stimulus": stimulus, field: answer, other: None}
            yield row | {"seconds": None, "plays": 1, "position": position, "answered": None}
