"""Drawing: with mouse, finger and keys; its preparation, code, place, error and neighbours."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from aemodel.data import Dataset
from tests.jobs.artifacts.explorer.network import Network, forward
from tests.jobs.artifacts.explorer.page import SEVEN, Open, Page, assert_same_pixels
from tests.jobs.artifacts.explorer.preparation import prepare

GREY_STEP = 1 / 255


def ink(page: Page) -> NDArray[np.uint8]:
    return np.rint(page.pixels("square")[:, :, 0] * 255).astype(np.uint8)


@pytest.mark.parametrize("setting", ["1", "3"])
def test_drawing_is_prepared_encoded_and_decoded_as_in_python(
    networks: dict[str, Network], open_file: Open, setting: str
) -> None:
    network = networks[setting]
    page = open_file(network)
    page.find("draw-tab").click()
    assert not page.find("use-end").is_enabled()
    page.draw(SEVEN)
    image = page.picture("prepared")
    wanted = prepare(ink(page)).ravel() / 255
    assert 30 < np.count_nonzero(wanted) < 300
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1.01 * GREY_STEP)
    assert np.mean(image != wanted) < 0.01

    pixels = image.astype(np.float32)
    code = network.encode(pixels)
    picture = forward(network.decoder, code)
    assert_same_pixels(page.picture("copy"), np.clip(picture, 0, 1))
    page.tap("use-end")
    assert_same_pixels(page.last_step(), np.clip(picture, 0, 1))

    error = np.square(picture - pixels).mean()
    test_pixels = network.images[::10] / np.float32(255)
    errors = np.square(forward(network.decoder, network.codes[::10]) - test_pixels).mean(axis=1)
    share = np.mean(errors < error)
    said = [float(number) for number in re.findall(r"[0-9.]*[0-9]", page.find("verdict").text)]
    assert said == pytest.approx([error, 100 * share, 100], abs=1)
    assert said[0] == pytest.approx(error, abs=1e-3)
    nearest = np.argsort(np.square(network.codes - code).sum(axis=1))[:5]
    shown = page.find("neighbours").text.split()
    assert shown == [str(digit) for digit in network.labels[nearest]]
    assert page.complaints() == []


def test_place_of_the_drawing_is_marked(networks: dict[str, Network], open_file: Open) -> None:
    network = networks["1"]
    page = open_file(network)
    page.find("draw-tab").click()
    page.settle()
    before = page.pixels("map")
    page.draw(SEVEN)
    code = network.encode(page.picture("prepared").astype(np.float32))
    page.settle()
    after = page.pixels("map")
    accent = np.array([180, 67, 15, 255]) / 255
    marked = (np.abs(after - accent).max(axis=2) < 0.02) & (np.abs(after - before).max(axis=2) > 0)
    rows, columns = np.nonzero(marked)
    assert len(rows) > 20
    chart = page.find("map").size
    x = round(columns.mean() - chart["width"] / 2)
    y = round(rows.mean() - chart["height"] / 2)
    page.driver.execute_script("window.scrollTo(0, 0)")
    page.point(x, y).click().perform()  # shows the pictures of the place, and lets go if held
    page.find("map").send_keys(Keys.ESCAPE)
    page.point(x, y).perform()
    scale = float(np.ptp(network.plane.xy, axis=0).max()) / min(chart["width"], chart["height"])
    assert page.place() == pytest.approx(code.tolist(), abs=3 * scale)
    page.find("draw-tab").click()
    page.tap("square-undo")
    page.settle()
    assert page.find("verdict-title").text == "Draw a digit, then a letter."
    assert not page.find("use-end").is_enabled()


def test_drawing_with_a_finger(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])
    page.find("draw-tab").click()
    box = page.find("square").rect

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        page.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": places}
        )

    touch("touchStart", (40, 40))
    touch("touchMove", (150, 40))
    touch("touchEnd")
    page.settle()
    drawn = ink(page)
    scale = 280 / box["width"]
    across = np.flatnonzero(drawn[round(40 * scale)] == 255)
    assert across[0] == pytest.approx(40 * scale - 11, abs=2)
    assert across[-1] == pytest.approx(150 * scale + 11, abs=2)
    assert page.find("verdict").text.startswith("Error")


def test_keys_alone(networks: dict[str, Network], open_file: Open) -> None:
    network = networks["1"]
    page = open_file(network)
    index = page.nearest()
    page.find("look-tab").send_keys(Keys.ARROW_RIGHT)
    page.find("take-image").send_keys(Keys.ENTER)
    square = page.find("square")
    WebDriverWait(page.driver, 60).until(
        lambda _: "of 100 test images" in str(page.find("announcer").get_attribute("textContent"))
    )
    image = page.picture("prepared")
    real = network.images[index] / 255
    np.testing.assert_allclose(image, real, rtol=0, atol=1 / 14 + GREY_STEP)
    square.send_keys(Keys.ARROW_LEFT, Keys.ARROW_DOWN)
    np.testing.assert_array_equal(page.picture("prepared"), image)
    page.find("fit-drawing").send_keys(Keys.SPACE)
    moved = np.roll(image.reshape(28, 28), (1, -1), axis=(0, 1))
    np.testing.assert_array_equal(page.picture("prepared"), moved.ravel())
    amounts = [ink(page).sum(dtype=float)]
    for keys in ("t", "nn"):
        square.send_keys(keys)
        amounts.append(ink(page).sum(dtype=float))
    assert amounts[1] > 1.05 * amounts[0] > amounts[0] > 1.05 * amounts[2]
    before = ink(page)
    square.send_keys("r")
    assert (ink(page) != before).any()
    square.send_keys("z")
    np.testing.assert_array_equal(ink(page), before)
    square.send_keys(Keys.DELETE)
    assert not ink(page).any()
    assert not page.find("use-start").is_enabled()


def test_walk_follows_the_drawing(networks: dict[str, Network], open_file: Open) -> None:
    network = networks["1"]
    page = open_file(network)
    page.find("draw-tab").click()
    page.draw(SEVEN)
    page.tap("use-end")
    first = page.last_step()
    page.draw([(-60, 0), (60, 0)])
    assert_same_pixels(page.last_step(), page.picture("copy"))
    assert np.abs(page.last_step() - first).max() > 0


def test_preparation_leaves_mnists_own_images_as_they_are(dataset: Dataset) -> None:
    for image in dataset.x_test[:500].reshape(-1, 28, 28):
        np.testing.assert_array_equal(prepare(image), image)
