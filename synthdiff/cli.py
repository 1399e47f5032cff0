"""The command line. It imports the rest inside the commands, so that ``--help`` takes a blink."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthdiff.console import ACCEPTED, BAD_INPUT, REFUSED, as_text, emit, guarded, say, writable

if TYPE_CHECKING:
    from synthdiff.auditor import Case, ImageCase
    from synthdiff.progress import Progress
    from synthdiff.tracking import Tracker

FILE = click.Path(path_type=Path)
FAMILIES = [
    "backbones",
    "checks",
    "constraints",
    "formats",
    "nets",
    "policies",
    "recipes",
    "samplers",
    "schedules",
    "sdes",
    "spaces",
]


def progress() -> Progress:
    """Bars on a terminal, lines elsewhere."""
    from synthdiff.progress import progress_to

    return progress_to(sys.stderr)


def store() -> Tracker:
    """The tracking store to read from; reading makes none."""
    from synthdiff.catalogue import tracking_store

    return tracking_store()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="synthdiff")
def main(debug: bool) -> None:
    """Synthetic clinical data by score-based diffusion, audited and released with evidence.

    Exit status: 0 done and accepted, 1 unexpected failure, 2 bad input or usage, 3 the gate refused the release.
    """


@main.command()
@click.argument("data", type=FILE)
@click.option("-o", "--output", type=FILE, default=Path("recipe.yaml"), show_default=True, help="The recipe to write.")
@guarded
def init(data: Path, output: Path) -> None:
    """Look at a table, or a folder of images, and write a commented recipe."""
    from synthdiff.draft import SCHEMA_FILE, draft
    from synthdiff.errors import DataError
    from synthdiff.recipe import json_schema

    if output.exists():
        raise DataError("the file is there already", where=str(output), mend="choose another with -o, or remove it")
    writable(output)
    text, found = draft(data, output)
    output.write_text(text, encoding="utf-8")
    say(f"{found}; the recipe is in {output}")
    beside, rules = output.with_name(SCHEMA_FILE), as_text(json_schema())
    if not beside.exists():
        beside.write_text(rules, encoding="utf-8")
    elif beside.read_text(encoding="utf-8") != rules:
        say(f"{beside} is another one and stays as it is; for this version's: synthdiff schema > {SCHEMA_FILE}")
    say(f"look through it, then: synthdiff run {output}")


@main.command("run")
@click.argument("recipe", type=FILE)
@click.option("--out", type=FILE, default=Path("releases"), show_default=True, help="The folder of all releases.")
@click.option("--resume", is_flag=True, help="Go on with an attempt that was interrupted.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and stop.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key, such as generator.seed=8."
)
@click.option("--track/--no-track", default=True, help="Track the attempt in MLflow.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@guarded
def run_recipe(
    recipe: Path, out: Path, resume: bool, dry_run: bool, overrides: tuple[str, ...], track: bool, as_json: bool
) -> int:
    """The main job: load, split, fit, sample, audit, gate, release, track."""
    from synthdiff.recipe import load_recipe
    from synthdiff.tracking import NoTracking
    from synthdiff.walk import estimate, reasons, run

    loaded = load_recipe(recipe, overrides)
    if dry_run:
        cost = estimate(loaded, progress())
        if as_json:
            emit(cost)
        else:
            for name, value in cost.items():
                click.echo(f"{name.replace('_', ' '):<22}{value:,}")
        return ACCEPTED
    tracker = None if track else NoTracking()
    outcome = run(loaded, out=out, resume=resume, tracker=tracker, progress=progress())
    verdict = {True: "accepted", False: "refused"}[outcome.accepted]
    say(f"\n{verdict}: {outcome.answer['headline']}")
    for reason in reasons(outcome.answer):
        say(f"  - {reason}")
    if as_json:
        emit(
            {
                "verdict": verdict,
                "number": outcome.number,
                "folder": str(outcome.folder),
                "report": str(outcome.report),
                "answer": outcome.answer,
            }
        )
    else:
        click.echo(f"report: {outcome.report}")
    return ACCEPTED if outcome.accepted else REFUSED


@main.command()
@click.argument("recipe", type=FILE)
@click.option("-o", "--output", type=FILE, required=True, help="The folder for the model.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the recipe.")
@guarded
def fit(recipe: Path, output: Path, overrides: tuple[str, ...]) -> None:
    """Learn the data of a recipe and save the model; the holdout is kept from it as in a run."""
    from synthdiff.recipe import load_recipe
    from synthdiff.walk import fit as fit_recipe

    writable(output, folder=True)
    model = fit_recipe(load_recipe(recipe, overrides), progress())
    model.save(output)
    say(f"the model is in {output}; it has seen real records and stays in the house")


@main.command()
@click.argument("model", type=FILE)
@click.option("-n", "rows", type=click.IntRange(min=1), required=True, help="How many rows, or images.")
@click.option("-o", "--output", type=FILE, required=True, help="The .csv or .parquet to write; of images, the folder.")
@click.option("--given", multiple=True, metavar="COL=VALUE", help="A condition: sex=F, or a range: 'age=[60, 80]'.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the draw; the model's own by default.")
@guarded
def sample(model: Path, rows: int, output: Path, given: tuple[str, ...], seed: int | None) -> None:
    """Draw rows, or images, from a fitted model. They are not audited: only `run` makes a release."""
    from synthdiff.presets import load
    from synthdiff.recipe import conditions
    from synthdiff.sampling import makes_folder, sample_to_files

    loaded = load(model)
    writable(output, folder=makes_folder(loaded))
    word = sample_to_files(loaded, rows, output, conditions(given), seed, progress=progress())
    say(f"{rows:,} {word}s are in {output}; they were not audited")


@main.command("audit")
@click.option("--real", type=FILE, required=True, help="The table, or folder of images, that was learnt from.")
@click.option("--synthetic", type=FILE, required=True, help="The table, or folder, to judge, whoever made it.")
@click.option("--holdout", type=FILE, help="Real records that the generator never saw; many questions need them.")
@click.option("--policy", help="A policy's name, or a file of your own; by default share-publicly or share-images.")
@click.option("--recipe", type=FILE, help="A recipe whose data.columns say what the columns are.")
@click.option("--target", help="The column that the data are to predict.")
@click.option("--claims", type=FILE, help="Somebody's quality report (JSON), whose claims are computed again.")
@click.option("--custodian", type=FILE, help="A page for the custodian with the real records concerned. Not to share.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-o", "--output", type=FILE, help="A folder for report.html and report.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@guarded
def audit_tables(
    real: Path,
    synthetic: Path,
    holdout: Path | None,
    policy: str | None,
    recipe: Path | None,
    target: str | None,
    claims: Path | None,
    custodian: Path | None,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> int:
    """Judge a synthetic table, or a folder of synthetic images, whoever made it."""
    from synthdiff.auditor import audit_files, audit_folders
    from synthdiff.data.folders import are_images

    if output is not None:
        writable(output, folder=True)
    if custodian is not None:
        writable(custodian)
    case: Case | ImageCase
    common: dict[str, Any] = {"seed": seed, "progress": progress()}
    if are_images(real):
        if any(option is not None for option in (recipe, target, claims)):
            raise click.UsageError("--recipe, --target and --claims are of tables")
        report, case = audit_folders(real, synthetic, holdout, policy=policy or "share-images", **common)
    else:
        common |= {"recipe": recipe, "target": target, "report": claims}
        report, case = audit_files(real, synthetic, holdout, policy=policy or "share-publicly", **common)
    answer = report.to_dict()
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        report.save(output / "report.html")
        report.save(output / "report.json")
    if custodian is not None:
        report.save_for_custodian(custodian, case.train, case.synthetic)
        say(f"{custodian} shows real {case.word}s and stays with their custodian")
    say(f"\n{report.verdict}: {answer['headline']}")
    if as_json:
        emit(answer)
    else:
        for name, check in answer["checks"].items():
            click.echo(f"{name:<20}{check['verdict']:<14}{check['reason']}")
        for claim in answer["claims"]:
            click.echo(_examined(claim))
        if output is not None:
            click.echo(f"report: {output / 'report.html'}")
    return ACCEPTED if report.verdict == "pass" else REFUSED


def _examined(claim: dict[str, Any]) -> str:
    said = [f"{claim['title']}: {claim['claimed']:g} {claim['outcome']}.", claim["reason"]]
    said += [f"Known defect: {defect['reason']}" for defect in claim["defects"]]
    return " ".join(part for part in said if part)


@main.command()
@click.argument("folder", type=FILE)
@click.option("--real", type=FILE, help="The table, or folder, that was learnt from, to compute every figure again.")
@click.option("--holdout", type=FILE, help="The held-out records; without them the recipe's split of --real is used.")
@click.option("--model", type=FILE, help="The model that was drawn from, to compute again what is said of it, too.")
@guarded
def verify(folder: Path, real: Path | None, holdout: Path | None, model: Path | None) -> int:
    """Recompute the hashes of a release, and with the real data its figures, and say which hold."""
    from synthdiff.release import open_release

    if real is None and (holdout is not None or model is not None):
        raise click.UsageError("--holdout and --model go with --real")
    release = open_release(folder)
    problems = release.verify()
    for problem in problems:
        click.echo(str(problem))
    if problems:
        say(f"{release.name} {release.number}: {len(problems)} of its files do not hold")
        return REFUSED
    click.echo(f"{release.name} {release.number}: all {len(release.files)} files are as the manifest says")
    if real is None:
        return ACCEPTED
    from synthdiff.auditor import verify_claims
    from synthdiff.presets import load

    drawn_from = None if model is None else load(model)
    found = verify_claims(release, real, holdout, drawn_from, progress=progress())
    examined = [claim.to_dict() for claim in found]
    wrong = [claim for claim in examined if claim["outcome"] != "holds"]
    for line in dict.fromkeys(_examined(claim) for claim in wrong):
        click.echo(line)
    if wrong:
        say(f"{release.name} {release.number}: {len(wrong)} of its {len(examined)} figures do not hold")
        return REFUSED
    click.echo(f"{release.name} {release.number}: all {len(examined)} figures hold")
    return ACCEPTED


@main.group()
def releases() -> None:
    """What the tracking store knows about releases."""


@releases.command("list")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@guarded
def list_releases(name: str | None, as_json: bool) -> None:
    """All attempts at a release, the oldest first."""
    records = store().releases(name)
    if as_json:
        emit([_plain(record) for record in records])
        return
    if not records:
        say("there are no releases yet; `synthdiff run RECIPE` makes one")
    for record in records:
        number = "-" if record.number is None else str(record.number)
        rows = f"{record.rows:,} rows" if record.rows is not None else ""
        click.echo(f"{record.name:<24}{number:>4}  {record.verdict:<11}{record.date:%Y-%m-%d %H:%M}  {rows}")


@releases.command()
@click.argument("name")
@click.argument("number", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@guarded
def show(name: str, number: int, as_json: bool) -> None:
    """One release with its figures."""
    record = store().release(name, number)
    if as_json:
        emit(_plain(record))
        return
    click.echo(f"{record.name} {record.number}: {record.verdict}, {record.date:%Y-%m-%d %H:%M} UTC")
    click.echo(f"{record.rows or 0:,} rows, SHA-256 of the data {record.dataset_sha256}")
    for figure, estimate in sorted(record.figures.items()):
        click.echo(f"  {figure:<28}{_figure(estimate)}")


@releases.command("compare")
@click.argument("name")
@click.argument("first", type=int)
@click.argument("second", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@guarded
def compare_releases(name: str, first: int, second: int, as_json: bool) -> None:
    """The figures of two releases side by side."""
    from synthdiff.tracking import compare

    tracker = store()
    rows = compare(tracker.release(name, first), tracker.release(name, second))
    if as_json:
        emit([_plain(row) for row in rows])
        return
    click.echo(f"{'':<28}{f'{name} {first}':<30}{f'{name} {second}':<30}")
    for row in rows:
        click.echo(f"{row.estimate:<28}{_figure(row.a):<30}{_figure(row.b):<30}")


@main.command("list")
@click.argument(
    "family",
    type=click.Choice(FAMILIES),
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@guarded
def list_parts(family: str, as_json: bool) -> None:
    """What there is: kind, one line, fields."""
    from synthdiff.catalogue import catalogue

    entries = catalogue(family)
    if as_json:
        emit(entries)
        return
    for entry in entries:
        click.echo(f"{entry['kind']:<23} {entry['summary']}")
        for name, text in entry["more"].items():
            click.echo(f"{'':<24}  {name}: {text}")


@main.command()
@guarded
def schema() -> None:
    """The JSON schema of a recipe, for editors."""
    from synthdiff.recipe import json_schema

    emit(json_schema())


@main.command()
@guarded
def doctor() -> int:
    """Versions, devices, the store, and what is missing."""
    from synthdiff.catalogue import diagnosis

    healthy = True
    for name, state, well in diagnosis():
        click.echo(f"{'ok ' if well else 'BAD'}  {name:<14}{state}")
        healthy = healthy and well
    return ACCEPTED if healthy else BAD_INPUT


def _plain(record: Any) -> Any:
    from dataclasses import asdict

    return json.loads(json.dumps(asdict(record), default=str))


def _figure(figure: Any) -> str:
    if figure is None:
        return "-"
    low, high = figure.interval
    return f"{figure.value:.4g} [{low:.4g}, {high:.4g}]"
