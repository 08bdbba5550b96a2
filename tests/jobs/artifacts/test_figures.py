"""Figures show what they are given: pixel by pixel where they are images."""

import io
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb, to_rgba_array
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from aemodel.data import Dataset
from jobs.artifacts import figures
from jobs.artifacts.pictures import mosaic

RNG = np.random.default_rng(0)
DECODED = RNG.uniform(-0.3, 1.3, (11, 784)).astype(np.float32)
LABELS = np.tile(np.arange(10), 30)
CODES = np.stack([LABELS * 10.0, LABELS % 3 * 20.0], axis=1) + RNG.normal(size=(300, 2))
ITERATIONS = np.arange(0, 2_000, 100)
ERRORS = np.geomspace(0.15, 0.008, 20)
BEST = (1_900, 0.008)


def curve() -> Figure:
    return figures.reconstruction_error("setting 2, seed 0", ITERATIONS, ERRORS, 0.02686, BEST)


def embedding() -> Figure:
    return figures.embedding(CODES, LABELS, ("across", "up"))


def manifold() -> Figure:
    grid = DECODED[:10].reshape(2, 5, 784)
    return figures.manifold(grid, (-2.0, 2.0), (5.0, 6.0), ("across", "up"))


def reconstructions() -> Figure:
    rows = np.stack([DECODED[:10] / 2, DECODED[1:]])
    return figures.reconstructions(rows, ("test image", "setting 3"))


