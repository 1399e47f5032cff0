"""The card: what travels with a release for readers.

It and the metadata for machines (:mod:`synthdiff.report.croissant`) take the same facts about a release, a plain
dictionary with

``name``, ``number``
    The release, for example ``"heart-failure"`` and ``3``.
``rows``, ``schema``
    The number of records and the columns, each as ``Column.model_dump()`` gives it.
``images``
    Of a release of images: ``modality``, ``units``, ``shape``, ``spacing``, ``labels``.
``files``
    By path inside the release: ``{"sha256": ..., "bytes": ...}``.
``answer``
    The audit's answer.
``recipe_sha256``, ``synthdiff``
    What made it.
``description``, ``created``, ``licence``, ``source``
    In words, each optional; ``created`` in ISO 8601.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from synthdiff.report import findings, words
from synthdiff.report.reading import Json, finite, items, mapping
from synthdiff.report.words import clean, count

_LICENCES = (
    "apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-4.0",
    "cc0-1.0", "mit", "odbl", "odc-by", "pddl",
)  # fmt: skip
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))


def dataset_card(facts: Json) -> str:
    """Write a release's ``README.md``: a dataset card that says what the data are, what was measured and what to mind.

    Parameters
    ----------
    facts : mapping
        What is known about the release, see the module's head.

    Returns
    -------
    str
        Markdown with the YAML head that dataset hubs read.
    """
    parts = [
        _head(facts),
        _opening(facts),
        _verdict(facts),
        _images(facts) if facts.get("images") else _columns(facts),
        _making(facts),
        _use(facts),
        _files(facts),
    ]
    return "\n\n".join([*parts, _rights(facts)]) + "\n"


def _head(facts: Json) -> str:
    licence = clean(facts.get("licence") or "")
    known = re.sub(r"[\s_]+", "-", licence.lower())
    lines = [f"pretty_name: {_quoted(title(facts))}"]
    if licence:
        lines += (
            [f"license: {known}"] if known in _LICENCES else ["license: other", f"license_name: {_quoted(licence)}"]
        )
    lines += ["tags:", "- synthetic", f"- {kind(facts)}"]
    rows = finite(facts.get("rows"))
    if rows is not None:
        lines += ["size_categories:", f"- {next((size for limit, size in _SIZES if rows < limit), 'n>10M')}"]
    return "\n".join(["---", *lines, "---"])


def _quoted(text: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(text, ensure_ascii=False)


def title(facts: Json) -> str:
    """The release's name and number."""
    return f"{words.name(facts.get('name') or '')}, release {clean(facts.get('number'))}"


_MARKUP = re.compile(r"[\\`*{}\[\]|~$<>]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|^[#+-]")


def _text(text: Any) -> str:
    """Text from outside as Markdown that shows it to the letter."""
    return _MARKUP.sub(lambda mark: f"\\{mark[0]}", clean(text))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _opening(facts: Json) -> str:
    train = finite(mapping(mapping(facts.get("answer")).get("data")).get("train_rows"))
    fitted = f" that was fitted to {count(train)} real {noun(facts)}" if train is not None else ""
    columns = "" if facts.get("images") else f" with {count(len(items(facts.get('schema'))))} columns"
    lines = [
        f"# {_text(title(facts))}",
        f"**Synthetic data.** {count(facts.get('rows'))} {noun(facts)}{columns}, "
        f"drawn from a statistical model{fitted}. None is meant to describe an existing person; what someone could "
        "still learn about the persons in the real data was measured, and the figures are below.",
    ]
    if facts.get("description"):
        lines.append(_text(facts["description"]))
    return "\n\n".join(lines)


def _verdict(facts: Json) -> str:
    answer = mapping(facts.get("answer"))
    verdict = words.overall(answer.get("verdict"))
    policy = mapping(answer.get("policy"))
    under = f" under the policy “{_text(policy['name'])}”" if policy.get("name") else ""
    lines = [
        "## Verdict",
        f"**{verdict.symbol} {verdict.word}**{under}. {_text(answer.get('headline') or '')}".rstrip(),
    ]
    rows = [
        [
            _text(figure.label),
            figure.value,
            figure.interval,
            figure.n,
            figure.reference,
            _text(figure.demand),
            _judged(figure),
        ]
        for one in findings.answers(answer)
        for figure in one.figures
    ]
    if rows:
        lines.append(_table(["Figure", "Value", "95 % interval", "Records", "Real data score", "Bar", "Verdict"], rows))
    silent = [one for one in findings.answers(answer) if not one.answered]
    if silent:
        lines.append("Not tested:")
        lines.append("\n".join(f"- {_text(one.title)}: {_text(one.reason) or 'no reason given.'}" for one in silent))
    lines.append("`report.html` shows the evidence and explains every term; `report.json` holds the same for machines.")
    return "\n\n".join(lines)


