"""Arrays in, matplotlib figures out: every picture of one training, and the style of all figures.

Nothing is computed from a model or written to disk here. Figures are as wide as the text of an A4
page, and are drawn without pyplot, so that no state is shared between them. Images are black ink on
white paper, clipped to 0..1, each pixel a square of whole screen pixels: nothing is blurred.
"""

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE, MAX_PIXEL, Dataset
from jobs.artifacts.pictures import mosaic
from jobs.colours import SERIES

DIGIT_COLOURS = (
    "#991188",
    "#cc7799",
    "#aa9900",
    "#663322",
    "#337733",
    "#ffbb77",
    "#3399ee",
    "#1122cc",
    "#7744ff",
    "#44ddee",
)
"""One colour for each digit, on white or black paper. Found by a search for the largest least
distance of two of them, in Oklab, as seen with normal vision and without red or green cones
(Machado et al. 2009), and dealt out so that digits which look alike (3, 5, 8 and 4, 7, 9) have
colours that differ most."""

Floats = NDArray[np.floating]

WIDTH = 6.3
"""Width of a figure, inches: the text column of an A4 page."""

DPI = 220

LEFT, RIGHT, BOTTOM, TOP = 0.62, 0.5, 0.46, 0.08
"""Margins of the embedding, inches: for labels of any width, and for the legend on the right."""
TITLE, LETTER = 0.2, 0.08
"""Inches of a title above a plane, and of a letter in the legend."""
LONGEST_NAME = 12
"""Letters of a class's name in the legend."""
SMALLEST = 6.6
"""Points of the letters of a reduced figure on paper."""
MANIFOLD_SHARE, PLANE_SHARE = 0.5, 0.68
"""Share of the text column of two figures in the report."""
SAMPLE = 12.5
"""Size of a label in the corner of a picture, points: the report shows them at half their size."""
DOT = 3.6
"""Size of a dot of a plane that has the figure for itself, square points."""
NUMERAL, SMALL_NUMERAL = 14.0, 11.0
"""Size of the numbers in a plane, points, and if there are several planes."""
GAP = 1.15
"""Least distance of two numbers, as a multiple of their size."""
DIGITS = Dataset.classes
"""Names of the classes of MNIST."""

LINE, REFERENCE = SERIES[:2]

STYLE: Any = {
    "figure.dpi": DPI,
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "svg.hashsalt": "submission",
}
"""The style of all figures, of runs and of the report."""

styled = matplotlib.rc_context(STYLE)
"""The style as a decorator of functions that draw, or as a context."""


