"""The study that chose the numbers of the recipe `fast`, on a slice of the training set.

Every training learns from the first 50,000 training images; the error is that on the other 10,000.
The test set is not touched. `python -m benchmarks.fast_study` prints all tables, which takes hours;
`python -m benchmarks.fast_study bases --settings 1,2` prints a part of one. Seconds are processor
time of trainings on one thread each, as many side by side as there are cores: compare them within a
column.

What led to the recipe, in this order: setting 2, seed 0, bfloat16 products, the validation error.

| 1,500 iterations, cosine from 0.003, beta 1 = beta 2 = 0.95 | |
| --- | --- |
| SOAP as in the paper: factors of Shampoo, refreshed every 50 updates | 0.01227 |
| factors of K-FAC | 0.01184 |
| the same, no basis at the output | 0.01283 |
| pixels fixed to the principal axes of the images | 0.01189 |
| no bases at the pixels | 0.01292 |
| principal axes, bases at the pixels alone | 0.01552 |
| natural gradient (K-FAC), best of four rates and dampings | 0.01803 |

| 1,500 iterations, principal axes, cosine from 0.005 | |
| --- | --- |
| beta 1 = beta 2 = 0.95 | 0.01169 |
| the same, batches of 1,000 | 0.01119 |
| beta 1 = 0.9, beta 2 = 0.99 | 0.01113 |
| the same, batches of 1,000 | 0.01082 |
| factors from the last 40 updates, bases refreshed every 25 | 0.01085 |
| the same, 600 of 784 axes | 0.01074 |
| refreshed every 10 | 0.01072 |

| 4,000 iterations, 600 axes | every 50, decay 0.7 | every 100, decay 0.5 |
| --- | --- | --- |
| cosine from 0.006 | 0.00931 | |
| from 0.008 | 0.00940 | 0.00989 |
| from 0.010 | 0.00950 | |

A larger batch or more refreshes cost more time than they are worth.

| setting, seed (4,000 iterations, bfloat16) | with a basis of the first layer's outputs | without |
| --- | --: | --: |
| 1, seed 0 | 0.03714 | 0.03682 |
| 1, seed 1 | 0.03736 | 0.03685 |
| 1, seed 2 | 0.03693 | 0.03675 |
| 2, seed 0 | 0.00942 | 0.00930 |
| 2, seed 1 | 0.00925 | 0.00929 |
| 3, seed 0 | 0.00374 | 0.00377 |

Without it an iteration takes 0.96, 0.86 and 0.77 of the processor time in settings 1, 2 and 3.
Without any other basis the error of setting 3 is far higher: 0.00437 after 4,000 iterations without
that of the fifth layer's outputs, 0.00748 after 1,000 without that of the last layer's inputs.

With Nesterov's look-ahead and factors from every fifth update 2,800 iterations lead further than
4,000 without either (factors from every tenth, but for the last column):

| setting, seed | 4,000 without | 3,000 without | 3,000 with | 2,500 with | 2,800 with, every 5 |
| --- | --: | --: | --: | --: | --: |
| 1, seed 0 | 0.03682 | 0.03690 | 0.03670 | 0.03668 | 0.03663 |
| 2, seed 0 | 0.00930 | 0.00966 | 0.00930 | 0.00954 | 0.00926 |
| 2, seed 1 | 0.00929 | | 0.00917 | | 0.00919 |
| 2, seed 2 | | | | | 0.00915 |
| 3, seed 0 | 0.00377 | | 0.00359 | 0.00377 | 0.00362 |

| 2,500 iterations with it, setting 2, seed 0 | |
| --- | --: |
| beta 1 = 0.9, beta 2 = 0.99, factors every 10 with decay 0.7 | 0.00954 |
| factors every 5 | 0.00940 |
| factors every 5, decay 0.8 | 0.00942 |
| factors every 2, decay 0.85 | 0.00953 |
| factors every 10, decay 0.5 | 0.00957 |
| linear decay instead of the cosine | 0.00949 |
| beta 1 = 0.85 | 0.00956 |
| beta 1 = 0.93 | 0.00969 |
| beta 1 = 0.95 | 0.00981 |
| beta 2 = 0.98 | 0.00969 |

| 2,500 iterations with it, factors every 5 | setting 1 | setting 2 |
| --- | --: | --: |
| from 0.006 | 0.03668 | 0.00940 |
| from 0.005 | | 0.00978 |
| from 0.004 | 0.03701 | 0.00977 |
| from 0.003 | | 0.01003 |

| 2,800 iterations with it, factors every 5 | setting 2 | s | setting 3 | s |
| --- | --: | --: | --: | --: |
| refreshed every 50 | 0.00926 | | 0.00362 | 178 |
| every 70 | | | 0.00374 | 171 |
| every 100 | 0.00944 | 68 | 0.00395 | 163 |

| setting 3, seed 0, float32 | 700 iterations | 2,800 |
| --- | --: | --: |
| bases of 1,024 | 0.00586 | 0.00346 |
| each in two blocks | 0.00623 | 0.00391 |
| in four | 0.00656 | |
| in eight | 0.00699 | |
| that of the last layer's inputs alone in four | 0.00616 | |
| the other two in four | 0.00627 | |
| the other two in two, that one in four | | 0.00413 |
| batches of 250, 4,200 iterations | | 0.00396 |

What blocks save is less than the iterations cost that would make up for them; 4,200 batches of 250
take longer than 2,800 of 500.

Neither does a higher rate pay (0.008: 0.00928 after 3,000), nor rarer refreshes towards the end
(every 100 updates after 1,000 and every 200 after 2,500: 0.00940 after 4,000 without the
look-ahead, instead of 0.00930).
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import typer
from joblib import Parallel, delayed

from aemodel import soap
from aemodel.data import Dataset, load_dataset
from aemodel.device import use_threads
from aemodel.settings import RECIPES, SETTINGS
from aemodel.training import Trainer
from jobs.training.cores import available_cores

TRAINED = 50_000

WIDE = 600
"""Width of a layer from which on its bases are divided where a study does so."""


@dataclass(frozen=True)
class Variant:
    """The recipe `fast` with something changed."""

    name: str
    recipe: dict[str, Any] = field(default_factory=dict)
    """Fields of the recipe."""
    engine: dict[str, Any] = field(default_factory=dict)
    """Names in `aemodel.soap`, such as constants, functions and methods."""


def with_first_outputs(shapes: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the sizes of the bases with one of the first layer's outputs as well."""
    _, *sizes = BASIS_SIZES(shapes)
    return [(0, shapes[0][1]), *sizes]


