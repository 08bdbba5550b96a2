"""The study that says whether bfloat16 can be trusted: `python -m benchmarks.precisions`.

Trains each setting with the recipe `assignment`, cut to 10,000 iterations, from three seeds in both
precisions, and prints the final test MSE: that of bfloat16 should lie within float32's spread. It
takes about 25 minutes on two cores with AMX.
"""

import sys
from itertools import product
from pathlib import Path

from joblib import Parallel, delayed

from aemodel import mnist
from aemodel.settings import SETTINGS
from aemodel.training import PRECISIONS, Training, use_threads
from benchmarks.work import recipe_of
from jobs.sharing import available_cores

SEEDS = (0, 1, 2)
ITERATIONS = 10_000

Key = tuple[str, str, int]
"""Setting, precision, seed."""


def final_error(key: Key, iterations: int) -> tuple[Key, float]:
    """Train one network; return its test MSE at the end."""
    setting, precision, seed = key
    use_threads(1)
    data = mnist.load(Path("data/mnist"))
    training = Training(SETTINGS[setting], recipe_of(iterations), seed, data, precision)
    for _ in training.run():
        pass
    return key, training.test_mse()


def main(iterations: int) -> None:
    """Print each error as it comes, and the table."""
    keys = [*product(sorted(SETTINGS, reverse=True), PRECISIONS, SEEDS)]
    pool = Parallel(available_cores(), batch_size=1, return_as="generator_unordered")
    errors: dict[Key, float] = {}
    for key, error in pool(delayed(final_error)(key, iterations) for key in keys):
        errors[key] = error
        print(f"setting {key[0]}, {key[1]}, seed {key[2]}: {error:.5f}", file=sys.stderr)
    print(f"| setting | {' | '.join(PRECISIONS)} |\n| --- | --- | --- |")
    for setting in SETTINGS:
        cells = [
            ", ".join(f"{errors[setting, precision, seed]:.5f}" for seed in SEEDS)
            for precision in PRECISIONS
        ]
        print(f"| {setting} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITERATIONS)
