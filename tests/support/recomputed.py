"""The numbers of a document computed again from a run's model, artifacts and data.

Nothing of the report is used here: plain NumPy, by brute force.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from mlflow.entities import Run
from numpy.typing import NDArray
from scipy.stats import norm

from aemodel.data import Dataset
from tests.support.workspace import Workspace

Array = NDArray[np.float64]


def squared_distances(a: Array, b: Array) -> Array:
    """Return the mean squared difference of each row of a to each row of b."""
    products = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(products, 0) / a.shape[1])


def _middle_of_the_arc(start: Array, end: Array, codes: Array) -> Array:
    """Return the codes halfway on the arcs about the mean code; halves of equal sines."""
    centre = codes.mean(axis=0)
    a, b = start - centre, end - centre
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.asarray(centre + (a + b) / (2 * np.cos(np.arccos(cosine) / 2))[:, None])


@dataclass(frozen=True)
class Recomputed:
    """What one training's document may say."""

    workspace: Workspace
    run: Run
    data: Dataset

    @property
    def latent_size(self) -> int:
        return int(self.run.data.params["latent_size"])

    @property
    def name(self) -> str:
        return self.run.data.params["setting"]

    @cached_property
    def model(self) -> Any:
        import mlflow

        mlflow.set_tracking_uri(self.workspace.uri)
        return mlflow.tensorflow.load_model(self.workspace.model_uri(self.run))

    def encoded(self, images: Array) -> Array:
        return np.asarray(self.model.get_layer("encoder")(images.astype(np.float32)), np.float64)

    def decoded(self, codes: Array) -> Array:
        return np.asarray(self.model.get_layer("decoder")(codes.astype(np.float32)), np.float64)

    @cached_property
    def images(self) -> Array:
        return self.data.x_test.astype(np.float64) / 255

    @cached_property
    def errors(self) -> Array:
        """The error of each test image."""
        decoded = np.asarray(self.model(self.images.astype(np.float32)), dtype=np.float64)
        return np.asarray(np.square(decoded - self.images).mean(axis=1))

    @property
    def final(self) -> float:
        return float(self.errors.mean())

    @cached_property
    def final_train(self) -> float:
        """The error over the training images."""
        images = self.data.x_train.astype(np.float64) / 255
        decoded = np.asarray(self.model(images.astype(np.float32)), dtype=np.float64)
        return float(np.square(decoded - images).mean())

    @cached_property
    def pca(self) -> float:
        return float(self.pca_errors(self.images).mean())

    @cached_property
    def pca_train(self) -> float:
        return float(self.pca_errors(self.data.x_train.astype(np.float64) / 255).mean())

    def pca_errors(self, images: Array) -> Array:
        """The error on each image of as many components as a code has numbers."""
        train = self.data.x_train.astype(np.float64) / 255
        mean = train.mean(axis=0)
        _, _, axes = np.linalg.svd(train - mean, full_matrices=False)
        basis = axes[: self.latent_size]
        centred = images - mean
        return np.asarray(np.square(centred - centred @ basis.T @ basis).mean(axis=1))

    def gap(self, together: int) -> tuple[float, float, float]:
        """How far the test error is above the training error, both over PCA's; its interval.

        With the error level of 5% shared among `together` intervals.
        """
        ratio = (self.final / self.final_train) / (self.pca / self.pca_train)
        spread = (self.errors / self.final - self.pca_errors(self.images) / self.pca).std(ddof=1)
        counts = len(self.images), len(self.data.x_train)
        half = norm.isf(0.025 / together) * spread * np.sqrt(sum(1 / count for count in counts))
        return ratio - 1, ratio * (1 - half) - 1, ratio * (1 + half) - 1

    @cached_property
    def same_in_pca_plane(self) -> float:
        """Share of the 10 nearest other test images in PCA's plane that are of the same digit."""
        train = self.data.x_train.astype(np.float64) / 255
        _, _, axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
        places = (self.images - train.mean(axis=0)) @ axes[:2].T
        distances = squared_distances(places, places)
        np.fill_diagonal(distances, np.inf)
        nearest = self.data.y_test[np.argsort(distances, axis=1, kind="stable")[:, :10]]
        return float(np.mean(nearest == self.data.y_test[:, None]))

    def halfway(self) -> list[tuple[float, float]]:
        """Mean distance to other test images of what is decoded halfway, over that of the blend.

        With it that of the spherical path over that of the linear one. First of the pairs of one
        digit, then of two; the pairs are those of the artifact.
        """
        pairs = self.workspace.table(self.run, "interpolation/real_images.csv")[:, :2].astype(int)
        seed = int(self.run.data.params["seed"])
        images = self.data.shuffled(seed).x_test.astype(np.float64) / 255  # as the pairs count them
        codes = self.encoded(images)
        ends = [self.decoded(codes[side]) for side in pairs.T]
        middle = self.decoded((codes[pairs[:, 0]] + codes[pairs[:, 1]]) / 2)
        arc = self.decoded(_middle_of_the_arc(codes[pairs[:, 0]], codes[pairs[:, 1]], codes))
        nearest = []
        for pictures in (middle, arc, (ends[0] + ends[1]) / 2):
            distances = squared_distances(pictures, images)
            distances[np.arange(len(pairs))[:, None], pairs] = np.inf
            nearest.append(distances.min(axis=1))
        return [
            (float(linear.mean() / blend.mean()), float(spherical.mean() / linear.mean()))
            for linear, spherical, blend in zip(
                *(np.split(side, 2) for side in nearest), strict=True
            )
        ]

    def resampled_gains(self, kind: int) -> Array:
        """Gains of the linear way over the blend in 1,000 draws of the pairs, with replacement.

        Of the pairs of one digit (kind 0), or of two (kind 1).
        """
        table = self.workspace.table(self.run, "interpolation/real_images.csv")
        rows = np.split(table[:, 4:], 2)[kind]
        drawn = np.random.default_rng(1).integers(len(rows), size=(1_000, len(rows)))
        means = rows[drawn].mean(axis=1)
        return np.asarray(1 - means[:, 0] / means[:, 2])

    def digit(self, digit: int) -> float:
        return float(self.errors[self.data.y_test == digit].mean())

    @property
    def below_pca(self) -> int | None:
        """The recorded iteration from which on the error is below PCA's."""
        errors = np.loadtxt(self.workspace.artifacts(self.run) / "curve" / "recreation_err.csv")
        since: int | None = None
        for point, error in enumerate([*errors.tolist(), self.final]):
            iteration = min(
                point * int(self.run.data.params["eval_every"]),
                int(self.run.data.params["iterations"]) - 1,
            )
            since = (iteration if since is None else since) if error < self.pca else None
        return since

    @cached_property
    def codes(self) -> Array:
        return self.workspace.table(self.run, "embedding/low_dimension_embedding.csv")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        table = self.workspace.table(self.run, "embedding/mnist_test_labels.csv")
        return table.astype(np.int64)

    @cached_property
    def neighbours(self) -> Array:
        """Row d: share of each digit among the 10 nearest other codes of the codes of digit d."""
        distances = squared_distances(self.codes, self.codes)
        np.fill_diagonal(distances, np.inf)
        nearest = self.labels[np.argsort(distances, axis=1, kind="stable")[:, :10]]
        rows = [nearest[self.labels == d] for d in range(10)]
        return np.array([[np.mean(row == e) for e in range(10)] for row in rows])

    @property
    def same(self) -> float:
        counts = np.bincount(self.labels, minlength=10)
        return float((np.diag(self.neighbours) * counts).sum() / counts.sum())

    @property
    def vote(self) -> float:
        """Accuracy of 10 nearest training codes; the smallest digit wins a tie."""
        train = self.data.x_train.astype(np.float32) / np.float32(255)
        codes = np.asarray(self.model.get_layer("encoder")(train), dtype=np.float64)
        test = np.asarray(
            self.model.get_layer("encoder")(self.images.astype(np.float32)), dtype=np.float64
        )
        order = np.argsort(squared_distances(test, codes), axis=1, kind="stable")[:, :10]
        votes = [np.bincount(row, minlength=10).argmax() for row in self.data.y_train[order]]
        return float(np.mean(votes == self.data.y_test))

    def path(self, a: int, b: int) -> tuple[list[int], float, float]:
        """Return labels of the eleven pictures, and mean distances of decoded and blended ones."""
        folder = f"interpolation/{a}-to-{b}"
        steps = [f"{folder}/recreation_{step / 10}.csv" for step in range(11)]
        pixels = np.array([self.workspace.table(self.run, step) for step in steps])
        f = np.arange(11)[:, None] / 10
        blend = (1 - f) * pixels[0] + f * pixels[-1]
        decoded, blended = (squared_distances(side, self.images) for side in (pixels, blend))
        labels = self.data.y_test[decoded.argmin(axis=1)].astype(int).tolist()
        return labels, float(decoded.min(1)[1:-1].mean()), float(blended.min(1)[1:-1].mean())

    def radius_of_means(self, digits: set[int]) -> float:
        """Distance of mean codes from the centre over the median distance of their codes."""
        centre = self.codes.mean(axis=0)
        shares = []
        for digit in digits:
            own = self.codes[self.labels == digit] - centre
            distances = np.sqrt((own**2).sum(axis=1))
            shares.append(np.sqrt((own.mean(axis=0) ** 2).sum()) / np.median(distances))
        return float(np.mean(shares))

    def decoded_train(self) -> Array:
        """Return the reconstructions of training images, in the order of the training."""
        shuffled = self.data.shuffled(int(self.run.data.params["seed"])).x_train
        images = shuffled[:10_000].astype(np.float64) / 255
        return np.asarray(np.clip(self.decoded(self.encoded(images)), 0, 1))

    @property
    def affine_share(self) -> float:
        """Share of the variance of decoded test images that an affine function explains."""
        codes = self.encoded(self.images)
        decoded = self.decoded(codes)
        centred, pixels = codes - codes.mean(axis=0), decoded - decoded.mean(axis=0)
        explained = centred @ np.linalg.pinv(centred) @ pixels
        return float((explained**2).sum() / (pixels**2).sum())

    @cached_property
    def classifier(self) -> list[Array]:
        """The weights of the classifier that the command trained and kept."""
        (path,) = (self.workspace.folder / "checkpoints" / "baselines").glob("*.npz")
        with np.load(path) as arrays:
            return [arrays[f"weight_{number}"].astype(np.float64) for number in range(4)]

    def hidden(self, images: Array) -> Array:
        return np.asarray(np.maximum(images @ self.classifier[0] + self.classifier[1], 0))

    def probabilities(self, images: Array) -> Array:
        powers = np.exp(self.hidden(images) @ self.classifier[2] + self.classifier[3])
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    @cached_property
    def named_again(self) -> Array:
        """Row d: how many reconstructions of rightly named test images of digit d are named e."""
        reconstructed = np.clip(self.decoded(self.encoded(self.images)), 0, 1)
        before = self.probabilities(self.images).argmax(axis=1)
        after = self.probabilities(reconstructed).argmax(axis=1)
        counts = np.zeros((10, 10))
        for digit, first, second in zip(self.data.y_test, before, after, strict=True):
            counts[digit, second] += first == digit
        return counts

    def quality(self, images: Array) -> tuple[float, float, float]:
        """Share that the classifier is sure of, evenness, and Frechet distance of images."""
        from scipy import linalg

        probabilities = self.probabilities(images)
        names = probabilities.argmax(axis=1)
        shares = [share for digit in range(10) if (share := np.mean(names == digit)) > 0]
        entropy = -sum(share * np.log(share) for share in shares)
        a, b = self.hidden(images), self.hidden(self.images)
        covariances = np.cov(a.T), np.cov(b.T)
        # A root of a product of singular matrices needs a little on the diagonals.
        small = 1e-9 * np.eye(len(covariances[0]))
        root = linalg.sqrtm((covariances[0] + small) @ (covariances[1] + small)).real
        distance = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
        distance += np.trace(covariances[0] + covariances[1] - 2 * root)
        return (
            float(np.mean(probabilities.max(axis=1) > 0.9)),
            float(np.exp(entropy) / 10),
            float(distance),
        )

    def drawn(self, kind: str, number: int = 10_000) -> Array:
        """New images of a density: the mixture of the artifact, or a Gaussian of the codes."""
        generator = np.random.default_rng(12345)
        if kind == "gaussian":
            codes = self.encoded(self.data.x_train.astype(np.float64) / 255)
            draws = generator.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), number)
        else:
            path = self.workspace.artifacts(self.run) / "generated" / "mixture.npz"
            with np.load(path) as arrays:
                weights, means, factors = (arrays[n] for n in ("weights", "means", "factors"))
            which = generator.choice(len(weights), number, p=weights)
            noise = generator.standard_normal((number, self.latent_size))
            draws = means[which] + np.einsum("nij,nj->ni", factors[which], noise)
        return np.clip(self.decoded(draws), 0, 1)

    def votes(self, space: str) -> float:
        """Accuracy of 10 nearest training images in pixels, or in PCA's codes of the same size."""
        train = self.data.x_train.astype(np.float64) / 255
        test = self.images
        if space == "pca":
            _, _, axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
            basis = axes[: self.latent_size].T
            train, test = (train - train.mean(axis=0)) @ basis, (test - train.mean(axis=0)) @ basis
        order = np.argsort(squared_distances(test, train), axis=1, kind="stable")[:, :10]
        named = [np.bincount(row, minlength=10).argmax() for row in self.data.y_train[order]]
        return float(np.mean(named == self.data.y_test))

    @property
    def empty_plane(self) -> tuple[int, float, float, float]:
        """Points of the grid, share of the empty ones, mean distance to images there, elsewhere."""
        grid = self.workspace.table(self.run, "manifold.csv")
        train = self.encoded(self.data.x_train.astype(np.float64) / 255)
        usual, nearest = (
            np.sqrt(squared_distances(points, train).min(axis=1))
            for points in (self.encoded(self.images), grid[:, :2])
        )
        empty = nearest > np.quantile(usual, 0.99)
        pictures = self.decoded(grid[:, :2])
        nearest = squared_distances(pictures, self.images).min(axis=1)
        return (
            len(grid), float(empty.mean()), float(nearest[empty].mean()),
            float(nearest[~empty].mean()),
        )  # fmt: skip

    def near_the_centre(self, digits: set[int]) -> float:
        """Share of the codes of digits that are as near to the centre as their mean; averaged."""
        centre, shares = self.codes.mean(axis=0), []
        for digit in digits:
            own = self.codes[self.labels == digit]
            radius = np.linalg.norm(own.mean(axis=0) - centre)
            shares.append(np.mean(np.linalg.norm(own - centre, axis=1) <= radius))
        return float(np.mean(shares))
