"""Anonymeter 1.1: its singling-out, linkability and inference evaluators on given tables.

Its attacks draw from NumPy's global generator, which is seeded here. Its risks are handed back with the rates of attack
and control behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from oracles.environment import answer


def risks(task: dict[str, Any], train: pd.DataFrame, control: pd.DataFrame, synthetic: pd.DataFrame) -> dict[str, Any]:
    """Each risk that is asked for.

    Parameters
    ----------
    task : dict
        With ``defects``, :func:`defects` answers. Else ``seed``; ``guesses`` for singling out, of which as
        many must be possible, for those that are not count as failed; ``columns`` of a multivariate predicate;
        ``attacks`` of the other two kinds; ``halves``, two lists of names, for linkability; ``secrets``, whose
        inference all other columns serve.
    train, control, synthetic : DataFrame
        Train and control of equal size: else its correction for unequal sizes sets in.
    """
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    if task.get("defects"):
        return defects(train, control, synthetic, task["seed"])
    n, found = task["attacks"], {}
    for mode in ("univariate", "multivariate"):
        attack = SinglingOutEvaluator(
            train,
            synthetic,
            n_attacks=task["guesses"],
            n_cols=task["columns"],
            control=control,
            max_attempts=200_000,
            seed=task["seed"],
        )
        found[mode] = plain(attack.evaluate(mode=mode))
    np.random.seed(task["seed"])  # noqa: NPY002 - what pandas draws from here
    attack = LinkabilityEvaluator(train, synthetic, tuple(task["halves"]), n_attacks=n, control=control)
    found["linkability"] = plain(attack.evaluate(n_jobs=1))
    for secret in task["secrets"]:
        known = [name for name in train.columns if name != secret]
        np.random.seed(task["seed"])  # noqa: NPY002
        attack = InferenceEvaluator(train, synthetic, known, secret, n_attacks=n, control=control)
        found[secret] = plain(attack.evaluate(n_jobs=1))
    return found


def defects(train: pd.DataFrame, control: pd.DataFrame, synthetic: pd.DataFrame, seed: int) -> dict[str, Any]:
    """What it says of guessing an income blindly, of a negative guess, and of singling out with a small control."""
    from anonymeter.evaluators import InferenceEvaluator, SinglingOutEvaluator
    from anonymeter.evaluators.inference_evaluator import evaluate_inference_guesses

    np.random.seed(seed)  # noqa: NPY002
    known = [name for name in train.columns if name != "income"]
    inference = InferenceEvaluator(train, synthetic, known, "income", n_attacks=1000).evaluate(n_jobs=1)
    wrong = evaluate_inference_guesses(pd.Series([-1000.0]), pd.Series([5.0]), regression=True)
    singling = SinglingOutEvaluator(train, synthetic, n_attacks=500, n_cols=4, control=control, seed=seed)
    return {
        "naive_baseline": float(inference.results().baseline_rate.value),
        "negative_guess_is_right": bool(wrong[0]),
        "small_control": plain(singling.evaluate(mode="multivariate")),
    }


def plain(attack: Any) -> dict[str, Any]:
    """The risk of an evaluated attack with its rates."""
    results = attack.results()
    value, interval = results.risk()
    rates = {"attack": results.attack_rate.value, "control": results.control_rate.value}
    return {"value": float(value), "interval": [float(end) for end in interval], **rates}


if __name__ == "__main__":
    answer(risks)
