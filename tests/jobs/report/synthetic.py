"""Records to build documents from, without a training: real MNIST, PCA instead of the networks.

Codes, reconstructions, interpolations, neighbours and errors of each digit are PCA's at the
setting's latent size, so they hang together as those of a run do. The error curves go through the
assignment's reference points, with a few per cent of noise.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aemodel import latent, pca, real_images
from aemodel.data import MNIST_DIGEST, Dataset, load_dataset
from aemodel.evaluation import Interpolation
from aemodel.generation import Quality
from aemodel.real_images import Floats, RealInterpolations
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting
from jobs.artifacts import figures
from jobs.report.records import (
    Curve,
    Generated,
    PlaneQuality,
    Program,
    Records,
    ReportRequest,
    TrainingRecord,
)
from jobs.spec import TrainingSpec
from tests.support.project import DATA

PAIRS = ((3, 8), (4, 9), (1, 7))
END_MS = 1_780_000_000_000
SECONDS = 0.006
"""What an iteration takes."""
SPEC_FIELDS = {field.name for field in fields(TrainingSpec)}
REQUEST_FIELDS = {field.name for field in fields(ReportRequest)}

REFERENCE: Mapping[str, Mapping[int, float]] = {
    "1": {
        1: 0.11, 100: 0.058, 1_000: 0.0455, 1_900: 0.0425, 10_000: 0.0385, 30_000: 0.0378,
        90_000: 0.0385, 100_000: 0.0386,
    },
    "2": {1: 0.1, 100: 0.0291, 1_000: 0.019, 1_900: 0.0168, 10_000: 0.0112, 100_000: 0.0093},
    "3": {
        1: 0.1, 100: 0.0163, 500: 0.0095, 2_500: 0.0093, 10_000: 0.0063, 14_400: 0.0058,
        100_000: 0.0046,
    },
}  # fmt: skip
"""Test MSE at iterations of the assignment's recipe (settings 1 to 3), from `ASSIGNMENT.md`."""


@cache
def data() -> Dataset:
    return load_dataset(DATA)


@cache
def reference_images() -> latent.ReferenceImages:
    return latent.ReferenceImages(data().x_test)


@cache
def components() -> pca.PCA:
    return pca.fit(data().x_train)


def curve(
    points: Mapping[int, float],
    recipe: Recipe = RECIPES["assignment"],
    noise: float = 0.01,
    spikes: Mapping[int, tuple[float, int]] | None = None,
) -> Curve:
    """Return a curve through `points` (linear in log-log), scaled to the recipe's length.

    `spikes` maps an iteration to the peak and to the iterations until it has decayed.
    """
    iterations = np.array(recipe.evaluations)
    stretch = max(points) / recipe.iterations
    at = np.log(np.maximum(iterations * stretch, 1))
    errors = np.exp(np.interp(at, np.log(list(points)), np.log(list(points.values()))))
    errors *= np.exp(np.random.default_rng(0).normal(0, noise, errors.size))
    for start, (peak, length) in (spikes or {}).items():
        after = (iterations >= start) & (iterations < start + length)
        errors[after] = peak * (errors[after] / peak) ** ((iterations[after] - start) / length)
    return Curve(iterations, errors, (iterations + 1) * SECONDS)


@cache
def _samples() -> bytes:
    images, labels = data().x_train[:50], data().y_train[:50]
    return figures.png(figures.labelled_images(images, labels))


@cache
def _measured(setting: Setting) -> dict[str, Any]:
    """What a run measures besides its curve, with PCA as the network."""
    found, images = components(), data().x_test / np.float32(255)
    labels = data().y_test.astype(np.int64)
    basis = found.components[: setting.latent_size]
    codes = ((images - found.mean) @ basis.T).astype(np.float32)
    decoded = codes @ basis + found.mean
    errors = np.mean((images - decoded) ** 2, axis=1)
    first = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
    return {
        **_planes(setting, codes),
        "real_interpolations": _real(codes, basis, found.mean),
        "decoder_affine_share": AFFINE_SHARES.get(setting.latent_size),
        "reconstructed_as": _named(labels),
        "pca_reconstructions": decoded[first].astype(np.float32),
        "class_counts": np.stack(
            [np.bincount(y, minlength=10) for y in (data().y_train, data().y_test)]
        ),
        "samples": _samples(),
        "codes": codes,
        "labels": labels,
        "image_mse": errors.astype(np.float64),
        "pca_image_mse": errors * (1 + 0.3 * np.sin(np.arange(len(errors)))),
        "pca_test_mse": float(errors.mean()),
        "pca_train_mse": 1.01 * float(errors.mean()),
        "mse_by_digit": tuple(float(errors[labels == digit].mean()) for digit in range(10)),
        "generated": _generated(setting, codes, basis, found.mean),
        "interpolations": tuple(_path(a, b, codes, labels, basis, found.mean) for a, b in PAIRS),
        "reconstructions": np.stack([images[first], decoded[first]]).astype(np.float32),
    }


AFFINE_SHARES = {2: 0.27, 16: 0.65, 64: 0.93}
"""Latent size -> affine share of the decoder in a real trial."""


def _real(
    codes: NDArray[np.float32], basis: NDArray[np.float32], mean: NDArray[np.float32]
) -> RealInterpolations | None:
    """Return PCA's ways between single images, whose linear way is the blend."""

    def decode(z: Floats) -> NDArray[np.float32]:
        return (z @ basis + mean).astype(np.float32)

    return real_images.interpolate(decode, codes, reference_images(), data().y_test, seed=0)


