"""The experiment where the command's last line says, in the MLflow UI, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.browser import headless_chromium
from tests.support.mlflow_ui import START_SECONDS, serve
from tests.support.workspace import NewWorkspace, Workspace

TRAININGS = (
    *("train", "--setting", "16-8-2,1", "--recipe", "assignment", "--iterations", "300"),
    *("--data", "mnist"),
)

COLUMNS = (
    *("attributes.`Run Name`", "runDateAndNestInfo", "params.`setting`", "params.`recipe`"),
    *("params.`seed`", "params.`precision`", "metrics.`final_test_mse`", "metrics.`best_test_mse`"),
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


@pytest.fixture(scope="module")
def place(new_workspace: NewWorkspace) -> Workspace:
    return new_workspace()


@pytest.fixture(scope="module")
def link(place: Workspace) -> str:
    """The address that the command prints last, without that of the server."""
    done = place.jobs(*TRAININGS)
    assert done.returncode == 0, done.stderr
    found = re.search(r"In the MLflow UI, after make ui: http://127.0.0.1:5000/(\S+)", done.stdout)
    assert found is not None, done.stdout
    return found[1]


@pytest.fixture(scope="module")
def trainings(place: Workspace, link: str) -> list[Run]:
    return place.runs(kind="training")


@pytest.fixture(scope="module")
def page(place: Workspace, link: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(place.uri, tmp_path_factory.mktemp("server")) as address:
        yield f"{address}/{link}"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with headless_chromium(tmp_path / "profile") as driver:
        driver.set_window_size(2200, 1400)
        yield driver


def shown(browser: webdriver.Chrome, script: str, count: int) -> list[Any]:
    """Return what `script` finds on the page as soon as it finds `count` things."""
    found: list[Any] = []

    def enough(driver: webdriver.Chrome) -> bool:
        found[:] = driver.execute_script(script)
        return len(found) >= count

    WebDriverWait(browser, START_SECONDS).until(enough, f"fewer than {count} of {script}")
    return found


def test_the_table_lists_the_trainings_with_their_results(
    browser: webdriver.Chrome, page: str, trainings: list[Run]
) -> None:
    browser.get(page)
    headers = shown(browser, HEADERS, len(COLUMNS))
    assert tuple(name for name in headers if name in COLUMNS) == COLUMNS
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
    browser.get(f"{page}&compareRunsMode=CHART")
    lines = {str(run.info.run_name) for run in trainings}
    for chart in shown(browser, CHARTS, 2):
        assert chart["axis"] == "log"
        assert set(chart["lines"]) == lines
    assert len(set(shown(browser, PICTURES, len(trainings)))) == len(trainings)