def lettering(share: float) -> Any:
    """Return a context of letters that can be read where the report shows a figure reduced.

    `share` is the figure's share of the width of the text column there.
    """
    names = ("axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
    sizes: Any = dict.fromkeys(names, SMALLEST / share)
    return matplotlib.rc_context(sizes)


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the figure as a PNG file: the same arrays give the same bytes."""
    return _saved(figure, format="png", dpi=dpi, metadata={"Software": None})


@styled
def svg(figure: Figure) -> bytes:
    """Return the figure as an SVG file: the same arrays give the same bytes."""
    return _saved(figure, format="svg", metadata={"Date": None})


def _saved(figure: Figure, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **options)
    return buffer.getvalue()


@styled
def labelled_images(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Figure:
    """Show images (n, 784), pixels 0..255, in rows of ten, each with its label in the corner."""
    columns = min(len(images), 10)
    grid = np.zeros((-(-len(images) // columns), columns, images.shape[1]), np.float32)
    grid.reshape(-1, images.shape[1])[: len(images)] = images / MAX_PIXEL
    figure = Figure()
    axes = _mosaic(figure, grid, scale=_scale(columns))
    for index, label in enumerate(labels):
        row, column = divmod(index, columns)
        axes.text(column + 0.05, row + 0.06, str(label), color=REFERENCE, fontsize=SAMPLE, va="top")
    return figure


@styled
def reconstructions(
    rows: Floats, row_labels: Sequence[str], classes: Sequence[str] = DIGITS
) -> Figure:
    """Show test images of the ten classes above their reconstructions by one network or several.

    Args:
        rows: the originals, then the reconstructions of each network, 0..1 scale;
            shape (rows, 10, 784).
        row_labels: what each row shows, at most about 20 characters a line; shape (rows,).
        classes: names of the classes; shape (10,).
    """
    names = [_short(name, 8) for name in classes]
    figure = Figure()
    axes = _mosaic(figure, rows, scale=4, left=266, top=50)
    axes.set_yticks(np.arange(len(rows)) + 0.5, list(row_labels))
    axes.set_xticks(np.arange(len(names)) + 0.5, names)
    axes.tick_params(length=0, pad=4, labeltop=True, labelbottom=False)
    return figure


@styled
def image_grid(pixels: Floats, columns: int = 10) -> Figure:
    """Show images (n, 784), 0..1 scale, in rows of `columns`; n is a multiple of that."""
    figure = Figure()
    grid = pixels.reshape(-1, columns, pixels.shape[1])
    _mosaic(figure, grid, scale=_scale(columns))
    return figure


@styled
def strip(pixels: Floats) -> Figure:
    """Show the n images (n, 784), 0..1 scale, of one interpolation side by side."""
    figure = Figure()
    _mosaic(figure, pixels[np.newaxis], scale=_scale(len(pixels)))
    return figure


@styled
def manifold(
    decoded: Floats,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    axis_names: Sequence[str],
) -> Figure:
    """Show what the decoder makes of a regular grid of points of the plane.

    `decoded[i, j]` (rows, columns, 784), 0..1 scale, belongs to the i-th of equally spaced y, from
    `y_range[0]` to `y_range[1]` inclusive, and to the j-th such x; y rises upwards.
    """
    rows, columns = decoded.shape[:2]
    figure = Figure()
    scale = _scale(columns, round(WIDTH * DPI) - 240)
    axes = _mosaic(figure, decoded[::-1], scale=scale, left=200, right=40, bottom=144, top=20)
    with lettering(MANIFOLD_SHARE):
        frame = figure.add_axes(axes.get_position().bounds, frameon=False)
        frame.set_xlim(_tile_edges(x_range, columns))
        frame.set_ylim(_tile_edges(y_range, rows))
        frame.set(xlabel=axis_names[0], ylabel=axis_names[1])
    return figure


def _tile_edges(centres: tuple[float, float], count: int) -> tuple[float, float]:
    """Outer edges of `count` tiles whose first and last centres are given."""
    half = (centres[1] - centres[0]) / max(count - 1, 1) / 2 or 0.5  # 0.5: a range of one point
    return centres[0] - half, centres[1] + half


def _scale(columns: int, width: int = round(WIDTH * DPI)) -> int:
    """Return the screen pixels a pixel takes for `columns` images to fill `width` of them."""
    return max(1, width // (columns * IMAGE_SHAPE[1]))


def _mosaic(
    figure: Figure,
    grid: Floats,
    scale: int,
    left: int = 0,
    right: int = 0,
    bottom: int = 0,
    top: int = 0,
) -> Axes:
    """Fill the figure with images (rows, columns, 784), without gaps, inside margins in pixels.

    In the axes returned an image is one unit wide and high, and the origin is at the upper left.
    """
    rows, columns = grid.shape[:2]
    picture = mosaic(list(grid))
    height, width = (side * scale for side in picture.shape)
    full_width, full_height = left + width + right, bottom + height + top
    figure.set_size_inches(full_width / DPI, full_height / DPI)
    box = (left / full_width, bottom / full_height, width / full_width, height / full_height)
    axes = figure.add_axes(box, xticks=[], yticks=[])
    axes.imshow(
        np.stack([picture] * 3, axis=2),  # RGB: through a colour map some greys come out one off
        interpolation="none",
        aspect="auto",
        extent=(0, columns, rows, 0),
    )
    axes.spines[:].set_visible(False)
    return axes


@styled
def reconstruction_error(
    curve_name: str,
    iterations: NDArray[np.integer],
    test_mse: Floats,
    pca_mse: float,
    best: tuple[int, float],
) -> Figure:
    """Plot the test error of one training against the iteration, spikes and all.

    `iterations` and `test_mse` (MSE per pixel) have shape (n,); `pca_mse` is the error of as many
    principal components as the latent size, and `best` the least error with its iteration.
    """
    figure = Figure(figsize=(WIDTH, WIDTH * 0.5), layout="constrained")
    axes = figure.add_subplot(xlabel="iteration", ylabel="test MSE per pixel", yscale="log")
    axes.set_title(curve_name, loc="left", pad=18)  # above the legend
    axes.plot(iterations, test_mse, color=LINE, linewidth=0.9)
    label = f"PCA of the same size: {pca_mse:#.3g}"
    axes.axhline(pca_mse, color=REFERENCE, linewidth=0.9, linestyle=(0, (5, 3)), label=label)
    label = f"best: {best[1]:#.3g} at iteration {best[0]:,}"
    axes.plot(*best, "o", color="black", markersize=4, markerfacecolor="white", label=label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, borderaxespad=0.4, ncols=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(_error_ticks(*axes.get_ylim()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.margins(x=0.015)
    axes.grid()
    return figure


def _error_ticks(low: float, high: float) -> Locator:
    """Round values on a log axis: 1, 2, 5 in each decade; even steps within a factor of 5."""
    return LogLocator(subs=(1, 2, 5)) if high > 5 * low else MaxNLocator(7, steps=[1, 2, 5, 10])


@dataclass(frozen=True)
class Plane:
    """Points (n, 2) to draw, the names of the axes, and what stands above them."""

    xy: Floats
    axis_names: Sequence[str]
    title: str = ""


@styled
def embedding(
    xy: Floats,
    labels: NDArray[np.integer],
    axis_names: Sequence[str],
    classes: Sequence[str] = DIGITS,
    noun: str = "digit",
) -> Figure:
    """Show codes (n, 2) as one dot an image; see `embeddings`."""
    with lettering(PLANE_SHARE):
        return _embeddings([Plane(xy, axis_names)], labels, classes, noun)


@styled
def embeddings(
    planes: Sequence[Plane],
    labels: NDArray[np.integer],
    classes: Sequence[str] = DIGITS,
    noun: str = "digit",
) -> Figure:
    """Show the images in one plane or several beside each other, in the order given.

    An image is a dot in the colour of its class. The number of a class stands at the median of its
    dots, or beside it if another stands there. The axes of a plane have the same scale unless one
    range is three times the other.
    """
    return _embeddings(planes, labels, classes, noun)


def _embeddings(
    planes: Sequence[Plane], labels: NDArray[np.integer], classes: Sequence[str], noun: str
) -> Figure:
    names = [_legend_label(number, name) for number, name in enumerate(classes)]
    right = RIGHT + LETTER * (max(map(len, names)) - 1)
    width = (WIDTH - right) / len(planes) - LEFT
    height = width * (_height(planes[0].xy) if len(planes) == 1 else 1.0)
    top = TOP + TITLE * any(plane.title for plane in planes)
    figure = Figure(figsize=(WIDTH, height + BOTTOM + top))
    for number, plane in enumerate(planes):
        left = LEFT + number * (LEFT + width)
        box = (left, BOTTOM, width, height) / np.tile(figure.get_size_inches(), 2)
        xlabel, ylabel = plane.axis_names
        axes = figure.add_axes(tuple(box), xlabel=xlabel, ylabel=ylabel)
        axes.set_title(plane.title)
        _set_limits(axes, plane.xy, (width, height), _is_square(plane.xy))
        colours = np.asarray(DIGIT_COLOURS)[labels]
        size = DOT / len(planes)
        x, y = plane.xy.T
        axes.scatter(x, y, s=size, c=colours, linewidths=0, rasterized=True)
        _add_numerals(axes, plane.xy, labels, NUMERAL if len(planes) == 1 else SMALL_NUMERAL)
    _add_legend(axes, names, noun)
    return figure


def _legend_label(number: int, name: str) -> str:
    """Return `3`, or `3 boot` for another name than the number, cut if it is long."""
    return name if name == str(number) else f"{number} {_short(name, LONGEST_NAME)}"


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _is_square(xy: Floats) -> bool:
    span = np.ptp(xy, axis=0)
    return bool(span.max() < 3 * span.min())


def _height(xy: Floats) -> float:
    """Return how high the axes of a plane are, as a share of their width."""
    span = np.ptp(xy, axis=0)
    return float(np.clip(span[1] / span[0], 0.5, 1.1)) if _is_square(xy) else 0.7


def _set_limits(axes: Axes, xy: Floats, size: tuple[float, float], is_square: bool) -> None:
    """Show all points, in the middle, with the same scale in both directions if asked to.

    Limits are set, not left to matplotlib: it would find new ones, and with them wider tick labels,
    after the margins are fixed.
    """
    low, high = xy.min(axis=0), xy.max(axis=0)
    units = (high - low) / size  # an inch
    if is_square:
        units = np.full(2, units.max())
    half = np.where(units > 0, 1.04 * units * size / 2, 0.5)  # 0.5: all points at one place
    middle = (low + high) / 2
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])


def _add_legend(axes: Axes, names: Sequence[str], title: str) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="none", markersize=5, color=colour, label=name)
        for name, colour in zip(names, DIGIT_COLOURS, strict=True)
    ]
    axes.legend(
        handles=handles,
        title=title,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        borderaxespad=0,
        handletextpad=0.1,
    )


def _add_numerals(axes: Axes, xy: Floats, labels: NDArray[np.integer], size: float) -> None:
    digits = np.unique(labels)
    limits = np.diff([axes.get_xlim(), axes.get_ylim()])[:, 0]
    box = axes.get_window_extent()
    scale = limits / np.array((box.width, box.height)) * axes.figure.dpi / 72  # of a point
    medians = np.stack([np.median(xy[labels == digit], axis=0) for digit in digits])
    for digit, (x, y) in zip(digits, _spread(medians / scale, GAP * size) * scale, strict=True):
        text = axes.text(x, y, str(digit), fontsize=size, weight="bold", ha="center", va="center")
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _spread(points: Floats, gap: float) -> Floats:
    """Return points (n, 2) moved apart, as little as it takes, until none are closer than `gap`."""
    points = points.copy()
    for _ in range(100):
        for a, b in itertools.combinations(range(len(points)), 2):
            apart = points[b] - points[a]
            distance = np.hypot(*apart)
            direction = apart / distance if distance > 0 else np.array((1.0, 0.0))
            push = direction * max(gap - distance, 0) / 2
            points[a] -= push
            points[b] += push
    return points
