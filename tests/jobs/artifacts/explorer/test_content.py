"""What the page stores, read back in numpy: rounded, but never so far that a picture shows it."""

import base64
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aemodel.latent import project
from jobs.artifacts.explorer.content import describe, further_axes
from jobs.artifacts.explorer.encoding import to_fixed_point
from tests.jobs.artifacts.explorer.network import Floats, Network, forward
from tests.jobs.artifacts.explorer.page import PIXEL_TOLERANCE


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
    slack = 1e-9 * np.abs(values).max()
    assert np.abs(read - values).max() <= fixed.step / 2 + slack
    np.testing.assert_allclose(fixed.values, read, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("setting", ["1", "3"])
@pytest.mark.parametrize(("gain", "outlier"), [(1, 0), (2, 3)])
def test_pictures_of_all_codes_are_near_the_models(
    networks: dict[str, Network], setting: str, gain: float, outlier: float
) -> None:
    """Weights that have grown, and lone large ones, as long trainings leave them."""
    network = networks[setting]
    decoder = [(gain * kernel, bias) for kernel, bias in network.decoder]
    for kernel, _ in decoder:
        kernel[0, 0] += outlier
    block = describe(
        decoder, network.images, network.labels, network.codes, network.plane, []
    ).block
    widths = zip(block["widths"], block["widths"][1:], strict=False)
    layers = [
        np.split(stored(entry), [n_in * n_out])
        for entry, (n_in, n_out) in zip(block["layers"], widths, strict=True)
    ]
    shaped = [
        (kernel.reshape(exact.shape), bias)
        for (kernel, bias), (exact, _) in zip(layers, decoder, strict=True)
    ]
    codes = stored(block["codes"]).reshape(network.codes.shape)
    difference = np.abs(forward(shaped, codes) - forward(decoder, network.codes)).max()
    assert 0 < difference <= PIXEL_TOLERANCE


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
