"""The comparison of the engines: rounds, in each of which every engine is timed once.

Rounds rather than one engine after the other: a machine that is slower for a while is so for all.
"""

import sys
from pathlib import Path

from benchmarks import table
from benchmarks.engines import engines_here
from benchmarks.machine import in_new_process, matrix_rates, processor
from benchmarks.table import Row
from benchmarks.timing import (
    Bench,
    EngineFailed,
    NotInstalled,
    time_alone,
    time_side_by_side,
)
from benchmarks.work import save_initial_weights
from jobs.training.cores import available_cores


def run(rounds: int, iterations: int, folder: Path, peers_python: Path, results: Path) -> int:
    """Time every engine, print and write the table; return 0 if all did the same work."""
    in_new_process(save_initial_weights, folder)
    threads = sorted({1, available_cores()})
    rows = [Row(engine) for engine in engines_here()]
    precisions = list(dict.fromkeys(row.engine.precision for row in rows))
    rates = {n: in_new_process(matrix_rates, n, precisions) for n in threads}
    bench = Bench(iterations, folder, peers_python)
    for number in range(1, rounds + 1):
        for row in rows:
            if not row.why_not:
                _time_once(bench, row, f"round {number}/{rounds}")
    text = table.document(rows, rates, processor(), rounds)
    results.write_text(text)
    print(text)
    timed = [row for row in rows if row.engine.is_same_work and not row.why_not]
    worst = max(table.disagreement(r, table.ours_in(rows, r.engine.precision)) for r in timed)
    return 0 if worst <= table.TOLERANCE else 1


def _time_once(bench: Bench, row: Row, label: str) -> None:
    """Add one round to the row; a peer that fails is left out, our own failure is raised."""
    try:
        row.add(time_alone(bench, row.engine), time_side_by_side(bench, row.engine))
    except NotInstalled:
        row.why_not = "not installed"
        return
    except EngineFailed as error:
        if row.engine.is_ours:
            raise
        row.why_not = "failed"
        print(error, file=sys.stderr)
        return
    alone = ", ".join(f"{times[-1]:.1f}" for times in row.alone.values())
    line = f"{label}: {row.engine.name}: {alone}; side by side {row.side_by_side[-1]:.1f} ms"
    print(line, file=sys.stderr, flush=True)
