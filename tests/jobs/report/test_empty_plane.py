"""The empty parts of the plane: compared with the others beyond the noise alone."""

import numpy as np
import pytest

from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.records import TrainingRecord
from jobs.report.sections import empty_plane
from tests.jobs.report.synthetic import make_records, make_training

SIDE = 24


def with_grid(
    at_empty: float,
    elsewhere: float,
    reach: float = 4.0,
    seed: int = 0,
    distance: float = 1.01,
) -> TrainingRecord:
    """A training with these mean distances to images on its grid, where no code lies and where."""
    made = make_training("1")
    assert made.codes is not None
    low, high = made.codes.min(axis=0), made.codes.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    x, y = np.linspace(middle - reach * half, middle + reach * half, SIDE).T
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    outside = ((points < low) | (points > high)).any(axis=1)
    noise = np.random.default_rng(0).normal(0, 1e-3, len(points))
    nearest = np.where(outside, at_empty, elsewhere) + noise
    return make_training(
        "1", manifold_points=np.column_stack([points, nearest, distance * outside]), seed=seed
    )


def told(*trainings: TrainingRecord) -> list[Observation]:
    return list(empty_plane.observations(Study.of(make_records(*trainings))))


def claims(at_empty: float, elsewhere: float, reach: float = 4.0) -> list[Observation]:
    return told(with_grid(at_empty, elsewhere, reach))


def test_the_numbers_of_several_seeds_are_means_with_their_range() -> None:
    (claim,) = told(with_grid(0.05, 0.02), with_grid(0.04, 0.02, seed=1))
    assert "is 0.045" in claim.text
    assert "(0.0400" in claim.text
    assert claim.intuition == empty_plane.WHY
    (split,) = told(with_grid(0.01, 0.02), with_grid(0.05, 0.02, seed=1))
    assert (split.intuition, "decoded there" in split.text) == ("", False)


def test_pictures_further_from_images_are_explained() -> None:
    (claim,) = claims(0.05, 0.02)
    assert claim.numbers["empty"].value > 0.5
    there, elsewhere = (
        claim.numbers[f"distance to images at {where}"].value
        for where in ("empty points", "the others")
    )
    assert there - elsewhere == pytest.approx(0.03, abs=5e-3)
    assert (
        f"is {there:.5f}, that of the pictures of the other points {elsewhere:.5f}." in claim.text
    )
    assert claim.intuition == empty_plane.WHY


def test_pictures_nearer_to_images_are_not() -> None:
    for at_empty in (0.01, 0.022):  # not far enough for points that are no sample
        (claim,) = claims(at_empty, 0.02)
        assert (claim.intuition, set(claim.numbers)) == ("", {"empty"})
        assert claim.text.endswith("of the test codes are.")


def test_a_plane_without_empty_points_and_a_run_without_the_grid_have_no_claim() -> None:
    assert claims(0.05, 0.02, reach=0.1) == []
    assert told(with_grid(0.05, 0.02, distance=1.0)) == []
    older = make_training("1", manifold_points=None)
    assert list(empty_plane.observations(Study.of(make_records(older)))) == []
