"""Which runs a job is at work on: those it is not, although they seem RUNNING, were cut off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import uuid4

from jobs.tracking import Run, Store, briefly
from jobs.training.checkpoint import Checkpoint, abandoned

CLAIM = "claim"
"""Tag of a run that was claimed before it was made: under which name."""


def place_of(store: Store) -> dict[str, str]:
    """Return what the claims on all runs of an experiment have in common."""
    return {"tracking_uri": store.tracking_uri, "experiment_id": store.experiment_id}


def new_run(
    store: Store, name: str, identity: Mapping[str, str], parent: Run | None = None
) -> tuple[Run, Checkpoint]:
    """Make a run below `parent`, or without one adopt that of `mlflow run`, for this process.

    It is claimed first, so that there is no moment at which a kill would leave it RUNNING.

    Args:
        identity: as `Checkpoint.claim` has it; includes `place_of` the store.
    """
    checkpoint = Checkpoint((not parent and store.run_of_its_own) or uuid4().hex)
    checkpoint.claim(identity)
    try:
        tags = {CLAIM: checkpoint.run_id}
        run = store.create_run(name, parent, tags) if parent else store.adopt_run(name, tags)
        for twin in _claimed(store, checkpoint):
            if twin != run:  # MLflow repeats a request that seemed to fail
                twin.end("KILLED", "made twice: the store did what it said it could not do")
        checkpoint.rename(run.run_id)
    except BaseException:
        checkpoint.release()  # to `mark_interrupted`: perhaps the run was made all the same
        raise
    return run, checkpoint


def _claimed(store: Store, checkpoint: Checkpoint) -> Iterator[Run]:
    """Yield the runs made under a claim of this name."""
    for info in store.tagged(CLAIM, checkpoint.run_id):
        yield Run(store.client, info.run_id)


def mark_interrupted(store: Store) -> None:
    """Mark the runs KILLED whose process ended without a word."""
    place = place_of(store)
    for found in abandoned(place):
        for run in (Run(store.client, found.run_id), *_claimed(store, found)):
            if run.status() == "RUNNING":
                run.end("KILLED", "its process ended without a word; the same command continues it")
        if found.identity() == place:  # not of a training: there is nothing to continue
            found.remove()
        found.release()


@contextmanager
def at_work(store: Store, name: str, parent: Run | None = None) -> Iterator[Run]:
    """Make a run that is no training, and end it with what happens in the body."""
    run, claimed = new_run(store, name, place_of(store), parent)
    try:
        yield run
        run.end("FINISHED")
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        with suppress(Exception), briefly():  # else the next command does it
            run.end(status, f"{type(error).__name__}: {error}")
        claimed.release()
        raise
    claimed.remove()
