"""Numbers and files of a trained network, computed a second way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aemodel.data import Dataset
from aemodel.settings import RECIPES
from aemodel.training import Trainer
from jobs.artifacts import files
from jobs.artifacts.files import Results
from jobs.parameters import parse_specs
from jobs.spec import TrainingSpec

RECIPE = replace(RECIPES["assignment"], iterations=150, eval_every=50, batch_size=100)
FRACTIONS = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]

Case = tuple[Trainer, TrainingSpec, Results, Path]


@pytest.fixture(scope="module", params=["32-16-2", "32-16-6"])
def case(
    request: pytest.FixtureRequest,
    small_dataset: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
    one_thread: None,
) -> Case:
    """A short training on a slice of MNIST, what it came to, and the folder of its files."""
    (job,) = parse_specs(request.param, RECIPE, "1", "3-8,8-2", "float32")
    training = Trainer(job.setting, job.recipe, job.seed, small_dataset, job.precision)
    for _ in training.run():
        pass
    # As if it had been best in the middle, and over-fitted since.
    training.curve[1] = replace(training.curve[1], test_mse=1e-4)
    found = files.evaluate(training, job)
    folder = tmp_path_factory.mktemp("files")
    files.write_files(found, training, job, folder)
    return training, job, found, folder


def scaled(training: Trainer) -> NDArray[np.float32]:
    return training.data.x_test.astype(np.float32) / np.float32(255)


def read(path: Path) -> NDArray[np.float64]:
    """Read a file as the assignment's scripts do."""
    return np.loadtxt(path, delimiter=",")


# --- Numbers ---------------------------------------------------------------------------------


def test_names_of_the_metrics(case: Case) -> None:
    wanted = {
        "final_test_mse",
        "best_test_mse",
        "best_iteration",
        "pca_test_mse",
        "train_seconds",
        "knn_accuracy",
        "real_nearest_mse",
        *(f"mse_digit_{digit}" for digit in range(10)),
    }
    assert case[2].metrics.keys() == wanted
    assert all(type(value) is float for value in case[2].metrics.values())


def test_the_final_error_is_that_of_the_network_at_the_end(case: Case) -> None:
    training, _, found, _ = case
    x = scaled(training)
    errors = np.square(np.asarray(training.network.autoencoder(x), np.float64) - x).mean(axis=1)
    assert found.metrics["final_test_mse"] == pytest.approx(errors.mean(), rel=1e-6)
    for digit in range(10):
        of_digit = errors[training.data.y_test == digit]
        assert found.metrics[f"mse_digit_{digit}"] == pytest.approx(of_digit.mean(), rel=1e-5)


def test_the_best_error_is_the_least_of_curve_and_end(case: Case) -> None:
    training, _, found, _ = case
    assert [p.iteration for p in training.curve] == [0, 50, 100]
    metrics = found.metrics
    assert (metrics["best_iteration"], metrics["best_test_mse"]) == (50.0, 1e-4)


def test_the_linear_baseline_has_the_same_size(case: Case) -> None:
    training, job, found, _ = case
    x, mean = scaled(training), training.data.x_train.mean(axis=0) / 255
    centred = training.data.x_train / 255 - mean
    basis = np.linalg.eigh(centred.T @ centred)[1][:, -job.setting.latent_size :]
    residual = (x - mean) - (x - mean) @ basis @ basis.T
    assert found.metrics["pca_test_mse"] == pytest.approx(np.mean(residual**2), rel=1e-4)


def test_codes_and_reconstructions_are_the_networks(case: Case) -> None:
    training, job, found, _ = case
    x = scaled(training)
    assert found.codes.shape == (500, job.setting.latent_size)
    np.testing.assert_allclose(found.codes, training.network.encoder(x), atol=1e-5)
    labels = training.data.y_test[found.examples]
    np.testing.assert_array_equal(labels, range(10))
    decoded = training.network.autoencoder(x[found.examples])
    np.testing.assert_allclose(found.reconstructions, decoded, atol=1e-5)


def test_interpolations_lead_from_mean_to_mean(case: Case) -> None:
    training, job, found, _ = case
    assert list(found.paths) == list(job.pairs) == [(3, 8), (8, 2)]
    labels = training.data.y_test
    for (a, b), path in found.paths.items():
        mean_a, mean_b = (found.codes[labels == d].mean(axis=0) for d in (a, b))
        fractions = np.linspace(0, 1, 11)[:, np.newaxis]
        decoded = training.network.decoder((1 - fractions) * mean_a + fractions * mean_b)
        np.testing.assert_allclose(path.pixels, decoded, atol=1e-4)
        distances = np.square(path.pixels[:, np.newaxis] - scaled(training)).mean(axis=2)
        np.testing.assert_allclose(path.nearest_mse, distances.min(axis=1), rtol=1e-3)
        np.testing.assert_array_equal(path.nearest_digit, labels[distances.argmin(axis=1)])


