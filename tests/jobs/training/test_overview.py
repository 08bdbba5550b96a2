"""The line on all trainings of a command that take turns."""

import pytest

from jobs.training.channel import TrainingProgress
from jobs.training.overview import Overview

WAITING = TrainingProgress(stage="waiting")
FINISHED = TrainingProgress(stage="finished")
FAILED = TrainingProgress(stage="failed")
HALF = TrainingProgress(stage="training", done=50, total=100)


@pytest.mark.parametrize(
    ("progress", "before", "line"),
    [
        ([WAITING, WAITING], 0, "0 of 2 trainings done"),
        ([HALF, WAITING], 0, "0 of 2 trainings done, about 5:00 left"),  # 1.5 of 2 in 3 x 100 s
        ([FINISHED, HALF, WAITING], 18, "19 of 21 trainings done, about 1:40 left"),
        ([FAILED, HALF, HALF], 0, "1 of 3 trainings done, 1 of them failed, about 0:50 left"),
        ([FINISHED, FAILED], 1, "3 of 3 trainings done, 1 of them failed"),
    ],
)
def test_how_many_are_done_and_when_all_will_be(
    progress: list[TrainingProgress], before: int, line: str
) -> None:
    assert Overview(done_before=before).line(progress, 100) == line
