"""Drafts of images: what files there are, whose, with what label maps, and what their headers give away.

The draft holds no value of a header but modalities, and no measure of a single image.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from synthdiff.data import header_concerns, read_volumes
from synthdiff.data.folders import LABEL_MAPS, FileKind, Layout, file_kind, labels_beside, modalities, most_frequent
from synthdiff.data.raster import array_names
from synthdiff.data.slices import Uneven
from synthdiff.draft.text import comment, head, relative, release_name
from synthdiff.errors import DataError
from synthdiff.voxels import Modality, Volume
from synthdiff.yamlfile import one_line

if TYPE_CHECKING:
    from synthdiff.codec.volume import VolumeCodec

_TELLING = 75  # synthetic images, below which share-images cannot show that few are copies (Wilson, 0 of 75)
_MANY = 64**3  # voxels, beyond which learning takes a processor days
_WIDTH = 26

_SUBJECT: Mapping[FileKind, str] = {
    "NIfTI": "LOOK: whose an image is says the name of its file: is each of another person?",
    "picture": "LOOK: whose an image is says the name of its file: is each of another person?",
    "array": "LOOK: whose an image is nothing says: is each of another person?",
    "DICOM": "Whose an image is says its PatientID; all of one person stay on one side of the split.",
}
"""What decides, by the kind of the files, that images are of one person."""


@dataclass(frozen=True)
class Look:
    """What was found where a person said that there are images.

    Attributes
    ----------
    data : Path
        What the person named.
    layout : Layout
    kind : FileKind
    volumes : list of Volume
    modality : Modality or None
        Of DICOM, the most frequent one, whose images these are.
    left_out : mapping of str to int
        DICOM files of other modalities.
    uneven : str or None
        Why DICOM slices have to be resampled.
    array : str or None
        Of ``.npz``, the array of images that was read.
    arrays : list of str
        All arrays that there are.
    concerns : list of str
        What the headers give away.
    """

    data: Path
    layout: Layout
    kind: FileKind
    volumes: list[Volume]
    modality: Modality | None
    left_out: Counter[str]
    uneven: str | None
    array: str | None
    arrays: list[str]
    concerns: list[str]

    @property
    def subjects(self) -> int:
        """How many there are."""
        return len({volume.subject for volume in self.volumes})

    @property
    def summary(self) -> str:
        """How many images of how many subjects, in a few words."""
        return f"{len(self.volumes):,} images of {self.subjects:,} subjects, from {self.kind} files"


def look_at_images(data: str | Path) -> Look:
    """Read images as a run would, and see what a recipe must say of them.

    Parameters
    ----------
    data : path
        A folder, in which ``images`` and ``labels`` may be, or an ``.npz`` file.

    Raises
    ------
    DataError
        When there are none, or some cannot be read.
    """
    data = Path(data)
    layout = Layout.of(data)
    kind = file_kind(layout.images)
    counts = modalities(layout.images) if kind == "DICOM" else Counter[str]()
    counts.pop(LABEL_MAPS, None)
    modality = most_frequent(counts)
    arrays = array_names(data) if kind == "array" else []
    several = [name for name in arrays if name.endswith("images")]
    array = max(several, key=lambda name: name.startswith("train")) if several else None

    def read(uneven: Uneven) -> list[Volume]:
        return read_volumes(
            layout.images,
            labels=layout.labels,
            modality=modality,
            uneven=uneven,
            array=array,
            findings=layout.findings,
        )

    why = None
    try:
        volumes = read("refuse")
    except DataError as error:
        if "uneven=" not in error.mend:
            raise
        volumes, why = read("resample"), error.what
    return Look(
        data=data,
        layout=layout,
        kind=kind,
        volumes=volumes,
        modality=modality,
        left_out=Counter({name: count for name, count in counts.items() if name != modality}),
        uneven=why,
        array=array,
        arrays=arrays,
        concerns=header_concerns(layout.images),
    )


def draft_image_recipe(look: Look, recipe: str | Path) -> str:
    """Write the recipe that a person starts from.

    Parameters
    ----------
    look : Look
    recipe : str or Path
        Where the draft will stand; paths are written relative to it.

    Returns
    -------
    str
        YAML with comments, which :func:`synthdiff.recipe.load_recipe` reads.

    Raises
    ------
    DataError
        When the images are not of one kind.
    """
    from synthdiff.codec.volume import VolumeCodec  # loads torch: a table's draft need not wait for it

    recipe, codec = Path(recipe), VolumeCodec.fit(look.volumes)
    held_out, notes = _holdout(look)
    learnt = len(look.volumes) - round(held_out * len(look.volumes))
    kind = "dicom" if look.kind == "DICOM" else "nifti"
    few = f"  # LOOK: fewer than {_TELLING} synthetic images cannot show that few of them are copies: draw as many."
    text = [
        *head(recipe),
        f"# Drafted from {comment(look.data.name)}: {look.summary}, {len(codec.shape)}-D.",
        "# A line that is a comment says what synthdiff does by itself; uncomment and change it to decide otherwise.",
        "# LOOK marks what a person should look at. A generator learns what is in the pixels, so before it does:",
        *(f"# LOOK: {comment(concern)}" for concern in look.concerns),
        "",
        f"name: {one_line(_name(look))}",
        "",
        "data:",
        "  images:",
        *(f"    {line}" for line in _images(look, codec, recipe)),
        f"  # {_SUBJECT[look.kind]}",
        _line(f"  holdout: {held_out:g}", _held_out(look, held_out)),
        *(f"  # {note}" for note in notes),
        "",
        "generator:",
        "  model: volume",
        "  seed: 1",
        "  effort: standard    # quick | standard | thorough; or instead budget: {minutes: 20}",
        "",
        f"# sample: {{rows: {max(learnt, _TELLING)}}}    # how many are drawn; as many as are learnt from by default",
        "",
        "gate:",
        "  purpose: share    # share (with anybody) | share-under-agreement | augment (own training) | test-data",
        *([few] if learnt < _TELLING else []),
        "",
        f"release: {{formats: [{kind}]}}    # nifti, dicom or both",
    ]
    return "\n".join(text) + "\n"


def _images(look: Look, codec: VolumeCodec, recipe: Path) -> list[str]:
    """The lines of ``data.images``."""
    lines = [f"path: {one_line(relative(look.layout.images, recipe))}"]
    if look.layout.labels is not None:
        held = ", ".join(map(str, codec.labels)) or "nothing"
        lines.append(_line(f"labels: {one_line(relative(look.layout.labels, recipe))}", f"they hold {held}"))
    elif beside := labels_beside(look.layout.images):
        entry = f"# labels: {one_line(relative(beside, recipe))}"
        lines.append(_line(entry, "LOOK: are these their label maps? With them, images are drawn with labels"))
    if look.array is not None:
        others = ", ".join(name for name in look.arrays if name.endswith("images") and name != look.array)
        left = f"LOOK: there are others, which are left out: {others}" if others else "the only array of images"
        lines.append(_line(f"array: {one_line(look.array)}", left))
        classes = look.array.removesuffix("images") + "labels"
        if classes in look.arrays:
            lines.append(_line(f"# findings: {one_line(classes)}", "LOOK: is this what each image shows?"))
    if look.layout.findings is not None:
        lines.append(_line(f"findings: {one_line(relative(look.layout.findings, recipe))}", "what each image shows"))
    lines += _modality(look)
    if look.uneven is not None:
        lines.append(_line("uneven: resample", f"LOOK: {look.uneven}"))
    voxels = math.prod(codec.shape)
    lines.append(_line(f"# shape: {list(codec.shape)}", "voxels, the median; cropped or padded about the centre"))
    large = f"; LOOK: {voxels:,} voxels take long: larger steps make fewer" if voxels > _MANY else ""
    steps = ", ".join(f"{step:.4g}" for step in codec.spacing)
    lines.append(_line(f"# spacing: [{steps}]", f"mm from voxel to voxel, the median{large}"))
    if look.kind == "DICOM":
        lines.append(_line("# body_part: CHEST", "LOOK: what is written says none; a term of DICOM"))
    if codec.labels:
        names = ", ".join(f"label {number}" for number in range(1, max(codec.labels) + 1))
        lines.append(_line(f"# label_names: [{names}]", "what segmentations in DICOM call them"))
    return lines


def _modality(look: Look) -> list[str]:
    if look.kind != "DICOM":
        return [_line("# modality: MR", f"LOOK: the files do not say what took them: {', '.join(get_args(Modality))}")]
    left = ", ".join(f"{count:,} {name}" for name, count in sorted(look.left_out.items()))
    if look.modality is None:
        return [_line("# modality: OT", f"LOOK: none that synthdiff knows: {left}")]
    return [_line(f"modality: {look.modality}", f"LOOK: files of others are left out: {left}" if left else "all files")]


def _holdout(look: Look) -> tuple[float, list[str]]:
    """The share that is held out, and whether it is enough."""
    from synthdiff.evidence import FEWEST  # loads torch, as the next does
    from synthdiff.volume import SMALLEST

    whole = look.subjects
    share = 0.3 if whole < 1_000 else 0.2
    if whole < FEWEST + SMALLEST:
        said = f"a run needs {SMALLEST} images to learn from and {FEWEST} held out; here are {len(look.volumes):,}"
        return share, [f"LOOK: {said}"]
    return max(share, math.ceil(100 * FEWEST / whole) / 100), []


def _held_out(look: Look, share: float) -> str:
    held = f"about {round(share * look.subjects):,} of {look.subjects:,} subjects"
    return f"{held} that the generator never sees: the control of every check"


def _name(look: Look) -> str:
    folder = look.layout.images.resolve()
    name = folder.name if folder == look.data.resolve() and labels_beside(folder) is None else folder.parent.name
    return release_name(name, "images")


def _line(entry: str, why: str) -> str:
    return f"{entry:<{_WIDTH}}  # {comment(why)}"
