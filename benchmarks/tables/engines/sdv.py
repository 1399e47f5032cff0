"""CTGAN, TVAE and the Gaussian copula through SDV, which handles missing cells, rounding and levels for the three."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks.tables.engines.task import Meter, Task, back

ENDLESS = 10**9


def main() -> None:
    """Fit, sample, answer.

    For CTGAN and TVAE a missing number gets an indicator column that is learnt with the others (``from_column``); by
    SDV's default, which the Gaussian copula keeps because its fit to indicators degenerates, numbers are missing at
    random. Rounding and bounds are SDV's defaults.
    """
    import numpy as np
    import torch
    from rdt.transformers import FloatFormatter
    from sdv.metadata import Metadata

    warnings.filterwarnings("ignore")
    task, meter = Task.given(), Meter()
    frame, spelt = task.train_as_text()
    np.random.seed(task.seed)  # noqa: NPY002 - what the three draw from
    torch.manual_seed(task.seed)
    columns = {name: {"sdtype": "categorical" if name in spelt else "numerical"} for name in task.columns}
    metadata = Metadata.load_from_dict({"tables": {"table": {"columns": columns}}})
    with meter.phase("fit"):
        model, facts = _model(task, meter, metadata)
        model.auto_assign_transformers({"table": frame})
        if task.engine != "gaussian-copula":
            gaps = [name for name in task.columns if name not in spelt and frame[name].isna().any()]
            model.update_transformers({name: _formatter(FloatFormatter) for name in gaps})
        model.fit({"table": frame})
    with meter.phase("sample"):
        synthetic = model.sample(task.rows)["table"]
    task.answer(back(synthetic, spelt), meter, **facts)


def _formatter(kind: Callable[..., Any]) -> Any:
    return kind(
        missing_value_replacement="mean",
        missing_value_generation="from_column",
        learn_rounding_scheme=True,
        enforce_min_max_values=True,
    )


def _model(task: Task, meter: Meter, metadata: Any) -> tuple[Any, dict[str, Any]]:
    from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer, TVAESynthesizer

    if task.engine == "gaussian-copula":
        return GaussianCopulaSynthesizer(metadata), {"stopped": "closed form"}
    facts: dict[str, Any] = {"stopped": "budget", "epochs": 0}
    module, kind = {"ctgan": ("ctgan", CTGANSynthesizer), "tvae": ("tvae", TVAESynthesizer)}[task.engine]

    def until_spent(epochs: Iterable[int], **_: Any) -> Iterator[int]:
        for epoch in epochs:
            if task.cpu_seconds is not None and meter.spent > task.cpu_seconds:
                return
            facts["epochs"] = epoch + 1
            yield epoch

    # Neither has a callback or a limit of time; both count their epochs through tqdm.
    sys.modules[f"ctgan.synthesizers.{module}"].tqdm = until_spent  # type: ignore[attr-defined]
    return kind(metadata, epochs=ENDLESS, enable_gpu=False), facts


if __name__ == "__main__":
    main()
