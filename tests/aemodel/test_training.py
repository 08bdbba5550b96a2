"""The training engine against a plain implementation of the same maths, and its promises."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from aemodel.coordinates import PrincipalCoordinates
from aemodel.data import Dataset
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting, parse_setting
from aemodel.training import CHUNK, Diverged, Point, Trainer, _shard_sizes

pytestmark = pytest.mark.usefixtures("one_thread")

ASSIGNMENT = RECIPES["assignment"]
CUSTOM = parse_setting("96-40-5")


ARCHITECTURES = [
    SETTINGS["1"],
    SETTINGS["3"],
    CUSTOM,
    Setting("8", (8,)),
    parse_setting("64-2"),
    parse_setting("1000-500-250-30"),
]
"""The assignment's narrowest and widest network, and others with one to four layers."""


@pytest.fixture(params=ARCHITECTURES, ids=lambda setting: setting.name)
def setting(request: pytest.FixtureRequest) -> Setting:
    assert isinstance(request.param, Setting)
    return request.param


def trained(training: Trainer) -> Trainer:
    """Run a training to its end."""
    for _ in training.run():
        pass
    return training


def start(data: Dataset, recipe: Recipe, setting: Setting = CUSTOM, seed: int = 3) -> Trainer:
    return Trainer(setting, recipe, seed, data, "float32")


def weights(training: Trainer) -> list[NDArray[np.float32]]:
    return [array for pair in training.network.weights() for array in pair]


def principal(training: Trainer) -> PrincipalCoordinates:
    variables = [(tf.Variable(k), tf.Variable(b)) for k, b in training.network.weights()]
    components, tanh_layers = training.principal_components, training.setting.tanh_layers
    return PrincipalCoordinates(components, variables, tanh_layers)


def without_time(curve: list[Point]) -> list[tuple[int, float, float, float]]:
    return [(p.iteration, p.test_mse, p.train_mse, p.learning_rate) for p in curve]


# --- The maths -------------------------------------------------------------------------------


def batches(images: NDArray[np.uint8], recipe: Recipe) -> Iterator[NDArray[np.float64]]:
    """Yield mini-batches in order, round and round."""
    for i in range(recipe.iterations):
        rows = np.arange(i * recipe.batch_size, (i + 1) * recipe.batch_size)
        yield images.take(rows, axis=0, mode="wrap") / 255.0


def loss_and_gradients(
    values: list[NDArray[np.float64]], tanh_layers: tuple[bool, ...], x: NDArray[np.float64]
) -> tuple[float, list[NDArray[np.float64]]]:
    """Return the MSE per pixel and its gradients, by automatic differentiation in float64."""
    variables = [tf.Variable(value) for value in values]
    with tf.GradientTape() as tape:
        h = tf.constant(x)
        for kernel, bias, is_tanh in zip(variables[::2], variables[1::2], tanh_layers, strict=True):
            h = h @ kernel + bias
            h = tf.tanh(h) if is_tanh else h
        loss = tf.reduce_mean((h - x) ** 2)
    return float(loss), [g.numpy() for g in tape.gradient(loss, variables)]


class Adam:
    """Adam with epsilon outside the bias correction, in numpy."""

    def __init__(self, recipe: Recipe, values: list[NDArray[np.float64]]) -> None:
        self.recipe, self.values, self.t = recipe, values, 0
        self.m = [np.zeros_like(value) for value in values]
        self.v = [np.zeros_like(value) for value in values]

    def apply(self, gradients: list[NDArray[np.float64]]) -> None:
        b1, b2 = self.recipe.beta_1, self.recipe.beta_2
        rate = self.recipe.learning_rate_at(self.t)
        self.t += 1
        rate *= np.sqrt(1 - b2**self.t) / (1 - b1**self.t)
        for value, m, v, g in zip(self.values, self.m, self.v, gradients, strict=True):
            m += (1 - b1) * (g - m)
            v += (1 - b2) * (g * g - v)
            step = b1 * m + (1 - b1) * g if self.recipe.nesterov else m
            value -= rate * step / (np.sqrt(v) + self.recipe.epsilon)


