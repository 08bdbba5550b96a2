"""SOAP: Adam in the eigenbases of a layer's inputs and output gradients.

A dense layer with inputs h (one row an image) and the gradient g of the loss at its output has the
weight gradient G = h^T g. With the layer's two Kronecker factors and their eigenvectors

    L = E[h^T h] = Q_L D_L Q_L^T        R = E[g^T g] = Q_R D_R Q_R^T

SOAP runs Adam, coordinate by coordinate, on the rotated gradient G' = Q_L^T G Q_R and rotates the
update back: W <- W - Q_L N' Q_R^T (Vyas et al. 2024, algorithm 3). Along the eigenvectors the
curvature is nearly diagonal, which is what Adam, a diagonal method, needs. Here the rotation is a
change of coordinates: a layer in training keeps W' = Q_L^T W Q_R and its moments (`aemodel.layer`).

Five things differ from the paper:

- The factors are those of K-FAC (Martens & Grosse 2015), from h and g, instead of Shampoo's G G^T
  and G^T G: they are less noisy.
- The two bases that belong to pixels, Q_L of the first and Q_R of the last layer, are fixed: they
  are the principal axes of the training images (`aemodel.coordinates`), on which an update pays
  nothing for them.
- The outputs of the first layer have no basis: it is as wide as the widest, and training is as
  good without it.
- When the bases are refreshed, the first moments rotate with the weights.
- The recipes take Adam's step with Nesterov's look-ahead (`aemodel.layer`).

What each is worth, on a validation slice of the training set: `benchmarks/fast_study.py`.

References:
    N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", 2024, arXiv:2409.11321.
    J. Martens, R. Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
    Curvature", ICML 2015, arXiv:1503.05671.
    T. George et al., "Fast Approximate Natural Gradient Descent in a Kronecker-factored
    Eigenbasis", NeurIPS 2018, arXiv:1806.03884.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

FACTOR_BETA = 0.7
"""Decay of the moving averages L and R at each of their updates: the paper's Shampoo beta."""

FACTOR_EVERY = 5
"""Iterations from one update of the factors to the next."""

BASIS_EVERY = 50
"""Iterations from one refresh of the bases to the next: the paper's preconditioning frequency f."""

WARMUP_BATCHES = 20
"""Batches from which the first bases are computed, before the first update."""


def basis_sizes(shapes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the sizes of the bases of each layer's inputs and outputs; 0 stands for no basis.

    Args:
        shapes: inputs and outputs of the layers, in order.
    """
    sizes = [(inputs, outputs) for inputs, outputs in shapes]
    sizes[0], sizes[-1] = (0, 0), (sizes[-1][0], 0)
    return sizes


class Eigenbasis:
    """A Kronecker factor P (n, n), and the orthogonal Q whose columns follow its eigenvectors."""

    def __init__(self, size: int) -> None:
        """Start with the coordinates as they are: Q = I."""
        import tensorflow as tf

        self.covariance = tf.Variable(tf.zeros([size, size]))
        """P, the moving average of v^T v over batches v (images, n), not centred."""
        self.eigenvectors = tf.Variable(tf.eye(size))
        """Q; eigenvalues fall from the first column to the last."""

    def update_factor(self, batch: "list[tf.Tensor]") -> None:
        """Take the rows v of `batch` (images, n), given in parts, into P."""
        import tensorflow as tf

        products = [tf.matmul(part, part, transpose_a=True) for part in batch]
        new = tf.add_n([tf.cast(product, tf.float32) for product in products])
        self.covariance.assign(FACTOR_BETA * self.covariance + (1.0 - FACTOR_BETA) * new)

    def decompose(self) -> "tuple[tf.Tensor, tf.Tensor]":
        """Set Q to the eigenvectors of P; return what `refresh` returns."""
        import tensorflow as tf

        eigenvectors = tf.reverse(tf.linalg.eigh(self.covariance)[1], axis=[1])
        return self._rotate_to(eigenvectors), tf.range(tf.shape(eigenvectors)[1])

    def refresh(self) -> "tuple[tf.Tensor, tf.Tensor]":
        """Bring Q nearer to the eigenvectors of P by one step of orthogonal iteration, QR(P Q).

        Returns:
            The rotation Q_new^T Q_old (n, n), which takes coordinates from the old basis to the new
            one, and for each new column the index of the old one that it comes from (n,).
        """
        import tensorflow as tf

        images = tf.matmul(self.covariance, self.eigenvectors)
        eigenvalues = tf.reduce_sum(self.eigenvectors * images, axis=0)
        order = tf.argsort(eigenvalues, direction="DESCENDING", stable=True)
        eigenvectors, triangle = tf.linalg.qr(tf.gather(images, order, axis=1))
        # QR is unique up to the signs of the columns: a positive diagonal keeps each direction.
        signs = tf.where(tf.linalg.diag_part(triangle) < 0.0, -1.0, 1.0)
        return self._rotate_to(eigenvectors * signs), order

    def _rotate_to(self, eigenvectors: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        rotation = tf.matmul(eigenvectors, self.eigenvectors, transpose_a=True)
        self.eigenvectors.assign(eigenvectors)
        return rotation
