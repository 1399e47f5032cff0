"""TableDiffusion as its user meets it: an estimator that gives back what went in, conditioned, seeded, saved."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from synthdiff import Schema, TableDiffusion, load
from synthdiff.errors import DataError, ModelError
from synthdiff.progress import LineProgress
from synthdiff.rowlearning import validation_part
from synthdiff.rowmodel import Tally
from synthdiff.seeds import numpy_generator


def table(n: int = 600) -> pd.DataFrame:
    """A table with a column of every kind, and dependence between them."""
    draw = numpy_generator(0, "table")
    severity = draw.normal(size=n)
    admitted = pd.Timestamp("2020-01-01", tz="Europe/Berlin") + pd.to_timedelta(draw.integers(0, 700, n), unit="D")
    frame = pd.DataFrame(
        {
            "patient id": [f"P-{number:05d}" for number in range(n)],
            "age": pd.array(np.clip(60 + 10 * severity, 18, 99).round(), dtype="Int64"),
            "lab.value": np.where(draw.random(n) < 0.3, 0.0, np.exp(severity).round(2)),
            "stage": pd.Categorical.from_codes(np.digitize(severity, [-0.5, 0.5]), ["I", "II", "III"], ordered=True),
            "größe": draw.normal(170, 8, n).astype("float32"),
            "smoker": draw.choice(["Y", "N"], n),
            "flag": draw.random(n) < 0.2,
            "admitted": admitted.normalize(),
            "note": [
                f"patient was seen on day {day}, doing {'well' if day % 2 else 'poorly'}; {'x' * 60}"
                for day in range(n)
            ],
            "died": (severity + 0.5 * draw.normal(size=n) > 1).astype(int),
        }
    )
    frame.loc[draw.random(n) < 0.15, "age"] = pd.NA
    frame.loc[frame["smoker"] == "N", "größe"] = np.nan
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return table()


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> TableDiffusion:
    return TableDiffusion(budget_steps=600, random_state=1).fit(frame)


@pytest.fixture(scope="module")
def synthetic(model: TableDiffusion) -> pd.DataFrame:
    return model.sample(2000)


def test_frames_come_back_with_the_dtypes_they_went_in_with(frame: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    assert list(synthetic.columns) == list(frame.columns)
    assert synthetic.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    assert synthetic["stage"].cat.ordered and list(synthetic["stage"].cat.categories) == ["I", "II", "III"]


def test_values_obey_the_schema(frame: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    assert set(synthetic["smoker"]) == {"Y", "N"}
    assert (synthetic["admitted"] == synthetic["admitted"].dt.normalize()).all()
    cents = 100 * synthetic["lab.value"]
    assert (synthetic["lab.value"] >= 0).all() and np.allclose(cents, cents.round(), atol=1e-6)
    assert not synthetic["died"].isna().any() and set(synthetic["died"]) == {0, 1}


def test_no_identifier_text_or_extreme_is_released(frame: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    ids = synthetic["patient id"]
    assert ids.is_unique and ids.str.fullmatch(r"P-\d{6}").all() and not set(ids) & set(frame["patient id"])
    assert synthetic["note"].isna().all()
    assert synthetic["größe"].max() < frame["größe"].max() and synthetic["größe"].min() > frame["größe"].min()


def test_dependence_and_missingness_are_learnt(frame: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    assert (synthetic["größe"].isna() == (synthetic["smoker"] == "N")).all()
    assert abs(synthetic["age"].isna().mean() - 0.15) < 0.05
    assert abs((synthetic["lab.value"] == 0).mean() - (frame["lab.value"] == 0).mean()) < 0.06
    real, made = (data.groupby("stage", observed=True)["died"].mean() for data in (frame, synthetic))
    assert made["III"] > made["I"] + 0.2, (real, made)
    numbers = [data[["age", "lab.value"]].astype(float).corr().iloc[0, 1] for data in (frame, synthetic)]
    assert numbers[1] > 0.4 * numbers[0]


def test_the_same_seed_gives_the_same_model_and_rows(frame: pd.DataFrame) -> None:
    first, second = (TableDiffusion(budget_steps=30, random_state=4).fit(frame).sample(50) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    other = TableDiffusion(budget_steps=30, random_state=5).fit(frame).sample(50)
    assert not first["age"].equals(other["age"])


def test_rows_do_not_depend_on_how_many_are_drawn_or_in_what_batches(model: TableDiffusion) -> None:
    whole = model.sample(2500, random_state=9)
    pd.testing.assert_frame_equal(model.sample(1100, random_state=9), whole.iloc[:1100])
    for size in (300, 1024, 4000):
        batches = list(model.sample_batches(2500, random_state=9, batch_size=size))
        assert {len(batch) for batch in batches[:-1]} <= {size}
        pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole)


def test_a_saved_model_samples_the_same(model: TableDiffusion, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} == {"model.json", "model.safetensors"}
    for again in (TableDiffusion.load(tmp_path / "model"), load(tmp_path / "model")):
        pd.testing.assert_frame_equal(again.sample(300), model.sample(300))
    saved = json.loads((tmp_path / "model" / "model.json").read_text())
    assert saved["kind"] == "table" and saved["settings"]["random_state"] == 1


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"smoker": "Y"}, lambda made: made["smoker"] == "Y"),
        ({"stage": ["I", "III"], "flag": True}, lambda made: made["stage"].isin(["I", "III"]) & made["flag"]),
        ({"stage": ("II", None)}, lambda made: made["stage"] >= "II"),
        ({"age": (55, 65)}, lambda made: made["age"].between(55, 65)),
        ({"age": None}, lambda made: made["age"].isna()),
        ({"lab.value": 0}, lambda made: made["lab.value"] == 0),
        ({"größe": 171.5, "died": 1}, lambda made: (made["größe"] == 171.5) & (made["died"] == 1)),
        ({"admitted": ("2020-06-01", "2020-06-30")}, lambda made: made["admitted"].dt.strftime("%Y-%m") == "2020-06"),
    ],
)
def test_conditions_hold_exactly(model: TableDiffusion, given: dict[str, object], holds: object) -> None:
    made = model.sample(300, given=given)
    assert len(made) == 300 and holds(made).all()  # type: ignore[operator]


def test_conditions_change_the_rest(model: TableDiffusion) -> None:
    lower, upper = (model.sample(1000, given={"stage": stage})["age"].astype(float).mean() for stage in ("I", "III"))
    assert upper > lower + 8
    young, old = (model.sample(500, given={"age": span})["died"].mean() for span in ((40, 55), (70, 85)))
    assert old > young + 0.1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": 3}, r"(?s)'weight'.*choose from age"),
        ({"patient id": "P-1"}, "has not learnt"),
        ({"smoker": "maybe"}, r"(?s)'maybe'.*'N', 'Y'|'Y', 'N'"),
        ({"age": (200, 300)}, r"(?s)column 'age'.*widen the range"),
        ({"age": "old"}, "not a value of this integer column"),
        ({"age": {60: 0.5}}, "shares are of levels"),
        ({"smoker": {"Y": 0.5, "maybe": 0.5}}, "cannot emit 'maybe'"),
        ({"smoker": {"Y": -1}}, "share of 'Y' is -1"),
        ({"smoker": {"Y": 0}}, "no level has a share"),
    ],
)
def test_conditions_that_cannot_be_met_are_told(model: TableDiffusion, given: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        model.sample(10, given=given)


def test_a_range_that_hardly_occurs_is_met_without_rejection(model: TableDiffusion) -> None:
    made = model.sample(1000, given={"größe": (170.0001, 170.0002)})
    assert made["größe"].between(170.0001, 170.0002).all()


def test_a_target_is_rebalanced(model: TableDiffusion, frame: pd.DataFrame) -> None:
    given: dict[str, object] = {"died": {1: 0.5, 0: 0.5}, "smoker": {"Y": 3, "N": 1}}
    made = model.sample(400, given=given)
    assert abs((made["died"] == 1).sum() - 200) <= 2 and abs((made["smoker"] == "Y").sum() - 300) <= 2
    assert abs(made["died"].corr(made["smoker"] == "Y")) < 0.1
    pd.testing.assert_frame_equal(made[:150], model.sample(150, given=given))
    # The rest follows the target as it does in the real table.
    stages = [(data[data["died"] == 1]["stage"] == "III").mean() for data in (made, frame)]
    assert abs(stages[0] - stages[1]) < 0.2


def test_several_conditions_are_weighed_together() -> None:
    draw = numpy_generator(0, "several")
    x = draw.normal(size=4000)
    both = pd.DataFrame({"x": x, "y": x + 0.3 * draw.normal(size=4000)})
    given = {"x": (-1.0, 2.0), "y": (1.0, 3.0)}
    made = TableDiffusion(budget_steps=600, random_state=0).fit(both).sample(2000, given=given)
    real = both[both["x"].between(-1, 2) & both["y"].between(1, 3)]
    # Cut one after the other, without weights, the first column would have its mean near .3.
    assert abs(made["x"].mean() - real["x"].mean()) < 0.12


def test_declared_constraints_hold_in_every_row() -> None:
    draw = numpy_generator(0, "constraints")
    sex = draw.choice(["m", "f"], 600)
    low = draw.integers(0, 30, 600)
    frame = pd.DataFrame({"low": low, "high": low + draw.integers(0, 20, 600), "sex": sex})
    frame["pregnant"] = np.where((sex == "f") & (draw.random(600) < 0.3), "yes", "no")
    frame["sum"] = frame["low"] + frame["high"]
    constraints = [
        {"kind": "inequality", "low": "low", "high": "high"},
        {"kind": "sum", "total": "sum", "parts": ["low", "high"]},
        {"kind": "implication", "when": {"sex": "m"}, "then": {"pregnant": "no"}},
    ]
    schema = Schema.infer(frame).constrained(constraints, frame)
    model = TableDiffusion(budget_steps=60).fit(frame, schema=schema)
    tally = Tally()
    made = pd.concat(model.sample_batches(1500, tally=tally), ignore_index=True)
    assert (made["low"] <= made["high"]).all() and (made["low"] + made["high"] == made["sum"]).all()
    assert not ((made["sex"] == "m") & (made["pregnant"] == "yes")).any()
    assert tally.repaired > 0 and tally.redrawn >= 0
    said = StringIO()
    assert sum(map(len, model.sample_batches(1500, progress=LineProgress(said)))) == 1500
    assert f"{tally.repaired:,} rows were repaired, {tally.redrawn:,} drawn again" in said.getvalue()
    pd.testing.assert_frame_equal(model.sample(700), made[:700])
    assert (model.sample(300, given={"high": 25})["high"] == 25).all()
    with pytest.raises(ModelError, match="break a constraint"):
        model.sample(10, given={"sex": "m", "pregnant": "yes"})


def test_imputed_cells_obey_the_constraints_as_far_as_the_others_let_them() -> None:
    draw = numpy_generator(0, "imputed constraints")
    low = draw.integers(0, 30, 400).astype(float)
    high = low + draw.integers(0, 20, 400)
    frame = pd.DataFrame({"low": low, "high": high, "sum": low + high})
    constraints = [
        {"kind": "inequality", "low": "low", "high": "high"},
        {"kind": "sum", "total": "sum", "parts": ["low", "high"]},
    ]
    model = TableDiffusion(budget_steps=40, members=1).fit(
        frame, schema=Schema.infer(frame).constrained(constraints, frame)
    )
    hidden = frame.mask(draw.random(frame.shape) < 0.2)
    hidden.loc[0] = [3.0, np.nan, 99.0]
    hidden.loc[1] = [9.0, 2.0, np.nan]
    (filled,) = model.impute(hidden)
    assert filled.notna().all().all() and (filled == hidden)[hidden.notna()].sum().sum() == hidden.notna().sum().sum()
    lone = hidden[["low", "high"]].isna().sum(axis=1) < 2
    assert (filled["low"] <= filled["high"])[2:][lone[2:]].all()
    unknown = hidden["sum"].isna() & (hidden.index != 1)
    assert (filled["low"] + filled["high"] == filled["sum"])[unknown].all()
    # A real row that contradicts a constraint by itself stays as it is.
    assert filled.loc[1, ["low", "high"]].tolist() == [9.0, 2.0]


def test_imputing_fills_what_is_missing_and_nothing_else(model: TableDiffusion, frame: pd.DataFrame) -> None:
    first, second = model.impute(frame.iloc[::-1], draws=2)
    pd.testing.assert_index_equal(first.index, frame.index[::-1])
    assert first.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    for name in ("age", "größe"):
        there = frame[name].notna()
        assert not first[name].isna().any()
        pd.testing.assert_series_equal(first.loc[there[::-1], name], frame.loc[there, name].iloc[::-1])
    assert not first["age"].equals(second["age"])
    assert (first["lab.value"] == frame["lab.value"].iloc[::-1]).all()


def test_imputed_cells_go_with_the_rest_of_their_row(model: TableDiffusion, frame: pd.DataFrame) -> None:
    hidden = frame.assign(age=pd.array([pd.NA] * len(frame), dtype="Int64"))
    (made,) = model.impute(hidden)
    means = made.groupby("stage", observed=True)["age"].mean()
    assert means["III"] > means["I"] + 8


def test_likely_records_are_told_from_unlikely_ones(model: TableDiffusion, frame: pd.DataFrame) -> None:
    orders = {name: numpy_generator(0, name).permutation(len(frame)) for name in frame.columns}
    shuffled = pd.DataFrame({name: frame[name].iloc[order].array for name, order in orders.items()})
    real, made = model.log_likelihood(frame), model.log_likelihood(shuffled)
    assert np.isfinite(real).all() and real.mean() > made.mean() + 0.5


def test_training_goes_on(frame: pd.DataFrame) -> None:
    model = TableDiffusion(budget_steps=150, random_state=0).fit(frame)
    others = frame.assign(died=1 - frame["died"])
    before = model.log_likelihood(others).mean()
    assert model.partial_fit(others).log_likelihood(others).mean() > before
    with pytest.raises(DataError, match="no column 'died'"):
        model.partial_fit(frame.drop(columns="died"))


def test_mistakes_are_told(model: TableDiffusion, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        TableDiffusion().sample(1)
    with pytest.raises(ModelError, match="0 rows"):
        model.sample(0)
    with pytest.raises(DataError, match="20 rows"):
        TableDiffusion().fit(table(20))
    with pytest.raises(ModelError, match=r"no model\.json"):
        load(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        load(tmp_path)
    model.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="fit the model again"):
        load(tmp_path)


def test_it_is_an_estimator() -> None:
    model = TableDiffusion(effort="quick", random_state=3)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and copy is not model
    assert "effort='quick'" in repr(model)


def test_rows_of_one_person_validate_together(frame: pd.DataFrame) -> None:
    schema = Schema.infer(frame.assign(person=np.arange(len(frame)) // 3), {"person": {"role": "group"}})
    rows = frame.assign(person=np.arange(len(frame)) // 3)
    every: set[int] = set()
    for member in range(10):
        kept, held = validation_part(rows, schema, 0.1, member, 0)
        assert not set(kept // 3) & set(held // 3) and len(kept) + len(held) == len(frame)
        assert abs(len(held) / len(frame) - 0.1) < 0.02
        every |= set(held.tolist())
    # Each net validates on other rows.
    assert len(every) > 0.95 * len(frame)


def test_several_nets_learn_a_small_table(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = TableDiffusion(budget_steps=20, members=3).fit(frame[:200])
    assert len(model.histories_) == 3 and TableDiffusion(budget_steps=20).fit(frame[:200]).parameters == pytest.approx(
        5 / 3 * model.parameters
    )
    model.save(tmp_path)
    pd.testing.assert_frame_equal(load(tmp_path).sample(30), model.sample(30))  # type: ignore[attr-defined]
    assert np.isfinite(model.log_likelihood(frame[:50])).all()


def test_what_a_target_owes_to_all_other_columns_is_learnt_the_better() -> None:
    cells = np.random.default_rng(0).normal(size=(2000, 8)).round(3)
    frame = pd.DataFrame(cells, columns=[f"x{place}" for place in range(8)])
    frame["sign"] = np.where(cells[:, 0] * cells[:, 1] > 0, "same", "other")
    right = []
    for declared in ({}, {"sign": {"role": "target"}}):
        model = TableDiffusion(budget_steps=400, random_state=0).fit(frame, schema=Schema.infer(frame, declared))
        drawn = model.sample(2000)
        right.append(float(((drawn["x0"] * drawn["x1"] > 0) == (drawn["sign"] == "same")).mean()))
    assert right[1] > right[0] + 0.02


def test_odd_columns() -> None:
    draw = numpy_generator(0, "odd")
    odd = pd.DataFrame(
        {
            "constant": ["same"] * 200,
            "empty": pd.Series([None] * 200, dtype="float64"),
            "many levels": draw.choice([f"code {n}" for n in range(12)], 200),
            "x": draw.normal(size=200),
        }
    )
    made = TableDiffusion(budget_steps=30).fit(odd).sample(100)
    assert (made["constant"] == "same").all() and made["empty"].isna().all()
    assert made.dtypes.astype(str).to_dict() == odd.dtypes.astype(str).to_dict()