def _judged(figure: findings.Figure) -> str:
    said = f"{figure.verdict.symbol} {figure.verdict.word}"
    return said if figure.gating or not figure.bar else f"{said} (not required)"


def kind(facts: Json) -> str:
    """What the release holds, as a keyword."""
    return "images" if facts.get("images") else "tabular"


def noun(facts: Json) -> str:
    """What its records are called."""
    return "images" if facts.get("images") else "records"


def _images(facts: Json) -> str:
    """What the images are: what would have taken them, their grid and their labels."""
    images = mapping(facts.get("images"))
    grid = " × ".join(count(side) for side in items(images.get("shape")))
    spacing = " × ".join(f"{side:g}" for side in items(images.get("spacing")))
    labels = ", ".join(clean(level) for level in items(images.get("labels"))) or "none"
    rows = [
        ["Modality", _text(images.get("modality") or "")],
        ["Voxels", grid],
        ["Spacing, mm", spacing],
        ["Units", _text(images.get("units") or "")],
        ["Labels", labels],
    ]
    return "## Images\n\n" + _table(["What", "Is"], rows)


def _columns(facts: Json) -> str:
    rows = [
        [
            _text(words.name(column.get("name") or "")),
            _text(column.get("kind") or ""),
            _text(column.get("unit") or ""),
            _text(values_of(column)),
            "yes" if column.get("nullable") else "no",
            _text(words.listed(str(role) for role in items(column.get("roles")))),
        ]
        for column in columns_of(facts)
    ]
    head = ["Column", "Kind", "Unit", "Values", "May be missing", "Role"]
    return "## Columns\n\n" + _table(head, rows)


def columns_of(facts: Json) -> Iterator[Json]:
    """The columns, in order."""
    return (mapping(column) for column in items(facts.get("schema")))


def values_of(column: Json) -> str:
    """What a column may hold, from what was declared: levels are counted, not listed."""
    if items(column.get("levels")):
        return f"{count(len(column['levels']))} levels"
    low, high = column.get("minimum"), column.get("maximum")
    said = [f"from {_bound(low)}" if low is not None else "", f"to {_bound(high)}" if high is not None else ""]
    return " ".join(word for word in said if word)


def _bound(value: Any) -> str:
    return clean(value) if finite(value) is None else f"{value:.10g}"


def _making(facts: Json) -> str:
    made = f"By synthdiff {_text(facts.get('synthdiff') or '')}, score-based diffusion".rstrip()
    created = f", on {_text(facts['created'])}" if facts.get("created") else ""
    lines = ["## How it was made", f"{made}{created}. `recipe.yaml` makes it again from the real data."]
    if facts.get("recipe_sha256"):
        lines.append(f"SHA-256 of the recipe: `{clean(facts['recipe_sha256'])}`")
    return "\n\n".join(lines)


def _use(facts: Json) -> str:
    purpose = clean(mapping(mapping(facts.get("answer")).get("policy")).get("purpose") or "")
    return "\n".join(
        [
            "## Intended use and limits",
            "",
            *([f"- Audited for this purpose: {_text(purpose)}"] if purpose else []),
            "- Use them to write, test and teach analyses, to plan studies, to share a problem without the records.",
            "- A result found here is a hypothesis: confirm it on real data before it informs the care of a person.",
            "- Rare groups, extreme values and columns that the report lists among the worst are the least reliable.",
            "- Biases of the real data are in the synthetic data too.",
            "- The figures speak about the attacks that were tried. Do not try to find persons in the data, and do not "
            "link them with other data for that purpose.",
        ]
    )


def _files(facts: Json) -> str:
    files = {clean(path): mapping(file) for path, file in sorted(mapping(facts.get("files")).items())}
    rows = [[f"`{path}`", count(file.get("bytes"))] for path, file in files.items()]
    sums = "\n".join(f"{clean(file.get('sha256'))}  {path}" for path, file in files.items())
    return (
        f"## Files and how to verify them\n\n{_table(['File', 'Bytes'], rows)}\n\n"
        "`synthdiff verify .` in this folder checks every file against `manifest.json`. Without synthdiff:\n\n"
        f"```sh\nsha256sum --check <<'END'\n{sums}\nEND\n```"
    )


def _rights(facts: Json) -> str:
    licence, source = clean(facts.get("licence") or ""), clean(facts.get("source") or "")
    unknown = "No licence was stated: ask whoever gave you these data before you pass them on."
    lines = ["## Licence and source", f"Licence: {_text(licence)}" if licence else unknown]
    if source:
        lines.append(f"Made from: {_text(source)}")
    return "\n\n".join(lines)
