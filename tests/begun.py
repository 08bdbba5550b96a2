"""A training as the job hands it to a worker."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.checkpoint import Checkpoint
from jobs.plan import TrainingJob
from jobs.tracking import Store
from jobs.worker import Task


@contextmanager
def begun(store: Store, job: TrainingJob, board: Path) -> Iterator[Task]:
    """Make run and checkpoint of a training on the data in `mnist`, and hold the checkpoint."""
    run = store.create_run(job.name)
    held = Checkpoint(run.run_id)
    held.claim({"seed": "1"})
    yield Task(
        job=job,
        index=0,
        run_id=run.run_id,
        tracking_uri=store.tracking_uri,
        data=Path("mnist"),
        board=board,
        threads=1,
        owner=os.getpid(),
    )
    held.release()
