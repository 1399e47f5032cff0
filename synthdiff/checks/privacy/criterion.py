"""What the three criteria share: the risk that an attack owes to the training data, with its interval.

The European data protection authorities ask of anonymous data that nobody can be singled out, that records cannot be
linked, and that nothing can be inferred about a person (Article 29 Working Party, Opinion 05/2014). Each question is an
attack. What it achieves against people whose records trained the generator is held against what it achieves against
equally many who were held out: the first may rest on leaks, the second only on what holds for people in general.

References
----------
Giomi, Boenisch, Wehmeyer & Tasnádi (2023), A unified framework for quantifying privacy risk in synthetic data.
Proceedings on Privacy Enhancing Technologies 2023 (2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from synthdiff.checks.check import Estimate, Evidence, Reference
from synthdiff.checks.distance import PAIRS, POOL, QUERIES
from synthdiff.checks.intervals import Floats, Interval, mean_error
from synthdiff.schema import Column, Schema

Name = TypeVar("Name")

FEWEST_ATTACKED = 500
"""People who are attacked, as far as there are so many, however long it takes."""

ROUNDING = 1e-5
"""Distances that differ by less are the same: they are sums of ranks in single precision."""


@dataclass(frozen=True)
class Rate:
    """How often an attack succeeds.

    Attributes
    ----------
    share : float
        Of the attempts that succeed, in [0, 1].
    n : float
        As many independent attempts would tell as much (Kish's effective sample size).
    """

    share: float
    n: float

    @classmethod
    def of(cls, successes: Floats) -> Rate:
        """The rate of several attempts at each person, which stand or fall together.

        Parameters
        ----------
        successes : float64 array of shape (persons, attempts)
            1 or 0, or the chance of success.

        References
        ----------
        Korn & Graubard (1998), Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data, Survey Methodology 24.
        """
        share, error = float(successes.mean()), mean_error(successes.mean(axis=1))
        n = share * (1 - share) / error**2 if error > 0 else 0.0
        return cls(share, float(np.clip(n, len(successes), successes.size)))

    def interval(self, z: float) -> Interval:
        """Wilson's score interval at ``z`` standard errors."""
        ratio = z**2 / self.n
        centre = (self.share + ratio / 2) / (1 + ratio)
        half = float(np.sqrt(ratio * self.share * (1 - self.share) + ratio**2 / 4)) / (1 + ratio)
        return max(0.0, min(centre - half, self.share)), min(1.0, max(centre + half, self.share))


@dataclass(frozen=True)
class Risk:
    """The share of attempts that fail against held-out people and succeed against those trained on.

    Attributes
    ----------
    value : float
        In [-1, 1]; 0 when both are attacked equally well, below 0 when the held-out people are attacked better.
    interval : tuple of float
        95 %.
    attack, control : Rate
        Of the attack on the people in the training data, and of that on the people held out.
    """

    value: float
    interval: Interval
    attack: Rate
    control: Rate

    @classmethod
    def of(cls, attack: Rate, control: Rate, choices: int = 1, scale: float = 1.0) -> Risk:
        """The excess of the attack over the control, as a share of what the control leaves.

        With rates a and c, the risk is (a - c) / (1 - c). The distances from a and c to the ends of their Wilson
        intervals are carried through its partial derivatives, 1 / (1 - c) and -(1 - a) / (1 - c)², each end with those
        that make it worse. Unlike symmetric errors around shifted centres this keeps a perfect attack at 1.

        Parameters
        ----------
        attack, control : Rate
            Of independent samples.
        choices : int
            Among how many such risks a reader is shown the worst. The interval is then as wide as Bonferroni asks, so
            that whichever is picked, it covers with 95 %.
        scale : float
            What the risk is multiplied by, when each attempt could reach only a part of the people.

        References
        ----------
        Giomi et al. (2023), equation 2; ends of intervals carried through as in Zou & Donner (2008), Construction of
        confidence limits about effect measures, Statistics in Medicine 27.
        """
        a, c = attack.share, control.share
        if c >= 1:
            return cls(0.0, (-1.0, 1.0), attack, control)
        z = NormalDist().inv_cdf(1 - 0.025 / choices)
        (a_low, a_high), (c_low, c_high) = attack.interval(z), control.interval(z)
        by_attack, by_control = 1 / (1 - c), (1 - a) / (1 - c) ** 2
        value = (a - c) / (1 - c)
        below = float(np.hypot((a - a_low) * by_attack, (c_high - c) * by_control))
        above = float(np.hypot((a_high - a) * by_attack, (c - c_low) * by_control))
        value, low, high = (float(np.clip(scale * at, -1, 1)) for at in (value, value - below, value + above))
        return cls(value, (low, high), attack, control)

    def estimate(self, n: int, chance: Risk | None) -> Estimate:
        """The risk with what held-out people in the place of the synthetic records put others at."""
        reference = Reference(0.0, (0.0, 0.0)) if chance is None else Reference(chance.value, chance.interval)
        return Estimate(self.value, self.interval, n, reference)

    def plain(self) -> dict[str, Any]:
        """Rates, value and interval as plain JSON."""
        return {
            "attack": round(self.attack.share, 4),
            "control": round(self.control.share, 4),
            "value": round(self.value, 4),
            "interval": [round(end, 4) for end in self.interval],
        }

    def said(self) -> str:
        """Value and interval in words, and what it means when held-out people are attacked better."""
        low, high = self.interval
        odd = "; the held-out people are attacked better, so the split may not have been random" if high < 0 else ""
        return f"{self.value:.1%} ({low:.1%} to {high:.1%}{odd})"


def surest(risks: Mapping[Name, Risk]) -> Name:
    """The name of the risk whose lower end is highest: the one most surely there, not the one measured worst."""
    return max(risks, key=lambda name: risks[name].interval[0])


def numbered(evidence: Evidence) -> Evidence:
    """The evidence with every record's position as its index, by which a concern can name it."""
    train, synthetic = (frame.reset_index(drop=True) for frame in (evidence.train, evidence.synthetic))
    return replace(evidence, train=train, synthetic=synthetic)


def only(columns: Iterable[Column]) -> Schema:
    """A schema of some of a table's columns, for distances in these alone."""
    return Schema(columns=tuple(columns))


def halved(others: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The held-out people as a control, and as records that stand in for the synthetic ones, for the reference."""
    half = len(others) // 2
    return others.iloc[:half], others.iloc[half:]


def affordable(pool: int, passes: float, most: int) -> int:
    """How many people are attacked when each is compared ``passes`` times with a pool of synthetic records."""
    return min(most, max(FEWEST_ATTACKED, int(PAIRS / (passes * pool))))


def blocks(n: int, m: int) -> Iterator[tuple[slice, slice]]:
    """All pairs of n queries and m records of a pool, in blocks that stay in a processor's cache."""
    for start in range(0, n, QUERIES):
        for first in range(0, m, POOL):
            yield slice(start, min(start + QUERIES, n)), slice(first, min(first + POOL, m))
