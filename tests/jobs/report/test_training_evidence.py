"""Training beside test error, and reconstructions that change their class."""

from dataclasses import replace

import numpy as np
import pytest

from jobs.report.analysis.study import Study
from jobs.report.records import TrainingRecord
from jobs.report.sections import named_again, train_error
from tests.jobs.report.synthetic import make_records, make_training


def study(**changes: object) -> Study:
    return Study.of(make_records(make_training("1", **changes)))


def errors(test: float, train: float) -> dict[str, float]:
    """A network's errors, where PCA's says that the test images are 1% harder."""
    return {
        "final_test_mse": test,
        "final_train_mse": train,
        "pca_test_mse": 0.0505,
        "pca_train_mse": 0.05,
    }


def test_a_test_error_above_the_training_error_is_told() -> None:
    (claim,) = train_error.gap(study(**errors(0.040, 0.036)))
    assert claim.numbers["setting 1"].value == pytest.approx(1 / 0.9 / 1.01 - 1)
    assert claim.text.endswith(
        "the final test error exceeds the error on 10,000 of the 60,000 training images by 10% "
        "(95%: 9.3% to 11%) in setting 1 (0.04000 / 0.05050 against 0.03600 / 0.05000)."
    )


def test_a_test_error_below_the_training_error_is_told_beside_those_within_the_noise() -> None:
    (claim,) = train_error.gap(
        Study.of(
            make_records(
                make_training("1", **errors(0.040, 0.042)),
                make_training("2", **errors(0.0101, 0.010)),
            )
        )
    )
    assert claim.text.endswith(
        "by \u22125.7% (95% together: \u22126.4% to \u22125.0%) in setting 1 (0.04000 / 0.05050 "
        "against 0.04200 / 0.05000) and does not differ from it beyond the noise in setting 2 "
        "(0.0%; 95% together: \u22120.7% to 0.7%)."
    )


def test_several_seeds_do_not_make_the_gap_more_certain() -> None:
    seeds = [make_training("1", **errors(0.0406, 0.040), seed=s) for s in (0, 1)]
    one, both = (train_error.gap(Study.of(make_records(*made))) for made in (seeds[:1], seeds))
    assert next(one).numbers == next(both).numbers


def test_few_training_images_are_all_measured() -> None:
    counts = np.full((2, 10), 100)
    (claim,) = train_error.gap(study(**errors(0.040, 0.030), class_counts=counts))
    assert "the error on the training images by 32%" in claim.text


@pytest.mark.parametrize("train", [0.0394, 0.0398])
def test_errors_within_the_noise_have_intervals_that_hold_zero(train: float) -> None:
    (claim,) = train_error.gap(study(**errors(0.040, train)))
    (found,) = claim.numbers.values()
    assert "does not differ from the error on 10,000 of the 60,000 training images" in claim.text
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def width(training: TrainingRecord) -> float:
    """Return how wide the interval is."""
    (claim,) = train_error.gap(Study.of(make_records(training)))
    interval = claim.numbers["setting 1"].interval
    assert interval is not None
    return interval[1] - interval[0]


def test_fewer_test_images_make_the_error_less_certain() -> None:
    made = make_training("1", **errors(0.040, 0.039))
    assert made.image_mse is not None
    assert made.pca_image_mse is not None
    few = replace(made, image_mse=made.image_mse[:500], pca_image_mse=made.pca_image_mse[:500])
    assert 2.8 < width(few) / width(made) < 3.7  # sqrt((1 / 500 + 1e-4) / 2e-4) = 3.24


def test_images_that_are_hard_for_pca_as_well_are_no_noise() -> None:
    made = make_training("1", **errors(0.0401, 0.0395))
    assert width(made) > 0.01
    assert width(replace(made, pca_image_mse=made.image_mse)) == 0


def test_runs_without_the_errors_of_pca_have_no_claim() -> None:
    older = {"pca_image_mse": None}, {"pca_train_mse": None}, {"final_train_mse": None}
    for missing in older:
        assert list(train_error.gap(study(**errors(0.040, 0.030) | missing))) == []


def test_changes_of_class_are_counted() -> None:
    counts = np.diag(np.full(10, 100))
    counts[4, 4], counts[4, 9] = 70, 30
    counts[3, 3], counts[3, 8] = 81, 19
    (claim,) = named_again.changes(study(reconstructed_as=counts))
    assert claim.numbers["setting 1"].value == pytest.approx(0.049)
    assert (
        "of 4.9% in setting 1. Among the largest shares in setting 1: 30% of these 4s are taken "
        "for 9s." in claim.text
    )
    assert "8s" not in claim.text


def test_nothing_is_said_of_runs_that_did_not_count() -> None:
    assert list(named_again.changes(study(reconstructed_as=None))) == []
