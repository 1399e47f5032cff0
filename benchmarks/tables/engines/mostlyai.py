"""mostlyai-engine: any-order autoregression over discretised columns (TabularARGN), stopped early or by the budget."""

from __future__ import annotations

import shutil
from typing import Any

import pandas as pd

from benchmarks.tables.engines.task import Meter, Task, back


def main() -> None:
    """Fit, sample, answer.

    Missing cells and rounding are the engine's own business; levels are declared as such, numbers left to its
    automatic choice of encoding. Levels that its value protection takes out are drawn anew among the others instead of
    being written as ``_RARE_``, which would give every such row away.
    """
    from mostlyai import engine

    task, meter = Task.given(), Meter()
    workspace = task.folder / "workspace"
    frame, spelt = task.train_as_text()
    budget = float("inf") if task.cpu_seconds is None else task.cpu_seconds
    stopped = "its own rule"

    def watch(**_: Any) -> dict[str, bool] | None:
        nonlocal stopped
        if meter.spent <= budget:
            return None
        stopped = "budget"
        return {"stopExecution": True}

    engine.set_random_state(task.seed)
    types = {name: "TABULAR_CATEGORICAL" if name in spelt else "TABULAR_NUMERIC_AUTO" for name in task.columns}
    with meter.phase("fit"):
        engine.split(tgt_data=frame, tgt_encoding_types=types, workspace_dir=workspace)
        engine.analyze(workspace_dir=workspace)
        engine.encode(workspace_dir=workspace)
        engine.train(workspace_dir=workspace, device="cpu", update_progress=watch)
    with meter.phase("sample"):
        engine.generate(
            workspace_dir=workspace, sample_size=task.rows, device="cpu", rare_category_replacement_method="SAMPLE"
        )
        synthetic = pd.concat(map(pd.read_parquet, sorted((workspace / "SyntheticData").glob("*.parquet"))))
    messages = pd.read_csv(workspace / "ModelStore" / "model-data" / "progress-messages.csv")
    shutil.rmtree(workspace)
    task.answer(back(synthetic, spelt), meter, stopped=stopped, epochs=float(messages["epoch"].iloc[-1]))


if __name__ == "__main__":
    main()
