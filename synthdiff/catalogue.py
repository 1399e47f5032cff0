"""What there is to choose from, and whether this machine is fit for it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo

from synthdiff.errors import RecipeError, SynthdiffError, TrackingError
from synthdiff.parts import Part

if TYPE_CHECKING:
    from synthdiff.tracking import Tracker


def catalogue(family: str) -> list[dict[str, Any]]:
    """The members of a family: kind, first line of the docstring, and what else there is to know."""
    if family == "policies":
        from synthdiff.policy import Policy, shipped

        policies = [Policy.load(name) for name in shipped()]
        return [{"kind": policy.name, "summary": policy.purpose, "more": dict(policy.require)} for policy in policies]
    if family == "recipes":
        return _recipes()
    base = _base(family)
    return [
        {"kind": kind, "summary": part.summary(), "more": _more(part)} for kind, part in sorted(base.members.items())
    ]


def _recipes() -> list[dict[str, Any]]:
    """The recipes that lie here and in ``recipes``; other YAML files are passed over, and mistakes are told."""
    from synthdiff.recipe import load_recipe
    from synthdiff.yamlfile import read_document

    entries = []
    for path in sorted(path for folder in (Path(), Path("recipes")) for path in folder.glob("*.y*ml")):
        more = {}
        try:
            if "data" not in read_document(path, RecipeError).content:
                continue
            recipe = load_recipe(path)
            data, gate = recipe.data, recipe.gate
            named = data.table or (data.images.path if data.images is not None else "")
            summary = f"{recipe.name}: {recipe.generator.model} generator, gate {gate.purpose or gate.policy}"
            more = {"data": named, "formats": ", ".join(recipe.release.formats)}
        except SynthdiffError as error:
            summary = f"cannot be read: {error.what}"
        entries.append({"kind": path.as_posix(), "summary": summary, "more": more})
    return entries


def _base(family: str) -> type[Part]:
    match family:
        case "backbones":
            from synthdiff.nets.unet import Backbone

            return Backbone
        case "checks":
            from synthdiff.checks.check import Check

            return Check
        case "constraints":
            from synthdiff.schema import Constraint

            return Constraint
        case "formats":
            from synthdiff.data.format import Format

            return Format
        case "nets":
            from synthdiff.nets.net import Net

            return Net
        case "samplers":
            from synthdiff.samplers.sampler import Sampler

            return Sampler
        case "schedules":
            from synthdiff.diffusion.schedule import Schedule

            return Schedule
        case "spaces":
            from synthdiff.nets.space import Space

            return Space
        case _:
            from synthdiff.diffusion.sde import SDE

            return SDE


def _more(part: type[Part]) -> dict[str, str]:
    described = {
        name: str(getattr(part, name)) for name in ("matter", "direction", "unit", "source") if hasattr(part, name)
    }
    bars = getattr(part, "bars", {})
    fields = {name: _field(field) for name, field in part.model_fields.items() if name != "kind"}
    return described | ({"bars": ", ".join(f"{name} {bar}" for name, bar in bars.items())} if bars else {}) | fields


def _field(field: FieldInfo) -> str:
    default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
    return f"{default} ({field.description})" if field.description else default


def diagnosis() -> Iterator[tuple[str, str, bool]]:
    """What a bug report needs: name, state, and whether it is well."""
    import torch

    from synthdiff.release import packages
    from synthdiff.training.loop import bfloat16_pays

    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", True
    for name, version in packages().items():
        yield name, version, True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    named = torch.cuda.get_device_name(0) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    yield (
        "device",
        f"{device.type}, {named}, bfloat16 {'native' if bfloat16_pays(device) else 'emulated, not used'}",
        True,
    )
    free = shutil.disk_usage(".").free / 2**30
    yield "disk", f"{free:.1f} GiB free here", free > 1
    try:
        yield "store", f"{len(tracking_store().releases())} attempts tracked", True
    except NoStoreError as error:
        yield "store", f"{error.what}; the first run makes one", True
    except SynthdiffError as error:
        yield "store", str(error), False


class NoStoreError(TrackingError):
    """There is no tracking store yet."""


def tracking_store() -> Tracker:
    """The tracking store to read from.

    Raises
    ------
    NoStoreError
        When there is none; one is made by a run, not by asking for it.
    """
    from synthdiff.tracking import Tracker

    if not os.environ.get("MLFLOW_TRACKING_URI") and not Path("mlruns/mlflow.db").exists():
        raise NoStoreError(
            "there is no tracking store here",
            where=str(Path("mlruns").absolute()),
            mend="go to the folder in which `synthdiff run` was called, or name a store by MLFLOW_TRACKING_URI",
        )
    return Tracker.open()
