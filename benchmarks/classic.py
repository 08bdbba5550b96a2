"""The classic deep autoencoder, 784-1000-500-250-30, beside the published errors of that network.

`python -m benchmarks.classic` trains it twice and prints two tables: once with the recipe `fast` at
half its learning rate (at the whole rate this network of eight layers jumps from 0.009 to 0.08 at
iteration 500, and hardly recovers), and once with the batch size and the number of epochs of the
published runs of K-BFGS and K-FAC. No published number is of a network trained as ours is; each row
says what it is of.

References:
    G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
    Science 313, 504-507, 2006.
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum
    in deep learning", ICML 2013, table 1.
    D. Goldfarb, Y. Ren, A. Bahamou, "Practical quasi-Newton methods for training deep neural
    networks", NeurIPS 2020; losses as their published notebook prints them.
"""

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from aemodel.data import MAX_PIXEL, Dataset, load_dataset
from aemodel.device import use_threads
from aemodel.evaluation import apply
from aemodel.settings import PIXELS, RECIPES, Recipe, Setting
from aemodel.training import Trainer
from jobs.training.cores import available_cores

CLASSIC = Setting("1000-500-250-30", (1000, 500, 250, 30))
PEERS_BATCH, PEERS_EPOCHS = 1_000, 50
RECIPE = dataclasses.replace(RECIPES["fast"], learning_rate=3e-3)


@dataclass(frozen=True)
class Row:
    """A squared error of an image: the sum over its pixels, on the 0..1 scale, on average."""

    what: str
    train: float | None
    """Over the training set."""
    test: float | None
    """Over the test set."""


PUBLISHED = (
    Row("logistic units, pretrained layer by layer (Hinton & Salakhutdinov 2006)", None, 3.00),
    Row("logistic PCA, 30 components (the same)", None, 8.01),
    Row("PCA, 30 components (the same)", None, 13.87),
    Row("750,000 updates of 200, SGD (Sutskever et al. 2013)", 2.1, None),
    Row("the same, classical momentum", 0.77, None),
    Row("the same, Nesterov's momentum", 0.73, None),
)

PEERS = {
    1: ((169.02, 167.85), (183.17, 182.72)),
    5: ((68.03, 68.23), (73.97, 73.68)),
    10: ((59.81, 60.98), (61.65, 62.48)),
    20: ((56.30, 58.47), (56.72, 58.52)),
    30: ((54.99, 57.79), (55.14, 57.65)),
    50: ((53.82, 57.61), (53.75, 57.38)),
}
"""After an epoch: training and test loss of K-BFGS, and of K-FAC."""

PEERS_TEST_MSE = 0.004
"""What they print for the end, in so many digits."""


def peers_recipe(epochs: int, images: int) -> Recipe:
    """Return that recipe with the peers' batch size and number of epochs.

    The error is recorded one update after the end of each epoch, since the first is after update 1.
    """
    updates = images // PEERS_BATCH
    return dataclasses.replace(
        RECIPE, batch_size=PEERS_BATCH, iterations=epochs * updates + 1, eval_every=updates
    )


def trained(recipe: Recipe, data: Dataset, precision: str) -> Trainer:
    """Train the classic network from seed 0."""
    trainer = Trainer(CLASSIC, recipe, 0, data, precision)
    for progress in trainer.run():
        if point := progress.point:
            print(f"{progress.done:,}: test MSE {point.test_mse:.5f}", file=sys.stderr, flush=True)
    return trainer


def errors_of(trainer: Trainer) -> Row:
    """Return the errors of a training at its end."""
    recipe = trainer.recipe
    images = trainer.data.x_train / np.float32(MAX_PIXEL)
    residuals = apply(trainer.network.autoencoder, images) - images
    what = (
        f"ours: tanh, {recipe.iterations:,} updates of {recipe.batch_size}, {trainer.seconds:.0f} s"
    )
    train = float(np.mean(np.square(residuals), dtype=np.float64))
    return Row(what, PIXELS * train, PIXELS * trainer.test_mse())


def linear(data: Dataset) -> Row:
    """Return the errors of PCA with as many components."""
    fitted = data.principal_components
    images = data.x_train, data.x_test
    errors = [float(fitted.image_mse(x, CLASSIC.latent_size).mean()) for x in images]
    return Row("PCA, 30 components (computed here)", *(PIXELS * error for error in errors))


def errors_table(rows: Sequence[Row]) -> str:
    """Return squared errors of an image, with the MSE per pixel of the test set."""
    lines = [
        "| squared error of an image | training | test | test, per pixel |",
        "| --- | --: | --: | --: |",
    ]
    for row in rows:
        per_pixel = "" if row.test is None else f"{row.test / PIXELS:.5f}"
        cells = ["" if error is None else f"{error:.2f}" for error in (row.train, row.test)]
        lines.append(f"| {row.what} | {' | '.join([*cells, per_pixel])} |")
    return "\n".join(lines)


def peers_table(test_mse: dict[int, float]) -> str:
    """Return our test MSE after epochs, beside the losses of the peers.

    Args:
        test_mse: epoch -> ours.
    """
    lines = [
        "| epoch | ours: test MSE per pixel | K-BFGS: train / test loss | K-FAC: the same |",
        "| --: | --: | --: | --: |",
    ]
    for epoch, losses in PEERS.items():
        cells = [f"{train:.2f} / {test:.2f}" for train, test in losses]
        ours = f"{test_mse[epoch]:.5f}" if epoch in test_mse else ""
        lines.append(f"| {epoch} | {ours} | {' | '.join(cells)} |")
    return "\n".join(lines)


DIFFERENCES = f"""Ours minimises the squared error with tanh units, on batches in an order that is
shuffled once; its errors are of one update after the epoch. Theirs minimise the cross-entropy of
sigmoid outputs, summed over the pixels, with ReLU: their losses compare with each other alone. For
the end they print a test MSE of {PEERS_TEST_MSE}, which is of the same kind as ours."""


def main(
    precision: str = "float32",
    iterations: Annotated[int, typer.Option(help="Of the first training.")] = RECIPE.iterations,
    epochs: Annotated[int, typer.Option(help="Of the second.")] = PEERS_EPOCHS,
    data: Path = Path("data/mnist"),
) -> None:
    """Print both tables."""
    use_threads(available_cores())
    images = load_dataset(data)
    first = trained(dataclasses.replace(RECIPE, iterations=iterations), images, precision)
    print(errors_table([errors_of(first), linear(images), *PUBLISHED]))
    second = trained(peers_recipe(epochs, len(images.x_train)), images, precision)
    every = second.recipe.eval_every
    print(f"\n{peers_table({p.iteration // every: p.test_mse for p in second.curve})}")
    print(f"\n{DIFFERENCES}")


if __name__ == "__main__":
    typer.run(main)
