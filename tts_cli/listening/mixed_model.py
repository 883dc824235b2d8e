"""Mixed model of scores: fixed effects of conditions, crossed random effects of listeners and items.

`score = condition + listener + item + listener by condition + item by condition + residual`. The model is fitted by restricted
maximum likelihood with `statsmodels.regression.mixed_linear_model.MixedLM`: all ratings form one group, and each random effect is
a variance component. The optimizer starts at the moment estimates of the components, since from the default start it can stop at
a lower likelihood.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import holm
from tts_cli.listening.crossed import Floats
from tts_cli.listening.summary import ScoreTable

Codes = NDArray[np.int64]

MOST_WORK = 3e9
"""Most ratings times squared random effects of a model; above it the deviations by condition are left out."""
SMALLEST_SHARE = 1e-3
"""Smallest variance component that the optimizer starts from, relative to the residual variance."""
COMPONENTS = ("listener", "item", "listener by condition", "item by condition")


@dataclass(frozen=True)
class Contrast:
    """Difference of two conditions in a mixed model."""

    first: str
    second: str
    difference: float
    """First minus second."""
    error: float
    """Standard error."""
    p: float
    """Two-sided p-value of Wald's test (normal distribution)."""
    corrected_p: float
    """p-value after Holm's correction over all contrasts of the model."""


@dataclass(frozen=True)
class FittedModel:
    """Mixed model of the scores, or the reason why there is none."""

    contrasts: tuple[Contrast, ...] = ()
    deviations: tuple[tuple[str, float], ...] = ()
    """Standard deviation of each random effect, by its name; the last one is that of the residual."""
    num_ratings: int = 0
    has_converged: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Observations:
    """Scores with the codes of their condition, listener and item, (ratings,) each."""

    scores: Floats
    condition: Codes
    listener: Codes
    item: Codes

    @classmethod
    def of(cls, values: Floats) -> _Observations:
        """Return the known scores in a table (conditions, listeners, items)."""
        known = np.isfinite(values)
        condition, listener, item = (codes.astype(np.int64) for codes in np.nonzero(known))
        return cls(values[known], condition, listener, item)

    def effects(self) -> dict[str, Codes]:
        """Return the level of each random effect, by its name."""
        num = int(self.condition.max()) + 1
        codes = (self.listener, self.item, self.listener * num + self.condition, self.item * num + self.condition)
        return {name: np.unique(code, return_inverse=True)[1] for name, code in zip(COMPONENTS, codes, strict=True)}


def fit_model(table: ScoreTable, pairs: Sequence[tuple[str, str]]) -> FittedModel:
    """Fit the mixed model to the scores of the conditions in `pairs`, and test the difference of each pair.

    Args:
        table: Scores.
        pairs: Names of two conditions each; both are in the table.
    """
    conditions = [name for name in table.conditions if any(name in pair for pair in pairs)]
    seen = _Observations.of(np.stack([table.of(name) for name in conditions])) if conditions else None
    reason = _reason(seen)
    if seen is None or reason:
        return FittedModel(notes=(f"No mixed model: {reason}.",))
    effects, notes = _estimable(seen)
    try:
        fit, messages = _fitted(seen, effects)
    except (np.linalg.LinAlgError, ValueError) as error:
        return FittedModel(notes=(f"No mixed model: the fit failed ({error}).",), has_converged=False)
    return _described(fit, [*notes, *messages], conditions, pairs, tuple(effects))


def _reason(seen: _Observations | None) -> str:
    """Return the reason why a model of the scores is impossible; empty if there is none."""
    if seen is None or seen.condition.max() < 1:
        return "it needs two conditions"
    if seen.listener.max() < 1 or len(np.unique(seen.listener)) < 2:
        return "it needs two listeners"
    if len(np.unique(seen.item)) < 2:
        return "it needs two items"
    if np.ptp(seen.scores) == 0:
        return "all ratings are equal"
    return ""


def _estimable(seen: _Observations) -> tuple[dict[str, Codes], list[str]]:
    """Return the random effects that the scores can tell apart at a bearable cost, and notes on those that are left out."""
    effects, notes = seen.effects(), []
    for name in COMPONENTS[2:]:
        # An effect with a level for each rating is the residual.
        if effects[name].max() + 1 >= len(seen.scores):
            notes.append(f"The mixed model has no effect '{name}': each of its levels has one rating.")
            del effects[name]
    num_levels = sum(int(codes.max()) + 1 for codes in effects.values())
    if len(seen.scores) * num_levels**2 > MOST_WORK:
        notes.append(
            f"The mixed model of {len(seen.scores)} ratings has no deviations by condition, since fitting them takes too long; "
            "its p-values are too small where listeners or items differ in their preference."
        )
        effects = {name: effects[name] for name in COMPONENTS[:2]}
    return effects, notes


