"""Networks and their pages, opened in one browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from aemodel.data import Dataset
from tests.jobs.artifacts.explorer.network import Network, make_network
from tests.jobs.artifacts.explorer.page import Open, Page, wait_until_ready
from tests.support.browser import console_messages, headless_chromium


@pytest.fixture(scope="session")
def networks(dataset: Dataset) -> dict[str, Network]:
    return {name: make_network(name, dataset) for name in ("1", "2", "3")}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with headless_chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def open_file(browser: webdriver.Chrome, tmp_path: Path) -> Open:
    """Opens a network's page from disk."""

    def open_page(network: Network) -> Page:
        file = tmp_path / "explorer.html"
        file.write_text(network.html, "utf-8")
        browser.set_window_size(1280, 900)
        console_messages(browser)  # forget those of earlier pages
        browser.get(file.as_uri())
        wait_until_ready(browser)
        return Page(browser, network)

    return open_page


@pytest.fixture
def open_framed(browser: webdriver.Chrome, tmp_path: Path) -> Open:
    """Opens a network's page as the MLflow UI does: a blob in a frame that may only run scripts.

    The frame is shown only when its page has started.
    """

    def open_page(network: Network) -> Page:
        file = tmp_path / "frame.html"
        file.write_text(
            """<!doctype html><title>frame</title>
            <iframe sandbox="allow-scripts" width="800" height="560" hidden></iframe>"""
        )
        browser.set_window_size(1280, 900)
        console_messages(browser)  # forget those of earlier pages
        browser.get(file.as_uri())
        browser.execute_script(
            """document.querySelector("iframe").src =
            URL.createObjectURL(new Blob([arguments[0]], {type: "text/html"}));""",
            network.html,
        )
        browser.switch_to.frame(0)
        wait_until_ready(browser)
        browser.switch_to.default_content()
        browser.execute_script("document.querySelector('iframe').hidden = false")
        browser.switch_to.frame(0)
        return Page(browser, network)

    return open_page
