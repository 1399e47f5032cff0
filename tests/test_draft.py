"""Drafts: what a first look at a table finds, and that whatever it writes can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings, strategies as st

from synthdiff.draft import SCHEMA_FILE, draft_recipe
from synthdiff.recipe import Recipe, load_recipe
from synthdiff.schema import Column, Schema

ROWS = 400


def clinic() -> pd.DataFrame:
    """Visits of 160 patients with everything in it that a person should look at."""
    rng = np.random.default_rng(5)
    visits = np.sort(rng.integers(0, 160, ROWS))
    died = rng.random(160)[visits] < 0.3
    words = np.array(["seen", "again", "after", "long", "stay", "with", "pain", "and", "little", "sleep"])
    return pd.DataFrame(
        {
            "patient_id": visits + 5000,
            "row": np.arange(ROWS) + 1,
            "surname": rng.choice(["Ash", "Birch", "Cedar"], ROWS),
            "contact": [f"p{n}@example.org" for n in rng.integers(0, 300, ROWS)],
            "phone": rng.integers(10**6, 10**7, ROWS),
            "remark": [" ".join(rng.choice(words, 9)) for _ in range(ROWS)],
            "Date of Birth": pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 9999, ROWS), unit="D"),
            "zip": rng.choice([f"{n:05d}" for n in range(12)], ROWS),
            "sex": rng.choice(["F", "M"], ROWS),
            "stage": pd.Categorical(rng.choice(["low", "mid", "high"], ROWS), ["low", "mid", "high"], ordered=True),
            "rare": pd.Categorical(["none"] * (ROWS - 2) + ["some"] * 2, ["none", "some"], ordered=True),
            "always": 1,
            "never": pd.Series([None] * ROWS, dtype="str"),
            "nearly": np.where(np.arange(ROWS) == 3, 1.5, 0.0),
            "hospital_id": rng.integers(100, 140, ROWS),
            "days_to_death": np.where(died, rng.integers(1, 90, 160)[visits], np.nan),
            "autopsy": np.where(died, "done", "none"),
            "risk": died + rng.random(ROWS) / 3,
            "bmi": rng.normal(25, 4, ROWS).round(1),
            "DEATH_EVENT": died.astype(int),
        }
    )


def draft(frame: pd.DataFrame, folder: Path, table: str = "data/clinic.csv") -> tuple[str, Recipe]:
    text = draft_recipe(folder / table, frame, Schema.infer(frame), folder / "recipe.yaml")
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return text, load_recipe(folder / "recipe.yaml")


def line_of(text: str, column: str) -> str:
    (line,) = (
        line.strip() for line in text.splitlines() if re.match(rf" +(# )?[\"']?{re.escape(column)}[\"']?: {{", line)
    )
    return line


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Recipe]:
    return draft(clinic(), tmp_path_factory.mktemp("clinic"))


def test_the_head_names_the_schema_for_editors_and_the_command(tmp_path: Path) -> None:
    frame = clinic()
    text = draft_recipe("data/a b.csv", frame, Schema.infer(frame), "recipes/a b.yaml")
    first, second = text.splitlines()[:2]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert second == "# synthdiff run 'recipes/a b.yaml'"
    assert "table: ../data/a b.csv" in text
    assert str(tmp_path) not in draft(frame, tmp_path)[0]


def test_a_draft_is_a_recipe(drafted: tuple[str, Recipe]) -> None:
    recipe = drafted[1]
    assert (recipe.name, recipe.data.table, recipe.data.group) == ("clinic", "data/clinic.csv", "patient_id")
    assert (recipe.gate.purpose, recipe.generator.effort) == ("share", "standard")


def test_every_column_has_one_line_with_its_kind_and_why(drafted: tuple[str, Recipe]) -> None:
    frame = clinic()
    for column in Schema.infer(frame):
        line = line_of(drafted[0], column.name)
        assert "  # " in line
        if line.startswith("#") and column.name != "patient_id":
            assert f"kind: {column.kind}" in line and column.reason.removeprefix(f"{column.kind}: ") in line


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("row", ["LOOK", "not learnt"]),
        ("surname", ["LOOK: a person's name", "not learnt"]),
        ("contact", ["LOOK: electronic mail addresses"]),
        ("phone", ["LOOK: a contact"]),
        ("remark", ["LOOK", "free text; not learnt"]),
        ("Date of Birth", ["role: quasi-identifier", "LOOK: a date of birth"]),
        ("zip", ["role: quasi-identifier", "LOOK: a place"]),
        ("sex", ["role: quasi-identifier"]),
        ("stage", ["levels: [low, mid, high]", "LOOK: is this the order?"]),
        ("always", ["LOOK: the same value in every row"]),
        ("never", ["LOOK: every cell is missing"]),
        ("nearly", ["LOOK: nearly constant"]),
        ("hospital_id", ["LOOK", "its values repeat", "group", "{kind: categorical}"]),
        ("days_to_death", ["LOOK: it gives DEATH_EVENT away"]),
        ("autopsy", ["LOOK: it gives DEATH_EVENT away"]),
        ("risk", ["LOOK: it gives DEATH_EVENT away"]),
        ("DEATH_EVENT", ["# DEATH_EVENT: {", "role: target", "uncomment"]),
    ],
)
def test_what_a_person_should_look_at_is_called_out(drafted: tuple[str, Recipe], column: str, words: list[str]) -> None:
    line = line_of(drafted[0], column)
    assert [word for word in words if word not in line] == []


def test_what_is_ordinary_is_not_called_out(drafted: tuple[str, Recipe]) -> None:
    for column in ("sex", "bmi", "DEATH_EVENT"):
        assert "LOOK" not in line_of(drafted[0], column)


def test_what_should_not_be_learnt_is_declared_so(drafted: tuple[str, Recipe]) -> None:
    frame, recipe = clinic(), drafted[1]
    learnt = {column.name for column in Schema.infer(frame, recipe.data.declared()) if column.learnt}
    assert not learnt & {"patient_id", "row", "surname", "contact", "phone", "remark"}
    assert {"zip", "sex", "stage", "bmi", "DEATH_EVENT"} <= learnt
    assert {name for name, column in recipe.data.columns.items() if column.kind not in ("identifier", "text")} == set()


def test_only_common_levels_of_ordinal_columns_are_written(drafted: tuple[str, Recipe]) -> None:
    frame, text = clinic(), drafted[0]
    assert "levels" not in line_of(text, "rare") and "some" not in line_of(text, "rare")
    for column in ("surname", "contact", "phone", "remark", "Date of Birth", "zip", "patient_id", "bmi"):
        assert [value for value in frame[column].astype("str").unique() if value in text.split()] == []


def test_every_comment_can_be_uncommented(drafted: tuple[str, Recipe], tmp_path: Path) -> None:
    text = re.sub(r"(?m)^    # (\S[^:]*: \{)", r"    \1", drafted[0])
    text = text.replace("# sample:", "sample:").replace("# release:", "release:")
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipe.yaml")
    assert set(recipe.data.columns) == set(clinic().columns)
    assert recipe.data.columns["DEATH_EVENT"].role == ("target",)
    schema = Schema.infer(clinic(), recipe.data.declared())
    assert schema.target is not None and schema.target.name == "DEATH_EVENT"


def test_leaks_are_told_once_a_person_and_not_by_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"person": np.repeat(np.arange(100), 4), "outcome": np.repeat(rng.integers(0, 2, 100), 4)})
    frame["weight"] = np.repeat(rng.normal(70, 9, 100), 4)
    frame["code"] = rng.integers(0, 10**6, 400)
    frame["cost"] = frame["outcome"] * 0.9 + rng.normal(0, 0.4, 400)
    assert "gives" not in draft(frame, tmp_path)[0]


def test_the_group_is_quoted_and_a_person_goes_before_a_number(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"record": np.arange(300) // 3, "patient: id": np.arange(300) // 2, "code": np.arange(300) // 4}
    )
    assert draft(frame, tmp_path)[1].data.group == "patient: id"


@pytest.mark.parametrize(("rows", "share"), [(60, 0.3), (5_000, 0.2), (60_000, 0.1)])
def test_the_holdout_grows_as_the_table_shrinks(tmp_path: Path, rows: int, share: float) -> None:
    text, recipe = draft(pd.DataFrame({"x": np.arange(rows) % 50 / 10}), tmp_path)
    assert recipe.data.holdout == share
    assert ("LOOK: share needs" in text) == (rows == 60)


@pytest.mark.parametrize(
    ("table", "name"), [("Heart Failure (2).csv.gz", "heart-failure-2"), ("é.csv", "table"), (".csv", "table")]
)
def test_a_release_is_named_after_its_table(tmp_path: Path, table: str, name: str) -> None:
    recipe = draft(pd.DataFrame({"x": [1, 2, 3]}), tmp_path, table)[1]
    assert (recipe.name, recipe.data.table) == (name, table)


NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [
            "a: b",
            "- a",
            "'q'",
            '"q"',
            "#",
            "1.5",
            "no",
            "~",
            "a\nb",
            "\ufeff",
            "\u2028",
            "{x}",
            "? k",
            "x" * 1500,
            "é" * 400,
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=5, unique=True),
    levels=st.lists(NAMES, min_size=2, max_size=4, unique=True),
    reason=NAMES,
    table=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20),
)
def test_any_names_and_levels_are_read_back(
    tmp_path_factory: Any, names: list[str], levels: list[str], reason: str, table: str
) -> None:
    frame = pd.DataFrame(dict.fromkeys(names, levels * 30))
    kinds = ("ordinal", "text", "identifier")
    schema = Schema(
        columns=tuple(
            Column(name=name, kind=kinds[n % 3], levels=tuple(levels) if n % 3 == 0 else None, reason=reason)
            for n, name in enumerate(names)
        )
    )
    folder = tmp_path_factory.getbasetemp()
    text = draft_recipe(folder / table, frame, schema, folder / "any.yaml")
    (folder / "any.yaml").write_text(text, encoding="utf-8", newline="")
    recipe = load_recipe(folder / "any.yaml")
    assert recipe.resolve(recipe.data.table) == folder / Path(table) and set(recipe.data.columns) <= set(names)
    lines = [line[4:] for line in text.split("\n") if line.startswith("    ") and "No column's name" not in line]
    uncommented = yaml.safe_load("\n".join(line.removeprefix("# ") for line in lines))
    assert set(uncommented) == set(names)
    assert uncommented[names[0]].get("levels", levels) == levels


@pytest.mark.parametrize(
    ("table", "target", "group"),
    [
        ("heart_failure/heart_failure.csv", "DEATH_EVENT", None),
        ("pbcseq/pbcseq.csv", "status", "id"),
        ("support2/support2.csv", "death", None),
        ("thyroid/thyroid.csv", "diagnosis", None),
        ("cervical_cancer/cervical_cancer.csv", "Biopsy", None),
        ("adult/test.csv", "income", None),
    ],
)
def test_real_tables(shared_data: Path, tmp_path: Path, table: str, target: str, group: str | None) -> None:
    frame = pd.read_csv(shared_data / "tables" / table, keep_default_na=False, na_values=[""])
    text, recipe = draft(frame, tmp_path)
    assert "role: target" in line_of(text, target) and text.count("role: target") == 1
    assert recipe.data.group == group
