"""The project's own engine, `aemodel.training`, as the train command drives it."""

from collections.abc import Callable

from aemodel.training import Trainer
from benchmarks.work import SEED, Work


def train(work: Work, precision: str, record: Callable[[float], None]) -> None:
    """Train; see `benchmarks.peers`."""
    training = Trainer(work.setting, work.recipe, SEED, work.dataset, precision)
    for progress in training.run():
        if progress.point:
            record(progress.point.test_mse)
