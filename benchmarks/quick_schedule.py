"""The study that chose the learning rate of the recipe `quick`, on a slice of the training set.

Trains each setting with several peak learning rates on the first 50,000 training images and takes
the error on the other 10,000. The test set is not touched. Run with
`python -m benchmarks.quick_schedule [rates ...]`. It found, with 4,000 iterations:

    setting    0.001      0.002      0.004
       1      0.04149    0.03962    0.03849
       2      0.01564    0.01469    0.01437
       3      0.00819    0.04961    0.05694     (unstable above 0.001)
"""

import dataclasses
import sys
from pathlib import Path

from aemodel import mnist
from aemodel.settings import RECIPES, SETTINGS
from aemodel.training import Training, use_threads

RATES = (1e-3, 2e-3, 4e-3)
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
            recipe = dataclasses.replace(RECIPES["quick"], learning_rate=rate)
            training = Training(setting, recipe, 0, data, "float32")
            for _ in training.run():
                pass
            errors.append(training.test_mse())
        print(f"| {setting.name} | " + " | ".join(f"{e:.5f}" for e in errors) + " |", flush=True)


if __name__ == "__main__":
    main([float(text) for text in sys.argv[1:]] or list(RATES))
