"""The Fréchet and the kernel distance: closed forms, honest intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import sqrtm

from synthdiff.checks.fidelity.distances import Distance
from synthdiff.checks.imaging.kid import discrepancy
from synthdiff.checks.imaging.radiomic_distance import RadiomicDistance, components, frechet
from synthdiff.checks.imaging.sides import Scores
from synthdiff.checks.intervals import Floats, mean_error, normal_interval

GENERATOR = np.random.default_rng(0)
REAL = GENERATOR.normal(size=(300, 4)) @ GENERATOR.normal(size=(4, 4))
OTHER = GENERATOR.normal(size=(200, 4)) @ GENERATOR.normal(size=(4, 4)) + 1


def test_the_frechet_distance_is_that_between_two_gaussians() -> None:
    apart, S, T = REAL.mean(0) - OTHER.mean(0), np.cov(REAL.T), np.cov(OTHER.T)
    known = apart @ apart + np.trace(S + T - 2 * sqrtm(S @ T).real)
    assert frechet(REAL, OTHER, np.eye(4)).value == pytest.approx(known)
    assert frechet(REAL, REAL, np.eye(4)).value == pytest.approx(0, abs=1e-9)
    moved = frechet(REAL, REAL + np.array([1, 0, 0, 2]), np.eye(4)[:2])
    assert moved.value == pytest.approx(5), "means count in all directions, covariances along the axes"


def brute_discrepancy(real: Floats, other: Floats) -> float:
    def kernel(x: Floats, y: Floats) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    def within(side: Floats) -> float:
        return float(np.mean([kernel(x, y) for i, x in enumerate(side) for j, y in enumerate(side) if i != j]))

    return within(real) + within(other) - 2 * float(np.mean([kernel(x, y) for x in real for y in other]))


def test_the_kernel_distance_is_the_unbiased_one() -> None:
    assert discrepancy(REAL[:12], OTHER[:9]).value == pytest.approx(brute_discrepancy(REAL[:12], OTHER[:9]))


def on_the_scale_of(real: Floats, other: Floats) -> tuple[Floats, Floats]:
    mean, spread = real.mean(axis=0), real.std(axis=0, ddof=1)
    return (real - mean) / spread, (other - mean) / spread


@pytest.mark.parametrize("measure", [lambda x, y: frechet(x, y, np.eye(4)[:3]), discrepancy], ids=["frechet", "kernel"])
def test_influences_are_what_leaving_an_image_out_changes(measure: Callable[[Floats, Floats], Distance]) -> None:
    whole = measure(*on_the_scale_of(REAL, OTHER))
    for side, influence in ((REAL, whole.real), (OTHER, whole.other)):
        left = [
            (np.delete(REAL, i, 0), OTHER) if side is REAL else (REAL, np.delete(OTHER, i, 0)) for i in range(len(side))
        ]
        change = -(len(side) - 1) * np.array([measure(*on_the_scale_of(*pair)).value for pair in left])
        assert np.corrcoef(change, influence)[0, 1] > 0.99
        assert influence.std() == pytest.approx(change.std(), rel=0.1)


def test_images_that_are_all_alike_are_far_and_their_distance_is_finite() -> None:
    alike = frechet(REAL, np.repeat(OTHER[:1], 30, axis=0), np.eye(4))
    assert np.isfinite([alike.value, alike.error()]).all()
    assert alike.value > np.trace(np.cov(REAL.T))


def test_components_are_orthonormal_and_no_more_than_there_is_variance() -> None:
    flat = np.column_stack([REAL, REAL @ [1, 1, 0, 0]])
    axes, share = components(flat, 5)
    assert len(axes) == 4 and share == pytest.approx(1)
    np.testing.assert_allclose(axes @ axes.T, np.eye(4), atol=1e-12)
    assert components(flat, 2)[1] < 1


def world(generator: np.random.Generator, n: int, shift: float, spread: float) -> Floats:
    """Correlated, somewhat skewed figures, as radiomic ones are: 12 that follow from 6 causes, with noise."""
    causes = generator.normal(size=(n, 6)) * spread * np.linspace(2, 0.5, 6)
    loads = np.random.default_rng(1).normal(size=(6, 12))
    return np.asarray(causes @ loads + 0.5 * generator.gamma(2, size=(n, 12)) + shift)


def drawn(seed: int, shift: float, spread: float) -> Scores:
    generator = np.random.default_rng(seed)
    train, synthetic, holdout = (
        world(generator, 120, 0, 1),
        world(generator, 100, shift, spread),
        world(generator, 50, 0, 1),
    )
    mean, scale = train.mean(axis=0), train.std(axis=0, ddof=1)
    return Scores(tuple("abcdefghijkl"), *((side - mean) / scale for side in (train, synthetic, holdout)))


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "spread"), [(0, 1), (0.5, 1), (0, 0.7), (2, 1.3)])
def test_intervals_cover_the_expected_figure(shift: float, spread: float) -> None:
    check = RadiomicDistance(draws=20)
    figures: dict[str, list[tuple[float, float]]] = {"distance": [], "excess": [], "floor": [], "kid": []}
    for seed in range(300):
        scores = drawn(seed, shift, spread)
        found, real = check._distances(scores, components(scores.train, 5)[0], 50, seed)
        assert real is not None
        error = np.sqrt(sum(mean_error(v) ** 2 for v in (found.real - real.real, found.other, real.other)))
        kernel = discrepancy(scores.train, scores.synthetic)
        for name, value, spreads in (
            ("distance", found.value, found.error()),
            ("excess", found.value - real.value, error),
            ("floor", real.value, real.error()),
            ("kid", kernel.value, kernel.error()),
        ):
            figures[name].append((value, spreads))
    for name, pairs in figures.items():
        expected = np.mean([value for value, _ in pairs])
        covered = np.mean([low <= expected <= high for low, high in (normal_interval(*pair) for pair in pairs)])
        assert covered >= 0.89, (name, covered)
        if name == "excess" and (shift, spread) == (0, 1):
            assert abs(expected) < 0.01, "real images have no excess on average"
