"""How often the gate is wrong: ``python -m benchmarks.gate``.

Takes fresh real rows for synthetic ones, and then the same with a share of them replaced by verbatim training rows, and
asks every policy that comes with synthdiff for its verdict. Of tables without copies at most 5 % may be refused; of
tables with copies, the more the better. Finished seeds are kept as JSON, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.engines.registry import ROOT
from benchmarks.tables.tables import TABLES
from synthdiff.auditing import questions
from synthdiff.checks.intervals import wilson
from synthdiff.evidence import gather
from synthdiff.policy import Policy
from synthdiff.schema import Schema
from synthdiff.seeds import numpy_generator
from synthdiff.verdict import conclude, judge, kind

PLANTED = (0.0, 0.01, 0.05, 0.2)
"""Shares of the synthetic rows that are copies of training rows."""

POLICIES = ("augment", "share-publicly", "share-under-agreement", "test-data")
"""Those that come with synthdiff for tables."""

Job = tuple[int, float, Path, str, Path, int]


def world(frame: pd.DataFrame, schema: Schema, rows: int, planted: float, seed: int) -> Any:
    """Training, held-out and "synthetic" rows, all real and none of them twice, but for the copies that are planted."""
    draw = numpy_generator(seed, "gate")
    order = draw.permutation(len(frame))[: 3 * rows]
    train, holdout, fresh = (frame.iloc[part].reset_index(drop=True) for part in np.split(order, 3))
    copies = round(planted * rows)
    copied = train.iloc[draw.choice(rows, copies, replace=False)]
    synthetic = pd.concat([fresh.iloc[copies:], copied], ignore_index=True)
    return gather(train, synthetic.iloc[draw.permutation(rows)].reset_index(drop=True), holdout, schema, seed)


def one(job: Job) -> dict[str, Any]:
    """The verdicts of all policies, and what each required bar came to, in one world."""
    seed, planted, data, table, out, rows = job
    kept = out / f"{table}-{rows}-{planted:g}-{seed}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    train, held_out, schema = TABLES[table].load(data)
    frame = pd.concat([train, held_out], ignore_index=True)
    if (target := TABLES[table].target) is not None:
        schema = Schema.infer(frame, {target: {"role": "target"}} | TABLES[table].roles)
    evidence = world(frame, schema, rows, planted, seed)
    policies = [Policy.load(name) for name in POLICIES]
    required = {name for policy in policies for name in policy.bars}
    checks = [check for check in questions(None) if set(check.bars) & required]
    findings = {kind(check): check.run(evidence) for check in checks}
    found = {"seed": seed, "planted": planted, "verdicts": {}, "bars": {}}
    for policy in policies:
        answers = {kind(check): judge(check, findings[kind(check)], policy) for check in checks}
        found["verdicts"][policy.name] = conclude(policy, answers)[0]
        found["bars"][policy.name] = {
            name: bar.verdict for answer in answers.values() for name, bar in answer.bars.items() if bar.gating
        }
    kept.write_text(json.dumps(found, indent=1))
    return found


def table_of(results: list[dict[str, Any]]) -> Iterator[str]:
    """The verdicts by policy and planted share, as lines of a table, and the bars that were missed most."""
    yield "| policy | copies planted | passed | undecided | refused | bars missed in at least 5 % of the seeds |"
    yield "|---|---|---|---|---|---|"
    for policy in POLICIES:
        for planted in sorted({result["planted"] for result in results}):
            seen = [result for result in results if result["planted"] == planted]
            verdicts = [result["verdicts"][policy] for result in seen]
            passed, unsure, refused = (_share(verdicts, word) for word in ("pass", "inconclusive", "fail"))
            bars = [result["bars"][policy] for result in seen]
            often = {name: np.mean([bar[name] == "fail" for bar in bars]) for name in bars[0]}
            missed = ", ".join(f"`{name}` {share:.0%}" for name, share in often.items() if share >= 0.05)
            yield f"| {policy} | {planted:.1%} | {passed} | {unsure} | {refused} | {missed or '–'} |"


def curve(results: list[dict[str, Any]], file: Path) -> None:
    """Draw how often each policy refuses, or does not pass, by the share of copies."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    planted = sorted({result["planted"] for result in results})
    places = range(len(planted))
    figure, panels = pyplot.subplots(1, len(POLICIES), figsize=(11, 2.8), sharey=True, layout="constrained")
    for panel, policy in zip(panels, POLICIES, strict=True):
        for word, colour, label in (("fail", "#b2182b", "refused"), ("pass", "#2166ac", "passed")):
            found = [
                wilson(verdicts.count(word), len(verdicts))
                for share in planted
                for verdicts in [[one["verdicts"][policy] for one in results if one["planted"] == share]]
            ]
            values = [value for value, _ in found]
            ends = [[value - low for value, (low, _) in found], [high - value for value, (_, high) in found]]
            panel.errorbar(places, values, ends, color=colour, label=label, marker="o", markersize=4, capsize=2)
        panel.set_title(policy, fontsize=10)
        panel.set_xticks(places, [f"{share:.3g}" for share in (100 * share for share in planted)])
        panel.set_xlabel("copies, % of the rows")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("share of audits")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=110)


def _share(verdicts: list[str], word: str) -> str:
    share, (low, high) = wilson(verdicts.count(word), len(verdicts))
    return f"{share:.0%} [{low:.0%}, {high:.0%}]"


def main() -> int:
    """Judge every world, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--table", choices=list(TABLES), default="adult")
    parser.add_argument("--rows", type=int, default=5000, help="of each of the three tables")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--planted", type=lambda text: [float(part) for part in text.split(",")], default=PLANTED)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tables")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks" / "gate")
    parser.add_argument("--figure", type=Path, help="where to draw all worlds that were judged so far")
    ask = parser.parse_args()
    ask.out.mkdir(parents=True, exist_ok=True)
    jobs = [(seed, p, ask.data, ask.table, ask.out, ask.rows) for seed in range(ask.seeds) for p in ask.planted]
    with ProcessPoolExecutor(ask.workers) as pool:
        results = []
        for job, result in zip(jobs, pool.map(one, jobs), strict=True):
            results.append(result)
            print(f"seed {job[0]}, {job[1]:.0%} copies: {result['verdicts']}", file=sys.stderr, flush=True)
    print("\n".join(table_of(results)))
    if ask.figure is not None:
        pattern = f"{ask.table}-{ask.rows}-*.json"
        curve([json.loads(file.read_text()) for file in sorted(ask.out.glob(pattern))], ask.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
