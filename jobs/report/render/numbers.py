"""Every number of the document as JSON, for who wants to compute with them."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from jobs.report.records import Records, TrainingRecord


def write(data: Mapping[str, Any], records: Records) -> str:
    """Return the trainings' numbers, and the tables and observations of `Content.data`.

    Numbers of trainings are as they were recorded, cells of tables as they are printed. A number
    that is not finite is null. An interval is one of 95%.
    """
    blocks = data["blocks"]
    results = {
        "title": data["title"],
        "trainings": [_training(training) for training in records.trainings],
        "tables": [_table(block) for block in blocks if block["kind"] == "table"],
        "observations": [
            {name: item[name] for name in ("claim", "text", "numbers")}
            for block in blocks
            if block["kind"] == "findings"
            for item in block["items"]
        ],
    }
    return json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _training(training: TrainingRecord) -> dict[str, Any]:
    numbers = {
        field.name: value if math.isfinite(value) else None
        for field in fields(training)
        if isinstance(value := getattr(training, field.name), int | float)
    }
    return {
        "run_id": training.run_id,
        "setting": training.spec.setting.name,
        "recipe": training.spec.recipe.name,
        "seed": training.spec.seed,
    } | numbers


def _table(block: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": block["id"],
        "number": block["number"],
        "columns": [column["head"] for column in block["columns"]],
        "rows": block["rows"],
    }
