"""The plane beside PCA's, and codes beside PCA's codes and pixels."""

from dataclasses import replace
from typing import Any

import numpy as np

from jobs.report.analysis.study import Study
from jobs.report.blocks import Table
from jobs.report.records import TrainingRecord
from jobs.report.sections import embedding, planes
from tests.jobs.report.synthetic import make_records, make_training


def study(*trainings: TrainingRecord) -> Study:
    return Study.of(make_records(*trainings))


def noisy(**changes: Any) -> TrainingRecord:
    """A training whose codes are better in no plane: PCA's plane with the digit added."""
    training = make_training("1", **changes)
    assert training.codes is not None
    assert training.labels is not None
    return replace(training, codes=training.codes + training.labels[:, np.newaxis])


def test_a_better_plane_is_told() -> None:
    (claim,) = planes.beside_pca(study(noisy()))
    assert claim.numbers["lead"].is_positive
    assert claim.text.startswith("In PCA's plane 38.5% of the 10 nearest neighbours")
    assert "less than in the plane of setting 1" in claim.text


def test_the_same_plane_is_not_told_to_be_better() -> None:
    assert list(planes.beside_pca(study(make_training("1")))) == []


def test_a_run_without_pcas_plane_has_neither_figure_nor_claim() -> None:
    older = study(make_training("1", pca_xy=None, knn_accuracy_pca=None))
    assert list(planes.blocks(older)) == []
    assert list(planes.beside_pca(older)) == []


def test_codes_are_set_beside_pca_and_pixels_beyond_the_noise() -> None:
    small = make_training("2", knn_accuracy=0.974, knn_accuracy_pca=0.961)
    large = make_training("3", knn_accuracy=0.958, knn_accuracy_pca=0.973)
    (claim,) = planes.codes_beside_pca(study(small, large))
    assert (
        "beat those among PCA's codes in setting 2 and lose to them in setting 3; they beat those "
        "among raw pixels in setting 2 and lose to them in setting 3."
    ) in claim.text
    same = make_training("2", knn_accuracy=0.966, knn_accuracy_pca=0.966)
    assert list(planes.codes_beside_pca(study(same))) == []


def test_codes_beat_others_only_in_every_seed() -> None:
    better = make_training("2", knn_accuracy=0.974, knn_accuracy_pca=0.961)
    equal = make_training("2", knn_accuracy=0.962, knn_accuracy_pca=0.961, seed=1)
    (claim,) = planes.codes_beside_pca(study(better, replace(better)))
    assert "beat those among PCA's codes in setting 2" in claim.text
    assert list(planes.codes_beside_pca(study(better, equal))) == []


def test_a_plane_is_better_only_in_every_seed() -> None:
    (claim,) = planes.beside_pca(study(noisy(), noisy(seed=1)))
    assert claim.numbers["lead"].is_positive
    assert list(planes.beside_pca(study(noisy(), make_training("1", seed=1)))) == []


def test_the_tables_have_means_over_the_seeds() -> None:
    own, other = noisy(), make_training("1", seed=1)
    both = study(own, other)
    shares = [[plane.same for plane, _ in study(one).planes if plane] for one in (own, other)]
    (table,) = (b for b in planes.blocks(both) if isinstance(b, Table) and b.key == "table-planes")
    assert table.caption.endswith("Means over the seeds.")
    assert table.rows[0][0] == "setting 1"
    assert table.rows[0][2] == f"{100 * np.mean(shares):.1f}%"
    (mixing,) = (
        b for b in embedding.blocks(both) if isinstance(b, Table) and b.key == "table-neighbours"
    )
    assert "in percent, mean over 2 seeds" in mixing.caption
    rows = np.mean([plane.shares[4] for plane, _ in both.planes if plane], axis=0)
    assert mixing.rows[4][5] == f"{100 * rows[4]:.0f}"
