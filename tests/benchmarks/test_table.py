"""The tables of the benchmark, on times and errors made up to be checked by hand."""

import pytest

from aemodel.settings import SETTINGS
from benchmarks import engines
from benchmarks.engines import Engine, engines_here
from benchmarks.table import (
    Row,
    agreement_table,
    disagreement,
    document,
    gflop,
    main_table,
    summary,
)
from benchmarks.timing import Timed

OURS = Engine("this project", "ours", "float32", "tensorflow")
PEER = Engine("a peer", "peer", "float32", "torch")
ABSENT = Engine("another", "absent", "float32", "jax")


def row(engine: Engine, alone: float, side_by_side: float, error: float) -> Row:
    """Return two rounds, the second 10% slower: `alone` milliseconds for each setting."""
    made = Row(engine)
    for slower in (1.0, 1.1):
        timed = [Timed(name, slower * alone, [0.2, error], "1.0") for name in SETTINGS]
        made.add(timed, slower * side_by_side)
    return made


@pytest.fixture
def rows() -> list[Row]:
    absent = Row(ABSENT, why_not="not installed")
    return [row(OURS, 10.0, 20.0, 0.050), row(PEER, 10.0, 40.0, 0.056), absent]


def test_the_fastest_round_counts_in_the_better_arrangement(rows: list[Row]) -> None:
    ours, peer, _ = rows
    assert (ours.one_by_one, ours.together) == (30.0, 20.0)
    assert (peer.one_by_one, peer.together) == (30.0, 30.0)
    assert ours.spread == pytest.approx(0.1)


def test_times_relative_to_ours_and_to_the_limit(rows: list[Row]) -> None:
    limit = sum(map(gflop, SETTINGS)) / 10e-3  # all the products in 10 milliseconds
    ours, peer, absent = main_table(rows, {1: {"float32": 1.0}, 2: {"float32": limit}}).split("\n")[
        2:
    ]
    assert ours.endswith("| 20.0 | 1.00 | 50% |")
    assert peer.endswith("| 30.0 * | 1.50 | 33% |")
    assert "not installed" in absent
    said = summary(rows, {2: {"float32": limit}})
    assert "takes 20.0 ms" in said
    assert "10.0 ms, 50% of that" in said
    assert "a peer, takes 30.0 ms, 1.50 times as long" in said


def test_an_engine_that_did_other_work_is_marked(rows: list[Row]) -> None:
    ours, peer, _ = rows
    assert disagreement(peer, ours) == pytest.approx(0.12)
    lines = agreement_table(rows).split("\n")[2:]
    assert [("not the same work" in line) for line in lines] == [False, True]


@pytest.mark.parametrize("is_fast", [True, False])
def test_a_precision_that_the_processor_has_no_instructions_for_is_left_out(
    monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    monkeypatch.setattr(engines, "has_fast_bfloat16", lambda: is_fast)
    rows = [row(engine, 10.0, 20.0, 0.05) for engine in engines_here()]
    assert {r.engine.precision for r in rows} == {"float32", *(["bfloat16"] if is_fast else [])}
    said = document(rows, {2: {"float32": 1e3, "bfloat16": 2e3}}, "a processor", 2)
    assert ("has no instructions for bfloat16" in said) != is_fast
