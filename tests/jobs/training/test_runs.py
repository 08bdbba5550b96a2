"""Which run a training gets: a new one, or that of an interrupted command."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from aemodel.data import Dataset
from aemodel.settings import RECIPES
from jobs.parameters import parse_specs
from jobs.tracking import Run, Store
from jobs.training.channel import Board
from jobs.training.runs import Options, prepare
from jobs.training.worker import Task
from tests.support.stores import NewStore, work_in

Prepare = Callable[[int], Task]


@pytest.fixture
def prepared(
    tmp_path: Path, small_dataset: Dataset, new_store: NewStore, monkeypatch: pytest.MonkeyPatch
) -> Prepare:
    """Return a function that prepares one training on so many threads, and is interrupted then."""
    work_in(tmp_path, new_store(tmp_path), monkeypatch)
    store, board = Store.open(), Board(tmp_path)
    jobs = parse_specs("16-8-2", RECIPES["assignment"], "0", "3-8", "float32")

    def interrupted(threads: int) -> Task:
        options = Options(tmp_path, 1, threads, True, "", "", "")
        plan = prepare(jobs, options, store, small_dataset, board)
        for held in plan.checkpoints:
            held.release()
        return plan.tasks[0]

    return interrupted


def test_a_run_that_was_cut_off_before_it_was_introduced_is_introduced(
    prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for write in ("log_params", "set_tags", "log_dataset", "describe"):
            patch.setattr(Run, write, Mock())
        first = prepared(0)
    run = Run.open(first.tracking_uri, first.run_id)
    assert "kind" not in run.info().tags
    assert prepared(0) == first
    assert run.info().tags["kind"] == "training"
    assert run.info().params["threads"] == str(first.threads)


def test_threads_that_are_given_are_kept_and_recorded(prepared: Prepare) -> None:
    first = prepared(3)
    assert first.threads == 3
    assert Run.open(first.tracking_uri, first.run_id).info().params["threads"] == "3"
    again = prepared(0)  # any number will do: that of the interrupted training
    assert (again.run_id, again.threads) == (first.run_id, 3)
    assert prepared(3).run_id == first.run_id


def test_a_training_on_other_threads_is_another_one(prepared: Prepare) -> None:
    first, other = prepared(3), prepared(2)
    assert other.run_id != first.run_id
    assert other.threads == 2
