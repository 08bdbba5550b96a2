"""Files of a trained network, read as the assignment's scripts and as the report read them."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from aemodel.baseline import Baseline
from aemodel.data import Dataset
from aemodel.evaluation import Evaluation, Interpolation, evaluate
from aemodel.settings import RECIPES
from aemodel.training import Trainer
from jobs.artifacts import files
from jobs.artifacts.explorer.encoding import pack
from jobs.artifacts.files import RunFiles
from jobs.parameters import parse_specs
from jobs.spec import TrainingSpec

RECIPE = replace(RECIPES["assignment"], iterations=150, eval_every=50, batch_size=100)
FRACTIONS = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]

Case = tuple[Trainer, TrainingSpec, Evaluation, Path]


@pytest.fixture(scope="module", params=["32-16-2", "32-20-16-6"])
def case(
    request: pytest.FixtureRequest,
    small_dataset: Dataset,
    small_baseline: Baseline,
    tmp_path_factory: pytest.TempPathFactory,
    one_thread: None,
) -> Case:
    """A short training on a slice of MNIST, what it came to, and the folder of its files."""
    (job,) = parse_specs(request.param, RECIPE, "1", "3-8,8-2", "float32")
    training = Trainer(job.setting, job.recipe, job.seed, small_dataset, job.precision)
    for _ in training.run():
        pass
    found = evaluate(training, job.pairs, small_baseline)
    folder = tmp_path_factory.mktemp("files")
    files.write_files(found, training, job, folder)
    return training, job, found, folder


def read(path: Path) -> NDArray[np.float64]:
    """Read a file as the assignment's scripts do."""
    return np.loadtxt(path, delimiter=",")


# --- Files -----------------------------------------------------------------------------------


def test_all_files_and_no_others(case: Case) -> None:
    _, job, _, folder = case
    wanted = {
        "curve/recreation_err.csv",
        "curve/reconstruction_error.png",
        "embedding/low_dimension_embedding.csv",
        "embedding/mnist_test_labels.csv",
        "embedding/test_index.csv",
        "embedding/neighbour_shares.csv",
        "embedding/test_mse.csv",
        "embedding/pca_test_mse.csv",
        "embedding/embedding_2d.png",
        "data/class_counts.csv",
        "interpolation/real_images.csv",
        "interpolation/real_images_strips.csv",
        "reconstructed_as.csv",
        "reconstructions.csv",
        "reconstructions_pca.csv",
        "reconstructions.png",
        "samples.png",
        "explorer.html",
        "generated/gaussian.csv",
        "generated/gaussian.png",
        "generated/mixture.csv",
        "generated/mixture.npz",
        "generated/mixture.png",
    }
    for pair in ("3-to-8", "8-to-2"):
        wanted |= {f"interpolation/{pair}/{name}" for name in ("nearest.csv", "strip.png")}
        wanted |= {f"interpolation/{pair}/recreation_{f}.csv" for f in FRACTIONS}
        wanted |= {f"interpolation/{pair}/img_{f}.png" for f in FRACTIONS}
    if job.setting.latent_size == 2:
        wanted |= {"manifold.png", "manifold.csv", "embedding/pca_plane.csv"}
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == wanted


def test_the_curve_file(case: Case) -> None:
    training, _, _, folder = case
    errors = read(folder / "curve" / "recreation_err.csv")
    np.testing.assert_array_equal(errors, [p.test_mse for p in training.curve])
    assert errors.shape == (3,)


def test_the_embedding_files(case: Case, small_dataset: Dataset) -> None:
    training, _, found, folder = case
    in_file = read(folder / "embedding" / "test_index.csv").astype(int)
    np.testing.assert_array_equal(small_dataset.x_test[in_file], training.data.x_test)
    codes = read(folder / "embedding" / "low_dimension_embedding.csv").astype(np.float32)
    np.testing.assert_array_equal(codes, found.codes)
    labels = read(folder / "embedding" / "mnist_test_labels.csv")
    np.testing.assert_array_equal(labels, training.data.y_test)
    shares = read(folder / "embedding" / "neighbour_shares.csv")
    np.testing.assert_allclose(shares.sum(axis=1), np.ones(10))


def test_the_interpolation_files(case: Case) -> None:
    _, _, found, folder = case
    for path in found.interpolations:
        place = folder / "interpolation" / f"{path.digit_a}-to-{path.digit_b}"
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
    _, _, found, folder = case
    table = read(folder / "reconstructions.csv").astype(np.float32)
    np.testing.assert_array_equal(table, found.reconstructions.reshape(20, 784))


def test_pictures_can_be_opened(case: Case) -> None:
    for path in case[3].rglob("*.png"):
        with Image.open(path) as image:
            image.load()
            # Not a blank page.
            assert len(np.unique(np.asarray(image.convert("L")))) > 10 or "img_" in path.name


