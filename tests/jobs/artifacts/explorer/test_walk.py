"""The walk between two codes: presets, test images, strips, and ends taken from the map."""

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from aemodel.latent import class_means, interpolate
from tests.jobs.artifacts.explorer.network import PAIRS, Network, forward
from tests.jobs.artifacts.explorer.page import Open, assert_same_pixels


@pytest.mark.parametrize("setting", ["1", "3"])
def test_presets_walk_between_mean_codes(
    networks: dict[str, Network], open_file: Open, setting: str
) -> None:
    page = open_file(networks[setting])
    means = class_means(page.network.codes, page.network.labels)
    presets = page.buttons("presets")
    assert [button.text for button in presets] == ["3 → 8", "4 → 9", "1 → 7"]
    for button, (a, b) in zip(presets, PAIRS, strict=True):
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert_same_pixels(
            page.steps("path-strip"), page.network.decode(interpolate(means[a], means[b]))
        )
        ends = forward(page.network.weights[3:], means[[a, b]])
        assert_same_pixels(page.steps("blend-strip"), np.clip(interpolate(*ends), 0, 1))


def test_walk_between_two_test_images(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["3"])
    for name, index in (("start", "17"), ("end", "9999")):
        Select(page.find(f"{name}-choice")).select_by_visible_text("test image")
        page.find(f"{name}-index").clear()
        page.find(f"{name}-index").send_keys(index)
    page.find("position").send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 3)
    assert page.find("fraction").text == "0.03"
    start, end = page.network.codes[[17, 9999]]
    assert_same_pixels(page.picture("path-picture"), page.network.decode(0.97 * start + 0.03 * end))
    first, last = forward(page.network.weights[3:], page.network.codes[[17, 9999]])
    assert_same_pixels(page.picture("blend-picture"), np.clip(0.97 * first + 0.03 * last, 0, 1))


def test_dragging_on_the_strips_moves_the_position(
    networks: dict[str, Network], open_file: Open
) -> None:
    page = open_file(networks["1"])
    strips = page.find("strips")
    page.driver.execute_script("arguments[0].scrollIntoView()", strips)
    end = strips.size["width"] // 2 - 4
    ActionChains(page.driver, duration=20).click_and_hold(strips).move_by_offset(end, 0).perform()
    assert page.find("fraction").text == "1.00"
    ActionChains(page.driver).release().perform()
    assert_same_pixels(page.picture("path-picture"), page.steps("path-strip")[10])


def test_image_on_the_map_becomes_an_end_of_the_walk(
    networks: dict[str, Network], open_file: Open
) -> None:
    page = open_file(networks["1"])
    index = page.hold_an_image()
    page.find("use-start").click()
    page.find("map").send_keys("b")
    for name in ("start", "end"):
        assert page.find(f"{name}-index").get_attribute("value") == str(index)
    expected = page.network.decode(page.network.codes[index])
    assert_same_pixels(page.steps("path-strip"), np.tile(expected, (11, 1)))
