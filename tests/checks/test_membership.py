"""The attack is calibrated, finds what leaks, and reproduces the answers known from elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import between_neighbours, changed, clinic, clinic_schema, columnwise, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.distance import Space
from synthdiff.checks.privacy.membership import Membership, subgroups, suspicion, to_others
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()


def attack(
    train: pd.DataFrame, holdout: pd.DataFrame | None, synthetic: pd.DataFrame, seed: int = 0, schema: Schema = SCHEMA
) -> Finding:
    return Membership().run(Evidence(train, holdout, synthetic, schema, seed))


@pytest.mark.parametrize("sizes", [(240, 60, 500), (60, 240, 50), (100, 100, 800)])
def test_guessing_is_all_that_independent_records_allow_whatever_the_sizes(sizes: tuple[int, int, int]) -> None:
    runs = [attack(*(clinic(n, 3 * seed + part) for part, n in enumerate(sizes)), seed).estimates for seed in range(20)]
    values = np.array([run["membership_auc"].value for run in runs])
    assert abs(values.mean() - 0.5) < 4 * values.std() / np.sqrt(len(runs))
    assert np.mean([run["tpr_at_fpr_0.10"].value for run in runs]) == pytest.approx(0.1, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(240, 60, 500), (60, 240, 50), (600, 300, 600)])
def test_the_bias_is_below_a_hundredth_and_the_intervals_hold(sizes: tuple[int, int, int]) -> None:
    runs = [
        attack(*(clinic(n, 7 * seed + part) for part, n in enumerate(sizes)), seed).estimates for seed in range(400)
    ]
    chances = {"membership_auc": 0.5, "membership_auc_outliers": 0.5, "tpr_at_fpr_0.01": 0.01, "tpr_at_fpr_0.10": 0.1}
    for name, chance in chances.items():
        found = [run[name] for run in runs if name in run]
        if name != "membership_auc_outliers" or sizes == (600, 300, 600):  # Of 60 people too few stand apart.
            assert len(found) == len(runs)
            assert np.mean([one.value for one in found]) == pytest.approx(chance, abs=0.01), name
            assert np.mean([one.interval[0] <= chance <= one.interval[1] for one in found]) > 0.92, name


@pytest.mark.parametrize("leak", [lambda train: train, shuffled, changed, between_neighbours])
def test_what_was_made_from_the_training_records_is_found(leak: object) -> None:
    train = clinic(500, 1)
    found = attack(train, clinic(400, 2), leak(train))  # type: ignore[operator]
    assert found.estimates["membership_auc"].interval[0] > 0.6
    assert found.estimates["tpr_at_fpr_0.01"].interval[0] > 0.05


def test_a_verbatim_copy_is_found_whole() -> None:
    train = clinic(300, 1)
    found = attack(train, clinic(200, 2), shuffled(train))
    assert found.estimates["membership_auc"].value > 0.99
    assert found.estimates["tpr_at_fpr_0.01"].value > 0.99
    assert found.estimates["membership_auc_outliers"].value > 0.99


def test_columns_shuffled_one_by_one_give_hardly_anything_away() -> None:
    train = clinic(300, 1)
    assert attack(train, clinic(300, 2), columnwise(train)).estimates["membership_auc"].interval[0] < 0.53


def test_the_control_is_as_large_as_the_attacked_sample() -> None:
    found = attack(clinic(300, 1), clinic(80, 2), clinic(100, 3))
    assert found.detail["attacked"] == found.detail["control"] == 80
    assert {estimate.n for estimate in found.estimates.values()} == {160}


def test_advantage_and_detail_say_the_same_as_the_headline() -> None:
    found = attack(clinic(200, 1), clinic(200, 2), changed(clinic(200, 1)))
    area, gain = found.estimates["membership_auc"], found.estimates["membership_advantage"]
    assert gain.value == pytest.approx(2 * area.value - 1)
    assert gain.interval == pytest.approx((2 * area.interval[0] - 1, 2 * area.interval[1] - 1))
    assert next(iter(found.estimates)) == "membership_auc"
    low, high = found.estimates["tpr_at_fpr_0.01"].interval
    assert found.detail["tpr_at_fpr_0.01"]["interval"] == [round(low, 4), round(high, 4)]


def test_the_reference_is_held_out_people_in_the_place_of_the_synthetic() -> None:
    train = clinic(300, 1)
    found = attack(train, clinic(200, 2), shuffled(train)).estimates["membership_auc"]
    assert found.reference is not None
    assert found.reference.interval[0] < 0.5 < found.reference.interval[1]
    assert found.reference.value != 0.5
    few = attack(train, clinic(30, 2), shuffled(train)).estimates["membership_auc"]
    assert few.reference is not None
    assert few.reference.value == 0.5


def test_those_who_stand_apart_are_a_tenth_and_have_a_figure_of_their_own() -> None:
    train, holdout = clinic(400, 1), clinic(400, 2)
    far = train["age"] + train["sodium"].rank() > 300
    found = attack(train, holdout, pd.concat([train[far], clinic(400, 3)]))
    unusual = found.estimates["membership_auc_outliers"]
    assert unusual.n == found.detail["outliers"]["n"] == 80
    assert unusual.reference is not None
    assert unusual.reference.interval[0] < 0.5 < unusual.reference.interval[1]
    assert found.detail["outliers"]["value"] == pytest.approx(unusual.value, abs=1e-4)
    assert "membership_auc_outliers" not in attack(clinic(60, 1), clinic(60, 2), clinic(60, 3)).estimates


def test_the_subgroup_that_was_copied_is_named() -> None:
    train = clinic(900, 1)
    copied = train[train["site"] == "south"]
    leaky = pd.concat([copied, clinic(900, 3)[lambda fresh: fresh["site"] != "south"]])
    found = attack(train, clinic(900, 2), leaky)
    names = list(found.detail["subgroups"])
    assert names[0] == "site = south"
    assert "site = south" in found.reason
    low, high = found.detail["subgroups"]["site = north"]["interval"]
    assert low < 0.5 < high
    assert found.detail["subgroups_judged"] == 9  # Wards are many; of stages, sites and outcomes all are large enough.
    assert found.detail["subgroups_too_small"] == 0


def test_roles_say_who_is_a_subgroup() -> None:
    schema = Schema.infer(clinic(3000, 0), {"age": {"role": "quasi-identifier"}, "died": {"role": "protected"}})
    found = attack(clinic(300, 1), clinic(300, 2), clinic(300, 3), schema=schema)
    columns = {word for name in found.detail["subgroups"] for word in ("age", "died", "stage", "site") if word in name}
    assert columns == {"age", "died"}
    assert found.detail["subgroups_judged"] == 6


@pytest.mark.slow
def test_the_intervals_of_all_subgroups_hold_together() -> None:
    missed = 0
    for seed in range(300):
        scores = np.random.default_rng(seed).normal(size=600)
        groups, _ = subgroups(clinic(600, 1), clinic(600, seed), SCHEMA, scores)
        missed += any(not low <= 0.5 <= high for _, (_, (low, high)), _ in groups)
    assert missed <= 20


def test_the_reference_curve_is_that_of_held_out_people() -> None:
    train = clinic(300, 1)
    detail = attack(train, clinic(200, 2), shuffled(train)).detail
    assert np.trapezoid(detail["roc"]["tpr"], detail["roc"]["fpr"]) > 0.99
    assert np.trapezoid(detail["reference_roc"]["tpr"], detail["reference_roc"]["fpr"]) == pytest.approx(0.5, abs=0.1)
    assert attack(train, clinic(30, 2), shuffled(train)).detail["reference_roc"] is None


def test_the_custodian_is_told_who_is_recognised_and_by_which_record() -> None:
    train = clinic(200, 1).set_index(np.arange(200)[::-1])
    copy = pd.concat([shuffled(train), clinic(100, 3)])
    found = attack(train, clinic(200, 2), copy)
    assert 90 < len(found.concerns) <= 100
    for concern in found.concerns:
        assert concern.real is not None
        pd.testing.assert_series_equal(train.iloc[concern.real], copy.iloc[concern.synthetic], check_names=False)


def test_nobody_is_named_where_the_attack_does_not_work() -> None:
    named = [attack(clinic(200, 3 * s), clinic(200, 3 * s + 1), clinic(200, 3 * s + 2)).concerns for s in range(20)]
    assert sum(map(bool, named)) <= 2


def test_one_seed_one_answer_whatever_the_order_of_the_records() -> None:
    train, holdout, synthetic = clinic(200, 1), clinic(100, 2), clinic(150, 3)
    assert attack(train, holdout, synthetic, 5) == attack(shuffled(train), shuffled(holdout), shuffled(synthetic), 5)
    assert attack(train, holdout, synthetic, 5) != attack(train, holdout, synthetic, 6)


def test_a_sample_is_attacked_and_said_to_be_one() -> None:
    evidence = Evidence(clinic(200, 1), clinic(100, 2), clinic(150, 3), SCHEMA, 0)
    found = Membership(most=50, crowd=120).run(evidence)
    assert found.detail["attacked"] == 50
    assert "50 of 200 and of 100 people" in found.reason


def test_visits_of_one_person_are_one_record() -> None:
    schema = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))
    train = pd.concat([clinic(100, 1).assign(person=range(100))] * 3)
    holdout = pd.concat([clinic(60, 2).assign(person=range(100, 160))] * 3)
    assert attack(train, holdout, clinic(200, 3), schema=schema).detail["attacked"] == 60


def test_a_record_is_suspected_by_how_much_nearer_the_synthetic_ones_are_than_others() -> None:
    surroundings, closest = np.array([2.0, 0.5, 0.1]), np.array([1.0, 0.25, 0.0], dtype=np.float32)
    found = suspicion(surroundings, closest, 1e-9)
    assert found[:2] == pytest.approx([np.log(2), np.log(2)])
    assert found[2] == pytest.approx(np.log(0.1 / 1e-9))


def test_the_surroundings_are_measured_to_others() -> None:
    people = clinic(60, 1)
    space = Space(people, SCHEMA)
    points = space.place(people)
    crowd, places = np.arange(10, 50), np.array([0, 10, 49, 55])
    found = to_others(space, (points.rows(places), places), (points.rows(crowd), crowd), 3)
    apart = space.distances(points, points).numpy()
    for place, distance in zip(places, found, strict=True):
        assert distance == pytest.approx(np.sort(apart[place, crowd[crowd != place]])[2])


@pytest.mark.parametrize("holdout", [None, clinic(19, 2)])
def test_without_enough_of_a_control_there_is_no_answer(holdout: pd.DataFrame | None) -> None:
    found = attack(clinic(300, 1), holdout, clinic(100, 3))
    assert not found.estimates
    assert "needs at least 20 of each" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize(("name", "known"), [("syn_mostly", 0.514), ("syn_flip30", 0.658)])
def test_known_answers_of_mostlyai(shared_data: Path, name: str, known: float) -> None:
    folder = shared_data / "audit/mostlyai-qa/examples/quick-start"
    train, holdout, synthetic = (pd.read_csv(folder / f"census2k-{part}.csv.gz") for part in ("trn", "hol", name))
    schema = Schema.infer(pd.concat([train, holdout, synthetic]))
    area = attack(train, holdout, synthetic, schema=schema).estimates["membership_auc"]
    assert area.value == pytest.approx(known, abs=0.03)
    assert (area.interval[0] > 0.55) == (name == "syn_flip30")


@pytest.mark.slow
def test_known_answer_of_anonymeter(shared_data: Path) -> None:
    folder = shared_data / "audit/anonymeter"
    parts = ("adults_train_reconstructed", "notebooks/datasets/adults_control", "notebooks/datasets/adults_syn_ctgan")
    train, holdout, synthetic = (pd.read_csv(folder / f"{part}.csv") for part in parts)
    schema = Schema.infer(pd.concat([train, holdout, synthetic]))
    found = attack(train, holdout, synthetic, schema=schema)
    low, high = found.estimates["membership_auc"].interval
    assert 0.48 < low < 0.5 < high < 0.52
    assert found.estimates["tpr_at_fpr_0.01"].interval[1] < 0.02
