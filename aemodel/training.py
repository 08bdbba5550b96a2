"""The training engine: Adam on the MSE per pixel, compiled, with the data on the device.

One call of the compiled loop makes up to `CHUNK` updates: it slices a batch of raw bytes, scales
it, and runs the forward pass, back-propagation and the fused Adam kernel layer by layer. The
gradients are written out by hand. With residual r = x' - x, batch size B and P = 784 pixels,

    loss = sum(r^2) / (B P)                     the MSE per pixel
    g6   = 2 r / (B P)                          its gradient at the output
    dW_l = h_{l-1}^T g_l,   db_l = sum_B g_l
    g_{l-1} = (g_l W_l^T) * (1 - h_{l-1}^2)     the last factor only after a tanh layer

which is what automatic differentiation gives, without the gradient of the input and with the loss
computed only where it is recorded. Adam is Kingma & Ba (2015), algorithm 1 in the form of its
section 2 (epsilon outside the bias correction), as TensorFlow has it:

    m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
    w = w - lr_t m / (sqrt(v) + eps),     lr_t = lr sqrt(1 - b2^t) / (1 - b1^t)

A training is a function of (data, setting, recipe, seed, precision) and of the number of threads:
interrupted, saved with `state` and continued with `restore`, it ends in the same bits.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aemodel.mnist import Dataset
from aemodel.network import TANH_LAYERS, build_autoencoder
from aemodel.settings import PIXELS, Recipe, Setting

if TYPE_CHECKING:
    import tensorflow as tf

PRECISIONS = ("float32", "bfloat16")

CHUNK = 100
"""Most updates in one call of the compiled loop, so that progress and Ctrl-C never wait long."""

EVALUATION_BATCH = 1000
"""Images evaluated at a time: enough to keep the matrix products efficient, and in cache."""


class Diverged(ArithmeticError):
    """The error is no longer a number; `iteration` says since when, at the latest."""

    def __init__(self, iteration: int, learning_rate: float) -> None:
        super().__init__(
            f"the test error is not a number (NaN or infinite) at iteration {iteration}: training "
            f"diverged; try a learning_rate below {learning_rate:g}"
        )
        self.iteration = iteration


@dataclass(frozen=True)
class Point:
    """One recorded point of the error curve."""

    iteration: int
    """Number of the update after which the errors were taken, counted from 0."""
    test_mse: float
    """MSE per pixel over the whole test set."""
    train_mse: float
    """MSE per pixel of that update's mini-batch, before the update."""
    learning_rate: float
    seconds: float
    """Seconds of training so far, evaluation included."""


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    done: int
    """Updates made."""
    rate: float
    """Updates a second, of the last chunk."""
    point: Point | None
    """The point of the curve recorded just now, if one was due."""


def use_threads(threads: int) -> None:
    """Let TensorFlow use `threads` threads in this process; call it before anything else does.

    Raises:
        RuntimeError: TensorFlow is already running here with another number of threads.
    """
    with _without_startup_messages():
        import keras
        import tensorflow as tf

        keras.utils.disable_interactive_logging()
        tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


@contextmanager
def _without_startup_messages() -> Iterator[None]:
    """Keep what TensorFlow says while it starts off the terminal, unless it fails to start.

    Its libraries write to the file descriptor itself, before any setting of theirs takes effect.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        terminal = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            messages.seek(0)
            os.write(terminal, messages.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def has_fast_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 matrices in hardware."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            flags = next((line for line in cpuinfo if line.startswith("flags")), "").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def check_batch(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse a batch larger than the training set.

    Raises:
        ValueError: it is; the message says how large the set is.
    """
    if recipe.batch_size > len(dataset.x_train):
        raise ValueError(
            f"batch_size={recipe.batch_size} is more than the {len(dataset.x_train)} training "
            "images: give a smaller batch_size"
        )


