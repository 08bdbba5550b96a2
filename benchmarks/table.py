"""From times to the table that the README shows, as Markdown.

Of several rounds the fastest counts: whatever else the machine does can only slow a round down, so
the fastest is nearest to what the engine needs. The spread of the rounds is given with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aemodel.settings import SETTINGS
from benchmarks.engines import Engine
from benchmarks.timing import Timed
from benchmarks.work import flops_per_iteration, recipe_of

TOLERANCE = 0.05
"""Largest relative difference of a test error from ours that still counts as the same work."""


@dataclass
class Row:
    """The times of one engine, in milliseconds an iteration, one value a round."""

    engine: Engine
    version: str = ""
    why_not: str = ""
    """Why it was not timed; empty when it was."""
    alone: dict[str, list[float]] = field(default_factory=dict)
    """By setting."""
    side_by_side: list[float] = field(default_factory=list)
    points: dict[str, list[float]] = field(default_factory=dict)
    """Test MSE by setting, after the updates 0, 100, 200 ..."""

    def add(self, alone: Sequence[Timed], side_by_side: float) -> None:
        """Add one round."""
        for timed in alone:
            self.version = timed.version
            self.alone.setdefault(timed.setting, []).append(timed.milliseconds)
            self.points[timed.setting] = timed.points
        self.side_by_side.append(side_by_side)

    @property
    def best_alone(self) -> dict[str, float]:
        return {setting: min(times) for setting, times in self.alone.items()}

    @property
    def one_by_one(self) -> float:
        """One iteration of all settings, one after the other with all cores."""
        return sum(self.best_alone.values())

    @property
    def together(self) -> float:
        """One iteration of all settings, in the better of the two arrangements."""
        return min(min(self.side_by_side), self.one_by_one)

    @property
    def spread(self) -> float:
        """How much slower the slowest round was, at most, relative to the fastest."""
        return max(max(t) / min(t) - 1 for t in [*self.alone.values(), self.side_by_side])


def gflop(setting: str) -> float:
    """Return the GFLOP of one iteration of a setting."""
    return 1e-9 * flops_per_iteration(SETTINGS[setting], recipe_of(1))


def disagreement(row: Row, ours: Row) -> float:
    """Return the largest relative difference between the last test errors of two engines."""
    return max(abs(row.points[s][-1] / ours.points[s][-1] - 1) for s in SETTINGS)


def ours_in(rows: Sequence[Row], precision: str) -> Row:
    """Return the row of our engine in a precision."""
    return next(r for r in rows if r.engine.is_ours and r.engine.precision == precision)


def main_table(rows: Sequence[Row], rates: Mapping[int, Mapping[str, float]]) -> str:
    """Return the table of times.

    Args:
        rates: GFLOP/s of the machine by threads and precision; the limit is that of most threads.
    """
    limit = rates[max(rates)]
    work = sum(map(gflop, SETTINGS))
    lines = [
        "| engine | precision | setting 1 | setting 2 | setting 3 | all three | times ours "
        "| of the limit |",
        "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ]
    for row in rows:
        head = f"| {row.engine.title} {row.version}".rstrip() + f" | {row.engine.precision} |"
        if row.why_not:
            lines.append(f"{head} {row.why_not} | | | | | |")
            continue
        alone = " | ".join(f"{row.best_alone[s]:.1f}" for s in SETTINGS)
        mark = "" if row.engine.is_ours or row.together < row.one_by_one else " *"
        ratio = row.together / ours_in(rows, row.engine.precision).together
        share = work / limit[row.engine.precision] * 1e3 / row.together
        lines.append(f"{head} {alone} | {row.together:.1f}{mark} | {ratio:.2f} | {share:.0%} |")
    return "\n".join(lines)


def summary(rows: Sequence[Row], rates: Mapping[int, Mapping[str, float]]) -> str:
    """Return, for each precision, the limit, our time, and the best peer's relative to it."""
    limit = rates[max(rates)]
    work = sum(map(gflop, SETTINGS))
    lines = []
    for precision in dict.fromkeys(row.engine.precision for row in rows):
        ours = ours_in(rows, precision)
        floor = 1e3 * work / limit[precision]
        text = (
            f"- {precision}: one iteration of all three takes {ours.together:.1f} ms; the matrix "
            f"products alone would take {floor:.1f} ms, {floor / ours.together:.0%} of that"
        )
        peers = [r for r in rows if not r.engine.is_ours and r.engine.precision == precision]
        if timed := [r for r in peers if not r.why_not]:
            best = min(timed, key=lambda r: r.together)
            text += (
                f"; the best peer, {best.engine.title}, takes {best.together:.1f} ms, "
                f"{best.together / ours.together:.2f} times as long"
            )
        lines.append(text + ".")
    return "\n".join(lines)


