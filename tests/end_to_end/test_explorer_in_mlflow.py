"""The explorer where it is read: among a run's artifacts in the MLflow UI, in a real browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    frame_to_be_available_and_switch_to_it,
)
from selenium.webdriver.support.wait import WebDriverWait

from aemodel.data import Dataset
from tests.jobs.artifacts.explorer.network import Network, make_network
from tests.jobs.artifacts.explorer.page import Page, assert_same_pixels, wait_until_ready
from tests.support.browser import headless_chromium
from tests.support.mlflow_ui import START_SECONDS, serve


@dataclass(frozen=True)
class Store:
    """An MLflow store with one run, whose artifact `explorer.html` is a network's page."""

    uri: str
    experiment_id: str
    run_id: str


@pytest.fixture
def network(dataset: Dataset) -> Network:
    return make_network("32-16-2", dataset, count=1000)


@pytest.fixture
def store(network: Network, tmp_path: Path) -> Store:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("explorer", (tmp_path / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, network.html, "explorer.html")
    client.set_terminated(run_id)
    return Store(client.tracking_uri, experiment, run_id)


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[str]:
    with serve(store.uri, tmp_path) as address:
        yield address


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with headless_chromium(tmp_path / "profile") as driver:
        driver.set_window_size(1500, 1000)
        yield driver


def open_artifact(browser: webdriver.Chrome, server: str, store: Store, network: Network) -> Page:
    """Open `explorer.html` in the UI and step into the frame that shows it."""
    run = f"{server}/#/experiments/{store.experiment_id}/runs/{store.run_id}"
    browser.get(f"{run}/artifacts/explorer.html")
    frame = (By.TAG_NAME, "iframe")
    WebDriverWait(browser, START_SECONDS).until(frame_to_be_available_and_switch_to_it(frame))
    wait_until_ready(browser)
    return Page(browser, network)


def test_explorer_works_in_the_mlflow_ui(
    browser: webdriver.Chrome, server: str, store: Store, network: Network
) -> None:
    page = open_artifact(browser, server, store, network)
    assert page.driver.execute_script("return origin") == "null", "the frame may do more"
    pictures = []
    for x in (-60, 60):
        page.point(x, 0).perform()
        index = page.nearest()
        expected = page.network.decode(page.network.codes[index])
        assert_same_pixels(page.picture("reconstruction"), expected)
        pictures.append(page.picture("place-picture"))
    assert np.abs(pictures[0] - pictures[1]).max() > 0.05
    index = page.hold_an_image()
    expected = page.network.decode(page.network.codes[index])
    assert_same_pixels(page.picture("place-picture"), expected)
    assert page.dots() > 1000
    messages = page.complaints()
    assert [text for text in messages if not text.startswith(f"{server}/")] == []  # not the UI's
