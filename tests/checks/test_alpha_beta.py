"""α-precision and β-recall: real people score as real people, and each way of being wrong is told from the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import between_neighbours, changed, clinic, clinic_schema, columnwise, shuffled

from synthdiff.checks.check import Estimate, Evidence, Finding
from synthdiff.checks.distance import Space
from synthdiff.checks.fidelity.alpha_precision import AlphaPrecision
from synthdiff.checks.fidelity.beta_recall import BetaRecall, _Met
from synthdiff.checks.fidelity.support import GRID, Population, curve, misplaced, shares
from synthdiff.policy import Bar
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(1000, 1), clinic(800, 2)


def precision(synthetic: pd.DataFrame, holdout: pd.DataFrame | None = HOLDOUT, seed: int = 0) -> Finding:
    return AlphaPrecision().run(Evidence(TRAIN, holdout, synthetic, SCHEMA, seed))


def recall(synthetic: pd.DataFrame, holdout: pd.DataFrame | None = HOLDOUT, seed: int = 0) -> Finding:
    return BetaRecall().run(Evidence(TRAIN, holdout, synthetic, SCHEMA, seed))


def verdicts(check: type[AlphaPrecision] | type[BetaRecall], found: Finding) -> dict[str, str]:
    return {name: Bar.parse(bar).judge(found.estimates[name]).verdict for name, bar in check.bars.items()}


def common(n: int, seed: int) -> pd.DataFrame:
    """The quarter of real records that lie densest: nobody unusual."""
    real, others = clinic(4 * n, seed), clinic(1000, seed + 1)
    space = Space(others, SCHEMA)
    crowding = Population(space, space.place(others), 5).crowding(space.place(real))
    return real.iloc[np.argsort(crowding)[:n]]


def test_other_real_people_score_as_the_reference_does() -> None:
    found = precision(clinic(1000, 3)).estimates["alpha_precision"]
    assert found.reference is not None
    assert found.value > 0.94 and found.reference.value > 0.94
    assert verdicts(AlphaPrecision, precision(clinic(1000, 3))) == {"alpha_precision": "pass"}
    met = recall(clinic(1000, 3))
    assert met.estimates["beta_recall"].value == pytest.approx(0.5, abs=0.08)
    assert met.detail["met"] == pytest.approx({"synthetic": 0.5, "holdout": 0.5}, abs=0.06)
    assert "fail" not in verdicts(BetaRecall, met).values()


@pytest.mark.parametrize("wrong", [columnwise(TRAIN), common(1000, 5)], ids=["no relations", "nobody unusual"])
def test_records_in_the_wrong_places_lack_precision(wrong: pd.DataFrame) -> None:
    found = precision(wrong)
    assert verdicts(AlphaPrecision, found) == {"alpha_precision": "fail"}


def test_the_curve_says_which_way_the_records_are_wrong() -> None:
    unreal, typical = precision(columnwise(TRAIN)), precision(common(1000, 5))
    assert unreal.detail["synthetic"][50] < 0.4 < 0.6 < typical.detail["synthetic"][50]
    assert typical.detail["alpha"][50] == 0.5
    assert unreal.detail["holdout"] == pytest.approx(unreal.detail["alpha"], abs=0.08)


def test_leaving_people_out_lacks_recall() -> None:
    for wrong in (common(1000, 5), TRAIN.iloc[:20].sample(1000, replace=True, random_state=0)):
        assert verdicts(BetaRecall, recall(wrong))["beta_recall"] == "fail"


@pytest.mark.parametrize("leak", [lambda train: train, shuffled, between_neighbours])
def test_better_than_real_is_an_alarm(leak: object) -> None:
    found = recall(leak(TRAIN))  # type: ignore[operator]
    assert verdicts(BetaRecall, found) == {"beta_recall": "pass", "beta_recall_excess": "fail"}


def test_a_verbatim_copy_meets_every_training_record() -> None:
    found = recall(shuffled(TRAIN))
    assert found.detail["met"]["synthetic"] > 0.99
    assert found.estimates["beta_recall"].value > 0.99
    assert found.estimates["beta_recall_excess"].interval[0] > 0.4


def test_cells_changed_in_the_copy_raise_what_is_met() -> None:
    assert recall(changed(TRAIN)).estimates["beta_recall_excess"].interval[0] > 0.05


def test_without_held_out_records_there_is_no_reference_and_no_excess() -> None:
    for found in (precision(clinic(300, 3), None), recall(clinic(300, 3), None)):
        assert all(estimate.reference is None for estimate in found.estimates.values())
        assert "beta_recall_excess" not in found.estimates
        assert found.detail["holdout"] is None


def test_too_few_records_are_not_answered() -> None:
    for found in (precision(clinic(10, 3)), recall(clinic(10, 3))):
        assert not found.estimates
        assert "10 in the synthetic data" in found.reason


@pytest.mark.parametrize("check", [AlphaPrecision(), BetaRecall(), AlphaPrecision(most=150), BetaRecall(most=150)])
def test_neither_the_order_of_rows_nor_their_index_matters(check: AlphaPrecision | BetaRecall) -> None:
    tables = clinic(300, 1), clinic(200, 2), clinic(250, 3)
    other = (shuffled(table, seed).set_index(np.arange(len(table)) * 7) for seed, table in enumerate(tables))
    assert check.run(Evidence(*tables, SCHEMA, 4)) == check.run(Evidence(*other, SCHEMA, 4))


def test_a_person_counts_once() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    train, holdout = (pd.concat([clinic(n, n).assign(person=range(n))] * 4) for n in (200, 150))
    evidence = Evidence(train, holdout.assign(person=holdout["person"] + 200), clinic(180, 3), schema, 0)
    found = AlphaPrecision().run(evidence)
    assert found.detail["compared"] == {"synthetic": 180, "train": 200, "holdout": 150}
    assert BetaRecall().run(evidence).estimates["beta_recall"].n == 180
    # Were the other visits of a person her neighbours, nobody would be met.
    assert BetaRecall().run(evidence).detail["met"]["holdout"] > 0.35


@pytest.mark.parametrize("columns", [["stage", "site", "died"], ["stage", "site", "died", "ward"], ["age", "sodium"]])
def test_tables_in_which_records_repeat_score_as_others_do(columns: list[str]) -> None:
    schema = Schema(columns=tuple(SCHEMA[name] for name in columns))
    tables = [clinic(600, seed)[columns] for seed in (1, 2, 3)]
    found = AlphaPrecision().run(Evidence(*tables, schema, 0)).estimates["alpha_precision"]
    assert found.reference is not None
    assert found.value > 0.88 and found.value == pytest.approx(found.reference.value, abs=0.08)
    met = BetaRecall().run(Evidence(*tables, schema, 0))
    assert met.detail["met"]["synthetic"] == pytest.approx(0.5, abs=0.07)


def test_the_support_is_that_of_a_normal_population() -> None:
    # Of points on a line the α-support is the middle: P(α) = P(|x| <= 2 q) for a sample half as wide.
    from scipy.stats import norm

    schema = Schema(columns=(Column(name="x", kind="continuous"), Column(name="y", kind="continuous")))
    draw = np.random.default_rng(0)
    real, other = (pd.DataFrame({"x": s * draw.normal(size=2000), "y": 0.0}) for s in (1, 0.5))
    space = Space(pd.DataFrame({"x": np.linspace(-4, 4, 500), "y": 0.0}), schema)
    population = Population(space, space.place(real), 200)
    inside = curve(population.own_crowding(np.arange(2000)), population.crowding(space.place(other)))
    expected = 2 * norm.cdf(2 * norm.ppf((1 + GRID) / 2)) - 1
    np.testing.assert_allclose(inside, expected, atol=0.05)


def test_a_record_is_not_its_own_neighbour() -> None:
    space = Space(TRAIN, SCHEMA)
    population = Population(space, space.place(TRAIN.iloc[:50]), 3)
    apart = space.distances(population.points, population.points).numpy()
    places = np.array([4, 30])
    plain = [np.sort(np.delete(apart[place], place))[2] for place in places]
    np.testing.assert_array_equal(population.own_crowding(places), plain)
    np.testing.assert_array_equal(population.crowding(population.points.rows(places)), np.sort(apart[places])[:, 2])


def test_what_is_misplaced_by_definition() -> None:
    population = np.array([1.0, 2.0, 3.0, 4.0])
    assert misplaced(population, population).value == 0
    assert misplaced(population, np.array([0.5])).value == pytest.approx(2 * np.mean([0.75, 0.5, 0.25, 0]))
    assert misplaced(population, np.array([9.0])).value == pytest.approx(2 * np.mean([0.25, 0.5, 0.75, 1]))
    ties = np.array([0.0, 0.0, 0.0, 1.0])
    assert misplaced(ties, ties[::-1]).value == 0
    assert misplaced(population, np.array([2.5, 9.0])).value == pytest.approx(2 * np.mean([0.25, 0.5, 0.25, 0.5]))


def test_influences_are_derivatives() -> None:
    draw = np.random.default_rng(1)
    population, other = draw.normal(size=40), draw.normal(0.7, 1.5, 30)
    found = misplaced(population, other)
    weight = 1e-3
    for i in range(0, 30, 7):
        heavier = np.append(np.repeat(other, 1000), np.repeat(other[i], 30))  # 1/1000 more weight
        moved = misplaced(population, heavier).value
        assert (moved - found.value) / weight == pytest.approx(found.other[i] - found.other.mean(), abs=5e-3)
    for i in range(0, 40, 9):
        heavier = np.append(np.repeat(population, 1000), np.repeat(population[i], 40))
        moved = misplaced(heavier, other).value
        assert (moved - found.value) / weight == pytest.approx(found.real[i] - found.real.mean(), abs=5e-3)


def test_shares_count_ties_half() -> None:
    assert shares(np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, 1.0, 2.0, 3.0])).tolist() == [0, 0.25, 0.625, 1]


def test_recall_by_definition() -> None:
    # All are met by the most typical record: R = 1 from the start. None is: R = 0.
    assert _Met.of(np.ones(50), np.zeros(50)).value == pytest.approx(0, abs=1e-9)
    assert _Met.of(np.zeros(50), np.zeros(50)).value == pytest.approx(0, abs=1e-9)
    # Each is met by a record as typical as itself: R(β) = β. Half are: R(β) = β / 2.
    typical = (np.arange(1000) + 0.5) / 1000
    assert _Met.of(np.ones(1000), typical).value == pytest.approx(1, abs=1e-3)
    halves = _Met.of(np.arange(1000) % 2.0, typical)
    assert halves.value == pytest.approx(0.5, abs=2e-3)
    assert halves.error == pytest.approx(np.sqrt(5 / 12 / 1000), rel=0.02)  # of the mean of 2 w (1 - β)
    assert _Met.of(np.full(1000, 0.5), typical).value == pytest.approx(0.5, abs=1e-3)


def fresh_runs(seeds: int, sizes: tuple[int, int, int]) -> list[dict[str, Estimate]]:
    runs = []
    for seed in range(seeds):
        tables = (clinic(n, 40 * seed + 11 * part) for part, n in enumerate(sizes))
        evidence = Evidence(*tables, SCHEMA, seed)
        runs.append({**AlphaPrecision().run(evidence).estimates, **BetaRecall().run(evidence).estimates})
    return runs


def test_other_real_people_do_not_fail() -> None:
    bars = {**AlphaPrecision.bars, **BetaRecall.bars}
    for run in fresh_runs(20, (500, 400, 600)):
        assert "fail" not in {name: Bar.parse(bar).judge(run[name]).verdict for name, bar in bars.items()}.values()


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(500, 500, 500), (400, 150, 1500), (1500, 800, 300), (1500, 1500, 1500)])
def test_intervals_hold(sizes: tuple[int, int, int]) -> None:
    runs = fresh_runs(100, sizes)
    bars = {**AlphaPrecision.bars, **BetaRecall.bars}
    for name in ("alpha_precision", "beta_recall", "beta_recall_excess"):
        found = [run[name] for run in runs]
        mean = 0.0 if name.endswith("excess") else np.mean([estimate.value for estimate in found])
        assert np.mean([low <= mean <= high for low, high in (estimate.interval for estimate in found)]) > 0.88, name
        assert np.mean([Bar.parse(bars[name]).judge(estimate).verdict == "fail" for estimate in found]) < 0.03, name
        if sizes == (1500, 1500, 1500):
            assert np.mean([Bar.parse(bars[name]).judge(estimate).verdict == "pass" for estimate in found]) > 0.95, name


@pytest.mark.slow
def test_known_answers_of_adult(shared_data: Path) -> None:
    folder = shared_data / "tables/adult"
    train, test = (pd.read_csv(folder / f"{part}.csv") for part in ("train", "test"))
    schema = Schema.infer(pd.concat([train, test]))
    half = test.iloc[::2], test.iloc[1::2]
    found = BetaRecall().run(Evidence(train, half[0], half[1], schema, 0))
    assert found.detail["met"] == pytest.approx({"synthetic": 0.495, "holdout": 0.495}, abs=0.02)
    assert verdicts(BetaRecall, found) == {"beta_recall": "pass", "beta_recall_excess": "pass"}
    placed = AlphaPrecision().run(Evidence(train, half[0], half[1], schema, 0))
    assert placed.estimates["alpha_precision"].value > 0.97
    assert verdicts(AlphaPrecision, AlphaPrecision().run(Evidence(train, test, columnwise(train), schema, 0))) == {
        "alpha_precision": "fail"
    }
