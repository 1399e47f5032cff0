"""The generator as MLflow keeps it: safetensors and JSON with the name of their loader, never a pickle."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdiff.release import packages

if TYPE_CHECKING:
    import pandas as pd


def write(folder: Path, to: Path, *, run_id: str, model_id: str) -> None:
    """Write a saved generator in MLflow's form, which names no path of this machine and infers nothing.

    Parameters
    ----------
    folder : Path
        The saved generator.
    to : Path
        A folder that does not exist yet.
    run_id, model_id : str
        MLflow's names of the run and of the logged model.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    asked = Schema([ColSpec("long", "n"), ColSpec("long", "random_state", required=False)])
    with warnings.catch_warnings():
        # It misses an example of the input; the signature says all there is to say.
        warnings.simplefilter("ignore")
        pyfunc.save_model(
            str(to),
            loader_module=__name__,
            data_path=str(folder),
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            signature=ModelSignature(asked),
            # A local build such as "2.13.0+cpu" is on no package index.
            pip_requirements=[f"{name}=={version.split('+')[0]}" for name, version in packages().items()],
        )


class Sampling:
    """What ``mlflow.pyfunc.load_model`` gives: ``predict`` takes requests and draws records."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Draw ``n`` records for each row of requests, with its ``random_state`` where there is one."""
        import pandas as pd

        drawn: list[pd.DataFrame] = []
        for request in model_input.to_dict("records"):
            seed = request.get("random_state")
            chosen = {} if seed is None or pd.isna(seed) else {"random_state": int(seed)}
            drawn.append(self._generator.sample(int(request["n"]), **chosen))
        return pd.concat(drawn, ignore_index=True)


def _load_pyfunc(path: str) -> Sampling:
    """Read a logged generator; MLflow finds this function by its name."""
    # In a fresh process nothing else has imported the presets, and a kind is known once its module is imported.
    from synthdiff import generator, table  # noqa: F401

    return Sampling(generator.load(Path(path)))
