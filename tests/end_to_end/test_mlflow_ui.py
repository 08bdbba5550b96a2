"""The MLflow UI in a real browser: the experiment where the command's last line says, and the
explorer among the artifacts of a run.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import (
    frame_to_be_available_and_switch_to_it,
)
from selenium.webdriver.support.wait import WebDriverWait

from aemodel.data import Dataset
from tests.jobs.artifacts.explorer.network import Network, make_network
from tests.jobs.artifacts.explorer.page import Page, assert_same_pixels, wait_until_ready
from tests.support.browser import console_messages, headless_chromium
from tests.support.mlflow_ui import START_SECONDS, serve
from tests.support.stores import address
from tests.support.workspace import Ended

COLUMNS = (
    *("attributes.`Run Name`", "runDateAndNestInfo", "params.`setting`", "params.`recipe`"),
    *("params.`resolved.iterations`", "params.`seed`", "params.`resolved.precision`"),
    *("metrics.`final_test_mse`", "metrics.`best_test_mse`"),
    *("metrics.`pca_test_mse`", "metrics.`knn_accuracy`", "metrics.`train_seconds`", "duration"),
)

HEADERS = """
    const headers = [...document.querySelectorAll('.ag-header-cell')];
    const left = (header) => header.getBoundingClientRect().left;
    return headers.sort((a, b) => left(a) - left(b)).map((header) => header.getAttribute('col-id'));
"""

ROWS = """
    const rows = [];
    for (const cell of document.querySelectorAll('.ag-row .ag-cell')) {
      const row = cell.closest('.ag-row').getAttribute('row-index');
      (rows[row] ??= {})[cell.getAttribute('col-id')] = cell.innerText.trim();
    }
    return rows;
"""

CHARTS = """
    return [...document.querySelectorAll('.js-plotly-plot')].slice(0, 2).map((chart) => ({
      axis: chart.layout.yaxis.type,
      lines: [...new Set(chart.data.filter((line) => line.y?.length > 1).map(({name}) => name))],
    }));
"""


PICTURES = """
    return [...document.images].filter((image) => image.src.includes('reconstructions'))
      .filter((image) => image.complete && image.naturalWidth > 0).map((image) => image.src);
"""


@dataclass(frozen=True)
class Ui:
    """A served copy of a store, to which a run with a network's page was added."""

    address: str
    experiment_id: str
    run_id: str


@pytest.fixture(scope="module")
def network(dataset: Dataset) -> Network:
    return make_network("32-16-2", dataset, count=1000)


@pytest.fixture(scope="module")
def ui(
    assignment: Ended, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    shutil.copy(assignment.place.folder / "mlflow.db", folder)
    client = MlflowClient(address(folder))
    experiment = client.create_experiment("explorer", (folder / "artifacts").as_uri())
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, network.html, "explorer.html")
    client.set_terminated(run_id)
    with serve(client.tracking_uri, folder) as served:
        yield Ui(served, experiment, run_id)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with headless_chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


# --- The experiment --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trainings(assignment: Ended) -> list[Run]:
    return assignment.place.runs(kind="training")


@pytest.fixture(scope="module")
def page(assignment: Ended, ui: Ui) -> str:
    """The address that the command prints last, at the server of this test."""
    printed = r"In the MLflow UI, after `[^`]*`: http://127.0.0.1:5000/(\S+)"
    found = re.search(printed, assignment.output)
    assert found is not None, assignment.output
    return f"{ui.address}/{found[1]}"


def shown(browser: webdriver.Chrome, script: str, count: int) -> list[Any]:
    """Return what `script` finds on the page as soon as it finds `count` things."""
    found: list[Any] = []

    def enough(driver: webdriver.Chrome) -> bool:
        found[:] = driver.execute_script(script)
        return len(found) >= count

    WebDriverWait(browser, START_SECONDS).until(enough, f"fewer than {count} of {script}")
    return found


def columns(browser: webdriver.Chrome) -> tuple[str, ...]:
    """Return those of the columns that the view has, in the order in which the page has them."""
    return tuple(name for name in browser.execute_script(HEADERS) if name in COLUMNS)


def test_the_table_lists_the_trainings_with_their_results(
    browser: webdriver.Chrome, page: str, trainings: list[Run]
) -> None:
    browser.set_window_size(2200, 1400)
    browser.get(page)
    # At first the page may have other columns, while it fetches the view.
    WebDriverWait(browser, START_SECONDS).until(
        lambda _: columns(browser) == COLUMNS, f"no {COLUMNS}"
    )
    rows = shown(browser, ROWS, len(trainings))
    assert len(rows) == len(trainings), "there are sweeps among them"
    for row, run in zip(rows, trainings, strict=True):  # both by setting
        assert str(run.info.run_name) in row["attributes.`Run Name`"]
        for name, value in run.data.params.items():
            assert row.get(f"params.`{name}`", value) == value
        for name, number in run.data.metrics.items():
            assert float(row.get(f"metrics.`{name}`", number)) == pytest.approx(number, abs=1e-3)


def test_the_charts_compare_the_trainings(
    browser: webdriver.Chrome, page: str, trainings: list[Run]
) -> None:
    browser.set_window_size(2200, 1400)
    browser.get(f"{page}&compareRunsMode=CHART")
    lines = {str(run.info.run_name) for run in trainings}
    for chart in shown(browser, CHARTS, 2):
        assert chart["axis"] == "log"
        assert set(chart["lines"]) == lines
    assert len(set(shown(browser, PICTURES, len(trainings)))) == len(trainings)


# --- The explorer ----------------------------------------------------------------------------


def open_artifact(browser: webdriver.Chrome, ui: Ui, network: Network) -> Page:
    """Open `explorer.html` in the UI and step into the frame that shows it."""
    browser.set_window_size(1500, 1000)
    console_messages(browser)  # forget those of earlier pages
    run = f"{ui.address}/#/experiments/{ui.experiment_id}/runs/{ui.run_id}"
    browser.get(f"{run}/artifacts/explorer.html")
    frame = (By.TAG_NAME, "iframe")
    WebDriverWait(browser, START_SECONDS).until(frame_to_be_available_and_switch_to_it(frame))
    wait_until_ready(browser)
    return Page(browser, network)


def test_explorer_works_in_the_mlflow_ui(
    browser: webdriver.Chrome, ui: Ui, network: Network
) -> None:
    page = open_artifact(browser, ui, network)
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
    assert [
        text for text in messages if not text.startswith(f"{ui.address}/")
    ] == []  # not the UI's
