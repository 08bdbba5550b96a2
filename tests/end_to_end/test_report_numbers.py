"""Every number that the document of a real run claims, computed again by other code."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from aemodel.data import Dataset
from tests.support.recomputed import Recomputed, squared_distances
from tests.support.workspace import Ended

GAIN = re.compile(r"[\u2212\d.]+")
"""Numbers of a gain with its interval."""
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?%?")
PAIRS = ((3, 8), (4, 9), (1, 7))
GIVEN = {"1", "2", "3", "10", "16", "64", "5%", "0.1%", "8,000", *map(str, range(10))}
"""Names of settings and digits, latent sizes, and the constants of the sentences."""


@pytest.fixture(scope="module")
def document(assignment: Ended) -> dict[str, Any]:
    path = assignment.place.folder / "submission" / "submission-source.zip"
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    return dict(json.loads(archive.read("submission.json")))


@pytest.fixture(scope="module")
def trainings(assignment: Ended, small_dataset: Dataset) -> list[Recomputed]:
    runs = assignment.place.runs(kind="training")
    return [Recomputed(assignment.place, run, small_dataset) for run in runs]


def percent(share: float) -> set[str]:
    """Return a share as it may be printed, whatever its last digit was rounded from."""
    return {f"{100 * share + off:.{d}f}%" for d in (0, 1) for off in (0.0, 2e-3, -2e-3)}


def part_1(trainings: list[Recomputed]) -> Iterator[str]:
    for training in trainings:
        yield from percent(abs(1 - training.final / training.pca))
        yield f"{training.final:.5f}"
        yield f"{training.pca:.5f}"
        yield f"{training.final_train:.5f}"
        yield f"{training.pca_train:.5f}"
        yield "95%"
        for number in training.gap(len(trainings)):
            yield from percent(abs(number))
        if training.below_pca is not None:
            yield f"{training.below_pca:,}"
        errors = [training.digit(digit) for digit in range(10)]
        yield f"{max(errors) / min(errors):.1f}"
        counts = training.named_again
        yield f"{int(counts.sum()):,}"
        yield from percent(1 - np.trace(counts) / counts.sum())
        for share in (counts / counts.sum(axis=1, keepdims=True)).ravel():
            yield from percent(share)
    noise = 0.02 * max(1.0, float(np.sqrt(10_000 / len(trainings[0].images))))
    yield f"{100 * noise:.0f}%"
    for small, large in pairwise(trainings):
        yield from percent(abs(1 - large.final / small.final))
        steepness = np.log(small.final / large.final)
        yield f"{steepness / np.log(large.latent_size / small.latent_size):.2f}"
    yield from one_power(trainings, noise)


def one_power(trainings: list[Recomputed], noise: float) -> Iterator[str]:
    """Yield the exponent of the line through the logarithms of the errors, and its interval."""
    x = np.log([training.latent_size for training in trainings])
    slope = float(np.polyfit(x, np.log([training.final for training in trainings]), 1)[0])
    half = noise / float(np.sqrt(np.square(x - x.mean()).sum()))
    yield from (f"{a:.2f}" for a in (-slope, -slope - half, -slope + half))
    yield from percent(1 - 2**slope)


def part_2(trainings: list[Recomputed]) -> Iterator[str]:
    for training in trainings[1:]:
        paths = [training.path(*pair) for pair in PAIRS]
        for labels, decoded, blended in paths:
            yield from percent(abs(1 - decoded / blended))
            for step in range(11):
                if step == 0 or labels[step] != labels[step - 1]:
                    yield f"{step / 10:.1f}"
                if step == 10 or labels[step] != labels[step + 1]:
                    yield f"{step / 10:.1f}"
        yield f"{sum(decoded for _, decoded, _ in paths) / len(paths):.5f}"
        yield from percent(training.near_the_centre({d for pair in PAIRS for d in pair}))
        for linear, _ in training.halfway():
            yield from percent(abs(1 - linear))
        digits = {d for pair in PAIRS for d in pair}
        yield f"{training.radius_of_means(digits):.2f}"
        yield from percent(training.affine_share)


def part_3(trainings: list[Recomputed]) -> Iterator[str]:
    shares = trainings[0].neighbours
    yield from percent(trainings[0].same)
    yield from percent(trainings[0].same_in_pca_plane)
    for a in range(10):
        for b in range(10):
            yield from percent(shares[a, b])
            yield from percent((shares[a, b] + shares[b, a]) / 2)
    mutual = ((shares + shares.T) / 2)[np.triu_indices(10, 1)]
    yield str(np.count_nonzero(mutual >= 0.1) - 4)  # overlaps that are not listed
    for training in trainings:
        yield from percent(training.vote)
    points, empty, there, elsewhere = trainings[0].empty_plane
    yield from (str(points), "99%", f"{there:.5f}", f"{elsewhere:.5f}")
    yield from percent(empty)


def generation(document: dict[str, Any]) -> Iterator[str]:
    """Yield the numbers of the table that the sentences repeat; the table is checked by itself."""
    rows = {row[0]: row[1:] for row in table(document, "table-generation")}
    yield from percent(float(rows["training images"][1].rstrip("%")) / 100)
    for name, (_, sure, _, frechet) in rows.items():
        yield from percent(float(sure.rstrip("%")) / 100)
        yield frechet
        yield name.rpartition(" ")[2]  # the components of a mixture
        if name.endswith(", Gaussian"):
            (mixture,) = (
                other for other in rows if other.startswith(name.split(",")[0] + ", mixture")
            )
            yield f"{float(frechet) / float(rows[mixture][3]):.1f}"


def observations(document: dict[str, Any]) -> list[str]:
    """Return the observations of all parts."""
    part, found = "", dict[str, list[str]]()
    for block in document["blocks"]:
        if block["kind"] == "heading" and block["level"] == 1:
            part = block["text"]
        elif block["kind"] == "findings":
            found[part] = [item["text"] for item in block["items"]]
    assert len(found) >= 3
    return [text for texts in found.values() for text in texts]


def test_every_number_of_the_observations(
    document: dict[str, Any], trainings: list[Recomputed]
) -> None:
    parts = part_1(trainings), part_2(trainings), part_3(trainings), generation(document)
    known = GIVEN.union(*parts)
    texts = observations(document)
    assert len(texts) >= 8
    unknown = {
        text: numbers
        for text in texts
        if (numbers := [n for n in NUMBER.findall(text) if n.strip(",") not in known])
    }
    assert unknown == {}


def table(document: dict[str, Any], key: str) -> list[list[str]]:
    (found,) = [block for block in document["blocks"] if block.get("id") == key]
    return list(found["rows"])


def test_the_table_of_results(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    for row, training in zip(table(document, "table-summary"), trainings, strict=True):
        for number in (f"{training.final:.5f}", f"{training.pca:.5f}"):
            assert number in row
        assert f"{100 * training.vote:.1f}%" in row


def test_the_error_of_each_digit(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    for row, training in zip(table(document, "table-digits"), trainings, strict=True):
        for digit, cell in enumerate(row[1:]):
            assert float(cell) == pytest.approx(1000 * training.digit(digit), abs=0.0051)


def test_the_distances_on_the_way(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    rows = table(document, "table-interpolation")
    assert len(rows) == 6
    named = {f"setting {training.name}": training for training in trainings}
    for name, latent, pair, decoded, blended, marked in rows:
        a, b = map(int, pair.split(" to "))
        labels, ours, theirs = named[name].path(a, b)
        assert int(latent) == named[name].latent_size
        assert float(decoded) == pytest.approx(ours, abs=6e-6)
        assert float(blended) == pytest.approx(theirs, abs=6e-6)
        ratio, _, mark = marked.partition(" ")
        assert float(ratio) == pytest.approx(ours / theirs, abs=6e-4)
        assert mark == ("" if (labels[0], labels[-1]) == (a, b) else "†")


def test_the_gains_halfway(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    """With intervals that resampled pairs give as well."""
    rows = table(document, "table-real-images")
    named = {f"setting {training.name}": training for training in trainings}
    for index, row in enumerate(rows):
        training, kind = named[row[0]], index % 2
        value, low, high = (float(n.replace("\u2212", "-")) for n in GAIN.findall(row[-1]))
        to_blend, spherical = training.halfway()[kind]
        assert value == pytest.approx(100 * (1 - to_blend), abs=0.06)
        assert float(row[3]) / float(row[2]) == pytest.approx(spherical, abs=1e-3)
        width = np.subtract(*np.quantile(training.resampled_gains(kind), [0.975, 0.025]))
        assert high - low == pytest.approx(100 * width, rel=0.2, abs=0.1)


def test_the_neighbours_in_the_plane(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    for row, shares in zip(
        table(document, "table-neighbours"), trainings[0].neighbours, strict=True
    ):
        for cell, share in zip(row[1:], shares, strict=True):
            assert (0.0 if cell == "·" else float(cell)) == pytest.approx(100 * share, abs=0.52)


def test_who_names_more(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    for row, training in zip(table(document, "table-votes"), trainings, strict=True):
        own, pca, pixels = row[2:]
        assert own == f"{100 * training.vote:.1f}%"
        assert pca == f"{100 * training.votes('pca'):.1f}%"
        assert pixels == f"{100 * training.votes('pixels'):.1f}%"


def test_how_good_images_are(document: dict[str, Any], trainings: list[Recomputed]) -> None:
    """Exactly, for images that are the same again; within the noise of a draw, for drawn ones."""
    rows = {row[0]: row[1:] for row in table(document, "table-generation")}
    real = trainings[0].data.x_train.astype(np.float64) / 255
    compare(rows["training images"], trainings[0].quality(real), exact=True)
    for training in trainings:
        name = f"setting {training.name}"
        again = training.decoded_train()
        compare(rows[f"{name}, reconstructions"], training.quality(again), exact=True)
        nearest = squared_distances(again[:2_000], training.images).min(axis=1).mean()
        assert float(rows[f"{name}, reconstructions"][0]) == pytest.approx(nearest, abs=6e-6)
        (mixture,) = (row for row in rows if row.startswith(f"{name}, mixture"))
        compare(rows[mixture], training.quality(training.drawn("mixture")), exact=False)
        compare(
            rows[f"{name}, Gaussian"], training.quality(training.drawn("gaussian")), exact=False
        )


def compare(row: list[str], quality: tuple[float, float, float], exact: bool) -> None:
    _, sure, evenness, frechet = row
    share, even, distance = 6e-4, 6e-4, 0.006
    if not exact:
        share, even, distance = 0.03, 0.03, 0.1 * quality[2] + 0.02
    assert float(sure.rstrip("%")) / 100 == pytest.approx(quality[0], abs=share)
    assert float(evenness) == pytest.approx(quality[1], abs=even)
    assert float(frechet) == pytest.approx(quality[2], abs=distance)
