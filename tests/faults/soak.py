"""The long form of the faults, `make soak`: hours of kills, bad files and busy servers.

Parts can be run alone, `python -m tests.faults.soak --part kills`, and scaled down with `--short`.
What goes wrong ends a part and the status of the command is 1; the figures come at the end.
"""

import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from aemodel.data import Dataset, load_dataset
from tests.faults.cluster_soak import cluster
from tests.faults.outage import SETTINGS as OUTAGE_SETTINGS
from tests.faults.outage import train_through
from tests.faults.together import assert_all_is_there, mlflow_run, open_together, run_together
from tests.support.bad_files import Samples
from tests.support.databases import DATABASES, served
from tests.support.datasets import first_images, write_idx
from tests.support.project import DATA, ROOT
from tests.support.proxy import Proxy
from tests.support.weights import saved_weights
from tests.support.workspace import Workspace

Figures = dict[str, object]


def counted(what: str, total: int) -> Iterator[int]:
    """Yield 0 to total - 1, and say from time to time how far it is and how long it will take."""
    start = said = time.monotonic()
    for number in range(total):
        yield number
        now = time.monotonic()
        if now - said > 10 or number + 1 == total:
            left = (now - start) / (number + 1) * (total - number - 1)
            print(f"{what}: {number + 1} of {total}, about {left / 60:.0f} min left", flush=True)
            said = now


def slice_of_mnist() -> Dataset:
    return first_images(load_dataset(DATA), 2000, 500)


def workspace(folder: Path) -> Workspace:
    folder.mkdir()
    write_idx(folder / "mnist", slice_of_mnist())
    return Workspace(folder)


# --- Kills -----------------------------------------------------------------------------------

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST_LIFE = 30.0
"""Seconds after which a command is killed at the latest; about ten are its start."""

TRAININGS = {
    "one training": ("--setting", "32-16-2", "--iterations", "30000"),
    "two at a time": ("--setting", "32-16-2,32-16-3", "--iterations", "20000", "--workers", "2"),
}
SHARED = (
    "--recipe",
    "assignment",
    "--batch-size",
    "100",
    "--eval-every",
    "50",
    "--pairs",
    "1-7",
    "--data",
    "mnist",
)


def kills(folder: Path, short: bool, seed: int) -> Figures:
    """Kill training commands at random moments and repeat them until they come to their end."""
    chance = random.Random(seed)
    total = 6 if short else 100
    references = {}
    for name, options in TRAININGS.items():
        references[name] = workspace(folder / f"undisturbed, {name}")
        done = references[name].jobs("train", *options, *SHARED)
        assert done.returncode == 0, done.stderr
    sent: Counter[str] = Counter()
    names = list(TRAININGS)
    place, name, finished = workspace(folder / "killed-0"), names[0], 0
    for _ in counted("kills", total):
        number = chance.choice(SIGNALS)
        while not live_and_die(place, name, number, chance.uniform(0, LONGEST_LIFE)):
            assert_equal(place, references[name])
            finished += 1
            name = names[finished % len(names)]
            place = workspace(folder / f"killed-{finished}")
        sent[number.name] += 1
    done = place.jobs("train", *TRAININGS[name], *SHARED)
    assert done.returncode == 0, done.stderr
    assert_equal(place, references[name])
    return {
        "kills": ", ".join(f"{count} {name}" for name, count in sorted(sent.items())),
        "commands finished, curve and weights as undisturbed": finished + 1,
    }


def live_and_die(place: Workspace, name: str, number: signal.Signals, seconds: float) -> bool:
    """Start a training command and kill it then; return False where it was done before."""
    command = [sys.executable, "-m", "jobs", "train", *TRAININGS[name], *SHARED]
    log = place.folder / "output.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=place.folder, env=place.environment(), stdout=output, stderr=output
        )
    with suppress(subprocess.TimeoutExpired):
        assert process.wait(seconds) == 0, log.read_text()
        return False
    process.send_signal(number)
    return process.wait(120) != 0 and not is_done(place)


def is_done(place: Workspace) -> bool:
    """Whether a command did all its work, even if the signal came before it had left."""
    ended = {run.info.status for run in place.runs(kind="training")}
    return ended == {"FINISHED"} and not any(place.folder.glob("checkpoints/*"))


def assert_equal(place: Workspace, reference: Workspace) -> None:
    """Check that the trainings ended as those never disturbed: curves, weights, files, runs."""
    assert not [run for run in place.runs() if run.info.status == "RUNNING"], place.folder
    finished = [run for run in place.runs(kind="training") if run.info.status == "FINISHED"]
    wanted = reference.runs(kind="training")
    assert [r.info.run_name for r in finished] == [r.info.run_name for r in wanted], place.folder
    for run, other in zip(finished, wanted, strict=True):
        for metric in ("test_mse", "train_mse", "learning_rate"):
            assert place.curve(run, metric) == reference.curve(other, metric), place.folder
        for name, weights in model_weights(place, run).items():
            np.testing.assert_array_equal(weights, model_weights(reference, other)[name])
        for path in reference.artifacts(other).rglob("*.csv"):
            same = place.artifacts(run) / path.relative_to(reference.artifacts(other))
            assert same.read_bytes() == path.read_bytes(), same


