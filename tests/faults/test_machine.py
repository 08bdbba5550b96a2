"""Full and read-only disks, a want of memory, a clock that jumps, impatience: no training is lost.

Disks are small file systems in memory, which only root can mount; elsewhere those tests skip.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from aemodel.data import Dataset
from jobs.filesystem import NotWritable, check_checkpoints_folder
from jobs.tracking import Store, StoreUnavailable, outage
from jobs.training import command, worker
from jobs.training.channel import Board, TrainingProgress
from tests.support.begun import Begun, a_spec, begun
from tests.support.datasets import write_idx
from tests.support.stores import NewStore, work_in
from tests.support.workspace import NewWorkspace, wait_for

CURVE = [0, 50, 100, 150, 200]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill what is left of a disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    yield
    filler.unlink(missing_ok=True)


@pytest.fixture
def open_store(
    tmp_path: Path, new_store: NewStore, small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Path], Store]:
    """Return a function that opens a store; the working directory has the data in `mnist`."""
    from mlflow.tracking import MlflowClient

    write_idx(tmp_path / "mnist", small_dataset)
    monkeypatch.setattr(outage, "RETRY_SECONDS", 0.2)

    def open_at(database: Path, artifacts: Path) -> Store:
        work_in(tmp_path, new_store(database), monkeypatch)
        client = MlflowClient()
        client.create_experiment("mine", artifact_location=str(artifacts))
        return Store.open("mine")

    return open_at


@contextmanager
def training(store: Store) -> Iterator[Begun]:
    """Make a training whose board is the folder `board`."""
    board = Path("board")
    board.mkdir()
    with begun(store, a_spec(), board) as task:
        yield task


def assert_whole(store: Store, task: Begun) -> None:
    run = store.run(task.run_id)
    assert run.status() == "FINISHED"
    assert [step for step, _ in run.history("test_mse")] == CURVE
    outputs = store.client.get_run(task.run_id).outputs
    assert outputs is not None
    assert len(outputs.model_outputs) == 1
    assert run.download("curve/recreation_err.csv", Path("board")) is not None


# --- Disks -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_thread")
def test_a_state_that_cannot_be_saved_costs_no_training(
    open_store: Callable[[Path, Path], Store],
    disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(worker, "SAVE_SECONDS", 0.0)
    store = open_store(tmp_path, tmp_path / "artifacts")
    Path("checkpoints").symlink_to(disk)
    with training(store) as task:
        with full(disk):
            assert task.run().status == "FINISHED"
        assert_whole(store, task)
    said = capsys.readouterr().err
    assert said.count("Warning") == 1
    assert "No space left on device" in said
    assert f"cannot be saved in {task.states.path}" in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("place", ["database", "artifacts"])
def test_a_full_disk_is_waited_for_and_nothing_is_lost(
    place: str,
    open_store: Callable[[Path, Path], Store],
    disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    at_disk = {"database": (disk, tmp_path / "artifacts"), "artifacts": (tmp_path, disk / "a")}
    store = open_store(*at_disk[place])
    with training(store) as task:
        monkeypatch.setenv(outage.PATIENCE_VARIABLE, "0")
        with full(disk):
            outcome = task.run()
        assert outcome.status == "UNSENT", outcome.reason
        assert "full" in outcome.reason or "No space left" in outcome.reason
        assert "the same command uploads the results" in outcome.reason
        assert task.run().status == "FINISHED"
        assert_whole(store, task)
    assert "Traceback" not in capfd.readouterr().err


def test_states_that_could_not_be_saved_are_refused_at_once(disk: Path) -> None:
    folder = disk / "checkpoints"
    check_checkpoints_folder(folder)
    with full(disk), pytest.raises(NotWritable, match=r"disk/checkpoints, wh.* No space left .*fr"):
        check_checkpoints_folder(folder)


def test_a_store_that_is_read_only_is_said_to_be(
    open_store: Callable[[Path, Path], Store], disk: Path, tmp_path: Path
) -> None:
    import mlflow

    open_store(tmp_path, tmp_path / "artifacts")
    shutil.copy("mlflow.db", disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    mlflow.set_tracking_uri(f"sqlite:///{disk}/mlflow.db")
    with pytest.raises(StoreUnavailable, match=r"mlflow\.db cannot be .*[Rr]ead-?only"):
        Store.open("other")


def test_a_full_disk_stops_no_progress_line(disk: Path) -> None:
    channel, before = Board(disk).channel("run"), TrainingProgress(stage="training")
    channel.report(before)
    with full(disk):
        channel.report(TrainingProgress(stage="training", note="x" * 10_000))
        assert Board(disk).read("run") == before


# --- Memory and time -------------------------------------------------------------------------


class ResourceExhaustedError(Exception):
    """What TensorFlow raises has this name."""


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (MemoryError("8 GiB"), r"there is not enough memory (8 GiB): use fewer workers"),
        (ResourceExhaustedError("of the GPU"), "not enough memory (of the GPU): use fewer workers"),
        (OSError(28, "No space left on device", "/tmp/x"), "'/tmp/x': once that is mended, the sa"),
    ],
)
def test_what_the_machine_lacks_is_the_reason(
    error: Exception,
    wanted: str,
    open_store: Callable[[Path, Path], Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    store = open_store(tmp_path, tmp_path / "artifacts")
    with training(store) as task:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker, "evaluate", fail)
            outcome = task.run()
        assert outcome.status == store.run(task.run_id).status() == "FAILED"
        assert wanted in outcome.reason
        assert task.run().status == "FINISHED"  # from the saved state
        assert_whole(store, task)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.usefixtures("one_thread")
def test_a_clock_that_jumps_is_not_noticed(
    open_store: Callable[[Path, Path], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = iter([0, -400, 300, -20])
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400 * next(days, 7))
    store = open_store(tmp_path, tmp_path / "artifacts")
    with training(store) as task:
        assert task.run().status == "FINISHED"
        assert_whole(store, task)


# --- Precision -------------------------------------------------------------------------------


@pytest.mark.parametrize(("fast", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_no_warning_without_cause(
    fast: bool, precision: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "has_fast_bfloat16", lambda device: fast)
    command.warn_of_slow_products([replace(a_spec(), precision=precision)])
    assert capsys.readouterr().err == ""


def test_bfloat16_is_slow_without_instructions_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "has_fast_bfloat16", lambda device: False)
    command.warn_of_slow_products([replace(a_spec(), precision="bfloat16")])
    assert "Warning: precision bfloat16 on a device that has no instr" in capsys.readouterr().err


# --- Impatience ------------------------------------------------------------------------------

LONG = ("train", "--setting", "16-8-2,16-8-3", "--recipe", "assignment", "--iterations", "500000",
        "--workers", "2", "--data", "mnist", "--pairs", "1-7")  # fmt: skip


def test_a_second_ctrl_c_leaves_no_run_running(new_workspace: NewWorkspace) -> None:
    place = new_workspace()
    environment = place.environment()
    command = [str(Path(environment["PATH"].split(os.pathsep)[0]) / "python"), "-m", "jobs", *LONG]
    with subprocess.Popen(
        command, cwd=place.folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_for(lambda: process.poll() is not None or len(place.runs(kind="training")) == 2)
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (130, -signal.SIGINT), errors  # to a shell, 130 both
    assert "Traceback" not in errors
    assert {run.info.status for run in place.runs()} == {"KILLED"}


# --- Nobody reads ----------------------------------------------------------------------------

UNREAD = (
    "python -m jobs study --hidden 8-4 --latent 2,3 --seeds 0 --iterations 20 --workers 1"
    " --data mnist"
)


def test_output_that_nobody_reads_costs_nothing(new_workspace: NewWorkspace) -> None:
    place = new_workspace()
    unread = f"PYTHONUNBUFFERED=1 {UNREAD} 2>&- | true; exit ${{PIPESTATUS[0]}}"
    assert place.run("bash", "-c", unread).returncode == 0
    assert [run.info.status for run in place.runs()] == ["FINISHED"] * 3
