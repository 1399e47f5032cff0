"""Attribute inference: can what is not known of a person be guessed from the synthetic records?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import Aspect, Check, Evidence, Finding
from synthdiff.checks.privacy.control import FEWEST, too_few
from synthdiff.checks.privacy.criterion import Rate, Risk, affordable, halved, surest
from synthdiff.checks.privacy.guessing import Secret, by_habit, by_model, by_nearest
from synthdiff.checks.records import ordered, sampled
from synthdiff.schema import Column, Schema
from synthdiff.seeds import derive, numpy_generator

ATTACKS = {"nearest": "the nearest synthetic record", "model": "a model fitted on the synthetic records"}
"""The attacks, and from what they guess."""

NOTHING_KNOWN = (
    "There is no column to guess from others. Give more columns, or the role quasi-identifier to what an attacker may "
    "know and sensitive to what he may be after."
)


class AttributeInference(Check):
    """What an attacker does not know of a person must not be easier to guess for having been in the training data.

    The attacker knows some columns of a person and guesses another in two ways: as in the synthetic record that is
    nearest in what he knows, and as a random forest does that was fitted on the synthetic records. A level is guessed
    right when it is equal; a number when no more than a fortieth of the real people lie between the guess and the
    truth; a missing cell when the guess is that it is missing.

    Secret are the columns with the role ``sensitive``, and known those with the role ``quasi-identifier``. Where only
    known ones are declared, all others are secret; where only secret ones are, all others are known; where neither is,
    all columns take turns, and everything but the secret is known.

    The headline takes all secrets together: of the guesses that miss held-out people, the share that the training data
    set right, ``(Σa - Σc) / Σ(1 - c)`` over the columns. It is one figure, so nothing was picked but the attack, of
    which the surer counts with an interval that is widened for the choice. Beside it stands the column that surely
    leaks most, the one whose interval has the highest lower end; its interval is widened for having been picked among
    all columns and both attacks (Bonferroni), so that noise in one of many columns does not count as a leak. Held
    against a bar with ``_lower``, it fails where a single column is shown to leak.

    What a guess is worth without the attack is stated by column: the success of always guessing what is commonest among
    the synthetic records (``naive``).

    ``detail``: ``nearest`` and ``model``: over all secrets, ``attack`` and ``control`` (shares of right guesses),
    ``value`` and ``interval``; ``columns``, the surest leak first: ``name``, ``by`` (which attack), ``naive`` (among
    the people of the training data), and the same; ``known``: the names of the columns that the attacker knows;
    ``left_out``: how many secrets were not attacked; ``people`` (attacked, and of the control).

    Attributes
    ----------
    most : int
        People attacked, and of the control, at most; against a large synthetic table fewer, 500 at least.
    secrets : int
        Columns attacked at most, drawn at random where there are more.
    trees : int
        Of a forest.
    learnt_from : int
        Synthetic records on which a forest is fitted, at most.
    """

    kind: Literal["attribute_inference"] = "attribute_inference"
    most: int = Field(2000, ge=FEWEST)
    secrets: int = Field(20, ge=1)
    trees: int = Field(20, ge=1)
    learnt_from: int = Field(10_000, ge=100)

    title: ClassVar[str] = "Attribute inference"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "attribute_inference_risk": (
            "Attribute inference",
            "Of the guesses at unknown attributes that would fail, the share that succeeds because the person was in "
            "the training data: 0 is none, 1 is all. Over all attributes together.",
        ),
        "attribute_inference_worst_risk": (
            "Attribute inference, worst column",
            "The same for the one attribute that most surely leaks, with an interval widened for having picked it.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "risk, 0 to 1"
    direction: ClassVar[str] = "lower is better"
    source: ClassVar[str] = "Inference attack of Giomi et al. 2023 (WP29 criterion), equal control, all secrets"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {
        "attribute_inference_risk": "<= 0.09",
        "attribute_inference_worst_risk": "<= 0.09",
    }

    def run(self, evidence: Evidence) -> Finding:
        """Guess the secrets of people of both sides."""
        members, _, others = sampled(evidence, "attribute inference")
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        known, secret = aims(evidence.schema)
        if not secret:
            return Finding({}, NOTHING_KNOWN)
        draw = numpy_generator(evidence.seed, "attribute inference", "secrets")
        chosen = [secret[i] for i in np.sort(draw.permutation(len(secret))[: self.secrets])]
        published = evidence.synthetic.iloc[ordered(evidence.synthetic, evidence.schema)]
        n = min(len(members), len(others), affordable(len(published), 1 + len(chosen), self.most))
        attack = partial(self._attack, known, chosen, pd.concat([members, others]), evidence.seed)
        found = attack(members.iloc[:n], others.iloc[:n], published)
        risks, by_column = found.together(), found.alone()
        attacker, worst = surest(risks), surest(by_column)

        control, fresh = halved(others)
        chance = chance_of_worst = None
        if len(control) >= FEWEST:
            null = attack(members.iloc[: min(n, len(control))], control.iloc[:n], fresh)
            chance, chance_of_worst = null.together()[attacker], null.alone()[worst]
        estimates = {
            "attribute_inference_risk": risks[attacker].estimate(2 * n, chance),
            "attribute_inference_worst_risk": by_column[worst].estimate(2 * n, chance_of_worst),
        }
        risk, (column, by) = risks[attacker], worst
        reason = (
            f"From {ATTACKS[attacker]}, {risk.attack.share:.1%} of the guesses at {listed(chosen)} are right for {n:,} "
            f"people of the training data and {risk.control.share:.1%} for {n:,} held-out people; of the guesses that "
            f"would miss, the training data set {risk.said()} right. What leaks most surely, if anything does, is "
            f"{column!r}, guessed from {ATTACKS[by]}: {by_column[worst].said()}, an interval widened for having been "
            "picked."
        )
        if len(chosen) < len(secret):
            reason += f" {len(chosen)} columns were attacked, drawn from {len(secret)}."
        if n < min(len(members), len(others)):
            reason += f" The people are a sample, of {len(members):,} and of {len(others):,}."
        detail = {
            **{name: risks[name].plain() for name in ATTACKS},
            "columns": found.table(),
            "known": [column.name for column in known],
            "left_out": len(secret) - len(chosen),
            "people": n,
        }
        return Finding(estimates, reason, detail)

    def _attack(
        self,
        known: list[Column],
        secrets: list[Column],
        population: pd.DataFrame,
        seed: int,
        members: pd.DataFrame,
        others: pd.DataFrame,
        published: pd.DataFrame,
    ) -> Guessed:
        people = pd.concat([members, others])
        learnt, stream = published.iloc[: self.learnt_from], derive(seed, "attribute inference", "forest")
        guesses = {
            "nearest": by_nearest(people, published, known, secrets, population),
            "model": by_model(people, learnt, known, secrets, self.trees, stream),
            "naive": by_habit(people, published, secrets),
        }
        judges = [Secret.of(column, population) for column in secrets]
        right = {
            attacker: np.column_stack([judge.right(guess, people) for judge, guess in zip(judges, made.T, strict=True)])
            for attacker, made in guesses.items()
        }
        return Guessed([column.name for column in secrets], right, len(members))


@dataclass(frozen=True)
class Guessed:
    """Which guesses were right.

    Attributes
    ----------
    names : list of str
        The secrets.
    right : mapping of str to bool arrays of shape (people, secrets)
        By the attack, and ``naive``; the first ``members`` people are those trained on.
    members : int
    """

    names: list[str]
    right: Mapping[str, NDArray[np.bool_]]
    members: int

    def together(self) -> dict[str, Risk]:
        """Over all secrets, by the attack."""
        return {attacker: self._risk(self.right[attacker], len(ATTACKS)) for attacker in ATTACKS}

    def alone(self) -> dict[tuple[str, str], Risk]:
        """By secret and attack."""
        choices = len(self.names) * len(ATTACKS)
        return {
            (name, attacker): self._risk(self.right[attacker][:, [place]], choices)
            for place, name in enumerate(self.names)
            for attacker in ATTACKS
        }

    def table(self) -> list[dict[str, Any]]:
        """Each secret with the attack by which it surely leaks most, the surest leak first."""
        alone = self.alone()
        rows = []
        for place, name in enumerate(self.names):
            by = surest({attacker: alone[name, attacker] for attacker in ATTACKS})
            naive = float(self.right["naive"][: self.members, place].mean())
            rows.append({"name": name, "by": by, "naive": round(naive, 4), **alone[name, by].plain()})
        return sorted(rows, key=lambda row: -row["interval"][0])

    def _risk(self, right: NDArray[np.bool_], choices: int) -> Risk:
        successes = right.astype(float)
        return Risk.of(Rate.of(successes[: self.members]), Rate.of(successes[self.members :]), choices)


def aims(schema: Schema) -> tuple[list[Column], list[Column]]:
    """What the attacker knows, and what he is after, by the roles; no secret for which he knows nothing else."""
    learnt = [column for column in schema if column.learnt]
    known = [column for column in learnt if "quasi-identifier" in column.roles]
    secret = [column for column in learnt if "sensitive" in column.roles]
    if not secret:
        secret = [column for column in learnt if column not in known] if known else learnt
    if not known:
        known = [column for column in learnt if column not in secret] or learnt
    return known, [column for column in secret if any(other != column for other in known)]


def listed(columns: list[Column]) -> str:
    """The secrets, as far as they are few."""
    return " and ".join(repr(column.name) for column in columns) if len(columns) < 3 else f"{len(columns)} columns"
