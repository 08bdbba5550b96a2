"""Keras' own loop: `fit` with 100 updates a call, fed by tf.data from raw bytes in memory."""

from collections.abc import Callable

from aemodel.data import MAX_PIXEL
from aemodel.network import build_autoencoder
from benchmarks.work import SEED, Work

EVALUATION_BATCH = 1000


def train(work: Work, precision: str, record: Callable[[float], None]) -> None:
    """Train; see `benchmarks.peers`."""
    import keras
    import tensorflow as tf

    assert precision == "float32", "Keras' mixed precision keeps activations in bfloat16 as well"
    data, recipe = work.shuffled, work.recipe
    model = build_autoencoder(work.setting, SEED).autoencoder
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate, recipe.beta_1, recipe.beta_2, recipe.epsilon),
        loss="mse",
        steps_per_execution=recipe.eval_every,
        jit_compile=False,
    )

    def batches(images: tf.Tensor, offsets: tf.data.Dataset, size: int) -> tf.data.Dataset:
        def batch(offset: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            x = tf.cast(tf.slice(images, [offset, 0], [size, -1]), tf.float32) * (1 / MAX_PIXEL)
            return x, x

        return offsets.map(batch).prefetch(tf.data.AUTOTUNE)

    x_train, x_test = tf.constant(data.x_train), tf.constant(data.x_test)
    size, count = recipe.batch_size, len(data.x_train)
    offsets = tf.data.Dataset.range(recipe.iterations).map(lambda i: i * size % count)
    test_offsets = tf.data.Dataset.range(0, len(data.x_test), EVALUATION_BATCH)
    test = batches(x_test, test_offsets, EVALUATION_BATCH)
    # One update first: the errors are those after the updates 0, 100, 200 ...
    (first,) = batches(x_train, offsets.take(1), size).take(1)
    model.train_on_batch(*first)
    record(float(model.evaluate(test, verbose=0)))
    model.fit(
        batches(x_train, offsets.skip(1), size),
        steps_per_epoch=recipe.eval_every,
        epochs=(recipe.iterations - 1) // recipe.eval_every,
        validation_data=test,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda _, e: record(e["val_loss"]))],
        verbose=0,
    )
