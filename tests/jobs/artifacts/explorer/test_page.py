"""The page as a whole: its size, what it refuses, where it runs, and how it looks there."""

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from aemodel.data import Dataset
from jobs.artifacts import explorer
from tests.jobs.artifacts.explorer.network import PAIRS, REAL_DISTANCE, Network, make_network
from tests.jobs.artifacts.explorer.page import SEVEN, Floats, Open, assert_same_pixels


@pytest.mark.parametrize(
    ("setting", "limit"), [("1", 2_000_000), ("2", 3_500_000), ("3", 7_000_000)]
)
def test_page_is_small(networks: dict[str, Network], setting: str, limit: int) -> None:
    """Trained weights and codes take less than these: 4.0 MB in setting 3."""
    assert len(networks[setting].html.encode()) <= limit


def test_building_again_gives_the_same_page(networks: dict[str, Network], dataset: Dataset) -> None:
    assert make_network("1", dataset).html == networks["1"].html


def test_works_in_a_frame_that_forbids_all_but_scripts(
    networks: dict[str, Network], open_framed: Open
) -> None:
    page = open_framed(networks["3"])
    try:
        assert page.driver.execute_script("return origin") == "null"
        index = page.hold_an_image()
        assert_same_pixels(
            page.picture("reconstruction"), page.network.decode(page.network.codes[index])
        )
        assert page.dots() > 1000
        page.tap("draw-tab")
        page.draw(SEVEN)
        code = page.network.encode(page.picture("prepared").astype(np.float32))
        assert_same_pixels(page.picture("copy"), page.network.decode(code))
        page.tap("new-tab")
        assert all(float(button.text) > 0 for button in page.buttons("new-digits"))
        assert page.complaints() == []
    finally:
        page.driver.switch_to.default_content()


@pytest.mark.parametrize(("window_width", "window_height"), [(360, 740), (600, 640), (800, 560)])
def test_fits_phones_and_small_frames(
    networks: dict[str, Network], open_file: Open, window_width: int, window_height: int
) -> None:
    page = open_file(networks["3"])
    size = {"width": window_width, "height": window_height}
    metrics = {**size, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        width = page.driver.execute_script("return document.documentElement.scrollWidth")
        assert width <= window_width
        picture = page.find("reconstruction").rect
        assert picture["y"] + picture["height"] <= window_height, (
            "map and pictures are not in sight together"
        )
        for tab in ("draw-tab", "new-tab"):
            page.find(tab).click()
            width = page.driver.execute_script("return document.documentElement.scrollWidth")
            assert width <= window_width
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_follows_the_dark_theme(networks: dict[str, Network], open_file: Open) -> None:
    page = open_file(networks["1"])

    def shown_in(scheme: str) -> tuple[float, Floats]:
        """Return the brightness of the text and the map's grid."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        page.settle()
        colour = page.driver.find_element(By.TAG_NAME, "h1").value_of_css_property("color")
        return float(colour.split("(")[1].split(",")[0]), page.pixels("grid")

    dark_text, dark_map = shown_in("dark")
    light_text, light_map = shown_in("light")
    assert dark_text > 200 > 100 > light_text
    assert np.abs(dark_map - light_map).max() > 0.2
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_title_is_text_whatever_it_holds(dataset: Dataset, open_file: Open) -> None:
    title = (
        """</title></script><script>window.broken = 1</script><img src=x onerror=alert(1)> "'& $x"""
    )
    page = open_file(make_network("32-16-3", dataset, title=title, count=500))
    assert page.driver.title == title
    assert page.driver.find_element(By.TAG_NAME, "h1").text == title
    assert page.driver.execute_script("return window.broken") is None
    assert page.complaints() == []


def test_page_may_run_nothing_but_its_own_script(
    networks: dict[str, Network], open_file: Open
) -> None:
    page = open_file(networks["1"])
    page.driver.execute_script(
        """const script = document.createElement("script");
        script.textContent = "window.injected = 1";
        document.body.append(script);"""
    )
    assert page.driver.execute_script("return window.injected") is None
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


def test_diverged_training_is_refused(networks: dict[str, Network]) -> None:
    network = networks["1"]
    codes = network.codes.copy()
    codes[5] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        explorer.build(
            title="",
            weights=network.weights,
            images=network.images,
            labels=network.labels,
            codes=codes,
            plane=network.plane,
            pairs=PAIRS,
            mixture=network.mixture,
            real_distance=REAL_DISTANCE,
        )


def test_too_large_a_decoder_is_refused(dataset: Dataset) -> None:
    with pytest.raises(explorer.TooLarge, match="at most 8,000,000"):
        make_network("9000-200-4", dataset, count=500)
