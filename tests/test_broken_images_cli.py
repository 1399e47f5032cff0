"""Broken images through the command line: status 2, a message that names the file and the tag, nothing written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom.uid import MPEG2MPML

from synthdiff.cli import main
from synthdiff.console import BAD_INPUT
from tests.data import scans
from tests.data.scans import scan, series
from tests.data.test_broken_dicom import colours, cut, document, moved, with_bytes, with_element, wrapped
from tests.data.test_broken_files import hole, no_spacing, packed_short

Spoil = Callable[[Path], object]
"""Spoils the folder of images, beside which is one of label maps."""

KNEE = "knee.nii.gz"


def nifti(spoil: Spoil) -> Spoil:
    """One file of a folder of NIfTI is spoilt."""

    def spoiled(folder: Path) -> None:
        for number in range(3):
            scan(folder / f"hip-{number}.nii.gz", np.arange(60, dtype=np.int16).reshape(3, 4, 5))
        spoil(folder / KNEE)

    return spoiled


def other_shape(folder: Path) -> None:
    nifti(lambda path: scan(path, np.ones((3, 4, 5), np.int16)))(folder)
    (folder.parent / "labels").mkdir()
    for file in folder.iterdir():
        sides = (3, 4, 6) if file.name == KNEE else (3, 4, 5)
        scan(folder.parent / "labels" / file.name, np.ones(sides, np.uint8))


def without_map(folder: Path) -> None:
    other_shape(folder)
    (folder.parent / "labels" / KNEE).unlink()


def mixed_series(folder: Path) -> None:
    """The slices of two patients under one series."""
    series(folder, lambda data: [setattr(one, "PatientID", "P2") for one in data[3:]])


def one_place_twice(folder: Path) -> None:
    """Two series in one folder, one of which says that it is the other."""
    scans.write([*scans.slices(scans.stored()), *scans.slices(scans.stored(seed=1))], folder)


def loop(folder: Path) -> None:
    folder.mkdir()
    (folder / KNEE).symlink_to(folder / KNEE)


def loop_of_folders(folder: Path) -> None:
    folder.mkdir()
    (folder / "deeper").symlink_to(folder)


def same_subject(folder: Path) -> None:
    """All slices of all series say the same patient, so that nobody can be held out."""
    for number in range(3):
        series(folder / str(number), series=f"{scans.SERIES}.{number}")


BROKEN: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "truncated NIfTI": (nifti(packed_short), (KNEE, "damaged or cut short")),
    "truncated DICOM": (cut, ("014-1.dcm", "PixelData (7FE0,0010)", "less than expected")),
    "missing slice": (moved(30, 32, 36, 38, 40), ("ImagePositionPatient (0020,0032)", "slices are missing", ".dcm")),
    "two series in one": (
        one_place_twice,
        ("ImagePositionPatient (0020,0032)", "the same in 000-1.dcm and 035-1"),
    ),
    "two patients in a series": (mixed_series, ("PatientID (0010,0020)", "-1.dcm")),
    "zero spacing, DICOM": (with_element("PixelSpacing", [0, 0.5]), ("014-1.dcm", "PixelSpacing (0028,0030)")),
    "zero spacing, NIfTI": (nifti(no_spacing), (KNEE, "spacing of the voxels")),
    "wrong VR": (with_bytes("Rows", "LO", "6"), ("014-1.dcm", "Rows (0028,0010) has the type (VR) LO")),
    "NaN voxels": (nifti(hole), (KNEE, "voxels are not finite, the first at (1, 2, 3)")),
    "four axes": (nifti(lambda path: scan(path, np.zeros((3, 4, 5, 2)))), (KNEE, "dim: the image has the shape")),
    "RGB, DICOM": (colours, ("000-1.dcm", "SamplesPerPixel (0028,0002)")),
    "RGB, NIfTI": (
        nifti(lambda path: scan(path, np.zeros((3, 4, 5), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")]))),
        (KNEE, "datatype: the voxels are colours"),
    ),
    "encapsulated PDF": (document, ("report.dcm", "SOPClassUID (0008,0016) is Encapsulated PDF Storage")),
    "label map of other shape": (other_shape, (KNEE, "(3, 4, 6)")),
    "image without label map": (without_map, (KNEE, "no label map of the same name")),
    "one subject in all files": (same_subject, ("images", "subject")),
    "no decoder": (wrapped(MPEG2MPML), ("-1.dcm", "TransferSyntaxUID (0002,0010) is MPEG2")),
    "empty folder": (lambda folder: folder.mkdir(), ("images", "no images in this folder")),
    "no folder": (lambda folder: None, ("images", "no such file or folder")),
    "text called NIfTI": (nifti(lambda path: path.write_text("a,b\n1,2\n")), (KNEE, "cannot be read as NIfTI")),
    "a link to itself": (loop, (KNEE, "no such file")),
    "a folder in itself": (loop_of_folders, ("images", "no images in this folder")),
}

DRAFTED = ("missing slice", "encapsulated PDF", "one subject in all files", "no folder")
"""Those of which there may be a draft, in which a person is told to look at it; and what may have been a table."""

ALLOWED = {(what, "init") for what in DRAFTED}

PROCESSES = ("truncated NIfTI", "wrong VR")
"""Those that are tried in a process of their own, too."""


def write_case(folder: Path, what: str) -> Path:
    """Spoilt images and their recipe."""
    spoil, _ = BROKEN[what]
    spoil(folder / "images")
    labels = ", labels: labels" if (folder / "labels").is_dir() else ""
    text = f"name: broken\ndata: {{images: {{path: images{labels}}}}}\ngenerator: {{model: volume}}\n"
    recipe = folder / "recipe.yaml"
    recipe.write_text(text + "release: {formats: [nifti]}\n", encoding="utf-8")
    return recipe


def check_told(status: int, out: str, err: str, what: str, folder: Path, before: list[str]) -> None:
    assert status == BAD_INPUT, err
    before_it, _, told = err.rpartition("error: ")
    assert out == "" and told and "Traceback" not in err and not before_it.count("error")
    assert [word for word in BROKEN[what][1] if word not in told] == [], err
    assert "\n  " in told, "no word of how to mend it"
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(
    ("what", "command"),
    [(what, command) for what in BROKEN for command in ("run", "dry", "fit", "init") if (what, command) not in ALLOWED],
)
def test_broken_images_end_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, command: str
) -> None:
    recipe = write_case(tmp_path, what)
    monkeypatch.chdir(tmp_path)
    arguments = {
        "run": ["run", recipe, "--out", tmp_path / "releases"],
        "dry": ["run", recipe, "--dry-run"],
        "fit": ["fit", recipe, "-o", tmp_path / "model"],
        "init": ["init", tmp_path if (tmp_path / "labels").is_dir() else tmp_path / "images", "-o", "new.yaml"],
    }[command]
    before = sorted(path.name for path in tmp_path.iterdir())
    result = CliRunner().invoke(main, [str(part) for part in arguments], catch_exceptions=False)
    check_told(result.exit_code, result.stdout, result.stderr, what, tmp_path, before)


@pytest.mark.parametrize("what", PROCESSES)
def test_broken_images_end_a_process_with_a_message(tmp_path: Path, what: str) -> None:
    recipe = write_case(tmp_path, what)
    before = sorted(path.name for path in tmp_path.iterdir())
    command = [sys.executable, "-m", "synthdiff", "run", str(recipe), "--out", str(tmp_path / "releases")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    check_told(done.returncode, done.stdout, done.stderr, what, tmp_path, before)


@pytest.mark.parametrize("side", ["--real", "--synthetic", "--holdout"])
def test_a_broken_folder_is_told_by_an_audit(tmp_path: Path, side: str) -> None:
    (tmp_path / "a").mkdir()
    write_case(tmp_path / "a", "missing slice")
    nifti(lambda path: scan(path, np.ones((3, 4, 5), np.int16)))(tmp_path / "good")
    folders = {"--real": "good", "--synthetic": "good", "--holdout": "good"} | {side: "a/images"}
    arguments = [part for name, folder in folders.items() for part in (name, str(tmp_path / folder))]
    result = CliRunner().invoke(main, ["audit", *arguments, "-o", str(tmp_path / "judged")], catch_exceptions=False)
    assert result.exit_code == BAD_INPUT and "ImagePositionPatient (0020,0032)" in result.stderr
    assert not (tmp_path / "judged").exists()
