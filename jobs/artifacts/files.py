"""From a trained network to the numbers and files that its run keeps.

`evaluate` computes, once, everything that is asked of a trained network; `write_files` lays it out
as the artifacts of its run: plain CSV, PNG and HTML, in the folders the assignment's own plotting
scripts and the report read.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel import latent, pca
from aemodel.data import DIGITS, MAX_PIXEL
from aemodel.training import Trainer
from jobs.artifacts import figures
from jobs.spec import Pair, TrainingSpec

SAMPLES = 50
"""Images in the grid of samples."""

MANIFOLD_SIDE = 20
"""Decoded images along each side of the manifold picture."""

MANIFOLD_SHARE = 0.01
"""Share of the codes left out at each end of an axis of the manifold picture."""

Images = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Path11:
    """The eleven decoded images between the mean codes of two digits."""

    pixels: Images
    """Decoded images (11, 784)."""
    nearest_digit: NDArray[np.integer]
    """Digit of the nearest test image of each (11,)."""
    nearest_mse: NDArray[np.float64]
    """MSE per pixel to that image (11,)."""
    blend_nearest_mse: NDArray[np.float64]
    """The same for the pixel blend of the first and the last image (11,)."""


@dataclass(frozen=True, eq=False)
class Results:
    """What a trained network does on the test set."""

    metrics: dict[str, float]
    """The final metrics by name."""
    codes: Images
    """Latent codes of the test set (n, d)."""
    plane: latent.Plane
    """The plane in which the codes are shown."""
    neighbours: NDArray[np.float64]
    """How the digits mix in that plane; see `latent.neighbour_shares`."""
    paths: dict[Pair, Path11]
    """The interpolations, by pair of digits."""
    examples: NDArray[np.intp]
    """Index of the first test image of each digit (10,)."""
    reconstructions: Images
    """Their reconstructions (10, 784)."""


def evaluate(training: Trainer, job: TrainingSpec) -> Results:
    """Return all that is asked of the trained network; takes seconds, most of it neighbours."""
    data, network = training.data, training.network
    codes = _apply(network.encoder, data.x_test / MAX_PIXEL)
    decoded = _apply(network.decoder, codes)
    train_codes = _apply(network.encoder, data.x_train / MAX_PIXEL)
    plane = latent.project(codes)
    examples = np.array([np.argmax(data.y_test == digit) for digit in range(DIGITS)])
    final = training.test_mse()
    recorded = {point.iteration: point.test_mse for point in training.curve}
    errors = recorded | {training.done - 1: final}
    best_iteration = min(errors, key=lambda iteration: errors[iteration])
    mse = np.square(decoded - data.x_test / MAX_PIXEL).mean(axis=1, dtype=np.float64)
    metrics = {
        "final_test_mse": final,
        "best_test_mse": errors[best_iteration],
        "best_iteration": float(best_iteration),
        "pca_test_mse": pca.test_mse(pca.fit(data.x_train), data.x_test, job.setting.latent_size),
        "train_seconds": training.seconds,
        "knn_accuracy": latent.knn_accuracy(train_codes, data.y_train, codes, data.y_test),
        "real_nearest_mse": latent.median_nearest_mse(data.x_test),
        **{f"mse_digit_{d}": float(mse[data.y_test == d].mean()) for d in range(DIGITS)},
    }
    return Results(
        metrics,
        codes,
        plane,
        latent.neighbour_shares(plane.xy, data.y_test),
        _interpolations(training, codes, job.pairs),
        examples,
        decoded[examples],
    )


def _apply(model: Any, inputs: latent.Floats) -> Images:
    """Run a Keras model in batches of a size that stays in cache."""
    batches = np.array_split(inputs, max(1, len(inputs) // 1000))
    return np.concatenate([np.asarray(model(batch)) for batch in batches])


def _interpolations(
    training: Trainer, codes: Images, pairs: tuple[Pair, ...]
) -> dict[Pair, Path11]:
    data = training.data
    means = latent.class_means(codes, data.y_test)
    paths = {}
    for a, b in pairs:
        pixels = _apply(training.network.decoder, latent.interpolate(means[a], means[b]))
        blend = latent.interpolate(pixels[0], pixels[-1])
        indices, mse = latent.nearest(np.concatenate([pixels, blend]), data.x_test)
        steps = len(pixels)
        digits = data.y_test[indices[:steps]]
        paths[a, b] = Path11(pixels, digits, mse[:steps], mse[steps:])
    return paths


def write_files(results: Results, training: Trainer, job: TrainingSpec, folder: Path) -> None:
    """Write the artifacts of the run of `job` into `folder`."""
    _write_curve(results, training, job, folder / "curve")
    _write_embedding(results, training, folder / "embedding")
    for (a, b), path in results.paths.items():
        _write_interpolation(path, folder / "interpolation" / f"{a}-to-{b}")
    _write_pictures(results, training, folder)
    _write_explorer(results, training, job, folder)


def _write_curve(results: Results, training: Trainer, job: TrainingSpec, folder: Path) -> None:
    folder.mkdir(parents=True)
    errors = np.array([point.test_mse for point in training.curve])
    write_csv(folder / "recreation_err.csv", errors)
    figure = figures.reconstruction_error(
        f"Setting {job.setting.name}: {job.setting.latent_size} latent dimensions, seed {job.seed}",
        np.array([point.iteration for point in training.curve]),
        errors,
        results.metrics["pca_test_mse"],
        (int(results.metrics["best_iteration"]), results.metrics["best_test_mse"]),
    )
    (folder / "reconstruction_error.png").write_bytes(figures.png(figure))


def _write_embedding(results: Results, training: Trainer, folder: Path) -> None:
    folder.mkdir(parents=True)
    labels, plane = training.data.y_test, results.plane
    write_csv(folder / "low_dimension_embedding.csv", results.codes)
    write_csv(folder / "mnist_test_labels.csv", labels)
    write_csv(folder / "neighbour_shares.csv", results.neighbours)
    figure = figures.embedding(plane.xy, labels, plane.axis_names)
    (folder / "embedding_2d.png").write_bytes(figures.png(figure))


def _write_interpolation(path: Path11, folder: Path) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    for f, pixels in zip(latent.FRACTIONS, path.pixels, strict=True):
        write_csv(folder / f"recreation_{f}.csv", pixels[np.newaxis])
        Image.fromarray(figures.tile(pixels)).save(folder / f"img_{f}.png")
    columns = (latent.FRACTIONS, path.nearest_digit, path.nearest_mse, path.blend_nearest_mse)
    write_csv(folder / "nearest.csv", np.column_stack(columns))
    (folder / "strip.png").write_bytes(figures.png(figures.strip(path.pixels)))


def _write_pictures(results: Results, training: Trainer, folder: Path) -> None:
    data = training.data
    originals = data.x_test[results.examples] / MAX_PIXEL
    write_csv(folder / "reconstructions.csv", np.concatenate([originals, results.reconstructions]))
    pictures = {
        "reconstructions": figures.reconstructions(
            originals, results.reconstructions, np.arange(DIGITS)
        ),
        "samples": figures.samples(data.x_train[:SAMPLES], data.y_train[:SAMPLES]),
    }
    if results.codes.shape[1] == 2:
        pictures["manifold"] = _manifold(results, training)
    for name, figure in pictures.items():
        (folder / f"{name}.png").write_bytes(figures.png(figure))


def _manifold(results: Results, training: Trainer) -> Any:
    """Draw the decoded images of a grid over the middle of the plane of a 2-D latent space."""
    low = np.quantile(results.codes, MANIFOLD_SHARE, axis=0)
    high = np.quantile(results.codes, 1 - MANIFOLD_SHARE, axis=0)
    x, y = np.linspace(low, high, MANIFOLD_SIDE, dtype=np.float32).T
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    pixels = _apply(training.network.decoder, grid.reshape(-1, 2))
    return figures.manifold(
        pixels.reshape(MANIFOLD_SIDE, MANIFOLD_SIDE, -1),
        (float(low[0]), float(high[0])),
        (float(low[1]), float(high[1])),
        results.plane.axis_names,
    )


def _write_explorer(results: Results, training: Trainer, job: TrainingSpec, folder: Path) -> None:
    """Write the explorer, but for networks too large for a page: they do without."""
    from jobs.artifacts import explorer

    try:
        page = explorer.build(
            title=f"Latent space of setting {job.setting.name}, seed {job.seed}",
            weights=training.network.weights(),
            images=training.data.x_test,
            labels=training.data.y_test,
            codes=results.codes,
            plane=results.plane,
            pairs=job.pairs,
        )
    except explorer.TooLarge as error:
        print(f"{job.name}: no explorer.html: {error}", file=sys.stderr, flush=True)
        return
    (folder / "explorer.html").write_text(page, encoding="utf-8")


def write_csv(path: Path, values: NDArray[Any]) -> None:
    """Write a vector one value a line, or a matrix one row a line; numbers read back equal."""
    import pyarrow as pa
    from pyarrow import csv

    columns = np.atleast_2d(values.T)
    table = pa.table(list(columns), names=[str(i) for i in range(len(columns))])
    csv.write_csv(table, path, csv.WriteOptions(include_header=False))
