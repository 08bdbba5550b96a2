"""SOAP: its bases, the layer that is trained in them, and what that is good for."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from aemodel.layer import Layer
from aemodel.settings import Recipe
from aemodel.soap import BASIS_EVERY, Eigenbasis, basis_sizes

pytestmark = pytest.mark.usefixtures("one_thread")

Array = NDArray[np.float32]


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def badly_scaled(seed: int, images: int, size: int, condition: float) -> Array:
    """Return rows whose covariance has this condition number, along no particular axes."""
    axes = np.linalg.qr(normal(seed + 1, size, size))[0]
    scales = np.geomspace(1, condition**-0.5, size)
    return np.asarray(normal(seed, images, size) * scales @ axes.T, np.float32)


# --- Bases -----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(size=st.integers(1, 40), seed=st.integers(0, 99), condition=st.sampled_from([1.0, 1e4, 1e8]))
def test_a_basis_stays_orthogonal_and_tells_how_it_turned(
    size: int, seed: int, condition: float
) -> None:
    basis = Eigenbasis(size)
    for round_ in range(4):
        basis.update_factor([tf.constant(badly_scaled(seed + round_, 30, size, condition))])
        before = basis.eigenvectors.numpy()
        rotation, order = basis.decompose() if round_ == 0 else basis.refresh()
        after = basis.eigenvectors.numpy()
        np.testing.assert_allclose(after.T @ after, np.eye(size), atol=2e-5)
        np.testing.assert_allclose(rotation, after.T @ before, atol=2e-5)
        assert sorted(order.numpy()) == list(range(size))


def test_refreshing_finds_the_eigenvectors() -> None:
    basis = Eigenbasis(8)
    basis.update_factor([tf.constant(badly_scaled(0, 500, 8, 1e3))])
    for _ in range(100):
        basis.refresh()
    rotated = basis.eigenvectors.numpy().T @ basis.covariance.numpy() @ basis.eigenvectors.numpy()
    variances = np.diag(rotated)
    np.testing.assert_allclose(rotated, np.diag(variances), atol=1e-5 * variances[0])
    assert list(variances) == sorted(variances, reverse=True)


def test_a_batch_in_parts_is_taken_in_whole() -> None:
    batch = badly_scaled(0, 50, 8, 1e3)
    whole, in_parts = Eigenbasis(8), Eigenbasis(8)
    for _ in range(2):
        whole.update_factor([tf.constant(batch)])
        in_parts.update_factor([tf.constant(batch[:20]), tf.constant(batch[20:])])
    np.testing.assert_allclose(in_parts.covariance, whole.covariance, rtol=1e-4, atol=1e-5)


def test_a_basis_that_is_found_turns_no_more() -> None:
    basis = Eigenbasis(8)
    basis.update_factor([tf.constant(badly_scaled(0, 500, 8, 1e3))])
    basis.decompose()
    rotation, order = basis.refresh()
    np.testing.assert_allclose(rotation, np.eye(8), atol=1e-3)
    assert list(order) == list(range(8))


def test_bases_stand_at_all_sides_but_the_pixels_and_the_first_layer() -> None:
    assert basis_sizes([(784, 8), (8, 784)]) == [(0, 0), (8, 0)]
    shapes = [(784, 40), (40, 9), (9, 40), (40, 784)]
    assert basis_sizes(shapes) == [(0, 0), (40, 9), (9, 40), (40, 0)]


# --- A layer in rotated coordinates ----------------------------------------------------------

INPUTS, OUTPUTS = 7, 5


def layer(rotated: bool, is_tanh: bool = True) -> Layer:
    kernel, bias = tf.Variable(normal(1, INPUTS, OUTPUTS)), tf.Variable(normal(2, OUTPUTS))
    bases = (Eigenbasis(INPUTS), Eigenbasis(OUTPUTS)) if rotated else (None, None)
    return Layer(kernel, bias, is_tanh, *bases)


def split(rows: Array, parts: int) -> list[tf.Tensor]:
    return [tf.constant(part) for part in np.array_split(rows, parts)]


def rotated_layer(images: Array, gradient: Array, parts: int = 1) -> Layer:
    """Return a layer whose bases are those of this batch."""
    made = layer(rotated=True)
    cache = made.forward(split(images, parts), tf.float32)
    made.backward(cache, split(gradient, parts), update_factors=True, needs_input_gradient=True)
    made.refresh(first=True)
    return made


@pytest.mark.parametrize("count", [2, 6, 30], ids=["rotates images", "mixed", "rotates weights"])
@pytest.mark.parametrize("product_type", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_rotated_layer_computes_the_same(count: int, product_type: tf.DType, parts: int) -> None:
    images, gradient = normal(3, count, INPUTS), normal(4, count, OUTPUTS)
    plain, rotated = layer(rotated=False), rotated_layer(images, gradient, parts)
    assert not np.allclose(rotated.kernel, plain.kernel)
    tolerance = 1e-5 if product_type == tf.float32 else 0.15
    np.testing.assert_allclose(rotated.original_kernel(), plain.kernel, atol=1e-5)
    results = []
    for one, parts_of_it in ((plain, 1), (rotated, parts)):
        cache = one.forward(split(images, parts_of_it), product_type)
        weights, inputs = one.backward(
            cache, split(gradient, parts_of_it), update_factors=False, needs_input_gradient=True
        )
        results.append((tf.concat(cache.outputs, 0), *weights, tf.concat(inputs, 0)))
    (outputs, d_kernel, d_bias, d_inputs), found = results
    np.testing.assert_allclose(found[0], outputs, atol=tolerance)
    assert rotated.left
    assert rotated.right
    left, right = rotated.left.eigenvectors.numpy(), rotated.right.eigenvectors.numpy()
    np.testing.assert_allclose(found[1], left.T @ d_kernel @ right, atol=tolerance)
    np.testing.assert_allclose(found[2], d_bias, atol=tolerance)
    np.testing.assert_allclose(found[3], d_inputs, atol=tolerance)


def test_refreshing_keeps_the_weights_and_turns_the_mean_with_them() -> None:
    images, gradient = normal(3, 30, INPUTS), normal(4, 30, OUTPUTS)
    made = rotated_layer(images, gradient)
    made.first_moments[0].assign(made.kernel)
    before = made.original_kernel().numpy()
    assert made.left
    assert made.right
    made.left.update_factor([tf.constant(badly_scaled(5, 100, INPUTS, 1e2))])
    made.right.update_factor([tf.constant(badly_scaled(6, 100, OUTPUTS, 1e2))])
    kernel = made.kernel.numpy()
    made.refresh()
    assert not np.allclose(made.kernel, kernel, atol=1e-2)
    np.testing.assert_allclose(made.original_kernel(), before, atol=1e-5)
    np.testing.assert_allclose(made.first_moments[0], made.kernel, atol=1e-5)


# --- What it is good for ---------------------------------------------------------------------


def recipe(learning_rate: float) -> Recipe:
    return Recipe("test", 1, 1, 1, learning_rate, beta_1=0.9, beta_2=0.99)


def fit(
    one: Layer, inputs: Array, wanted: Array, rate: float, updates: int, solved: float = 0.0
) -> list[float]:
    """Fit a linear layer to `wanted` by least squares; return the loss before each update.

    It ends early when the loss is below the share `solved` of the first.
    """
    losses = []
    x, y = [tf.constant(inputs)], tf.constant(wanted)
    for update in range(updates):
        cache = one.forward(x, tf.float32)
        residual = cache.outputs[0] - y
        losses.append(float(tf.reduce_mean(tf.square(residual))))
        if losses[-1] < solved * losses[0]:
            break
        gradient = [residual * (2.0 / y.shape.num_elements())]
        gradients, _ = one.backward(
            cache, gradient, update_factors=update % 5 == 0, needs_input_gradient=False
        )
        if one.left and update % BASIS_EVERY == 0:
            one.refresh(first=update == 0)
            cache = one.forward(x, tf.float32)
            gradients, _ = one.backward(
                cache, gradient, update_factors=False, needs_input_gradient=False
            )
        one.update(gradients, recipe(rate), tf.constant(rate), tf.constant(update + 1.0))
    return losses


def test_in_one_dimension_it_is_adam() -> None:
    inputs, wanted = normal(0, 50, 1), 3 * normal(0, 50, 1) + 1

    def one(rotated: bool) -> Layer:
        bases = (Eigenbasis(1), Eigenbasis(1)) if rotated else (None, None)
        kernel, bias = tf.Variable([[0.5]]), tf.Variable([0.0])
        return Layer(kernel, bias, False, *bases)

    adam, soap = (fit(one(rotated), inputs, wanted, 0.05, 60) for rotated in (False, True))
    assert soap == pytest.approx(adam, rel=1e-5)
    assert soap[-1] < 0.1 * soap[0]


def test_a_badly_scaled_quadratic_takes_far_fewer_updates_than_adam() -> None:
    size, rates = 20, (0.01, 0.03, 0.1)
    inputs = badly_scaled(0, 400, size, 1e4)
    wanted = inputs @ normal(9, size, size)

    def needed(rotated: bool, rate: float, most: int) -> int:
        bases = (Eigenbasis(size), Eigenbasis(size)) if rotated else (None, None)
        kernel, bias = tf.Variable(tf.zeros([size, size])), tf.Variable(tf.zeros([size]))
        one = Layer(kernel, bias, False, *bases)
        return len(fit(one, inputs, wanted, rate, most, solved=1e-5))

    soap = min(needed(True, rate, 200) for rate in rates)
    assert soap < 200
    assert [needed(False, rate, 5 * soap) for rate in rates] == [5 * soap] * 3
