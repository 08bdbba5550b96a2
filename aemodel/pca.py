"""The linear baseline: principal component analysis, at the latent size of an autoencoder.

With mean image m and the orthonormal rows W of the first d principal components, an image x has the
code z = W (x - m) and the reconstruction m + W^T z. Of all linear encoders and decoders with d
numbers between them this pair has the least squared error on the training set, so it is what the
autoencoder's nonlinearity has to beat.

References:
    I. T. Jolliffe, *Principal Component Analysis*, 2nd ed., Springer 2002, chapters 2 and 3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aemodel.data import MAX_PIXEL

BLOCK = 4_000
"""Images taken at a time."""


@dataclass(frozen=True, eq=False)
class PCA:
    """Mean and principal components of a set of images, on the 0..1 scale."""

    mean: NDArray[np.float32]
    """Mean image; shape (784,)."""
    components: NDArray[np.float32]
    """Orthonormal rows, by falling variance; shape (min(n, 784), 784)."""
    variances: NDArray[np.float32]
    """Variance of the images along each component; shape (min(n, 784),)."""

    def codes(self, images: NDArray[np.uint8], size: int) -> NDArray[np.floating]:
        """Return the codes (n, `size`) of `images` (n, 784), pixels 0..255."""
        axes = self.components[:size].T
        codes = np.empty((len(images), axes.shape[1]), np.float32)  # once: no copy of all of them
        end = 0
        for centred in self._centred(images):
            start, end = end, end + len(centred)
            np.matmul(centred, axes, out=codes[start:end])
        return codes

    def image_mse(self, images: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
        """Return the MSE per pixel of reconstructing each of `images` from `size` components; (n,).

        `size` 0 predicts the mean image. A `size` above the number of components uses them all: a
        wider linear code cannot do better.
        """
        axes = self.components[:size]
        residuals = (centred - centred @ axes.T @ axes for centred in self._centred(images))
        return np.concatenate(
            [np.square(residual).mean(axis=1, dtype=np.float64) for residual in residuals]
        )

    def _centred(self, images: NDArray[np.uint8]) -> Iterator[NDArray[np.floating]]:
        """Yield a block of images at a time, less the mean image: it stays in cache."""
        for block in np.array_split(images, max(1, len(images) // BLOCK)):
            yield block / MAX_PIXEL - self.mean


def fit(pixels: NDArray[np.uint8]) -> PCA:
    """Return all principal components of images (n, 784), pixels 0..255, n at least 2.

    One eigendecomposition of the covariance matrix serves every latent size; single precision
    agrees with double to seven digits of the MSE of MNIST at 64 components. It is computed on one
    thread, whatever a training uses: the last digits depend on their number. A command needs it
    before it trains; to import scikit-learn for it would take longer than to compute it.

    The largest entry of each component is positive, so that its sign depends on the images alone.
    """
    images = pixels / MAX_PIXEL
    mean = images.mean(axis=0)
    with threadpool_limits(1):
        covariance = images.T @ images
        covariance -= len(images) * mean[:, np.newaxis] * mean
        covariance /= len(images) - 1
        variances, columns = np.linalg.eigh(covariance)  # by rising variance
    kept = slice(min(len(images), len(mean)))
    components = columns.T[::-1][kept]
    largest = np.abs(components).argmax(axis=1)[:, np.newaxis]
    components = components * np.sign(np.take_along_axis(components, largest, axis=1))
    return PCA(mean, np.ascontiguousarray(components), np.maximum(variances[::-1][kept], 0))
