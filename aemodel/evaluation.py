"""What a trained network does on the test set: every number and array that its run keeps.

Nothing is written here. Errors and distances are MSE per pixel on the 0..1 scale.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aemodel import generation, latent, real_images
from aemodel.baseline import Baseline
from aemodel.classifier import Classifier
from aemodel.coordinates import axes_to_keep
from aemodel.data import DIGITS, MAX_PIXEL, Dataset
from aemodel.device import side_by_side
from aemodel.training import Trainer

if TYPE_CHECKING:
    import keras

MANIFOLD_SIDE = 15
"""Decoded images along each side of the manifold."""

MANIFOLD_SHARE = 0.01
"""Share of the codes left out at each end of each axis of the manifold."""

BATCH = 1_000
"""Images encoded or decoded at a time: their activations stay in cache."""

USUAL = 0.99
"""Share of the test codes that have a training code within the unit of `Manifold.code_distance`."""

COMPARED = 10_000
"""Training images whose reconstructions are measured: as many as MNIST tests with."""

NEIGHBOURHOOD = 2_000
"""Test images over which a plane's trustworthiness and continuity are measured."""

Images = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Labels = NDArray[np.integer]
Decode = Callable[[latent.Floats], Images]
"""From codes (n, d) to images (n, 784), not clipped."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Interpolation:
    """The images decoded along the line between the mean codes of two digits."""

    digit_a: int
    digit_b: int
    fractions: NDArray[np.float64]
    """f = 0.0, 0.1 ... 1.0; shape (11,)."""
    pixels: Images
    """Decoded images, not clipped; shape (11, 784)."""
    nearest_digit: Labels
    """Digit of the test image nearest to each decoded image; shape (11,)."""
    nearest_mse: NDArray[np.float64]
    """MSE of each decoded image to that test image; shape (11,)."""
    blend_nearest_mse: NDArray[np.float64]
    """The same for the pixel blend (1 - f) * first + f * last image; shape (11,)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Manifold:
    """The decoded images of a regular grid over the middle of a latent space of two dimensions."""

    pixels: Images
    """`pixels[i, j]` belongs to the i-th y, from below, and the j-th x; shape (rows, columns, 784).
    """
    points: Images
    """The grid, a row for each of its points in the order of the rows; shape (rows x columns, 2).
    """
    nearest_mse: latent.Floats
    """MSE of the image of each point to the test image nearest to it."""
    code_distance: latent.Floats
    """Distance of each point to the nearest training code; in units of that which `USUAL` of the
    test codes do not exceed, so that above 1 no code lies near."""

    @property
    def x_range(self) -> tuple[float, float]:
        """The first and the last x."""
        return float(self.points[0, 0]), float(self.points[-1, 0])

    @property
    def y_range(self) -> tuple[float, float]:
        """The first and the last y."""
        return float(self.points[0, 1]), float(self.points[-1, 1])


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """What a trained network does on the test set of n images, d its latent size."""

    metrics: dict[str, float]
    """The final metrics by name."""
    codes: Images
    """Latent codes; shape (n, d)."""
    plane: latent.Plane
    """The plane in which the codes are shown."""
    neighbour_shares: NDArray[np.float64]
    """How the digits mix in that plane, `latent.neighbour_shares`; shape (10, 10)."""
    interpolations: tuple[Interpolation, ...]
    """One for each pair of digits asked for."""
    reconstructions: Images
    """The first test image of each digit above their reconstructions; shape (2, 10, 784)."""
    image_mse: NDArray[np.float64]
    """MSE of the reconstruction of each test image; shape (n,)."""
    pca_image_mse: NDArray[np.float64]
    """The same of PCA with as many components as a code has numbers."""
    pca_reconstructions: latent.Floats
    """The same images from as many principal components as a code has numbers; shape (10, 784)."""
    manifold: Manifold | None
    """For a latent size of 2 alone."""
    generation: generation.Generation
    reconstructed_as: NDArray[np.int64]
    """Of the test images of digit d whose class the classifier names, how many reconstructions it
    names e; shape (10, 10)."""
    real_interpolations: real_images.RealInterpolations | None
    """None if the test set is too small."""
    pca_plane: latent.Floats | None
    """The test images on the first two principal components of the training images, shape (n, 2);
    for a latent size of 2 alone."""


