"""Classifier that tells questions from statements by the ends of utterances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.extra import require
from tts_cli.evaluation.statistics import Estimate, bootstrap, mean_estimate

Flags = NDArray[np.bool_]
FOLDS = 5
"""Folds of the cross-validation of the training recordings; a text is in one fold, whoever reads it."""
_SEED = 0


class QuestionClassifier:
    """Logistic regression on standardised features. Questions and statements have equal weight, however many there are."""

    def __init__(self, features: Sequence[Sequence[float]], asked: Sequence[bool]) -> None:
        """Train the classifier.

        Args:
            features: features of each utterance, see `FinalShape.features`.
            asked: True for a question, False for a statement.

        Raises:
            InputError: if the extra `eval` is not installed.
            ValueError: if there are no questions, or no statements.
        """
        self._model = _model().fit(np.array(features), np.array(asked, bool))

    def asks(self, features: Sequence[Sequence[float]]) -> Flags:
        """Return True for each utterance that is taken for a question."""
        return np.asarray(self._model.predict(np.array(features)), bool) if len(features) else np.zeros(0, bool)


def _model() -> Any:
    linear, preprocessing = require("sklearn.linear_model"), require("sklearn.preprocessing")
    regression = linear.LogisticRegression(class_weight="balanced", max_iter=5000, random_state=_SEED)
    return require("sklearn.pipeline").make_pipeline(preprocessing.StandardScaler(), regression)


def cross_validated(features: Sequence[Sequence[float]], asked: Sequence[bool], texts: Sequence[str]) -> Flags:
    """Return True for each utterance that a classifier trained on the other folds takes for a question.

    Args:
        features: features of each utterance.
        asked: True for a question, False for a statement.
        texts: text of each utterance.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    rows, labels = np.array(features), np.array(asked, bool)
    folds = require("sklearn.model_selection").StratifiedGroupKFold(FOLDS, shuffle=True, random_state=_SEED)
    found = np.zeros(len(labels), bool)
    for known, unknown in folds.split(rows, labels, texts):
        found[unknown] = _model().fit(rows[known], labels[known]).predict(rows[unknown])
    return found


def told_apart(questions: Sequence[float], statements: Sequence[float]) -> dict[str, Estimate]:
    """Estimate how well questions are told from statements.

    Args:
        questions: for each question, 1 if it was taken for one, else 0; a share if it was spoken several times.
        statements: for each statement, 1 if it was taken for a question, else 0, or a share.

    Returns:
        Balanced accuracy (mean of the shares of questions and of statements that were recognised), `found` (share of the
        questions) and `mistaken` (share of the statements taken for questions), as far as there are both.
    """
    estimates = {"found": questions, "mistaken": statements}
    shares = {name: mean_estimate(values) for name, values in estimates.items() if values}
    if len(shares) < len(estimates):
        return shares
    return {"balanced": bootstrap(_balanced, (questions, statements), is_paired=False), **shares}


def _balanced(questions: Any, statements: Any, axis: int) -> Any:
    return (questions.mean(axis=axis) + 1 - statements.mean(axis=axis)) / 2
