"""The files of a training run: `write_files` writes them, `RunFiles` reads them.

Plain CSV, PNG and HTML, in the folders where the assignment's own plotting scripts and the report
look for them. The layout is known here alone.
"""

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel import latent
from aemodel.data import DIGITS, Dataset
from aemodel.evaluation import Evaluation, Interpolation
from aemodel.generation import SHOWN, Generation
from aemodel.real_images import PAIRS, WAYS, RealInterpolations
from aemodel.settings import PIXELS
from aemodel.training import Trainer
from jobs.artifacts import figures
from jobs.artifacts.pictures import tile
from jobs.spec import Pair, TrainingSpec

CURVE = "curve/recreation_err.csv"
CURVE_FIGURE = "curve/reconstruction_error.png"
CODES = "embedding/low_dimension_embedding.csv"
LABELS = "embedding/mnist_test_labels.csv"
TEST_INDEX = "embedding/test_index.csv"
IMAGE_MSE = "embedding/test_mse.csv"
PCA_IMAGE_MSE = "embedding/pca_test_mse.csv"
NEIGHBOUR_SHARES = "embedding/neighbour_shares.csv"
EMBEDDING_FIGURE = "embedding/embedding_2d.png"
RECONSTRUCTIONS = "reconstructions.csv"
PCA_RECONSTRUCTIONS = "reconstructions_pca.csv"
RECONSTRUCTIONS_FIGURE = "reconstructions.png"
TRAINING_IMAGES_FIGURE = "samples.png"
MANIFOLD_FIGURE = "manifold.png"
MANIFOLD = "manifold.csv"
EXPLORER = "explorer.html"
GENERATED = {kind: f"generated/{kind}.csv" for kind in ("gaussian", "mixture")}
GENERATED_FIGURES = {kind: f"generated/{kind}.png" for kind in GENERATED}
CLASS_COUNTS = "data/class_counts.csv"
RECONSTRUCTED_AS = "reconstructed_as.csv"
PCA_PLANE = "embedding/pca_plane.csv"
REAL_IMAGES = "interpolation/real_images.csv"
REAL_IMAGES_STRIPS = "interpolation/real_images_strips.csv"
DENSITY = "generated/mixture.npz"

TRAINING_IMAGES = 50
"""Training images in their figure."""


def interpolation_folder(pair: Pair) -> str:
    """Return the folder of the files of one interpolation."""
    return f"interpolation/{pair[0]}-to-{pair[1]}"


# --- Writing ---------------------------------------------------------------------------------


def write_files(evaluation: Evaluation, trainer: Trainer, spec: TrainingSpec, folder: Path) -> None:
    """Write the artifacts of the run of `spec` into `folder`, which exists and is empty."""
    for name in ("data", "embedding", "generated", "interpolation"):
        (folder / name).mkdir()
    with ThreadPoolExecutor(1) as pool:  # the page is packed while the figures are drawn
        explorer = pool.submit(_write_explorer, evaluation, trainer, spec, folder)
        write_csv(folder / CLASS_COUNTS, class_counts(trainer.data))
        write_curve(evaluation.metrics, trainer, spec, folder)
        _write_embedding(evaluation, trainer, folder)
        for interpolation in evaluation.interpolations:
            pair = interpolation.digit_a, interpolation.digit_b
            _write_interpolation(interpolation, folder / interpolation_folder(pair))
        _write_real_interpolations(evaluation, trainer, folder)
        _write_images(evaluation, trainer, folder)
        _write_generated(evaluation.generation, folder)
        explorer.result()


def write_curve(
    metrics: Mapping[str, float], trainer: Trainer, spec: TrainingSpec, folder: Path
) -> None:
    """Write the error curve alone, all that a training of a study keeps.

    Args:
        metrics: those of `aemodel.evaluation.curve_metrics`.
        trainer: at the end of its training.
        spec: what was trained.
        folder: exists and is empty.
    """
    (folder / "curve").mkdir()
    errors = np.array([point.test_mse for point in trainer.curve])
    write_csv(folder / CURVE, errors)
    figure = figures.reconstruction_error(
        f"Setting {spec.setting.name}: latent size {spec.setting.latent_size}, seed {spec.seed}",
        np.array([point.iteration for point in trainer.curve]),
        errors,
        metrics["pca_test_mse"],
        (int(metrics["best_iteration"]), metrics["best_test_mse"]),
    )
    (folder / CURVE_FIGURE).write_bytes(figures.png(figure))


