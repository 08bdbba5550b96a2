"""How long a training takes, relative to others: estimated from its matrix products.

The unit is one multiplication of a matrix product. A layer with i inputs and o outputs costs, for a
batch of n images,

    n i o                         each of the forward pass, the weights' gradient and the inputs'
    2 min(n, o) i^2               to rotate with a basis of its inputs, there and back
    2 min(n, i) o^2               with one of its outputs (`aemodel.layer` rotates the fewer rows)

and every basis of size s

    n s^2 / FACTOR_EVERY          to update its factor
    7 s^3 / BASIS_EVERY           to be refreshed: two products, and a QR that takes as long as five

What else an iteration does is proportional to that, or small.
"""

from itertools import pairwise

from aemodel import soap
from aemodel.settings import Recipe, Setting

TEST_IMAGES = 10_000
"""Images of a test set, over which the error is recorded."""

REFRESH_PRODUCTS = 7
"""Products of two matrices of the basis's size that take as long as a refresh."""


def training_cost(setting: Setting, recipe: Recipe) -> float:
    """Return the multiplications that a whole training costs, about."""
    shapes = list(pairwise(setting.layer_widths))
    per_image = sum(inputs * outputs for inputs, outputs in shapes)
    first = shapes[0][0] * shapes[0][1]  # nobody needs the gradient of its inputs
    update = recipe.batch_size * (3 * per_image - first)
    evaluation = TEST_IMAGES * per_image / recipe.eval_every
    bases = _soap_cost(shapes, recipe.batch_size) if recipe.optimizer == "soap" else 0.0
    return recipe.iterations * (update + evaluation + bases)


def _soap_cost(shapes: list[tuple[int, int]], batch: int) -> float:
    """Return what the bases add to an iteration."""
    total = 0.0
    for (inputs, outputs), (left, right) in zip(shapes, soap.basis_sizes(shapes), strict=True):
        total += 2 * (min(batch, outputs) * left**2 + min(batch, inputs) * right**2)
        for size in (left, right):
            total += batch * size**2 / soap.FACTOR_EVERY
            total += REFRESH_PRODUCTS * size**3 / soap.BASIS_EVERY
    return total
