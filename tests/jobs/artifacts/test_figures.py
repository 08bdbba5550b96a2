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
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from aemodel.data import Dataset
from jobs.artifacts import figures

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
    return figures.reconstructions(DECODED[:10] / 2, DECODED[1:], np.arange(10))


MAKERS = [curve, embedding, manifold, reconstructions, lambda: figures.strip(DECODED)]


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return the picture as grey values."""
    return np.asarray(Image.open(io.BytesIO(figures.png(figure))).convert("L"))


def axes_of(figure: Figure) -> Axes:
    return figure.axes[-1]


def enlarged(tiles: list[NDArray[np.uint8]], scale: int) -> NDArray[np.uint8]:
    return np.hstack(tiles).repeat(scale, axis=0).repeat(scale, axis=1)


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
    assert 14 <= figure.get_figwidth() * 2.54 <= 15.5
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


def test_tile_clips_and_rounds() -> None:
    image = np.zeros(784)
    image[[0, 1, 28, 29]] = -0.5, 1.5, 0.5, 100.4 / 255
    picture = figures.tile(image)
    assert picture.dtype == np.uint8
    assert picture.shape == (28, 28)
    assert picture[0, :2].tolist() == [0, 255]
    assert picture[1, :2].tolist() == [128, 100]


def test_tile_gives_back_the_pixels_of_mnist(dataset: Dataset) -> None:
    for image in dataset.x_test[:20]:
        np.testing.assert_array_equal(figures.tile(image / np.float32(255)).ravel(), image)


@pytest.mark.parametrize("count", [1, 2, 11])
def test_strip_is_the_images_and_nothing_else(count: int) -> None:
    picture = pixels(figures.strip(DECODED[:count]))
    scale = picture.shape[0] // 28
    tiles = [figures.tile(image) for image in DECODED[:count]]
    np.testing.assert_array_equal(picture, enlarged(tiles, scale))


def test_reconstructions_stand_below_their_originals() -> None:
    figure = reconstructions()
    picture = pixels(figure)[-224:, -1_120:]
    np.testing.assert_array_equal(
        picture[:112], enlarged([figures.tile(image / 2) for image in DECODED[:10]], 4)
    )
    np.testing.assert_array_equal(
        picture[112:], enlarged([figures.tile(image) for image in DECODED[1:]], 4)
    )
    names = [text.get_text() for text in axes_of(figure).get_yticklabels()]
    assert names == ["original", "reconstruction"]
    assert [text.get_text() for text in axes_of(figure).get_xticklabels()] == list("0123456789")


def test_manifold_has_the_first_image_at_the_lower_left() -> None:
    figure = manifold()
    axes = axes_of(figure)
    picture = pixels(figure)
    scale = 1_150 // (5 * 28)
    box = axes.get_window_extent()
    left, bottom = round(box.x0), picture.shape[0] - round(box.y0)
    corner = picture[bottom - 28 * scale : bottom, left : left + 2 * 28 * scale]
    np.testing.assert_array_equal(corner, enlarged([figures.tile(i) for i in DECODED[:2]], scale))
    assert axes.get_xlim() == (-2.5, 2.5)  # the outer images are centred on -2 and 2
    assert axes.get_ylim() == (4.5, 6.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("across", "up")


def test_manifold_of_one_row_has_a_scale() -> None:
    figure = figures.manifold(DECODED[np.newaxis], (0.0, 1.0), (3.0, 3.0), ("", ""))
    assert axes_of(figure).get_ylim() == (2.5, 3.5)


@pytest.mark.parametrize("count", [1, 7, 10, 25])
def test_samples_show_image_and_label(dataset: Dataset, count: int) -> None:
    figure = figures.samples(dataset.x_train[:count], dataset.y_train[:count])
    texts = [text.get_text() for text in axes_of(figure).texts]
    assert texts == [str(digit) for digit in dataset.y_train[:count]]
    picture = pixels(figure)
    columns = min(count, 10)
    scale = picture.shape[1] // (28 * columns)
    row, column = divmod(count - 1, columns)
    last = picture[row * 28 * scale :, column * 28 * scale :][: 28 * scale, : 28 * scale]
    clear = last[::scale, ::scale][12:]  # below the label
    np.testing.assert_array_equal(clear, dataset.x_train[count - 1].reshape(28, 28)[12:])


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
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == list("0123456789")


def test_numerals_stand_at_the_medians() -> None:
    for text in axes_of(embedding()).texts:
        median = np.median(CODES[int(text.get_text()) == LABELS], axis=0)
        np.testing.assert_allclose(text.get_position(), median)


@pytest.mark.parametrize("codes", [np.zeros((300, 2)), CODES * (1, 0), CODES * (1, 100)])
def test_degenerate_and_lopsided_codes_can_be_drawn(codes: NDArray[np.float64]) -> None:
    assert len(figures.png(figures.embedding(codes, LABELS, ("", "")))) > 10_000


@given(seed=st.integers(0, 999), scale=st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_crowded_numerals_are_moved_apart(seed: int, scale: float) -> None:
    points = np.random.default_rng(seed).uniform(0, scale, (10, 2))
    spread = figures._spread(points, gap=0.04)
    distances = np.linalg.norm(spread[:, np.newaxis] - spread, axis=2)[np.triu_indices(10, 1)]
    assert distances.min() > 0.035
    assert np.abs(spread - points).max() < 0.4


def test_colours_are_petroffs_ten() -> None:
    petroff = [to_hex(colour) for colour in matplotlib.color_sequences["petroff10"]]
    assert sorted(figures.DIGIT_COLOURS) == sorted(petroff)
