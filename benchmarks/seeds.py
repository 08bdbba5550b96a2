"""The study of how much a training depends on its seed: `python -m benchmarks.seeds`.

Trains each setting from several seeds with one recipe and prints mean, standard deviation and range
of the final test MSE, and the worst spike: the largest ratio of a recorded error to the one before.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from joblib import Parallel, delayed

from aemodel.data import load_dataset
from aemodel.device import use_threads
from aemodel.settings import RECIPES, SETTINGS, Recipe
from aemodel.training import Trainer
from jobs.training.cores import available_cores


@dataclass(frozen=True)
class Key:
    """One training."""

    setting: str
    precision: str
    seed: int


def curves(keys: Iterable[Key], recipe: Recipe) -> Iterator[tuple[Key, list[float], float]]:
    """Train on one thread each, a process a core; yield test errors and seconds as they end."""
    pool = Parallel(available_cores(), batch_size=1, return_as="generator_unordered")
    for key, errors, seconds in pool(delayed(_curve)(key, recipe) for key in keys):
        said = f"setting {key.setting}, {key.precision}, seed {key.seed}: {errors[-1]:.5f}"
        print(f"{said}, {seconds:.0f} s", file=sys.stderr, flush=True)
        yield key, errors, seconds


def _curve(key: Key, recipe: Recipe) -> tuple[Key, list[float], float]:
    """Return the recorded test errors, the final one, and the seconds of a training."""
    use_threads(1)
    data = load_dataset(Path("data/mnist"))
    training = Trainer(SETTINGS[key.setting], recipe, key.seed, data, key.precision)
    for _ in training.run():
        pass
    return key, [*(p.test_mse for p in training.curve), training.test_mse()], training.seconds


def main(
    recipe: str = "fast",
    seeds: Annotated[int, typer.Option(min=2)] = 10,
    precision: str = "float32",
) -> None:
    """Print one line a setting."""
    keys = [Key(s, precision, n) for s in sorted(SETTINGS, reverse=True) for n in range(seeds)]
    found = {key: errors for key, errors, _ in curves(keys, RECIPES[recipe])}
    print("| setting | mean | deviation | lowest | highest | worst spike |")
    print("| --- | --: | --: | --: | --: | --: |")
    for setting in SETTINGS:
        all_errors = [errors for key, errors in found.items() if key.setting == setting]
        final = np.array([errors[-1] for errors in all_errors])
        spike = max(after / before for errors in all_errors for before, after in pairwise(errors))
        numbers = [final.mean(), final.std(ddof=1), final.min(), final.max()]
        print(f"| {setting} | {' | '.join(f'{n:.5f}' for n in numbers)} | {spike:.2f} |")


if __name__ == "__main__":
    typer.run(main)
