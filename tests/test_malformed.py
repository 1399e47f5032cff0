"""Malformed input ends with exit status 2 and a message that names file, column, row or key, and writes nothing."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from synthdiff import TableDiffusion
from synthdiff.cli import main
from synthdiff.console import BAD_INPUT

RECIPE = """\
name: ward
data:
  table: ward.csv
  columns:
    died: {role: target}
    patient: {role: group}
  holdout: 0.3
generator: {seed: 1, budget: {steps: 5}}
gate: {purpose: augment}
"""
RUN = ("run", "ward.yaml")


def ward(rows: int = 120) -> pd.DataFrame:
    """A table with which everything goes well."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "patient": [f"P-{number // 2:04d}" for number in range(rows)],
            "age": draw.integers(20, 90, rows),
            "crp": draw.normal(20, 4, rows).round(2),
            "unit": draw.choice(["A", "B", "C"], rows),
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 300, rows), unit="D"),
            "died": draw.choice([0, 1], rows),
        }
    )


@dataclass(frozen=True)
class Case:
    """One mistake.

    Attributes
    ----------
    what : str
        The mistake, in words.
    words : tuple of str
        What the message must say.
    recipe : str
        The recipe's text.
    spoil : callable
        Puts the mistake into the folder with ``ward.csv``.
    arguments : tuple of str
        The command line.
    process : bool
        Whether to run it in a process of its own.
    """

    what: str
    words: tuple[str, ...]
    recipe: str = RECIPE
    spoil: Callable[[Path], object] = lambda folder: None
    arguments: tuple[str, ...] = RUN
    process: bool = False


def recipe(what: str, old: str, new: str, *words: str, process: bool = False) -> Case:
    """A mistake in the recipe: ``new`` stands where ``old`` should."""
    assert old in RECIPE
    return Case(what, words, recipe=RECIPE.replace(old, new), process=process)


def constraint(what: str, said: str, *words: str) -> Case:
    """A mistake in a constraint."""
    return recipe(what, "  holdout: 0.3", f"  constraints: [{said}]\n  holdout: 0.3", *words)


def table(what: str, change: Callable[[pd.DataFrame], pd.DataFrame], *words: str, text: str = RECIPE) -> Case:
    """A mistake in the content of the table."""
    return Case(what, words, text, lambda folder: change(ward()).to_csv(folder / "ward.csv", index=False))


def file(
    what: str, write: Callable[[Path], object], *words: str, name: str = "ward.csv", process: bool = False
) -> Case:
    """A mistake in the file that holds the table."""
    text = RECIPE.replace("ward.csv", name)
    return Case(what, words, text, lambda folder: write(folder / name), process=process)


def cell(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Put a value into a cell; rows count from 1."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype("object")
        frame.loc[row - 1, column] = value
        return frame

    return change


def columns(**declared: str) -> str:
    """The recipe with declarations of further columns."""
    said = "".join(f"    {name}: {declaration}\n" for name, declaration in declared.items())
    return RECIPE.replace("  columns:\n", f"  columns:\n{said}")


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(ward().to_csv(index=False).encode())[:-40])


def broken_parquet(path: Path) -> None:
    ward().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])


def model(folder: Path) -> Path:
    TableDiffusion(budget_steps=2, random_state=1).fit(ward().drop(columns="patient")).save(folder / "model")
    return folder / "model"


