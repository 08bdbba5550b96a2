"""Threads: the same training is the same, however the process that trains it was started. GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aemodel.data import Dataset
from aemodel.device import fast_width, hardware, has_fast_bfloat16
from tests.support.datasets import first_images, write_idx
from tests.support.interpreter import ran
from tests.support.project import ROOT

PROGRAM = """
import hashlib, json, sys
from dataclasses import replace
from pathlib import Path
from joblib import Parallel, delayed, parallel_config


def train(folder):
    from threadpoolctl import threadpool_info
    from jobs.environment import prepare_environment
    prepare_environment()  # as all processes of the project do: they start and end faster
    from aemodel import baseline
    from aemodel.data import load_dataset
    from aemodel.device import use_threads
    from aemodel.evaluation import evaluate
    from aemodel.settings import RECIPES, parse_setting
    from aemodel.training import Trainer

    use_threads(2)
    data = load_dataset(Path(folder))
    recipe = replace(RECIPES["fast"], iterations=20, eval_every=10)
    trainer = Trainer(parse_setting("96-40-5"), recipe, 0, data, "float32")
    for _ in trainer.run():
        pass
    metrics = evaluate(trainer, ((3, 8),), baseline.measure(data)).metrics
    del metrics["train_seconds"]
    weights = b"".join(array.tobytes() for pair in trainer.network.weights() for array in pair)
    return {
        "weights": hashlib.sha256(weights).hexdigest(),
        "curve": [(point.test_mse, point.train_mse) for point in trainer.curve],
        "metrics": metrics,
        "threads": sorted({library["num_threads"] for library in threadpool_info()}),
    }
"""

ALONE = "print(json.dumps(train(sys.argv[1])))"

BESIDE_ANOTHER = """
with parallel_config("loky", inner_max_num_threads=1):
    for found in Parallel(n_jobs=2)([delayed(train)(sys.argv[1]) for _ in range(2)]):
        print(json.dumps(found))
"""
"""Joblib sets what the other tests set, for every library, in the processes that it starts."""


@pytest.fixture(scope="module")
def folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with few images: enough that sums over them are shared among threads."""
    return write_idx(tmp_path_factory.mktemp("device"), first_images(dataset, 600, 500))


def trained(main: str, folder: Path, **environment: str) -> list[dict[str, Any]]:
    """Return what each training of a new process came to."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM + main, str(folder)],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
    )
    assert program.returncode == 0, program.stderr
    return [json.loads(line) for line in program.stdout.splitlines()]


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, Any]:
    (found,) = trained(ALONE, folder)
    return found


def test_all_libraries_use_the_threads_asked_for(alone: dict[str, Any]) -> None:
    assert alone["threads"] == [2]


def test_the_environment_does_not_change_a_training(alone: dict[str, Any], folder: Path) -> None:
    """Each library has a variable of its own: NumPy's BLAS, scikit-learn's OpenMP, TensorFlow."""
    environment = {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "3",
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    assert trained(ALONE, folder, **environment) == [alone]


def test_joblib_does_not_change_a_training(alone: dict[str, Any], folder: Path) -> None:
    assert trained(BESIDE_ANOTHER, folder) == [alone, alone]


# --- Widths ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_thread")
def test_widths_a_power_of_two_apart_in_memory_are_avoided() -> None:
    widths = {512: 528, 1024: 1040, 2048: 2064} | {n: n for n in (2, 128, 500, 784, 1000, 1040)}
    assert {width: fast_width(width) for width in widths} == widths


# --- GPUs ------------------------------------------------------------------------------------


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `nvidia-smi` that says what is written into it, as the first on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 6")
    tool.chmod(0o755)
    return tool


ONE = "0, GPU-4d1a, NVIDIA H200, 9.0"
TWO = "0, GPU-4d1a, Tesla T4, 7.5\\n1, GPU-77b0, NVIDIA A100-SXM4-40GB, 8.0"


@pytest.mark.parametrize(
    ("said", "visible", "name", "fast"),
    [
        (ONE, None, "NVIDIA H200", True),
        (TWO, None, "Tesla T4", False),
        (TWO, "1,0", "NVIDIA A100-SXM4-40GB", True),
        (TWO, "GPU-77", "NVIDIA A100-SXM4-40GB", True),
        (TWO, "MIG-c6a2", "Tesla T4", False),
        (TWO, "2", "", False),
        (TWO, "-1", "", False),
        (TWO, "", "", False),
        ("No devices were found", None, "", False),
        ("", None, "", False),
    ],
)
def test_a_gpu_is_the_visible_one_that_the_driver_names(
    said: str,
    visible: str | None,
    name: str,
    fast: bool,
    driver: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver.write_text(f"#!/bin/sh\nprintf '%b' '{said}'")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert (hardware("gpu"), has_fast_bfloat16("gpu")) == (name, fast)


def test_a_driver_that_fails_or_is_missing_is_no_gpu(
    driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hardware("gpu") == ""
    monkeypatch.setenv("PATH", "/nowhere")
    assert (hardware("gpu"), has_fast_bfloat16("gpu")) == ("", False)
    assert hardware("cpu")


WITH_GPUS = """
import tensorflow as tf
from unittest.mock import Mock, call
from aemodel.device import use_threads
tf.config = Mock()
tf.config.list_physical_devices.return_value = ["first", "second"]
use_threads(1, "gpu")
print(*tf.config.mock_calls, sep="\\n")
"""


def test_a_gpu_is_shared_and_computes_as_exactly_each_time() -> None:
    asked = ran(WITH_GPUS)
    assert "call.set_visible_devices(['first'], 'GPU')" in asked
    assert "call.experimental.set_memory_growth('first', True)" in asked
    assert "call.experimental.enable_tensor_float_32_execution(False)" in asked
    assert "call.experimental.enable_op_determinism()" in asked


ANOTHER_WAY = """
import tensorflow as tf
from aemodel.device import AlreadyStarted, use_threads
use_threads(1)
tf.zeros(1)
use_threads(1)
try:
    use_threads(2)
except AlreadyStarted as error:
    print(error)
"""


def test_a_process_that_computes_in_another_way_is_to_be_started_anew() -> None:
    (reason,) = ran(ANOTHER_WAY)
    assert "start the process anew (on a cluster, the Dask worker)" in reason


WITHOUT_GPU = """
from aemodel.device import NoGpu, use_threads
try:
    use_threads(1, "gpu")
except NoGpu as error:
    print(error)
print("libcusolver.so.11" in open("/proc/self/maps").read())
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells what is loaded")
def test_a_gpu_that_tensorflow_does_not_find(tmp_path: Path) -> None:
    """CUDA's solver is loaded from where pip puts it, which TensorFlow does not search."""
    import _ctypes

    library = tmp_path / "nvidia" / "cusolver" / "lib" / "libcusolver.so.11"
    library.parent.mkdir(parents=True)
    library.write_bytes(Path(_ctypes.__file__).read_bytes())  # any library that loads
    reason, is_loaded = ran(WITHOUT_GPU, CUDA_VISIBLE_DEVICES="", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "TensorFlow finds no GPU" in reason
    assert "requirements-gpu.lock" in reason
    assert is_loaded == "True"
