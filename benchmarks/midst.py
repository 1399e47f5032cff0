"""A membership attack against the truth: ``python -m benchmarks.midst``.

The MIDST challenge (SaTML 2025, black box, single table) published twenty tables of 20,000 bank transactions, each by a
TabDDPM of its own, with 200 candidates each, half of them in the training set. Of ten tables the training set is known,
of ten only which candidates are members. Entries were scored by the true positive rate at 10 % false positives, the
candidates of all models together.

Without labels, the product's own attack is run, with real records of other models' training sets for surroundings, and
the same with the synthetic records of the other models for surroundings. Then a classifier learns from the models whose
training set is known what members look like. The labels of the other ten models are used for nothing but the figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthdiff.checks.distance import Space
from synthdiff.checks.features import Features, booster
from synthdiff.checks.intervals import Floats, Interval, auc
from synthdiff.checks.privacy.membership import Membership, suspicion
from synthdiff.schema import Schema

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "audit" / "midst"

NUMBERS = ["trans_date", "amount", "balance", "account"]
LEVELS = ["trans_type", "operation", "k_symbol", "bank"]

DRAWS = 2_000
"""Bootstrap samples behind an interval."""

NEAREST = 24
"""Neighbours whose distances the trained attack sees."""

RANKS = np.array([1, 2, 3, 5, 10, 16, NEAREST]) - 1

TINY = 1e-4
"""Added to distances before their logarithm is taken."""

Scored = tuple[NDArray[np.bool_], Floats]
"""Who is a member, and the attack's score, of one model's candidates."""


@dataclass(frozen=True)
class Release:
    """What is known of one model.

    Attributes
    ----------
    synthetic : DataFrame
        What it released.
    candidates : DataFrame
        Real records, ``trans_id`` among their columns.
    member : bool array
        Which of them it was trained on.
    train : DataFrame or None
        What it was trained on, if that is known.
    """

    synthetic: pd.DataFrame
    candidates: pd.DataFrame
    member: NDArray[np.bool_]
    train: pd.DataFrame | None

    @classmethod
    def load(cls, folder: Path) -> Release:
        """Read a folder of the challenge."""
        known = folder / "train_with_id.csv"
        return cls(
            pd.read_csv(folder / "trans_synthetic.csv"),
            pd.read_csv(folder / "challenge_with_id.csv"),
            pd.read_csv(folder / "challenge_label.csv")["is_train"].to_numpy(bool),
            pd.read_csv(known) if known.exists() else None,
        )

    def with_more(self, others: Sequence[Release], many: int, draw: np.random.Generator) -> Release:
        """With further candidates: as many of the training set, and of others' that are not in it."""
        assert self.train is not None
        strangers = real(others, self.candidates)
        strangers = strangers[~strangers["trans_id"].isin(self.train["trans_id"])]
        members = self.train[~self.train["trans_id"].isin(self.candidates["trans_id"])]
        drawn = [frame.iloc[draw.choice(len(frame), many, replace=False)] for frame in (members, strangers)]
        candidates = pd.concat([self.candidates, *drawn], ignore_index=True)
        member = np.concatenate([self.member, np.ones(many, dtype=bool), np.zeros(many, dtype=bool)])
        return replace(self, candidates=candidates, member=member)


def load(data: Path) -> tuple[list[Release], list[Release]]:
    """The models whose training set is known, and those of which only the candidates' labels are."""
    known, labelled = (
        [Release.load(folder) for folder in sorted((data / kind).iterdir())]
        for kind in ("known-training-set", "labelled")
    )
    return known, labelled


def attacks(known: list[Release], labelled: list[Release]) -> Iterator[tuple[Release, list[Release]]]:
    """Each labelled model, and the known ones that help to attack it; one fewer, as a known one cannot help itself."""
    for place, release in enumerate(labelled):
        yield release, [other for number, other in enumerate(known) if number != place % len(known)]