def damaged(name: str, damage: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = model(folder) / name
        path.write_bytes(damage(path.read_bytes()))

    return spoil


def lacking(folder: Path) -> None:
    ward().drop(columns="crp").to_csv(folder / "made.csv", index=False)


def sample(*more: str) -> tuple[str, ...]:
    return ("sample", "model", "-n", "5", *(more or ("-o", "made.csv")))


CASES = [
    # The recipe.
    recipe("unknown key", "  holdout: 0.3", "  hold_out: 0.3", "ward.yaml", "line 7", "data.hold_out", "holdout"),
    recipe("wrong type", "seed: 1", "seed: one", "ward.yaml", "line 8", "generator.seed", "'one'"),
    recipe("YAML syntax", "{role: target}", "{role: target", "ward.yaml", "line", "not YAML", process=True),
    recipe("key there twice", "gate:", "name: other\ngate:", "ward.yaml", "line 9", "name", "line 1"),
    recipe("holdout above one", "holdout: 0.3", "holdout: 1.5", "ward.yaml", "line 7", "data.holdout", "1.5"),
    recipe("nobody to compare with", "holdout: 0.3", "holdout: 0.1", "ward.csv", "12", "data.holdout"),
    recipe("effort and budget", "seed: 1,", "seed: 1, effort: quick,", "ward.yaml", "line 8", "effort", "budget"),
    recipe(
        "bar that is none", "augment}", "augment, require: {shape_error: small}}", "gate.require.shape_error", "small"
    ),
    recipe(
        "bar for what is not estimated",
        "augment}",
        'augment, require: {shape_eror: "<= 1"}}',
        "shape_eror",
        "shape_error",
    ),
    recipe("policy file absent", "purpose: augment", "policy: ours.yaml", "ours.yaml", "cannot be read"),
    recipe("table absent", "table: ward.csv", "table: wards.csv", "wards.csv", "no such file"),
    recipe("table of unknown ending", "table: ward.csv", "table: ward.yaml", "ward.yaml", "ending", ".parquet"),
    recipe("unknown column", "died: {role", "dead: {role", "ward.csv", "'dead'", "died"),
    recipe("too few rows to draw", "gate:", "sample: {rows: 3}\ngate:", "sample.rows", "20"),
    recipe("condition on an unknown column", "gate:", "sample: {given: {agee: 7}}\ngate:", "given", "'agee'", "age"),
    recipe(
        "condition that nothing meets", "gate:", "sample: {given: {unit: Z}}\ngate:", "given", "'unit'", "'Z'", "'A'"
    ),
    constraint(
        "constraint on an unknown column",
        "{kind: inequality, low: age, high: crpp}",
        "ward.csv, constraint 'age <= crpp'",
        "no column 'crpp'",
        "'crp'",
    ),
    constraint(
        "constraint on a column that is not learnt",
        "{kind: combinations, columns: [unit, patient]}",
        "column 'patient' is the group",
    ),
    constraint(
        "constraint that the rows break",
        "{kind: inequality, low: crp, high: age}",
        "ward.csv, constraint 'crp <= age', row 7",
        "6 of 120 rows break it: here crp is 26.33 and age 25; so do rows 8, 28, 42, 45, …",
        "correct the rows, or drop the constraint",
    ),
    constraint(
        "condition that no level meets",
        "{kind: implication, when: {unit: D}, then: {died: 0}}",
        "'if unit = D then died = 0'",
        "column 'unit' has no level 'D'",
        "known: A, B, C",
    ),
    constraint("constraint of an unknown kind", "{kind: equality}", "ward.yaml", "data.constraints[0].kind", "'sum'"),
    Case("recipe absent", ("wards.yaml", "cannot be read"), arguments=("run", "wards.yaml"), process=True),
    Case("override of an unknown key", ("generator.sed", "seed"), arguments=(*RUN, "--set", "generator.sed=8")),
    # The file.
    file("empty file", lambda path: path.write_bytes(b""), "ward.csv", "empty"),
    file("no rows", lambda path: path.write_text("age,died\n"), "ward.csv", "no rows"),
    file("one row", lambda path: path.write_text("age,died\n70,1\n"), "ward.csv", "single row"),
    file("ragged row", lambda path: path.write_text("age,died\n70,1\n71,1,0\n72,0\n"), "ward.csv", "line 3", "3 cells"),
    file("two columns of one name", lambda path: path.write_text("age,died,age\n1,2,3\n4,5,6\n"), "ward.csv", "'age'"),
    file("not UTF-8", lambda path: path.write_bytes("größe,died\n1,0\n2,1\n".encode("latin-1")), "ward.csv", "UTF-8"),
    file("cut gz", packed, "ward.csv.gz", "unpacked", name="ward.csv.gz"),
    file("broken Parquet", broken_parquet, "ward.parquet", "Parquet", name="ward.parquet", process=True),
    # Its content.
    table("too few rows to learn from", lambda frame: frame[:12], "ward.csv", "rows to learn from", "50"),
    table("dates in two forms", cell("seen", 7, "17.03.2024"), "ward.csv", "'seen'", "row 7", "17.03.2024"),
    table(
        "text among numbers",
        cell("crp", 9, "high"),
        "ward.csv",
        "'crp'",
        "row 9",
        "'high'",
        text=columns(crp="{kind: continuous}"),
    ),
    table("infinite number", cell("crp", 5, "inf"), "ward.csv", "'crp'", "row 5", "inf"),
    table(
        "declared kind contradicted",
        lambda frame: frame,
        "ward.csv",
        "'unit'",
        "'A'",
        text=columns(unit="{kind: integer}"),
    ),
    table(
        "cell beyond its bounds",
        cell("age", 4, 190),
        "ward.csv",
        "'age'",
        "row 4",
        "190",
        text=columns(age="{max: 120}"),
    ),
    table("level not among the declared", lambda frame: frame, "'unit'", "'C'", text=columns(unit="{levels: [A, B]}")),
    table(
        "category of unique values",
        lambda frame: frame.assign(unit=[f"u{row}" for row in range(120)]),
        "ward.csv",
        "'unit'",
        text=columns(unit="{kind: categorical}"),
    ),
    table("row without a person", cell("patient", 3, None), "ward.csv", "'patient'", "row 3"),
    # The other commands.
    Case("table to look at absent", ("wards.csv", "no such file"), arguments=("init", "wards.csv")),
    Case("recipe there already", ("ward.yaml", "already"), arguments=("init", "ward.csv", "-o", "ward.yaml")),
    Case("model absent", ("model", "model.json"), arguments=sample()),
    Case(
        "model cut short",
        ("model", "model.json"),
        spoil=damaged("model.json", lambda data: data[:90]),
        arguments=sample(),
    ),
    Case(
        "model of other settings",
        ("model",),
        spoil=damaged("model.json", lambda data: data.replace(b'"rare"', b'"rear"')),
        arguments=sample(),
    ),
    Case(
        "weights cut short",
        ("model.safetensors",),
        spoil=damaged("model.safetensors", lambda data: data[:-9]),
        arguments=sample(),
    ),
    Case(
        "unknown given column",
        ("given", "'agee'", "age"),
        spoil=model,
        arguments=sample("-o", "made.csv", "--given", "agee=7"),
    ),
    Case(
        "given without a value", ("--given", "age"), spoil=model, arguments=sample("-o", "made.csv", "--given", "age")
    ),
    Case("rows to a file of unknown ending", ("made.xlsx", ".csv"), spoil=model, arguments=sample("-o", "made.xlsx")),
    Case("rows to a folder that is not there", ("no/made.csv",), spoil=model, arguments=sample("-o", "no/made.csv")),
    Case("releases in a file", ("ward.csv", "--out"), arguments=(*RUN, "--out", "ward.csv")),
    Case("model into a file", ("ward.csv", "another place"), arguments=("fit", "ward.yaml", "-o", "ward.csv")),
    Case(
        "synthetic table lacks a column",
        ("made.csv", "'crp'"),
        spoil=lacking,
        arguments=("audit", "--real", "ward.csv", "--synthetic", "made.csv", "-o", "report"),
    ),
    Case(
        "unknown policy",
        ("ours", "share-publicly"),
        arguments=("audit", "--real", "ward.csv", "--synthetic", "ward.csv", "--policy", "ours"),
    ),
    Case(
        "target absent",
        ("ward.csv", "'dead'", "died"),
        arguments=("audit", "--real", "ward.csv", "--synthetic", "ward.csv", "--target", "dead"),
    ),
    Case("no release", ("ward.csv",), arguments=("verify", "ward.csv")),
    Case("no store to read", ("mlruns",), arguments=("releases", "show", "ward", "1")),
]


def inside(folder: Path) -> dict[str, bytes]:
    """All files and folders, with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_mistake_is_told_and_leaves_nothing_behind(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    ward().to_csv("ward.csv", index=False)
    Path("ward.yaml").write_text(case.recipe, encoding="utf-8")
    case.spoil(tmp_path)
    before = inside(tmp_path)

    if case.process:
        ended = subprocess.run([sys.executable, "-m", "synthdiff", *case.arguments], capture_output=True, text=True)
        status, out, err = ended.returncode, ended.stdout, ended.stderr
    else:
        result = CliRunner().invoke(main, list(case.arguments), catch_exceptions=False)
        status, out, err = result.exit_code, result.stdout, result.stderr

    assert status == BAD_INPUT, err
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert [word for word in case.words if word not in err] == [], err
    assert inside(tmp_path) == before
