"""Numbers of a trained network, computed a second way."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from aemodel import evaluation, generation, latent
from aemodel.baseline import Baseline
from aemodel.data import MAX_PIXEL, Dataset
from aemodel.evaluation import MANIFOLD_SIDE, Evaluation, evaluate
from aemodel.settings import RECIPES, Setting
from aemodel.training import Trainer

RECIPE = replace(RECIPES["assignment"], iterations=150, eval_every=50, batch_size=100)
PAIRS = ((3, 8), (8, 2))

Case = tuple[Trainer, Evaluation]


@pytest.fixture(scope="module", params=[(32, 16, 2), (6,)], ids=str)
def case(
    request: pytest.FixtureRequest,
    small_dataset: Dataset,
    small_baseline: Baseline,
    one_thread: None,
) -> Case:
    """A short training on a slice of MNIST, and what it came to."""
    trainer = Trainer(Setting("own", request.param), RECIPE, 1, small_dataset, "float32")
    for _ in trainer.run():
        pass
    # As if it had been best in the middle, and over-fitted since.
    trainer.curve[1] = replace(trainer.curve[1], test_mse=1e-4)
    return trainer, evaluate(trainer, PAIRS, small_baseline)


def scaled(training: Trainer) -> NDArray[np.float32]:
    return training.data.x_test.astype(np.float32) / np.float32(255)


def test_measures_side_by_side_are_the_same(case: Case, small_baseline: Baseline) -> None:
    trainer, alone = case
    beside = evaluate(trainer, PAIRS, small_baseline, threads=3)
    assert beside.metrics == alone.metrics
    np.testing.assert_array_equal(beside.codes, alone.codes)
    np.testing.assert_array_equal(beside.generation.mixture_images, alone.generation.mixture_images)
    for one, other in zip(beside.interpolations, alone.interpolations, strict=True):
        np.testing.assert_array_equal(one.nearest_mse, other.nearest_mse)


def test_a_very_small_test_set_has_no_neighbourhoods(
    small_dataset: Dataset, small_baseline: Baseline
) -> None:
    first = evaluation.first_of_each_digit(small_dataset.y_test)
    few = np.concatenate([first, first[:5] + 1])
    data = replace(
        small_dataset, x_test=small_dataset.x_test[few], y_test=small_dataset.y_test[few], digest=""
    )
    trainer = Trainer(Setting("own", (8, 2)), replace(RECIPE, iterations=2), 1, data, "float32")
    for _ in trainer.run():
        pass
    metrics = evaluate(trainer, PAIRS, small_baseline).metrics
    assert "trustworthiness" not in metrics
    assert 0 <= metrics["knn_accuracy"] <= 1


def test_names_of_the_metrics(case: Case) -> None:
    of_plane = {"trustworthiness", "continuity", "pca_trustworthiness", "pca_continuity"}
    wanted = {
        "final_train_mse",
        "pca_train_mse",
        "decoder_affine_share",
        "knn_accuracy_pca",
        "knn_accuracy_pixels",
        *(of_plane if case[0].setting.latent_size == 2 else ()),
        "final_test_mse",
        "best_test_mse",
        "best_iteration",
        "pca_test_mse",
        "train_seconds",
        "knn_accuracy",
        "real_nearest_mse",
        *(f"mse_digit_{digit}" for digit in range(10)),
        *(
            f"generated_{kind}_{measure}"
            for kind in ("gaussian", "mixture", "reconstructions", "real")
            for measure in ("nearest_mse", "sure", "evenness", "frechet")
        ),
        "generated_components",
        "generated_classifier_accuracy",
    }
    assert case[1].metrics.keys() == wanted
    assert all(type(value) is float for value in case[1].metrics.values())


def test_the_axes_that_soap_trains_are_counted(case: Case, small_dataset: Dataset) -> None:
    recipe = replace(RECIPES["quick"], iterations=100, batch_size=100)
    trainer = Trainer(Setting("own", (8, 2)), recipe, 1, small_dataset, "float32")
    axes = evaluation._pixel_axes(trainer)["pixel_axes"]
    variances = trainer.principal_components.variances
    shares = np.cumsum(variances) / variances.sum()
    assert shares[int(axes) - 2] < 0.9999 <= shares[int(axes) - 1]
    assert evaluation._pixel_axes(case[0]) == {}


def test_the_final_error_is_that_of_the_network_at_the_end(case: Case) -> None:
    training, found = case
    x = scaled(training)
    errors = np.square(np.asarray(training.network.autoencoder(x), np.float64) - x).mean(axis=1)
    assert found.metrics["final_test_mse"] == pytest.approx(errors.mean(), rel=1e-6)
    np.testing.assert_allclose(found.image_mse, errors, rtol=1e-4)
    for digit in range(10):
        of_digit = errors[training.data.y_test == digit]
        assert found.metrics[f"mse_digit_{digit}"] == pytest.approx(of_digit.mean(), rel=1e-5)


def test_the_best_error_is_the_least_of_curve_and_end(case: Case) -> None:
    training, found = case
    assert [p.iteration for p in training.curve] == [0, 50, 100]
    metrics = found.metrics
    assert (metrics["best_iteration"], metrics["best_test_mse"]) == (50.0, 1e-4)


def test_the_linear_baseline_has_the_same_size(case: Case) -> None:
    training, found = case
    x, mean = scaled(training), training.data.x_train.mean(axis=0) / 255
    centred = training.data.x_train / 255 - mean
    basis = np.linalg.eigh(centred.T @ centred)[1][:, -training.setting.latent_size :]
    residual = (x - mean) - (x - mean) @ basis @ basis.T
    assert found.metrics["pca_test_mse"] == pytest.approx(np.mean(residual**2), rel=1e-4)


def test_codes_and_reconstructions_are_the_networks(case: Case) -> None:
    training, found = case
    x = scaled(training)
    assert found.codes.shape == (500, training.setting.latent_size)
    np.testing.assert_allclose(found.codes, training.network.encoder(x), atol=1e-5)
    originals, decoded = found.reconstructions
    for digit, image in enumerate(originals):
        np.testing.assert_array_equal(image, x[np.flatnonzero(training.data.y_test == digit)[0]])
    np.testing.assert_allclose(decoded, training.network.autoencoder(originals), atol=1e-5)


def test_interpolations_lead_from_mean_to_mean(case: Case) -> None:
    training, found = case
    assert [(path.digit_a, path.digit_b) for path in found.interpolations] == list(PAIRS)
    labels = training.data.y_test
    for path in found.interpolations:
        mean_a, mean_b = (
            found.codes[labels == d].mean(axis=0) for d in (path.digit_a, path.digit_b)
        )
        np.testing.assert_array_equal(path.fractions, np.arange(11) / 10)
        fractions = path.fractions[:, np.newaxis]
        decoded = training.network.decoder((1 - fractions) * mean_a + fractions * mean_b)
        np.testing.assert_allclose(path.pixels, decoded, atol=1e-4)
        distances = np.square(path.pixels[:, np.newaxis] - scaled(training)).mean(axis=2)
        np.testing.assert_allclose(path.nearest_mse, distances.min(axis=1), rtol=1e-3)
        np.testing.assert_array_equal(path.nearest_digit, labels[distances.argmin(axis=1)])


def test_the_blend_ends_where_the_path_ends(case: Case) -> None:
    for path in case[1].interpolations:
        ends = path.nearest_mse[[0, -1]]
        np.testing.assert_allclose(path.blend_nearest_mse[[0, -1]], ends, rtol=1e-4)


def test_the_manifold_is_decoded_over_the_middle_of_two_dimensions(case: Case) -> None:
    training, found = case
    manifold = found.manifold
    if training.setting.latent_size != 2:
        assert manifold is None
        return
    assert manifold is not None
    for low, high, along in (
        (*manifold.x_range, found.codes[:, 0]),
        (*manifold.y_range, found.codes[:, 1]),
    ):
        assert along.min() < low < np.median(along) < high < along.max()
    code = np.array([[manifold.x_range[0], manifold.y_range[1]]], np.float32)
    np.testing.assert_allclose(manifold.pixels[-1, 0], training.network.decoder(code)[0], atol=1e-5)
    np.testing.assert_array_equal(manifold.points[-MANIFOLD_SIDE], code[0])
    differences = training.data.x_test / MAX_PIXEL - manifold.pixels[-1, 0]
    nearest = np.square(differences).mean(axis=1).min()
    np.testing.assert_allclose(manifold.nearest_mse[-MANIFOLD_SIDE], nearest, rtol=1e-5)
    train_codes = np.asarray(training.network.encoder(training.data.x_train / MAX_PIXEL))
    usual, distances = (
        np.array([np.linalg.norm(train_codes - point, axis=1).min() for point in points])
        for points in (found.codes, manifold.points)
    )
    unit = np.quantile(usual, evaluation.USUAL)
    np.testing.assert_allclose(manifold.code_distance, distances / unit, rtol=1e-4)


def test_the_training_error_is_that_of_training_images(case: Case) -> None:
    training, found = case
    x = training.data.x_train / np.float32(255)
    decoded = np.asarray(training.network.autoencoder(x), np.float64)
    wanted = np.square(decoded - x).mean()
    assert found.metrics["final_train_mse"] == pytest.approx(wanted, rel=1e-5)


def test_reconstructions_of_training_images_are_measured(
    case: Case, small_baseline: Baseline
) -> None:
    """Those of test images would be nearest to the very images that they are measured against."""
    training, found = case
    x = training.data.x_train[: evaluation.COMPARED] / MAX_PIXEL
    quality = generation.measure(
        np.clip(np.asarray(training.network.autoencoder(x)), 0, 1),
        latent.ReferenceImages(training.data.x_test),
        small_baseline.classifier,
    )
    for name, value in quality.metrics("reconstructions").items():
        assert found.metrics[name] == pytest.approx(value, rel=1e-4)


def test_the_errors_of_pca_are_of_the_same_images(case: Case) -> None:
    training, found = case
    train, test = (x / 255 for x in (training.data.x_train, training.data.x_test))
    mean = train.mean(axis=0)
    basis = np.linalg.svd(train - mean, full_matrices=False)[2][: training.setting.latent_size]
    of_train, of_test = (
        np.square(x - mean - (x - mean) @ basis.T @ basis).mean(axis=1) for x in (train, test)
    )
    assert found.metrics["pca_train_mse"] == pytest.approx(of_train.mean(), rel=1e-5)
    assert found.metrics["pca_test_mse"] == pytest.approx(of_test.mean(), rel=1e-5)
    np.testing.assert_allclose(found.pca_image_mse, of_test, rtol=1e-3, atol=1e-7)


def test_reconstructions_are_named_by_the_classifier(case: Case, small_baseline: Baseline) -> None:
    training, found = case
    x, labels = scaled(training), training.data.y_test
    decoded = np.clip(np.asarray(training.network.autoencoder(x)), 0, 1)
    before, after = (
        small_baseline.classifier.probabilities(i).argmax(axis=1) for i in (x, decoded)
    )
    for digit in range(10):
        for named in range(10):
            count = np.sum((labels == digit) & (before == digit) & (after == named))
            assert found.reconstructed_as[digit, named] == count


def test_pca_votes_and_plane(case: Case, small_baseline: Baseline) -> None:
    training, found = case
    assert found.metrics["knn_accuracy_pixels"] == small_baseline.pixels_accuracy
    assert 0.5 < found.metrics["knn_accuracy_pixels"] < 1
    assert 0.1 < found.metrics["knn_accuracy_pca"] < 1
    if training.setting.latent_size != 2:
        assert found.pca_plane is None
        return
    assert found.pca_plane is not None
    assert np.ptp(found.pca_plane[:, 0]) > np.ptp(found.pca_plane[:, 1]) > 0


def test_a_decoder_is_affine_only_as_far_as_a_linear_fit_goes(case: Case) -> None:
    training, found = case
    if len(training.setting.widths) == 1:
        assert found.metrics["decoder_affine_share"] == pytest.approx(1, abs=1e-5)
    else:
        assert 0 < found.metrics["decoder_affine_share"] < 0.999
