"""Discovery: what holds is found and told in words, what holds by luck is not, and no extreme is named."""

import numpy as np
import pandas as pd
import pytest
from clinics import schema_of
from worlds import stays

from synthdiff.checks.features import coordinates
from synthdiff.checks.fidelity.rules import discover


def cells(frame, schema):
    return {column.name: coordinates(frame, column) for column in schema if column.learnt}


def found(frame, schema=None):
    schema = schema or schema_of(frame)
    return discover([column for column in schema if column.learnt], cells(frame, schema), np.random.default_rng(0))


def names(frame, schema=None):
    return {rule.name for rule in found(frame, schema)}


def wards(n, seed):
    """Patients with all that a rule can be about."""
    draw = np.random.default_rng(seed)
    height, weight = (1.7 + 0.1 * draw.normal(size=n)).round(2), (75 + 12 * draw.normal(size=n)).round(1)
    bmi = np.where(draw.random(n) < 0.1, np.nan, (weight / height**2).round(1))
    left, right = draw.integers(0, 20, n).astype(float), draw.integers(0, 20, n).astype(float)
    admitted = pd.Timestamp("2015-01-01") + pd.to_timedelta(draw.integers(0, 3650, n), unit="D")
    stay = 1.0 + draw.geometric(0.1, n)
    glucose = np.rint(np.exp(4.6 + 0.2 * draw.normal(size=n)))
    sex = draw.choice(["F", "M"], n)
    age = draw.integers(18, 90, n).astype(float)
    pregnant = np.where((sex == "F") & (age < 45) & (draw.random(n) < 0.4), "yes", "no")
    tested = draw.choice(["done", "not done"], n)
    return pd.DataFrame(
        {
            "height": height,
            "weight": weight,
            "bmi": bmi,
            "left": left,
            "right": right,
            "nodes": left + right,
            "admitted": admitted,
            "stay": stay,
            "discharged": admitted + pd.to_timedelta(stay, unit="D"),
            "glucose": glucose,
            "glucose_mmol": (glucose / 18.016).round(2),
            "dose": 2.5 * draw.integers(1, 40, n),
            "sex": sex,
            "age": age,
            "pregnant": pregnant,
            "tested": tested,
            "marker": np.where(tested == "done", np.exp(draw.normal(size=n)), np.nan),
        }
    )


def test_what_holds_between_columns_is_found_and_told():
    told = names(wards(1000, 1))
    assert told >= {
        "if pregnant = yes then sex = F",
        "if tested = done then marker is known",
        "if tested = not done then marker is missing",
        "admitted ≤ discharged",
        "left ≤ nodes",
        "dose is a multiple of 2.5",
        "nodes = left + right",
        "discharged = admitted + stay days",
        "bmi = weight / height²",
        "glucose_mmol = 0.0555 × glucose",
    }
    ages = [name for name in told if name.startswith("if pregnant = yes then age")]
    assert len(ages) == 1
    assert 44 <= float(ages[0].split("≤")[1]) < 60


def test_a_rule_says_which_records_break_it():
    frame = wards(1000, 1)
    schema = schema_of(frame)
    rules = {rule.name: rule for rule in found(frame, schema)}
    assert not any(rule.breaks(cells(frame, schema)).any() for rule in rules.values())
    wrong = frame.copy()
    wrong.loc[3, "bmi"] = 99.0
    wrong.loc[7, "discharged"] = wrong.loc[7, "admitted"] - pd.Timedelta(days=1)
    wrong.loc[9, ["pregnant", "sex"]] = "yes", "M"
    wrong.loc[11, "dose"] = 3.0
    broken = {name: np.flatnonzero(rule.breaks(cells(wrong, schema))).tolist() for name, rule in rules.items()}
    assert broken["bmi = weight / height²"] == [3]
    assert broken["admitted ≤ discharged"] == broken["discharged = admitted + stay days"] == [7]
    assert broken["if pregnant = yes then sex = F"] == [9]
    assert broken["dose is a multiple of 2.5"] == [11]
    assert broken["nodes = left + right"] == []


