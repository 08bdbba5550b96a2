"""What the MLflow UI shows of an experiment: which runs, in which columns, under which charts.

There are two views: all trainings, and those of studies.

MLflow keeps a saved view as a tag of the experiment. The UI lists it under *Views*, and opens the
experiment with it when the address says `viewStateShareKey=<key>`. The tag holds two objects in
JSON, one as text in the other: name and dates, and the state of the page; what the state leaves out
keeps the UI's default, and a part that some version of the UI does not know is passed over.
"""

import json
from typing import Any

TRAININGS, STUDIES = "trainings", "studies"
"""Keys of the views in the address of the experiment."""

TAG = "mlflow.sharedViewState."
"""Before the key of a view: the experiment's tag that holds it."""

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

STUDY_COLUMN_WIDTHS = {
    "params.`widths`": 110,
    "params.`latent_size`": 90,
    "params.`seed`": 55,
    "params.`recipe`": 100,
    "metrics.`final_test_mse`": 120,
    "metrics.`pca_test_mse`": 115,
    "metrics.`train_seconds`": 115,
    "duration": 80,
}
"""The same for the trainings of studies."""

ERRORS, PICTURES, SIZES = "errors", "pictures", "sizes"
"""Ids of the sections of the chart page."""


def saved_views(created_ms: int) -> dict[str, str]:
    """Return the tags that hold the views: name -> value.

    Args:
        created_ms: when the views were made, in milliseconds since 1970.
    """
    views = {TRAININGS: ("Trainings", _trainings()), STUDIES: ("Studies", _studies())}
    return {
        f"{TAG}{key}": json.dumps(
            {"name": name, "createdAt": created_ms, "state": json.dumps(state)}
        )
        for key, (name, state) in views.items()
    }


def _trainings() -> dict[str, Any]:
    """Return the state of the view of all trainings.

    The table lists the trainings alone, by setting, newest first: in any other order than by date
    the UI takes them out of the folded rows of their sweeps. The chart page opens with the errors
    of all listed trainings on a logarithmic axis, and the pictures taken in the course of each.
    """
    return {
        "searchFilter": "tags.kind = 'training'",
        "orderByKey": "params.`setting`",
        "orderByAsc": True,
        **_columns(COLUMN_WIDTHS),
        "compareRunSections": [
            _section(ERRORS, "Reconstruction error, by iteration", columns=2),
            _section(PICTURES, "Ten test images and their reconstructions", columns=1),
        ],
        "compareRunCharts": [_curve("test_mse"), _curve("train_mse"), _images("reconstructions")],
        "isAccordionReordered": True,  # keeps the sections in this order
    }


def _studies() -> dict[str, Any]:
    """Return the state of the view of the trainings of studies.

    The table lists them by widths; the chart page opens with a dot for each, its final error
    against its latent size, beside PCA's, and with their curves.
    """
    return {
        "searchFilter": "tags.artifacts = 'curve'",
        "orderByKey": "params.`widths`",
        "orderByAsc": True,
        **_columns(STUDY_COLUMN_WIDTHS),
        "compareRunSections": [
            _section(SIZES, "Error at the end, by latent size", columns=2),
            _section(ERRORS, "Reconstruction error, by iteration", columns=2),
        ],
        "compareRunCharts": [
            _by_latent_size("final_test_mse"),
            _by_latent_size("pca_test_mse"),
            _curve("test_mse", runs=100),
            _curve("train_mse", runs=100),
        ],
        "isAccordionReordered": True,
        "runsHiddenMode": "SHOW_ALL",  # a study is more than the ten that the charts show else
    }


def _columns(widths: dict[str, int]) -> dict[str, Any]:
    return {
        "selectedColumns": list(widths),
        "columnOrder": list(widths),
        "columnWidths": widths,
    }


def _section(uuid: str, name: str, columns: int) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "columns": columns, "display": True, "isReordered": True}


def _by_latent_size(metric: str) -> dict[str, Any]:
    """Return the chart with a dot a training: one metric against the latent size."""
    return {
        "type": "SCATTER",
        "uuid": f"{metric} by latent size",
        "metricSectionId": SIZES,
        "displayName": metric,
        "xaxis": {"key": "latent_size", "type": "PARAM"},
        "yaxis": {"key": metric, "type": "METRIC"},
        "runsCountToCompare": 100,
    }


def _curve(metric: str, runs: int = 10) -> dict[str, Any]:
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
        "runsCountToCompare": runs,
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
