"""The work an iteration is held against, by hand."""

import pytest

from aemodel.settings import SETTINGS, Setting
from benchmarks.work import flops_per_iteration, recipe_of


@pytest.mark.parametrize(("name", "gflop"), [("1", 0.59), ("2", 2.60), ("3", 5.23)])
def test_assignment_settings_need_the_known_operations(name: str, gflop: float) -> None:
    flops = flops_per_iteration(SETTINGS[name], recipe_of(1))
    assert 1e-9 * flops == pytest.approx(gflop, rel=0.01)


def test_smallest_network_counted_by_hand() -> None:
    # Kernels: 784, 1, 1, 1, 1, 784 weights. Each weight takes one multiplication and one addition
    # an image in the output, in its gradient and (but for the first 784) in the input's gradient.
    weights = 784 + 1 + 1 + 1 + 1 + 784
    update = 500 * 2 * (3 * weights - 784)
    evaluation = 10_000 * 2 * weights / 100
    tiny = Setting("1-1-1", (1, 1, 1))
    assert flops_per_iteration(tiny, recipe_of(1)) == update + evaluation
