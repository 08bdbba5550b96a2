"""The work that every engine is timed on: the assignment's recipe, from the same start.

Every engine gets the same images in the same order and the same initial weights, so that the test
errors after some iterations tell whether it really did the same work.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aemodel.data import Dataset, load_dataset
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data" / "mnist"

SEED = 0

TEST_IMAGES = 10_000

Weights = list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Work:
    """One training to be timed."""

    setting: Setting
    recipe: Recipe
    dataset: Dataset
    """As loaded: not shuffled."""
    weights: Weights
    """Initial kernel (inputs, outputs) and bias of the six layers, in turn."""

    @property
    def shuffled(self) -> Dataset:
        """The images in the order in which they are trained on."""
        return self.dataset.shuffled(SEED)

    def offsets(self, first: int, count: int) -> Iterator[int]:
        """Yield the row at which the batch of each update first .. first + count - 1 starts."""
        size = self.recipe.batch_size
        for iteration in range(first, first + count):
            yield iteration * size % len(self.dataset.x_train)


def recipe_of(iterations: int) -> Recipe:
    """Return the assignment's recipe with another length."""
    return dataclasses.replace(RECIPES["assignment"], iterations=iterations)


def flops_per_iteration(setting: Setting, recipe: Recipe, test_images: int = TEST_IMAGES) -> float:
    """Return the floating-point operations of the matrix products of one update.

    A product of (n, a) and (a, b) is 2 n a b. Each layer has three of them: the output, the
    gradient of its weights and the gradient of its input, which the first layer does not need. The
    forward pass over the test set is spread over the updates between two evaluations.
    """
    layers = [a * b for a, b in pairwise(setting.layer_widths)]
    update = 2 * recipe.batch_size * (3 * sum(layers) - layers[0])
    return update + 2 * test_images * sum(layers) / recipe.eval_every


def save_initial_weights(folder: Path) -> None:
    """Write the engine's initial weights of each setting for `load_work` (needs Keras)."""
    from aemodel.network import build_autoencoder

    for name, setting in SETTINGS.items():
        pairs = build_autoencoder(setting, SEED).weights()
        np.savez(folder / f"{name}.npz", *[array for pair in pairs for array in pair])


def load_work(name: str, iterations: int, folder: Path) -> Work:
    """Return the work of the setting called `name`, with the initial weights saved in `folder`."""
    with np.load(folder / f"{name}.npz") as saved:
        weights = [saved[key] for key in saved.files]
    return Work(SETTINGS[name], recipe_of(iterations), load_dataset(DATA), weights)
