"""Where the train command spends its time when it hardly trains.

The real command runs in an empty folder with its own tracking store, and py-spy looks at its
processes a hundred times a second from outside; the product itself is not changed. A look is booked
on what the main thread does: on the first of the `STAGES` that has a function in its stack.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmarks.work import DATA, PROJECT

PY_SPY = PROJECT / ".venv-bench" / "bin" / "py-spy"

RATE = 100
"""Looks a second."""

MIN_SECONDS = 1.0
"""Processes shorter than this are not shown: helpers of the libraries."""

STAGES: dict[str, set[tuple[str, str]]] = {
    "imports": {("<frozen importlib._bootstrap>", "_find_and_load")},
    "tracing of graphs": {
        ("polymorphic_function.py", "_initialize"),
        ("tracing_compilation.py", "trace_function"),
        ("tracing_compilation.py", "_create_concrete_function"),
    },
    "waiting for workers": {("executor.py", "_in_processes")},
    "data": {("data.py", "load_dataset"), ("data.py", "shuffled")},
    "baseline": {("baselines.py", "baseline_of")},
    "network and axes": {("training.py", "__init__")},
    "training": {("training.py", "run")},
    "evaluation": {("evaluation.py", "evaluate")},
    "explorer page": {("files.py", "_write_explorer")},
    "files and figures": {("files.py", "write_files"), ("worker.py", "take_when_due")},
    "model logging": {("run.py", "log_model"), ("run.py", "log_model_files")},
    "report": {("command.py", "_report")},
    "states": {("checkpoint.py", "save"), ("checkpoint.py", "load")},
    "start of TensorFlow": {("device.py", "use_threads")},
    "tracking store": {("client.py", "call"), ("store.py", "open"), ("uploader.py", "send")},
}

MAIN_THREAD = re.compile(r'.*process (\d+):"[^"]*";thread \(\1\)[^;]*;(.*) (\d+)')
"""A line of py-spy: processes from the outermost in, the thread, the stack, and how many looks."""

FRAME = re.compile(r"([^\s;]+) \(([^()]*):\d+\)")


def show(setting: str, iterations: int) -> None:
    """Run the command for `setting` and print the seconds of each stage, a column a process."""
    with tempfile.TemporaryDirectory() as folder:
        wall = run(setting, iterations, Path(folder))
        stacks = (Path(folder) / "stacks").read_text().splitlines()
    processes = [p for p in seconds_of(stacks).values() if sum(p.values()) >= MIN_SECONDS]
    training = max(seconds.get("training", 0) for seconds in processes)
    print(f"setting {setting}, {iterations} iterations: {wall:.1f} s in all, ", end="")
    print(f"{training:.1f} s of training, {wall - training:.1f} s of all else\n")
    heads = ["command", *[f"worker {i}" for i in range(1, len(processes))]]
    print(f"| stage | {' | '.join(heads)} |\n| --- |{' --: |' * len(heads)}")
    stages = {stage for seconds in processes for stage in seconds}
    for stage in sorted(stages, key=lambda s: -max(seconds.get(s, 0) for seconds in processes)):
        print(
            f"| {stage} | {' | '.join(f'{seconds.get(stage, 0):.1f}' for seconds in processes)} |"
        )
    print(flush=True)


def run(setting: str, iterations: int, folder: Path) -> float:
    """Run the train command in `folder`, leaving its stacks in the file `stacks`; return seconds.

    Raises:
        subprocess.CalledProcessError: it failed; what it printed is on standard error.
    """
    environment = {n: text for n, text in os.environ.items() if not n.startswith("MLFLOW_")}
    environment["PYTHONPATH"] = str(PROJECT)
    watch = [str(PY_SPY), "record", "--subprocesses", "--idle", "--threads", "--rate", str(RATE)]
    watch += ["--format", "raw", "--output", "stacks", "--"]
    command = [sys.executable, "-m", "jobs", "train", "--setting", setting]
    command += ["--iterations", str(iterations), "--data", str(DATA)]
    started = time.perf_counter()
    subprocess.run([*watch, *command], cwd=folder, env=environment, stdout=sys.stderr, check=True)
    return time.perf_counter() - started


def seconds_of(lines: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the seconds of each stage by process id, oldest process first (by its number)."""
    processes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in lines:
        if match := MAIN_THREAD.fullmatch(line):
            process, stack, looks = match.groups()
            processes[process][stage_of(stack)] += int(looks) / RATE
    return {process: dict(processes[process]) for process in sorted(processes, key=int)}


def stage_of(stack: str) -> str:
    """Return the stage that a stack is in; frames are `Class.function (path:line)`."""
    functions = {
        (file.rpartition("/")[2], name.rpartition(".")[2]) for name, file in FRAME.findall(stack)
    }
    return next((stage for stage, wanted in STAGES.items() if functions & wanted), "other")
