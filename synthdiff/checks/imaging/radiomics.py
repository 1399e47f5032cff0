"""Radiomics: some hundred figures that describe an image by its grey values, its texture and its labelled structures.

They need no trained network and no download, mean something to a radiologist, and serve two and three dimensions alike.
Names and definitions follow the Image Biomarker Standardisation Initiative (Zwanenburg et al. 2020, Radiology 295) and
Haralick, Shanmugam & Dinstein (1973), IEEE Trans. SMC 3, with two departures: an image is not resampled to even spacing
(gradients are per millimetre, wavelets halve the finest axes first, neighbours count by their nearness instead), and
volumes and surfaces enter as lengths, so that all figures spread about evenly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from synthdiff.checks.imaging.grey import Grey, grey, once
from synthdiff.checks.intervals import Floats
from synthdiff.voxels import Volume

LEVELS = 32
"""Grey levels of the co-occurrence matrix (a fixed bin number, IBSI 3.4)."""

OCTAVES = 3
"""Levels of the wavelet transform."""

FAINT = 1e-6
"""Energy below which there is none, so that its logarithm is finite: what rounding to 8 bits leaves, about."""

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class Radiomics:
    """Figures by name.

    Attributes
    ----------
    names : tuple of str, of length d
    values : float64 array of shape (d,), or (n, d) for several images
        NaN where a figure does not exist, such as the intensity of a label that is absent.
    """

    names: tuple[str, ...]
    values: Floats


def features(volume: Volume, labels: Sequence[int] = ()) -> Radiomics:
    """The figures of an image, the same whenever it is asked.

    Parameters
    ----------
    volume : Volume
        Of two or three dimensions.
    labels : sequence of int
        The structures to describe beside the whole image.

    Returns
    -------
    Radiomics
        The names depend on the number of dimensions and on ``labels`` alone.
    """
    found = dict(_image(volume))
    of_labels = _labelled(volume)
    absent = dict.fromkeys(_label_names(volume.array.ndim), np.nan) | {"size": 0.0, "surface": 0.0}
    for label in labels:
        found |= {f"label_{label}_{name}": value for name, value in of_labels.get(label, absent).items()}
    return Radiomics(tuple(found), np.array(list(found.values())))


def matrix(volumes: Sequence[Volume], labels: Sequence[int] = ()) -> Radiomics:
    """The figures of several images of the same number of dimensions, one row each."""
    rows = [features(volume, labels) for volume in volumes]
    return Radiomics(rows[0].names, np.stack([row.values for row in rows]))


@once
def _image(volume: Volume) -> dict[str, float]:
    seen = grey(volume)
    parts = (_first_order(seen), _layout(seen), _gradient(seen), _wavelet(seen), _texture(seen))
    return {name: float(value) for part in parts for name, value in part}


@once
def _labelled(volume: Volume) -> dict[int, dict[str, float]]:
    from scipy.ndimage import find_objects

    if volume.labels is None:
        return {}
    seen = grey(volume)
    assert seen.labels is not None
    boxes = find_objects(seen.labels.astype(np.int64))
    return {label: _structure(seen, label, box) for label, box in enumerate(boxes, 1) if box is not None}


Figures = Iterator[tuple[str, float]]


def _first_order(seen: Grey) -> Figures:
    """IBSI 3.3 and 3.4: the distribution of the grey values."""
    values = seen.values.ravel()
    mean, spread = values.mean(), values.std()
    shape = (values - mean) / spread if spread > 0 else np.zeros_like(values)
    squares = shape * shape
    yield "intensity_mean", mean
    yield "intensity_spread", spread
    yield "intensity_skewness", (squares * shape).mean()
    yield "intensity_kurtosis", np.log((squares * squares).mean() + 1)
    for level, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True):
        yield f"intensity_{level:.0%}".replace("%", ""), value
    share = np.bincount(_levels(seen).ravel(), minlength=LEVELS) / values.size
    yield "intensity_entropy", float(_entropy(share))


def _layout(seen: Grey) -> Figures:
    """How brightness goes with the place, from side to side and from the middle out: what a mirror would change."""
    values = seen.values - seen.values.mean()
    spread = values.std()
    for axis, size in enumerate(values.shape):
        profile = values.mean(axis=tuple(i for i in range(values.ndim) if i != axis))
        place = np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
        for name, weight in (("slope", place), ("middle", place**2 - (place**2).mean())):
            scale = spread * weight.std()
            yield f"layout_{name}_{axis}", (profile * weight).mean() / scale if scale > 0 else 0.0


def _gradient(seen: Grey) -> Figures:
    """Differences of neighbours, per millimetre."""
    squared = np.zeros(seen.values.shape)
    for axis, (size, step) in enumerate(zip(seen.values.shape, seen.spacing, strict=True)):
        slope = np.gradient(seen.values, step, axis=axis) if size > 1 else np.zeros(seen.values.shape)
        slope *= slope
        yield f"gradient_energy_{axis}", _logarithm(slope.mean())
        squared += slope
    yield "gradient_energy", _logarithm(squared.mean())
    for level, value in zip((0.5, 0.9, 0.99), np.quantile(squared, [0.5, 0.9, 0.99]), strict=True):
        yield f"gradient_{level:.0%}".replace("%", ""), _logarithm(value)


def _wavelet(seen: Grey) -> Figures:
    """The mean energy of each band of the Haar transform, axes of coarse spacing being split later.

    At each level those axes are halved whose spacing is within √2 of the finest one's, so that a level is a scale in
    millimetres and not in voxels. A band that a level does not have is NaN.
    """
    low, spacing = seen.values, np.array(seen.spacing)
    for level in range(1, OCTAVES + 1):
        split = [
            axis for axis in range(low.ndim) if spacing[axis] <= np.sqrt(2) * spacing.min() and low.shape[axis] > 1
        ]
        bands = {"": low}
        for axis in range(low.ndim):
            bands = {
                key + side: half
                for key, band in bands.items()
                for side, half in (_halves(band, axis) if axis in split else (("L", band),))
            }
        low = bands["L" * low.ndim]
        spacing[split] *= 2
        for sides in list(product("LH", repeat=low.ndim))[1:]:
            band = bands.get("".join(sides))
            yield f"wavelet_{level}_{''.join(sides)}", np.nan if band is None else _logarithm((band * band).mean())


def _halves(band: Floats, axis: int) -> Iterator[tuple[str, Floats]]:
    even = band.shape[axis] // 2 * 2
    first, second = (np.take(band, np.arange(start, even, 2), axis) for start in (0, 1))
    yield "L", (first + second) / np.sqrt(2)
    yield "H", (first - second) / np.sqrt(2)


def _levels(seen: Grey) -> NDArray[np.intp]:
    return np.minimum((seen.contrast * LEVELS).astype(np.intp), LEVELS - 1)


def _texture(seen: Grey) -> Figures:
    """Haralick's features (IBSI 3.6), averaged over directions by the nearness of the neighbours."""
    matrices, steps = cooccurrence(_levels(seen), LEVELS)
    nearness = 1 / np.linalg.norm(steps * np.array(seen.spacing), axis=1)
    for name, value in _haralick(matrices).items():
        yield f"texture_{name}", np.average(value, weights=nearness)


