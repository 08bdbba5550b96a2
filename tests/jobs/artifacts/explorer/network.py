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
from aemodel.latent import Plane, project
from aemodel.settings import Setting, parse_setting
from jobs.artifacts import explorer

PAIRS = [(3, 8), (4, 9), (1, 7)]

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
    html: str

    @property
    def decoder(self) -> Weights:
        """The second half of the layers."""
        return self.weights[len(self.weights) // 2 :]

    def decode(self, codes: Floats) -> Floats:
        """Return the pictures as a screen shows them: clipped to 0..1."""
        return np.clip(forward(self.decoder, codes), 0, 1)


def make_network(
    setting: Setting | str, dataset: Dataset, title: str = "Explorer", count: int = 10_000
) -> Network:
    setting = parse_setting(setting) if isinstance(setting, str) else setting
    weights = glorot(setting)
    images, labels = dataset.x_test[:count], dataset.y_test[:count]
    codes = forward(weights[: len(weights) // 2], images.astype(np.float32) / 255)
    plane = project(codes)
    html = explorer.build(
        title=title,
        weights=weights,
        images=images,
        labels=labels,
        codes=codes,
        plane=plane,
        pairs=PAIRS,
    )
    return Network(setting, weights, images, labels, codes, plane, html)