def _write_embedding(evaluation: Evaluation, trainer: Trainer, folder: Path) -> None:
    data, plane = trainer.data, evaluation.plane
    write_csv(folder / CODES, evaluation.codes)
    write_csv(folder / LABELS, data.y_test)
    write_csv(folder / TEST_INDEX, _test_index(trainer))
    write_csv(folder / IMAGE_MSE, evaluation.image_mse)
    write_csv(folder / PCA_IMAGE_MSE, evaluation.pca_image_mse)
    write_csv(folder / NEIGHBOUR_SHARES, evaluation.neighbour_shares)
    if evaluation.pca_plane is not None:
        write_csv(folder / PCA_PLANE, evaluation.pca_plane)
    noun = "digit" if data.is_mnist else "class"
    figure = figures.embedding(plane.xy, data.y_test, plane.axis_names, data.classes, noun)
    (folder / EMBEDDING_FIGURE).write_bytes(figures.png(figure))


def _test_index(trainer: Trainer) -> NDArray[np.intp]:
    """Return the place of each image of the shuffled test set in its file, counted from 0."""
    return trainer.data.permutations(trainer.seed)[1]


def _write_interpolation(interpolation: Interpolation, folder: Path) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    for fraction, pixels in zip(interpolation.fractions, interpolation.pixels, strict=True):
        write_csv(folder / _step_file(fraction), pixels[np.newaxis])
        Image.fromarray(tile(pixels)).save(folder / f"img_{fraction:.1f}.png")
    columns = (
        interpolation.fractions,
        interpolation.nearest_digit,
        interpolation.nearest_mse,
        interpolation.blend_nearest_mse,
    )
    write_csv(folder / "nearest.csv", np.column_stack(columns))
    (folder / "strip.png").write_bytes(figures.png(figures.strip(interpolation.pixels)))


def _write_real_interpolations(evaluation: Evaluation, trainer: Trainer, folder: Path) -> None:
    """Write a row for each pair of test images: indices, digits, and distances of the ways."""
    found = evaluation.real_interpolations
    if found is None:
        return
    columns = (found.pairs, trainer.data.y_test[found.pairs], found.distances)
    write_csv(folder / REAL_IMAGES, np.column_stack(columns))
    write_csv(folder / REAL_IMAGES_STRIPS, found.strips.reshape(-1, PIXELS))


def class_counts(data: Dataset) -> NDArray[np.int64]:
    """Return how many images each class has: training images above test images; shape (2, 10)."""
    return np.stack([np.bincount(y, minlength=DIGITS) for y in (data.y_train, data.y_test)])


def _step_file(fraction: float) -> str:
    return f"recreation_{fraction:.1f}.csv"


def _write_images(evaluation: Evaluation, trainer: Trainer, folder: Path) -> None:
    data, manifold = trainer.data, evaluation.manifold
    rows = evaluation.reconstructions
    write_csv(folder / RECONSTRUCTIONS, rows.reshape(-1, PIXELS))
    write_csv(folder / PCA_RECONSTRUCTIONS, evaluation.pca_reconstructions)
    write_csv(folder / RECONSTRUCTED_AS, evaluation.reconstructed_as)
    drawn = {
        RECONSTRUCTIONS_FIGURE: figures.reconstructions(rows, ("test image", "reconstruction")),
        TRAINING_IMAGES_FIGURE: figures.labelled_images(
            data.x_train[:TRAINING_IMAGES], data.y_train[:TRAINING_IMAGES]
        ),
    }
    if manifold:
        columns = (manifold.points, manifold.nearest_mse, manifold.code_distance)
        write_csv(folder / MANIFOLD, np.column_stack(columns))
        drawn[MANIFOLD_FIGURE] = figures.manifold(
            manifold.pixels, manifold.x_range, manifold.y_range, evaluation.plane.axis_names
        )
    for name, figure in drawn.items():
        (folder / name).write_bytes(figures.png(figure))