def evaluate(
    trainer: Trainer, pairs: tuple[tuple[int, int], ...], baseline: Baseline, threads: int = 1
) -> Evaluation:
    """Compute every metric and array of a run's artifacts: seconds, mostly for neighbours.

    Args:
        trainer: of the network as it is now.
        pairs: digits to interpolate between, (from, to).
        baseline: of the same data.
        threads: measures taken side by side. Each is computed on one thread: its small products
            gain nothing from a second.

    Raises:
        ValueError: the network gives codes that are not finite.
    """
    data, network, labels = trainer.data, trainer.network, trainer.data.y_test
    principal, size = trainer.principal_components, trainer.setting.latent_size
    decode = partial(apply, network.decoder)
    examples = first_of_each_digit(labels)
    with generation.unfinished_fits(), side_by_side(threads) as begin:
        prepared = begin(latent.ReferenceImages, data.x_test)
        codes, train_codes = (
            apply(network.encoder, images, threads) for images in (data.x_test, data.x_train)
        )
        decoded = apply(network.decoder, codes, threads)
        test_images = prepared.result()
        # The longest first.
        generated = begin(
            generation.generate, decode, train_codes, test_images, baseline.classifier, trainer.seed
        )
        pca_codes = principal.codes(data.x_test, size)
        pca_plane = pca_codes if size == 2 else None
        neighbourhoods = begin(_neighbourhoods, data, codes, pca_plane)
        votes = begin(latent.knn_accuracy, train_codes, data.y_train, codes, labels)
        pca_votes = begin(_pca_votes, trainer, pca_codes)
        affine_share = begin(latent.affine_share, codes, decoded)
        real = begin(real_images.interpolate, decode, codes, test_images, labels, trainer.seed)
        errors = begin(_errors, trainer)
        reconstructions = begin(
            _reconstruction_metrics, trainer, train_codes, test_images, baseline.classifier
        )
        reconstructed_as = begin(
            _named_again, test_images.images, decoded, labels, baseline.classifier
        )
        manifold = begin(_manifold, decode, codes, train_codes, test_images)
        pca_image_mse = begin(principal.image_mse, data.x_test, size)
        pca_train_mse = begin(principal.image_mse, data.x_train[:COMPARED], size)
        interpolations = begin(_interpolations, decode, codes, test_images, labels, pairs)
        plane = latent.project(codes)
        neighbour_shares = begin(latent.neighbour_shares, plane.xy, labels)
        x_test = test_images.images
        image_mse = np.square(decoded - x_test).mean(axis=1, dtype=np.float64)
    return Evaluation(
        metrics={
            **errors.result(),
            "pca_test_mse": float(pca_image_mse.result().mean()),
            "knn_accuracy": votes.result(),
            "real_nearest_mse": baseline.real_nearest_mse,
            **_mse_by_digit(image_mse, labels),
            **reconstructions.result(),
            "pca_train_mse": float(pca_train_mse.result().mean()),
            "decoder_affine_share": affine_share.result(),
            "knn_accuracy_pca": pca_votes.result(),
            "knn_accuracy_pixels": baseline.pixels_accuracy,
            **neighbourhoods.result(),
            **_pixel_axes(trainer),
            **generated.result().metrics,
            **baseline.real.metrics("real"),
            "generated_classifier_accuracy": baseline.classifier.accuracy,
        },
        codes=codes,
        plane=plane,
        neighbour_shares=neighbour_shares.result(),
        interpolations=interpolations.result(),
        reconstructions=np.stack([x_test[examples], decoded[examples]]),
        image_mse=image_mse,
        pca_image_mse=pca_image_mse.result(),
        pca_reconstructions=principal.mean + pca_codes[examples] @ principal.components[:size],
        manifold=manifold.result(),
        generation=generated.result(),
        reconstructed_as=reconstructed_as.result(),
        real_interpolations=real.result(),
        pca_plane=pca_plane,
    )


def _reconstruction_metrics(
    trainer: Trainer,
    train_codes: Images,
    test_images: latent.ReferenceImages,
    classifier: Classifier,
) -> dict[str, float]:
    """Return the error of the first training images, and how good their reconstructions are.

    They are the best that this decoder can do, which generated images are compared with. Not those
    of test images: they would be nearest to the very images that they are measured against. Runs
    before this was so have under the same names the reconstructions of test images.
    """
    images = trainer.data.x_train[:COMPARED] / MAX_PIXEL
    decoded = apply(trainer.network.decoder, train_codes[:COMPARED])
    quality = generation.measure(np.clip(decoded, 0, 1), test_images, classifier)
    return {
        "final_train_mse": float(np.square(decoded - images).mean(dtype=np.float64)),
        **quality.metrics("reconstructions"),
    }


def _pca_votes(trainer: Trainer, pca_codes: latent.Floats) -> float:
    """Return the accuracy of nearest neighbours in PCA's codes, as large as the network's."""
    data = trainer.data
    train = trainer.principal_components.codes(data.x_train, trainer.setting.latent_size)
    return latent.knn_accuracy(train, data.y_train, pca_codes, data.y_test)


def _neighbourhoods(
    data: Dataset, codes: Images, pca_plane: latent.Floats | None
) -> dict[str, float]:
    """Return how well the plane of codes of size 2, and PCA's, keep neighbourhoods."""
    if pca_plane is None or len(codes) <= 2 * latent.NEIGHBOURS:  # too few to be defined
        return {}
    (trust, continuity), (pca_trust, pca_continuity) = latent.trustworthiness(
        data.x_test[:NEIGHBOURHOOD], [plane[:NEIGHBOURHOOD] for plane in (codes, pca_plane)]
    )
    return {
        "trustworthiness": trust,
        "continuity": continuity,
        "pca_trustworthiness": pca_trust,
        "pca_continuity": pca_continuity,
    }


