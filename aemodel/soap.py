"""SOAP: Adam in the eigenbases of a layer's inputs and output gradients.

A dense layer with inputs h (one row an image) and the gradient g of the loss at its output has the
weight gradient G = h^T g. With the layer's two Kronecker factors and their eigenvectors

    L = E[h^T h] = Q_L D_L Q_L^T        R = E[g^T g] = Q_R D_R Q_R^T

SOAP runs Adam, coordinate by coordinate, on the rotated gradient G' = Q_L^T G Q_R and rotates the
update back: W <- W - Q_L N' Q_R^T (Vyas et al. 2024, algorithm 3). Along the eigenvectors the
curvature is nearly diagonal, which is what Adam, a diagonal method, needs. Here the rotation is a
change of coordinates: a layer in training keeps W' = Q_L^T W Q_R and its moments (`aemodel.layer`).

Three things differ from the paper:

- The factors are those of K-FAC (Martens & Grosse 2015), from h and g, not Shampoo's G G^T and
  G^T G: they are less noisy.
- The two bases that belong to pixels, Q_L of the first and Q_R of the last layer, are fixed: they
  are the principal axes of the training images. The images are rotated once, before the training,
  an update pays nothing for them, and the MSE is the same in any orthonormal axes. The last axes,
  which together hold less than 1e-4 of the variance, are left out: their inputs get no weight, and
  their outputs keep their mean.
- When the bases are refreshed, Adam's mean of the gradients turns with the weights.

What each is worth, on a validation slice of the training set: `benchmarks/fast_study.py`.

References:
    N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", 2024, arXiv:2409.11321.
    J. Martens, R. Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
    Curvature", ICML 2015, arXiv:1503.05671.
    T. George et al., "Fast Approximate Natural Gradient Descent in a Kronecker-factored
    Eigenbasis", NeurIPS 2018, arXiv:1806.03884.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aemodel import pca
from aemodel.data import MAX_PIXEL
from aemodel.settings import PIXELS

if TYPE_CHECKING:
    import tensorflow as tf

Weights = tuple["tf.Tensor", "tf.Tensor"]
"""Kernel and bias of a layer."""

FACTOR_DECAY = 0.7
"""Decay of the moving averages L and R, an observation: the paper's Shampoo beta."""

OBSERVE_EVERY = 10
"""Updates from one observation of the factors to the next."""

REFRESH_EVERY = 50
"""Updates from one refresh of the bases to the next: the paper's preconditioning frequency f."""

FIRST_BATCHES = 20
"""Batches from which the first bases are computed, before the first update."""

KEPT_VARIANCE = 0.9999
"""Share of the training images' variance on the principal axes that are kept."""


class Eigenbasis:
    """A factor P (n, n), and the orthogonal matrix Q whose columns follow its eigenvectors."""

    def __init__(self, size: int) -> None:
        """Start with the coordinates as they are: Q = I."""
        import tensorflow as tf

        self.factor = tf.Variable(tf.zeros([size, size]))
        """P, the moving average of v^T v over the observed batches v."""
        self.vectors = tf.Variable(tf.eye(size))
        """Q; eigenvalues fall from the first column to the last."""

    def observe(self, batch: "tf.Tensor") -> None:
        """Take the rows v of `batch` (images, n) into the factor."""
        import tensorflow as tf

        new = tf.cast(tf.matmul(batch, batch, transpose_a=True), tf.float32)
        self.factor.assign(FACTOR_DECAY * self.factor + (1.0 - FACTOR_DECAY) * new)

    def decompose(self) -> "tuple[tf.Tensor, tf.Tensor]":
        """Set Q to the eigenvectors of P; return what `refresh` returns."""
        import tensorflow as tf

        vectors = tf.reverse(tf.linalg.eigh(self.factor)[1], axis=[1])
        return self._turn_to(vectors), tf.range(tf.shape(vectors)[1])

    def refresh(self) -> "tuple[tf.Tensor, tf.Tensor]":
        """Bring Q nearer to the eigenvectors of P by one step of orthogonal iteration, QR(P Q).

        Returns:
            The matrix Q_new^T Q_old (n, n), which takes coordinates from the old basis to the new
            one, and for each new column the index of the old one that it comes from (n,).
        """
        import tensorflow as tf

        images = tf.matmul(self.factor, self.vectors)
        eigenvalues = tf.reduce_sum(self.vectors * images, axis=0)
        order = tf.argsort(eigenvalues, direction="DESCENDING", stable=True)
        vectors, triangle = tf.linalg.qr(tf.gather(images, order, axis=1))
        # QR is unique up to the signs of the columns: a positive diagonal keeps each direction.
        signs = tf.where(tf.linalg.diag_part(triangle) < 0.0, -1.0, 1.0)
        return self._turn_to(vectors * signs), order

    def _turn_to(self, vectors: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        turn = tf.matmul(vectors, self.vectors, transpose_a=True)
        self.vectors.assign(vectors)
        return turn


@dataclass(frozen=True, eq=False)
class PixelAxes:
    """The principal axes of the training images, on which both ends of the network stand."""

    mean: NDArray[np.float32]
    """Mean image on the 0..1 scale; shape (784,)."""
    axes: NDArray[np.float32]
    """Orthonormal rows, by falling variance; shape (k, 784)."""
    lost: float
    """Variance per pixel, averaged over the training images, off these axes."""

    @classmethod
    def of(cls, images: NDArray[np.uint8]) -> "PixelAxes":
        """Return the axes that keep `KEPT_VARIANCE` of the variance of `images` (n, 784)."""
        fitted = pca.fit(images)
        total = fitted.variances.sum()
        kept = 1 + int(np.searchsorted(np.cumsum(fitted.variances), KEPT_VARIANCE * total))
        lost = float(fitted.variances[kept:].sum()) / PIXELS
        return cls(fitted.mean, np.ascontiguousarray(fitted.components[:kept]), lost)

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the images `pixels` (n, 784) on these axes (n, k)."""
        return np.asarray((pixels / MAX_PIXEL - self.mean) @ self.axes.T)

    def first_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> "Weights":
        """Return the first layer (784, o), (o,) for inputs on these axes: (k, o), (o,)."""
        import tensorflow as tf

        return tf.matmul(self.axes, kernel), bias + tf.linalg.matvec(kernel, self.mean, True)

    def first_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> "Weights":
        """Undo `first_from_pixels`; directions off the axes have weight 0."""
        import tensorflow as tf

        kernel = tf.matmul(self.axes, kernel, transpose_a=True)
        return kernel, bias - tf.linalg.matvec(kernel, self.mean, True)

    def last_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> "Weights":
        """Return the last layer (i, 784), (784,) for outputs on these axes: (i, k), (k,)."""
        import tensorflow as tf

        return (
            tf.matmul(kernel, self.axes, transpose_b=True),
            tf.linalg.matvec(self.axes, bias - self.mean),
        )

    def last_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> "Weights":
        """Undo `last_from_pixels`; directions off the axes have their mean."""
        import tensorflow as tf

        return tf.matmul(kernel, self.axes), self.mean + tf.linalg.matvec(self.axes, bias, True)