def _write_generated(generation: Generation, folder: Path) -> None:
    """Write the images, and the density that the mixture's codes were drawn from."""
    images = {"gaussian": generation.gaussian_images, "mixture": generation.mixture_images}
    for kind, pixels in images.items():
        write_csv(folder / GENERATED[kind], pixels)
        (folder / GENERATED_FIGURES[kind]).write_bytes(figures.png(figures.image_grid(pixels)))
    np.savez_compressed(folder / DENSITY, allow_pickle=False, **generation.mixture.arrays())


def _write_explorer(
    evaluation: Evaluation, trainer: Trainer, spec: TrainingSpec, folder: Path
) -> None:
    """Write the explorer unless the network is too large for one page."""
    from jobs.artifacts import explorer

    in_file = np.argsort(_test_index(trainer))  # the page numbers the images as the file does
    plane = evaluation.plane
    try:
        page = explorer.build(
            title=f"Latent space of setting {spec.setting.name}, seed {spec.seed}",
            weights=trainer.network.weights(),
            images=trainer.data.x_test[in_file],
            labels=trainer.data.y_test[in_file],
            codes=evaluation.codes[in_file],
            plane=replace(plane, xy=plane.xy[in_file]),
            pairs=spec.pairs,
            mixture=evaluation.generation.mixture,
            real_distance=evaluation.metrics["real_nearest_mse"],
        )
    except explorer.TooLarge as error:
        print(f"{spec.name}: no {EXPLORER}: {error}", file=sys.stderr, flush=True)
        return
    (folder / EXPLORER).write_text(page, encoding="utf-8")


def write_csv(path: Path, values: NDArray[Any]) -> None:
    """Write a vector one value per line, or a matrix one row per line; numbers read back equal."""
    import pyarrow as pa

    rows = values.reshape(len(values), -1)
    # Not Arrow's own writer: it takes ten times as long for a single row of 784.
    texts = pa.array(rows.ravel()).cast(pa.string()).to_pylist()
    width = rows.shape[1]
    lines = (",".join(texts[start : start + width]) for start in range(0, len(texts), width))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


