"""The map: legend, mouse, keyboard and touch."""

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.jobs.artifacts.explorer.network import Network
from tests.jobs.artifacts.explorer.page import Open, Page


def test_legend_filters(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])
    legend = page.buttons("legend")
    assert [button.text for button in legend] == list("0123456789")
    all_dots = page.dots()
    legend[1].click()
    assert legend[1].get_attribute("aria-pressed") == "false"
    assert 0 < page.dots() < all_dots
    ActionChains(page.driver).key_down(Keys.SHIFT).click(legend[7]).key_up(Keys.SHIFT).perform()
    for x in (-200, 0, 200):
        page.point(x, 0).perform()
        assert page.network.labels[page.nearest()] == 7
    page.find("legend-none").click()
    assert page.dots() == 0
    assert page.find("test-image-text").text == "no digit is shown"
    assert not page.find("use-start").is_enabled()
    page.find("legend-all").click()
    assert page.dots() == all_dots


def test_held_image_that_the_legend_hides_is_let_go(
    networks: dict[str, Network], open_file: Open
) -> None:
    page = open_file(networks["1"])
    digit = page.network.labels[page.hold_an_image()]
    legend = page.buttons("legend")
    legend[digit - 1].click()
    assert page.find("pinned").is_displayed()
    legend[digit].click()
    assert not page.find("pinned").is_displayed()
    assert page.network.labels[page.nearest()] != digit


def test_zoom_and_pan_by_mouse(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])
    page.settle()
    whole = page.pixels("dots")
    page.point(120, 40).perform()
    under_mouse = page.place()
    mouse = ScrollOrigin.from_element(page.find("map"), 120, 40)
    ActionChains(page.driver).scroll_from_origin(mouse, 0, -600).perform()
    page.point(0, 0).perform()
    assert page.place() != pytest.approx(under_mouse, abs=0.011)
    page.point(120, 40).perform()
    assert page.place() == pytest.approx(under_mouse, abs=0.011)
    page.point(120, 40).click_and_hold().move_by_offset(-50, 20).release().perform()
    page.point(70, 60).perform()
    assert page.place() == pytest.approx(under_mouse, abs=0.011)
    assert not page.find("pinned").is_displayed()
    page.find("zoom-all").click()
    page.settle()
    np.testing.assert_array_equal(page.pixels("dots"), whole)


def test_keyboard_alone(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])
    page.find("zoom-all").send_keys(Keys.SHIFT, Keys.TAB)
    chart = page.find("map")
    x, y = page.place()
    chart.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.place()[0] > x
    chart.send_keys(Keys.ARROW_UP)
    assert page.place()[1] > y
    chart.send_keys("+", "+", Keys.ENTER)
    assert page.find("pinned").is_displayed()
    held = page.nearest()
    assert page.place() == pytest.approx(page.network.plane.xy[held], abs=0.006)
    page.point(200, 100).perform()
    assert page.nearest() == held
    chart.send_keys(Keys.ESCAPE)
    assert not page.find("pinned").is_displayed()
    WebDriverWait(page.driver, 60).until(
        lambda _: f"number {held}" in str(page.find("announcer").get_attribute("textContent"))
    )
    chart.send_keys(*[Keys.ARROW_LEFT] * 5)
    assert page.nearest() != held


def touch(page: Page, kind: str, *points: tuple[float, float]) -> None:
    box = page.find("map").rect
    page.driver.execute_cdp_cmd(
        "Input.dispatchTouchEvent",
        {
            "type": kind,
            "touchPoints": [
                {"x": box["x"] + x, "y": box["y"] + y, "id": i} for i, (x, y) in enumerate(points)
            ],
        },
    )


def test_touch(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])

    def place_of_finger(x: float, y: float) -> list[float]:
        touch(page, "touchStart", (x, y))
        touch(page, "touchMove", (x + 20, y))
        touch(page, "touchEnd")
        return page.place()

    def width() -> float:
        return place_of_finger(400, 200)[0] - place_of_finger(200, 200)[0]

    whole = width()
    touch(page, "touchStart", (300, 200))
    touch(page, "touchStart", (300, 200), (340, 200))
    touch(page, "touchMove", (280, 200), (360, 200))
    touch(page, "touchEnd")
    assert width() == pytest.approx(whole / 2, rel=0.05)
    box = page.find("map").rect
    assert not page.find("pinned").is_displayed()
    touch(page, "touchStart", (box["width"] / 2, box["height"] / 2))
    touch(page, "touchEnd")
    assert page.find("pinned").is_displayed()
