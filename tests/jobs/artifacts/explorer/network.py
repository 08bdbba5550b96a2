"""An untrained network, in numpy, and the explorer's page made of it and of real test images.

The weights have Glorot's variance and, as trained ones have, a peak at zero and long tails, which
decide how short their text is; the output bias is grey. Pixel equality, filters and walks do not
depend on training.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aemodel.data import Dataset
from aemodel.generation import Density
from aemodel.latent import Plane, project
from aemodel.settings import Setting, parse_setting
from jobs.artifacts import explorer

PAIRS = [(3, 8), (4, 9), (1, 7)]

REAL_DISTANCE = 0.03

Floats = NDArray[np.floating]
Weights = list[tuple[Floats, Floats]]


def glorot(setting: Setting, seed: int = 0) -> Weights:
    """Return weights that decode to mid greys, so that few pixels are clipped."""
    rng = np.random.default_rng(seed)
    layers: Weights = []
    for n_in, n_out in itertools.pairwise(setting.layer_widths):
        deviation = np.sqrt(2 / (n_in + n_out))
        kernel = rng.laplace(0, deviation / np.sqrt(2), (n_in, n_out)).astype(np.float32)
        layers.append((kernel, np.zeros(n_out, np.float32)))
    layers[-1][1][:] = 0.5
    return layers


def forward(layers: Weights, values: Floats) -> Floats:
    """Return the outputs of half a network: tanh after all layers but the last."""
    for kernel, bias in layers[:-1]:
        values = np.tanh(values @ kernel + bias)
    kernel, bias = layers[-1]
    return values @ kernel + bias


@dataclass(frozen=True, eq=False)
class Network:
    """A network, the test images and their codes, and the page made of them."""

    setting: Setting
    weights: Weights
    images: NDArray[np.uint8]
    labels: NDArray[np.integer]
    codes: Floats
    plane: Plane
    mixture: Density
    html: str

    @property
    def encoder(self) -> Weights:
        """The first half of the layers."""
        return self.weights[: len(self.weights) // 2]

    @property
    def decoder(self) -> Weights:
        """The second half of the layers."""
        return self.weights[len(self.weights) // 2 :]

    def decode(self, codes: Floats) -> Floats:
        """Return the pictures as a screen shows them: clipped to 0..1."""
        return np.clip(forward(self.decoder, codes), 0, 1)

    def encode(self, pixels: Floats) -> Floats:
        """Return the codes of images on the scale 0..1."""
        return forward(self.encoder, pixels)


def mixture_of(codes: Floats) -> Density:
    """Return two Gaussians: of the codes before and after the median of their first number."""
    first = codes[:, 0]
    halves = [codes[first < np.median(first)], codes[first >= np.median(first)]]
    means = np.stack([half.mean(axis=0, dtype=np.float64) for half in halves])
    covariances = np.stack([np.atleast_2d(np.cov(half, rowvar=False)) for half in halves])
    factors = np.linalg.cholesky(covariances + 1e-9 * np.eye(codes.shape[1]))
    return Density(np.array([0.5, 0.5]), means, factors.astype(np.float64), held_out=0.0)


def make_network(
    setting: Setting | str, dataset: Dataset, title: str = "Explorer", count: int = 10_000
) -> Network:
    setting = parse_setting(setting) if isinstance(setting, str) else setting
    weights = glorot(setting)
    images, labels = dataset.x_test[:count], dataset.y_test[:count]
    codes = forward(weights[: len(weights) // 2], images.astype(np.float32) / 255)
    plane, mixture = project(codes), mixture_of(codes)
    html = explorer.build(
        title=title,
        weights=weights,
        images=images,
        labels=labels,
        codes=codes,
        plane=plane,
        pairs=PAIRS,
        mixture=mixture,
        real_distance=REAL_DISTANCE,
    )
    return Network(setting, weights, images, labels, codes, plane, mixture, html)
