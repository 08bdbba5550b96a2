"""Arrays in, matplotlib figures out: every picture of one training.

Nothing is computed from a model or written to disk here. Figures are 15 cm wide, the text width of
a page, and are drawn without pyplot, so that no state is shared between them. Decoded images are
shown as MNIST stores them, white ink on black, clipped to 0..1, each pixel as a square of whole
screen pixels: nothing is blurred.
"""

import io
import itertools
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from aemodel.data import IMAGE_SHAPE, MAX_PIXEL

DIGIT_COLOURS = (
    "#717581",
    "#3f90da",
    "#b9ac70",
    "#bd1f01",
    "#832db6",
    "#ffa90e",
    "#a96b59",
    "#e76300",
    "#94a4a2",
    "#92dadd",
)
"""One colour for each digit, distinguishable also with deficient colour vision: the ten of
M. A. Petroff, *Accessible Color Sequences for Data Visualization*, arXiv:2107.02270 (2021), dealt
out so that digits which look alike (4, 7, 9 and 3, 5, 8) get colours that differ most."""

Floats = NDArray[np.floating]

_DPI = 220
_WIDTH = 15 / 2.54
_LINE = "#1f5a99"
_REFERENCE = "#bd1f01"

_styled = matplotlib.rc_context(
    {
        "figure.dpi": _DPI,
        "font.size": 8,
        "axes.labelsize": 8,
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
    }
)
"""The style all figures share, as a decorator."""


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG file: of the same arrays the same bytes, whenever it is made."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def tile(pixels: Floats) -> NDArray[np.uint8]:
    """Return one decoded image (784,), 0..1 scale, as a picture (28, 28) of 0 to 255, clipped."""
    ink = np.clip(pixels, 0, 1) * MAX_PIXEL
    return np.asarray(np.rint(ink), dtype=np.uint8).reshape(IMAGE_SHAPE)


@_styled
def samples(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Figure:
    """Show images (n, 784), pixels 0..255, in rows of ten, each with its label in the corner."""
    columns = min(len(images), 10)
    grid = np.zeros((-(-len(images) // columns), columns, images.shape[1]), np.float32)
    grid.reshape(-1, images.shape[1])[: len(images)] = images / MAX_PIXEL
    figure = Figure()
    axes = _mosaic(figure, grid, scale=_scale(columns))
    for index, label in enumerate(labels):
        row, column = divmod(index, columns)
        axes.text(column + 0.05, row + 0.06, str(label), color="#ffd75e", fontsize=7, va="top")
    return figure


@_styled
def reconstructions(originals: Floats, decoded: Floats, labels: NDArray[np.integer]) -> Figure:
    """Show images (n, 784), 0..1 scale, above their reconstructions (n, 784), labels on top."""
    figure = Figure()
    axes = _mosaic(figure, np.stack([originals, decoded]), scale=4, left=205, top=46)
    axes.set_yticks([0.5, 1.5], ["original", "reconstruction"])
    axes.set_xticks(np.arange(len(labels)) + 0.5, [str(label) for label in labels])
    axes.tick_params(length=0, pad=4, labeltop=True, labelbottom=False)
    return figure


@_styled
def strip(pixels: Floats) -> Figure:
    """Show the n images (n, 784), 0..1 scale, of one interpolation side by side."""
    figure = Figure()
    _mosaic(figure, pixels[np.newaxis], scale=_scale(len(pixels)))
    return figure


@_styled
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
    axes = _mosaic(
        figure, decoded[::-1], scale=_scale(columns, 1_150), left=170, bottom=130, right=20, top=20
    )
    twin = figure.add_axes(axes.get_position().bounds, frameon=False)
    twin.set_xlim(_tile_edges(x_range, columns))
    twin.set_ylim(_tile_edges(y_range, rows))
    # Large for the picture's size: the report shows it at half its width.
    twin.tick_params(labelsize=12)
    twin.set_xlabel(axis_names[0], fontsize=13)
    twin.set_ylabel(axis_names[1], fontsize=13)
    return figure


def _tile_edges(centres: tuple[float, float], count: int) -> tuple[float, float]:
    """Outer edges of `count` tiles whose first and last centres are given."""
    half = (centres[1] - centres[0]) / max(count - 1, 1) / 2 or 0.5  # 0.5: a range of one point
    return centres[0] - half, centres[1] + half


def _scale(columns: int, width: int = 1_299) -> int:
    """Screen pixels a pixel, so that so many columns of images fill a width in screen pixels."""
    return max(1, width // (columns * IMAGE_SHAPE[1]))


def _mosaic(
    figure: Figure,
    grid: Floats,
    scale: int,
    left: int = 0,
    bottom: int = 0,
    right: int = 0,
    top: int = 0,
) -> Axes:
    """Fill the figure with images (rows, columns, 784), without gaps, inside margins in pixels.

    In the axes returned an image is one unit wide and high, and the origin is at the upper left.
    """
    rows, columns = grid.shape[:2]
    picture = np.block([[tile(pixels) for pixels in row] for row in grid])
    height, width = (side * scale for side in picture.shape)
    full_width, full_height = left + width + right, bottom + height + top
    figure.set_size_inches(full_width / _DPI, full_height / _DPI)
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


@_styled
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
    figure = Figure(figsize=(_WIDTH, _WIDTH * 0.52), layout="constrained")
    axes = figure.add_subplot(xlabel="iteration", ylabel="test MSE per pixel", yscale="log")
    axes.set_title(curve_name, loc="left", fontsize=9, pad=18)  # above the legend
    axes.plot(iterations, test_mse, color=_LINE, linewidth=0.9)
    label = f"PCA of the same size: {pca_mse:#.3g}"
    axes.axhline(pca_mse, color=_REFERENCE, linewidth=0.9, linestyle=(0, (5, 3)), label=label)
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


@_styled
def embedding(xy: Floats, labels: NDArray[np.integer], axis_names: Sequence[str]) -> Figure:
    """Show codes (n, 2) as one dot an image, in the colour of its digit, in the order given.

    The numeral of a digit stands at the median of its dots, or beside it where another stands
    there. Both axes have the same scale unless one range is three times the other.
    """
    span = np.ptp(xy, axis=0)
    comparable = span.max() < 3 * span.min()
    height = 0.15 + 0.8 * np.clip(span[1] / span[0], 0.6, 1.1) if comparable else 0.8
    figure = Figure(figsize=(_WIDTH, _WIDTH * height), layout="constrained")
    axes = figure.add_subplot(xlabel=axis_names[0], ylabel=axis_names[1])
    if comparable:
        axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.02)
    colours = np.asarray(DIGIT_COLOURS)[labels]
    axes.scatter(xy[:, 0], xy[:, 1], s=2.2, c=colours, linewidths=0, rasterized=True)
    _add_numerals(axes, xy, labels)
    _add_digit_legend(figure)
    return figure


def _add_digit_legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="none", markersize=5, color=colour, label=str(digit))
        for digit, colour in enumerate(DIGIT_COLOURS)
    ]
    figure.legend(handles=handles, title="digit", loc="outside right upper", handletextpad=0.1)


def _add_numerals(axes: Axes, xy: Floats, labels: NDArray[np.integer]) -> None:
    digits = np.unique(labels)
    scale = np.diff([axes.get_xlim(), axes.get_ylim()])[:, 0]
    medians = np.stack([np.median(xy[labels == digit], axis=0) for digit in digits])
    for digit, (x, y) in zip(digits, _spread(medians / scale, gap=0.04) * scale, strict=True):
        text = axes.text(x, y, str(digit), fontsize=13, weight="bold", ha="center", va="center")
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
