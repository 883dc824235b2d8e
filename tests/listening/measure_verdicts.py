"""Error rates of the verdicts and intervals of `tts listening-test analyze`, counted over simulated listeners.

    python tests/listening/measure_verdicts.py --seeds 1000

prints the tables of docs/listening-tests.md. Nobody listened to anything.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tts_cli.listening.crossed import CrossedDesign, crossed_means
from tts_cli.listening.inference import RESAMPLES, gap_intervals
from tts_cli.listening.simulation import ListenerModel, draw_scores, planted_gap_reduction

Floats = NDArray[np.float64]

LEVEL = 0.05
RECORDINGS, BASELINE, NEW = range(3)
PAIRS = ((NEW, BASELINE), (RECORDINGS, BASELINE), (RECORDINGS, NEW))
"""All pairs of the three conditions, the planted one first."""
GAIN = (75.0, 50.0, 62.0)
NO_GAIN = (75.0, 50.0, 50.0)
ALIKE = {"listeners_by_system": 0.0, "items_by_system": 0.0}
"""No deviations by system."""
PARTS = 20
"""Number of parts of all seeds; each has its own set of missing cells."""


@dataclass(frozen=True)
class Design:
    """Size of a simulated test, and the numbers that differ from the stated ones."""

    name: str
    num_listeners: int = 20
    num_items: int = 12
    missing: float = 0.0
    """Share of pages that a listener did not answer."""
    model: dict[str, float] = field(default_factory=dict)


STATED = Design("20 listeners, 12 items")
DESIGNS = (
    STATED,
    Design("10 listeners, 6 items", 10, 6),
    Design("40 listeners, 20 items", 40, 20),
    Design("40 listeners, 6 items", 40, 6),
    Design("8 listeners, 30 items", 8, 30),
    Design("20 listeners, 12 items, 10 % missing", missing=0.1),
    Design("20 listeners, 12 items, 40 % missing", missing=0.4),
    Design("deviations by system doubled", model={"listeners_by_system": 16.0, "items_by_system": 12.0}),
    Design("deviations by listener alone", model={"items_by_system": 0.0}),
    Design("deviations by item alone", model={"listeners_by_system": 0.0}),
    Design("no deviations by system", model=ALIKE),
    Design("residual 9", model={"residual": 9.0}),
)


def scores_of(design: Design, means: Sequence[float], seeds: Sequence[int], **other: float) -> Floats:
    """Return simulated scores (seeds, listeners, items, conditions)."""
    model = ListenerModel(**{**design.model, **other})
    return draw_scores(model, means, design.num_listeners, design.num_items, seeds)


def filled_cells(design: Design, number: int) -> Floats:
    """Return the answered pages (listeners, items) of a design; every listener and item keeps two at least."""
    generator = np.random.default_rng((97, number))
    while True:
        filled = (generator.random((design.num_listeners, design.num_items)) >= design.missing).astype(np.float64)
        if filled.sum(0).min() >= 2 and filled.sum(1).min() >= 2:
            return filled


def parts(design: Design, scores: Floats) -> list[tuple[Floats, Floats]]:
    """Return the scores in small parts with the same missing cells, and those cells."""
    return [(scores[number::PARTS], filled_cells(design, number)) for number in range(min(PARTS, len(scores)))]


def chances_of(design: Design, scores: Floats) -> Floats:
    """Return the p-values (pairs, seeds) of all pairs; in the order of `parts`."""
    found = []
    for part, filled in parts(design, scores):
        crossed = CrossedDesign(filled)
        found.append([crossed_means((part[..., a] - part[..., b]) * filled, crossed).p for a, b in PAIRS])
    return np.concatenate(found, axis=1)


def rate_of_verdicts(design: Design, scores: Floats) -> float:
    """Return the share of seeds in which the new system differs from the baseline (Holm over all pairs)."""
    return float(np.mean(holm_of_first(chances_of(design, scores)) < LEVEL))


def holm_of_first(chances: Floats) -> Floats:
    """Return the p-values of the first row after Holm's correction over all rows, (seeds,).

    `evaluation.statistics.holm` takes one seed at a time, a fifth of a second each.
    """
    multiples = np.sort(chances, axis=0) * np.arange(len(chances), 0, -1)[:, None]
    is_before = np.sort(chances, axis=0) <= chances[0]
    return np.minimum(np.where(is_before, multiples, 0.0).max(0), 1.0)


def rate_over_ratings(scores: Floats) -> float:
    """Return the share of seeds in which a paired t-test over all ratings finds a difference."""
    differences = scores[..., NEW] - scores[..., BASELINE]
    p = stats.ttest_1samp(differences.reshape(len(scores), -1), 0.0, axis=1).pvalue
    return float(np.mean(p < LEVEL))


def rate_over_listeners(scores: Floats) -> float:
    """Return the share of seeds in which a paired t-test over listeners' means finds a difference."""
    differences = scores[..., NEW] - scores[..., BASELINE]
    return float(np.mean(stats.ttest_1samp(differences.mean(2), 0.0, axis=1).pvalue < LEVEL))


