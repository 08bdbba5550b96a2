"""Drawing functions: the document's figures as SVG (plots, strips) or PNG (the scatter of codes).

Drawn at the width of an A4 text column, so that lettering comes out at the size given here. The
same records give the same bytes.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aemodel.evaluation import Interpolation
from aemodel.real_images import WAYS, RealInterpolations
from jobs.colours import SERIES
from jobs.report.analysis import curve_shape
from jobs.report.analysis.comparison import Comparison
from jobs.report.analysis.groups import Group, setting_name
from jobs.report.dataset import DatasetRecord
from jobs.report.published import Published
from jobs.report.records import Generated, TrainingRecord

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter, Locator

ASSIGNED: Any = {"linewidth": 3.0, "alpha": 0.3, "solid_capstyle": "butt", "zorder": 1.5}
"""Wide, so that it is seen below a curve that takes the same course."""
REACHED: Any = {"marker": "o", "markersize": 5, "markeredgecolor": "white", "linestyle": "none"}
PCA_LINE: Any = {"linewidth": 0.8, "linestyle": (0, (5, 3)), "alpha": 0.8}
SPIKE: Any = {
    "marker": "^",
    "markersize": 5,
    "markerfacecolor": "white",
    "linestyle": "none",
    "zorder": 4,
}
LEGEND_ROW, LEGEND_HANDLE = 100, 7
"""Characters that a legend's row has room for, and those that the handle of an entry takes."""
LONGEST_LABEL = 8
"""Characters of a class's name that fit under a picture."""
SHOWN_ROWS, SHOWN_COLUMNS = 3, 10
"""Generated images of each kind in their figure."""
MANY_DECADES = 300
"""Ratio of the ends of a logarithmic axis from which on powers of ten are ticks enough."""
CLOSE = 1.2
"""Ratio of latent sizes below which there is room for the number of one only."""
COMPONENTS = "principal component 1", "principal component 2"
NO_GAPS: Any = {"w_pad": 0.01, "h_pad": 0.015, "wspace": 0.0, "hspace": 0.0}


def curves(groups: Sequence[Group], comparisons: Sequence[Comparison]) -> bytes:
    """Return the error curves of all groups as SVG, over linear and logarithmic iterations.

    Over the latter a group that is compared with a training of the assignment's recipe has the
    curve of that as well, and a dot from where on it is as good as that one in the end.
    """
    drawn = {training.run_id for group in groups for training in group.trainings}

    def draw(figure: "Figure") -> None:
        linear, logarithmic = figure.subplots(1, 2, sharey=True)
        for group, colour in zip(groups, _colours(groups), strict=True):
            for axes in (linear, logarithmic):
                _draw_group(axes, group, colour, first_point=int(axes is logarithmic))
            for comparison in comparisons:
                if comparison.training in group.trainings:
                    is_new = comparison.reference.run_id not in drawn
                    _draw_comparison(logarithmic, comparison, colour, is_new)
        for axes in (linear, logarithmic):
            axes.set(yscale="log", xlabel="iteration")
            axes.grid(which="major")
        linear.set(ylabel="test MSE per pixel", xlim=(0, None))
        logarithmic.set(xscale="log", xlabel="iteration (logarithmic)")
        for axes in (linear, logarithmic):
            axes.xaxis.set_major_formatter("{x:,.0f}")
        linear.xaxis.set_major_locator(_few_ticks())
        low, high = logarithmic.get_xlim()
        logarithmic.xaxis.set_major_locator(_log_ticks(high < MANY_DECADES * low))
        logarithmic.xaxis.set_minor_formatter(_no_labels())
        _plain_errors(linear)
        _legend(figure, linear, groups, comparisons)

    return as_svg(draw, 2.7)