def test_the_explorer_is_about_this_training(case: Case) -> None:
    training, job, found, folder = case
    page = (folder / "explorer.html").read_text(encoding="utf-8")
    in_file = np.argsort(training.data.permutations(1)[1])
    assert pack(training.data.y_test[in_file].astype(np.uint8).tobytes()) in page
    assert f"setting {job.setting.name}, seed 1" in page
    assert json.dumps(found.generation.mixture.weights.tolist()) in page
    assert f'"realDistance": {found.metrics["real_nearest_mse"]}' in page


# --- Reading ---------------------------------------------------------------------------------


def test_what_is_written_is_read_back(case: Case) -> None:
    training, job, found, folder = case
    run = RunFiles.in_folder(folder)
    for read_back, wanted in (
        (run.curve(), [point.test_mse for point in training.curve]),
        (run.codes(), found.codes),
        (run.labels(), training.data.y_test),
        (run.neighbour_shares(), found.neighbour_shares),
        (run.reconstructions(), found.reconstructions),
    ):
        assert read_back is not None
        np.testing.assert_array_equal(read_back, wanted)
    for pair, wanted_path in zip(job.pairs, found.interpolations, strict=True):
        path = run.interpolation(pair)
        assert path is not None
        for field in fields(Interpolation):
            np.testing.assert_array_equal(
                getattr(path, field.name), getattr(wanted_path, field.name)
            )
    manifold = run.manifold()
    assert (manifold is None) == (job.setting.latent_size != 2)
    assert manifold is None or manifold == (folder / "manifold.png").read_bytes()
    points = run.manifold_points()
    assert (points is None) == (manifold is None)
    if points is not None and found.manifold is not None:
        np.testing.assert_array_equal(points[:, :2], found.manifold.points)
        np.testing.assert_array_equal(points[:, 2], found.manifold.nearest_mse)
        np.testing.assert_array_equal(points[:, 3], found.manifold.code_distance)


READERS: list[tuple[str, Callable[[RunFiles], object]]] = [
    (files.CURVE, RunFiles.curve),
    (files.CODES, RunFiles.codes),
    (files.LABELS, RunFiles.labels),
    (files.NEIGHBOUR_SHARES, RunFiles.neighbour_shares),
    (files.RECONSTRUCTIONS, RunFiles.reconstructions),
    ("interpolation/3-to-8/nearest.csv", lambda run: run.interpolation((3, 8))),
    ("interpolation/3-to-8/recreation_0.3.csv", lambda run: run.interpolation((3, 8))),
    (files.MANIFOLD_FIGURE, RunFiles.manifold),
    (files.MANIFOLD, RunFiles.manifold_points),
]


@pytest.mark.parametrize("content", [None, b"", b"1,2\n3\n", b"a,b\n", b"\x89PNG\r\n"])
@pytest.mark.parametrize(("path", "read_it"), READERS, ids=[path for path, _ in READERS])
def test_missing_and_damaged_files_are_none(
    case: Case,
    tmp_path: Path,
    path: str,
    read_it: Callable[[RunFiles], object],
    content: bytes | None,
) -> None:
    whole = RunFiles.in_folder(case[3])
    if content is not None:
        (tmp_path / "damaged").write_bytes(content)

    def fetch(name: str) -> Path | None:
        if name != path:
            return whole.fetch(name)
        return None if content is None else tmp_path / "damaged"

    assert read_it(RunFiles(fetch)) is None


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


def test_what_is_written_of_data_and_networks_is_read_again(case: Case) -> None:
    trainer, _, found, folder = case
    run = RunFiles.in_folder(folder)
    counts, named, ways = run.class_counts(), run.reconstructed_as(), run.real_interpolations()
    assert counts is not None
    assert counts.sum(axis=1).tolist() == [2000, 500]
    assert counts[1, 3] == np.sum(trainer.data.y_test == 3)
    np.testing.assert_array_equal(named, found.reconstructed_as)
    np.testing.assert_array_equal(run.image_mse(), found.image_mse)
    np.testing.assert_array_equal(run.pca_image_mse(), found.pca_image_mse)
    assert ways is not None
    assert found.real_interpolations is not None
    np.testing.assert_array_equal(ways.pairs, found.real_interpolations.pairs)
    np.testing.assert_array_equal(ways.distances, found.real_interpolations.distances)
    np.testing.assert_array_equal(ways.strips, found.real_interpolations.strips)
    plane = run.pca_plane()
    assert (plane is None) == (found.pca_plane is None)
    if plane is not None:
        np.testing.assert_array_equal(plane, found.pca_plane)