def real(others: Sequence[Release], less: pd.DataFrame) -> pd.DataFrame:
    """The records of other models' training sets, less the candidates."""
    together = pd.concat([other.train for other in others if other.train is not None], ignore_index=True)
    return together[~together["trans_id"].isin(less["trans_id"])].drop_duplicates("trans_id")


def untrained(release: Release, others: Sequence[Release]) -> dict[str, Floats]:
    """The scores of attacks that learn from no label.

    Returns
    -------
    mapping of str to float64 array of shape (candidates,)
        ``"distance to the closest record"``, the product's attack with real surroundings, and with synthetic ones.
    """
    settings = Membership()
    population = real(others, release.candidates)
    schema = Schema.infer(population[NUMBERS + LEVELS], {name: {"kind": "categorical"} for name in LEVELS})
    space = Space(population, schema)
    asked = space.place(release.candidates)
    closest = space.closest(asked, space.place(release.synthetic))[0]
    scores = {"distance to the closest record": -closest.astype(float)}
    made = pd.concat([other.synthetic for other in others], ignore_index=True)
    for name, crowd in {"calibrated attack": population, "calibrated by other releases": made}.items():
        around = space.nearest(asked, space.place(crowd), settings.neighbours)[:, -1].astype(float)
        scores[name] = suspicion(around, closest, settings.epsilon)
    return scores


class Plane:
    """Records as four normal scores, which TabDDPM learns, and four codes; another level is at least 1 away."""

    def __init__(self, population: pd.DataFrame) -> None:
        self._sorted = {name: np.sort(population[name].to_numpy(float)) for name in NUMBERS}

    def place(self, frame: pd.DataFrame) -> Floats:
        """Float64 of shape (n, 8)."""
        from scipy.stats import norm

        scores = []
        for name, known in self._sorted.items():
            values = frame[name].to_numpy(float)
            below, up_to = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
            # A quarter of a normal score, so that the range of a number is that of two levels.
            scores.append(norm.ppf(np.clip((below + up_to) / (2 * len(known)), TINY, 1 - TINY)) / 4)
        return np.column_stack([*scores, frame[LEVELS].to_numpy(float)])


def signs(release: Release, others: Sequence[Release], draw: np.random.Generator) -> Features:
    """What the trained attack looks at: how near the release lies to a candidate, and how near those of other models.

    One of the other models is passed over: that which is known to have learnt from the candidate, or else any. The
    strangers to learn from stand in other models' training sets, and those models' releases lie nearer to them. A
    classifier would take that for the sign of a stranger, and seek it in vain where candidates are in nobody's set.
    """
    from scipy.spatial import KDTree

    plane = Plane(real(others, release.candidates))
    asked, own = plane.place(release.candidates), plane.place(release.synthetic)
    near = _neighbours(KDTree(own), asked)
    passed_over = draw.integers(len(others), size=len(asked))
    for place, other in enumerate(others):
        assert other.train is not None
        passed_over[release.candidates["trans_id"].isin(other.train["trans_id"])] = place
    far = tuple(np.empty_like(part) for part in near)
    for place in range(len(others)):
        rest = [other.synthetic for number, other in enumerate(others) if number != place]
        chosen = passed_over == place
        found = _neighbours(KDTree(plane.place(pd.concat(rest))), asked[chosen])
        for whole, part in zip(far, found, strict=True):
            whole[chosen] = part
    spacing = far[1][:, :10].mean(axis=1)
    columns = [asked, near[0][:, RANKS], far[0][:, RANKS]]
    columns += [far[0][:, [rank]] - near[0][:, :3] for rank in (0, 4, 9)]
    columns += [near[1][:, 0], near[1][:, 1], spacing, near[1][:, 0] - spacing]
    values = np.concatenate(columns, axis=1)
    return Features(values, np.zeros(values.shape[1], dtype=bool), tuple(map(str, range(values.shape[1]))))


