"""The simulation of how trainings share cores, in cases that can be done by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sharing import Cost, makespan
from jobs.training.cores import Allocation

milliseconds = st.floats(0.1, 1000)


@given(milliseconds, milliseconds)
def test_the_law_is_recovered_from_times_that_follow_it(serial: float, parallel: float) -> None:
    law = Cost(serial, parallel)
    fitted = Cost.fitted({cores: law.on(cores) for cores in (1, 2, 4)})
    assert fitted.serial == pytest.approx(serial, abs=1e-6 * (serial + parallel))
    assert fitted.parallel == pytest.approx(parallel, abs=1e-6 * (serial + parallel))


def test_times_on_one_core_alone_are_called_serial() -> None:
    assert Cost.fitted({1: 5.0}) == Cost(5.0, 0.0)


def test_half_a_core_takes_twice_as_long() -> None:
    assert Cost(1.0, 3.0).on(0.5) == 8.0


@pytest.mark.parametrize(
    ("shares", "cores", "wanted"),
    [
        (Allocation(1, (1, 1), (0, 1)), 2, 10.0),  # in turn
        (Allocation(2, (1, 1), (0, 1)), 2, 6.0),  # side by side, as long as the longer takes
        (Allocation(2, (1, 1), (0, 1)), 1, 10.0),  # side by side on half a core each
        (Allocation(1, (2, 2), (0, 1)), 2, 8.0),  # in turn on both cores: 2 + 4 / 2, and 4
    ],
)
def test_plans_done_by_hand(shares: Allocation, cores: int, wanted: float) -> None:
    assert makespan([Cost(2.0, 4.0), Cost(4.0, 0.0)], shares, cores) == pytest.approx(wanted)
