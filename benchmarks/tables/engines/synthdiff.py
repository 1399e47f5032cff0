"""synthdiff at its default settings."""

from __future__ import annotations

import pandas as pd

from benchmarks.tables.engines.task import Meter, Task


def main() -> None:
    """Fit, sample, answer."""
    from synthdiff import Schema, TableDiffusion

    task, meter = Task.given(), Meter()
    train = pd.read_parquet(task.folder / "train.parquet")
    roles = {name: {"role": "group"} for name, kind in task.kinds.items() if kind == "group"}
    roles |= {task.target: {"role": "target"}} if task.target else {}
    with meter.phase("fit"):
        model = TableDiffusion(random_state=task.seed, device="cpu").fit(train, schema=Schema.infer(train, roles))
    with meter.phase("sample"):
        synthetic = model.sample(task.rows)
    task.answer(synthetic, meter, stopped="its own rule", parameters=model.parameters)


if __name__ == "__main__":
    main()