def _draw_group(axes: "Axes", group: Group, colour: str, first_point: int) -> None:
    """Draw the curves of a group, from the point of that number on, and PCA's error."""
    for training in group.trainings:
        curve = curve_shape.with_end(training)
        if curve is None:
            continue
        first = training is group.first
        axes.plot(
            curve.iterations[first_point:],
            curve.test_mse[first_point:],
            color=colour,
            linewidth=1.1 if first else 0.6,
            alpha=1.0 if first else 0.45,
            label=group.label if first else None,
        )
        if first and (spikes := curve_shape.spikes(curve)):
            peaks = [(spike.peak_iteration, spike.peak) for spike in spikes]
            axes.plot(*zip(*peaks, strict=True), color=colour, **SPIKE)
    pca = group.mean("pca_test_mse")
    if pca is not None:
        axes.axhline(pca, color=colour, **PCA_LINE)


def _draw_comparison(axes: "Axes", comparison: Comparison, colour: str, is_new: bool) -> None:
    """Draw the curve of the assignment's recipe, and from where on the other is as good."""
    if is_new:
        reference = comparison.reference_curve
        axes.plot(reference.iterations[1:], reference.test_mse[1:], color=colour, **ASSIGNED)
    if (reached := comparison.reached) is not None:
        curve = comparison.curve
        error = curve.test_mse[curve.iterations == reached.iteration]
        axes.plot(reached.iteration, error, color=colour, **REACHED)


def _has_spikes(groups: Sequence[Group]) -> bool:
    curves = (curve_shape.with_end(group.first) for group in groups)
    return any(curve is not None and curve_shape.spikes(curve) for curve in curves)


def _legend(
    figure: "Figure", axes: "Axes", groups: Sequence[Group], comparisons: Sequence[Comparison]
) -> None:
    """Name the curves, and the lines and marks that the figure has."""
    from matplotlib.lines import Line2D

    handles, _ = axes.get_legend_handles_labels()
    if any(group.values("pca_test_mse") for group in groups):
        handles.append(Line2D([], [], color="#555555", label="PCA", **PCA_LINE))
    if _has_spikes(groups):
        handles.append(Line2D([], [], color="#555555", label="spike", **SPIKE))
    if comparisons:
        handles.append(Line2D([], [], color="#555555", label="assignment's recipe", **ASSIGNED))
    if any(comparison.reached for comparison in comparisons):
        handles.append(Line2D([], [], color="#555555", label="as low", **REACHED))
    _above(figure, handles)


def _above(figure: "Figure", handles: Sequence["Artist"]) -> None:
    """Put a legend above the axes: in one row, or in as many columns as there is width for."""
    widths = [len(str(handle.get_label())) + LEGEND_HANDLE for handle in handles]
    fits = sum(widths) <= LEGEND_ROW
    columns = len(handles) if fits else max(1, LEGEND_ROW // max(widths))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False)


def latent_sizes(groups: Sequence[Group], published: Sequence[Published] = ()) -> bytes:
    """Return the final error against latent size beside PCA's as SVG, on log-log axes.

    Published errors are single marks.
    """

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        pca, own = _means(groups, "pca_test_mse"), _means(groups, "final_test_mse")
        axes.plot(
            *zip(*((size, mean) for size, mean, _ in pca), strict=True), "s--", color="#555555",
            markersize=4, linewidth=1, label="PCA",
        )  # fmt: skip
        sizes, means, deviations = zip(*own, strict=True)
        axes.errorbar(
            sizes, means, yerr=deviations if any(deviations) else None, fmt="o-", color=SERIES[0],
            markersize=3.5, linewidth=1, capsize=4, label="autoencoder",
        )  # fmt: skip
        for source, marker, colour in zip(published, "^v<>", SERIES[2:], strict=False):
            axes.plot(
                *zip(*source.errors, strict=True), marker, color=colour, fillstyle="none",
                label=source.label,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="latent size", ylabel="test MSE per pixel")
        _name_sizes(axes, [*sizes, *(size for source in published for size, _ in source.errors)])
        axes.grid()
        _plain_errors(axes)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))

    return as_svg(draw, 1.9, share=0.95)


