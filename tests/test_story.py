"""The README as a test: what it tells a reader to do works, and what ships is in order."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from synthdiff.material import Pictures, load
from synthdiff.recipe import json_schema, load_recipe
from synthdiff.walk import estimate, policy_of

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    elderly = names["elderly"]
    assert isinstance(elderly, pd.DataFrame) and len(elderly) == 200
    assert elderly["age"].between(60, 80).all() and (elderly["sex"] == 1).all()
    assert (tmp_path / "report.html").stat().st_size > 50_000


def test_every_file_that_the_documents_name_is_there() -> None:
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document.name} names {target}"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_shipped_recipes_are_in_order(path: Path) -> None:
    recipe = load_recipe(path)
    if recipe.data.images is not None and not recipe.resolve(recipe.data.images.path).exists():
        pytest.skip("these images do not ship")
    material = load(recipe)
    assert len(material.train) + len(material.holdout) >= 130
    assert isinstance(material, Pictures) or material.schema.target is not None
    assert policy_of(recipe).require
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=recipe.schema.json"
    assert lines[1] == f"# synthdiff run recipes/{path.name}"


def test_the_shipped_json_schema_is_that_of_the_code() -> None:
    shipped = json.loads((ROOT / "recipes/recipe.schema.json").read_text(encoding="utf-8"))
    assert shipped == json.loads(json.dumps(json_schema())), (
        "write it again: synthdiff schema > recipes/recipe.schema.json"
    )


def test_a_dry_run_says_what_it_costs() -> None:
    cost = estimate(load_recipe(ROOT / "recipes/heart-disease.yaml"))
    assert cost["training_rows"] + cost["held_out_rows"] == 920
    assert 0 < cost["minutes_at_most"] < 60 and cost["parameters"] > 10_000 and cost["peak_memory_mib"] > 100


def test_the_public_functions_are_functions_whatever_was_imported_before() -> None:
    imports = "import synthdiff.walk, synthdiff.auditing; from synthdiff import audit, load, run"
    code = f"{imports}; assert all(map(callable, (audit, load, run)))"
    subprocess.run([sys.executable, "-c", code], check=True)
