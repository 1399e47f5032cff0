"""Attribute inference: guesses are judged fairly, roles say what is known, and picking the worst column is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from worlds import clinic, clinic_schema, columnwise, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.distance import Space
from synthdiff.checks.features import coordinates
from synthdiff.checks.privacy.attribute_inference import AttributeInference, aims
from synthdiff.checks.privacy.criterion import ROUNDING, only
from synthdiff.checks.privacy.guessing import Secret, by_habit, by_model, by_nearest, classes
from synthdiff.schema import Column, Schema

SCHEMA = clinic_schema()
CHECK = AttributeInference(trees=5)


def attack(*tables: pd.DataFrame, check: AttributeInference = CHECK, schema: Schema = SCHEMA, seed: int = 0) -> Finding:
    return check.run(Evidence(*tables, schema, seed))


def with_roles(**roles: str) -> Schema:
    columns = (column.model_copy(update={"roles": (roles.get(column.name, "target"),)}) for column in SCHEMA)
    return Schema(columns=tuple(columns))


@pytest.mark.parametrize(
    ("roles", "known", "secret"),
    [
        ({}, SCHEMA.names, SCHEMA.names),
        ({"age": "quasi-identifier", "site": "quasi-identifier"}, ("age", "site"), None),
        ({"died": "sensitive"}, None, ("died",)),
        ({"age": "quasi-identifier", "died": "sensitive"}, ("age",), ("died",)),
    ],
)
def test_roles_say_what_is_known_and_what_is_secret(roles: dict[str, str], known: Any, secret: Any) -> None:
    found = tuple(tuple(column.name for column in columns) for columns in aims(with_roles(**roles)))
    others = tuple(name for name in SCHEMA.names if name not in roles)
    assert found == (known or others, secret or others)


def test_of_one_column_nothing_can_be_guessed() -> None:
    tables = [clinic(60, seed)[["age"]] for seed in range(3)]
    assert "no column to guess" in attack(*tables, schema=Schema.infer(tables[0])).reason


def test_a_number_is_right_when_few_people_lie_between_and_never_for_its_sign() -> None:
    people = pd.DataFrame({"x": np.append(np.arange(-100.0, 100.0), np.nan)})
    secret = Secret.of(Column(name="x", kind="continuous", nullable=True), people)
    asked = pd.DataFrame({"x": [50.0, 50.0, 50.0, 50.0, -50.0, -50.0, np.nan, 50.0, np.nan]})
    guess = np.array([50.0, 55.0, 56.0, -1000.0, -45.0, 5000.0, np.nan, np.nan, 0.0])
    assert secret.right(guess, asked).tolist() == [True, True, False, False, True, False, True, False, False]


def test_a_level_is_right_when_it_is_equal() -> None:
    secret = Secret.of(SCHEMA["stage"], clinic(50, 1))
    asked = pd.DataFrame({"stage": ["I", "II", "III", None]})
    assert secret.right(np.array([0.0, 0.0, 2.0, np.nan]), asked).tolist() == [True, False, True, True]


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=300))
def test_classes_stand_for_values_of_the_column(values: list[int | None]) -> None:
    column = np.array([np.nan if value is None else value for value in values], dtype=float)
    found, answers = classes(column, discrete=False)
    assert np.isnan(answers[found][np.isnan(column)]).all()
    assert set(answers[found][~np.isnan(column)]) <= set(column[~np.isnan(column)])
    assert len(answers) <= 51 or len(answers) <= 21


def test_many_numbers_become_ranges_whose_middle_is_right_for_all() -> None:
    values = np.random.default_rng(0).normal(size=4000)
    found, answers = classes(values, discrete=False)
    assert len(answers) == 21
    frame = pd.DataFrame({"x": values})
    assert Secret.of(Column(name="x", kind="continuous"), frame).right(answers[found], frame).mean() > 0.99


@pytest.mark.parametrize("sizes", [(30, 50), (300, 9000)], ids=["one block", "several"])
def test_the_nearest_record_is_that_in_everything_but_the_secret(sizes: tuple[int, int]) -> None:
    people, published = clinic(sizes[0], 1), clinic(sizes[1], 2)
    columns, stage = list(SCHEMA), SCHEMA["stage"]
    for known in (columns, [column for column in columns if column != stage]):
        found = by_nearest(people, published, known, columns, people)
        for place, secret in enumerate(columns):
            space = Space(people, only(column for column in known if column != secret))
            apart = space.distances(space.place(people), space.place(published)).numpy()
            first = (apart <= apart.min(axis=1, keepdims=True) + ROUNDING).argmax(axis=1)
            np.testing.assert_array_equal(found[:, place], coordinates(published, secret)[first], secret.name)


def test_of_columns_in_which_most_records_tie_the_first_is_the_nearest() -> None:
    people, published = (clinic(n, n)[["site", "died", "stage"]] for n in (40, 5000))
    columns = [SCHEMA[name] for name in people]
    found = by_nearest(people, published, columns, columns, people)
    for place, secret in enumerate(columns):
        others = [name for name in people if name != secret.name]
        first = published.drop_duplicates(others).reset_index(drop=True)
        expected = people[others].merge(first, on=others, how="left")
        np.testing.assert_array_equal(found[:, place], coordinates(expected, secret))


def test_the_model_learns_from_the_published_records_alone_and_never_sees_the_secret() -> None:
    people, published = clinic(40, 1), clinic(200, 2)
    columns, secret = list(SCHEMA), [SCHEMA["ward"]]
    found = by_model(people, published, columns, secret, 5, 0)
    masked = people.assign(ward=people["ward"].iloc[0])
    np.testing.assert_array_equal(found, by_model(masked, published, columns, secret, 5, 0))
    constant = by_model(people, published.assign(ward="ward 07"), columns, secret, 5, 0)
    assert (constant == SCHEMA["ward"].levels.index("ward 07")).all()  # type: ignore[union-attr]


def test_the_naive_attacker_says_what_is_commonest() -> None:
    published = clinic(300, 2)
    guess = by_habit(clinic(10, 1), published, [SCHEMA["site"], SCHEMA["died"]])
    assert guess.shape == (10, 2)
    expected = [SCHEMA[name].levels.index(published[name].mode()[0]) for name in ("site", "died")]  # type: ignore[union-attr]
    assert (guess == expected).all()


def test_a_single_leaking_column_is_named_and_shown_to_leak() -> None:
    train, holdout, other = clinic(800, 1), clinic(800, 2), clinic(800, 3)
    # Independent records, but for the ward, which the records give away to those who know the sodium exactly.
    leaking = other.assign(ward=train["ward"], sodium=train["sodium"], age=train["age"])
    found = attack(train, holdout, leaking)
    assert found.detail["columns"][0]["name"] in ("ward", "sodium", "age")
    assert found.estimates["attribute_inference_worst_risk"].interval[0] > 0
    quiet = attack(train, holdout, columnwise(train))
    assert quiet.estimates["attribute_inference_worst_risk"].interval[0] <= 0


def test_the_worst_column_pays_for_having_been_picked() -> None:
    train, holdout, published = clinic(300, 1), clinic(300, 2), clinic(300, 3)
    all_columns = attack(train, holdout, published)
    row = all_columns.detail["columns"][0]
    alone = attack(train, holdout, published, schema=with_roles(**{row["name"]: "sensitive"}))
    widths = [found.estimates["attribute_inference_worst_risk"].interval for found in (all_columns, alone)]
    assert widths[0][1] - widths[0][0] > 1.2 * (widths[1][1] - widths[1][0])


def test_known_columns_are_all_the_attacker_has() -> None:
    train = clinic(300, 1)
    known = with_roles(site="quasi-identifier", stage="quasi-identifier", ward="sensitive")
    everything = with_roles(ward="sensitive")
    weak, strong = (attack(train, clinic(300, 2), shuffled(train), schema=schema) for schema in (known, everything))
    assert weak.detail["known"] == ["stage", "site"]
    assert weak.estimates["attribute_inference_risk"].value < 0.3 < strong.estimates["attribute_inference_risk"].value


def test_of_many_columns_some_are_attacked_and_that_is_said() -> None:
    found = attack(clinic(80, 1), clinic(80, 2), clinic(80, 3), check=AttributeInference(trees=2, secrets=3))
    assert len(found.detail["columns"]) == 3
    assert found.detail["left_out"] == 4
    assert "3 columns were attacked, drawn from 7." in found.reason


def test_the_reason_names_the_sample_and_the_column() -> None:
    found = attack(clinic(100, 1), clinic(80, 2), clinic(90, 3), check=AttributeInference(trees=2, most=30))
    assert "The people are a sample, of 100 and of 80." in found.reason
    assert repr(found.detail["columns"][0]["name"]) in found.reason
