"""The project's own engine with the recipe `fast`: other work than the peers', for its cost."""

import dataclasses
from collections.abc import Callable

from aemodel.settings import RECIPES
from aemodel.training import Trainer
from benchmarks.work import SEED, Work


def train(work: Work, precision: str, record: Callable[[float], None]) -> None:
    """Train; see `benchmarks.peers`."""
    recipe = dataclasses.replace(RECIPES["fast"], iterations=work.recipe.iterations)
    training = Trainer(work.setting, recipe, SEED, work.dataset, precision)
    for progress in training.run():
        if progress.point:
            record(progress.point.test_mse)