MAKERS = [curve, embedding, manifold, reconstructions, lambda: figures.strip(DECODED)]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return the picture as grey values."""
    return np.asarray(Image.open(io.BytesIO(figures.png(figure))).convert("L"))


def axes_of(figure: Figure) -> Axes:
    return figure.axes[-1]


def enlarged(images: NDArray[np.floating], scale: int) -> NDArray[np.uint8]:
    """Return images side by side, black on white, each pixel `scale` pixels wide and high."""
    return mosaic([images]).repeat(scale, axis=0).repeat(scale, axis=1)


@pytest.mark.parametrize("make", MAKERS)
def test_png_has_the_same_bytes_each_time_and_no_metadata(make: Callable[[], Figure]) -> None:
    first = figures.png(make())
    assert first == figures.png(make())
    picture = Image.open(io.BytesIO(first))
    assert set(picture.info) == {"dpi"}
    assert picture.info["dpi"] == pytest.approx((220, 220), abs=0.1)


@pytest.mark.parametrize("make", MAKERS)
def test_figures_are_a_page_wide_and_nothing_is_cut_off(make: Callable[[], Figure]) -> None:
    figure = make()
    assert 14 <= figure.get_figwidth() * 2.54 <= 16.1
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()
    assert min(drawn.x0, drawn.y0) >= -0.01
    assert drawn.x1 <= figure.get_figwidth() + 0.01
    assert drawn.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize("make", MAKERS)
def test_figures_leave_the_global_style_alone(make: Callable[[], Figure]) -> None:
    before = dict(matplotlib.rcParams)
    make()
    assert dict(matplotlib.rcParams) == before


# --- Images ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 11])
def test_strip_is_the_images_and_nothing_else(count: int) -> None:
    picture = pixels(figures.strip(DECODED[:count]))
    scale = picture.shape[0] // 28
    np.testing.assert_array_equal(picture, enlarged(DECODED[:count], scale))


def test_reconstructions_stand_below_their_originals() -> None:
    figure = reconstructions()
    picture = pixels(figure)[-224:, -1_120:]
    np.testing.assert_array_equal(picture[:112], enlarged(DECODED[:10] / 2, 4))
    np.testing.assert_array_equal(picture[112:], enlarged(DECODED[1:], 4))
    names = [text.get_text() for text in axes_of(figure).get_yticklabels()]
    assert names == ["test image", "setting 3"]
    assert [text.get_text() for text in axes_of(figure).get_xticklabels()] == list("0123456789")


def test_svg_has_the_same_bytes_each_time() -> None:
    first = figures.svg(curve())
    assert first == figures.svg(curve())
    assert first.startswith(b"<?xml")
    assert b"dc:date" not in first


def test_manifold_has_the_first_image_at_the_lower_left() -> None:
    figure = manifold()
    axes = axes_of(figure)
    picture = pixels(figure)
    scale = (round(figures.WIDTH * figures.DPI) - 240) // (5 * 28)
    box = axes.get_window_extent()
    left, bottom = round(box.x0), picture.shape[0] - round(box.y0)
    corner = picture[bottom - 28 * scale : bottom, left : left + 2 * 28 * scale]
    np.testing.assert_array_equal(corner, enlarged(DECODED[:2], scale))
    assert axes.get_xlim() == (-2.5, 2.5)  # the outer images are centred on -2 and 2
    assert axes.get_ylim() == (4.5, 6.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("across", "up")


def test_letters_can_be_read_where_the_report_shows_the_figure_reduced() -> None:
    for figure, share in (
        (manifold(), figures.MANIFOLD_SHARE),
        (embedding(), figures.PLANE_SHARE),
    ):
        axes = axes_of(figure)
        texts = [axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()]
        texts += axes.get_yticklabels()
        if legend := axes.get_legend():
            texts += legend.get_texts()
        reduced = share * figures.WIDTH / figure.get_figwidth()
        assert min(float(text.get_fontsize()) for text in texts) * reduced >= 6.0


@pytest.mark.parametrize(
    ("across", "up"), [((-8.0, 10.0), (-7.5, 2.0)), ((-105.0, 102.0), (-1.2, 1.2))]
)
def test_the_scales_of_the_manifold_are_not_cut_off(
    across: tuple[float, float], up: tuple[float, float]
) -> None:
    grid = np.repeat(DECODED[:1], 225, axis=0).reshape(15, 15, -1)
    figure = figures.manifold(grid, across, up, ("latent dimension 1", "latent dimension 2"))
    picture = pixels(figure)
    for edge in (picture[:, :2], picture[:, -2:], picture[:2], picture[-2:]):
        assert edge.min() == 255


def test_manifold_of_one_row_has_a_scale() -> None:
    figure = figures.manifold(DECODED[np.newaxis], (0.0, 1.0), (3.0, 3.0), ("", ""))
    assert axes_of(figure).get_ylim() == (2.5, 3.5)


@pytest.mark.parametrize("count", [1, 7, 10, 25])
def test_labelled_images_show_image_and_label(dataset: Dataset, count: int) -> None:
    figure = figures.labelled_images(dataset.x_train[:count], dataset.y_train[:count])
    texts = [text.get_text() for text in axes_of(figure).texts]
    assert texts == [str(digit) for digit in dataset.y_train[:count]]
    picture = pixels(figure)
    columns = min(count, 10)
    scale = picture.shape[1] // (28 * columns)
    row, column = divmod(count - 1, columns)
    last = picture[row * 28 * scale :, column * 28 * scale :][: 28 * scale, : 28 * scale]
    clear = last[::scale, ::scale][12:]  # below the label
    np.testing.assert_array_equal(255 - clear, dataset.x_train[count - 1].reshape(28, 28)[12:])


# --- The error curve -------------------------------------------------------------------------


def test_curve_shows_every_point_the_baseline_and_the_best() -> None:
    axes = axes_of(curve())
    line, baseline, best = axes.lines
    np.testing.assert_array_equal(line.get_xydata(), np.stack([ITERATIONS, ERRORS], axis=1))
    np.testing.assert_array_equal(baseline.get_ydata(), 0.02686)
    np.testing.assert_array_equal(best.get_xydata(), [BEST])
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iteration", "test MSE per pixel")
    assert axes.get_title("left") == "setting 2, seed 0"
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "PCA of the same size: 0.0269",
        "best: 0.00800 at iteration 1,900",
    ]


@pytest.mark.parametrize(
    ("errors", "wanted"),
    [
        (ERRORS, ["0.01", "0.02", "0.05", "0.1"]),
        (np.linspace(0.058, 0.0378, 20), ["0.04", "0.045", "0.05", "0.055"]),
    ],
)
def test_error_axis_has_plain_tick_labels(errors: NDArray[np.float64], wanted: list[str]) -> None:
    figure = figures.reconstruction_error("", ITERATIONS, errors, errors[3], (0, errors[0]))
    figure.draw_without_rendering()
    axes = axes_of(figure)
    low, high = axes.get_ylim()
    labels = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    assert [label.get_text() for tick, label in labels if low <= tick <= high] == wanted


@pytest.mark.parametrize("errors", [[0.07], [0.07, np.nan, 0.05], [0.07, 3e6, 0.06]])
def test_short_broken_and_exploding_curves_can_be_drawn(errors: list[float]) -> None:
    iterations = np.arange(len(errors)) * 100
    figure = figures.reconstruction_error("", iterations, np.array(errors), 0.05, (0, 0.07))
    assert len(figures.png(figure)) > 10_000


# --- The embedding ---------------------------------------------------------------------------


def test_embedding_draws_the_dots_in_the_order_given() -> None:
    figure = embedding()
    dots = axes_of(figure).collections[0]
    assert isinstance(dots, PathCollection)
    np.testing.assert_array_equal(dots.get_offsets(), CODES)
    colours = to_rgba_array([figures.DIGIT_COLOURS[label] for label in LABELS])
    np.testing.assert_array_equal(np.asarray(dots.get_facecolor()), colours)
    legend = axes_of(figure).get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == list("0123456789")


def test_numerals_stand_at_the_medians() -> None:
    for text in axes_of(embedding()).texts:
        median = np.median(CODES[int(text.get_text()) == LABELS], axis=0)
        np.testing.assert_allclose(text.get_position(), median)


@pytest.mark.parametrize("codes", [np.zeros((300, 2)), CODES * (1, 0), CODES * (1, 100)])
def test_degenerate_and_lopsided_codes_can_be_drawn(codes: NDArray[np.float64]) -> None:
    assert len(figures.png(figures.embedding(codes, LABELS, ("", "")))) > 10_000


def test_numerals_of_small_planes_do_not_cover_one_another() -> None:
    crowded = figures.Plane(np.where(LABELS[:, np.newaxis] == 9, 9.0, CODES * 0.002), ("", ""))
    figure = figures.embeddings([crowded, crowded], LABELS)
    for axes in figure.axes:
        places = axes.transData.transform([text.get_position() for text in axes.texts])
        points = 72 / figure.dpi * np.linalg.norm(places[:, np.newaxis] - places, axis=2)
        assert points[np.triu_indices(10, 1)].min() > figures.SMALL_NUMERAL


@given(seed=st.integers(0, 999), scale=st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_crowded_numerals_are_moved_apart(seed: int, scale: float) -> None:
    points = np.random.default_rng(seed).uniform(0, scale, (10, 2))
    spread = figures._spread(points, gap=0.055)
    distances = np.linalg.norm(spread[:, np.newaxis] - spread, axis=2)[np.triu_indices(10, 1)]
    assert distances.min() > 0.048
    assert np.abs(spread - points).max() < 0.4


@pytest.mark.parametrize("codes", [CODES, CODES * (1, 100), np.zeros((300, 2))])
def test_limits_are_not_found_anew_when_the_embedding_is_drawn(codes: NDArray[np.float64]) -> None:
    figure = figures.embedding(codes, LABELS, ("", ""))
    axes = axes_of(figure)
    before = axes.get_xlim(), axes.get_ylim()
    figure.draw_without_rendering()
    assert (axes.get_xlim(), axes.get_ylim()) == before
    assert axes.get_xlim()[0] < codes[:, 0].min() <= codes[:, 0].max() < axes.get_xlim()[1]
    assert axes.get_ylim()[0] < codes[:, 1].min() <= codes[:, 1].max() < axes.get_ylim()[1]


def test_comparable_axes_have_the_same_scale() -> None:
    axes = axes_of(embedding())
    box = axes.get_window_extent()
    units = np.diff(axes.get_xlim()) / box.width, np.diff(axes.get_ylim()) / box.height
    np.testing.assert_allclose(*units, rtol=1e-6)


# --- Colours ---------------------------------------------------------------------------------

TO_CONES = ((0.4122, 0.5363, 0.0514), (0.2119, 0.6807, 0.1074), (0.0883, 0.2817, 0.6300))
TO_OKLAB = ((0.2105, 0.7936, -0.0041), (1.9780, -2.4286, 0.4506), (0.0259, 0.7828, -0.8087))
VISION = {
    "normal": np.eye(3),
    "without red cones": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "without green cones": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]
    ),
}
"""Linear RGB as it is seen: Machado, Oliveira & Fernandes 2009, severity 1."""


@pytest.mark.parametrize(
    ("vision", "least"),
    [("normal", 0.17), ("without red cones", 0.1), ("without green cones", 0.1)],
)
def test_digits_have_colours_that_can_be_told_apart(vision: str, least: float) -> None:
    """Distances in Oklab (Ottosson 2020); black and white are 1 apart."""
    colours = np.array([to_rgb(colour) for colour in (*figures.DIGIT_COLOURS, "white")])
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ VISION[vision].T, 0, 1)
    lab = np.cbrt(seen @ np.transpose(TO_CONES)) @ np.transpose(TO_OKLAB)
    distances = np.linalg.norm(lab[:, np.newaxis] - lab, axis=2)[np.triu_indices(11, 1)]
    assert distances.min() > least
