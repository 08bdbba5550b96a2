"""The autoencoder: encoder f, decoder g, and their composition g(f(x)).

    h1 = tanh(x W1 + b1)     h2 = tanh(h1 W2 + b2)     z  = h2 W3 + b3      latent code
    h4 = tanh(z W4 + b4)     h5 = tanh(h4 W5 + b5)     x' = h5 W6 + b6      reconstruction

with three widths, and likewise with any other number. x is a row of 784 pixels on the 0..1 scale.
Weights start Glorot-uniform (Glorot & Bengio 2010, "Understanding the difficulty of training deep
feedforward neural networks"), biases at zero.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aemodel.settings import PIXELS, Setting

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Three Keras models over the same weights."""

    encoder: "keras.Model"
    """(n, 784) pixels on the 0..1 scale -> (n, d) latent codes."""
    decoder: "keras.Model"
    """(n, d) latent codes -> (n, 784) reconstructions, not clipped to 0..1."""
    autoencoder: "keras.Model"
    """decoder(encoder(x)); its layers named `encoder` and `decoder` are the two above."""

    @property
    def dense_layers(self) -> "list[keras.layers.Dense]":
        """The dense layers, from the input to the output."""
        layers = [*self.encoder.layers, *self.decoder.layers]
        return [layer for layer in layers if layer.weights]

    def weights(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return (kernel, bias) of the dense layers; kernels have shape (inputs, outputs)."""
        return [(np.asarray(layer.kernel), np.asarray(layer.bias)) for layer in self.dense_layers]


def build_autoencoder(setting: Setting, seed: int) -> Autoencoder:
    """Return the network of `setting` with the initial weights that `seed` gives."""
    import keras

    seeds = iter(np.random.SeedSequence([seed, 1]).generate_state(len(setting.tanh_layers)))

    def dense(width: int, index: int) -> "keras.layers.Dense":
        return keras.layers.Dense(
            width,
            activation="tanh" if setting.tanh_layers[index] else None,
            kernel_initializer=keras.initializers.GlorotUniform(seed=int(next(seeds))),
            name=f"dense_{index + 1}",
        )

    def stack(name: str, inputs: int, first: int, widths: tuple[int, ...]) -> "keras.Model":
        x = outputs = keras.Input((inputs,), name=f"{name}_input")
        for offset, width in enumerate(widths):
            outputs = dense(width, first + offset)(outputs)
        return keras.Model(x, outputs, name=name)

    depth = len(setting.widths)
    encoder = stack("encoder", PIXELS, 0, setting.layer_widths[1 : depth + 1])
    decoder = stack("decoder", setting.latent_size, depth, setting.layer_widths[depth + 1 :])
    pixels = keras.Input((PIXELS,), name="pixels")
    autoencoder = keras.Model(pixels, decoder(encoder(pixels)), name="autoencoder")
    return Autoencoder(encoder, decoder, autoencoder)