@dataclass(frozen=True)
class Coverage:
    """Shares of seeds in which intervals of the gap reduction cover a value."""

    bootstrap: float
    fieller: float
    median_width: float
    """Median width of the bootstrap interval."""


def coverage(design: Design, scores: Floats, value: float, num_resamples: int = RESAMPLES) -> Coverage:
    """Return the coverage of `value`. An interval without bounds covers every value; no gap at all counts as uncovered."""
    covered, widths = [], []
    for part, filled in parts(design, scores):
        gains, gaps = ((part[..., one] - part[..., BASELINE]) * filled for one in (NEW, RECORDINGS))
        has_gap = gaps.sum((1, 2)) > 0
        found = gap_intervals(gains[has_gap], gaps[has_gap], filled, num_resamples)
        ends = ((found.low, found.high), (found.fieller_low, found.fieller_high))
        covered.append([((low <= value) & (value <= high)).sum() for low, high in ends])
        widths.append(found.high - found.low)
    bootstrap, fieller = np.sum(covered, axis=0) / len(scores)
    return Coverage(float(bootstrap), float(fieller), float(np.median(np.concatenate(widths))))


def stated_rows(seeds: Sequence[int]) -> list[tuple[str, str]]:
    """Return the rows of the first table: the stated design."""
    gain, null = scores_of(STATED, GAIN, seeds), scores_of(STATED, NO_GAIN, seeds)
    alike = scores_of(STATED, NO_GAIN, seeds, **ALIKE)
    true = planted_gap_reduction(ListenerModel(), GAIN)
    covers, covers_uncut = coverage(STATED, gain, true), coverage(STATED, gain, 0.48)
    rates = {
        "verdict: finds the planted gain": rate_of_verdicts(STATED, gain),
        "verdict: finds a null effect": rate_of_verdicts(STATED, null),
        "verdict: finds a null effect, no deviations by system": rate_of_verdicts(STATED, alike),
        "t-test over ratings: finds a null effect": rate_over_ratings(null),
        "t-test over listeners' means: finds a null effect": rate_over_listeners(null),
        f"interval covers the gap reduction after cutting, {100 * true:.1f} %": covers.bootstrap,
        "interval covers the gap reduction before cutting, 48 %": covers_uncut.bootstrap,
        "Fieller's interval covers that after cutting": covers.fieller,
        "interval covers a gap reduction of 0": coverage(STATED, null, 0.0).bootstrap,
    }
    return [(name, f"{100 * rate:.1f} %") for name, rate in rates.items()]


def design_row(design: Design, seeds: Sequence[int]) -> tuple[str, ...]:
    """Return the row of a design: gain found, null found with and without deviations by system, coverage, width."""
    gain, null = scores_of(design, GAIN, seeds), scores_of(design, NO_GAIN, seeds)
    alike = scores_of(design, NO_GAIN, seeds, **ALIKE)
    covers = coverage(design, gain, planted_gap_reduction(ListenerModel(**design.model), GAIN))
    rates = [rate_of_verdicts(design, scores) for scores in (gain, null, alike)]
    return (
        design.name,
        *(f"{100 * rate:.1f} %" for rate in (*rates, covers.bootstrap, covers.fieller)),
        f"{covers.median_width:.2f}",
    )


def kind_row(kind: str, seeds: Sequence[int]) -> tuple[str, ...]:
    """Return the row of a kind of test in the stated design: gain found, null found with and without deviations by system."""
    rates = []
    for means, other in ((GAIN, {}), (NO_GAIN, {}), (NO_GAIN, ALIKE)):
        scores = scores_of(STATED, means, seeds, **other)
        if kind == "MOS":
            scores = np.round(1 + scores / 25)
        differences = scores[..., NEW] - scores[..., BASELINE]
        values = np.sign(differences) if kind == "AB" else differences
        rates.append(np.mean(crossed_means(values, CrossedDesign(np.ones(values.shape[1:]))).p < LEVEL))
    return (kind, *(f"{100 * rate:.1f} %" for rate in rates))


def main() -> None:
    """Print all tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="number of seeds")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    print("| over simulated tests | share |\n|---|--:|")
    for row in stated_rows(seeds):
        print(f"| {' | '.join(row)} |")
    print("\n| design | gain found | null found | null found, no deviations | interval covers | Fieller covers | width |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for design in DESIGNS:
        print(f"| {' | '.join(design_row(design, seeds))} |", flush=True)
    print("\n| kind, one pair | gain found | null found | null found, no deviations |\n|---|--:|--:|--:|")
    for kind in ("MUSHRA", "MOS", "AB"):
        print(f"| {' | '.join(kind_row(kind, seeds))} |")


if __name__ == "__main__":
    main()