RECIPE = replace(ASSIGNMENT, iterations=9, batch_size=300, eval_every=1)
"""Its batches go round: nine of 300 out of 2,000 images."""


OTHER_RECIPES = {
    "cosine": replace(RECIPE, schedule="cosine", warmup_iterations=3, learning_rate=3e-3),
    "Nesterov": replace(RECIPE, nesterov=True),
    "other Adam": replace(RECIPE, beta_1=0.5, beta_2=0.9, epsilon=1e-3, learning_rate=0.01),
}


@pytest.mark.parametrize(
    ("setting", "recipe"),
    [
        *(pytest.param(setting, RECIPE, id=setting.name) for setting in ARCHITECTURES),
        *(pytest.param(CUSTOM, recipe, id=name) for name, recipe in OTHER_RECIPES.items()),
    ],
)
def test_updates_are_those_of_automatic_differentiation_and_adam(
    small_dataset: Dataset, setting: Setting, recipe: Recipe
) -> None:
    training = start(small_dataset, recipe, setting)
    adam = Adam(recipe, [value.astype(np.float64) for value in weights(training)])
    losses = []
    for x in batches(training.data.x_train, recipe):
        loss, gradients = loss_and_gradients(adam.values, setting.tanh_layers, x)
        losses.append(loss)
        adam.apply(gradients)
    trained(training)
    assert [p.train_mse for p in training.curve] == pytest.approx(losses, rel=1e-4)
    for found, wanted in zip(weights(training), adam.values, strict=True):
        # An update is about rate * sign(gradient): where the gradient all but cancels, its
        # rounding error decides. So all weights are within a fraction of the path they could go,
        # and nearly all are equal.
        difference = np.abs(found - wanted)
        assert difference.max() < 0.1 * recipe.learning_rate * recipe.iterations
        assert np.quantile(difference, 0.99) < 1e-3 * recipe.learning_rate * recipe.iterations


def test_the_data_is_shuffled_as_the_seed_says(small_dataset: Dataset) -> None:
    training = start(small_dataset, RECIPE, seed=5)
    np.testing.assert_array_equal(training.data.x_train, small_dataset.shuffled(5).x_train)
    np.testing.assert_array_equal(training.data.y_test, small_dataset.shuffled(5).y_test)


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 2345])
def test_the_test_error_is_over_the_whole_test_set(dataset: Dataset, size: int) -> None:
    data = Dataset(
        dataset.x_train[:500], dataset.y_train[:500], dataset.x_test[:size], dataset.y_test[:size]
    )
    training = start(data, RECIPE)
    x = training.data.x_test / np.float32(255)
    residual = np.asarray(training.network.autoencoder(x), np.float64) - x
    assert training.test_mse() == pytest.approx(np.mean(residual**2), rel=1e-6)


@pytest.mark.parametrize("images", [500, 3000])  # fewer and more than there are pixels
def test_the_test_error_counts_what_the_principal_axes_leave_out(
    dataset: Dataset, images: int
) -> None:
    data = Dataset(
        dataset.x_train[:images], dataset.y_train[:images], dataset.x_test, dataset.y_test
    )
    training = trained(start(data, replace(RECIPE, optimizer="soap")))
    x = training.data.x_test / np.float32(255)
    residual = np.asarray(training.network.autoencoder(x), np.float64) - x
    assert training.test_mse() == pytest.approx(np.mean(residual**2), rel=1e-6)


def test_the_loss_falls(small_dataset: Dataset, setting: Setting) -> None:
    recipe = replace(RECIPE, iterations=60, batch_size=100, eval_every=59)
    curve = trained(start(small_dataset, recipe, setting)).curve
    assert curve[-1].train_mse < 0.8 * curve[0].train_mse
    assert curve[-1].test_mse < 0.8 * curve[0].test_mse


@pytest.mark.parametrize(("name", "wanted"), [("1", 0.0580), ("2", 0.0291), ("3", 0.0163)])
def test_the_assignments_reference_at_iteration_100(
    dataset: Dataset, name: str, wanted: float
) -> None:
    recipe = replace(ASSIGNMENT, iterations=101)
    curve = trained(start(dataset, recipe, parse_setting(name), seed=0)).curve
    assert [p.iteration for p in curve] == [0, 100]
    assert curve[1].test_mse == pytest.approx(wanted, rel=0.04)


