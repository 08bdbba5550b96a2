"""What the page stores, read back in numpy: rounded, but never so far that a picture shows it."""

import base64
import itertools
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aemodel.latent import project
from jobs.artifacts.explorer.content import SAMPLE, describe, further_axes
from jobs.artifacts.explorer.encoding import to_fixed_point
from tests.jobs.artifacts.explorer.network import Floats, Network, Weights, forward
from tests.jobs.artifacts.explorer.page import CODE_TOLERANCE, PIXEL_TOLERANCE


def stored(entry: dict[str, Any]) -> Floats:
    """Return the numbers of an entry of the data block, as `decodeFixed` does."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(entry["data"])), np.uint8)
    high, low = np.split(planes.astype(np.float64), 2)
    return np.asarray(entry["offset"] + entry["step"] * (high * 2 ** entry["lowBits"] + low))


@given(
    arrays(np.float32, 7, elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False)),
    st.integers(9, 16),
)
def test_fixed_point_is_within_half_a_step(values: Floats, bits: int) -> None:
    fixed = to_fixed_point(values, bits)
    assert fixed.integers.max() < 2**bits
    read = stored(fixed.encode())
    slack = np.spacing(np.abs(values).max())  # of single precision, in which values are rounded
    assert np.abs(read - values).max() <= fixed.step / 2 + slack
    np.testing.assert_allclose(fixed.values, read, rtol=1e-6, atol=1e-30)


def stored_layers(half: dict[str, Any]) -> Weights:
    """Return the kernels and biases of half a network, as `readLayers` does."""
    layers = []
    for entry, (n_in, n_out) in zip(
        half["layers"], itertools.pairwise(half["widths"]), strict=True
    ):
        kernel, bias = np.split(stored(entry), [n_in * n_out])
        layers.append((kernel.reshape(n_in, n_out), bias))
    return layers


def block_of(network: Network, **changes: Any) -> dict[str, Any]:
    """Return the data block of a network's page, with some arguments changed."""
    arguments: dict[str, Any] = {
        "encoder": network.encoder,
        "decoder": network.decoder,
        "images": network.images,
        "labels": network.labels,
        "codes": network.codes,
        "plane": network.plane,
        "pairs": [],
        "mixture": network.mixture,
        "real_distance": 0.0,
    }
    return describe(**arguments | changes).block


def grown(layers: Weights, gain: float, outlier: float) -> Weights:
    """Return weights that have grown, with lone large ones, as long trainings leave them."""
    larger = [(gain * kernel, bias) for kernel, bias in layers]
    for kernel, _ in larger:
        kernel[0, 0] += outlier
    return larger


@pytest.mark.parametrize("setting", ["1", "3"])
@pytest.mark.parametrize(("gain", "outlier"), [(1, 0), (2, 3)])
def test_pictures_of_all_codes_are_near_the_models(
    networks: dict[str, Network], setting: str, gain: float, outlier: float
) -> None:
    network = networks[setting]
    decoder = grown(network.decoder, gain, outlier)
    block = block_of(network, decoder=decoder)
    pictures = forward(decoder, network.codes)
    codes = stored(block["codes"]).reshape(network.codes.shape)
    difference = np.abs(forward(stored_layers(block["decoder"]), codes) - pictures).max()
    assert 0 < difference <= PIXEL_TOLERANCE
    pixels = network.images / np.float32(255)
    errors = np.square(pictures - pixels).mean(axis=1)[:: len(pixels) // SAMPLE]
    np.testing.assert_allclose(block["errors"], np.sort(errors), rtol=1e-3)


@pytest.mark.parametrize("setting", ["1", "3"])
@pytest.mark.parametrize(("gain", "outlier"), [(1, 0), (2, 1)])
def test_codes_of_all_images_are_near_the_models(
    networks: dict[str, Network], setting: str, gain: float, outlier: float
) -> None:
    network = networks[setting]
    encoder = grown(network.encoder, gain, outlier)
    block = block_of(network, encoder=encoder)
    pixels = network.images / np.float32(255)
    codes = forward(encoder, pixels)
    difference = np.abs(forward(stored_layers(block["encoder"]), pixels) - codes)
    assert 0 < (difference / codes.std(axis=0)).max() <= CODE_TOLERANCE


def test_mixture_is_read_back(networks: dict[str, Network]) -> None:
    mixture = networks["3"].mixture
    entry = block_of(networks["3"])["mixture"]
    np.testing.assert_allclose(entry["weights"], mixture.weights)
    np.testing.assert_allclose(stored(entry["means"]), mixture.means.ravel(), atol=1e-4)
    triangles = stored(entry["triangles"]).reshape(2, -1)
    rows = [mixture.factors[0, 0, :1], mixture.factors[0, 1, :2], mixture.factors[0, 2, :3]]
    np.testing.assert_allclose(triangles[0, :6], np.concatenate(rows), atol=1e-4)
    assert triangles.shape == (2, 64 * 65 / 2)


def test_further_axes_are_those_in_which_codes_vary() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(5000, 5)) * [4, 3, 2, 1, 1e-3]
    axes = further_axes(project(codes))
    assert [axis["name"].split()[0] for axis in axes] == ["3", "4"]
    assert [axis["deviation"] for axis in axes] == pytest.approx([2, 1], rel=0.1)
    np.testing.assert_allclose(
        np.abs([axis["axis"] for axis in axes]), np.eye(5)[[2, 3]], rtol=0, atol=0.1
    )


def test_codes_that_are_all_equal_have_no_further_axes() -> None:
    codes = np.ones((20, 4))
    assert further_axes(project(codes)) == []
