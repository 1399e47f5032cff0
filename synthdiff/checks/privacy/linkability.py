"""Linkability: can two halves of what is known about a person be joined through a synthetic record?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import Field

from synthdiff.checks.check import CONCERNS, RARE, Aspect, Check, Concern, Evidence, Finding
from synthdiff.checks.distance import Points, Space
from synthdiff.checks.intervals import Floats
from synthdiff.checks.privacy.control import FEWEST, too_few
from synthdiff.checks.privacy.criterion import ROUNDING, Rate, Risk, affordable, blocks, halved, numbered, only
from synthdiff.checks.records import sampled
from synthdiff.schema import Column
from synthdiff.seeds import numpy_generator


class Linkability(Check):
    """Two disjoint sets of columns of one person must not lead to the same synthetic record.

    The attacker holds two tables about the same people, one with the one half of the columns, one with the other. For
    each half of a person he takes the k synthetic records that are nearest in these columns, and those that are as near
    as the k-th, and joins the halves where a synthetic record is among them both times. That counts as a link unless
    such records are so many that they stand for five people of the training data or more, and so point to nobody. The
    same is tried with held-out people. The columns are halved at random, several times; a person counts once.

    Giomi et al. draw lots among records that are equally near. Where levels are many and numbers few, the lot then
    decides: of a verbatim copy of a census extract a third of the halves is joined instead of all. What the one nearest
    record, drawn by lot, gives is in ``detail``.

    All learnt columns are used, whatever their roles: what the synthetic records show, any attacker can see.

    ``detail``: ``splits``: for each, ``halves`` (two lists of names), ``attack`` and ``control`` (shares of people
    linked), ``value`` and ``interval``; ``by_lot``: the same over all splits for the one nearest record, drawn by
    lot where several are equally near; ``people`` (attacked, and of the control).

    Attributes
    ----------
    neighbours : int
        k.
    splits : int
        How many times the columns are halved.
    most : int
        People attacked, and of the control, at most; against a large synthetic table fewer, 500 at least.
    """

    kind: Literal["linkability"] = "linkability"
    neighbours: int = Field(3, ge=1, lt=FEWEST)
    splits: int = Field(4, ge=1)
    most: int = Field(2000, ge=FEWEST)

    title: ClassVar[str] = "Linkability"
    terms: ClassVar[dict[str, tuple[str, str]]] = {
        "linkability_risk": (
            "Linkability",
            "Share of people of whom two halves of their record can be joined through a synthetic record because they "
            "were in the training data: 0 is nobody, 1 is everybody.",
        ),
    }
    aspect: ClassVar[Aspect] = "privacy"
    unit: ClassVar[str] = "risk, 0 to 1"
    direction: ClassVar[str] = "lower is better"
    source: ClassVar[str] = "Linkability attack of Giomi et al. 2023 (WP29 criterion), all equally near records"
    needs_holdout: ClassVar[bool] = True
    bars: ClassVar[dict[str, str]] = {"linkability_risk": "<= 0.09"}

    def run(self, evidence: Evidence) -> Finding:
        """Try to join the halves of people of both sides."""
        evidence = numbered(evidence)
        members, _, others = sampled(evidence, "linkability")
        if refusal := too_few(members, others):
            return Finding({}, refusal)
        learnt = [column for column in evidence.schema if column.learnt]
        if len(learnt) < 2:
            return Finding({}, "There is one column only, so there are no two halves to join. Give more columns.")
        halves = self._halves(learnt, evidence.seed)
        people = pd.concat([members, others])
        spaces = [(Space(people, only(one)), Space(people, only(other))) for one, other in halves]
        published = evidence.synthetic
        # Both sides are compared twice with every record.
        n = min(len(members), len(others), affordable(len(published), 8 * self.splits, self.most))
        trained, k = len(members), self.neighbours
        attacked, compared = Links.of_both(members.iloc[:n], others.iloc[:n], published, spaces, trained, k)
        risk = Risk.of(Rate.of(attacked.linked), Rate.of(compared.linked))

        control, fresh = halved(others)
        chance = None
        if len(control) >= FEWEST:
            size = min(n, len(control))
            one, other = Links.of_both(members.iloc[:size], control.iloc[:size], fresh, spaces, trained, k)
            chance = Risk.of(Rate.of(one.linked), Rate.of(other.linked))
        reason = (
            f"{n:,} people of the training data and {n:,} held-out ones were looked for in two tables that share no "
            f"column. Synthetic records that are among the nearest to both halves join {risk.attack.share:.1%} of the "
            f"former and {risk.control.share:.1%} of the latter; what only the training data explain is {risk.said()}."
        )
        if n < min(len(members), len(others)):
            reason += f" They are a sample, of {len(members):,} and of {len(others):,} people."
        splits = []
        for split, half in enumerate(halves):
            rates = [Rate.of(links.linked[:, [split]]) for links in (attacked, compared)]
            names = [[column.name for column in part] for part in half]
            splits.append({"halves": names, **Risk.of(rates[0], rates[1], self.splits).plain()})
        detail = {
            "splits": splits,
            "by_lot": Risk.of(Rate.of(attacked.by_lot), Rate.of(compared.by_lot)).plain(),
            "people": n,
        }
        concerns: tuple[Concern, ...] = ()
        if risk.interval[0] > 0:
            concerns = attacked.concerns(members.index, published.index)
        return Finding({"linkability_risk": risk.estimate(2 * n, chance)}, reason, detail, concerns)

    def _halves(self, learnt: list[Column], seed: int) -> list[tuple[list[Column], list[Column]]]:
        generator = numpy_generator(seed, "linkability", "halves")
        orders = [generator.permutation(len(learnt)) for _ in range(self.splits)]
        middle = len(learnt) // 2
        return [
            ([learnt[i] for i in np.sort(order[:middle])], [learnt[i] for i in np.sort(order[middle:])])
            for order in orders
        ]


@dataclass(frozen=True)
class Links:
    """Which people's halves could be joined.

    Attributes
    ----------
    linked : float64 array of shape (n, splits)
        1 where few synthetic records are among the nearest to both halves.
    by_lot : float64 array of shape (n, splits)
        The chance that one record drawn among those nearest to the one half and one among those nearest to the other
        are the same.
    through : int64 array of shape (n, splits)
        The nearest record among those that join the halves.
    """

    linked: Floats
    by_lot: Floats
    through: NDArray[np.int64]

    @classmethod
    def of(
        cls, people: pd.DataFrame, published: pd.DataFrame, spaces: Sequence[tuple[Space, Space]], trained: int, k: int
    ) -> Links:
        """Try to join the halves of people through published records, learnt from ``trained`` people."""
        many = max(2.0, RARE * len(published) / trained)
        links = [
            _through(tuple((half, half.place(people), half.place(published)) for half in pair), k, many)
            for pair in spaces
        ]
        linked, by_lot, through = (np.column_stack(parts) for parts in zip(*links, strict=True))
        return cls(linked.astype(float), by_lot, through)

    @classmethod
    def of_both(
        cls,
        members: pd.DataFrame,
        others: pd.DataFrame,
        published: pd.DataFrame,
        spaces: Sequence[tuple[Space, Space]],
        trained: int,
        k: int,
    ) -> tuple[Links, Links]:
        """The links of two groups of people; of a large table, to place the published records is half of the work."""
        both = cls.of(pd.concat([members, others]), published, spaces, trained, k)
        first, last = (
            cls(both.linked[rows], both.by_lot[rows], both.through[rows])
            for rows in (slice(None, len(members)), slice(len(members), None))
        )
        return first, last

    def concerns(self, people: pd.Index, published: pd.Index) -> tuple[Concern, ...]:
        """Those linked most often, each with the record that joined the halves."""
        often = np.argsort(-self.linked.sum(axis=1), kind="stable")[:CONCERNS]
        return tuple(
            Concern(
                int(published[self.through[person, int(np.argmax(self.linked[person]))]]),
                int(people[person]),
                "joins two halves of what is known about this person of the training data",
            )
            for person in often
            if self.linked[person].any()
        )


def _through(
    halves: Sequence[tuple[Space, Points, Points]], k: int, many: float
) -> tuple[NDArray[np.bool_], Floats, NDArray[np.int64]]:
    """Whether each person's halves are joined by fewer than ``many`` records, by lot, and through which one nearest."""
    k = min(k, len(halves[0][2]))
    reach = [torch.from_numpy(space.nearest(asked, pool, k)[:, [0, -1]]) + ROUNDING for space, asked, pool in halves]
    n, m = len(halves[0][1]), len(halves[0][2])
    joined, closest, place = torch.zeros(n), torch.full((n,), torch.inf), torch.zeros(n, dtype=torch.int64)
    one, other, same = torch.zeros(n), torch.zeros(n), torch.zeros(n)
    for asking, those in blocks(n, m):
        apart = [space.distances(asked.rows(asking), pool.rows(those)) for space, asked, pool in halves]
        near, nearest = (
            [distance <= within[asking, which, None] for distance, within in zip(apart, reach, strict=True)]
            for which in (1, 0)
        )
        both = near[0] & near[1]
        joined[asking] += both.sum(dim=1)
        lowest, where = torch.where(both, apart[0] + apart[1], torch.inf).min(dim=1)
        nearer = lowest < closest[asking]
        closest[asking] = torch.where(nearer, lowest, closest[asking])
        place[asking] = torch.where(nearer, those.start + where, place[asking])
        for count, found in zip((one, other, same), (*nearest, nearest[0] & nearest[1]), strict=True):
            count[asking] += found.sum(dim=1)
    by_lot = same.double() / (one.double() * other.double())
    return ((joined > 0) & (joined < many)).numpy(), by_lot.numpy(), place.numpy()
