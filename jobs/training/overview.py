"""How far the trainings of a command are together: how many are done, and when all will be."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.training.channel import TrainingProgress, clock
from jobs.training.outcome import RunStatus

ENOUGH = 0.5
"""Trainings' worth of updates after which the time that is left can be estimated."""


@dataclass(frozen=True)
class Overview:
    """The trainings of a command that take turns, since there are more than processes."""

    done_before: int
    """Trainings that an earlier command finished."""

    def line(self, progress: Sequence[TrainingProgress], seconds: float) -> str:
        """Return such as `7 of 21 trainings done, 1 of them failed, about 4:10 left`.

        Args:
            progress: of each training that this command has to do.
            seconds: since it began with them.
        """
        stages = [training.stage for training in progress]
        ended = sum(training.has_ended for training in progress)
        failed = stages.count(RunStatus.FAILED.lower())
        text = f"{self.done_before + ended} of {self.done_before + len(stages)} trainings done"
        text += f", {failed} of them failed" if failed else ""
        trained = sum(map(_share, progress))
        if trained < ENOUGH or ended == len(stages):
            return text
        return f"{text}, about {clock(seconds * (len(stages) - trained) / trained)} left"


def _share(progress: TrainingProgress) -> float:
    """Return how much of a training is done: all of it however it ended."""
    if progress.has_ended:
        return 1.0
    return progress.done / progress.total if progress.total else 0.0
