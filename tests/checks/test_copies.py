"""Copies: exact, near and row by row, counted wherever they stand, and told apart from what chance repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from worlds import between_neighbours, changed, clinic, clinic_schema, columnwise, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.intervals import wilson
from synthdiff.checks.privacy.copies import Copies, difference
from synthdiff.checks.privacy.near import kept_in_row
from synthdiff.policy import Bar
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
TRAIN, HOLDOUT = clinic(400, 1), clinic(200, 2)
MANY, MANY_HELD_OUT = clinic(1500, 1), clinic(1500, 2)
VISITS = Schema(columns=(Column(name="person", kind="integer", roles=("group",)), *SCHEMA))


def copies(synthetic: pd.DataFrame, train: pd.DataFrame = TRAIN, holdout: pd.DataFrame | None = HOLDOUT) -> Finding:
    return Copies().run(Evidence(train, holdout, synthetic, SCHEMA, 0))


def verdicts(
    synthetic: pd.DataFrame, train: pd.DataFrame = MANY, holdout: pd.DataFrame = MANY_HELD_OUT
) -> dict[str, str]:
    found = copies(synthetic, train, holdout).estimates
    return {name: Bar.parse(bar).judge(found[name]).verdict for name, bar in Copies.bars.items()}


def test_fresh_records_are_no_copies() -> None:
    found = copies(clinic(1000, 3))
    assert found.estimates["copy_rate"].value == 0
    assert found.estimates["excess_copy_rate"].interval[1] < 0.005


@pytest.mark.parametrize("synthetic", [TRAIN, shuffled(TRAIN)], ids=["row by row", "shuffled"])
def test_a_verbatim_copy_is_found_in_any_order(synthetic: pd.DataFrame) -> None:
    found = copies(synthetic)
    assert found.estimates["copy_rate"].value == 1
    assert found.estimates["excess_copy_rate"].interval[0] > 0.97
    assert found.detail["count"] == 400


def test_whether_copies_stand_in_place_is_told() -> None:
    assert copies(TRAIN).detail["aligned_rate"] == 1
    assert copies(shuffled(TRAIN)).detail["aligned_rate"] < 0.05


def test_copies_amid_fresh_records_are_counted() -> None:
    synthetic = pd.concat([clinic(390, 4), TRAIN.iloc[:10]])
    assert copies(synthetic).detail["count"] == 10


def test_records_with_changed_cells_are_copies_as_far_as_nothing_was_changed() -> None:
    untouched = (changed(TRAIN) == TRAIN) | (changed(TRAIN).isna() & TRAIN.isna())
    assert copies(changed(TRAIN)).detail["count"] == pytest.approx(untouched.all(axis=1).sum(), abs=2)
    assert copies(between_neighbours(TRAIN)).estimates["copy_rate"].value < 0.1


def test_what_a_file_format_does_to_a_number_hides_no_copy() -> None:
    stored = TRAIN.assign(sodium=TRAIN["sodium"].astype("float32"), age=TRAIN["age"].astype(float))
    assert copies(stored).estimates["copy_rate"].value == 1


def test_a_missing_cell_is_a_copy_of_a_missing_cell_only() -> None:
    gaps = TRAIN[TRAIN["creatinine"].isna()]
    assert copies(gaps).estimates["copy_rate"].value == 1
    assert copies(gaps.assign(creatinine=1.0)).estimates["copy_rate"].value < 0.1


def test_in_a_table_of_few_columns_common_records_are_no_copies() -> None:
    schema = Schema(columns=(SCHEMA["site"], SCHEMA["died"]))
    for synthetic in (clinic(1000, 3), TRAIN):
        found = Copies().run(Evidence(TRAIN, HOLDOUT, synthetic[list(schema.names)], schema, 0))
        assert found.estimates["excess_copy_rate"].interval[1] < 0.02
        assert found.detail["common_rate"] > 0.95


def test_columns_that_are_not_learnt_do_not_make_records_differ() -> None:
    schema = Schema(columns=(Column(name="id", kind="identifier"), *SCHEMA))
    train = TRAIN.assign(id=[f"p{i}" for i in range(400)])
    found = Copies().run(Evidence(train, None, TRAIN, schema, 0))
    assert found.estimates["copy_rate"].value == 1


def test_visits_of_one_person_count_once() -> None:
    visits = pd.concat([TRAIN.assign(person=range(400))] * 6)
    assert Copies().run(Evidence(visits, None, TRAIN, VISITS, 0)).estimates["copy_rate"].value == 1
    strangers = visits.assign(person=range(2400))
    assert Copies().run(Evidence(strangers, None, TRAIN, VISITS, 0)).estimates["copy_rate"].value == 0


def test_without_held_out_records_there_is_no_excess() -> None:
    found = copies(TRAIN, holdout=None)
    assert list(found.estimates) == ["copy_rate", "aligned_agreement"]
    assert found.estimates["aligned_agreement"].reference is None
    assert found.detail["near"] is None
    assert "held-out" in found.reason


def test_newcombe_s_own_examples() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10 and 10/10 - 0/20.
    for (a, m, b, n), wanted in {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 20): (0.6791, 1.0000),
    }.items():
        assert difference(wilson(a, m), wilson(b, n)) == pytest.approx(wanted, abs=2e-4)


@pytest.mark.parametrize(
    ("leak", "failed"),
    [
        (MANY, set(Copies.bars)),
        (shuffled(MANY), set(Copies.bars) - {"aligned_agreement"}),
        (changed(MANY), set(Copies.bars)),
        (shuffled(changed(MANY)), set(Copies.bars) - {"aligned_agreement"}),
        (shuffled(between_neighbours(MANY)), {"near_copy_rate"}),
        (pd.concat([clinic(1350, 4), shuffled(changed(MANY, 0.1))[:150]]), {"near_copy_rate"}),
        (columnwise(MANY), set()),
    ],
    ids=["verbatim", "shuffled", "changed", "changed, shuffled", "SMOTE", "one in ten", "column by column"],
)
def test_each_way_of_copying_fails_its_bar(leak: pd.DataFrame, failed: set[str]) -> None:
    found = verdicts(leak)
    assert failed <= {name for name, verdict in found.items() if verdict == "fail"}
    if not failed:
        assert set(found.values()) == {"pass"}


def test_other_real_people_pass() -> None:
    for seed in range(20):
        tables = [clinic(n, 70 * seed + n) for n in (1500, 1490, 1510)]
        found = verdicts(tables[2], tables[0], tables[1])
        assert "fail" not in found.values()
        assert found["aligned_agreement"] == found["excess_copy_rate"] == "pass"


def test_near_is_what_one_in_a_hundred_held_out_records_is() -> None:
    found = [copies(clinic(300, seed), clinic(500, seed + 1), clinic(400, seed + 2)) for seed in range(0, 60, 3)]
    rates = [one.estimates["near_copy_rate"] for one in found]
    assert np.mean([rate.value for rate in rates]) == pytest.approx(0.01, abs=0.004)
    assert np.mean([rate.interval[0] <= 0.01 <= rate.interval[1] for rate in rates]) > 0.9
    assert found[0].detail["near"]["compared"] == {"synthetic": 300, "holdout": 400}


def test_a_preference_for_common_records_is_no_copying() -> None:
    from synthdiff.checks.distance import Space

    made, others = clinic(6000, 5), clinic(1000, 6)
    space = Space(others, SCHEMA)
    crowding = space.nearest(space.place(made), space.place(others), 5)[:, -1]
    assert verdicts(made.iloc[np.argsort(crowding)[:1500]])["near_copy_rate"] != "fail"


def test_what_five_people_share_is_no_near_copy() -> None:
    crowd = pd.concat([MANY.iloc[:1000], *[MANY.iloc[1000:1100]] * 5])
    repeated = copies(shuffled(MANY.iloc[1000:1100]), crowd, MANY_HELD_OUT).estimates
    assert repeated["copy_rate"].value == 0
    assert repeated["near_copy_rate"].value < 0.02
    few = pd.concat([MANY.iloc[:1000], *[MANY.iloc[1000:1100]] * 4])
    assert copies(shuffled(MANY.iloc[1000:1100]), few, MANY_HELD_OUT).estimates["near_copy_rate"].value > 0.9


def test_any_visit_of_a_person_may_be_copied_and_her_others_are_no_crowd() -> None:
    first = [clinic(600, seed).assign(person=range(600)) for seed in range(10, 14)]
    held_out = pd.concat([MANY_HELD_OUT.assign(person=range(2000, 3500))] * 2)
    unlike = pd.concat(first)
    found = Copies().run(Evidence(unlike, held_out, shuffled(unlike).drop(columns="person"), VISITS, 0))
    assert found.estimates["near_copy_rate"].interval[0] > 0.9
    assert found.detail["near"]["compared"] == {"synthetic": 2400, "holdout": 1500}
    repeated = pd.concat([first[0]] * 6)
    found = Copies().run(Evidence(repeated, held_out, first[0].drop(columns="person"), VISITS, 0))
    assert found.estimates["near_copy_rate"].interval[0] > 0.9


def test_cells_kept_in_their_row_are_counted_beyond_chance() -> None:
    found = copies(changed(MANY), MANY, MANY_HELD_OUT).estimates["aligned_agreement"]
    assert found.interval[0] < 0.7 < found.interval[1]
    assert copies(MANY, MANY, MANY_HELD_OUT).estimates["aligned_agreement"].value == pytest.approx(1)
    assert found.reference is not None
    assert found.reference.interval[0] < 0 < found.reference.interval[1]


def test_tables_sorted_alike_are_not_copies_row_by_row() -> None:
    one, other = (clinic(1000, seed).sort_values(["site", "stage", "died"]) for seed in (1, 2))
    found = kept_in_row(Evidence(one, None, other, SCHEMA, 0))
    assert found.detail["aligned"]["agreement"] > 0.4
    assert found.estimates["aligned_agreement"].interval[1] < 0.03
    assert kept_in_row(Evidence(one, None, changed(one), SCHEMA, 0)).estimates["aligned_agreement"].interval[0] > 0.6


def test_a_column_that_never_varies_is_no_agreement() -> None:
    schema = Schema(columns=(Column(name="a", kind="categorical", levels=("x",)),))
    frame = pd.DataFrame({"a": ["x"] * 50})
    assert kept_in_row(Evidence(frame, None, frame, schema, 0)).estimates["aligned_agreement"].value == 0


def test_the_rows_of_one_person_alone_tell_nothing() -> None:
    found = kept_in_row(Evidence(TRAIN.assign(person=1), None, clinic(400, 3), VISITS, 0))
    assert found.estimates["aligned_agreement"].interval == (-1, 1)


def test_the_custodian_is_told_which_records_and_the_report_is_not() -> None:
    made = pd.concat(
        [clinic(1480, 4), MANY.iloc[[7, 30]], MANY.iloc[100:120].assign(sodium=lambda t: t["sodium"] + 0.1)]
    )
    found = copies(made, MANY, MANY_HELD_OUT)
    assert [(one.synthetic, one.real) for one in found.concerns[:2]] == [(1480, 7), (1481, 30)]
    near = {one.synthetic: one.real for one in found.concerns[2:]}
    assert len(near) > 15 and all(near.get(1482 + i, 100 + i) == 100 + i for i in range(20))
    assert sum(position >= 1482 for position in near) > 15
    assert len({one.synthetic for one in found.concerns}) == len(found.concerns) <= 100
    assert copies(clinic(1500, 4), MANY, MANY_HELD_OUT).concerns == ()
    assert len(copies(MANY, MANY, MANY_HELD_OUT).concerns) == 100


def test_neither_the_order_of_rows_nor_their_index_matters_for_copies_that_may_stand_anywhere() -> None:
    tables = TRAIN, HOLDOUT, changed(TRAIN)
    for check in (Copies(), Copies(most=100)):
        one = check.run(Evidence(*tables, SCHEMA, 4))
        other = (shuffled(table, seed).set_index(np.arange(len(table)) * 7) for seed, table in enumerate(tables))
        two = check.run(Evidence(*other, SCHEMA, 4))
        for name in ("copy_rate", "excess_copy_rate", "near_copy_rate"):
            assert one.estimates[name] == two.estimates[name]


@pytest.mark.slow
def test_known_answers_of_mostlyai(shared_data: Path) -> None:
    folder = shared_data / "audit/mostlyai-qa/examples/quick-start"
    train, holdout, good, flipped = (
        pd.read_csv(folder / f"census2k-{part}.csv.gz") for part in ("trn", "hol", "syn_mostly", "syn_flip30")
    )
    schema = Schema.infer(pd.concat([train, holdout, good, flipped]))

    def judged(synthetic: pd.DataFrame) -> dict[str, str]:
        found = Copies().run(Evidence(train, holdout, synthetic, schema, 0)).estimates
        return {name: Bar.parse(bar).judge(found[name]).verdict for name, bar in Copies.bars.items()}

    assert set(judged(good).values()) == {"pass"}
    assert set(judged(flipped).values()) == {"fail"}
    assert {name for name, verdict in judged(shuffled(flipped)).items() if verdict == "pass"} == {"aligned_agreement"}


@pytest.mark.slow
def test_known_answer_of_anonymeter(shared_data: Path) -> None:
    folder = shared_data / "audit/anonymeter"
    parts = ("adults_train_reconstructed", "notebooks/datasets/adults_control", "notebooks/datasets/adults_syn_ctgan")
    train, holdout, synthetic = (pd.read_csv(folder / f"{part}.csv") for part in parts)
    schema = Schema.infer(pd.concat([train, holdout, synthetic]))
    found = Copies().run(Evidence(train, holdout, synthetic, schema, 0)).estimates
    assert {Bar.parse(bar).judge(found[name]).verdict for name, bar in Copies.bars.items()} == {"pass"}
