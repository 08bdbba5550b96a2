"""Curves of the assignment's recipe that come with the program: trainings the project recorded.

100,000 iterations of Adam are more than most will wait for. Where an experiment holds no such
training of its own, the document sets these beside its trainings, and says whose they are. They are
written by `python -m tools.record_curves`.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from aemodel.settings import parse_setting
from jobs import assignment
from jobs.report.records import Curve, Recording, TrainingRecord
from jobs.report.wording import significant
from jobs.spec import TrainingSpec

FILE = Path(__file__).with_name("recorded_curves.json")


def recorded_trainings(path: Path = FILE) -> tuple[TrainingRecord, ...]:
    """Return the trainings of a file as records without a run."""
    return tuple(map(_record, json.loads(path.read_text(encoding="utf-8"))))


def to_json(trainings: Iterable[TrainingRecord]) -> str:
    """Return trainings with a curve and a recording as the text of such a file."""
    entries = (json.dumps(_entry(training)) for training in trainings)
    return "[\n" + ",\n".join(entries) + "\n]\n"


def _record(entry: dict[str, Any]) -> TrainingRecord:
    spec = TrainingSpec(
        setting=parse_setting(entry["setting"]),
        recipe=assignment.RECIPE,
        seed=entry["seed"],
        precision=entry["precision"],
        pairs=assignment.PAIRS,
        threads=entry["threads"],
        data_digest=entry["data_digest"],
    )
    iterations = np.array(entry["iterations"])
    return TrainingRecord(
        run_id="",
        spec=spec,
        end_time_ms=None,
        git_commit=entry["commit"],
        versions=entry["versions"],
        curve=Curve(
            iterations,
            np.array(entry["test_mse"]),
            np.full(iterations.size, np.nan),
            np.array(entry["train_mse"]) if "train_mse" in entry else None,
        ),
        final_test_mse=entry["final_test_mse"],
        final_train_mse=entry["final_train_mse"],
        best_test_mse=min(entry["test_mse"]),
        best_iteration=int(iterations[np.argmin(entry["test_mse"])]),
        pca_test_mse=None,
        train_seconds=None,
        knn_accuracy=None,
        mse_by_digit=(),
        recording=Recording(entry["conditions"], entry["seconds"]),
    )


def _entry(training: TrainingRecord) -> dict[str, Any]:
    spec, curve, recording = training.spec, training.curve, training.recording
    if curve is None or curve.train_mse is None or recording is None:
        raise ValueError(f"run {training.run_id}: nothing was recorded")
    return {
        "setting": spec.setting.name,
        "seed": spec.seed,
        "precision": spec.precision,
        "threads": spec.threads,
        "data_digest": spec.data_digest,
        "commit": training.git_commit,
        "versions": training.versions,
        "conditions": recording.conditions,
        "seconds": recording.seconds,
        "final_test_mse": _rounded(training.final_test_mse),
        "final_train_mse": _rounded(training.final_train_mse),
        "iterations": curve.iterations.tolist(),
        "test_mse": [significant(error) for error in curve.test_mse.tolist()],
        "train_mse": [significant(error) for error in curve.train_mse.tolist()],
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else significant(number)