def cooccurrence(image: NDArray[np.intp], levels: int) -> tuple[Floats, NDArray[np.intp]]:
    """How often two grey levels are neighbours, by direction: 13 directions in three dimensions, 4 in two.

    Parameters
    ----------
    image : integer array
        Grey levels from 0.
    levels : int
        How many there are.

    Returns
    -------
    float64 array of shape (directions, levels, levels)
        Symmetric; each sums to 1.
    integer array of shape (directions, dimensions)
        The step from voxel to neighbour. Along an axis of one voxel there is none.
    """
    matrices, steps = [], []
    for step in product((-1, 0, 1), repeat=image.ndim):
        # Of two opposite directions one is enough: the matrix is made symmetric.
        if step > (0,) * image.ndim and all(size > abs(s) for size, s in zip(image.shape, step, strict=True)):
            here = image[tuple(slice(max(0, -s), size - max(0, s)) for s, size in zip(step, image.shape, strict=True))]
            there = image[tuple(slice(max(0, s), size - max(0, -s)) for s, size in zip(step, image.shape, strict=True))]
            pairs = np.bincount((here * levels + there).ravel(), minlength=levels**2) / (2 * here.size)
            matrices.append(pairs.reshape(levels, levels) + pairs.reshape(levels, levels).T)
            steps.append(step)
    if not steps:
        return np.diag(np.bincount(image.ravel(), minlength=levels) / image.size)[None], np.ones(
            (1, image.ndim), np.intp
        )
    return np.stack(matrices), np.array(steps)


