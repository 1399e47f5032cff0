"""Singling out: can statements made from synthetic records point to exactly one person of the training data?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import CONCERNS, Aspect, Check, Concern, Evidence, Finding
from synthdiff.checks.privacy.control import FEWEST, too_few
from synthdiff.checks.privacy.criterion import Rate, Risk, halved, numbered, surest
from synthdiff.checks.privacy.predicates import Lookup, Positions, Predicates
from synthdiff.checks.records import cells, keys, sampled
from synthdiff.seeds import numpy_generator

COLUMNS = {"univariate": "one column", "multivariate": "several columns"}
"""The attacks, and what their statements are about."""

NO_GUESS = (
    f"Fewer than {FEWEST} statements could be made that hold for one synthetic record only, as the columns are few "
    "and their levels common. Give more columns, or more synthetic records, to have an answer."
)


class SinglingOut(Check):
    """Statements made from synthetic records must not point to one person of the training data oftener than to others.

    The attacker looks for synthetic records that stand alone and guesses that one real person is like them. By one
    column: a value that stands once, the smallest and the largest number. By several: levels that are equal and
    numbers at least as far out as those of a synthetic record, in columns drawn at random, so long as the statement
    holds for no second synthetic record. A guess is right when exactly one person of the attacked table satisfies it.
    The same guesses are put to held-out people. The headline is the attack whose interval has the higher lower end,
    and the interval is widened for the choice: an attack with few guesses counts once its excess is sure.

    How often a statement holds for one person depends on how many people there are, so both tables must be of one size.
    Where fewer people are held out than were trained on, the training data are cut into parts as large as the control
    and all are attacked; a guess reaches a person of one part only, so the risks of the parts add up.

    All learnt columns are used, whatever their roles: what the synthetic records show, any attacker can see.

    ``detail``: ``univariate`` and ``multivariate``, null or ``guesses``, ``attack`` and ``control`` (shares of them
    that are right), ``value`` and ``interval``; ``columns``: by the risk, for each column with at least 20 guesses on
    it alone, ``name`` and the same; ``people`` (attacked, and of the control), ``parts``.

    Attributes
    ----------
    guesses : int
        Of each attack, at most.
    columns : int
        In a statement about several. More are taken where statements of so many would hold for several synthetic
        records, and one more each time that the synthetic table is half as large as the attacked one.
    """

    kind: Literal["singling_out"] = "singling_out"
    guesses: int = Field(5000, ge=100)
    columns: int = Field(5, ge=2)

    title: ClassVar[str] = "Singling out"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "singling_out_risk": (
            "Singling out",
            "Share of an attacker's statements that point to exactly one person because that person was in the "
            "training data: 0 is none, 1 is all. The worse of the two attacks below.",
        ),
        "singling_out_univariate_risk": (
            "Singling out by one column",
            "The same for statements about one column: rare levels, extreme numbers.",
        ),
        "singling_out_multivariate_risk": (
            "Singling out by several columns",
            "The same for statements that combine several columns.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "risk, 0 to 1"
    direction: ClassVar[str] = "lower is better"
    source: ClassVar[str] = "Singling-out attack of Giomi et al. 2023 (WP29 criterion), equal control"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"singling_out_risk": "<= 0.09"}

    def run(self, evidence: Evidence) -> Finding:
        """Make guesses from the synthetic records and put them to both tables."""
        members, synthetic, others = sampled(numbered(evidence), "singling out")
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        learnt = any(column.learnt for column in evidence.schema)
        attacks = self._attacks(members, others, synthetic, evidence) if learnt else {}
        if not attacks:
            return Finding({}, NO_GUESS)
        control, fresh = halved(others)
        chance: dict[str, Risk] = {}
        if len(control) >= FEWEST:
            null = self._attacks(members.iloc[: len(control)], control, fresh, evidence)
            chance = {name: attack.risk() for name, attack in null.items()}
        pair = {name: attack.risk(choices=len(attacks)) for name, attack in attacks.items()}
        worst = surest(pair)
        size = min(len(members), len(others))
        estimates = {"singling_out_risk": pair[worst].estimate(2 * size, chance.get(worst))} | {
            f"singling_out_{name}_risk": attack.risk().estimate(2 * size, chance.get(name))
            for name, attack in attacks.items()
        }
        found = pair[worst]
        reason = (
            f"Statements about {COLUMNS[worst]} that hold for one synthetic record only were put to people of the "
            f"training data and to held-out people, {size:,} at a time. Of {len(attacks[worst]):,} statements, "
            f"{found.attack.share:.1%} hold for exactly one of the former and {found.control.share:.1%} for exactly "
            f"one of the latter; what only the training data explain is {found.said()} of the statements."
        )
        names = [column.name for column in evidence.schema if column.learnt]
        detail = {
            **{name: attacks[name].plain() if name in attacks else None for name in COLUMNS},
            "columns": attacks["univariate"].by_column(names) if "univariate" in attacks else [],
            "people": size,
            "parts": len(members) // size,
        }
        return Finding(estimates, reason, detail, _concerns(attacks, pair, synthetic, members))

    def _attacks(
        self, members: pd.DataFrame, others: pd.DataFrame, synthetic: pd.DataFrame, evidence: Evidence
    ) -> dict[str, Attack]:
        """Each attack for which there are enough guesses."""
        schema, generator = evidence.schema, numpy_generator(evidence.seed, "singling out", "guesses")
        # A record that is published twice is still one that stands alone.
        distinct = np.sort(np.unique(keys(synthetic, schema), return_index=True)[1])
        published = Lookup(cells(synthetic.iloc[distinct], schema))
        discrete = np.array([column.discrete for column in schema if column.learnt], dtype=bool)
        more = int(np.ceil(np.log2(max(1.0, len(members) / len(published)))))
        guesses = {
            "univariate": [published.outstanding(discrete, self.guesses, generator)],
            "multivariate": published.conjunctions(discrete, self.guesses, self.columns + more, generator),
        }
        size = min(len(members), len(others))
        sides = [Lookup(cells(side, schema)) for side in (members, others)]
        attacks = {}
        for name, lists in guesses.items():
            if sum(map(len, lists)) >= FEWEST:
                attacked, control = (Answers.put(side, lists, size) for side in sides)
                made = np.concatenate([predicates.columns[:, 0] for predicates in lists])
                source = distinct[np.concatenate([predicates.source for predicates in lists])]
                attacks[name] = Attack(made, source, attacked, control, len(members) / size)
        return attacks


@dataclass(frozen=True)
class Answers:
    """Whom guesses single out in a table that was cut into parts.

    Attributes
    ----------
    guesses, parts : int
        Each guess is put to each part.
    right : int64 array of shape (r,)
        The guess that singled somebody out.
    person : int64 array of shape (r,)
        That person's place in the table.
    """

    guesses: int
    parts: int
    right: Positions
    person: Positions

    @classmethod
    def put(cls, table: Lookup, lists: Sequence[Predicates], size: int) -> Answers:
        """Put guesses to as many parts of ``size`` persons as the table has."""
        parts, before = len(table) // size, 0
        right, person = [], []
        for predicates in lists:
            which, rows = table.matches(predicates)
            whole = rows < parts * size
            which, rows = which[whole], rows[whole]
            place, first, count = np.unique(which * parts + rows // size, return_index=True, return_counts=True)
            right.append(before + place[count == 1] // parts)
            person.append(rows[first[count == 1]])
            before += len(predicates)
        return cls(before, parts, np.concatenate(right), np.concatenate(person))

    def rate(self, among: NDArray[np.bool_]) -> Rate:
        """The share of some of the guesses that are right.

        Several guesses that point to one person say little more than one does: the effective number of guesses is that
        of all by Σh² / Σh, h being how often each person is hit. That errs on the safe side: on fresh samples of a
        census the intervals were half as wide again as the risks spread.
        """
        hits = np.bincount(self.person[among[self.right]])
        n = int(among.sum()) * self.parts
        return Rate(int(hits.sum()) / n, n * int(hits.sum()) / int((hits**2).sum()) if hits.any() else n)


@dataclass(frozen=True)
class Attack:
    """The same guesses put to people of the training data and to held-out ones.

    Attributes
    ----------
    columns, source : int64 array of shape (g,)
        The first column that each guess is about, and the synthetic record from which it was made.
    attacked, control : Answers
    parts : float
        How many times as many people were trained on as are attacked at a time.
    """

    columns: Positions
    source: Positions
    attacked: Answers
    control: Answers
    parts: float

    def __len__(self) -> int:
        return len(self.source)

    def risk(self, choices: int = 1, among: NDArray[np.bool_] | None = None) -> Risk:
        """Of all guesses, or of some."""
        asked = np.ones(len(self), dtype=bool) if among is None else among
        return Risk.of(self.attacked.rate(asked), self.control.rate(asked), choices, self.parts)

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"guesses": len(self), **self.risk().plain()}

    def by_column(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """The risk of the guesses on each column, the surest first."""
        enough = np.flatnonzero(np.bincount(self.columns) >= FEWEST)
        risks = {int(column): self.risk(len(enough), self.columns == column) for column in enough}
        order = sorted(risks, key=lambda column: -risks[column].interval[0])
        return [
            {"name": names[column], "guesses": int((self.columns == column).sum()), **risks[column].plain()}
            for column in order
        ]


def _concerns(
    attacks: dict[str, Attack], risks: dict[str, Risk], synthetic: pd.DataFrame, members: pd.DataFrame
) -> tuple[Concern, ...]:
    """Who was singled out, and by which record, where more were than chance explains."""
    pairs: dict[tuple[int, int], str] = {}
    for name, attack in attacks.items():
        if risks[name].interval[0] > 0:
            for guess, person in zip(attack.attacked.right, attack.attacked.person, strict=True):
                pair = int(synthetic.index[attack.source[guess]]), int(members.index[person])
                pairs.setdefault(pair, f"by {COLUMNS[name]}, it points to this one person of the training data")
    return tuple(Concern(*pair, why) for pair, why in list(pairs.items())[:CONCERNS])
