"""An open page of the explorer, as a reader meets it, and its pixels read back."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.jobs.artifacts.explorer.network import Network
from tests.support.browser import console_messages

PIXEL_TOLERANCE = 1e-2
"""How far a decoded pixel may be from the model's, on the scale 0..1."""

CODE_TOLERANCE = 1e-2
"""How far a code may be from the model's, in standard deviations of the codes."""

SEVEN = [(-50, -60), (50, -60), (0, 20), (-25, 70)]
"""Corners of a 7, in pixels from the middle of the square."""

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Page:
    """An open explorer, as a reader meets it."""

    driver: webdriver.Chrome
    network: Network

    def find(self, element_id: str) -> WebElement:
        return self.driver.find_element(By.ID, element_id)

    def buttons(self, group_id: str) -> list[WebElement]:
        return list(self.find(group_id).find_elements(By.TAG_NAME, "button"))

    def pixels(self, canvas_id: str) -> Floats:
        """Return what a canvas shows, (rows, columns, red green blue alpha), 0..1."""
        url = self.driver.execute_script("return arguments[0].toDataURL()", self.find(canvas_id))
        with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as image:
            return np.asarray(image.convert("RGBA"), dtype=np.float64) / 255

    def picture(self, canvas_id: str) -> Floats:
        return self.pixels(canvas_id)[:, :, 0].ravel()

    def steps(self, canvas_id: str) -> Floats:
        """Return the eleven pictures of a strip, (11, 784)."""
        red = self.pixels(canvas_id)[:, :, 0]
        return np.stack([red[:, 30 * i : 30 * i + 28].ravel() for i in range(11)])

    def dots(self) -> int:
        """Return how many pixels of the map are coloured, rather than grey or empty."""
        self.settle()
        pixels = self.pixels("dots")
        coloured = np.ptp(pixels[:, :, :3], axis=2) > 0.25
        return int((coloured & (pixels[:, :, 3] > 0.5)).sum())

    def nearest(self) -> int:
        return int(self.find("test-image-text").text.split()[1].rstrip(","))

    def place(self) -> list[float]:
        text = self.find("place-text").text.removeprefix("at ").replace("\N{MINUS SIGN}", "-")
        return [float(number) for number in text.split(",")]

    def point(self, x: int, y: int) -> ActionChains:
        """Return the action of moving the mouse there, from the middle of the map."""
        return ActionChains(self.driver, duration=20).move_to_element_with_offset(
            self.find("map"), x, y
        )

    def hold_an_image(self) -> int:
        """Hold the test image nearest to the middle of the map; return its number."""
        self.point(0, 0).perform()
        self.find("map").send_keys(Keys.ENTER)
        return self.nearest()

    def draw(self, corners: list[tuple[int, int]]) -> None:
        """Draw lines in the square with the mouse."""
        square = self.find("square")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", square)
        pen = ActionChains(self.driver, duration=10)
        pen.move_to_element_with_offset(square, *corners[0]).click_and_hold()
        for corner in corners[1:]:
            pen.move_to_element_with_offset(square, *corner)
        pen.release().perform()
        self.settle()

    def tap(self, element_id: str) -> None:
        """Click a button, wherever the page has scrolled."""
        self.driver.execute_script(
            "arguments[0].scrollIntoView({block: 'center'})", self.find(element_id)
        )
        self.find(element_id).click()

    def last_step(self) -> Floats:
        """Return the picture at the end of the walk."""
        return np.asarray(self.steps("path-strip")[-1])

    def settle(self) -> None:
        """Wait for the next frame to be drawn."""
        self.driver.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )

    def complaints(self) -> list[str]:
        return console_messages(self.driver)


Open = Callable[[Network], Page]


def wait_until_ready(driver: webdriver.Chrome) -> None:
    WebDriverWait(driver, 60, poll_frequency=0.05).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, "body[data-state=ready]")
    )


def assert_same_pixels(shown: Floats, expected: Floats) -> None:
    np.testing.assert_allclose(shown, expected, rtol=0, atol=PIXEL_TOLERANCE)
