"""Linkability: halves are joined by what is nearest to both, ties included, and by nothing that many people share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import clinic, clinic_schema, shuffled

from synthdiff.checks.check import Evidence, Finding
from synthdiff.checks.distance import Space
from synthdiff.checks.privacy.criterion import only
from synthdiff.checks.privacy.linkability import Linkability, Links
from synthdiff.schema import Schema

SCHEMA = clinic_schema()


def attack(*tables: pd.DataFrame, check: Linkability | None = None, schema: Schema = SCHEMA, seed: int = 0) -> Finding:
    return (check or Linkability()).run(Evidence(*tables, schema, seed))


def levels(n: int, seed: int, columns: int, of_each: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame({f"c{i}": draw.integers(0, of_each, n).astype(str) for i in range(columns)})


@pytest.mark.parametrize("k", [1, 3])
def test_links_are_those_of_a_full_search(k: int) -> None:
    people, published = clinic(40, 1), clinic(60, 2)
    columns = list(SCHEMA)
    spaces = (Space(people, only(columns[:3])), Space(people, only(columns[3:])))
    found = Links.of(people, published, [spaces], 60, k)
    one, other = (space.distances(space.place(people), space.place(published)).numpy() for space in spaces)
    for person in range(40):
        sets = [np.flatnonzero(row <= np.sort(row)[k - 1] + 1e-5) for row in (one[person], other[person])]
        first = [np.flatnonzero(row <= row.min() + 1e-5) for row in (one[person], other[person])]
        both = np.intersect1d(*sets)
        assert found.linked[person, 0] == (0 < len(both) < 5)
        assert found.by_lot[person, 0] == pytest.approx(len(np.intersect1d(*first)) / (len(first[0]) * len(first[1])))
        if len(both):
            assert found.through[person, 0] == both[np.argmin((one + other)[person, both])]


def test_ties_do_not_hide_a_copy() -> None:
    schema = Schema.infer(levels(500, 0, 8, 4))
    train = levels(500, 1, 8, 4)
    found = attack(train, levels(500, 2, 8, 4), shuffled(train), schema=schema)
    assert found.estimates["linkability_risk"].interval[0] > 0.9
    assert found.detail["by_lot"]["value"] < 0.2


def test_what_many_share_links_nobody() -> None:
    train = levels(500, 1, 4, 2)
    found = attack(train, levels(500, 2, 4, 2), shuffled(train), schema=Schema.infer(train))
    assert found.estimates["linkability_risk"].value == 0
    assert found.estimates["linkability_risk"].interval[1] < 0.02


def test_publishing_every_record_several_times_hides_nothing() -> None:
    train = clinic(200, 1)
    assert attack(train, clinic(200, 2), pd.concat([train] * 6)).estimates["linkability_risk"].interval[0] > 0.9


def test_halves_are_disjoint_and_together_all_columns() -> None:
    splits = attack(clinic(80, 1), clinic(80, 2), clinic(80, 3)).detail["splits"]
    assert len(splits) == 4
    for split in splits:
        one, other = split["halves"]
        assert sorted([*one, *other]) == sorted(SCHEMA.names)
        assert abs(len(one) - len(other)) <= 1


def test_a_person_counts_once_however_many_the_splits() -> None:
    train = clinic(400, 1)
    published = shuffled(pd.concat([train.iloc[:200], clinic(200, 3)]))
    widths = []
    for splits in (1, 8):
        check = Linkability(splits=splits)
        low, high = attack(train, clinic(400, 2), published, check=check).estimates["linkability_risk"].interval
        widths.append(high - low)
    # Half of the people are in the published table whole and always linked, so more splits tell nothing new.
    assert widths[1] > 0.8 * widths[0]


def test_a_sample_is_attacked_and_said_to_be_one() -> None:
    found = attack(clinic(100, 1), clinic(80, 2), clinic(90, 3), check=Linkability(most=30))
    assert found.detail["people"] == 30
    assert "They are a sample, of 100 and of 80 people." in found.reason


def test_the_custodian_is_told_who_was_linked() -> None:
    train = clinic(150, 1)
    found = attack(train, clinic(150, 2), shuffled(train, 9))
    came_from = np.random.default_rng(9).permutation(150)
    assert len(found.concerns) == 100
    assert all(came_from[concern.synthetic] == concern.real for concern in found.concerns)
    assert not attack(train, clinic(150, 2), clinic(150, 3)).concerns


def test_one_column_has_no_halves() -> None:
    tables = [clinic(60, seed)[["age"]] for seed in range(3)]
    assert "no two halves" in attack(*tables, schema=Schema.infer(tables[0])).reason
