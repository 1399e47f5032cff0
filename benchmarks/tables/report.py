"""Results as a page of markdown tables: means over the seeds with their standard errors."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Cell = Mapping[str, Any]
"""One engine on one table with one seed: ``facts`` and ``scores``."""

START, END = "<!-- results -->", "<!-- /results -->"

HEAD = (
    "| engine | detection AUC | against held-out | Shape % | Trend % | Trend %, common bins | TSTR AUC "
    "| membership AUC | fit, CPU s | peak, MB | rows/s |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def page(cells: Mapping[str, Mapping[str, Sequence[Cell]]], floors: Mapping[str, Mapping[str, Any]]) -> str:
    """All results.

    Parameters
    ----------
    cells : mapping
        By table and engine, one cell a seed.
    floors : mapping
        By table, the scores of the real held-out rows.
    """
    parts = [f"Measured on {machine()}."]
    parts += [_table(name, engines, floors[name]) for name, engines in cells.items() if engines]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    """The processor, the number of its cores and the system, in words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def into(readme: Path, text: str) -> None:
    """Put the results between the two markers of a README."""
    before, rest = readme.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{START}\n{text}{END}{after}", encoding="utf-8")


def _table(name: str, engines: Mapping[str, Sequence[Cell]], floor: Mapping[str, Any]) -> str:
    lines = [f"### {name}", "", HEAD, *(_row(engine, cells) for engine, cells in engines.items() if cells)]
    every = [cell for cells in engines.values() for cell in cells]
    lines.append(_floor_row(floor, every))
    notes = [_telling(engine, cells) for engine, cells in engines.items() if cells]
    return "\n".join(lines) + "\n\n" + "\n".join(notes)


def _row(engine: str, cells: Sequence[Cell]) -> str:
    entries = [
        _score(cells, "detection", 3),
        _score(cells, "detection_held_out", 3),
        _score(cells, "shape", 2, 100),
        _score(cells, "trend", 2, 100),
        _score(cells, "trend_common", 2, 100),
        _score(cells, "tstr", 3),
        _membership(cells),
        _mean([cell["facts"]["fit"]["cpu_seconds"] for cell in cells], 1),
        f"{np.mean([cell['facts']['peak_mb'] for cell in cells]):,.0f}",
        f"{np.mean([cell['facts']['rows_per_second'] for cell in cells]):,.0f}",
    ]
    return f"| {engine} | " + " | ".join(entries) + " |"


def _floor_row(floor: Mapping[str, Any], cells: Sequence[Cell]) -> str:
    """The real held-out rows; in brackets what as many of them as there are synthetic rows would score."""

    def error(name: str) -> str:
        many = [found["reference"] for cell in cells if (found := cell["scores"].get(name)) and "reference" in found]
        return f"{100 * floor[name]['value']:.2f} ({100 * np.mean(many):.2f})" if floor.get(name) else "–"

    tstr = f"{floor['tstr']['value']:.3f}" if floor.get("tstr") else "–"
    entries = [f"{floor['detection']['value']:.3f}", "–", error("shape"), error("trend"), error("trend_common"), tstr]
    return "| *real held-out rows* | " + " | ".join([*entries, ".5", "–", "–", "–"]) + " |"


def _telling(engine: str, cells: Sequence[Cell]) -> str:
    """What gives an engine away, and in which state its training ended; of the first seed."""
    scores, facts = cells[0]["scores"], cells[0]["facts"]
    columns = ", ".join(f"`{found['column']}` {found['auc_drop']:.3f}" for found in scores["telling"])
    note = f"- {engine}: seen by {columns}; training ended by {facts['stopped']}"
    if facts["allowed_cpu_seconds"] is not None:
        note += f" ({facts['allowed_cpu_seconds']:.0f} CPU s were allowed)"
    if "broken" in scores:
        note += f"; rule broken in {_mean([c['scores']['broken']['value'] for c in cells], 2, 100)} % of the rows"
    return note + f"; {len(cells)} seed{'s' if len(cells) > 1 else ''}."


def _score(cells: Sequence[Cell], name: str, digits: int, scale: float = 1) -> str:
    found = [cell["scores"].get(name) for cell in cells]
    return _mean([one["value"] for one in found if one], digits, scale) if any(found) else "–"


def _membership(cells: Sequence[Cell]) -> str:
    """The mean, and the widest interval of any seed."""
    found = [cell["scores"]["membership"] for cell in cells if cell["scores"].get("membership")]
    if not found:
        return "–"
    ends: tuple[Callable[..., float], Callable[..., float]] = (min, max)
    low, high = (end(one["interval"][i] for one in found) for i, end in enumerate(ends))
    return f"{np.mean([one['value'] for one in found]):.3f} [{low:.3f}, {high:.3f}]"


def _mean(values: Sequence[float], digits: int, scale: float = 1) -> str:
    of = scale * np.asarray(values)
    text = f"{of.mean():.{digits}f}"
    return text if len(of) < 2 else f"{text} ± {of.std(ddof=1) / np.sqrt(len(of)):.{digits}f}"
