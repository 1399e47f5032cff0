# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From 299 patients to an audited release
#
# This notebook does from Python what `synthdiff run recipes/heart-failure.yaml` does from the command line: it learns
# a clinical table, draws new records, asks what they are worth and what they give away, and makes a release.
#
# The table holds 299 patients with heart failure. The question is who died during follow-up.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from synthdiff import Schema, TableDiffusion, audit, run
from synthdiff.data import split
from synthdiff.tracking import NoTracking

here = Path.cwd()
root = next(folder for folder in (here, *here.parents) if (folder / "recipes" / "data").is_dir())
table = pd.read_csv(root / "recipes" / "data" / "heart_failure.csv")
table.head()

# %% [markdown]
# ## What the columns are
#
# A schema says of each column what it is. It is inferred, with a reason for every guess. What you know better you
# declare: here the target, and that a patient's time in the study is a whole number of days.

# %%
schema = Schema.infer(table, {"DEATH_EVENT": {"role": "target"}, "time": {"kind": "integer", "unit": "days", "min": 1}})
pd.DataFrame(
    {"kind": column.kind, "roles": ", ".join(column.roles), "reason": column.reason} for column in schema
).set_axis(schema.names)

# %% [markdown]
# ## What the generator may see
#
# A part of the patients is held out. The generator never sees them, so the audit can compare: if the synthetic
# records are closer to the patients that were learnt from than to the others, they give away who was in the study.

# %%
train, holdout = split(table, schema, holdout=0.3, seed=7)
print(f"{len(train)} patients to learn from, {len(holdout)} held out")
print(f"deaths: {train.DEATH_EVENT.mean():.1%} and {holdout.DEATH_EVENT.mean():.1%}")

# %% [markdown]
# ## Learn and sample
#
# `TableDiffusion` is a scikit-learn estimator. On a table this small five nets learn, each validating on other
# patients, and their predictions are averaged. Of each net the step is kept that describes its validation patients
# about as well as any; here are these steps, and why training ended.

# %%
model = TableDiffusion(budget_steps=400, random_state=7).fit(train, schema=schema)
for number, history in enumerate(model.histories_, 1):
    print(f"net {number}: kept step {history.best_step}: {history.ended}")

# %% [markdown]
# The same seed gives the same records, and they have the types of the table that was learnt.

# %%
synthetic = model.sample(1000)
assert synthetic.equals(model.sample(1000))
assert (synthetic.dtypes == table.dtypes).all()
synthetic.head()

# %%
pd.concat({"real": train.describe(), "synthetic": synthetic.describe()}, axis=1).swaplevel(axis=1).loc[
    ["mean", "std"], ["age", "ejection_fraction", "serum_creatinine", "time", "DEATH_EVENT"]
].T.round(2)

# %% [markdown]
# Records can be drawn under conditions: a value, a range, a list of levels. Here, women between 60 and 80.

# %%
women = model.sample(200, given={"sex": 0, "age": (60, 80)})
assert (women["sex"] == 0).all() and women["age"].between(60, 80).all()
women[["age", "ejection_fraction", "serum_creatinine", "DEATH_EVENT"]].describe().loc[["min", "mean", "max"]].round(2)

# %% [markdown]
# ## What the records are worth, and what they give away
#
# The audit asks each of its questions to the three tables and judges the answers by a policy. `augment` is for
# records that stay inside the house and join the real ones to train a model.

# %%
report = audit(real=train, synthetic=synthetic, holdout=holdout, schema=schema, policy="augment")
print(report.headline)
pd.DataFrame(
    {
        "estimate": answer.estimate,
        "value": answer.value,
        "interval": answer.interval,
        "verdict": answer.verdict,
        "gating": answer.gating,
    }
    for answer in report.answers.values()
).set_axis(report.answers)

# %% [markdown]
# Every figure comes with an interval, and the bad end of it is what counts. An attack that guesses who was in the
# study is right half of the time by chance alone. With 90 patients held out, this is how well it is known:

# %%
membership = report["membership"]
low, high = membership.interval
print(
    f"AUC {membership.value:.2f}, between {low:.2f} and {high:.2f} with 95 % confidence, from {membership.n} patients"
)
print(membership.reason)

# %% [markdown]
# The policy does not pass when it cannot tell. A small table often shows too little: the answer is then
# *inconclusive*, and says how many records would decide it.

# %%
for name, answer in report.answers.items():
    if answer.gating and answer.verdict != "pass":
        print(f"{name}: {answer.verdict}. {answer.reason}")

# %% [markdown]
# The report is one page that opens offline. Saved as `.json`, it is the same answer for a program.

# %%
with TemporaryDirectory() as folder:
    page = report.save(Path(folder) / "report.html")
    print(f"{page.name}: {page.stat().st_size / 1024:.0f} KiB")

# %% [markdown]
# ## The whole way by recipe
#
# A recipe writes all of this down, so that it can be done again. `run` walks it and leaves a release, or the report
# of a refusal. Here both go to a temporary folder and nothing is tracked; by default the release stays in `releases/`
# and MLflow knows of it.
#
# This recipe trains for longer. It also asks for less proof of usefulness than the policy does, because 90 held-out
# patients cannot give that much. It says so in the recipe, and the report says that the policy was amended.

# %%
with TemporaryDirectory() as folder:
    outcome = run(root / "recipes" / "heart-failure.yaml", out=folder, tracker=NoTracking())
    files = sorted(path.relative_to(outcome.folder).as_posix() for path in outcome.folder.rglob("*") if path.is_file())

print("accepted" if outcome.accepted else "refused", "-", outcome.answer["headline"])
print(*files, sep="\n")
