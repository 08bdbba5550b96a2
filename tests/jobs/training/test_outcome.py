"""From outcomes to the exit status, and to the status of the run above."""

import pytest

from jobs.training.outcome import Outcome, RunStatus, exit_status, sweep_status


def outcomes(*statuses: RunStatus) -> list[Outcome]:
    return [Outcome(name="a", run_id="1", status=status) for status in statuses]


FINISHED, FAILED, KILLED, UNSENT = RunStatus


@pytest.mark.parametrize(
    ("statuses", "is_stopped", "is_complete", "status", "above"),
    [
        ([FINISHED, FINISHED], False, True, 0, FINISHED),
        ([FINISHED, FINISHED], False, False, 1, FAILED),
        ([FINISHED, FINISHED], True, False, 130, KILLED),
        ([FINISHED, FAILED], False, True, 1, FAILED),
        ([FINISHED, UNSENT], False, True, 1, FAILED),
        ([FINISHED, KILLED], False, True, 1, FAILED),
        ([KILLED, KILLED], True, True, 130, KILLED),
        ([FAILED, KILLED], True, True, 130, KILLED),
    ],
)
def test_exit_status(
    statuses: list[RunStatus], is_stopped: bool, is_complete: bool, status: int, above: RunStatus
) -> None:
    assert exit_status(outcomes(*statuses), is_stopped, is_complete) == status
    assert sweep_status(status) == above