def _planes(setting: Setting, codes: NDArray[np.float32]) -> dict[str, Any]:
    """Return PCA's plane, and measures of a real trial beside it."""
    votes = {2: 0.4426, 16: 0.9612, 64: 0.9732}
    shares = {"knn_accuracy_pca": votes.get(setting.latent_size), "knn_accuracy_pixels": 0.9665}
    if setting.latent_size != 2:
        return shares
    planes = {"plane": PlaneQuality(0.906, 0.947), "pca_plane": PlaneQuality(0.746, 0.923)}
    return shares | planes | {"pca_xy": codes}


def _named(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return counts in which a tenth of these 4s are taken for 9s."""
    counts = np.diag(np.bincount(labels, minlength=10))
    counts[4, 9] = counts[4, 4] // 10
    counts[4, 4] -= counts[4, 9]
    return counts


GAUSSIAN, MIXTURE = (
    {
        2: Quality(0.0224, 0.72, 0.95, 20.1),
        16: Quality(0.0398, 0.36, 0.97, 13.7),
        64: Quality(0.0470, 0.25, 0.96, 21.8),
    },
    {
        2: Quality(0.0223, 0.80, 0.96, 15.7),
        16: Quality(0.0216, 0.77, 0.98, 4.3),
        64: Quality(0.0459, 0.66, 0.97, 9.4),
    },
)
"""Latent size -> measures of generated images, from a trial with the recipe `fast`."""


def _generated(
    setting: Setting,
    codes: NDArray[np.float32],
    basis: NDArray[np.float32],
    mean: NDArray[np.float32],
) -> Generated | None:
    """Return images from a Gaussian with the codes' variances, and measures of a real trial."""
    size = setting.latent_size
    if size not in GAUSSIAN:
        return None
    draws = np.random.default_rng(0).standard_normal((2, 50, size)) * codes.std(axis=0)
    gaussian, mixture = np.clip(draws @ basis + mean, 0, 1).astype(np.float32)
    return Generated(
        gaussian_images=gaussian,
        mixture_images=mixture,
        gaussian=GAUSSIAN[size],
        mixture=MIXTURE[size],
        reconstructions=Quality(0.02, 0.93, 0.99, 0.2),
        real=Quality(0.0246, 0.96, 0.99, 1.0),
        components=20,
        classifier_accuracy=0.9741,
    )


def _path(
    a: int,
    b: int,
    codes: NDArray[np.float32],
    labels: NDArray[np.int64],
    basis: NDArray[np.float32],
    mean: NDArray[np.float32],
) -> Interpolation:
    means = latent.class_means(codes, labels)
    pixels = (latent.interpolate(means[a], means[b]) @ basis + mean).astype(np.float32)
    nearest, distance = reference_images().nearest(pixels)
    _, blended = reference_images().nearest(latent.interpolate(pixels[0], pixels[-1]))
    fractions = np.array(latent.FRACTIONS)
    return Interpolation(
        digit_a=a,
        digit_b=b,
        fractions=fractions,
        pixels=pixels,
        nearest_digit=labels[nearest],
        nearest_mse=distance,
        blend_nearest_mse=blended * 1.3,
    )


def make_training(name: str = "1", **changes: Any) -> TrainingRecord:
    """Return a finished training of a setting; `changes` replace any field of it or of its spec."""
    setting = SETTINGS[name]
    spec = TrainingSpec(
        setting=setting,
        recipe=RECIPES["assignment"],
        seed=0,
        precision="float32",
        pairs=PAIRS,
        threads=2,
        data_digest=MNIST_DIGEST,
    )
    asked = {field: changes.pop(field) for field in set(changes) & SPEC_FIELDS}
    spec = replace(spec, **asked)
    recorded = changes.get("curve", curve(REFERENCE[name], spec.recipe))
    finite = recorded is not None and np.isfinite(recorded.test_mse).all()
    best = int(np.argmin(recorded.test_mse)) if finite else None
    fields: dict[str, Any] = {
        "run_id": f"{int(name) * 0x1234567:032x}",
        "spec": spec,
        "end_time_ms": END_MS,
        "git_commit": "7c211433f02071597741e6ff5a8ea34789abbf43",
        "versions": {"python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1"},
        "curve": recorded,
        "final_test_mse": None if recorded is None else float(recorded.test_mse[-1]),
        "final_train_mse": None if recorded is None else 0.9 * float(recorded.test_mse[-1]),
        "best_test_mse": None if best is None else float(recorded.test_mse[best]),
        "best_iteration": None if best is None else int(recorded.iterations[best]),
        "train_seconds": spec.recipe.iterations * SECONDS,
        "explorer": "",
        "knn_accuracy": {"1": 0.7312, "2": 0.9621, "3": 0.9703}[name],
        **_measured(setting),
    }
    return TrainingRecord(**(fields | changes))


def make_records(*trainings: TrainingRecord, **changes: Any) -> Records:
    """Return records of these trainings; `changes` replace any field of them or of the request."""
    request = ReportRequest(author="Ada Example")
    asked = {field: changes.pop(field) for field in set(changes) & REQUEST_FIELDS}
    records = Records(
        request=replace(request, **asked),
        program=Program("1.0.0", "0123456789abcdef0123456789abcdef01234567"),
        experiment="mnist-autoencoders",
        tracking_uri="sqlite:///mlflow.db",
        trainings=trainings,
        omissions=(),
    )
    return replace(records, **changes)


def make_full_records(**changes: Any) -> Records:
    """Return records of the whole assignment; setting 3 spikes as in the reference run."""
    spiking = curve(REFERENCE["3"], spikes={14_500: (0.073, 25_000), 60_000: (0.012, 700)})
    trainings = make_training("1"), make_training("2"), make_training("3", curve=spiking)
    return make_records(*trainings, **changes)
