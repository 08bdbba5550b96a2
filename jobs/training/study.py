"""The study command: networks that differ in latent size and seed alone, and what they show.

Its trainings have one thread each, as many at a time as there are cores, so that every process
takes several and starts once. A run of them keeps its error curve alone: no network, no pictures,
nothing else measured, since the study asks for the error, and what is left out takes longer than a
short training. What `--setting` trains with the same widths and recipe has all of that.
"""

import csv
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from aemodel import intrinsic_dimension
from aemodel.data import MAX_PIXEL, Dataset
from jobs.report.analysis.latent_sizes import mean_error
from jobs.report.records import SizeErrors
from jobs.spec import TrainingSpec
from jobs.tracking import Run, StoreError
from jobs.training.command import end_sweep, insisting, run_sweep
from jobs.training.description import describe_study
from jobs.training.outcome import Outcome, exit_status
from jobs.training.runs import Sweep, TrainOptions
from jobs.training.signals import StopSignals

TABLE, FIGURE = "latent_size.csv", "latent_size.png"

COLUMNS = (
    *("latent_size", "n", "mean_test_mse", "standard_deviation"),
    *("interval_low", "interval_high", "pca_test_mse"),
)
"""Head of the table; the interval is the 95% confidence interval of the mean over the seeds."""


def study(specs: Sequence[TrainingSpec], options: TrainOptions) -> int:
    """Train every spec, and log error against latent size; return the exit status.

    Raises:
        DataError: the data cannot be used; no run was made.
        ParameterError: a batch is larger than the training set; no run was made.
        NotWritable: states of trainings cannot be written; no run was made.
        StoreError: the tracking store cannot be used; nothing was trained.
    """
    return run_sweep(specs, options, close_study)


def close_study(
    sweep: Sweep, outcomes: Sequence[Outcome], options: TrainOptions, signals: StopSignals
) -> int:
    """Log what the trainings that finished show, end the study's run; return the exit status."""
    sizes = size_errors(sweep.specs, outcomes)
    is_complete = True
    if sizes and not signals.requested:
        try:
            insisting(outcomes, signals)(partial(_log, sweep, sizes))
        except StoreError as error:
            is_complete = False
            print(f"The results of the study could not be logged: {error}", file=sys.stderr)
    status = exit_status(outcomes, signals.requested, is_complete)
    description = describe_study(sweep.specs, outcomes, sizes)
    return end_sweep(sweep, outcomes, signals, status, description)


def size_errors(
    specs: Sequence[TrainingSpec], outcomes: Sequence[Outcome]
) -> tuple[SizeErrors, ...]:
    """Return the final errors of the trainings that finished, by latent size."""
    found: dict[int, list[Outcome]] = {}
    for spec, outcome in zip(specs, outcomes, strict=True):
        if outcome.metrics:
            found.setdefault(spec.setting.latent_size, []).append(outcome)
    return tuple(
        SizeErrors(
            size,
            tuple(outcome.metrics["final_test_mse"] for outcome in alike),
            alike[0].metrics["pca_test_mse"],
        )
        for size, alike in sorted(found.items())
    )


def _log(sweep: Sweep, sizes: Sequence[SizeErrors]) -> None:
    """Log table, figure and metrics; may be repeated after an error."""
    assert sweep.parent
    with tempfile.TemporaryDirectory() as folder:
        _write_table(sizes, Path(folder, TABLE))
        _write_figure(sizes, Path(folder, FIGURE))
        sweep.parent.log_files(Path(folder))
    sweep.parent.log_series(
        {
            size.latent_size: {
                "mean_test_mse": float(np.mean(size.errors)),
                "pca_test_mse": size.pca,
            }
            for size in sizes
        }
    )
    _log_intrinsic_dimension(sweep.parent, sweep.data)


def _log_intrinsic_dimension(run: Run, data: Dataset) -> None:
    """Log TwoNN's estimate for training images chosen at random, with a seed of its own."""
    if "intrinsic_dimension" in run.info().metrics:
        return
    count = min(intrinsic_dimension.POINTS, len(data.x_train))
    chosen = np.random.default_rng(0).choice(len(data.x_train), count, replace=False)
    images = data.x_train[chosen] / np.float32(MAX_PIXEL)
    try:
        estimate = intrinsic_dimension.two_nn(images)
    except ValueError as error:
        print(f"The intrinsic dimension is not estimated: {error}", file=sys.stderr)
    else:
        run.log_metrics({"intrinsic_dimension": estimate}, 0)


def _write_table(sizes: Sequence[SizeErrors], path: Path) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(map(_row, sizes))


def _row(size: SizeErrors) -> tuple[float | str, ...]:
    """Return the cells of a latent size; a single training has no spread."""
    mean = mean_error(size.errors)
    deviation = np.std(size.errors, ddof=1) if len(size.errors) > 1 else ""
    interval = mean.interval or ("", "")
    return (size.latent_size, len(size.errors), mean.value, deviation, *interval, size.pca)


def _write_figure(sizes: Sequence[SizeErrors], path: Path) -> None:
    from jobs.artifacts.figures import png
    from jobs.artifacts.latent_size_figure import error_by_latent_size

    means = [mean_error(size.errors) for size in sizes]
    figure = error_by_latent_size(
        [(size.latent_size, mean.value) for size, mean in zip(sizes, means, strict=True)],
        [mean.interval or (mean.value, mean.value) for mean in means],
        [(size.latent_size, size.pca) for size in sizes],
    )
    path.write_bytes(png(figure))
