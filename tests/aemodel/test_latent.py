"""Latent-space functions on cases worked out by hand, and on MNIST itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn import manifold
from sklearn.linear_model import LinearRegression

from aemodel import latent
from aemodel.data import Dataset

DIGITS = np.arange(10)


# --- Means and lines -------------------------------------------------------------------------


def test_class_means_by_hand() -> None:
    labels = np.concatenate([DIGITS, [3, 3]])
    codes = np.stack([labels, -labels], axis=1).astype(np.float32)
    codes[[10, 11]] = (0, 0), (6, 12)
    wanted = np.stack([DIGITS, -DIGITS], axis=1).astype(np.float32)
    wanted[3] = (3 + 0 + 6) / 3, (-3 + 0 + 12) / 3
    np.testing.assert_allclose(latent.class_means(codes, labels), wanted)


def test_class_means_need_every_digit() -> None:
    with pytest.raises(ValueError, match=r"no digit \[2, 7\]"):
        latent.class_means(np.zeros((8, 2)), np.delete(DIGITS, [2, 7]))


def test_fractions_are_the_one_decimal_numbers() -> None:
    names = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]
    assert [str(f) for f in latent.FRACTIONS] == names


codes_of_three = arrays(np.float32, 3, elements=st.floats(-1e3, 1e3, width=32))


@given(start=codes_of_three, end=codes_of_three)
def test_interpolation_is_a_straight_line(
    start: NDArray[np.float32], end: NDArray[np.float32]
) -> None:
    line = latent.interpolate(start, end)
    assert line.shape == (11, 3)
    assert line.dtype == np.float32
    np.testing.assert_array_equal(line[[0, -1]], [start, end])
    np.testing.assert_allclose(
        np.diff(line, axis=0), np.tile((end - start) / 10, (10, 1)), atol=1e-3
    )
    np.testing.assert_allclose(line[::-1], latent.interpolate(end, start), atol=1e-3)


def test_interpolation_by_hand() -> None:
    line = latent.interpolate(np.array([8.0, 0.0]), np.array([2.0, 1.0]))
    np.testing.assert_allclose(line[3], [0.7 * 8 + 0.3 * 2, 0.3])


# --- Planes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2])
def test_small_codes_are_their_own_plane(size: int) -> None:
    codes = np.random.default_rng(0).normal(size=(20, size)).astype(np.float32)
    plane = latent.project(codes)
    np.testing.assert_array_equal(plane.xy[:, :size], codes)
    assert not plane.xy[:, size:].any()
    assert plane.axis_names[0] == "latent dimension 1"
    np.testing.assert_allclose(plane.xy @ plane.components + plane.mean, codes)


def test_one_dimension_names_no_second_one() -> None:
    assert latent.project(np.ones((3, 1))).axis_names[1] == "no second dimension"


def test_codes_in_a_tilted_plane_are_recovered() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0][:2]
    inside = rng.normal(size=(400, 2)) * (3, 1)
    codes = inside @ basis + (1, 2, 3, 4, 5)
    plane = latent.project(codes)
    assert plane.xy.shape == (400, 2)
    np.testing.assert_allclose(plane.xy @ plane.components + plane.mean, codes, atol=1e-9)
    share = inside[:, 0].var() / inside.var(axis=0).sum()
    assert share == pytest.approx(0.9, abs=0.02)
    assert plane.axis_names[0] == f"principal component 1 ({share:.0%} of variance)"
    assert plane.axis_names[1] == f"principal component 2 ({1 - share:.0%} of variance)"


def test_further_axes_are_the_principal_axes_after_the_plane() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(5_000, 5)) * [4, 3, 2, 1, 1e-3]
    plane = latent.project(codes)
    assert [axis.deviation for axis in plane.further] == pytest.approx([2, 1, 1e-3], rel=0.1)
    assert [axis.share for axis in plane.further] == pytest.approx([4 / 30, 1 / 30, 0], abs=0.01)
    directions = np.stack([axis.direction for axis in plane.further])
    np.testing.assert_allclose(np.abs(directions), np.eye(5)[2:], atol=0.1)
    np.testing.assert_allclose(directions @ plane.components.T, 0, atol=1e-9)


@pytest.mark.parametrize(("size", "count"), [(1, 0), (2, 0), (3, 1), (10, 8), (64, 8)])
def test_there_are_at_most_eight_further_axes(size: int, count: int) -> None:
    codes = np.random.default_rng(0).normal(size=(100, size))
    assert len(latent.project(codes).further) == count


def test_projection_is_deterministic_also_for_wide_codes() -> None:
    codes = np.random.default_rng(0).normal(size=(300, 2_000)).astype(np.float32)
    a, b = latent.project(codes), latent.project(codes.copy())
    np.testing.assert_array_equal(a.xy, b.xy)


def test_equal_codes_have_no_variance() -> None:
    plane = latent.project(np.ones((30, 4), np.float32))
    assert not plane.xy.any()
    assert plane.axis_names[0] == "principal component 1 (0% of variance)"


# --- Neighbours ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3])  # a tree, and brute force
def test_knn_accuracy_by_hand(size: int) -> None:
    train = np.zeros((6, size))
    train[:, 0] = 0, 1, 2, 10, 11, 12
    test = np.zeros((4, size))
    test[:, 0] = 0.5, 1.5, 11, 2
    train_labels, test_labels = np.array([1, 1, 7, 7, 7, 1]), np.array([1, 1, 7, 7])
    # Votes of the three nearest: 1 1 7 -> 1, 1 1 7 -> 1, 7 7 1 -> 7, 1 1 7 -> 1 (wrong).
    assert latent.knn_accuracy(train, train_labels, test, test_labels, k=3) == 0.75


def test_knn_ties_go_to_the_smallest_digit() -> None:
    train, labels = np.array([[-1.0], [1.0]]), np.array([5, 4])
    assert latent.knn_accuracy(train, labels, np.zeros((1, 1)), np.array([4]), k=2) == 1
    assert latent.knn_accuracy(train, labels, np.zeros((1, 1)), np.array([5]), k=2) == 0


def test_knn_needs_k_codes_and_finite_ones() -> None:
    codes = np.zeros((5, 2))
    with pytest.raises(ValueError, match="n_neighbors"):
        latent.knn_accuracy(codes, np.arange(5), codes, np.arange(5))
    codes[0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        latent.knn_accuracy(codes, np.arange(5), codes, np.arange(5), k=1)


def test_knn_on_the_pixels_of_mnist(dataset: Dataset) -> None:
    train = slice(0, 5_000)
    accuracy = latent.knn_accuracy(
        dataset.x_train[train].astype(np.float32),
        dataset.y_train[train],
        dataset.x_test[:500].astype(np.float32),
        dataset.y_test[:500],
    )
    assert 0.88 < accuracy < 0.96


def test_neighbour_shares_of_separate_digits_are_the_identity() -> None:
    labels = np.repeat(DIGITS, 4)
    xy = np.stack([labels * 100.0, np.tile(np.arange(4.0), 10)], axis=1)
    np.testing.assert_array_equal(latent.neighbour_shares(xy, labels, k=3), np.eye(10))


def test_neighbour_shares_by_hand() -> None:
    labels = np.concatenate([DIGITS, DIGITS])
    xy = np.stack([labels * 100.0, np.repeat([0.0, 3.0], 10)], axis=1)
    xy[[1, 11]] = xy[[0, 10]] + (0, 1)  # each 1 lies beside a 0, the others beside their like
    shares = latent.neighbour_shares(xy, labels, k=1)
    np.testing.assert_array_equal(shares[0, :2], [0, 1])
    np.testing.assert_array_equal(shares[1, :2], [1, 0])
    np.testing.assert_array_equal(shares[2:, 2:], np.eye(8))


def test_a_point_is_not_its_own_neighbour_even_among_duplicates() -> None:
    labels = np.concatenate([DIGITS, DIGITS])
    xy = np.zeros((20, 2))
    xy[10:] = 1000 + np.arange(10)[:, np.newaxis] * 100
    xy[:10] = xy[10:]
    np.testing.assert_array_equal(latent.neighbour_shares(xy, labels, k=1), np.eye(10))


@given(seed=st.integers(0, 999), k=st.integers(1, 12))
def test_neighbour_shares_sum_to_one(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.concatenate([DIGITS, rng.integers(0, 10, 20)]))
    shares = latent.neighbour_shares(rng.normal(size=(30, 2)).round(1), labels, k)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares >= 0).all()


def test_neighbour_shares_need_every_digit() -> None:
    with pytest.raises(ValueError, match=r"no digit \[9\]"):
        latent.neighbour_shares(np.zeros((9, 2)), np.arange(9), k=1)


# --- Nearest images --------------------------------------------------------------------------


def test_nearest_finds_the_image_itself(dataset: Dataset) -> None:
    chosen = np.array([7, 2_000, 9_999, 0])
    indices, mse = latent.ReferenceImages(dataset.x_test).nearest(
        dataset.x_test[chosen] / np.float32(255)
    )
    np.testing.assert_array_equal(indices, chosen)
    np.testing.assert_array_equal(mse, 0)


def test_nearest_by_hand() -> None:
    reference = np.zeros((3, 784), np.uint8)
    reference[1, 0], reference[2] = 255, 255
    images = np.zeros((3, 784))
    images[0, 0], images[1], images[2, 0] = 0.9, 2.0, 0.4
    indices, mse = latent.ReferenceImages(reference).nearest(images)
    assert indices.tolist() == [1, 2, 0]
    np.testing.assert_allclose(mse, [0.1**2 / 784, 1.0, 0.4**2 / 784], rtol=1e-5)


def test_nearest_agrees_with_every_distance_written_out(dataset: Dataset) -> None:
    images = dataset.x_test[:30] / 255
    reference = dataset.x_train[:1_500]
    distances = ((images[:, np.newaxis] - reference / 255) ** 2).mean(axis=2)
    indices, mse = latent.ReferenceImages(reference).nearest(images)
    np.testing.assert_array_equal(indices, distances.argmin(axis=1))
    np.testing.assert_allclose(mse, distances.min(axis=1), rtol=1e-5)


def test_median_nearest_by_hand() -> None:
    images = np.zeros((4, 784), np.uint8)
    images[1, :196] = 255  # a quarter of the pixels from 0
    images[2, :392] = 255  # another quarter from 1
    images[3] = 255  # half from 2
    assert latent.ReferenceImages(images).median_nearest_mse() == pytest.approx(0.25)
    assert latent.ReferenceImages(images[[0, 0, 0, 3]]).median_nearest_mse() == 0


def test_median_nearest_of_the_real_test_set(dataset: Dataset) -> None:
    assert latent.ReferenceImages(dataset.x_test).median_nearest_mse() == pytest.approx(
        0.028948, abs=1e-6
    )


def test_a_plane_that_keeps_all_neighbours_is_trustworthy_and_continuous() -> None:
    images = np.zeros((60, 784), np.uint8)
    images[:, :2] = np.random.default_rng(0).integers(256, size=(60, 2))
    assert latent.trustworthiness(images, [images[:, :2].astype(float)]) == [(1.0, 1.0)]
    shuffled = np.random.default_rng(1).permutation(images[:, :2].astype(float))
    [(trust, continuity)] = latent.trustworthiness(images, [shuffled])
    with pytest.raises(ValueError, match="give more than 60"):
        latent.trustworthiness(images, [shuffled], k=30)
    assert trust < 0.8
    assert continuity < 0.8


def test_trustworthiness_and_continuity_agree_with_scikit_learn(dataset: Dataset) -> None:
    images = dataset.x_test[:400]
    codes = dataset.principal_components.codes(images, 4)
    planes = [codes[:, :2], codes[:, 2:]]
    for plane, found in zip(planes, latent.trustworthiness(images, planes, k=7), strict=True):
        scaled = images / 255.0
        wanted = [
            manifold.trustworthiness(*each, n_neighbors=7)
            for each in ((scaled, plane), (plane, scaled))
        ]
        assert found == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("spare", [0, 1])
def test_affine_share_is_that_of_a_regression(spare: int) -> None:
    generator = np.random.default_rng(0)
    codes = generator.standard_normal((500, 3)).astype(np.float32) + 5
    decoded = np.tanh(codes @ generator.standard_normal((3, 784)).astype(np.float32))
    codes = np.column_stack([codes, *[codes[:, 0]] * spare])  # a number that says nothing new
    affine = LinearRegression().fit(codes, decoded.astype(np.float64)).predict(codes)
    variance = np.square(decoded - decoded.mean(axis=0)).sum()
    wanted = 1 - np.square(decoded - affine).sum() / variance
    assert latent.affine_share(codes, decoded) == pytest.approx(wanted, abs=1e-5)
