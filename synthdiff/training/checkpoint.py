"""Checkpoints: all that training needs to go on as if nothing had happened, in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from synthdiff.errors import ModelError


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts to one file, whole or not at all; its folder is made."""
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Not save_file, which tells of a full disk by an error of its own kind.
    with temporary.open("wb") as file:
        file.write(save(contiguous, metadata={"facts": json.dumps(facts, sort_keys=True)}))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read back what :func:`write_tensors` wrote.

    Raises
    ------
    ModelError
        When the file is damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 - not a mapping
    except FileNotFoundError:
        raise ModelError("there is no such file", where=path.name, mend="check the path of the model") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise ModelError(
            f"this is not a file that synthdiff wrote ({error})", where=path.name, mend="fit the model again"
        ) from None


def named(prefix: str, tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copies of tensors under ``prefix/``."""
    return {f"{prefix}/{name}": tensor.clone() for name, tensor in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under ``prefix/``, by their own names."""
    start = prefix + "/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
