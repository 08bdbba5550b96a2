"""Plans of sharing the cores among trainings, compared by simulation.

Measured are the milliseconds an iteration of each setting on 1 .. n threads of this machine. More
threads than it has cores are extrapolated by Amdahl's law, t(c) = serial + parallel / c, fitted to
what was measured. A plan is a number of processes, the threads of each training, and an order. As
long as the threads of all running trainings are no more than the cores, each has a core; otherwise
each thread has cores / threads of one, and a training advances as on the sum of its threads'
shares (below one core: in proportion). Start-up and the rivalry for memory and caches are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aemodel.settings import SETTINGS
from benchmarks.engines import ENGINES
from benchmarks.machine import in_new_process
from benchmarks.timing import Bench, time_alone
from benchmarks.work import save_initial_weights
from jobs.training.cores import Allocation, allocate_cores, available_cores

CORES = (2, 4, 8, 16)


@dataclass(frozen=True)
class Cost:
    """Milliseconds an iteration of one training."""

    serial: float
    parallel: float

    @classmethod
    def fitted(cls, measured: Mapping[int, float]) -> "Cost":
        """Return the law that fits `measured` best: milliseconds by threads."""
        one = measured[1]
        # With t(1) kept, t(n) / t(1) = 1 - p (1 - 1 / n): one unknown share p, by least squares.
        gains = [(1 - 1 / n, 1 - t / one) for n, t in measured.items() if n > 1]
        share = sum(a * b for a, b in gains) / sum(a * a for a, _ in gains) if gains else 0.0
        parallel = one * min(1.0, max(0.0, share))
        return cls(one - parallel, parallel)

    def on(self, cores: float) -> float:
        """Return the milliseconds an iteration with so many cores, which may be a fraction."""
        return (self.serial + self.parallel / cores) if cores >= 1 else self.on(1) / cores


Planner = Callable[[Sequence[float], int], Allocation]


def _with(threads: Callable[[int, int], int], workers: Callable[[int, int], int]) -> Planner:
    """Return a plan of equal threads, longest first; both are functions of (cores, trainings)."""

    def plan(costs: Sequence[float], cores: int) -> Allocation:
        n = len(costs)
        order = tuple(sorted(range(n), key=lambda i: -costs[i]))
        return Allocation(workers(cores, n), (threads(cores, n),) * n, order)

    return plan


PLANS: dict[str, Planner] = {
    "the rule of jobs/training/cores.py": lambda costs, cores: allocate_cores(costs, 0, cores),
    "one after the other, all cores": _with(lambda cores, n: cores, lambda cores, n: 1),
    "one thread each": _with(lambda cores, n: 1, min),
    "cores / processes threads each": _with(lambda cores, n: max(1, cores // n), min),
    "all cores for each, side by side": _with(lambda cores, n: cores, min),
}


def makespan(costs: Sequence[Cost], shares: Allocation, cores: int) -> float:
    """Return the milliseconds in which all trainings are one iteration further."""
    left = [1.0] * len(costs)
    waiting = list(shares.order)
    running: list[int] = []
    now = 0.0
    while waiting or running:
        while waiting and len(running) < shares.workers:
            running.append(waiting.pop(0))
        share = min(1.0, cores / sum(shares.threads[i] for i in running))
        speeds = {i: 1 / costs[i].on(shares.threads[i] * share) for i in running}
        step = min(left[i] / speeds[i] for i in running)
        now += step
        for i in running:
            left[i] -= step * speeds[i]
        running = [i for i in running if left[i] > 1e-9]
    return now


def measure(iterations: int, folder: Path) -> list[Cost]:
    """Return the costs of the three settings in float32, from times on 1 .. all cores."""
    in_new_process(save_initial_weights, folder)
    bench = Bench(iterations, folder, Path())
    by_threads = {
        threads: time_alone(bench, ENGINES[0], threads)
        for threads in sorted({1, 2, available_cores()} & set(range(1, available_cores() + 1)))
    }
    costs = []
    for index, name in enumerate(SETTINGS):
        times = {threads: timed[index].milliseconds for threads, timed in by_threads.items()}
        costs.append(Cost.fitted(times))
        listed = ", ".join(f"{t:.1f} ms on {n}" for n, t in times.items())
        print(f"setting {name}: {listed}; {costs[-1].serial:.1f} ms of it serial", flush=True)
    return costs


def show(iterations: int, folder: Path) -> None:
    """Measure, simulate and print one table for one seed and one for three."""
    costs = measure(iterations, folder)
    work = [float(setting.parameter_count) for setting in SETTINGS.values()]
    for seeds in (1, 3):
        each = "1 seed" if seeds == 1 else f"{seeds} seeds"
        print(f"\nMilliseconds an iteration of all settings, {each} each:\n")
        print("| plan | " + " | ".join(f"{cores} cores" for cores in CORES) + " |")
        print("| --- |" + " --: |" * len(CORES))
        for name, plan in PLANS.items():
            times = [makespan(costs * seeds, plan(work * seeds, cores), cores) for cores in CORES]
            print(f"| {name} | " + " | ".join(f"{t:.1f}" for t in times) + " |")
