"""JAX: one compiled `lax.scan` of 100 updates a call, with the data on the device."""

from collections.abc import Callable
from functools import partial
from typing import Any

from aemodel.settings import PIXELS
from benchmarks.work import Work

EVALUATION_BATCH = 1000


def train(work: Work, precision: str, record: Callable[[float], None]) -> None:
    """Train; see `benchmarks.peers`."""
    import jax
    import jax.numpy as jnp

    recipe, data = work.recipe, work.shuffled
    x_train, x_test = jax.device_put(data.x_train), jax.device_put(data.x_test)
    product_type = jnp.dtype(precision)

    def forward(weights: list[Any], x: Any, kind: Any) -> Any:
        h = x
        for kernel, bias, is_tanh in zip(
            weights[::2], weights[1::2], work.setting.tanh_layers, strict=True
        ):
            h = jnp.dot(h.astype(kind), kernel.astype(kind)).astype(jnp.float32) + bias
            h = jnp.tanh(h) if is_tanh else h
        return h

    def images(pixels: Any, offset: Any, size: int) -> Any:
        return jax.lax.dynamic_slice(pixels, (offset, 0), (size, PIXELS)) * jnp.float32(1 / 255)

    def loss(weights: list[Any], x: Any) -> Any:
        return jnp.mean(jnp.square(forward(weights, x, product_type) - x))

    def update(state: Any, iteration: Any, x_train: Any) -> Any:
        weights, means, squares = state
        x = images(x_train, iteration * recipe.batch_size % len(x_train), recipe.batch_size)
        gradients = jax.grad(loss)(weights, x)
        t = (iteration + 1).astype(jnp.float32)
        b1, b2 = recipe.beta_1, recipe.beta_2
        rate = recipe.learning_rate * jnp.sqrt(1 - b2**t) / (1 - b1**t)
        means = [b1 * m + (1 - b1) * g for m, g in zip(means, gradients, strict=True)]
        squares = [b2 * v + (1 - b2) * g * g for v, g in zip(squares, gradients, strict=True)]
        weights = [
            w - rate * m / (jnp.sqrt(v) + recipe.epsilon)
            for w, m, v in zip(weights, means, squares, strict=True)
        ]
        return (weights, means, squares), None

    @partial(jax.jit, static_argnames="count", donate_argnums=0)
    def updates(state: Any, first: Any, count: int, x_train: Any) -> Any:
        step = partial(update, x_train=x_train)
        return jax.lax.scan(step, state, first + jnp.arange(count))[0]

    def evaluate(weights: list[Any], x_test: Any) -> Any:
        def part(total: Any, offset: Any) -> Any:
            x = images(x_test, offset, EVALUATION_BATCH)
            return total + jnp.sum(jnp.square(forward(weights, x, jnp.float32) - x)), None

        offsets = jnp.arange(0, len(x_test), EVALUATION_BATCH)
        return jax.lax.scan(part, jnp.float32(0), offsets)[0] / x_test.size

    test_mse = jax.jit(evaluate)
    state = tuple([jnp.array(w) * share for w in work.weights] for share in (1, 0, 0))
    done = 0
    while done < recipe.iterations:
        count = 1 if done == 0 else recipe.eval_every
        state = updates(state, done, count, x_train)
        done += count
        record(float(test_mse(state[0], x_test)))
