"""The cost of a training, by hand on a small network, and in proportion on the assignment's."""

from dataclasses import replace

import pytest

from aemodel import soap
from aemodel.cost import REFRESH_PRODUCTS, TEST_IMAGES, training_cost
from aemodel.settings import RECIPES, SETTINGS, Recipe, Setting

ADAM = Recipe("own", iterations=100, batch_size=50, eval_every=10, learning_rate=1e-3)
SOAP = replace(ADAM, optimizer="soap")


def test_adam_by_hand() -> None:
    products = 784 * 8
    per_iteration = 50 * (3 * 2 - 1) * products + TEST_IMAGES / 10 * 2 * products
    assert training_cost(Setting("own", (8,)), ADAM) == 100 * per_iteration


def test_what_soap_adds_by_hand() -> None:
    """One basis of 8: of the last layer's inputs."""
    one_basis = 2 * 50 * 8**2 + 50 * 8**2 / soap.FACTOR_EVERY
    one_basis += REFRESH_PRODUCTS * 8**3 / soap.BASIS_EVERY
    setting = Setting("own", (8,))
    added = training_cost(setting, SOAP) - training_cost(setting, ADAM)
    assert added == pytest.approx(100 * one_basis)


def test_a_training_costs_as_much_as_it_is_long() -> None:
    fast = RECIPES["fast"]
    half = replace(fast, iterations=fast.iterations // 2)
    for setting in SETTINGS.values():
        assert training_cost(setting, fast) == pytest.approx(2 * training_cost(setting, half))


def test_setting_3_pays_most_for_soap() -> None:
    def ratio(name: str) -> float:
        setting, length = SETTINGS[name], RECIPES["fast"].iterations
        adam = replace(RECIPES["assignment"], iterations=length)
        return training_cost(setting, RECIPES["fast"]) / training_cost(setting, adam)

    assert 1 < ratio("1") < ratio("2") < ratio("3") < 3
