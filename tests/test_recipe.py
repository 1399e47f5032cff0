"""Recipes: what is read, what is refused and with which words, and what may leave."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from synthdiff.errors import RecipeError
from synthdiff.recipe import Recipe, conditions, json_schema, load_recipe
from synthdiff.yamlfile import one_line, read_document, to_yaml

FULL = """\
# a comment
name: heart-failure
data:
  table: data/heart_failure.csv
  columns:
    time: {kind: integer, min: 1, unit: days}
    DEATH_EVENT: {role: target}
    d.time: {role: [sensitive, quasi-identifier], missing: 0}
    "STDs: HPV": {kind: ordinal, levels: [low, high], missing: ["?", -9]}
    visit: {kind: datetime, format: "%d.%m.%Y", min: 1999-01-01}
  holdout: 0.25
  group: patient_id
generator:
  model: table
  seed: 7
  budget: {minutes: 3}
sample: {rows: 1000, given: {sex: F, age: [60, 80], smoker: true}}
gate:
  purpose: augment
  require: {shape_error: "<=0.05", membership_advantage_upper: "<= reference + .1", blind_auc: "includes 0.5"}
release: {formats: [csv]}
"""
SHORT = "name: a\ndata: {table: a.csv}\n"
CONSTRAINED = """\
name: a
data:
  table: a.csv
  constraints:
    - {kind: inequality, low: slos, high: d.time, strict: true}
    - {kind: sum, total: apache, parts: [a, b, c]}
    - kind: implication
      when: {sex: male, age: [60, null], stage: [I, II, IV], born: [1950-01-01, 1959-12-31]}
      then: {pregnant: "no", tsh: {missing: true}, visited: {missing: false}}
    - {kind: combinations, columns: [city, state]}
    - {kind: one_hot, columns: [a, b]}