# --- The curve -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iterations", "every"), [(30, 7), (29, 7), (1, 100), (CHUNK + 50, 120), (2 * CHUNK + 1, CHUNK)]
)
def test_points_and_progress(small_dataset: Dataset, iterations: int, every: int) -> None:
    recipe = replace(ASSIGNMENT, iterations=iterations, eval_every=every, batch_size=50)
    training = start(small_dataset, recipe)
    progress = list(training.run())
    assert [p.iteration for p in training.curve] == list(range(0, iterations, every))
    assert [p.point for p in progress if p.point] == training.curve
    done = [p.done for p in progress]
    assert done[-1] == training.done == iterations
    assert min(np.diff([0, *done])) > 0
    assert max(np.diff([0, *done])) <= CHUNK
    assert all(p.iterations_per_second > 0 for p in progress)
    seconds = [p.seconds for p in training.curve]
    assert seconds[0] > 0
    assert seconds == sorted(seconds)
    assert seconds[-1] <= training.seconds


def test_the_test_error_is_taken_after_the_update(small_dataset: Dataset) -> None:
    training = start(small_dataset, replace(RECIPE, iterations=1))
    before = training.test_mse()
    trained(training)
    assert training.curve[0].test_mse == training.test_mse() != before


def test_points_tell_the_learning_rate(small_dataset: Dataset) -> None:
    recipe = replace(RECIPE, schedule="cosine", warmup_iterations=4)
    rates = [p.learning_rate for p in trained(start(small_dataset, recipe)).curve]
    assert rates == [recipe.learning_rate_at(i) for i in range(recipe.iterations)]


# --- Determinism, interruption ---------------------------------------------------------------

LONGER = replace(ASSIGNMENT, iterations=150, batch_size=100, eval_every=40)
SOAP = replace(LONGER, iterations=110, optimizer="soap", schedule="cosine", warmup_iterations=20)