def _neighbours(tree: Any, asked: Floats) -> tuple[Floats, Floats]:
    """The logarithms of the distances to the nearest records, and of those number by number."""
    distances, place = tree.query(asked, k=NEAREST, p=1)
    apart = np.abs(tree.data[place] - asked[:, None])[:, :, : len(NUMBERS)]
    return np.log(distances + TINY), np.log(apart + TINY)


def learn(seen: Sequence[Features], members: Sequence[NDArray[np.bool_]]) -> Any:
    """The project's gradient boosting, on the candidates of several models."""
    together = seen[0]
    for features in seen[1:]:
        together = together.followed_by(features)
    return booster(together, 2, 0).fit(together.values, np.concatenate(members).astype(int))


def true_positive_rate(member: NDArray[np.bool_], scores: Floats, fpr: float = 0.1) -> float:
    """As the challenge has it: the best rate of any threshold that lets through at most a share of the others."""
    others = np.sort(scores[~member])[::-1]
    allowed = int(np.floor(fpr * len(others) + 1e-9))
    return float((scores[member] > others[allowed]).mean())


def bootstrap(models: Sequence[Scored], fpr: float = 0.1, seed: int = 0) -> Interval:
    """The 95 % interval of the pooled rate over other models and other candidates: both are drawn again."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS):
        member, scores = [], []
        for place in draw.integers(len(models), size=len(models)):
            truth, own = models[place]
            again = draw.integers(len(truth), size=len(truth))
            member.append(truth[again])
            scores.append(own[again])
        found.append(true_positive_rate(np.concatenate(member), np.concatenate(scores), fpr))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def line(name: str, models: Sequence[Scored]) -> str:
    """A row of the table."""
    member = np.concatenate([truth for truth, _ in models])
    scores = np.concatenate([own for _, own in models])
    area, (low, high) = auc(scores[member], scores[~member])
    cells = [name, f"{len(member):,}"]
    for fpr in (0.1, 0.01):
        least, most = bootstrap(models, fpr)
        cells.append(f"{true_positive_rate(member, scores, fpr):.3f} [{least:.3f}, {most:.3f}]")
    return "| " + " | ".join([*cells, f"{area:.3f} [{low:.3f}, {high:.3f}]"]) + " |"


def main() -> int:
    """Attack all models, print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.midst", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--more", type=int, default=10_000, help="members, and others, of each known model to learn from"
    )
    parser.add_argument("--untrained", action="store_true", help="leave the trained attack out, which takes minutes")
    ask = parser.parse_args()
    known, labelled = load(ask.data)
    print("| attack | candidates | TPR at 10 % FPR | TPR at 1 % FPR | AUC |\n| --- | --- | --- | --- | --- |")
    pairs = list(attacks(known, labelled))
    scored = [untrained(release, others) for release, others in pairs]
    for name in scored[0]:
        print(line(name, [(pair[0].member, own[name]) for pair, own in zip(pairs, scored, strict=True)]), flush=True)
    if ask.untrained:
        return 0

    draw = np.random.default_rng(0)
    seen, members = [], []
    for release in known:
        others = [other for other in known if other is not release]
        more = release.with_more(others, ask.more, draw)
        seen.append(signs(more, others, draw))
        members.append(more.member)
        print(f"{len(seen)} of {len(known)} models seen", file=sys.stderr, flush=True)
    model = learn(seen, members)
    final = [
        (release.member, model.decision_function(signs(release, others, draw).values)) for release, others in pairs
    ]
    print(line("trained on ten known models", final), flush=True)
    left_out = []
    for place, features in enumerate(seen):
        rest = [i for i in range(len(seen)) if i != place]
        fitted = learn([seen[i] for i in rest], [members[i] for i in rest])
        left_out.append((members[place], fitted.decision_function(features.values)))
    challenge = [
        (truth[: len(r.member)], own[: len(r.member)]) for r, (truth, own) in zip(known, left_out, strict=True)
    ]
    print(line("trained on nine, tenth known model, its candidates", challenge))
    print(line("trained on nine, tenth known model, all records", left_out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
