"""Tasks in processes: as many at a time as asked, one kind in a process, and lost processes."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.training.executor import execute
from tests.support.interpreter import ran


@dataclass(frozen=True)
class Job:
    """A task that notes when and in which process it runs."""

    number: int
    kind: int
    notes: Path
    seconds: float = 0.2


def kind(job: Job) -> int:
    return job.kind


def work(job: Job) -> int:
    (job.notes / f"{job.number}.begun").write_text(f"{time.monotonic()} {os.getpid()}")
    time.sleep(job.seconds)
    (job.notes / f"{job.number}.ended").write_text(str(time.monotonic()))
    return 10 * job.number


def die_once(job: Job) -> int:
    """Be killed at the first try, job 0 alone."""
    first = not (job.notes / f"{job.number}.begun").exists()
    result = work(job)
    if job.number == 0 and first:
        os.kill(os.getpid(), signal.SIGKILL)
    return result


def die(job: Job) -> int:
    if job.number == 0:
        time.sleep(1)  # the other is done meanwhile
        os.kill(os.getpid(), signal.SIGKILL)
    return work(job)


def jobs(folder: Path, *kinds: int) -> list[Job]:
    return [Job(number, kind, folder) for number, kind in enumerate(kinds)]


def most_at_once(folder: Path) -> int:
    """Return how many tasks ran at the same time at most."""
    events = [(float(p.read_text().split()[0]), 1) for p in folder.glob("*.begun")]
    events += [(float(p.read_text()), -1) for p in folder.glob("*.ended")]
    running = most = 0
    for _, change in sorted(events):
        running += change
        most = max(most, running)
    return most


def processes(folder: Path, job: Job) -> str:
    return (folder / f"{job.number}.begun").read_text().split()[1]


def test_one_worker_is_a_process_of_its_own(tmp_path: Path) -> None:
    given = jobs(tmp_path, 1, 2, 1)
    assert execute(work, given, 1, kind) == {0: 0, 1: 10, 2: 20}
    ids = [processes(tmp_path, job) for job in given]
    assert str(os.getpid()) not in ids
    assert ids[0] != ids[1]
    assert most_at_once(tmp_path) == 1


def test_every_task_is_run(tmp_path: Path) -> None:
    assert execute(work, jobs(tmp_path, 1, 1, 1), 2, kind) == {0: 0, 1: 10, 2: 20}
    assert most_at_once(tmp_path) <= 2


def test_no_task_no_process() -> None:
    assert execute(work, [], 0, kind) == {}


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_of_different_threads_never_share_a_process_nor_exceed_the_workers(
    tmp_path: Path, workers: int
) -> None:
    """As the default three do on two cores: `workers=1` used to start three."""
    tasks = jobs(tmp_path, 2, 1, 1)
    assert execute(work, tasks, workers, kind) == {0: 0, 1: 10, 2: 20}
    assert most_at_once(tmp_path) <= workers
    of_two_threads = processes(tmp_path, tasks[0])
    assert of_two_threads not in [processes(tmp_path, task) for task in tasks[1:]]


def test_with_a_process_for_each_all_start_at_once(tmp_path: Path) -> None:
    tasks = [Job(number, number, tmp_path, seconds=2) for number in range(3)]
    execute(work, tasks, 3, kind)
    assert most_at_once(tmp_path) == 3


def test_a_task_whose_process_is_killed_is_begun_once_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(die_once, jobs(tmp_path, 1, 1), 2, kind) == {0: 0, 1: 10}
    assert capsys.readouterr().err.count("was killed by the system") == 1


def test_a_task_whose_process_is_killed_twice_has_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(die, jobs(tmp_path, 1, 1), 2, kind) == {1: 10}
    assert capsys.readouterr().err.count("was killed by the system") == 2


def is_imported(name: str) -> bool:
    return name in sys.modules


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is preloaded elsewhere")
def test_processes_have_at_hand_what_was_preloaded() -> None:
    script = (
        "from jobs.training.executor import execute, start_server\n"
        "from tests.jobs.training.test_executor import is_imported\n"
        "start_server('modulefinder')\n"
        "print(sorted(execute(is_imported, ['modulefinder', 'filecmp'], 2, str).items()))"
    )
    assert ran(script) == ["[(0, True), (1, False)]"]


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is preloaded elsewhere")
def test_what_training_processes_share_can_be_forked() -> None:
    """A thread of BLAS would not be there after the fork. pyarrow's allocator sees to its own."""
    script = (
        "import sys\n"
        "import jobs.training.preloaded\n"
        "from pathlib import Path\n"
        "assert 'mlflow' in sys.modules and 'tensorflow' in sys.modules\n"
        "tasks = Path('/proc/self/task').iterdir()\n"
        "print(sorted({(task / 'comm').read_text().strip() for task in tasks} - {'python'}))"
    )
    assert ran(script) in (["[]"], ["['jemalloc_bg_thd']"])