@pytest.mark.parametrize("recipe", [LONGER, SOAP], ids=["adam", "soap"])
def test_a_batch_in_parts_trains_the_same(
    small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> None:
    recipe = replace(recipe, iterations=12, eval_every=1)
    whole = trained(start(small_dataset, recipe))
    for parts in (2, 3, 4):
        monkeypatch.setattr("aemodel.training.shards", lambda parts=parts: parts)
        in_parts = trained(start(small_dataset, recipe))
        for name in ("test_mse", "train_mse"):
            found, wanted = ([getattr(p, name) for p in t.curve] for t in (in_parts, whole))
            assert found == pytest.approx(wanted, rel=1e-4)
        assert any((a != b).any() for a, b in zip(weights(in_parts), weights(whole), strict=True))


@given(batch=st.integers(1, 2000), parts=st.integers(1, 8))
def test_parts_of_a_batch_are_even(batch: int, parts: int) -> None:
    sizes = _shard_sizes(batch, parts)
    assert sum(sizes) == batch
    assert 1 <= len(sizes) <= parts
    assert all(size % 2 == 0 for size in sizes[:-1])
    assert max(sizes) - min(sizes) <= 3 or len(sizes) < parts


@pytest.mark.parametrize("recipe", [LONGER, SOAP], ids=["adam", "soap"])
def test_same_arguments_same_bits(small_dataset: Dataset, recipe: Recipe) -> None:
    one, two = (trained(start(small_dataset, recipe)) for _ in range(2))
    assert without_time(one.curve) == without_time(two.curve)
    for a, b in zip(weights(one), weights(two), strict=True):
        np.testing.assert_array_equal(a, b)
    other = trained(start(small_dataset, recipe, seed=4))
    assert other.curve[-1].test_mse != one.curve[-1].test_mse


@pytest.mark.parametrize(
    ("recipe", "precision", "stop"),
    [
        *((LONGER, "float32", stop) for stop in (0, 2, 6)),
        (SOAP, "float32", 4),
        (SOAP, "bfloat16", 2),
    ],
)
def test_a_restored_training_ends_in_the_same_bits(
    small_dataset: Dataset, stop: int, precision: str, recipe: Recipe
) -> None:
    arguments = (CUSTOM, recipe, 3, small_dataset, precision)
    interrupted = Trainer(*arguments)
    for _ in islice(interrupted.run(), stop):
        pass
    state = interrupted.state()
    trained(interrupted)  # what happens after `state` was taken does not change it
    resumed = Trainer(*arguments)
    resumed.restore(state)
    assert resumed.done == int(state["done"])
    assert resumed.seconds == float(state["seconds"])
    trained(resumed)
    assert without_time(resumed.curve) == without_time(interrupted.curve)
    for a, b in zip(weights(resumed), weights(interrupted), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_state_is_plain_arrays(small_dataset: Dataset) -> None:
    training = trained(start(small_dataset, RECIPE))
    state = training.state()
    assert all(type(array) is np.ndarray and array.dtype != object for array in state.values())
    copy = start(small_dataset, RECIPE)
    copy.restore(state)
    assert copy.curve == training.curve


def wrong_states(state: dict[str, NDArray[Any]]) -> Iterator[tuple[dict[str, NDArray[Any]], str]]:
    does_not_fit = "does not fit this network"
    for name in state:
        yield {n: array for n, array in state.items() if n != name}, does_not_fit
    yield state | {"weight_0": state["weight_0"].T}, does_not_fit
    yield state | {"done": np.array(RECIPE.iterations + 1)}, "longer training"
    yield state | {"done": np.array(-1)}, "longer training"


def test_wrong_states_are_refused_and_change_nothing(small_dataset: Dataset) -> None:
    training = start(small_dataset, RECIPE)
    state = trained(start(small_dataset, RECIPE)).state()
    other = start(small_dataset, RECIPE, parse_setting("1")).state()
    before = weights(training)
    for wrong, message in [(other, "does not fit this network"), *wrong_states(state)]:
        with pytest.raises(ValueError, match=message):
            training.restore(wrong)
    assert training.done == 0
    assert training.curve == []
    for a, b in zip(before, weights(training), strict=True):
        np.testing.assert_array_equal(a, b)


# --- SOAP ------------------------------------------------------------------------------------


def test_soap_starts_from_the_same_network(small_dataset: Dataset) -> None:
    training = start(small_dataset, replace(SOAP, iterations=1))
    initial = weights(training)[::2]
    training.restore(training.state())  # writes the layers' weights into the network
    axes = principal(training).axes
    on_axes = [axes.T @ (axes @ initial[0]), *initial[1:5], initial[5] @ axes.T @ axes]
    for found, wanted in zip(weights(training)[::2], on_axes, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    x = training.data.x_train[: SOAP.batch_size] / np.float32(255)
    mse = np.mean((np.asarray(training.network.autoencoder(x)) - x) ** 2)
    assert trained(training).curve[0].train_mse == pytest.approx(mse, rel=1e-3)


def test_soap_needs_a_fraction_of_the_updates(dataset: Dataset) -> None:
    """Adam with the assignment's rate is at 0.0209 after 700 updates of setting 2."""
    recipe = replace(RECIPES["fast"], iterations=151, eval_every=150)
    training = trained(start(dataset, recipe, parse_setting("2"), seed=0))
    assert training.curve[-1].test_mse < 0.0209


@pytest.mark.parametrize("widths", [(8,), (64, 2), (60, 50, 30, 6)], ids=str)
def test_soap_trains_any_number_of_layers(small_dataset: Dataset, widths: tuple[int, ...]) -> None:
    recipe = replace(SOAP, iterations=61, eval_every=60, learning_rate=6e-3)
    curve = trained(start(small_dataset, recipe, Setting("deep", widths))).curve
    assert curve[-1].test_mse < 0.8 * curve[0].test_mse


def test_soap_trains_the_network_itself(small_dataset: Dataset) -> None:
    """The curve is that of the Keras model, in the coordinates of the pixels."""
    training = trained(start(small_dataset, replace(SOAP, iterations=81)))
    x = training.data.x_test / np.float32(255)
    residual = np.asarray(training.network.autoencoder(x), np.float64) - x
    assert training.curve[-1].test_mse == pytest.approx(np.mean(residual**2), rel=1e-6)
    copy = start(small_dataset, replace(SOAP, iterations=81))
    copy.restore(training.state())
    for a, b in zip(weights(copy), weights(training), strict=True):
        np.testing.assert_array_equal(a, b)


# --- Added units -----------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [RECIPE, replace(SOAP, iterations=61)], ids=["adam", "soap"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_added_units_stay_without_weights_and_change_nothing(
    small_dataset: Dataset, recipe: Recipe, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer of 512 is trained as one of 528, over a refresh of the bases."""
    setting = Setting("wide", (512, 2))
    training = trained(Trainer(setting, recipe, 3, small_dataset, precision))
    first, *_, last = training._coordinates.layers
    assert (first.kernel.shape[1], last.kernel.shape[0]) == (528, 528)
    assert not np.any(first.original_kernel().numpy()[:, 512:])
    assert not np.any(first.bias.numpy()[512:])
    assert not np.any(last.original_kernel().numpy()[512:])
    for layer in training._coordinates.layers:
        for basis in layer.bases:
            if basis.eigenvectors.shape[0] == 528:
                added = basis.eigenvectors.numpy()[512:]
                assert np.count_nonzero(added) == 16  # on axes of their own
    monkeypatch.setattr("aemodel.coordinates.fast_width", lambda width: width)
    plain = trained(Trainer(setting, recipe, 3, small_dataset, precision))
    assert plain._coordinates.layers[0].kernel.shape[1] == 512
    tolerance = 1e-3 if precision == "float32" else 1e-2
    found, wanted = ([point.test_mse for point in t.curve] for t in (training, plain))
    assert found == pytest.approx(wanted, rel=tolerance)


# --- Trouble ---------------------------------------------------------------------------------


def test_divergence_stops_the_training_at_once_and_keeps_the_curve(
    small_dataset: Dataset,
) -> None:
    training = start(small_dataset, LONGER)
    run = training.run()
    while next(run).done < 81:
        pass
    before = list(training.curve)
    state = training.state()
    training.restore(state | {"weight_10": state["weight_10"] * np.float32(1e38)})
    with pytest.raises(Diverged, match=r"at iteration 81: .* learning_rate below 0\.001") as caught:
        list(run)
    assert caught.value.iteration == 81
    assert [p.iteration for p in before] == [0, 40, 80]
    assert training.curve == before


def test_the_highest_learning_rate_stays_finite(small_dataset: Dataset) -> None:
    curve = trained(start(small_dataset, replace(LONGER, learning_rate=1.0))).curve
    assert np.isfinite([p.test_mse for p in curve]).all()
    assert curve[0].test_mse > 1  # the first step alone went that far astray


def test_bfloat16_is_close_to_float32(small_dataset: Dataset, setting: Setting) -> None:
    recipe = replace(LONGER, iterations=61, eval_every=20)
    single = trained(Trainer(setting, recipe, 3, small_dataset, "float32"))
    half = trained(Trainer(setting, recipe, 3, small_dataset, "bfloat16"))
    assert half.curve[0].train_mse != single.curve[0].train_mse
    for a, b in zip(single.curve, half.curve, strict=True):
        assert b.test_mse == pytest.approx(a.test_mse, rel=0.05)
    assert all(array.dtype == np.float32 for array in weights(half))
    assert all(a.dtype == np.float32 for n, a in half.state().items() if "_" in n)


def test_a_batch_larger_than_the_training_set_is_refused(small_dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="batch_size=2001 is more than the 2000 training images"):
        start(small_dataset, replace(RECIPE, batch_size=2001))
    trained(start(small_dataset, replace(RECIPE, batch_size=2000, iterations=2)))


def test_an_unknown_precision_is_refused(small_dataset: Dataset) -> None:
    with pytest.raises(ValueError, match="precision='float16' is not known: give float32 or"):
        Trainer(CUSTOM, RECIPE, 0, small_dataset, "float16")


def test_short_trainings_in_one_process_are_silent(
    small_dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = replace(ASSIGNMENT, iterations=2, eval_every=1, batch_size=10)
    for seed in range(6):
        trained(start(small_dataset, recipe, Setting("4-2", (4, 2)), seed))
    assert "retracing" not in caplog.text
