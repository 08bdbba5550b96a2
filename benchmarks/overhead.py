"""Where the train command spends its time when it hardly trains.

The real command runs in an empty folder with its own tracking store. A sampler in each of its
processes (`sampling/sitecustomize.py`) sees what they do; the product itself is not changed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.work import DATA, PROJECT

SAMPLER = Path(__file__).with_name("sampling")

LEAST_SECONDS = 1.0
"""Processes shorter than this are not shown: helpers of the libraries."""


def show(setting: str, iterations: int) -> None:
    """Run the command for `setting` and print the seconds of each stage, a column a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "samples").mkdir()
        wall = run(setting, iterations, folder)
        found = [json.loads(file.read_text()) for file in (folder / "samples").glob("*.json")]
    processes = [p for p in found if sum(p["seconds"].values()) >= LEAST_SECONDS]
    processes.sort(key=lambda p: "-m jobs" not in p["command"])
    training = max(p["seconds"].get("training", 0.0) for p in processes)
    print(f"setting {setting}, {iterations} iterations: {wall:.1f} s in all, ", end="")
    print(f"{training:.1f} s of training, {wall - training:.1f} s of all else\n")
    heads = ["command", *[f"worker {i}" for i in range(1, len(processes))]]
    print(f"| stage | {' | '.join(heads)} |\n| --- |{' --: |' * len(heads)}")
    stages = {stage for process in processes for stage in process["seconds"]}
    for stage in sorted(stages, key=lambda s: -max(p["seconds"].get(s, 0) for p in processes)):
        cells = [f"{p['seconds'].get(stage, 0):.1f}" for p in processes]
        print(f"| {stage} | {' | '.join(cells)} |")
    print(flush=True)


def run(setting: str, iterations: int, folder: Path) -> float:
    """Run the train command in `folder`; return its seconds.

    Raises:
        subprocess.CalledProcessError: it failed; what it printed is on standard error.
    """
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(SAMPLER), str(PROJECT)]),
        "SAMPLES": str(folder / "samples"),
    }
    for name in [name for name in environment if name.startswith("MLFLOW_")]:
        del environment[name]
    command = [sys.executable, "-m", "jobs", "train", "--setting", setting]
    command += ["--iterations", str(iterations), "--data", str(DATA)]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=True)
    return time.perf_counter() - started
