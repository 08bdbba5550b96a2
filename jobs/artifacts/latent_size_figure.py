"""The figure of a controlled study: error against latent size, of its run and of the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from jobs.artifacts.figures import LINE, REFERENCE, WIDTH, styled

Point = tuple[int, float]
"""Latent size and error."""

MARKERS = ("D", "^", "v", "P", "X")
MARKS: Any = {"linestyle": "none", "markersize": 5, "markerfacecolor": "white", "color": "#555555"}


@dataclass(frozen=True)
class Marks:
    """Single points beside those of the study."""

    label: str
    points: tuple[Point, ...]


@styled
def error_by_latent_size(
    means: Sequence[Point],
    intervals: Sequence[tuple[float, float]],
    pca: Sequence[Point],
    others: Sequence[Marks] = (),
) -> Figure:
    """Show errors (MSE per pixel) against the latent size, on logarithmic axes.

    Args:
        means: the study's mean errors, by latent size.
        intervals: the interval of each, low and high; both the mean if it is not known.
        pca: PCA's errors.
        others: what the study is to be seen beside.
    """
    figure = Figure(figsize=(WIDTH, 0.55 * WIDTH), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log")
    axes.set(xlabel="latent size", ylabel="test MSE per pixel")
    axes.plot(*zip(*pca, strict=True), "s--", color=REFERENCE, linewidth=0.9, ms=4, label="PCA")
    sizes, errors = zip(*means, strict=True)
    below = [mean - low for mean, (low, _) in zip(errors, intervals, strict=True)]
    above = [high - mean for mean, (_, high) in zip(errors, intervals, strict=True)]
    axes.errorbar(
        sizes, errors, yerr=(below, above), fmt="o-", color=LINE, linewidth=1.0, markersize=3.5,
        capsize=4, label="autoencoders of the study",
    )  # fmt: skip
    for marks, marker in zip(others, MARKERS, strict=False):
        axes.plot(*zip(*marks.points, strict=True), marker, label=marks.label, **MARKS)
    _name_sizes(axes, sizes)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _name_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    """Put the study's latent sizes and round errors on the axes."""
    axes.set_xticks(list(sizes), [str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid()
