"""The training engine: the MSE per pixel, compiled, with the data on the device.

One call of the compiled loop makes up to `CHUNK` updates: it slices a batch, runs the forward pass,
and goes back through the layers, each of which is updated as soon as its gradient is there. Every
thread takes a part of the batch, and the gradients of the weights are added (`aemodel.device`). The
gradients are written out by hand. With residual r = x' - x, batch size B and P = 784 pixels,

    loss = sum(r^2) / (B P)          the MSE per pixel
    g    = 2 r / (B P)               its gradient at the output

and `aemodel.layer` has the rest: what automatic differentiation gives, without the gradient of the
input and with the loss computed only where it is recorded.

The layers have weights of their own, which the network gets after every chunk; with the optimiser
`soap` images and layers are expressed in other axes (`aemodel.coordinates`).

Loops and branches are `tf.while_loop` and `tf.cond`: AutoGraph would translate the source at every
start, which takes longer than tracing and leaves files behind when the process is killed.

A training is a function of (data, setting, recipe, seed, precision) and of the number of threads:
interrupted, saved with `state` and continued with `restore`, it ends in the same bits.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from aemodel import soap
from aemodel.coordinates import PixelCoordinates, PrincipalCoordinates
from aemodel.data import Dataset
from aemodel.device import shards
from aemodel.layer import Shards
from aemodel.network import build_autoencoder
from aemodel.pca import PCA
from aemodel.settings import PIXELS, Recipe, Setting

if TYPE_CHECKING:
    import tensorflow as tf

PRECISIONS = ("float32", "bfloat16")

CHUNK = 100
"""Maximum number of updates per call of the compiled loop: progress and Ctrl-C never wait long."""

EVALUATION_BATCH = 1000
"""Images evaluated at a time: enough to keep the matrix products efficient, and in cache."""

CONTROL = "CPU"
"""Where updates are counted: on a GPU, every branch would wait until the card answers."""


class Diverged(ArithmeticError):
    """The training diverged: NaN or infinity from update `iteration` on."""

    def __init__(self, iteration: int, learning_rate: float) -> None:
        super().__init__(
            f"the error is not a number (NaN or infinite) at iteration {iteration}: training "
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
    iterations_per_second: float
    """Of the last chunk, evaluation included."""
    point: Point | None
    """The point of the curve recorded just now, if one was due."""


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


class Trainer:
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
        self.setting, self.recipe, self.seed = setting, recipe, seed
        self._dataset, self.data = dataset, dataset.shuffled(seed)
        self.network = build_autoencoder(setting, seed)
        self.curve: list[Point] = []
        self.done = 0
        self.seconds = 0.0
        self._coordinates = self._coordinates_of_recipe()
        self._layers = self._coordinates.layers
        self._batch_pixels = recipe.batch_size * PIXELS
        self._shard_sizes = _shard_sizes(recipe.batch_size, shards())
        # The first batch again at the end: a batch that wraps around is then one slice as well.
        pixels = np.concatenate([self.data.x_train, self.data.x_train[: recipe.batch_size]])
        self._images = tf.constant(self._coordinates.images(pixels))
        test_images = self._coordinates.images(self.data.x_test)
        self._test_images = tf.constant(test_images)
        self._test_residual = self._coordinates.residual_mse(self.data.x_test, test_images)
        self._learning_rates = tf.constant(
            [recipe.learning_rate_at(i) for i in range(recipe.iterations)], tf.float32
        )
        self._product_type = tf.bfloat16 if precision == "bfloat16" else tf.float32

    @property
    def principal_components(self) -> PCA:
        """All principal components of the training images."""
        return self._dataset.principal_components

    @cached_property
    def _train(self) -> Callable[..., Any]:
        import tensorflow as tf

        number = tf.TensorSpec([], tf.int64)
        return _compiled(self._train_steps, number, number)

    @cached_property
    def _evaluate(self) -> Callable[..., Any]:
        return _compiled(self._test_mse)

    def _coordinates_of_recipe(self) -> PixelCoordinates:
        weights = [(layer.kernel.value, layer.bias.value) for layer in self.network.dense_layers]
        tanh_layers = self.setting.tanh_layers
        if self.recipe.optimizer == "soap":
            return PrincipalCoordinates(self.principal_components, weights, tanh_layers)
        return PixelCoordinates(weights, tanh_layers)

    def run(self) -> Iterator[Progress]:
        """Train to the end of the recipe, yielding after every chunk of at most `CHUNK` updates.

        Whoever iterates may stop at any yield, take the `state`, and go on later.

        Raises:
            Diverged: an update or a test error is NaN or infinite; `curve` holds the points before.
        """
        total, every = self.recipe.iterations, self.recipe.eval_every
        while self.done < total:
            started = time.perf_counter()
            if self.done == 0 and any(layer.bases for layer in self._layers):
                _compiled(self._warm_up)()
            next_evaluation = -(-self.done // every) * every
            updates = min(next_evaluation + 1, self.done + CHUNK, total) - self.done
            first_non_finite, train_mse = self._train(np.int64(self.done), np.int64(updates))
            if first_non_finite < self.done + updates:
                self._diverged(int(first_non_finite))
            self.done += updates
            self._coordinates.to_network()
            is_due = (self.done - 1) % every == 0
            test_mse = self.test_mse() if is_due else 0.0
            elapsed = time.perf_counter() - started
            self.seconds += elapsed
            point = self._record(test_mse, float(train_mse)) if is_due else None
            yield Progress(self.done, updates / elapsed, point)

    def _record(self, test_mse: float, train_mse: float) -> Point:
        """Add a point to the curve and return it.

        Raises:
            Diverged: the test error is NaN or infinite.
        """
        iteration = self.done - 1
        if not np.isfinite(test_mse):
            self._diverged(iteration)
        rate = self.recipe.learning_rate_at(iteration)
        self.curve.append(Point(iteration, test_mse, train_mse, rate, self.seconds))
        return self.curve[-1]

    def _diverged(self, iteration: int) -> NoReturn:
        raise Diverged(iteration, self.recipe.learning_rate_at(iteration))

    def test_mse(self) -> float:
        """Return the MSE per pixel of the current network over the whole test set."""
        return float(self._evaluate())

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that `restore` needs to continue bit for bit, as plain arrays."""
        arrays = {name: variable.numpy() for name, variable in self._variables().items()}
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
        variables = self._variables()
        expected = {name: variable.shape for name, variable in variables.items()}
        saved = {name: state[name].shape for name in expected if name in state}
        if saved != expected or not {"curve", "done", "seconds"} <= state.keys():
            raise ValueError("the saved state does not fit this network")
        if not 0 <= int(state["done"]) <= self.recipe.iterations:
            raise ValueError("the saved state is of a longer training")
        for name, variable in variables.items():
            variable.assign(state[name])
        self.curve = [Point(int(row[0]), *map(float, row[1:])) for row in state["curve"]]
        self.done, self.seconds = int(state["done"]), float(state["seconds"])
        self._coordinates.to_network()

    def _variables(self) -> "dict[str, tf.Variable]":
        """Return all that the next update depends on, by name: `weight_0`, `weight_1` ..."""
        groups: dict[str, list[tf.Variable]] = {}
        for layer in self._layers:
            for group, variables in layer.variables().items():
                groups.setdefault(group, []).extend(variables)
        return {f"{g}_{i}": v for g, variables in groups.items() for i, v in enumerate(variables)}

    def _train_steps(self, first: "tf.Tensor", count: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
        """Make updates first .. first + count - 1.

        Returns:
            The number of the first update that met NaN or infinity, which stay, or first + count;
            and the loss of the last update's batch.
        """
        import tensorflow as tf

        def step(iteration: Any, first_non_finite: Any, _: Any) -> tuple[Any, Any, Any]:
            gradients, is_finite = self._train_step(iteration)
            first_non_finite += tf.cast(is_finite, tf.int64)
            with tf.device(CONTROL):
                return iteration + 1, first_non_finite, gradients

        def is_left(iteration: Any, *_: Any) -> Any:
            with tf.device(CONTROL):
                return iteration < first + count

        nothing = [tf.zeros([size, self._images.shape[1]]) for size in self._shard_sizes]
        _, first_non_finite, gradients = tf.while_loop(is_left, step, (first, first, nothing))
        # sum(r^2) / (B P) with r = g B P / 2: the residual itself is overwritten by g.
        squares = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients])
        loss = squares * (self._batch_pixels / 4.0)
        return first_non_finite, loss + self._coordinates.residual_variance

    def _train_step(self, iteration: "tf.Tensor") -> "tuple[Shards, tf.Tensor]":
        """Make one update; return what `_forward_backward` returns."""
        import tensorflow as tf

        with tf.device(CONTROL):
            is_due = tf.equal(iteration % soap.BASIS_EVERY, 0) & (iteration > 0)
            update_factors = tf.equal(iteration % soap.FACTOR_EVERY, 0)
        tf.cond(is_due, lambda: self._refresh_bases(first=False), tf.no_op)
        return self._forward_backward(iteration, update_factors=update_factors, update=True)

    def _warm_up(self) -> None:
        """Take the first batches into the factors, without an update, and set the first bases."""
        import tensorflow as tf

        def take(iteration: Any) -> tuple[Any]:
            self._forward_backward(iteration, update_factors=tf.constant(True), update=False)
            return (iteration + 1,)

        first = tf.constant(0, tf.int64)
        tf.while_loop(lambda iteration: iteration < soap.WARMUP_BATCHES, take, (first,))
        self._refresh_bases(first=True)

    def _refresh_bases(self, *, first: bool) -> "tf.Operation":
        import tensorflow as tf

        for layer in self._layers:
            layer.refresh(first=first)
        return tf.no_op()

    def _forward_backward(
        self, iteration: "tf.Tensor", *, update_factors: "tf.Tensor", update: bool
    ) -> "tuple[Shards, tf.Tensor]":
        """Go through the layers and back with one batch, updating each on the way if asked to.

        Returns:
            The gradient g (batch, axes) at the output, and whether it is finite; boolean scalar.
        """
        import tensorflow as tf

        x = outputs = self._batch(iteration)
        caches = []
        for layer in self._layers:
            caches.append(layer.forward(outputs, self._product_type))
            outputs = caches[-1].outputs
        scale = 2.0 / self._batch_pixels
        gradients = output_gradients = [
            (x_hat - x) * scale for x_hat, x in zip(outputs, x, strict=True)
        ]
        is_finite = tf.constant(True)
        for index in reversed(range(len(self._layers))):
            layer = self._layers[index]
            of_weights, gradients = layer.backward(
                caches[index],
                gradients,
                update_factors=update_factors,
                needs_input_gradient=index > 0,
            )
            if index == len(self._layers) - 1:
                # The bias gradient sums g over the batch already: NaN and infinity show in it.
                is_finite = _have_finite_squares(of_weights[1])
            if update:
                rate, updates = self._learning_rates[iteration], tf.cast(iteration + 1, tf.float32)
                # In place: not before the gradient of the inputs has been made from the weights.
                with tf.control_dependencies(gradients):
                    layer.update(of_weights, self.recipe, rate, updates)
        return output_gradients, is_finite

    def _batch(self, iteration: "tf.Tensor") -> "Shards":
        """Return the images of an update (batch, axes)."""
        import tensorflow as tf

        with tf.device(CONTROL):
            offset = (iteration * self.recipe.batch_size) % len(self.data.x_train)
            offsets = [offset + start for start in accumulate((0, *self._shard_sizes[:-1]))]
        axes = self._images.shape[1]
        return [
            tf.slice(self._images, [offset, 0], [size, axes])
            for offset, size in zip(offsets, self._shard_sizes, strict=True)
        ]

    def _test_mse(self) -> "tf.Tensor":
        """Sum the squared residuals batch by batch, in float32; the batches' sums in float64."""
        import tensorflow as tf

        kernels = [layer.original_kernel() for layer in self._layers]

        def reconstructed(x: Any) -> Any:
            for layer, kernel in zip(self._layers, kernels, strict=True):
                x = tf.nn.bias_add(tf.matmul(x, kernel), layer.bias)
                x = tf.tanh(x) if layer.is_tanh else x
            return x

        def add(start: Any, total: Any) -> tuple[Any, Any]:
            x = self._test_images[start : start + EVALUATION_BATCH]
            squares = tf.reduce_sum(tf.square(reconstructed(x) - x))
            return start + EVALUATION_BATCH, total + tf.cast(squares, tf.float64)

        images = len(self.data.x_test)
        nothing = (tf.constant(0), tf.constant(0.0, tf.float64))
        _, total = tf.while_loop(lambda start, _: start < images, add, nothing)
        return total / self.data.x_test.size + self._test_residual


def _shard_sizes(batch_size: int, parts: int) -> list[int]:
    """Return the sizes of at most so many parts of a batch.

    They are even: a product in bfloat16 that sums over an odd number of images takes half as long
    again.
    """
    bounds = [2 * round(batch_size * i / (2 * parts)) for i in range(parts)] + [batch_size]
    return [end - start for start, end in pairwise(bounds) if end > start]


def _compiled(function: Callable[..., Any], *arguments: "tf.TensorSpec") -> Callable[..., Any]:
    """Return `function` compiled, traced now.

    TensorFlow warns of calls that trace, which are few of a long training, and many of several
    short ones in one process.
    """
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(function, autograph=False).get_concrete_function(
        *arguments
    )
    return compiled


def _have_finite_squares(numbers: "tf.Tensor") -> "tf.Tensor":
    """Return whether `numbers` can be squared and summed, as a loss does, without overflow."""
    import tensorflow as tf

    return tf.math.is_finite(tf.reduce_sum(tf.square(numbers)))
