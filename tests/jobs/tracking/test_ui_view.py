"""The saved views against the MLflow library; `tests/end_to_end` opens one in the UI."""

import json
from typing import Any

import pytest
from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

from aemodel.settings import RECIPES
from jobs.parameters import parse_specs
from jobs.spec import TYPED
from jobs.tracking.ui_view import COLUMN_WIDTHS, STUDY_COLUMN_WIDTHS, TAG, saved_views

VIEWS = {f"{TAG}trainings": "Trainings", f"{TAG}studies": "Studies"}


def state(tag: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.loads(saved_views(0)[tag])["state"])
    return found


def test_the_views_are_json_that_fits_a_tag() -> None:
    views = saved_views(1_700_000_000_000)
    assert views.keys() == VIEWS.keys()
    for tag, view in views.items():
        assert len(view) <= MAX_EXPERIMENT_TAG_VAL_LENGTH
        envelope = json.loads(view)
        assert (envelope["name"], envelope["createdAt"]) == (VIEWS[tag], 1_700_000_000_000)


def test_the_columns_are_those_that_have_widths() -> None:
    shown = {tag: state(tag)["selectedColumns"] for tag in VIEWS}
    assert shown == dict(zip(VIEWS, [list(COLUMN_WIDTHS), list(STUDY_COLUMN_WIDTHS)], strict=True))


def test_params_among_the_columns_are_those_of_a_training() -> None:
    (job,) = parse_specs("1", RECIPES["assignment"], "0", "3-8", "float32")
    shown = (*COLUMN_WIDTHS, *STUDY_COLUMN_WIDTHS)
    columns = {name.strip("`") for name in shown if name.startswith("params.")}
    plain = {name for name in columns if "resolved." not in name}
    assert plain <= {f"params.`{name}" for name in job.to_params()}
    assert columns - plain <= {f"params.`resolved.{name}" for name in TYPED}


@pytest.mark.parametrize("tag", VIEWS)
def test_every_chart_stands_in_a_section(tag: str) -> None:
    sections = {section["uuid"] for section in state(tag)["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state(tag)["compareRunCharts"]} == sections


def test_the_view_of_studies_charts_the_error_against_the_latent_size() -> None:
    (chart,) = (
        chart
        for chart in state(f"{TAG}studies")["compareRunCharts"]
        if chart["displayName"] == "final_test_mse"
    )
    assert state(f"{TAG}studies")["runsHiddenMode"] == "SHOW_ALL"
    assert chart["type"] == "SCATTER"
    assert (chart["xaxis"]["key"], chart["yaxis"]["key"]) == ("latent_size", "final_test_mse")