def _means(groups: Sequence[Group], field: str) -> list[tuple[int, float, float]]:
    """Return latent size, mean and standard deviation over the seeds of each group."""
    known = [(g.setting.latent_size, g.values(field)) for g in groups if g.values(field)]
    return [
        (size, float(np.mean(each)), float(np.std(each, ddof=1)) if len(each) > 1 else 0.0)
        for size, each in known
    ]


def _name_sizes(axes: "Axes", sizes: Sequence[int]) -> None:
    """Put a tick at each latent size, with its number unless one before it stands there."""
    named: list[int] = []
    for size in sizes:
        if all(max(size, other) > CLOSE * min(size, other) for other in named):
            named.append(size)
    ticks = sorted(set(sizes))
    axes.set_xticks(ticks, [str(size) if size in named else "" for size in ticks])
    axes.minorticks_off()


def reconstructions(trainings: Sequence[TrainingRecord], labels: Sequence[str]) -> bytes:
    """Return ten test images above their reconstructions, by each training and PCA, as SVG."""
    from jobs.artifacts import figures

    rows: list[NDArray[np.float32]] = []
    names = ["test image"]
    for training, label in zip(trainings, labels, strict=True):
        if (pictures := training.reconstructions) is None:
            continue
        rows += [pictures[1]] if rows else [pictures[0], pictures[1]]
        names.append(label)
        if training.pca_reconstructions is not None:
            rows.append(training.pca_reconstructions)
            names.append(f"PCA, {training.spec.setting.latent_size}")
    data = trainings[0].dataset
    classes = [data.name_of(c) for c in range(len(data.classes))]
    return figures.svg(figures.reconstructions(np.stack(rows), names, classes))


def interpolation(
    path: Interpolation, data: DatasetRecord, rows: Sequence[tuple[str, NDArray[np.float32]]]
) -> bytes:
    """Return rows of eleven pictures above the pixel blend of the ends of `path`, as SVG.

    Under each step stands f and the class of the test image nearest to the picture of `path`.

    Args:
        path: that of the first row.
        data: what the classes are called.
        rows: label and decoded pictures (11, 784) of each network.
    """
    weights = path.fractions[:, None].astype(np.float32)
    blend = (1 - weights) * path.pixels[0] + weights * path.pixels[-1]
    pictures = [*(pixels for _, pixels in rows), blend]

    def draw(figure: "Figure") -> None:
        axes = _rows(figure, pictures, [*(label for label, _ in rows), "pixel blend"])
        steps = [
            f"{fraction:.1f}\n{data.name_of(int(digit))[:LONGEST_LABEL]}"
            for fraction, digit in zip(path.fractions, path.nearest_digit, strict=True)
        ]
        axes.set_xticks(np.arange(len(steps)) + 0.5, steps, linespacing=1.5)
        axes.text(
            -0.12, len(pictures) + 0.1, "f\nlabel", ha="right", va="top", linespacing=1.5,
            fontsize=8,
        )  # fmt: skip

    return as_svg(draw, 0.45 + 0.53 * len(pictures), **NO_GAPS)


def real_interpolations(found: RealInterpolations, data: DatasetRecord) -> bytes:
    """Return the ways between two pairs of test images, one of each kind, as SVG."""
    kinds = f"same {data.noun}", f"two {data.nouns}"
    labels = [f"{kind},\n{way}" for kind in kinds for way in WAYS]

    def draw(figure: "Figure") -> None:
        _rows(figure, [strip for strips in found.strips for strip in strips], labels)

    return as_svg(draw, 0.53 * len(labels), **NO_GAPS)


def _rows(figure: "Figure", rows: Sequence[NDArray[np.float32]], labels: Sequence[str]) -> "Axes":
    """Draw rows of images, each (n, 784), without gaps; return the axes, one unit an image."""
    from jobs.artifacts.pictures import mosaic

    axes = figure.subplots()
    width, height = len(rows[0]), len(rows)
    axes.imshow(
        mosaic(rows), cmap="gray", vmin=0, vmax=255, interpolation="none",
        extent=(0, width, height, 0),
    )  # fmt: skip
    frame: Any = {"colors": "#bbbbbb", "linewidth": 0.3, "clip_on": False}
    axes.hlines(range(height + 1), 0, width, **frame)
    axes.vlines(range(width + 1), 0, height, **frame)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.set_xticks([])
    axes.set_yticks(np.arange(height) + 0.5, list(labels))
    return axes


