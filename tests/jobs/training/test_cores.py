"""How trainings share the cores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aemodel.settings import RECIPES
from jobs.parameters import parse_specs
from jobs.training.cores import allocate_cores, available_cores

costs = st.lists(st.integers(1, 10**15).map(float), min_size=1, max_size=12)


@given(costs, st.integers(0, 20), st.integers(1, 64))
def test_what_holds_for_every_share(costs: list[float], workers: int, cores: int) -> None:
    shares = allocate_cores(costs, workers, cores)
    assert 1 <= shares.workers <= len(costs)
    assert not workers or shares.workers == min(workers, len(costs))
    assert len(shares.threads) == len(costs)
    assert all(1 <= threads <= cores for threads in shares.threads)
    assert sorted(shares.order) == list(range(len(costs)))
    assert all(0 <= niceness <= 19 for niceness in shares.niceness)
    assert len(shares.niceness) == len(costs)
    ordered = [costs[i] for i in shares.order]
    assert ordered == sorted(costs, reverse=True)
    if shares.workers < len(costs):  # processes that take several trainings in turn
        assert len(set(shares.threads)) == 1
    if workers == 0:
        assert sum(sorted(shares.threads)[-shares.workers :]) < cores + len(costs)


@given(costs, st.integers(1, 64))
def test_more_work_never_has_fewer_threads(costs: list[float], cores: int) -> None:
    threads = allocate_cores(costs, 0, cores).threads
    ordered = [thread for _, thread in sorted(zip(costs, threads, strict=True))]
    assert ordered == sorted(ordered)


def test_one_training_has_all_cores() -> None:
    shares = allocate_cores([5.0], 0, 8)
    assert (shares.workers, shares.threads, shares.order) == (1, (8,), (0,))


def test_equal_trainings_on_as_many_cores_have_one_each() -> None:
    shares = allocate_cores([7.0] * 3, 0, 3)
    assert (shares.workers, shares.threads, shares.order) == (3, (1, 1, 1), (0, 1, 2))


def test_the_assignments_settings_on_two_cores() -> None:
    jobs = parse_specs("all", RECIPES["assignment"], "0", "3-8", "float32")
    shares = allocate_cores([job.cost for job in jobs], 0, 2)
    assert (shares.workers, shares.threads, shares.order) == (3, (1, 1, 2), (2, 1, 0))


def test_the_shorter_give_way_to_the_longer() -> None:
    jobs = parse_specs("all", RECIPES["fast"], "0", "3-8", "float32")
    shares = allocate_cores([job.cost for job in jobs], 0, 2)
    assert (shares.threads, shares.niceness) == ((1, 1, 2), (9, 1, 0))  # a thread's, not a job's
    assert allocate_cores([job.cost for job in jobs], 3, 3).niceness == (12, 4, 0)
    assert allocate_cores([1.0, 1e9], 2, 2).niceness == (19, 0)
    assert allocate_cores([1.0, 1.0, 8.0], 2, 2).niceness == (0, 0, 0)  # in turn


def test_many_trainings_take_turns_on_one_thread_each() -> None:
    shares = allocate_cores([1.0] * 5, 0, 2)
    assert (shares.workers, shares.threads) == (2, (1,) * 5)


@pytest.mark.parametrize(("asked", "wanted"), [(1, (1, 4)), (2, (2, 2)), (9, (3, 1))])
def test_as_many_workers_as_asked_and_useful(asked: int, wanted: tuple[int, int]) -> None:
    shares = allocate_cores([1.0, 2.0, 3.0], asked, 4)
    assert (shares.workers, *set(shares.threads)) == wanted


@given(costs, st.integers(0, 20), st.integers(1, 64), st.integers(1, 80))
def test_threads_that_are_given_are_those_of_every_training(
    costs: list[float], workers: int, cores: int, threads: int
) -> None:
    shares = allocate_cores(costs, workers, cores, threads)
    assert set(shares.threads) == {threads}
    fitting = max(1, cores // threads)
    assert shares.workers == min(workers or fitting, len(costs))


@pytest.mark.parametrize(("workers", "threads"), [(0, 0), (2, 0), (0, 2), (2, 2)])
def test_nothing_left_to_share(workers: int, threads: int) -> None:
    shares = allocate_cores([], workers, 2, threads)
    assert (shares.workers, shares.threads, shares.order) == (0, (), ())


def test_cores_are_those_available() -> None:
    assert allocate_cores([1.0], 0).threads == (available_cores(),)