def agreement_table(rows: Sequence[Row]) -> str:
    """Return the test errors at the end of the timed updates: the proof of the same work."""
    lines = [
        "| engine | precision | setting 1 | setting 2 | setting 3 | largest difference |",
        "| --- | --- | --: | --: | --: | --: |",
    ]
    for row in rows:
        if row.why_not:
            continue
        off = disagreement(row, ours_in(rows, row.engine.precision))
        errors = " | ".join(f"{row.points[s][-1]:.5f}" for s in SETTINGS)
        verdict = "" if off <= TOLERANCE else " **not the same work**"
        lines.append(
            f"| {row.engine.title} | {row.engine.precision} | {errors} | {off:.1%}{verdict} |"
        )
    return "\n".join(lines)


def fast_table(rows: Sequence[Row]) -> str:
    """Return what an iteration of the recipe `fast` costs, in iterations of the assignment's."""
    lines = [
        "| precision | setting 1 | setting 2 | setting 3 |",
        "| --- | --: | --: | --: |",
    ]
    for row in rows:
        if row.engine.is_same_work:
            continue
        adam = ours_in(rows, row.engine.precision).best_alone
        cells = [f"{t:.1f} ms ({t / adam[s]:.2f})" for s, t in row.best_alone.items()]
        lines.append(f"| {row.engine.precision} | {' | '.join(cells)} |")
    return "\n".join(lines)


def document(
    rows: Sequence[Row], rates: Mapping[int, Mapping[str, float]], processor: str, rounds: int
) -> str:
    """Return all of `results.md`."""
    timed = [row for row in rows if not row.why_not]
    peers = [row for row in rows if row.engine.is_same_work]
    last = 100 * (len(timed[0].points["1"]) - 1)
    matrix = "; ".join(
        f"{threads} thread{'s' * (threads > 1)} "
        + ", ".join(f"{rate:.0f} in {precision}" for precision, rate in by_precision.items())
        for threads, by_precision in rates.items()
    )
    work = ", ".join(f"{gflop(s):.2f}" for s in SETTINGS)
    left_out = "\n\nThis processor has no instructions for bfloat16, which is left out."
    has_bfloat16 = any(row.engine.precision == "bfloat16" for row in rows)
    return f"""Milliseconds an iteration, batch 500, with the evaluation of the whole test set every
100 iterations, on {max(rates)} cores of this processor: {processor}.
Settings 1 to 3: each alone, with all cores. All three: one iteration of each, trained side by side
as the train command does it (\\* one after the other with all cores, where that is faster). Best
of {rounds} round{"s" * (rounds > 1)}.{"" if has_bfloat16 else left_out}

{main_table(peers, rates)}

{summary(peers, rates)}

An iteration of the recipe `fast`, each setting alone, with all cores; in brackets, in iterations of
the assignment's recipe:

{fast_table(rows)}

GFLOP an iteration: {work}; together {sum(map(gflop, SETTINGS)):.2f}.
Matrix products of this machine, GFLOP/s: {matrix}.
The slowest round took at most {max(r.spread for r in timed):.0%} longer than the fastest; for our
engine {max(r.spread for r in timed if r.engine.is_ours):.0%}.

Test MSE after iteration {last}, from the same initial weights on the same batches:

{agreement_table(peers)}
"""