def generated(shown: Sequence[tuple[str, Generated]]) -> bytes:
    """Return images of both densities beside each other, a row for each network, as PNG."""
    import matplotlib
    from matplotlib.figure import Figure

    from jobs.artifacts import figures
    from jobs.artifacts.pictures import mosaic

    with matplotlib.rc_context(figures.STYLE):
        height = figures.WIDTH * (0.5 * SHOWN_ROWS / SHOWN_COLUMNS + 0.012) * len(shown) + 0.2
        figure = Figure(figsize=(figures.WIDTH, height), layout="constrained")
        grid = figure.subplots(len(shown), 2, squeeze=False)
        for row, (label, images) in zip(grid, shown, strict=True):
            label = label.replace(" (", "\n(")
            row[0].set_ylabel(label, rotation="horizontal", ha="right", va="center")
            for axes, pixels in zip(
                row, (images.gaussian_images, images.mixture_images), strict=True
            ):
                some = pixels[: SHOWN_ROWS * SHOWN_COLUMNS]
                tiles = mosaic(list(some.reshape(SHOWN_ROWS, SHOWN_COLUMNS, -1)))
                axes.imshow(tiles, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
        grid[0][0].set_title("one Gaussian")
        grid[0][1].set_title("mixture of Gaussians")
        return figures.png(figure)


def embedding(training: TrainingRecord, beside_pca: bool) -> bytes:
    """Return the test codes in the plane, one colour a class, as PNG; beside PCA's if asked to.

    Raises:
        ValueError: the training holds no codes, no labels, or no PCA's plane to show.
    """
    from aemodel import latent
    from jobs.artifacts import figures

    codes, labels, data = training.codes, training.labels, training.dataset
    if codes is None or labels is None or (beside_pca and training.pca_xy is None):
        raise ValueError(f"run {training.run_id}: an embedding needs latent codes and labels")
    plane = latent.project(codes)
    names = [data.name_of(c) for c in range(len(data.classes))]
    if not beside_pca or training.pca_xy is None:
        drawn = figures.embedding(plane.xy, labels, plane.axis_names, names, data.noun)
        return figures.png(drawn)
    planes = [
        figures.Plane(plane.xy, plane.axis_names, setting_name(training.spec.setting)),
        figures.Plane(training.pca_xy, COMPONENTS, "PCA"),
    ]
    return figures.png(figures.embeddings(planes, labels, names, data.noun))


def _colours(drawn: Sequence[object]) -> list[str]:
    """Return a colour for each; more than there are in the palette follow a colour map."""
    if len(drawn) <= len(SERIES):
        return list(SERIES[: len(drawn)])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 0.92, len(drawn)))]


def _few_ticks() -> "Locator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def _log_ticks(with_halves: bool = True) -> "Locator":
    """Return 1, 2, 5 in each decade, or powers of ten alone."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1, 2, 5) if with_halves else (1,))


def _no_labels() -> "Formatter":
    from matplotlib.ticker import NullFormatter

    return NullFormatter()


def _plain_errors(axes: "Axes") -> None:
    """Write the errors of a logarithmic axis as plain decimals, such as 0.02."""
    axes.yaxis.set_major_locator(_log_ticks())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(_no_labels())


def as_svg(
    draw: "Callable[[Figure], None]", height: float, share: float = 1.0, **padding: Any
) -> bytes:
    """Return what `draw` draws: `height` inches, and this share of the text column wide."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    from jobs.artifacts import figures

    with matplotlib.rc_context(figures.STYLE):
        size = (share * figures.WIDTH, height)
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(**padding))
        draw(figure)
        return figures.svg(figure)
