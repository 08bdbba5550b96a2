"""What is said of several seeds: the mean with the range, and what holds for each of them."""

import pytest

from jobs.report.analysis.estimate import Estimate, over_seeds
from jobs.report.analysis.groups import grouped
from jobs.report.analysis.seeds import of_all, ranged, shown, with_seeds
from tests.jobs.report.synthetic import REFERENCE, curve, make_training


def test_a_sign_over_seeds_is_that_of_each() -> None:
    above, near = Estimate(3.0, (2.0, 4.0)), Estimate(1.0, (-0.5, 2.5))
    assert over_seeds([above]) == above
    assert over_seeds([above, above]).is_positive
    both = over_seeds([above, near])
    assert both == Estimate(2.0, (-0.5, 4.0))
    assert (both.is_positive, both.is_negative) == (False, False)
    assert over_seeds([Estimate(-1.0), Estimate(-3.0)]) == Estimate(-2.0, (-3.0, -1.0))


def test_a_mean_has_its_range_where_it_prints_differently() -> None:
    assert ranged([0.19]) == "19%"
    assert ranged([0.18, 0.20]) == "19% (18% to 20%)"
    assert ranged([0.191, 0.192]) == "19%"
    assert ranged([0.18, 0.20], of="setting 2") == "19% (setting 2; 18% to 20%)"
    assert ranged([0.19], of="setting 2") == "19% (setting 2)"
    assert ranged([0.18, 0.20], inside=True) == "19%, 18% to 20%"


def test_what_is_shown_is_named_with_its_seed_if_there_are_others() -> None:
    one = grouped([make_training("1"), make_training("2")])
    assert shown(one) == "setting 1 and setting 2"
    assert of_all(one) == ""
    several = grouped([make_training(name, seed=seed) for name in "12" for seed in (0, 1)])
    assert shown(several) == "setting 1 and setting 2 (seed 0 of each)"
    assert "every seed" in of_all(several)
    other = grouped([make_training("1", seed=3), *(make_training("2", seed=n) for n in (0, 1))])
    assert shown(other) == "setting 1 and setting 2 (seed 0)"


def test_seeds_that_ended_in_a_spike_are_left_out() -> None:
    spiked = make_training(
        "3", curve=curve(REFERENCE["3"], spikes={95_000: (0.073, 50_000)}), seed=2
    )
    trainings = make_training("3"), make_training("3", seed=1), spiked
    groups = grouped(trainings)
    assert with_seeds(groups, trainings[1]).trainings == (trainings[1], trainings[0])
    with pytest.raises(ValueError, match="unpack"):
        with_seeds(groups, make_training("3"))