def in_blocks(blocks: int) -> Callable[[soap.Eigenbasis, Any], None]:
    """Return the update of a factor that divides those of wide layers in so many blocks."""

    def update_factor(basis: soap.Eigenbasis, batch: Any) -> None:
        UPDATE_FACTOR(basis, batch)
        size = int(basis.covariance.shape[0])
        if size > WIDE:
            block = np.arange(size) * blocks // size
            basis.covariance.assign(basis.covariance * np.float32(block[:, None] == block))

    return update_factor


BASIS_SIZES, UPDATE_FACTOR = soap.basis_sizes, soap.Eigenbasis.update_factor

STUDIES = {
    "rates": [
        Variant(f"from {rate:g}", {"learning_rate": rate}) for rate in (3e-3, 4e-3, 6e-3, 8e-3)
    ],
    "lengths": [Variant(f"{n:,} iterations", {"iterations": n}) for n in (700, 2_500, 2_800)],
    "momentum": [
        Variant("2,800 iterations with Nesterov's look-ahead"),
        Variant("2,800 without", {"nesterov": False}),
        Variant("4,000 without", {"nesterov": False, "iterations": 4_000}),
        *(Variant(f"beta 1 = {b:g}", {"beta_1": b}) for b in (0.85, 0.95)),
    ],
    "bases": [
        Variant("no basis of the first layer's outputs"),
        Variant("with that basis", engine={"basis_sizes": with_first_outputs}),
    ],
    "blocks": [
        Variant("whole bases"),
        *(
            Variant(f"{n} blocks", engine={"Eigenbasis.update_factor": in_blocks(n)})
            for n in (2, 4, 8)
        ),
    ],
    "batches": [Variant("4,200 iterations of 250", {"batch_size": 250, "iterations": 4_200})],
    "refreshes": [
        Variant(f"bases every {n}", engine={"BASIS_EVERY": n}) for n in (25, 50, 100, 200)
    ],
    "factors": [
        Variant(f"decay {beta}, every {n}", engine={"FACTOR_BETA": beta, "FACTOR_EVERY": n})
        for beta, n in ((0.7, 5), (0.8, 5), (0.85, 2), (0.5, 10), (0.7, 10))
    ],
}


def validation_split(data: Dataset) -> Dataset:
    """Return the training set cut in two: the second part takes the place of the test set."""
    return Dataset(
        data.x_train[:TRAINED],
        data.y_train[:TRAINED],
        data.x_train[TRAINED:],
        data.y_train[TRAINED:],
    )


def train(variant: Variant, setting: str, seed: int, precision: str) -> tuple[float, float]:
    """Return the validation error of one training, and its seconds of processor time."""
    use_threads(1)
    data = validation_split(load_dataset(Path("data/mnist")))
    recipe = dataclasses.replace(RECIPES["fast"], **variant.recipe)
    with ExitStack() as changes:
        for name, value in variant.engine.items():
            changes.enter_context(patch(f"aemodel.soap.{name}", value))
        training = Trainer(SETTINGS[setting], recipe, seed, data, precision)
        started = time.process_time()
        for _ in training.run():
            pass
        return training.test_mse(), time.process_time() - started


def rows(
    variants: Sequence[Variant], settings: Sequence[str], seeds: int, precision: str
) -> Iterable[str]:
    """Yield a row of the table for each variant, when all its trainings are done."""
    tasks = [(v, name, seed) for v in variants for name in settings for seed in range(seeds)]
    pool = Parallel(available_cores(), batch_size=1, return_as="generator")
    results = pool(delayed(train)(*task, precision) for task in tasks)
    for variant in variants:
        cells = []
        for _ in settings:
            errors, seconds = np.transpose([next(results) for _ in range(seeds)])
            cells += [f"{errors.mean():.5f}", f"{seconds.mean():.0f}"]
        yield f"| {variant.name} | {' | '.join(cells)} |"


def main(
    studies: Annotated[list[str] | None, typer.Argument(help=", ".join(STUDIES))] = None,
    settings: Annotated[str, typer.Option(help="Comma list of 1, 2, 3.")] = "1,2,3",
    seeds: Annotated[int, typer.Option(min=1)] = 1,
    precision: str = "float32",
) -> None:
    """Print a table for each study: validation error (mean over the seeds) and seconds."""
    names = settings.split(",")
    for study in studies or STUDIES:
        heads = [text for name in names for text in (f"setting {name}", "s")]
        print(f"| {study} | {' | '.join(heads)} |\n| --- |{' --: |' * len(heads)}", flush=True)
        for row in rows(STUDIES[study], names, seeds, precision):
            print(row, flush=True)
        print()


if __name__ == "__main__":
    typer.run(main)