# --- Reading ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunFiles:
    """The artifacts of one run; what it lacks, or what cannot be read, is None."""

    fetch: Callable[[str], Path | None]
    """Returns where the artifact of this path lies on this machine; None if the run has none."""

    @classmethod
    def in_folder(cls, folder: Path) -> "RunFiles":
        """Return the files that `write_files` wrote into `folder`."""

        def fetch(path: str) -> Path | None:
            return folder / path if (folder / path).is_file() else None

        return cls(fetch)

    def curve(self) -> NDArray[np.float64] | None:
        """Return the recorded test errors; shape (points,)."""
        table = self._table(CURVE)
        return None if table is None else table.ravel().astype(np.float64)

    def codes(self) -> NDArray[np.float32] | None:
        """Return the latent codes of the test set; shape (n, d)."""
        table = self._table(CODES)
        return None if table is None else table.astype(np.float32)

    def labels(self) -> NDArray[np.int64] | None:
        """Return the digits of these codes, in the same order; shape (n,)."""
        table = self._table(LABELS)
        return None if table is None else table.ravel().astype(np.int64)

    def image_mse(self) -> NDArray[np.float64] | None:
        """Return the MSE of each of their reconstructions, in the same order; shape (n,)."""
        table = self._table(IMAGE_MSE)
        return None if table is None else table.ravel().astype(np.float64)

    def pca_image_mse(self) -> NDArray[np.float64] | None:
        """Return the same of PCA with as many components as a code has numbers; shape (n,)."""
        table = self._table(PCA_IMAGE_MSE)
        return None if table is None else table.ravel().astype(np.float64)

    def neighbour_shares(self) -> NDArray[np.float64] | None:
        """Return what `latent.neighbour_shares` found in the plane; shape (10, 10)."""
        return self._table(NEIGHBOUR_SHARES, (DIGITS, DIGITS))

    def reconstructions(self) -> NDArray[np.float32] | None:
        """Return a test image of each digit above their reconstructions; shape (2, 10, 784)."""
        table = self._table(RECONSTRUCTIONS, (2 * DIGITS, PIXELS))
        return None if table is None else table.astype(np.float32).reshape(2, DIGITS, PIXELS)

    def pca_reconstructions(self) -> NDArray[np.float32] | None:
        """Return PCA's reconstructions of these images; shape (10, 784)."""
        table = self._table(PCA_RECONSTRUCTIONS, (DIGITS, PIXELS))
        return None if table is None else table.astype(np.float32)

    def interpolation(self, pair: Pair) -> Interpolation | None:
        """Return the interpolation between two digits."""
        folder = interpolation_folder(pair)
        nearest = self._table(f"{folder}/nearest.csv", (len(latent.FRACTIONS), 4))
        if nearest is None:
            return None
        fractions, digits, mse, blend_mse = nearest.T
        steps = [self._table(f"{folder}/{_step_file(f)}", (1, PIXELS)) for f in fractions]
        pixels = [step for step in steps if step is not None]
        if len(pixels) < len(steps):
            return None
        return Interpolation(
            digit_a=pair[0],
            digit_b=pair[1],
            fractions=fractions,
            pixels=np.concatenate(pixels).astype(np.float32),
            nearest_digit=digits.astype(np.int64),
            nearest_mse=mse,
            blend_nearest_mse=blend_mse,
        )

    def class_counts(self) -> NDArray[np.int64] | None:
        """Return the number of training and of test images of each class; shape (2, 10)."""
        table = self._table(CLASS_COUNTS, (2, DIGITS))
        return None if table is None else table.astype(np.int64)

    def reconstructed_as(self) -> NDArray[np.int64] | None:
        """Return `Evaluation.reconstructed_as`; shape (10, 10)."""
        table = self._table(RECONSTRUCTED_AS, (DIGITS, DIGITS))
        return None if table is None else table.astype(np.int64)

    def pca_plane(self) -> NDArray[np.float32] | None:
        """Return the test images in PCA's plane; shape (n, 2)."""
        table = self._table(PCA_PLANE)
        if table is None or table.shape[1] != 2:
            return None
        return table.astype(np.float32)

    def real_interpolations(self) -> RealInterpolations | None:
        """Return the ways between single test images."""
        table = self._table(REAL_IMAGES, (2 * PAIRS, 4 + len(WAYS)))
        strips = self._table(REAL_IMAGES_STRIPS, (2 * len(WAYS) * len(latent.FRACTIONS), PIXELS))
        if table is None or strips is None:
            return None
        return RealInterpolations(
            pairs=table[:, :2].astype(np.int64),
            distances=table[:, 4:],
            strips=strips.astype(np.float32).reshape(2, len(WAYS), -1, PIXELS),
        )

    def generated(self, kind: str) -> NDArray[np.float32] | None:
        """Return images of `gaussian` or `mixture`, clipped to 0..1; shape (50, 784)."""
        table = self._table(GENERATED[kind], (SHOWN, PIXELS))
        return None if table is None else table.astype(np.float32)

    def samples(self) -> bytes | None:
        """Return the picture of training images, PNG."""
        return self._picture(TRAINING_IMAGES_FIGURE)

    def manifold_points(self) -> NDArray[np.float64] | None:
        """Return x, y, `nearest_mse` and `code_distance` of each point of a `Manifold`; (n, 4)."""
        table = self._table(MANIFOLD)
        return None if table is None or table.shape[1] != 4 else table.astype(np.float64)

    def manifold(self) -> bytes | None:
        """Return the picture of the manifold, PNG."""
        return self._picture(MANIFOLD_FIGURE)

    def _table(self, path: str, shape: tuple[int, int] | None = None) -> NDArray[Any] | None:
        """Return a CSV file as a matrix, of this shape if one is given."""
        local = self.fetch(path)
        if local is None or not local.stat().st_size:
            return None
        try:
            matrix = np.loadtxt(local, delimiter=",", ndmin=2)
        except ValueError:
            return None
        return matrix if shape in (None, matrix.shape) else None

    def _picture(self, path: str) -> bytes | None:
        """Return a PNG file."""
        from PIL import Image

        local = self.fetch(path)
        if local is None:
            return None
        try:
            with Image.open(local, formats=["PNG"]) as image:
                image.verify()
        except (OSError, SyntaxError):  # what Pillow raises for a damaged file
            return None
        return local.read_bytes()
