"""The tables of the document, cells as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.groups import Group, group
from jobs.report.records import Records, TrainingRecord
from jobs.report.sections.interpolation import between, segments
from jobs.report.sections.reconstruction import digit_means
from jobs.report.wording import UNKNOWN, count, duration, error, one_line, spread

Columns = tuple[tuple[str, str], ...]
"""Head and alignment (`left` or `right`) of each column."""


@dataclass(frozen=True)
class Table:
    caption: str
    columns: Columns
    rows: list[list[str]]


def summary(groups: Sequence[Group]) -> Table:
    """Return the results, one row a group; several seeds as mean ± standard deviation."""
    several = any(len(one.trainings) > 1 for one in groups)
    caption = (
        "The trainings and their errors (MSE per pixel on the test set). Hidden: widths of the two "
        "hidden layers. Latent: size of the code. 10-NN: share of test images whose digit a vote "
        "of the 10 nearest training codes names."
    )
    if several:
        caption += " Several seeds: mean ± sample standard deviation, n trainings."
    columns = (
        ("Setting", "left"), ("Hidden", "left"), ("Latent", "right"), ("Parameters", "right"),
        ("Iterations", "right"), *((("n", "right"),) if several else ()), ("Final MSE", "right"),
        ("Best MSE", "right"), *(() if several else (("at", "right"),)),
        ("PCA MSE", "right"), ("10-NN", "right"), ("Time", "right"),
    )  # fmt: skip
    return Table(caption, columns, [_summary_row(one, several) for one in groups])


def _summary_row(one: Group, several: bool) -> list[str]:
    setting, first = one.setting, one.first
    at = UNKNOWN if first.best_iteration is None else count(first.best_iteration)
    share = one.mean("knn_accuracy")
    return [
        setting.name,
        "–".join(map(str, setting.hidden_widths)) or UNKNOWN,
        str(setting.latent_size),
        count(setting.parameter_count),
        count(first.recipe.iterations),
        *([str(len(one.trainings))] if several else []),
        _mean(one.values("final_test_mse")),
        _mean(one.values("best_test_mse")),
        *([] if several else [at]),
        error(one.mean("pca_test_mse")),
        UNKNOWN if share is None else f"{100 * share:.1f}%",
        duration(one.mean("train_seconds")),
    ]


def _mean(values: list[float]) -> str:
    return spread(values).partition(" (n")[0]


def results(records: Records) -> str:
    """Return the summary as a Markdown table, for the README and the description of a run."""
    table = summary(group(records))
    return markdown(table.columns, table.rows) if table.rows else "No finished training.\n"


def markdown(columns: Columns, rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; cells must hold no markup of their own."""
    rule = ["---:" if align == "right" else "---" for _, align in columns]
    lines = [[head for head, _ in columns], rule, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def has_digits(groups: Sequence[Group]) -> bool:
    """Return whether any group recorded the error of each digit."""
    return any(digit_means(one) is not None for one in groups)


def digits(groups: Sequence[Group]) -> Table:
    """Return the error of each digit, one row a group that recorded it."""
    columns = (("Test MSE × 1000", "left"), *((str(digit), "right") for digit in range(10)))
    known = [(one.label, means) for one in groups if (means := digit_means(one)) is not None]
    rows = [[label, *(f"{1000 * mean:.2f}" for mean in means)] for label, means in known]
    return Table("Final test error of each digit, in thousandths.", columns, rows)


def interpolation(training: TrainingRecord) -> Table:
    """Return what is nearest to the decoded pictures, one row a pair of digits."""
    columns = (
        ("Pair", "left"),
        ("Nearest digit, f = 0.0 to 1.0", "left"),
        ("Changes at f", "left"),
        ("Decoded", "right"),
        ("Blend", "right"),
    )
    real = training.real_nearest_mse
    beside = f" Real test images to one another (median): {error(real)}." if real else ""
    caption = (
        "The interpolated pictures beside their nearest test images. Decoded and Blend: mean MSE "
        f"to the nearest test image over the steps between the ends, 0 < f < 1.{beside}"
    )
    rows = []
    for path in training.interpolations:
        runs, distances = segments(path), between(path)
        rows.append(
            [
                f"{path.digit_a} to {path.digit_b}",
                " ".join(map(str, path.nearest_digit.tolist())),
                ", ".join(f"{first:.1f}" for _, first, _ in runs[1:]) or "never",
                *(map(error, distances) if distances else (UNKNOWN, UNKNOWN)),
            ]
        )
    return Table(caption, columns, rows)


def neighbours(shares: NDArray[np.float64]) -> Table:
    """Return the shares of digits among the neighbours of each digit, in percent."""
    columns = (("Image of a", "left"), *((str(digit), "right") for digit in range(10)))
    rows = [
        [str(digit), *(f"{100 * share:.0f}" if share >= 0.005 else "·" for share in row)]
        for digit, row in enumerate(shares)
    ]
    return Table(
        "Digits among the 10 nearest other test images in the plane, in percent (a dot: less than "
        "half a percent). On the diagonal: neighbours of the same digit.",
        columns,
        rows,
    )


def runs(trainings: Sequence[TrainingRecord]) -> Table:
    """Return the runs the document rests on, in the order given."""
    columns = (
        ("Setting", "left"),
        ("Seed", "right"),
        ("Recipe", "left"),
        ("Run", "left"),
        ("Run id", "left"),
        ("Ended (UTC)", "left"),
        ("Final MSE", "right"),
    )
    rows = [
        [
            run.setting.name,
            str(run.seed),
            one_line(run.recipe.name, 40),
            one_line(run.run_name, 40) or UNKNOWN,
            one_line(run.run_id, 40),
            moment(run.end_time_ms),
            error(run.final_test_mse),
        ]
        for run in trainings
    ]
    return Table("The MLflow runs behind this document.", columns, rows)


def moment(milliseconds: int | None) -> str:
    """Return a time as `2026-11-22 08:10`."""
    if milliseconds is None:
        return UNKNOWN
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
