"""The tables of the classic network: units, and what stands beside what."""

from benchmarks.classic import (
    CLASSIC,
    PUBLISHED,
    Row,
    errors_table,
    peers_recipe,
    peers_table,
)


def test_the_network_is_the_published_one() -> None:
    assert CLASSIC.layer_widths == (784, 1000, 500, 250, 30, 250, 500, 1000, 784)


def test_errors_of_an_image_and_of_a_pixel() -> None:
    lines = errors_table([Row("ours", 2.0, 3.92), *PUBLISHED]).splitlines()
    assert lines[2] == "| ours | 2.00 | 3.92 | 0.00500 |"
    assert lines[3].endswith("|  | 3.00 | 0.00383 |")  # Hinton & Salakhutdinov, / 784
    assert lines[5].endswith("|  | 13.87 | 0.01769 |")  # PCA's, which we compute as well
    assert lines[6].endswith("| 2.10 |  |  |")  # a training error alone


def test_our_epochs_are_the_peers_epochs() -> None:
    recipe = peers_recipe(50, 60_000)
    assert (recipe.batch_size, recipe.iterations, recipe.eval_every) == (1_000, 3_001, 60)
    assert [i // 60 for i in recipe.evaluations][-1] == 50


def test_peers_losses_stand_beside_our_error() -> None:
    lines = peers_table({1: 0.02, 50: 0.004}).splitlines()
    assert lines[2] == "| 1 | 0.02000 | 169.02 / 167.85 | 183.17 / 182.72 |"
    assert lines[5] == "| 20 |  | 56.30 / 58.47 | 56.72 / 58.52 |"
    assert lines[7] == "| 50 | 0.00400 | 53.82 / 57.61 | 53.75 / 57.38 |"