def _haralick(chance: Floats) -> dict[str, Floats]:
    """Haralick's features of symmetric co-occurrence matrices of shape (directions, levels, levels)."""
    level = np.arange(LEVELS, dtype=float)
    apart, beside = level[:, None] - level, level[:, None] + level
    margin = chance.sum(axis=2)
    mean = margin @ level
    variance = margin @ level**2 - mean**2
    centred = beside - 2 * mean[:, None, None]
    steps = np.abs(apart).astype(np.intp).ravel()
    difference = np.stack([np.bincount(steps, one.ravel(), LEVELS).astype(float) for one in chance])
    sums = np.stack(
        [np.bincount(beside.astype(np.intp).ravel(), one.ravel(), 2 * LEVELS - 1).astype(float) for one in chance]
    )
    joint, single = _entropy(chance.reshape(len(chance), -1)), _entropy(margin)
    return {
        "contrast": np.log((chance * apart**2).sum(axis=(1, 2)) + FAINT),
        "dissimilarity": difference @ level,
        "homogeneity": difference @ (1 / (1 + level**2)),
        "energy": np.log((chance**2).sum(axis=(1, 2))),
        "entropy": joint,
        "difference_entropy": _entropy(difference),
        "sum_entropy": _entropy(sums),
        "correlation": _share(np.einsum("kij,i,j->k", chance, level, level) - mean**2, variance),
        "information": _share(joint - 2 * single, single),
        "cluster_shade": np.cbrt((chance * centred**3).sum(axis=(1, 2))),
        "cluster_prominence": np.sqrt(np.sqrt((chance * centred**4).sum(axis=(1, 2)))),
    }


def _share(part: Floats, whole: Floats) -> Floats:
    """0 where there is no whole: an image without contrast."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 1e-12)


def _entropy(share: Floats) -> Floats:
    """In bits, over the last axis."""
    return np.asarray(-(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=-1))


def _logarithm(energy: float) -> float:
    return float(np.log10(energy + FAINT))


def _label_names(dimensions: int) -> list[str]:
    ratios = ["elongation", "flatness"][: dimensions - 1]
    return ["size", "surface", *ratios, "intensity", "spread", *(f"place_{axis}" for axis in range(dimensions))]


def _structure(seen: Grey, label: int, box: tuple[slice, ...]) -> dict[str, float]:
    """One label's shape (IBSI 3.1), grey values, and place in millimetres from the image's middle.

    Sizes are lengths: the edge of a cube of its volume, and of a square of its surface, the sum of its voxels' outer
    faces. Elongation and flatness are the second and the third principal axis over the first.
    """
    assert seen.labels is not None
    inside = seen.labels[box] == label
    spacing, dimensions = np.array(seen.spacing), inside.ndim
    voxel = float(spacing.prod())
    padded = np.pad(inside, 1)
    faces = sum(np.count_nonzero(np.diff(padded, axis=axis)) * voxel / spacing[axis] for axis in range(dimensions))
    middle = (np.array(seen.labels.shape) - 1) / 2
    places = (np.argwhere(inside) + [side.start for side in box] - middle) * spacing
    # A voxel has an extent of its own, which keeps the axes of a single one from being 0.
    spreads = np.cov(places.T, bias=True) + np.diag(spacing**2 / 12)
    axes = np.sqrt(np.linalg.eigvalsh(spreads)[::-1])
    values = seen.values[box][inside]
    figures = [
        (len(places) * voxel) ** (1 / dimensions),
        faces ** (1 / (dimensions - 1)),
        *(axes[1:] / axes[0]),
        values.mean(),
        values.std(),
        *places.mean(axis=0),
    ]
    return dict(zip(_label_names(dimensions), map(float, figures), strict=True))
