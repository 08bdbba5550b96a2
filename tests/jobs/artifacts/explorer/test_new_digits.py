"""New digits drawn from the mixture, and the density behind the map."""

import numpy as np
import pytest
from numpy.typing import NDArray
from selenium.webdriver.common.keys import Keys

from tests.jobs.artifacts.explorer.network import REAL_DISTANCE, Network
from tests.jobs.artifacts.explorer.page import Open, Page, assert_same_pixels


@pytest.mark.parametrize("setting", ["1", "3"])
def test_new_digits_and_their_nearest_test_images(
    networks: dict[str, Network], open_file: Open, setting: str
) -> None:
    network = networks[setting]
    page = open_file(network)
    page.find("new-tab").click()
    assert str(REAL_DISTANCE) in page.find("new").text
    buttons = page.buttons("new-digits")
    assert len(buttons) == 15
    stored = np.rint(network.images * (7 / 255)) / 7
    for button in buttons[2:4]:
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        picture = page.picture("new-picture")
        distances = np.square(stored - picture).mean(axis=1)
        assert float(button.text) == pytest.approx(distances.min(), abs=1e-3)
        index = int(page.find("new-nearest-text").text.split()[1].rstrip(","))
        # A canvas has 256 levels of grey, so that another image may be as near to what it shows.
        assert distances[index] == pytest.approx(distances.min(), abs=1e-4)
        page.tap("use-end")
        assert_same_pixels(page.last_step(), picture)
    # Drawn at random, the next digit may happen to be all but the same.
    assert any(is_new_digit(page, picture) for _ in range(5))
    assert page.complaints() == []


def is_new_digit(page: Page, before: NDArray[np.floating]) -> bool:
    """Draw codes, and return whether the picture is another one than before."""
    page.tap("draw-codes")
    return bool(np.abs(page.picture("new-picture") - before).max() > 0.01)


def test_cross_goes_to_a_new_digit(networks: dict[str, Network], open_file: Open) -> None:
    network = networks["1"]
    page = open_file(network)
    page.find("look-tab").send_keys(Keys.END)
    picture = page.picture("new-picture")
    page.find("new-tab").send_keys(Keys.HOME)
    np.testing.assert_array_equal(page.picture("place-picture"), picture)
    decoded = network.decode(np.array(page.place(), np.float32))
    np.testing.assert_allclose(picture, decoded, rtol=0, atol=0.02)


def test_density_is_shaded_on_a_plane_of_two_dimensions(
    networks: dict[str, Network], open_file: Open
) -> None:
    page = open_file(networks["1"])
    page.settle()
    shade = page.pixels("grid")[:, :, 3]
    middle = shade[shade.shape[0] // 2, shade.shape[1] // 2]
    assert page.find("density-key").is_displayed()
    assert middle > 0.4 > 0.2 > shade[2, 2]
    page = open_file(networks["3"])
    assert not page.find("density-key").is_displayed()
