"""Which runs a job is at work on: those it is not, although they seem RUNNING, were cut off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from jobs.checkpoint import Checkpoint, abandoned
from jobs.tracking import Run, Store, briefly


def place_of(store: Store) -> dict[str, str]:
    """Return what the claims on all runs of an experiment have in common."""
    return {"tracking_uri": store.tracking_uri, "experiment_id": store.experiment_id}


def claim(run: Run, identity: Mapping[str, str]) -> Checkpoint:
    """Take a new run for this process; `identity` includes `place_of` its store."""
    checkpoint = Checkpoint(run.run_id)
    checkpoint.claim(identity)
    return checkpoint


def mark_interrupted(store: Store) -> None:
    """Mark the runs KILLED whose process ended without a word."""
    place = place_of(store)
    for found in abandoned(place):
        run = Run(store.client, found.run_id)
        if run.status() == "RUNNING":
            run.end("KILLED", "its process ended without a word; the same command continues it")
        if found.identity() == place:  # not of a training: there is nothing to continue
            found.remove()
        found.release()


@contextmanager
def at_work_on(run: Run, store: Store) -> Iterator[None]:
    """Claim a run that is no training, and end it with what happens in the body."""
    claimed = claim(run, place_of(store))
    try:
        yield
        run.end("FINISHED")
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        with suppress(Exception), briefly():  # else the next command does it
            run.end(status, f"{type(error).__name__}: {error}")
        claimed.release()
        raise
    claimed.remove()
