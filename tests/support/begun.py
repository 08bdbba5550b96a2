"""A training as the job hands it to a worker."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aemodel.data import load_dataset
from jobs.spec import TrainingSpec
from jobs.tracking import Store
from jobs.tracking.ownership import new_run
from jobs.training.worker import Task


@contextmanager
def begun(store: Store, job: TrainingSpec, board: Path) -> Iterator[Task]:
    """Make run and checkpoint of a training on the data in `mnist`, and hold the checkpoint."""
    run, held = new_run(store, job.name, {"seed": "1"})
    yield Task(
        job=job,
        index=0,
        run_id=run.run_id,
        tracking_uri=store.tracking_uri,
        data=Path("mnist"),
        data_digest=load_dataset(Path("mnist")).digest,
        board=board,
        threads=1,
        owner=os.getpid(),
    )
    held.release()
