"""Looks at what the main thread of a Python process is doing, a hundred times a second.

Python imports a module of this name by itself when it starts, if its folder is on PYTHONPATH; so
`benchmarks.overhead` follows the train command and its workers from outside. The time between two
looks is booked on what the main thread does at the second: on the first of the `STAGES` that has a
function in its stack. The sums are in `$SAMPLES/<process id>.json`, written twice a second.
"""

import atexit
import json
import os
import sys
import threading
import time
from pathlib import Path
from types import FrameType

INTERVAL = 0.01
WRITE_EVERY = 0.5

STAGES: dict[str, set[tuple[str, str]]] = {
    "imports": {("<frozen importlib._bootstrap>", "_find_and_load")},
    "tracing of graphs": {
        ("polymorphic_function.py", "_initialize"),
        ("tracing_compilation.py", "trace_function"),
        ("tracing_compilation.py", "_create_concrete_function"),
    },
    "waiting for workers": {("train.py", "_run_in_processes")},
    "data": {("mnist.py", "load"), ("mnist.py", "shuffled")},
    "network": {("training.py", "__init__")},
    "training": {("training.py", "run")},
    "evaluation": {("results.py", "evaluate")},
    "explorer page": {("results.py", "_write_explorer"), ("explorer.py", "page")},
    "files and figures": {("results.py", "write_files"), ("worker.py", "take_when_due")},
    "model logging": {("run.py", "log_model")},
    "report": {("conclude.py", "_report")},
    "checkpoints": {("checkpoint.py", "save"), ("checkpoint.py", "load")},
    "start of TensorFlow": {("processor.py", "use_threads")},
}
PACKAGES = dict.fromkeys(("store.py", "run.py", "outage.py", "outbox.py"), "tracking store")
"""Files any of whose functions make up a stage."""


def stage_of(frame: FrameType | None) -> str:
    """Return the stage that the stack under `frame` is in."""
    stack = []
    while frame:
        stack.append((os.path.basename(frame.f_code.co_filename), frame.f_code.co_name))
        frame = frame.f_back
    functions = set(stack)
    for stage, wanted in STAGES.items():
        if functions & wanted:
            return stage
    files = {file for file, _ in stack}
    return next((stage for file, stage in PACKAGES.items() if file in files), "other")


def watch(folder: Path) -> None:
    """Sum up the stages of the main thread until the process ends."""
    main = threading.main_thread().ident
    assert main is not None
    seconds: dict[str, float] = {}
    path = folder / f"{os.getpid()}.json"
    command = " ".join(sys.orig_argv)

    def write() -> None:
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"command": command, "seconds": seconds}))
        temporary.replace(path)

    atexit.register(write)
    last = written = time.perf_counter()
    while threading.main_thread().is_alive():
        time.sleep(INTERVAL)
        stage = stage_of(sys._current_frames().get(main))
        now = time.perf_counter()
        seconds[stage] = seconds.get(stage, 0.0) + now - last
        last = now
        if now - written > WRITE_EVERY:
            write()
            written = now


if "SAMPLES" in os.environ:
    threading.Thread(target=watch, args=(Path(os.environ["SAMPLES"]),), daemon=True).start()