def model_weights(place: Workspace, run: Run) -> dict[str, Any]:
    """Return name -> array of the model that a run logged."""
    model = place.model_uri(run).removeprefix("models:/")
    (path,) = place.folder.glob(f"mlruns/*/models/{model}/artifacts/data/model.keras")
    return saved_weights(path)


# --- Bad files -------------------------------------------------------------------------------


def files(folder: Path, short: bool, seed: int) -> Figures:
    """Load data sets of which one file is spoilt, each in another way."""
    samples = Samples(first_images(slice_of_mnist(), 60, 80), folder)
    before, slowest, ends = peak_megabytes(), 0.0, Counter[str]()
    for number in counted("bad files", 100 if short else 1000):
        start = time.monotonic()
        ends[samples.try_one(1000 * seed + number)] += 1
        slowest = max(slowest, time.monotonic() - start)
    grown = peak_megabytes() - before
    assert grown < 1000, f"{grown:.0f} MB"
    return {
        "files refused with one message": ends["refused"],
        "files loaded, for the change did no harm": ends["loaded"],
        "memory beyond that of good files": f"{grown:.0f} MB",
        "longest time for a file": f"{slowest:.1f} s",
    }


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- Together --------------------------------------------------------------------------------


FILE = "a file"
STORES = (FILE, *DATABASES)
"""What the commands share; all but the file are databases of a server."""


def together(folder: Path, short: bool, seed: int) -> Figures:
    """Start commands at once, again and again, on a fresh store: a file, or on a server."""
    rounds, count = (3, 4) if short else (10, 16)
    for number in counted("rounds", rounds):
        place = workspace(folder / f"round-{number}")
        kind = STORES[number % len(STORES)]
        with nullcontext(place.uri) if kind == FILE else served(place.folder, kind) as address:
            open_together(place, address, count)
            commands = [mlflow_run(place, one) for one in range(count)]
            assert_all_is_there(address, run_together(place, address, commands))
    return {
        "rounds, on " + ", ".join(STORES) + " in turn": rounds,
        "commands at once": count,
        "commands complete": rounds * count,
    }


# --- Outage ----------------------------------------------------------------------------------


def outage(folder: Path, short: bool, seed: int) -> Figures:
    """Take the tracking server away for two minutes in the course of two trainings."""
    seconds, iterations = (20, 100_000) if short else (120, 300_000)
    place = workspace(folder / "place")
    with served(folder, "sqlite") as server, Proxy(server) as line:
        ended = train_through(place, line, "refuse", seconds, iterations)
        assert ended.status == 0, ended.output
        client = MlflowClient(server)
        for experiment in client.search_experiments():
            for run in client.search_runs([experiment.experiment_id], "tags.kind = 'training'"):
                assert run.info.status == "FINISHED"
                steps = [p.step for p in client.get_metric_history(run.info.run_id, "test_mse")]
                assert sorted(steps) == list(range(0, iterations, 100))
    return {
        "seconds without a server": f"{ended.away:.0f}",
        "trainings complete": len(OUTAGE_SETTINGS),
        "points, each once": len(OUTAGE_SETTINGS) * iterations // 100,
    }


# --- The command -----------------------------------------------------------------------------


def tests(folder: Path, short: bool, seed: int) -> Figures:
    """Run the tests that are too long for every day."""
    command = [sys.executable, "-m", "pytest", "-m", "soak", "tests/faults"]
    done = subprocess.run(command, cwd=ROOT)
    assert done.returncode == 0
    return {"tests marked soak": "all passed"}


PARTS: dict[str, Callable[[Path, bool, int], Figures]] = {
    "cluster": cluster,
    "kills": kills,
    "files": files,
    "together": together,
    "outage": outage,
    "tests": tests,
}


def main(
    part: Annotated[
        list[str], typer.Option(help=" or ".join(PARTS), default_factory=lambda: [*PARTS])
    ],
    short: Annotated[bool, typer.Option(help="A few minutes instead of hours.")] = False,
    seed: Annotated[int, typer.Option(help="Decides the moments and the changes.")] = 0,
) -> None:
    """Run the parts, print their figures."""
    lines, failed = [], False
    for name in part:
        start = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix=f"soak-{name}-"))
        try:
            figures, outcome = PARTS[name](folder, short, seed), "passed"
            shutil.rmtree(folder)
        except Exception:
            traceback.print_exc()
            figures, outcome, failed = {"left to be looked at": folder}, "FAILED", True
        lines.append(f"{name}: {outcome} in {(time.monotonic() - start) / 60:.1f} min")
        lines += [f"  {what}: {figure}" for what, figure in figures.items()]
    print("\n" + "\n".join(lines))
    raise typer.Exit(failed)


if __name__ == "__main__":
    typer.run(main)