def _fitted(seen: _Observations, effects: Mapping[str, Codes]) -> tuple[Any, list[str]]:
    """Fit the model. Returns statsmodels' results, and notes on the fit."""
    models = require("statsmodels.regression.mixed_linear_model")
    matrices = {name: _indicators(codes) for name, codes in effects.items()}
    names = [[[f"{name} {level}" for level in range(matrix.shape[1])]] for name, matrix in matrices.items()]
    components = models.VCSpec(list(matrices), names, [[matrix] for matrix in matrices.values()])
    fixed = _indicators(seen.condition)
    model = models.MixedLM(seen.scores, fixed, groups=np.zeros(len(seen.scores)), exog_vc=components)
    means, shares = _start(seen, effects)
    start = models.MixedLMParams.from_components(fe_params=means, vcomp=shares)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = model.fit(start_params=start, method=["bfgs", "lbfgs", "cg"], reml=True)
    is_bounded = any("boundary" in str(one.message) for one in caught)
    return fit, ["A variance of the mixed model lies at zero."] if is_bounded else []


def _indicators(codes: Codes) -> Floats:
    return np.eye(int(codes.max()) + 1)[codes]


def _start(seen: _Observations, effects: Mapping[str, Codes]) -> tuple[Floats, Floats]:
    """Return means of the conditions, and variance components relative to the residual, from the means of levels.

    With a score in every cell the components are those of the analysis of variance.
    """
    means = np.bincount(seen.condition, seen.scores) / np.bincount(seen.condition)
    rest = seen.scores - means[seen.condition]
    squares: dict[str, float] = {}
    for name, codes in effects.items():
        levels = np.bincount(codes, rest) / np.bincount(codes)
        rest = rest - levels[codes]
        squares[name] = float((levels**2).sum())
    freedom = {name: (int(codes.max()) + 1) - (len(means) if " by " in name else 1) for name, codes in effects.items()}
    freedom = {name: max(1, own - (freedom.get(name.split(" ")[0], 0) if " by " in name else 0)) for name, own in freedom.items()}
    residual = max(float((rest**2).sum()) / max(1, len(rest) - len(means) - sum(freedom.values())), 1e-6)
    variances: dict[str, float] = {}
    for name in reversed(list(effects)):
        inner = variances.get(f"{name} by condition", 0.0) / len(means)
        per_level = len(rest) / (int(effects[name].max()) + 1)
        variances[name] = squares[name] / freedom[name] - inner - residual / per_level
    return means, np.array([max(variances[name] / residual, SMALLEST_SHARE) for name in effects])


def _described(
    fit: Any, notes: list[str], conditions: Sequence[str], pairs: Sequence[tuple[str, str]], names: Sequence[str]
) -> FittedModel:
    """Return the contrasts and deviations of a fit; without contrasts if it gives no standard errors."""
    num = len(conditions)
    covariances = np.asarray(fit.cov_params())[:num, :num]
    means = np.asarray(fit.fe_params)
    sides = [(conditions.index(first), conditions.index(second)) for first, second in pairs]
    variances = [covariances[a, a] + covariances[b, b] - 2 * covariances[a, b] for a, b in sides]
    components = [*(float(one) for one in np.sqrt(np.maximum(fit.vcomp, 0))), float(np.sqrt(fit.scale))]
    deviations = tuple(zip([*names, "residual"], components, strict=True))
    if not fit.converged:
        notes = [*notes, "The mixed model did not converge: do not rely on its figures."]
    if not (np.isfinite(variances).all() and min(variances) > 0):
        notes = [*notes, "The mixed model gives no standard errors."]
        return FittedModel((), deviations, len(fit.model.endog), bool(fit.converged), tuple(notes))
    differences, errors = [means[a] - means[b] for a, b in sides], np.sqrt(variances)
    chances = [float(2 * require("scipy.stats").norm.sf(abs(d) / e)) for d, e in zip(differences, errors, strict=True)]
    contrasts = tuple(
        Contrast(*pair, float(d), float(e), p, q)
        for pair, d, e, p, q in zip(pairs, differences, errors, chances, holm(chances), strict=True)
    )
    return FittedModel(contrasts, deviations, len(fit.model.endog), bool(fit.converged), tuple(notes))