class Training:
    """One network being trained on one data set.

    Attributes:
        network: the encoder, decoder and autoencoder, updated in place.
        data: the data set, shuffled once as the seed says.
        curve: the points recorded so far, oldest first.
        done: updates made so far.
        seconds: seconds of training so far, evaluation included, over all interruptions.
    """

    def __init__(
        self, setting: Setting, recipe: Recipe, seed: int, dataset: Dataset, precision: str
    ) -> None:
        """Build the network and put the data on the device.

        Raises:
            ValueError: the batch is larger than the training set, or the precision is unknown.
        """
        import tensorflow as tf

        if precision not in PRECISIONS:
            raise ValueError(
                f"precision={precision!r} is not known: give {' or '.join(PRECISIONS)}"
            )
        check_batch(recipe, dataset)
        self.recipe = recipe
        self.data = dataset.shuffled(seed)
        self.network = build_autoencoder(setting, seed)
        self.curve: list[Point] = []
        self.done = 0
        self.seconds = 0.0
        self._weights = [v.value for layer in self.network.dense_layers for v in layer.weights]
        self._means = [tf.Variable(tf.zeros_like(w)) for w in self._weights]
        self._squares = [tf.Variable(tf.zeros_like(w)) for w in self._weights]
        # The first batch again at the end: a batch that wraps around is then one slice as well.
        x_train = self.data.x_train
        self._x_train = tf.constant(np.concatenate([x_train, x_train[: recipe.batch_size]]))
        self._x_test = tf.constant(self.data.x_test)
        self._learning_rates = tf.constant(
            [recipe.learning_rate_at(i) for i in range(recipe.iterations)], tf.float32
        )
        self._product_type = tf.bfloat16 if precision == "bfloat16" else tf.float32
        self._update = tf.function(self._updates)
        self._evaluate = tf.function(self._test_mse)

    def run(self) -> Iterator[Progress]:
        """Train to the end of the recipe, yielding after every chunk of at most `CHUNK` updates.

        Whoever iterates may stop at any yield, take the `state`, and go on later.

        Raises:
            Diverged: the test error is NaN or infinite; `curve` holds the points before.
        """
        total, every = self.recipe.iterations, self.recipe.eval_every
        while self.done < total:
            started = time.perf_counter()
            next_evaluation = -(-self.done // every) * every
            updates = min(next_evaluation + 1, self.done + CHUNK, total) - self.done
            train_mse = self._update(np.int64(self.done), np.int64(updates))
            self.done += updates
            due = (self.done - 1) % every == 0
            test_mse = self.test_mse() if due else 0.0
            elapsed = time.perf_counter() - started
            self.seconds += elapsed
            point = None
            if due:
                learning_rate = self.recipe.learning_rate_at(self.done - 1)
                if not np.isfinite(test_mse):
                    raise Diverged(self.done - 1, learning_rate)
                point = Point(
                    self.done - 1, test_mse, float(train_mse), learning_rate, self.seconds
                )
                self.curve.append(point)
            yield Progress(self.done, updates / elapsed, point)

    def test_mse(self) -> float:
        """Return the MSE per pixel of the current network over the whole test set."""
        return float(self._evaluate())

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that `restore` needs to continue bit for bit, as plain arrays."""
        groups = {"weight": self._weights, "mean": self._means, "square": self._squares}
        arrays = {f"{g}_{i}": v.numpy() for g, vs in groups.items() for i, v in enumerate(vs)}
        curve = [[getattr(p, name) for name in Point.__annotations__] for p in self.curve]
        return arrays | {
            "curve": np.array(curve, np.float64).reshape(-1, len(Point.__annotations__)),
            "done": np.array(self.done),
            "seconds": np.array(self.seconds),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of a training of the same arguments.

        Raises:
            ValueError: the state belongs to another network or recipe, or is incomplete.
        """
        groups = {"weight": self._weights, "mean": self._means, "square": self._squares}
        expected = {f"{g}_{i}": v.shape for g, vs in groups.items() for i, v in enumerate(vs)}
        found = {name: state[name].shape for name in expected if name in state}
        if found != expected or not {"curve", "done", "seconds"} <= state.keys():
            raise ValueError("the saved state does not fit this network")
        if not 0 <= int(state["done"]) <= self.recipe.iterations:
            raise ValueError("the saved state is of a longer training")
        for group, variables in groups.items():
            for i, variable in enumerate(variables):
                variable.assign(state[f"{group}_{i}"])
        self.curve = [Point(int(row[0]), *map(float, row[1:])) for row in state["curve"]]
        self.done, self.seconds = int(state["done"]), float(state["seconds"])

    def _updates(self, first: "tf.Tensor", count: "tf.Tensor") -> "tf.Tensor":
        """Make updates first .. first + count - 1; return the loss of the last one's batch."""
        import tensorflow as tf

        last = first + count - 1
        for iteration in tf.range(first, last):
            self._step(iteration)
        residual = self._step(last)
        return tf.reduce_mean(tf.square(residual))

    def _step(self, iteration: "tf.Tensor") -> "tf.Tensor":
        """Make one update; return the residual (batch, 784) that it started from."""
        import tensorflow as tf

        size = self.recipe.batch_size
        offset = (iteration * size) % len(self.data.x_train)
        x = _scaled(tf.slice(self._x_train, [offset, 0], [size, PIXELS]))
        forward = self._forward(x, self._product_type)
        residual = forward.outputs[-1] - x
        gradient = residual * (2.0 / (size * PIXELS))
        for layer in reversed(range(len(TANH_LAYERS))):
            gradient = self._backward(layer, forward, gradient, iteration)
        return residual

    def _backward(
        self, layer: int, forward: "_Forward", gradient: "tf.Tensor", iteration: "tf.Tensor"
    ) -> "tf.Tensor":
        """Update one layer from the gradient at its output; return the gradient at its input."""
        import tensorflow as tf

        if TANH_LAYERS[layer]:
            gradient = tf.raw_ops.TanhGrad(y=forward.outputs[layer], dy=gradient)
        factor = tf.cast(gradient, self._product_type)
        d_kernel = _product(forward.inputs[layer], factor, transpose_a=True)
        d_bias = tf.raw_ops.BiasAddGrad(out_backprop=gradient)
        if layer == 0:  # the gradient of the image itself is needed by nobody
            d_inputs = gradient
        else:
            d_inputs = _product(factor, forward.kernels[layer], transpose_b=True)
        with tf.control_dependencies([d_inputs]):
            self._adam(2 * layer, d_kernel, iteration)
            self._adam(2 * layer + 1, d_bias, iteration)
        return d_inputs

    def _adam(self, index: int, gradient: "tf.Tensor", iteration: "tf.Tensor") -> None:
        import tensorflow as tf

        updates = tf.cast(iteration + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=self._weights[index].handle,
            m=self._means[index].handle,
            v=self._squares[index].handle,
            beta1_power=tf.pow(self.recipe.beta_1, updates),
            beta2_power=tf.pow(self.recipe.beta_2, updates),
            lr=self._learning_rates[iteration],
            beta1=self.recipe.beta_1,
            beta2=self.recipe.beta_2,
            epsilon=self.recipe.epsilon,
            grad=gradient,
        )

    def _forward(self, x: "tf.Tensor", product_type: Any) -> "_Forward":
        """Run the network on x (n, 784), with the matrix products in `product_type`."""
        import tensorflow as tf

        kernels = [tf.cast(kernel, product_type) for kernel in self._weights[::2]]
        inputs, outputs = [], [x]
        for kernel, bias, is_tanh in zip(kernels, self._weights[1::2], TANH_LAYERS, strict=True):
            inputs.append(tf.cast(outputs[-1], product_type))
            summed = tf.nn.bias_add(_product(inputs[-1], kernel), bias)
            outputs.append(tf.tanh(summed) if is_tanh else summed)
        return _Forward(kernels, inputs, outputs[1:])

    def _test_mse(self) -> "tf.Tensor":
        """Sum the squared residuals batch by batch, in float32; the batches' sums in float64."""
        import tensorflow as tf

        total = tf.constant(0.0, tf.float64)
        for start in tf.range(0, len(self.data.x_test), EVALUATION_BATCH):
            x = _scaled(self._x_test[start : start + EVALUATION_BATCH])
            residual = self._forward(x, tf.float32).outputs[-1] - x
            total += tf.cast(tf.reduce_sum(tf.square(residual)), tf.float64)
        return total / self.data.x_test.size


@dataclass(frozen=True)
class _Forward:
    """What the forward pass leaves for back-propagation, one of each a layer."""

    kernels: "list[tf.Tensor]"
    """Weight matrices, as they entered the products."""
    inputs: "list[tf.Tensor]"
    """Inputs of the layers (n, width), as they entered the products."""
    outputs: "list[tf.Tensor]"
    """Outputs of the layers (n, width), in float32."""


def _product(a: "tf.Tensor", b: "tf.Tensor", **transposed: bool) -> "tf.Tensor":
    """Return the matrix product a b, as float32."""
    import tensorflow as tf

    return tf.cast(tf.matmul(a, b, **transposed), tf.float32)


def _scaled(pixels: "tf.Tensor") -> "tf.Tensor":
    """Return raw pixels 0..255 on the 0..1 scale, as float32."""
    import tensorflow as tf

    return tf.cast(pixels, tf.float32) * (1.0 / 255.0)
