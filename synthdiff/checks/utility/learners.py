"""The learners that a researcher would try: gradient boosting, a linear model, a random forest."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.features import Features, booster
from synthdiff.checks.intervals import Floats

TREES = 50
"""Trees of a forest."""

PER_TREE = 2_000
"""Records that one tree of a forest sees, at most."""

FAR = 4.0
"""Standard deviations beyond which a number counts to a linear model as if it were there."""

Learner = Callable[[Features, int | None, int], Any]
"""From what will be learnt, the number of classes (None for a number) and a seed to an unfitted scikit-learn model."""


def guesses(
    learner: str, known: Features, truth: Floats, asked: Features, levels: int | None, seed: int, balanced: bool
) -> Floats:
    """What a learner makes of the records asked about, after learning from the known ones.

    Parameters
    ----------
    learner : str
        One of :data:`LEARNERS`.
    known, truth : Features, float64 array of shape (n,)
        What is learnt from; ``truth`` holds codes of levels, or numbers.
    asked : Features
        Of m records.
    levels : int or None
        The levels of the target; None for a number.
    seed : int
        The learner's own randomness.
    balanced : bool
        Whether every class has the same weight in learning, however scarce.

    Returns
    -------
    float64 array of shape (m, levels), or (m, 1) for a number
        The probability of each level, nought for a level that is not known; or the number, not beyond those known.
    """
    if levels is None:
        model = LEARNERS[learner](known, None, seed)
        found = np.asarray(_fit(model, known, truth).predict(asked.values), dtype=float)
        return np.asarray(np.clip(found, truth.min(), truth.max()))[:, None]
    probability = np.zeros((len(asked), levels))
    seen = np.unique(truth).astype(int)
    if len(seen) == 1:
        probability[:, seen] = 1.0
        return probability
    model = LEARNERS[learner](known, len(seen), seed)
    if balanced:
        weighted = next(name for name in model.get_params() if name.endswith("class_weight"))
        model.set_params(**{weighted: "balanced"})
    probability[:, seen] = _fit(model, known, truth.astype(int)).predict_proba(asked.values)
    return probability


def _fit(model: Any, known: Features, truth: NDArray[Any]) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A linear model that is stopped early is as good for both sides of a comparison.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(known.values, truth)


def _linear(features: Features, classes: int | None, seed: int) -> Any:
    """Logistic or ridge regression on standardised numbers, missing ones at the mean and flagged, and one-hot levels.

    An outlier of a lab value would bend a straight line; it is brought to :data:`FAR` standard deviations.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers = make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -FAR, "a_max": FAR}),
    )
    encoder = ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~features.categorical)),
            ("levels", OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(features.categorical)),
        ]
    )
    return make_pipeline(encoder, Ridge() if classes is None else LogisticRegression(max_iter=200))


def _forest(features: Features, classes: int | None, seed: int) -> Any:
    """A random forest on numbers as they are and levels by their codes; it sends missing cells to either side."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    family = RandomForestRegressor if classes is None else RandomForestClassifier
    return family(
        TREES,
        min_samples_leaf=5,
        max_features=1 / 3 if classes is None else "sqrt",
        max_samples=min(len(features), PER_TREE),
        random_state=seed % 2**32,
    )


LEARNERS: Mapping[str, Learner] = {"gradient boosting": booster, "linear model": _linear, "random forest": _forest}
"""By name: trees that correct each other, a straight line, and trees that are averaged."""
