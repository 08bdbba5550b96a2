"""What the MLflow UI shows of an experiment: which runs, in which columns, under which charts.

MLflow keeps a saved view as a tag of the experiment. The UI lists it under *Views*, and opens the
experiment with it when the address says `viewStateShareKey=<key>`. The tag holds two objects in
JSON, one as text in the other: name and dates, and the state of the page; what the state leaves out
keeps the UI's default, and a part that some version of the UI does not know is passed over.
"""

import json
from typing import Any

KEY = "trainings"
"""Names the view in the address of the experiment."""

TAG = f"mlflow.sharedViewState.{KEY}"
"""The experiment's tag that holds the view."""

COLUMN_WIDTHS = {
    "params.`setting`": 70,
    "params.`recipe`": 100,
    "params.`resolved.iterations`": 80,
    "params.`seed`": 55,
    "params.`resolved.precision`": 85,
    "metrics.`final_test_mse`": 120,
    "metrics.`best_test_mse`": 120,
    "metrics.`pca_test_mse`": 115,
    "metrics.`knn_accuracy`": 110,
    "metrics.`train_seconds`": 115,
    "duration": 80,
}
"""Columns after the run's name and when it was created, which the UI always shows first, and their
widths in pixels. A param that a user can type otherwise, or leave empty, is there as `resolved.`"""

ERRORS, PICTURES = "errors", "pictures"
"""Ids of the sections of the chart page."""


def saved_view(created_ms: int) -> str:
    """Return the value of `TAG`.

    The table lists the trainings alone, by setting, newest first: in any other order than by date
    the UI takes them out of the folded rows of their sweeps. The chart page opens with the errors
    of all listed trainings on a logarithmic axis, and the pictures taken in the course of each.

    Args:
        created_ms: when the view was made, in milliseconds since 1970.
    """
    state = {
        "searchFilter": "tags.kind = 'training'",
        "orderByKey": "params.`setting`",
        "orderByAsc": True,
        "selectedColumns": list(COLUMN_WIDTHS),
        "columnOrder": list(COLUMN_WIDTHS),
        "columnWidths": COLUMN_WIDTHS,
        "compareRunSections": [
            _section(ERRORS, "Reconstruction error, by iteration", columns=2),
            _section(PICTURES, "Ten test images and their reconstructions", columns=1),
        ],
        "compareRunCharts": [_curve("test_mse"), _curve("train_mse"), _images("reconstructions")],
        "isAccordionReordered": True,  # keeps the sections in this order
    }
    envelope = {"name": "Trainings", "createdAt": created_ms, "state": json.dumps(state)}
    return json.dumps(envelope)


def _section(uuid: str, name: str, columns: int) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "columns": columns, "display": True, "isReordered": True}


def _curve(metric: str) -> dict[str, Any]:
    """Return the chart of one metric of all trainings, with a logarithmic axis."""
    return {
        "type": "LINE",
        "uuid": metric,
        "metricSectionId": ERRORS,
        "metricKey": metric,
        "displayName": metric,
        "scaleType": "log",
        "xAxisKey": "step",
        "lineSmoothness": 0,
        "range": {},
        "runsCountToCompare": 10,
    }


def _images(key: str) -> dict[str, Any]:
    """Return the chart with one picture a training of the series `key`, and a slider of steps."""
    return {
        "type": "IMAGE",
        "uuid": key,
        "metricSectionId": PICTURES,
        "imageKeys": [key],
        "displayName": key,
        "step": 0,
        "showRunParams": False,
        "runsCountToCompare": 10,
    }
