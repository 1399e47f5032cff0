"""What all drafts share: their first lines, names and paths, and comments that stay comments."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

SCHEMA_FILE = "recipe.schema.json"
"""The JSON schema that a draft names in its first line; it stands beside the recipe."""


def head(recipe: Path) -> list[str]:
    """The lines with which a draft begins: its schema for editors, and the command that runs it."""
    return [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"# synthdiff run {comment(shlex.quote(recipe.name if recipe.is_absolute() else recipe.as_posix()))}",
        "#",
    ]


def comment(text: str) -> str:
    """Text that ends neither its line nor the YAML."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def release_name(name: str, otherwise: str) -> str:
    """The name of a release after that of a file or folder."""
    stem = name.split(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:100] or otherwise


def relative(data: Path, recipe: Path) -> str:
    """The path of data as a recipe names it."""
    try:
        return Path(os.path.relpath(data, recipe.parent)).as_posix()
    except ValueError:  # on another drive there is no relative path
        return data.as_posix()