def test_the_blend_ends_where_the_path_ends(case: Case) -> None:
    for path in case[2].paths.values():
        ends = path.nearest_mse[[0, -1]]
        np.testing.assert_allclose(path.blend_nearest_mse[[0, -1]], ends, rtol=1e-4)


# --- Files -----------------------------------------------------------------------------------


def test_all_files_and_no_others(case: Case) -> None:
    _, job, _, folder = case
    wanted = {
        "curve/recreation_err.csv",
        "curve/reconstruction_error.png",
        "embedding/low_dimension_embedding.csv",
        "embedding/mnist_test_labels.csv",
        "embedding/neighbour_shares.csv",
        "embedding/embedding_2d.png",
        "reconstructions.csv",
        "reconstructions.png",
        "samples.png",
        "explorer.html",
    }
    for pair in ("3-to-8", "8-to-2"):
        wanted |= {f"interpolation/{pair}/{name}" for name in ("nearest.csv", "strip.png")}
        wanted |= {f"interpolation/{pair}/recreation_{f}.csv" for f in FRACTIONS}
        wanted |= {f"interpolation/{pair}/img_{f}.png" for f in FRACTIONS}
    if job.setting.latent_size == 2:
        wanted.add("manifold.png")
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == wanted


def test_the_curve_file(case: Case) -> None:
    training, _, _, folder = case
    errors = read(folder / "curve" / "recreation_err.csv")
    np.testing.assert_array_equal(errors, [p.test_mse for p in training.curve])
    assert errors.shape == (3,)


def test_the_embedding_files(case: Case) -> None:
    training, _, found, folder = case
    codes = read(folder / "embedding" / "low_dimension_embedding.csv").astype(np.float32)
    np.testing.assert_array_equal(codes, found.codes)
    labels = read(folder / "embedding" / "mnist_test_labels.csv")
    np.testing.assert_array_equal(labels, training.data.y_test)
    shares = read(folder / "embedding" / "neighbour_shares.csv")
    np.testing.assert_allclose(shares.sum(axis=1), np.ones(10))


def test_the_interpolation_files(case: Case) -> None:
    _, _, found, folder = case
    for (a, b), path in found.paths.items():
        place = folder / "interpolation" / f"{a}-to-{b}"
        rows = [read(place / f"recreation_{f}.csv") for f in FRACTIONS]
        np.testing.assert_array_equal(np.array(rows, np.float32), path.pixels)
        assert (place / "recreation_0.5.csv").read_text().count("\n") == 1
        for f, row in zip(FRACTIONS, rows, strict=True):
            with Image.open(place / f"img_{f}.png") as image:
                assert image.size == (28, 28)
                grey = np.asarray(image, np.float64).ravel() / 255
            # Up to inversion (ink on paper, or light on dark) the picture is the row, clipped.
            errors = [np.abs(np.clip(row, 0, 1) - g).max() for g in (grey, 1 - grey)]
            assert min(errors) <= 0.6 / 255
        nearest = read(place / "nearest.csv")
        assert nearest.shape == (11, 4)
        np.testing.assert_array_equal(nearest[:, 0], [float(f) for f in FRACTIONS])
        np.testing.assert_array_equal(nearest[:, 1], path.nearest_digit)
        np.testing.assert_array_equal(nearest[:, 2], path.nearest_mse)


def test_the_reconstruction_file(case: Case) -> None:
    training, _, found, folder = case
    table = read(folder / "reconstructions.csv").astype(np.float32)
    np.testing.assert_array_equal(table[:10], scaled(training)[found.examples])
    np.testing.assert_array_equal(table[10:], found.reconstructions)


def test_pictures_can_be_opened(case: Case) -> None:
    for path in case[3].rglob("*.png"):
        with Image.open(path) as image:
            image.load()
            # Not a blank page.
            assert len(np.unique(np.asarray(image.convert("L")))) > 10 or "img_" in path.name


def test_the_explorer_is_about_this_training(case: Case) -> None:
    _, job, _, folder = case
    page = (folder / "explorer.html").read_text(encoding="utf-8")
    assert f"setting {job.setting.name}, seed 1" in page


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.1, 1 / 3, 1e-30, 0.0]),
        np.array([[1 / 3, 2.0], [np.float32(0.1), -1e9]], np.float32),
        np.arange(5, dtype=np.uint8),
        np.ones((1, 3)),
    ],
)
def test_csv_reads_back_equal(tmp_path: Path, values: NDArray[np.floating]) -> None:
    files.write_csv(tmp_path / "a.csv", values)
    found = read(tmp_path / "a.csv").reshape(values.shape)
    np.testing.assert_array_equal(found.astype(values.dtype), values)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == len(values)