def test_equality_where_a_level_says_so():
    told = names(stays(1000))
    assert "if died = yes then stay = followed" in told
    assert "stay ≤ followed" in told
    assert "discharged = admitted + stay days" in told


def test_columns_that_are_always_equal_are_told_once():
    draw = np.random.default_rng(0)
    first = draw.normal(size=300)
    told = found(pd.DataFrame({"a": first, "b": first, "c": draw.normal(size=300)}))
    assert [(rule.name, rule.kind) for rule in told] == [("a = b", "equality")]


def test_a_product_is_not_told_again_as_a_quotient():
    draw = np.random.default_rng(0)
    rate, volume = draw.integers(60, 100, 400).astype(float), draw.integers(50, 90, 400).astype(float)
    told = [rule.name for rule in found(pd.DataFrame({"rate": rate, "volume": volume, "output": rate * volume}))]
    assert sum("×" in name or "/" in name for name in told) == 1


@pytest.mark.parametrize("seed", range(5))
def test_independent_columns_keep_no_rule(seed):
    draw = np.random.default_rng(seed)
    n = 400
    frame = pd.DataFrame({f"x{i}": draw.normal(size=n) for i in range(8)})
    frame = frame.assign(**{f"k{i}": draw.integers(0, 15, n).astype(float) for i in range(4)})
    frame = frame.assign(**{f"s{i}": draw.choice(list("abcde"), n) for i in range(6)})
    frame = frame.mask(draw.random(frame.shape) < 0.1)
    assert names(frame) == set()


def test_disjoint_ranges_are_no_order():
    draw = np.random.default_rng(0)
    assert names(pd.DataFrame({"age": draw.uniform(20, 90, 500), "platelets": draw.uniform(1e5, 5e5, 500)})) == set()


def test_few_records_tell_nothing():
    told = names(wards(45, 1))
    assert not any(name.startswith(("if", "admitted", "dose")) for name in told)


def test_of_two_rules_the_wider_is_told():
    """That the marker is missing says more than that it is not large."""
    told = names(wards(1000, 1))
    assert not any(name.startswith("if tested = not done then marker") and "missing" not in name for name in told)


def test_what_is_rarely_known_breaks_no_rule_by_its_value():
    """Where a test is hardly ever done, that its few results are low is luck."""
    draw = np.random.default_rng(0)
    done = np.arange(1000) % 2 == 0
    result = np.where(done | (draw.random(1000) < 0.02), draw.normal(size=1000), np.nan)
    result[~done] = -np.abs(result[~done])
    told = names(pd.DataFrame({"done": np.where(done, "yes", "no"), "result": result}))
    assert told == {"if done = yes then result is known"}


def test_the_order_of_records_does_not_matter():
    frame = wards(300, 1)
    assert names(frame) == names(frame.sample(frac=1, random_state=0).reset_index(drop=True))


def test_no_rule_names_an_extreme():
    frame = wards(1000, 1)
    text = " ".join(names(frame))
    for column in ("age", "weight", "height", "bmi", "marker", "stay"):
        known = frame[column].dropna()
        assert f"≤ {known.max():.10g}" not in text
        assert f"> {known.min():.10g}" not in text


@pytest.mark.slow
def test_clinical_tables_give_the_rules_that_they_are_known_for(shared_data):
    tables = shared_data / "tables"
    patients = pd.read_csv(tables / "support2" / "support2.csv").astype({"hospdead": str})
    assert names(patients) >= {"slos ≤ d.time", "surv6m ≤ surv2m", "if hospdead = 1 then slos = d.time"}
    told = names(pd.read_csv(tables / "thyroid" / "thyroid.csv"))
    assert told >= {"if TSH_measured = f then TSH is missing", "if TSH_measured = t then TSH is known"}
    told = names(pd.read_csv(tables / "adult" / "train.csv"))
    assert "if capital-loss is not 0 then capital-gain = 0" in told
