"""How trainings end, and the exit status of the command that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

FAILED, INTERRUPTED = 1, 130
"""Exit statuses; 130 after Ctrl-C is what shells use."""


class RunStatus(StrEnum):
    """How a training, or the run above trainings, ended."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    UNSENT = "UNSENT"
    """The training finished but its results could not be uploaded; the run is unchanged."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training ended."""

    name: str
    run_id: str
    status: RunStatus
    reason: str = ""
    """Why it did not finish; empty if it did."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Final metrics; empty unless it finished."""
    model_id: str = ""
    """Of the logged model; empty if there is none."""


def exit_status(outcomes: Sequence[Outcome], is_stopped: bool, is_complete: bool = True) -> int:
    """Return the exit status of a command.

    Args:
        outcomes: of its trainings.
        is_stopped: whether a signal asked it to stop.
        is_complete: whether all else it had to do is done, such as the report.
    """
    if is_stopped:
        return INTERRUPTED
    succeeded = all(outcome.status == RunStatus.FINISHED for outcome in outcomes)
    return 0 if succeeded and is_complete else FAILED


def sweep_status(status: int) -> RunStatus:
    """Return the status of the run above the trainings for the exit status of the command."""
    ended = {0: RunStatus.FINISHED, INTERRUPTED: RunStatus.KILLED}
    return ended.get(status, RunStatus.FAILED)
