"""What the report says of generated images, and when it does not."""

from dataclasses import replace
from typing import Any

import pytest

from aemodel.generation import Quality
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation, Table
from jobs.report.records import Generated, TrainingRecord
from jobs.report.sections import generation
from tests.jobs.report.synthetic import curve, make_records, make_training


def training(name: str = "2", **changes: Any) -> TrainingRecord:
    made = make_training(name)
    assert made.generated is not None
    return replace(made, generated=replace(made.generated, **changes))


def claims(*trainings: TrainingRecord) -> dict[str, Observation]:
    study = Study.of(make_records(*trainings))
    return {item.kind: item for item in generation.observations(study)}


def quality(frechet: float, sure: float = 0.5) -> Quality:
    return Quality(0.02, sure, 0.98, frechet)


def test_a_better_mixture_is_told_with_the_literature() -> None:
    claim = claims(training(gaussian=quality(13.7), mixture=quality(4.3)))[
        "mixture beside Gaussian"
    ]
    assert claim.numbers["setting 2"].value == pytest.approx(13.7 / 4.3)
    assert "3.2 (setting 2) times that of images from the mixture" in claim.text
    assert "58.73" in claim.intuition


def test_a_little_better_mixture_has_no_literature() -> None:
    claim = claims(training(gaussian=quality(7.9), mixture=quality(4.3)))["mixture beside Gaussian"]
    assert claim.intuition == ""


def test_a_mixture_that_is_better_by_less_than_real_images_differ_is_not_told() -> None:
    assert "mixture beside Gaussian" not in claims(
        training(gaussian=quality(5.2), mixture=quality(4.3), real=quality(1.0))
    )


def test_networks_in_which_it_is_not_better_are_named() -> None:
    claim = claims(training("2"), training("3", gaussian=quality(9.4), mixture=quality(9.4)))[
        "mixture beside Gaussian"
    ]
    assert claim.text.endswith("In setting 3 they differ by no more than two sets of real images.")


def test_sureness_is_told_beyond_its_noise_alone() -> None:
    said = claims(training(gaussian=quality(9, 0.36), mixture=quality(9, 0.77)))["sureness"].text
    assert "77.0% instead of 36.0% in setting 2" in said
    near = claims(training(gaussian=quality(9, 0.500), mixture=quality(9, 0.510)))
    assert "sureness" not in near


def test_better_reconstruction_and_worse_generation() -> None:
    small, large = make_training("2"), make_training("3")
    said = claims(small, large)["reconstruction beside generation"].text
    assert said.startswith("Setting 3 reconstructs better than setting 2 and generates worse")
    assert "9.40 instead of 4.30" in said
    worse = make_training("3", curve=curve({1: 0.1, 100_000: 0.03}))
    assert "reconstruction beside generation" not in claims(small, worse)


def test_without_generated_images_there_is_no_section() -> None:
    study = Study.of(make_records(replace(make_training("1"), generated=None)))
    assert list(generation.blocks(study)) == []


def test_the_scale_stands_first_in_the_table() -> None:
    study = Study.of(make_records(make_training("1"), make_training("2")))
    (table,) = (b for b in generation.blocks(study) if isinstance(b, Table))
    assert [row[0] for row in table.rows[:2]] == ["training images", "setting 1, reconstructions"]
    assert len(table.rows) == 7
    assert isinstance(make_training("1").generated, Generated)


def test_a_worse_mixture_is_told() -> None:
    claim = claims(training(gaussian=quality(19.10), mixture=quality(20.12)))[
        "mixture beside Gaussian"
    ]
    assert "larger than that of images from one Gaussian" in claim.text
    assert "setting 2 (20.12 against 19.10)" in claim.text
    near = training(gaussian=quality(19.10), mixture=quality(20.09))
    assert "mixture beside Gaussian" not in claims(near)


def test_generation_is_told_of_as_far_as_the_seeds_agree() -> None:
    better = training(gaussian=quality(13.7, 0.3), mixture=quality(4.3, 0.7))
    again = training(gaussian=quality(12.9, 0.4), mixture=quality(4.3, 0.8))
    said = claims(better, again)
    assert "3.1 (setting 2; 3.0 to 3.2) times" in said["mixture beside Gaussian"].text
    assert "75.0% (70.0% to 80.0%) instead of 35.0%" in said["sureness"].text
    equal = training(gaussian=quality(4.9, 0.7), mixture=quality(4.3, 0.7))
    assert not {"mixture beside Gaussian", "sureness"} & set(claims(better, equal))
    far = make_training("3")
    assert "reconstruction beside generation" in claims(better, again, far)
    bad = training(gaussian=quality(13.7), mixture=quality(9.0))
    assert "reconstruction beside generation" not in claims(better, bad, far)


def test_fewer_components_are_told_if_the_codes_are_too_few_for_more() -> None:
    small, large = training("2", components=40), training("3", components=20)
    said = claims(small, large)["reconstruction beside generation"].text
    assert "20 components, not 40, for which 8,000 codes of 64 numbers" in said
    assert "8,000 codes of 64 numbers are too few" in said
    alike = claims(training("2", components=20), large)["reconstruction beside generation"].text
    assert "components" not in alike


def test_the_table_has_means_over_the_seeds() -> None:
    one = training("1", mixture=quality(4.0, 0.3), components=10)
    other = training("1", mixture=quality(5.0, 0.5), components=20)
    other = replace(other, spec=replace(other.spec, seed=1))
    (table,) = (
        b for b in generation.blocks(Study.of(make_records(one, other))) if isinstance(b, Table)
    )
    assert table.caption.endswith("Means over the seeds.")
    assert len(table.rows) == 4
    assert table.rows[3] == ["setting 1, mixture of 10 or 20", "0.02000", "40.0%", "0.980", "4.50"]


def test_what_reconstructions_of_other_images_measured_is_left_out() -> None:
    made = training("2", gaussian=quality(13.7), mixture=quality(4.3), reconstructions=None)
    (table,) = (b for b in generation.blocks(Study.of(make_records(made))) if isinstance(b, Table))
    assert [row[0] for row in table.rows] == [
        "training images", "setting 2, Gaussian", "setting 2, mixture of 20",
    ]  # fmt: skip
    assert "reconstructions" not in table.caption
    assert "econstructions" not in claims(made)["mixture beside Gaussian"].text
    kept = training("2", gaussian=quality(13.7), mixture=quality(4.3), reconstructions=quality(2.0))
    said = claims(kept)["mixture beside Gaussian"].text
    assert "For reconstructions of training images it is 2.00 (setting 2)." in said
