"""Training beside test error, and reconstructions that change their class."""

import numpy as np
import pytest

from jobs.report.analysis.study import Study
from jobs.report.sections import named_again, train_error
from tests.jobs.report.synthetic import make_records, make_training


def study(**changes: object) -> Study:
    return Study.of(make_records(make_training("1", **changes)))


def test_a_test_error_above_the_training_error_is_told() -> None:
    (claim,) = train_error.gap(study(final_test_mse=0.040, final_train_mse=0.036))
    assert claim.numbers["setting 1"].value == pytest.approx(1 / 9)
    assert claim.text == (
        "Compared with the error on 10,000 of the 60,000 training images, the final test error is "
        "11% higher in setting 1 (0.03600 on training images)."
    )


def test_a_test_error_below_the_training_error_is_told_beside_those_within_the_noise() -> None:
    (claim,) = train_error.gap(
        Study.of(
            make_records(
                make_training("1", final_test_mse=0.040, final_train_mse=0.042),
                make_training("2", final_test_mse=0.010, final_train_mse=0.0099),
            )
        )
    )
    assert claim.text.endswith(
        "4.8% lower in setting 1 (0.04200 on training images); in setting 2 the two differ by no "
        "more than other images of the same kind would."
    )


def test_several_seeds_do_not_make_the_gap_more_certain() -> None:
    seeds = [
        make_training("1", final_test_mse=0.0405, final_train_mse=0.040, seed=s) for s in (0, 1)
    ]
    assert list(train_error.gap(Study.of(make_records(*seeds)))) == []


def test_few_training_images_are_all_measured() -> None:
    counts = np.full((2, 10), 100)
    (claim,) = train_error.gap(
        study(final_test_mse=0.040, final_train_mse=0.030, class_counts=counts)
    )
    assert "with the error on the training images," in claim.text


@pytest.mark.parametrize("train", [0.0395, 0.0405, None])
def test_errors_within_the_noise_or_unknown_are_not_told(train: float | None) -> None:
    assert list(train_error.gap(study(final_test_mse=0.040, final_train_mse=train))) == []


def test_fewer_test_images_make_the_error_less_certain() -> None:
    labels = np.arange(1_000) % 10
    gap = study(final_test_mse=0.040, final_train_mse=0.0388, labels=labels, codes=None)
    assert list(train_error.gap(gap)) == []
    assert list(train_error.gap(study(final_test_mse=0.040, final_train_mse=0.0388))) != []


def test_changes_of_class_are_counted() -> None:
    counts = np.diag(np.full(10, 100))
    counts[4, 4], counts[4, 9] = 70, 30
    counts[3, 3], counts[3, 8] = 81, 19
    (claim,) = named_again.changes(study(reconstructed_as=counts))
    assert claim.numbers["setting 1"].value == pytest.approx(0.049)
    assert (
        "of 4.9% in setting 1. Most frequent in setting 1: 30% of these 4s are taken for 9s."
        in claim.text
    )
    assert "8s" not in claim.text


def test_nothing_is_said_of_runs_that_did_not_count() -> None:
    assert list(named_again.changes(study(reconstructed_as=None))) == []
