"""The pictures that the page decodes are those of the same network in numpy."""

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from aemodel.data import Dataset
from aemodel.settings import Setting
from tests.jobs.artifacts.explorer.network import Network, make_network
from tests.jobs.artifacts.explorer.page import Open, assert_same_pixels


@pytest.mark.parametrize("setting", ["1", "3"])
def test_reconstructions_of_test_images(
    networks: dict[str, Network], open_file: Open, setting: str
) -> None:
    page = open_file(networks[setting])
    for x, y in ((-150, 30), (40, -60), (200, 90)):
        page.point(x, y).perform()
        index = page.nearest()
        assert str(page.network.labels[index]) == page.find("test-image-text").text[-1]
        assert_same_pixels(
            page.picture("reconstruction"), page.network.decode(page.network.codes[index])
        )
        grey_step = 1 / 7
        shown, real = page.picture("test-image"), page.network.images[index] / 255
        np.testing.assert_allclose(shown, real, rtol=0, atol=grey_step / 2 + 1 / 255)
    assert page.complaints() == []


@pytest.mark.parametrize("setting", ["1", "3"])
def test_decoder_draws_the_place_under_the_cross(
    networks: dict[str, Network], open_file: Open, setting: str
) -> None:
    page = open_file(networks[setting])
    index = page.hold_an_image()
    assert page.place() == pytest.approx(page.network.plane.xy[index], abs=0.006)
    if page.network.setting.latent_size > 2:
        page.find("sliders-reset").click()
    plane = page.network.plane
    code = plane.xy[index] @ plane.components + plane.mean
    assert_same_pixels(page.picture("place-picture"), page.network.decode(code))


def test_live_decoding_follows_the_mouse(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])
    pictures = []
    for x in (-200, 0, 200):
        page.point(x, 0).perform()
        pictures.append(page.picture("place-picture"))
        code = np.array(page.place(), np.float32)  # two decimals of a plane some units wide
        np.testing.assert_allclose(pictures[-1], page.network.decode(code), rtol=0, atol=0.02)
    assert np.abs(pictures[0] - pictures[2]).max() > 0.05


def test_sliders_move_along_further_principal_components(
    networks: dict[str, Network], open_file: Open
) -> None:
    network = networks["3"]
    page = open_file(network)
    index = page.hold_an_image()
    sliders = page.find("sliders").find_elements(By.TAG_NAME, "input")
    centred = network.codes.astype(np.float64) - network.plane.mean
    variances = np.linalg.eigvalsh(centred.T @ centred / len(centred))[::-1]
    assert len(sliders) == 8
    assert f"{variances[2] / variances.sum():.0%}" in page.find("sliders").text.splitlines()[0]
    # Holding an image gave the sliders its values; ten of 64 components come near its own picture.
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :10]
    code = (centred[index] @ axes @ axes.T + network.plane.mean).astype(np.float32)
    assert_same_pixels(page.picture("place-picture"), network.decode(code))
    page.find("sliders-reset").click()
    before = page.picture("place-picture")
    sliders[0].send_keys(Keys.END)
    assert page.find("sliders").text.splitlines()[1] == "3.0 \N{GREEK SMALL LETTER SIGMA}"
    assert np.abs(page.picture("place-picture") - before).max() > 0.05


@pytest.mark.parametrize("widths", [(32, 16, 1), (3,), (40, 2), (50, 40, 30, 6)], ids=str)
def test_any_number_of_layers_and_latent_dimensions(
    dataset: Dataset, open_file: Open, widths: tuple[int, ...]
) -> None:
    page = open_file(make_network(Setting("custom", widths), dataset, count=1000))
    index = page.hold_an_image()
    assert_same_pixels(
        page.picture("reconstruction"), page.network.decode(page.network.codes[index])
    )
    # Up to ten dimensions are all on the map and the sliders.
    assert_same_pixels(page.picture("place-picture"), page.picture("reconstruction"))
    assert page.complaints() == []
