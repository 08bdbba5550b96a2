"""Threads: the same training is the same, however the process that trains it was started."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.project import DATA, ROOT

PROGRAM = f"""
import hashlib, json
from dataclasses import replace
from pathlib import Path
from joblib import Parallel, delayed


def train():
    from threadpoolctl import threadpool_info
    from aemodel import baseline
    from aemodel.data import Dataset, load_dataset
    from aemodel.device import use_threads
    from aemodel.evaluation import evaluate
    from aemodel.settings import RECIPES, parse_setting
    from aemodel.training import Trainer

    use_threads(2)
    data = load_dataset(Path({str(DATA)!r}))
    data = Dataset(data.x_train[:3000], data.y_train[:3000], data.x_test[:500], data.y_test[:500])
    recipe = replace(RECIPES["fast"], iterations=20, eval_every=10)
    trainer = Trainer(parse_setting("96-40-5"), recipe, 0, data, "float32")
    for _ in trainer.run():
        pass
    metrics = evaluate(trainer, ((3, 8),), baseline.measure(data)).metrics
    del metrics["train_seconds"]
    weights = b"".join(array.tobytes() for pair in trainer.network.weights() for array in pair)
    return {{
        "weights": hashlib.sha256(weights).hexdigest(),
        "curve": [(point.test_mse, point.train_mse) for point in trainer.curve],
        "metrics": metrics,
        "threads": sorted({{library["num_threads"] for library in threadpool_info()}}),
    }}
"""

ALONE = "print(json.dumps(train()))"

BESIDE_ANOTHER = """
for found in Parallel(n_jobs=2)([delayed(train)() for _ in range(2)]):
    print(json.dumps(found))
"""


def trained(main: str, **environment: str) -> list[dict[str, Any]]:
    """Return what each training of a new process came to."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM + main],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
    )
    assert program.returncode == 0, program.stderr
    return [json.loads(line) for line in program.stdout.splitlines()]


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    (found,) = trained(ALONE)
    return found


def test_all_libraries_use_the_threads_asked_for(alone: dict[str, Any]) -> None:
    assert alone["threads"] == [2]


@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "3", "TF_NUM_INTRAOP_THREADS": "1"},
    ],
    ids=" ".join,
)
def test_the_environment_does_not_change_a_training(
    alone: dict[str, Any], environment: dict[str, str]
) -> None:
    assert trained(ALONE, **environment) == [alone]


def test_joblib_does_not_change_a_training(alone: dict[str, Any]) -> None:
    assert trained(BESIDE_ANOTHER) == [alone, alone]
