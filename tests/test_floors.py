"""What the code may import, call and weigh. The floors between the rooms are held by ``lint-imports``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "synthdiff"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

LONGEST = 400

HEAVY = {"PIL", "highdicom", "matplotlib", "mlflow", "monai", "nibabel", "pyarrow", "pydicom", "scipy", "sklearn"}
AT_TOP = {
    "codec/number.py": {"scipy"},  # every cell that is encoded needs the normal distribution
    "generator.py": {"sklearn"},  # a base class must be there when its subclass is defined
}

EXECUTES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
"""Modules whose files can hold code that reading them runs."""

FORBIDDEN = {
    "builtins.eval",
    "builtins.exec",
    "eval",
    "exec",
    "numpy.load",
    "pandas.read_pickle",
    "torch.load",
    "torch.save",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}


def statements_at_import(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, those for type checkers excepted."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        checked = isinstance(statement, ast.If) and ast.unparse(statement.test) in {
            "TYPE_CHECKING",
            "typing.TYPE_CHECKING",
        }
        parts = ("orelse",) if checked else ("body", "orelse", "finalbody", "handlers")
        for part in parts:
            inner = getattr(statement, part, [])
            for block in (handler.body if isinstance(handler, ast.ExceptHandler) else [handler] for handler in inner):
                yield from statements_at_import(block)


def imported(statement: ast.AST) -> dict[str, str]:
    """What an import statement binds: dotted origins by name."""
    if isinstance(statement, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
            for alias in statement.names
        }
    if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        return {alias.asname or alias.name: f"{statement.module}.{alias.name}" for alias in statement.names}
    return {}


def heavy_at_top(tree: ast.Module) -> set[str]:
    """The heavy libraries that importing a module imports."""
    origins = (origin for statement in statements_at_import(tree.body) for origin in imported(statement).values())
    return {origin.split(".")[0] for origin in origins} & HEAVY


def unsafe(tree: ast.Module) -> set[str]:
    """What a module imports or names that can run code found in data."""
    nodes = list(ast.walk(tree))
    bound = {name: origin for node in nodes for name, origin in imported(node).items()}
    named = {dotted(node, bound) for node in nodes if isinstance(node, ast.Name | ast.Attribute)}
    libraries = {origin for origin in bound.values() if origin.split(".")[0] in EXECUTES}
    return libraries | ((named | set(bound.values())) & FORBIDDEN)


def dotted(node: ast.expr, bound: dict[str, str]) -> str:
    """The full name of what an expression such as ``np.load`` refers to; empty when it is no such expression."""
    if isinstance(node, ast.Name):
        return bound.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, bound)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


@pytest.mark.parametrize("name", MODULES)
def test_heavy_libraries_are_imported_where_they_are_used(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert heavy_at_top(tree) == AT_TOP.get(name, set()), "import it inside the functions that use it"


@pytest.mark.parametrize("name", MODULES)
def test_nothing_that_is_read_is_executed(name: str) -> None:
    assert not unsafe(ast.parse(MODULES[name].read_text(encoding="utf-8"))), "read safetensors, JSON, or safe YAML"


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_short(name: str) -> None:
    lines = len(MODULES[name].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{name} has {lines} lines: find the second thing it is about, and give that a module"


def test_the_modules_with_exceptions_exist() -> None:
    assert set(AT_TOP) <= set(MODULES)


@pytest.mark.parametrize("module", ["synthdiff", "synthdiff.cli"])
def test_the_package_and_its_help_load_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & (HEAVY | {"numpy", "pandas", "torch"})


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import sklearn.base", {"sklearn"}),
        ("try:\n    from scipy import stats\nexcept ImportError:\n    import pyarrow.csv as csv", {"pyarrow", "scipy"}),
        ("class A:\n    import matplotlib", {"matplotlib"}),
        ("with open('x'):\n    import mlflow", {"mlflow"}),
        ("def f():\n    import mlflow", set()),
        ("if TYPE_CHECKING:\n    import mlflow\nelse:\n    import scipy", {"scipy"}),
    ],
)
def test_the_search_for_heavy_libraries_finds_them(source: str, found: set[str]) -> None:
    assert heavy_at_top(ast.parse(source)) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle as p", {"pickle"}),
        ("def f():\n    from joblib import load", {"joblib.load"}),
        ("import torch\nread = torch.load", {"torch.load"}),
        ("from torch import load as get\nget('x')", {"torch.load"}),
        ("import yaml as y\ny.load(t, y.SafeLoader)", {"yaml.load"}),
        ("import numpy as np\nnp.load('x')", {"numpy.load"}),
        ("eval('1')", {"eval"}),
        ("run = exec", {"exec"}),
        ("net.eval()", set()),
        ("import json, torch\njson.load(f)", set()),
        ("from safetensors.torch import load", set()),
    ],
)
def test_the_search_for_what_executes_finds_it(source: str, found: set[str]) -> None:
    assert unsafe(ast.parse(source)) == found