def _pixel_axes(trainer: Trainer) -> dict[str, float]:
    """Return how many principal axes of the images SOAP trained, at both ends of the network."""
    if trainer.recipe.optimizer != "soap":
        return {}
    return {"pixel_axes": float(axes_to_keep(trainer.principal_components))}


def _named_again(
    x_test: latent.Floats, decoded: Images, labels: Labels, classifier: Classifier
) -> NDArray[np.int64]:
    """Return how the classifier names reconstructions of images that it names rightly."""
    right = classifier.probabilities(x_test).argmax(axis=1) == labels
    named = classifier.probabilities(np.clip(decoded[right], 0, 1)).argmax(axis=1)
    counts = np.bincount(labels[right] * DIGITS + named, minlength=DIGITS**2)
    return counts.reshape(DIGITS, DIGITS)


def apply(model: "keras.Model", inputs: latent.Floats | Pixels, threads: int = 1) -> Images:
    """Return the outputs (n, ...) of a Keras model for `inputs` (n, ...), batch by batch.

    Args:
        model: encoder, decoder or both.
        inputs: rows; images are on the 0..1 scale, or bytes 0..255.
        threads: batches computed side by side.
    """

    def outputs(batch: latent.Floats | Pixels) -> Images:
        return np.asarray(model(batch / MAX_PIXEL if batch.dtype == np.uint8 else batch))

    batches = np.array_split(inputs, max(1, len(inputs) // BATCH))
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(outputs, batches)))


def first_of_each_digit(labels: Labels) -> NDArray[np.intp]:
    """Return where each digit 0 to 9 first stands in `labels` (n,); shape (10,)."""
    return np.array([np.argmax(labels == digit) for digit in range(DIGITS)])


def curve_metrics(trainer: Trainer) -> dict[str, float]:
    """Return the final metrics that need no more than the errors.

    They are the error at the end, the least of the curve and the end, that of PCA with as many
    components as the latent size, and the seconds of training.
    """
    data, size = trainer.data, trainer.setting.latent_size
    pca_image_mse = trainer.principal_components.image_mse(data.x_test, size)
    return {**_errors(trainer), "pca_test_mse": float(pca_image_mse.mean())}


def _errors(trainer: Trainer) -> dict[str, float]:
    """Return the errors among the final metrics, and the seconds that they took."""
    errors = {point.iteration: point.test_mse for point in trainer.curve}
    errors[trainer.done - 1] = trainer.test_mse()
    best_iteration = min(errors, key=lambda iteration: errors[iteration])
    return {
        "final_test_mse": errors[trainer.done - 1],
        "best_test_mse": errors[best_iteration],
        "best_iteration": float(best_iteration),
        "train_seconds": trainer.seconds,
    }


def _mse_by_digit(image_mse: NDArray[np.float64], labels: Labels) -> dict[str, float]:
    return {f"mse_digit_{d}": float(image_mse[labels == d].mean()) for d in range(DIGITS)}


def _interpolations(
    decode: Decode,
    codes: Images,
    test_images: latent.ReferenceImages,
    labels: Labels,
    pairs: tuple[tuple[int, int], ...],
) -> tuple[Interpolation, ...]:
    means = latent.class_means(codes, labels)
    return tuple(_interpolation(decode, means, a, b, test_images, labels) for a, b in pairs)


def _interpolation(
    decode: Decode,
    means: latent.Floats,
    a: int,
    b: int,
    test_images: latent.ReferenceImages,
    labels: Labels,
) -> Interpolation:
    pixels = decode(latent.interpolate(means[a], means[b]))
    blend = latent.interpolate(pixels[0], pixels[-1])
    nearest, mse = test_images.nearest(np.concatenate([pixels, blend]))
    steps = len(pixels)
    return Interpolation(
        digit_a=a,
        digit_b=b,
        fractions=np.array(latent.FRACTIONS),
        pixels=pixels,
        nearest_digit=labels[nearest[:steps]],
        nearest_mse=mse[:steps],
        blend_nearest_mse=mse[steps:],
    )


def _manifold(
    decode: Decode, codes: Images, train_codes: Images, test_images: latent.ReferenceImages
) -> Manifold | None:
    if codes.shape[1] != 2:
        return None
    low = np.quantile(codes, MANIFOLD_SHARE, axis=0)
    high = np.quantile(codes, 1 - MANIFOLD_SHARE, axis=0)
    x, y = np.linspace(low, high, MANIFOLD_SIDE, dtype=np.float32).T
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    pixels = decode(grid)
    _, nearest_mse = test_images.nearest(pixels)
    return Manifold(
        pixels=pixels.reshape(MANIFOLD_SIDE, MANIFOLD_SIDE, -1),
        points=grid,
        nearest_mse=nearest_mse,
        code_distance=_code_distance(grid, codes, train_codes),
    )


def _code_distance(points: Images, codes: Images, train_codes: Images) -> latent.Floats:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(train_codes)
    distances, usual = (search.kneighbors(each)[0][:, 0] for each in (points, codes))
    return np.asarray(distances / max(np.quantile(usual, USUAL), np.finfo(np.float32).tiny))