"""


def load(folder: Path, text: str, *overrides: str) -> Recipe:
    file = folder / "heart.yaml"
    file.write_text(text, encoding="utf-8")
    return load_recipe(file, overrides)


def test_every_key_is_read(tmp_path: Path) -> None:
    recipe = load(tmp_path, FULL)
    assert (recipe.name, recipe.data.table, recipe.data.holdout) == ("heart-failure", "data/heart_failure.csv", 0.25)
    assert recipe.data.columns["STDs: HPV"].levels == ("low", "high")
    assert recipe.data.columns["visit"].min == "1999-01-01"
    assert (recipe.generator.seed, recipe.generator.effort) == (7, None)
    assert recipe.generator.budget is not None and recipe.generator.budget.in_seconds == 180
    assert dict(recipe.sample.given) == {"sex": "F", "age": (60, 80), "smoker": True}
    assert dict(recipe.gate.require) == {
        "shape_error": "<=0.05",
        "membership_advantage_upper": "<= reference + .1",
        "blind_auc": "includes 0.5",
    }
    assert recipe.release.formats == ("csv",)


def test_defaults_are_written_into_the_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, SHORT)
    assert (recipe.data.holdout, recipe.data.group, recipe.data.columns) == (0.2, None, {})
    assert (recipe.generator.model, recipe.generator.effort, recipe.generator.budget) == ("table", "standard", None)
    assert (recipe.sample.rows, recipe.gate.purpose, recipe.policy_name) == (None, "share", "share-publicly")
    assert recipe.release.formats == ("parquet", "csv")
    assert recipe.sha256 == load(tmp_path, SHORT + "generator: {effort: standard}\ngate: {purpose: share}").sha256


def test_a_key_without_a_value_is_as_if_absent(tmp_path: Path) -> None:
    empty = "name: a\ndata:\n  table: a.csv\n  columns:\n  group:\ngenerator:\nsample: {rows: }\ngate: {purpose: ~}\n"
    assert load(tmp_path, empty).sha256 == load(tmp_path, SHORT).sha256


def test_declared_columns_speak_the_words_of_the_recipe(tmp_path: Path) -> None:
    declared = load(tmp_path, FULL).data.declared()
    assert declared["time"] == {"kind": "integer", "min": 1, "unit": "days"}
    assert declared["d.time"] == {"role": ("sensitive", "quasi-identifier"), "missing": (0,)}
    assert declared["patient_id"] == {"role": ("group",)}
    assert load(tmp_path, FULL, "data.columns.patient_id={role: [group]}").data.declared() == declared
    both = load(tmp_path, FULL, "data.columns.patient_id={role: sensitive}").data.declared()["patient_id"]
    assert both == {"role": ("sensitive", "group")}


def test_constraints_are_read_and_written(tmp_path: Path) -> None:
    recipe = load(tmp_path, CONSTRAINED)
    assert [constraint.name for constraint in recipe.data.constraints] == [
        "slos < d.time",
        "apache = a + b + c",
        "if sex = male and age in [60, null] and stage in [I, II, IV] and born in [1950-01-01, 1959-12-31] "
        "then pregnant = no and tsh is missing and visited is present",
        "combinations of city, state",
        "exactly one of a, b",
    ]
    again = load(tmp_path, recipe.to_yaml())
    assert again == recipe and again.sha256 == recipe.sha256 != load(tmp_path, SHORT).sha256
    assert load(tmp_path, CONSTRAINED, "data.constraints=").data.constraints == ()
    assert recipe.released().data.constraints == recipe.data.constraints


def test_the_scalars_that_other_readers_mistake_stay_text(tmp_path: Path) -> None:
    levels = "[NO, yes, On, off, 007, 0x1F, 0o17, 12:30, 2020-01-31, 1_000, .inf, .nan, y, =, 1e999]"
    column = load(tmp_path, f"name: a\ndata: {{table: a, columns: {{on: {{levels: {levels}}}}}}}").data.columns["on"]
    assert column.levels == tuple(levels.strip("[]").split(", "))


def test_the_scalars_that_are_numbers_and_booleans(tmp_path: Path) -> None:
    written = "[true, False, 0, -3, +4, 1e-5, .5, 2., -1.5E3]"
    levels = (
        load(tmp_path, f"name: a\ndata: {{table: a, columns: {{c: {{levels: {written}}}}}}}").data.columns["c"].levels
    )
    assert levels is not None
    assert [(type(level), level) for level in levels] == [
        (type(value), value) for value in (True, False, 0, -3, 4, 1e-5, 0.5, 2.0, -1500.0)
    ]


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SHORT.encode())
    assert load_recipe(file).name == "a"


# --- what leaves -------------------------------------------------------------------------------------------------


def test_the_hash_sees_content_and_neither_comments_nor_order_nor_folders(tmp_path: Path) -> None:
    recipe = load(tmp_path, FULL)
    turned = yaml.safe_dump(json.loads(json.dumps(yaml.safe_load(FULL), default=str)), sort_keys=True)
    (tmp_path / "elsewhere").mkdir()
    assert load(tmp_path / "elsewhere", turned).sha256 == recipe.sha256
    assert load(tmp_path, FULL, "data.table=/home/me/heart_failure.csv").sha256 == recipe.sha256
    changes = ("generator.seed=8", "data.columns.time.min=2", "gate.require.shape_error='<= 0.06'", "data.table=b.csv")
    assert len({load(tmp_path, FULL, change).sha256 for change in changes} | {recipe.sha256}) == 5


def test_the_released_copy_has_no_path_and_the_same_hash(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        FULL.replace("purpose: augment", "policy: ../ours/strict.yaml"),
        r"data.table='C:\Users\me\heart_failure.csv'",
    )
    released = recipe.released()
    assert (released.data.table, released.gate.policy) == ("heart_failure.csv", "strict.yaml")
    assert recipe.policy_name is None
    assert released.sha256 == recipe.sha256
    text = released.to_yaml()
    assert "Users" not in text and "ours" not in text and str(tmp_path) not in text
    assert load(tmp_path, text).sha256 == recipe.sha256


@pytest.mark.parametrize("text", [FULL, SHORT])
def test_a_written_recipe_reads_back(tmp_path: Path, text: str) -> None:
    recipe = load(tmp_path, text)
    assert load(tmp_path, recipe.to_yaml()) == recipe


SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["NO", "on", "y", "~", "null", "1e-5", "007", "0x1F", "1:30", "2020-01-01", "- a", "a: b", "#", "&a"]
    ),
    st.booleans(),
    st.integers(-(10**15), 10**15),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.lists(SCALARS), max_size=4))
def test_what_is_written_is_read_by_every_reader(tmp_path_factory: Any, content: dict[str, Any]) -> None:
    file = tmp_path_factory.getbasetemp() / "written.yaml"
    for text in (to_yaml({"a": content}), f"a: {one_line(content)}\n"):
        file.write_text(text, encoding="utf-8", newline="")
        assert read_document(file, RecipeError).content == {"a": content}
        assert yaml.safe_load(text) == {"a": content}


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    assert load(tmp_path, SHORT).resolve("a.csv") == tmp_path / "a.csv"
    assert load(tmp_path, SHORT).resolve("/data/a.csv") == Path("/data/a.csv")


# --- overrides ---------------------------------------------------------------------------------------------------


def test_overrides_are_applied_in_order_and_typed_as_yaml(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        FULL,
        "generator.seed=8",
        "generator.budget=",
        "generator.effort=quick",
        'data.columns."d.time".unit=d',
        r'data.columns."a \"b\" = c".levels=[NO, 1]',
        "sample={rows: 5}",
        "sample.rows=6",
    )
    assert (recipe.generator.seed, recipe.generator.effort, recipe.generator.budget) == (8, "quick", None)
    assert recipe.data.columns["d.time"].unit == "d"
    assert recipe.data.columns['a "b" = c'].levels == ("NO", 1)
    assert (recipe.sample.rows, recipe.sample.given) == (6, {})


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("generator.sed=3", ["override 'generator.sed=3'", "generator.sed", "unknown key; did you mean seed?"]),
        ("generator.seed=three", ["override 'generator.seed=three'", "found the text 'three'", "a whole number"]),
        ("generator.seed", ["an override is written key.path=value"]),
        ("=3", ["an override is written key.path=value"]),
        ("generator..seed=3", ["an override is written key.path=value"]),
        ("name.first=3", ["name is the text 'heart-failure', so it has no key 'first'"]),
        ("generator={seed: 3", ["override 'generator={seed: 3'", "not YAML"]),
        ("generator.seed=*a", ["override 'generator.seed=*a'", "aliases"]),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, override: str, words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, FULL, override)
    assert [word for word in words if word not in str(caught.value)] == []


def test_conditions_are_those_of_a_recipe() -> None:
    expected = {"sex": "F", "age": (60, 80), "d.time": 3, "e.time": 4}
    assert conditions(["sex=F", "age=[60, 80]", '"d.time"=3', "e.time=4"]) == expected
    with pytest.raises(RecipeError) as caught:
        conditions(["age=[80, 60]", "sex"])
    assert "--given 'sex': a condition is written COLUMN=VALUE" in str(caught.value)
    with pytest.raises(RecipeError, match=r"a range \[low, high\]"):
        conditions(["age=[80, 60]"])


# --- what is refused ---------------------------------------------------------------------------------------------


def changed(old: str, new: str) -> str:
    assert old in FULL
    return FULL.replace(old, new)


def constrained(old: str, new: str) -> str:
    assert old in CONSTRAINED
    return CONSTRAINED.replace(old, new)


KEYS = "known keys here: model, seed, effort, budget"
REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["heart.yaml", "the file is empty", "synthdiff init"]),
    "only comments": ("# nothing\n", ["the file is empty"]),
    "a list": ("- name: a\n", ["line 1", "found a list, expected a mapping"]),
    "a text": ("just words\n", ["found the text 'just words', expected a mapping"]),
    "not UTF-8": (b"name: a\nunit: \xb5g\n", ["line 2", "0xb5 is not UTF-8"]),
    "UTF-16": (SHORT.encode("utf-16"), ["is not UTF-8", "save the file in the encoding UTF-8"]),
    "control character": ("name: a\ndata: \x07\n", ["line 2", "U+0007 is not allowed"]),
    "too large": ("#" * 1_000_001, ["larger than 1,000,000 bytes"]),
    "open bracket": (changed("[60, 80],", "[60, 80,"), ["heart.yaml, line 17, column", "not YAML", "bracket"]),
    "open quote": ('name: "a\ndata: {table: a.csv}\n', ["not YAML", "quote"]),
    "tab": ("name: a\ndata:\n\ttable: a.csv\n", ["line 3", "indent with spaces"]),
    "colon in a name": ("name: a\ndata: {table: a}\nx: STDs: HPV\n", ["line 3", "in quotes"]),
    "bare bar": (
        changed('"<=0.05"', "<=0.05").replace("require: {", "require:\n    a: >= 0.9\n    b: {"),
        ['in quotes: ">= 0.9"'],
    ),
    "key twice": (
        changed("  seed: 7\n", "  seed: 7\n  seed: 8\n"),
        ["line 16, generator.seed", "twice, first in line 15"],
    ),
    "column twice": (changed("d.time:", "time:"), ["line 8, data.columns.time", "twice, first in line 6"]),
    "two documents": (SHORT + "---\n" + SHORT, ["line 3", "a second document begins here"]),
    "anchor": (changed("seed: 7", "seed: &s 7"), ["line 15, generator.seed", "anchors"]),
    "alias": ("name: *a\n", ["aliases"]),
    "tag": (changed("seed: 7", "seed: !!python/object/apply:os.getcwd []"), ["line 15, generator.seed", "tag"]),
    "list as key": ("? [a]\n: 3\n", ["a key must be plain text"]),
    "deep": ("a: " + "[" * 50_000, ["nested more than 20 deep"]),
    "unknown key": (
        changed("seed: 7", "seed: 7\n  effrot: quick"),
        ["line 16, generator.effrot", "mean effort?", KEYS],
    ),
    "unknown, not near": (changed("seed: 7", "zzz: 7"), ["line 15, generator.zzz: unknown key\n", KEYS]),
    "key of another section": ("seed: 3\n" + SHORT, ["line 1, seed: unknown key; did you mean generator.seed?"]),
    "merge key": ("name: a\ndata: {table: a, <<: {holdout: 0.3}}\n", ['line 2, data."<<"', "unknown key"]),
    "not yet": (
        changed("seed: 7", "privacy: {epsilon: 8}"),
        ["line 15, generator.privacy", "not available in this version"],
    ),
    "missing name": ("data: {table: a.csv}\n", ["the key name is missing", "add name:"]),
    "missing table": (
        "name: a\ndata:\n  holdout: 0.2\n",
        ["line 2, data", "found neither of table and images, expected one of them"],
    ),
    "number as name": ("name: 2024\ndata: {table: a}\n", ["found the number 2024, expected text", 'in quotes: "2024"']),
    "path as name": ("name: ../a\ndata: {table: a}\n", ["line 1, name", "found the text '../a'", "letters, digits"]),
    "section is text": (SHORT + "generator: table\n", ["line 3, generator", "the text 'table', expected a mapping"]),
    "columns is a list": (
        SHORT.replace("a.csv", "a, columns: [a]"),
        ["data.columns", "found a list, expected a mapping"],
    ),
    "kind": (
        changed("kind: integer", "kind: intger"),
        ["line 6, data.columns.time.kind", "'ordinal'", "mean integer?"],
    ),
    "role": (changed("role: target", "role: targt"), ["data.columns.DEATH_EVENT.role: found", "did you mean target?"]),
    "role in a list": (changed("[sensitive,", "[secret,"), ['line 8, data.columns."d.time".role[0]', "'sensitive'"]),
    "level is a list": (
        changed("[low, high]", "[low, [high]]"),
        ['data.columns."STDs: HPV".levels[1]', "expected text"],
    ),
    "level twice": (changed("[low, high]", "[low, low]"), ["an item is there twice"]),
    "no levels": (changed("[low, high]", "[]"), ["found an empty list, expected at least one item"]),
    "levels of a number": (changed("min: 1,", "levels: [1],"), ["line 6", "a column of kind integer has no levels"]),
    "bound of a level": (changed("levels: [low, high]", "max: 3"), ["a column of kind ordinal has no min or max"]),
    "bounds crossed": (changed("min: 1,", "min: 3, max: 1,"), ["min 3.0 is greater than max 1.0"]),
    "bounds unlike": (changed("min: 1999-01-01", "min: 3, max: 2020-01-01"), ["a number and a text"]),
    "bound is a list": (changed("min: 1,", "min: [1],"), ["data.columns.time.min", "found [1], expected a number"]),
    "date for an integer": (changed("min: 1,", "min: 1999-01-01,"), ["'1999-01-01', expected a number"]),
    "format of a number": (changed("min: 1,", "format: x,"), ["a column of kind integer has no format"]),
    "two groups": (changed("role: target", "role: group"), ["DEATH_EVENT, patient_id"]),
    "holdout": (changed("holdout: 0.25", "holdout: 25"), ["line 11, data.holdout", "25, expected less than 1"]),
    "no holdout": (changed("holdout: 0.25", "holdout: 0"), ["data.holdout", "expected more than 0"]),
    "model": (changed("model: table", "model: volume"), ["generator.model is volume, expected table"]),
    "unknown model": (changed("model: table", "model: tables"), ["line 14, generator.model", "did you mean table?"]),
    "table and images": (SHORT.replace("a.csv", "a.csv, images: {path: b}"), ["found both of table and images"]),
    "images as a table": ("name: a\ndata: {images: {path: b}}\n", ["generator.model is table, expected volume"]),
    "images in columns": (
        "name: a\ndata: {images: {path: b}, group: c}\ngenerator: {model: volume}\nrelease: {formats: [nifti]}\n",
        ["expected none beside images"],
    ),
    "images as CSV": (
        "name: a\ndata: {images: {path: b}}\ngenerator: {model: volume}\n",
        ["release.formats has parquet, csv, expected some of nifti, dicom"],
    ),
    "seed is true": (changed("seed: 7", "seed: true"), ["generator.seed", "found true, expected a whole number"]),
    "seed is text": (changed("seed: 7", 'seed: "7"'), ["found the text '7', expected a whole number"]),
    "seed is broken": (changed("seed: 7", "seed: 7.5"), ["found the number 7.5, expected a whole number"]),
    "seed below zero": (changed("seed: 7", "seed: -1"), ["expected at least 0"]),
    "effort": (SHORT + "generator: {effort: qick}", ["'qick'", "'thorough'", "did you mean quick?"]),
    "effort and budget": (changed("seed: 7", "effort: quick"), ["line 16, generator.budget", "both given"]),
    "two budgets": (changed("{minutes: 3}", "{minutes: 3, steps: 9}"), ["found minutes and steps, expected one of"]),
    "no budget": (changed("{minutes: 3}", "{}"), ["found none, expected one of minutes, seconds, steps"]),
    "no minutes": (changed("{minutes: 3}", "{minutes: 0}"), ["generator.budget.minutes", "expected more than 0"]),
    "rows": (changed("rows: 1000", "rows: many"), ["line 17, sample.rows", "found the text 'many'"]),
    "no rows": (changed("rows: 1000", "rows: 0"), ["sample.rows", "expected at least 1"]),
    "given crossed": (changed("[60, 80]", "[80, 60]"), ["line 17, sample.given.age", "a range [low, high]"]),
    "given three": (changed("[60, 80]", "[60, 70, 80]"), ["sample.given.age", "a range [low, high]"]),
    "given mapping": (changed("[60, 80]", "{min: old}"), ["sample.given.age", "expected a share for each level"]),
    "purpose": (changed("augment", "publish"), ["line 19, gate.purpose", "'share-under-agreement'"]),
    "purpose and policy": (changed("augment", "augment\n  policy: p.yaml"), ["line 20, gate.policy", "both given"]),
    "bar": (changed('"<=0.05"', '"about 0.05"'), ["line 20, gate.require.shape_error", '"<= 0.10"', "includes 0.5"]),
    "bar of reference": (changed("<= reference + .1", "<= reference times 2"), ["is not a bar"]),
    "bar is a number": (changed('"<=0.05"', "0.05"), ["gate.require.shape_error", 'in quotes: "0.05"']),
    "estimate": (changed("shape_error:", "Shape error:"), ["line 20, gate.require.Shape error", "_upper or _lower"]),
    "formats is text": (changed("[csv]", "csv"), ["line 21, release.formats", "the text 'csv', expected a list"]),
    "format": (changed("[csv]", "[xlsx]"), ["release.formats[0]", "'parquet', 'csv', 'nifti' or 'dicom'"]),
    "no formats": (changed("[csv]", "[]"), ["release.formats", "expected at least one item"]),
    "formats twice": (changed("[csv]", "[csv, csv]"), ["an item is there twice"]),
    "constraints is a mapping": (
        SHORT.replace("a.csv", "a, constraints: {kind: sum}"),
        ["data.constraints", "found a mapping of keys, expected a list"],
    ),
    "constraint kind": (
        constrained("kind: sum", "kind: summ"),
        ["line 6, data.constraints[1].kind", "found the text 'summ'", "'one_hot'", "did you mean sum?"],
    ),
    "constraint without a kind": (
        constrained("kind: sum, ", ""),
        ["line 6, data.constraints[1]: the key kind is missing"],
    ),
    "constraint without a column": (
        constrained("low: slos, ", ""),
        ["line 5, data.constraints[0]: the key low is missing", "add low: the column that is the lower one"],
    ),
    "constraint key": (
        constrained("strict:", "strikt:"),
        ["line 5, data.constraints[0].strikt: unknown key; did you mean strict?", "known keys here: kind, low, high"],
    ),
    "constraint column": (constrained("low: slos", "low: 3"), ["data.constraints[0].low: found the number 3"]),
    "constraint strictness": (constrained("strict: true", "strict: 1"), ["data.constraints[0].strict: found"]),
    "constraint on itself": (
        constrained("low: slos", "low: d.time"),
        ["line 5, data.constraints[0]: low and high are"],
    ),
    "constraint on its total": (
        constrained("total: apache", "total: b"),
        ["line 6, data.constraints[1]: the total 'b'"],
    ),
    "constraint on one part": (constrained("[a, b, c]", "[a]"), ["data.constraints[1].parts: found one column"]),
    "constraint of one flag": (constrained("[a, b]}", "[a, a]}"), ["line 11, data.constraints[4].columns", "twice"]),
    "constraint without conditions": (
        constrained('pregnant: "no", tsh: {missing: true}, visited: {missing: false}', "pregnant: "),
        ["line 9, data.constraints[2].then: found no condition", "that a cell is missing is {missing: true}"],
    ),
    "constraint on both sides": (
        constrained("then: {pregnant", "then: {sex"),
        ["line 7, data.constraints[2]: column 'sex' is in both"],
    ),
    "constraint condition": (
        constrained("{missing: true}", "{absent: true}"),
        ["line 9, data.constraints[2].then.tsh", "expected {missing: true} or {missing: false}"],
    ),
    "constraint range": (
        constrained("[60, null]", "[]"),
        ["line 8, data.constraints[2].when.age: found an empty list"],
    ),
    "constraint on nothing": (constrained("[60, null]", "[null, null]"), ["when.age: null stands for an open end"]),
    "constraint levels": (constrained("[I, II, IV]", "[I, [II]]"), ["when.stage: found a list, expected a value"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_malformed_recipe_is_refused_in_words(tmp_path: Path, name: str) -> None:
    text, words = REFUSED[name]
    file = tmp_path / "heart.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    began = time.monotonic()
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "heart.yaml" in str(caught.value) and caught.value.mend
    assert "1 problem" not in str(caught.value) and time.monotonic() - began < 5


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = changed("seed: 7", "seed: x").replace("0.25", "2").replace("name:", "nam:").replace("1000", "0")
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text)
    told = str(caught.value)
    places = [told.index(word) for word in ("5 problems", "line 2, nam:", "line 11,", "line 15,", "line 17,")]
    assert "the key name is missing" in told and places == sorted(places)


def test_a_flood_of_problems_is_cut(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="and 71 more"):
        load(tmp_path, "name: a\ndata: {table: a}\n" + "".join(f"k{n}: 1\n" for n in range(101)))


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.yaml: the file cannot be read: No such file"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match="this is a folder"):
        load_recipe(tmp_path)


@given(text=st.text(st.sampled_from("ab:{}[],-?&*!|>'\"%@`# \n\t0.~<=\x00é"), max_size=60))
def test_no_text_ends_in_another_error(tmp_path_factory: Any, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(RecipeError):
        load_recipe(file)


# --- for editors -------------------------------------------------------------------------------------------------


def test_the_json_schema_describes_every_key() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema" and schema["$id"] and schema["title"]
    sections = [schema, *schema["$defs"].values()]
    bare = [key for section in sections for key, rule in section["properties"].items() if not rule.get("description")]
    assert bare == []
    assert all(section["additionalProperties"] is False for section in sections)
    assert json.loads(json.dumps(schema)) == schema


def test_the_json_schema_agrees_with_the_reader(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the notebooks extra")
    jsonschema.Draft202012Validator.check_schema(json_schema())
    validator = jsonschema.Draft202012Validator(json_schema())
    shipped = sorted((Path(__file__).resolve().parents[1] / "recipes").glob("*.yaml"))
    for text in (FULL, SHORT, CONSTRAINED, *(recipe.read_text(encoding="utf-8") for recipe in shipped)):
        written = json.loads(json.dumps(yaml.safe_load(text), default=str))
        assert list(validator.iter_errors(written)) == []
        assert list(validator.iter_errors(load(tmp_path, text).model_dump(mode="json", exclude_none=True))) == []
    unseen = (
        "bar of",
        "bounds",
        "bound of",
        "levels of",
        "format of",
        "date for",
        "two groups",
        "given",
        "level twice",
        "formats twice",
        "constraint on",
        "model",
        "images",
    )
    for name, (text, _) in REFUSED.items():
        try:
            written = json.loads(json.dumps(yaml.safe_load(text), default=str))
        except (yaml.YAMLError, TypeError, RecursionError, UnicodeDecodeError):
            continue
        if name not in ("key twice", "column twice", "anchor", "UTF-16", "merge key") and not name.startswith(unseen):
            assert not validator.is_valid(written), name
