"""The coordinates in which images are given and layers trained: pixels, or principal axes.

Both classes offer the engine the same: the training images, the layers that start from a network's
weights, and the way back into that network. The MSE per pixel is the same in any orthonormal axes,
and with hidden units added that have no weights: a layer of 1,024 is trained as one of 1,040, which
the processor multiplies faster (`aemodel.device.fast_width`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aemodel import soap
from aemodel.device import fast_width
from aemodel.layer import Layer
from aemodel.pca import PCA
from aemodel.settings import PIXELS
from aemodel.soap import Eigenbasis

if TYPE_CHECKING:
    import tensorflow as tf

Weights = tuple["tf.Tensor", "tf.Tensor"]
"""Kernel (i, o) and bias (o,) of a layer."""

Variables = tuple["tf.Variable", "tf.Variable"]
"""The same, as the network holds them."""

SCALE = np.float32(1 / 255)
"""Takes pixels 0..255 to the 0..1 scale."""

KEPT_VARIANCE = 0.9999
"""Share of the training images' variance on the principal axes that are kept."""


class PixelCoordinates:
    """The network's own.

    Attributes:
        layers: the layers in training, with variables of their own.
        residual_variance: MSE per pixel that no update can change; 0.
    """

    residual_variance = 0.0

    def __init__(self, weights: list[Variables], tanh_layers: tuple[bool, ...]) -> None:
        """Start from `weights`, which only `to_network` changes.

        Args:
            weights: kernel and bias of each dense layer.
            tanh_layers: which of them end in tanh.
        """
        self._weights = weights
        self._hidden_widths = [int(kernel.shape[1]) for kernel, _ in weights[:-1]]
        self.layers = self._layers(tanh_layers)

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the images `pixels` (n, 784), pixels 0..255, on the 0..1 scale."""
        return pixels * SCALE

    def residual_mse(self, pixels: NDArray[np.uint8], images: NDArray[np.float32]) -> float:
        """Return the part of the MSE per pixel that `images` leaves out of `pixels` (n, 784)."""
        return 0.0

    def to_network(self) -> None:
        """Write the layers' weights into the network."""
        self._export()

    @cached_property
    def _export(self) -> Any:
        import tensorflow as tf

        # Traced now: TensorFlow warns of calls that trace.
        return tf.function(self._assign_weights, autograph=False).get_concrete_function()

    def _assign_weights(self) -> None:
        pairs = [(layer.original_kernel(), layer.bias) for layer in self.layers]
        pairs = _with_hidden_widths(pairs, self._hidden_widths)
        pairs[0], pairs[-1] = self.first_to_pixels(*pairs[0]), self.last_to_pixels(*pairs[-1])
        for variables, pair in zip(self._weights, pairs, strict=True):
            for variable, value in zip(variables, pair, strict=True):
                variable.assign(value)

    def _layers(self, tanh_layers: tuple[bool, ...]) -> list[Layer]:
        import tensorflow as tf

        pairs = [(kernel.value(), bias.value()) for kernel, bias in self._weights]
        pairs[0], pairs[-1] = self.first_from_pixels(*pairs[0]), self.last_from_pixels(*pairs[-1])
        pairs = _with_hidden_widths(pairs, [fast_width(width) for width in self._hidden_widths])
        sizes = self.basis_sizes([kernel.shape for kernel, _ in pairs])
        return [
            Layer(
                tf.Variable(kernel),
                tf.Variable(bias),
                is_tanh,
                Eigenbasis(left) if left else None,
                Eigenbasis(right) if right else None,
            )
            for (kernel, bias), is_tanh, (left, right) in zip(
                pairs, tanh_layers, sizes, strict=True
            )
        ]

    def basis_sizes(self, shapes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """Return the sizes of each layer's eigenbases: 0, which stands for none."""
        return [(0, 0) for _ in shapes]

    def first_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Return the first layer (784, o), (o,) for inputs in these coordinates."""
        return kernel, bias

    def first_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Undo `first_from_pixels`."""
        return kernel, bias

    def last_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Return the last layer (i, 784), (784,) for outputs in these coordinates."""
        return kernel, bias

    def last_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Undo `last_from_pixels`."""
        return kernel, bias


class PrincipalCoordinates(PixelCoordinates):
    """The principal axes of the training images at both ends, eigenbases (SOAP) in between.

    The images are rotated once, before training. The last axes, which together hold less than
    1 - `KEPT_VARIANCE` of the variance, are left out: their inputs get no weight, and their outputs
    keep their mean.

    Attributes:
        residual_variance: variance per pixel off the axes, averaged over the training images.
        mean: the mean image on the 0..1 scale (784,).
        axes: orthonormal rows, by falling variance (k, 784).
    """

    def __init__(self, pca: PCA, weights: list[Variables], tanh_layers: tuple[bool, ...]) -> None:
        """Start from `weights`, which only `to_network` changes.

        Args:
            pca: of the training images.
            weights: kernel and bias of each dense layer.
            tanh_layers: which of them end in tanh.
        """
        kept = axes_to_keep(pca)
        self.mean, self.axes = pca.mean, np.ascontiguousarray(pca.components[:kept])
        self.residual_variance = float(pca.variances[kept:].sum()) / PIXELS
        self._pca = pca
        super().__init__(weights, tanh_layers)

    def images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the images `pixels` (n, 784), pixels 0..255, on the axes (n, k)."""
        return self._pca.codes(pixels, len(self.axes))

    def residual_mse(self, pixels: NDArray[np.uint8], images: NDArray[np.float32]) -> float:
        """Return the mean squared distance from the axes of `pixels` (n, 784), per pixel."""
        squares = np.square(pixels * SCALE - self.mean).sum(dtype=np.float64)
        return float(squares - np.square(images).sum(dtype=np.float64)) / pixels.size

    def basis_sizes(self, shapes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """Return the sizes of each layer's eigenbases: at all sides but the pixels (`soap`)."""
        return soap.basis_sizes(shapes)

    def first_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Return the first layer (784, o), (o,) for inputs on the axes: (k, o), (o,)."""
        import tensorflow as tf

        return tf.matmul(self.axes, kernel), bias + tf.linalg.matvec(kernel, self.mean, True)

    def first_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Undo `first_from_pixels`; directions off the axes have weight 0."""
        import tensorflow as tf

        kernel = tf.matmul(self.axes, kernel, transpose_a=True)
        return kernel, bias - tf.linalg.matvec(kernel, self.mean, True)

    def last_from_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Return the last layer (i, 784), (784,) for outputs on the axes: (i, k), (k,)."""
        import tensorflow as tf

        return (
            tf.matmul(kernel, self.axes, transpose_b=True),
            tf.linalg.matvec(self.axes, bias - self.mean),
        )

    def last_to_pixels(self, kernel: "tf.Tensor", bias: "tf.Tensor") -> Weights:
        """Undo `last_from_pixels`; directions off the axes have their mean."""
        import tensorflow as tf

        return tf.matmul(kernel, self.axes), self.mean + tf.linalg.matvec(self.axes, bias, True)


def _with_hidden_widths(pairs: list[Weights], widths: list[int]) -> list[Weights]:
    """Return the layers with units added to or cut off the hidden ones, to have these widths.

    An added unit has no weights and never gets any: its output is 0, and no gradient reaches it.
    """
    inputs, outputs = [pairs[0][0].shape[0], *widths], [*widths, pairs[-1][0].shape[1]]
    return [
        (_resized(kernel, i, o), _resized(bias, o))
        for (kernel, bias), i, o in zip(pairs, inputs, outputs, strict=True)
    ]


def _resized(x: "tf.Tensor", *shape: int) -> "tf.Tensor":
    """Return x, cut off or continued with zeros, in this shape."""
    import tensorflow as tf

    x = x[tuple(slice(size) for size in shape)]
    return tf.pad(x, [[0, size - there] for size, there in zip(shape, x.shape, strict=True)])


def axes_to_keep(pca: PCA) -> int:
    """Return how many principal axes hold `KEPT_VARIANCE` of the variance."""
    cumulative = np.cumsum(pca.variances)
    return 1 + int(np.searchsorted(cumulative, KEPT_VARIANCE * pca.variances.sum()))
