"""Ways between single images in the report: told beyond their noise alone."""

import re
from dataclasses import replace

import numpy as np
import pytest

from aemodel.real_images import PAIRS
from jobs.report.analysis.groups import grouped
from jobs.report.analysis.real_images import mean_radius
from jobs.report.blocks import Observation, Table
from jobs.report.records import TrainingRecord
from jobs.report.sections import real_images
from tests.jobs.report.synthetic import make_training


def training(linear: float, spherical: float, blend: float, noise: float = 1e-4) -> TrainingRecord:
    """A training with these mean distances for pairs of both kinds."""
    made = make_training("2")
    assert made.real_interpolations is not None
    drawn = np.random.default_rng(0).normal(0, noise, (2, PAIRS, 3))
    drawn += np.array([linear, spherical, blend]) - drawn.mean(axis=1, keepdims=True)
    found = replace(made.real_interpolations, distances=drawn.reshape(-1, 3))
    return replace(made, real_interpolations=found)


def claims(*trainings: TrainingRecord) -> dict[str, Observation]:
    return {item.kind: item for item in real_images.observations(grouped(trainings))}


def test_a_nearer_way_is_told_with_its_share() -> None:
    claim = claims(training(0.018, 0.018, 0.020))["single images, decoded beside blended"]
    assert claim.numbers["setting 2, same digit"].value == pytest.approx(0.1, abs=0.002)
    assert "nearer to other test images by 10% (setting 2, same digit) and 10%" in claim.text


def test_a_further_way_is_told_too() -> None:
    claim = claims(training(0.022, 0.022, 0.020))["single images, decoded beside blended"]
    assert "further from other test images by 10%" in claim.text


def test_nothing_is_told_within_the_noise() -> None:
    kinds = claims(training(0.0200, 0.0200, 0.0200, noise=5e-3))
    assert not {kind for kind in kinds if "single images" in kind}


def test_nothing_is_told_of_differences_that_rounding_makes() -> None:
    kinds = claims(training(0.0200, 0.02000002, 0.02000002, noise=1e-10))
    assert not {kind for kind in kinds if "single images" in kind}


def test_gains_stand_in_the_table_with_their_intervals() -> None:
    groups = grouped([training(0.020, 0.025, 0.016, noise=1e-3)])
    (table,) = (b for b in real_images.blocks(groups) if isinstance(b, Table))
    for row in table.rows:
        assert re.fullmatch(r"−25\.0% \(−26\.\d to −2[34]\.\d\)", row[-1])


def test_affine_decoders_are_explained_if_they_differ() -> None:
    claim = claims(make_training("2"), make_training("3"))["affine share of the decoder"]
    assert claim.text.startswith("An affine function of the code explains")
    assert claim.intuition
    alone = claims(make_training("2"))["affine share of the decoder"]
    assert alone.intuition == ""


def test_where_mean_codes_lie_is_told_once() -> None:
    claim = claims(make_training("2"))["where mean codes lie"]
    assert set(claim.numbers) == {"radius, setting 2", "codes as near, setting 2"}
    assert claim.numbers["radius, setting 2"].value < 1
    assert claims(make_training("2", codes=None)).keys().isdisjoint({"where mean codes lie"})


def test_the_radius_of_a_mean_is_that_of_the_plain_formula() -> None:
    codes = np.array([[3.0, 0], [3, 0], [-1, 2], [-1, -2], [-4, 0]])
    labels = np.array([0, 0, 1, 1, 2])
    assert mean_radius(codes, labels, [0]) == pytest.approx(1.0)
    assert mean_radius(codes, labels, [1]) == pytest.approx(1 / np.sqrt(5))
    assert mean_radius(codes, labels, [7]) is None


def test_runs_without_them_have_no_section() -> None:
    older = make_training("2", real_interpolations=None)
    assert list(real_images.blocks(grouped([older]))) == []


def test_the_table_has_a_row_for_each_kind() -> None:
    groups = grouped([training(0.018, 0.018, 0.020)])
    (table,) = (block for block in real_images.blocks(groups) if isinstance(block, Table))
    assert [row[1] for row in table.rows] == ["same digit", "different digits"]


def test_a_gain_is_told_if_every_seed_has_it() -> None:
    claim = claims(training(0.018, 0.018, 0.020), training(0.016, 0.016, 0.020))[
        "single images, decoded beside blended"
    ]
    assert "by 15% (setting 2, same digit; 10% to 20%)" in claim.text
    kinds = claims(training(0.018, 0.018, 0.020), training(0.020, 0.020, 0.020))
    assert "single images, decoded beside blended" not in kinds


def test_a_loss_has_a_true_minus_sign() -> None:
    (table,) = (
        block
        for block in real_images.blocks(grouped([training(0.022, 0.022, 0.020)]))
        if isinstance(block, Table)
    )
    assert table.columns[-1][0] == "Gain over blend"
    assert table.rows[0][-1].startswith("−10.0% (−10")


def test_mean_codes_are_alone_only_where_few_codes_are_as_near() -> None:
    codes = np.random.default_rng(0).normal(size=(10_000, 64)).astype("f4")
    labels = np.arange(10_000) % 10
    alone = replace(make_training("3"), codes=codes, labels=labels)
    claim = claims(alone)["where mean codes lie"]
    assert "none of the digit's own codes is that close to it" in claim.text
    assert claim.intuition.startswith("In setting 3 the mean codes of these pairs")
    # On a line the codes of each digit lie as near to its mean as to any other place.
    plane = replace(make_training("2"), codes=codes[:, :1] + labels[:, None] - 4.5, labels=labels)
    both = claims(plane, alone)["where mean codes lie"]
    assert both.numbers["codes as near, setting 2"].value > 0.05
    assert both.intuition.startswith("In setting 3 the mean codes")
    assert claims(plane)["where mean codes lie"].intuition == ""
