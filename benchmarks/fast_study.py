"""The study that chose the numbers of the recipe `fast`, on a slice of the training set.

Trains each setting with several peak learning rates on the first 50,000 training images and takes
the error on the other 10,000. The test set is not touched. `python -m benchmarks.fast_study
[rates ...]` prints the table; it takes about a quarter of an hour.
"""

import dataclasses
import sys
from pathlib import Path

from aemodel import mnist
from aemodel.settings import RECIPES, SETTINGS
from aemodel.training import Training, use_threads

RATES = (3e-3, 6e-3, 1.2e-2)
TRAINED = 50_000


def validation_split(data: mnist.Dataset) -> mnist.Dataset:
    """Return the training set cut in two: the second part takes the place of the test set."""
    return mnist.Dataset(
        data.x_train[:TRAINED],
        data.y_train[:TRAINED],
        data.x_train[TRAINED:],
        data.y_train[TRAINED:],
    )


def main(rates: list[float]) -> None:
    """Print the validation error of each setting and rate."""
    data = validation_split(mnist.load(Path("data/mnist")))
    use_threads(1)
    print("| setting | " + " | ".join(f"{rate:g}" for rate in rates) + " |", flush=True)
    for setting in SETTINGS.values():
        errors = []
        for rate in rates:
            recipe = dataclasses.replace(RECIPES["fast"], learning_rate=rate)
            training = Training(setting, recipe, 0, data, "float32")
            for _ in training.run():
                pass
            errors.append(training.test_mse())
        print(f"| {setting.name} | " + " | ".join(f"{e:.5f}" for e in errors) + " |", flush=True)


if __name__ == "__main__":
    main([float(text) for text in sys.argv[1:]] or list(RATES))
