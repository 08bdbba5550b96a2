"""The saved view against the MLflow library; `tests/end_to_end` opens it in the UI."""

import json

from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH

from aemodel.settings import RECIPES
from jobs.parameters import parse_specs
from jobs.spec import TYPED
from jobs.tracking.ui_view import COLUMN_WIDTHS, saved_view


def test_the_view_is_json_that_fits_a_tag() -> None:
    view = saved_view(1_700_000_000_000)
    assert len(view) <= MAX_EXPERIMENT_TAG_VAL_LENGTH
    envelope = json.loads(view)
    assert (envelope["name"], envelope["createdAt"]) == ("Trainings", 1_700_000_000_000)
    assert json.loads(envelope["state"])["selectedColumns"] == list(COLUMN_WIDTHS)


def test_params_among_the_columns_are_those_of_a_training() -> None:
    (job,) = parse_specs("1", RECIPES["assignment"], "0", "3-8", "float32")
    columns = {name.strip("`") for name in COLUMN_WIDTHS if name.startswith("params.")}
    plain = {name for name in columns if "resolved." not in name}
    assert plain <= {f"params.`{name}" for name in job.to_params()}
    assert columns - plain <= {f"params.`resolved.{name}" for name in TYPED}


def test_every_chart_stands_in_a_section() -> None:
    state = json.loads(json.loads(saved_view(0))["state"])
    sections = {section["uuid"] for section in state["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == sections
