"""Properties of the network, for the assignment's three settings and a custom one."""

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from aemodel.data import Dataset
from aemodel.network import Autoencoder, build_autoencoder
from aemodel.settings import Setting, parse_setting

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=["1", "2", "3", "96-40-5"])
def setting(request: pytest.FixtureRequest) -> Setting:
    return parse_setting(request.param)


@pytest.fixture(scope="module")
def network(setting: Setting, one_thread: None) -> Autoencoder:
    return build_autoencoder(setting, seed=7)


@pytest.fixture(scope="module")
def pixels(dataset: Dataset) -> NDArray[np.float32]:
    return dataset.x_test[:50].astype(np.float32) / np.float32(255)


def test_layers(network: Autoencoder, setting: Setting) -> None:
    kernels = [kernel for kernel, _ in network.weights()]
    biases = [bias for _, bias in network.weights()]
    assert [k.shape for k in kernels] == list(pairwise(setting.layer_widths))
    assert [b.shape for b in biases] == [(width,) for width in setting.layer_widths[1:]]
    activations = [layer.activation.__name__ for layer in network.dense_layers]
    assert activations == ["tanh", "tanh", "linear", "tanh", "tanh", "linear"]


def test_parameters_are_those_of_the_setting(network: Autoencoder, setting: Setting) -> None:
    assert network.autoencoder.count_params() == setting.parameter_count
    assert len(network.autoencoder.trainable_weights) == 12
    assert all(weight.dtype == "float32" for weight in network.autoencoder.weights)


def test_weights_start_glorot_uniform_and_biases_zero(network: Autoencoder) -> None:
    for kernel, bias in network.weights():
        bound = np.sqrt(6 / sum(kernel.shape))
        assert 0.95 < np.abs(kernel).max() / bound < 1 + 1e-6
        assert kernel.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
        assert not bias.any()


def test_the_autoencoder_is_the_decoder_after_the_encoder(
    network: Autoencoder, setting: Setting, pixels: NDArray[np.float32]
) -> None:
    codes = network.encoder(pixels)
    assert codes.shape == (50, setting.latent_size)
    decoded = np.asarray(network.decoder(codes))
    assert decoded.shape == (50, 784)
    np.testing.assert_array_equal(network.autoencoder(pixels), decoded)


def test_the_maths_of_the_module(network: Autoencoder, pixels: NDArray[np.float32]) -> None:
    (w1, b1), (w2, b2), (w3, b3), (w4, b4), (w5, b5), (w6, b6) = network.weights()
    code = np.tanh(np.tanh(pixels @ w1 + b1) @ w2 + b2) @ w3 + b3
    decoded = np.tanh(np.tanh(code @ w4 + b4) @ w5 + b5) @ w6 + b6
    np.testing.assert_allclose(network.autoencoder(pixels), decoded, atol=1e-5)


def test_the_parts_are_reachable_by_name(network: Autoencoder) -> None:
    assert network.autoencoder.get_layer("encoder") is network.encoder
    assert network.autoencoder.get_layer("decoder") is network.decoder


def test_the_seed_decides_the_weights(network: Autoencoder, setting: Setting) -> None:
    again, other = build_autoencoder(setting, seed=7), build_autoencoder(setting, seed=8)
    for (kernel, _), (same, _), (different, _) in zip(
        network.weights(), again.weights(), other.weights(), strict=True
    ):
        np.testing.assert_array_equal(kernel, same)
        assert not np.isclose(kernel, different).all()


def test_layers_of_one_shape_differ(network: Autoencoder) -> None:
    first, last = network.weights()[0][0], network.weights()[5][0]
    assert not np.isclose(first, last.T).all()


def test_saved_and_loaded_it_is_the_same(
    network: Autoencoder, pixels: NDArray[np.float32], tmp_path: Path
) -> None:
    network.autoencoder.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(pixels), network.autoencoder(pixels))
    codes = loaded.get_layer("encoder")(pixels)
    np.testing.assert_array_equal(codes, network.encoder(pixels))
