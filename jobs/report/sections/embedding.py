"""Part 3, the two-dimensional embedding: which classes stand apart and which overlap.

Judged by neighbours, not by eye: for each class, whose points are the 10 nearest in the plane.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np

from jobs.artifacts import figures
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.groups import PLANE, Group, setting_name
from jobs.report.analysis.neighbours import CLASSES, K, Neighbours
from jobs.report.analysis.noise import share_difference
from jobs.report.analysis.study import Study
from jobs.report.blocks import Block, Figure, Heading, Observation, Paragraph, Table, ref
from jobs.report.dataset import DatasetRecord
from jobs.report.records import TrainingRecord
from jobs.report.sections import empty_plane, explorer, mnist_lore, planes
from jobs.report.sections.ending import part_ending
from jobs.report.wording import capitalized, format_percent, listing

SEE = ("table-neighbours",)
OVERLAP = 0.10
"""Two classes overlap if, averaged over both, this share of neighbours is of the other."""
MAX_PAIRS = 4
"""Overlapping pairs that are named."""
MAX_TIED = 3
"""Classes that share the first or the last place; if more do, none is named."""
CORRELATED = 0.6
"""Rank correlation from which on one measure is said to follow another ..."""
SIGNIFICANT = 0.01
"""... if chance gives it with at most this probability."""
PCA_PLANE = " Right: the same images on the first two principal components of the training images."
QUESTION = (
    "Which images lie together in the plane, which stand apart and which overlap, and why? What "
    "does the decoder make of places where no image lies?"
)


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 3; nothing if no training recorded codes."""
    training = study.for_embedding
    if training is None:
        return
    yield Heading("Part 3: The two-dimensional embedding")
    yield Paragraph(_introduction(training, study.neighbours is not None))
    yield _scatter(study, training)
    if study.neighbours is not None:
        yield _table(study.neighbours, training.dataset)
    yield from planes.blocks(study)
    if training.manifold is not None:
        yield Figure(
            key="figure-manifold",
            picture=training.manifold,
            alt="Decoded pictures on a grid over the latent plane.",
            caption="Decoded pictures of a regular grid of points of the same plane, from the 1st "
            "to the 99th percentile of the codes on each axis.",
            width=figures.MANIFOLD_SHARE,
        )
    yield from explorer.blocks(study)
    yield from part_ending(study, 3, observations(study), QUESTION)


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the embedding, and of the neighbours in all latent spaces."""
    training, neighbours = study.for_embedding, study.neighbours
    if training is not None and neighbours is not None:
        yield from purity(neighbours, training.dataset)
        yield from overlaps(neighbours, training.dataset)
    yield from empty_plane.observations(study)
    yield from planes.beside_pca(study)
    yield from votes(study)
    yield from planes.codes_beside_pca(study)


def _introduction(training: TrainingRecord, with_table: bool) -> str:
    """Say what the figures and the table show, by their numbers."""
    figure = ref("figure-embedding")
    if training.spec.setting.latent_size > PLANE:
        text = f"{figure} shows the codes of all test images on their first two principal axes."
    else:
        text = f"The encoder takes every test image to a point; {figure} shows them all."
    text += " No label was used in training."
    if with_table:
        text += f" {ref('table-neighbours')} counts how the {training.dataset.nouns} mix."
    if training.manifold is not None:
        text += (
            f" {ref('figure-manifold')} goes the other way: it decodes points of the plane, "
            "whether or not an image lies there."
        )
    return text


def _scatter(study: Study, training: TrainingRecord) -> Figure:
    setting, data = training.spec.setting, training.dataset
    small = setting.latent_size <= 2
    codes = "latent codes" if small else "first two principal components of the latent codes"
    images = 0 if training.labels is None else len(training.labels)
    beside_pca = study.pca_neighbours is not None
    also = " and the same images on two principal components" if beside_pca else ""
    left, right = ("Left: the ", PCA_PLANE) if beside_pca else ("The ", "")
    return Figure(
        key="figure-embedding",
        picture=charts.embedding(training, beside_pca),
        alt=f"Scatter plot of the {codes} of {images:,} test images{also}, one colour per "
        f"{data.noun}.",
        caption=f"{left}{codes} of the {images:,} test images in {setting_name(setting)} (seed "
        f"{training.spec.seed}), one dot per image, one colour per {data.noun}.{right}",
        width=1.0 if beside_pca else figures.PLANE_SHARE,
    )


def _table(neighbours: Neighbours, data: DatasetRecord) -> Table:
    """Return the shares of classes among the neighbours of each class, in percent."""
    rows = [
        [data.name_of(c), *(f"{100 * share:.0f}" if share >= 0.005 else "·" for share in row)]
        for c, row in enumerate(neighbours.shares)
    ]
    return Table(
        key="table-neighbours",
        caption=f"The {K} nearest other test images in the plane by {data.noun}, in percent (a "
        f"dot: less than half a percent). On the diagonal: the same {data.noun}.",
        columns=(("Images", "left"), *((data.name_of(c), "right") for c in range(CLASSES))),
        rows=rows,
    )


def purity(neighbours: Neighbours, data: DatasetRecord) -> Iterator[Observation]:
    """Name the classes most and least among their own, as far as the noise tells them apart."""
    own = {c: neighbours.own(c) for c in range(CLASSES)}
    ranked = sorted(own, key=lambda c: -own[c].value)
    most = _tied(neighbours, ranked)
    least = _tied(neighbours, ranked[::-1])
    parts = [
        f"{which} for {_named(classes, own, data)}"
        for which, classes in (("highest", most), ("lowest", least))
        if len(classes) <= MAX_TIED
    ]
    extremes = f"; this is {listing(parts)}" if parts and not set(most) & set(least) else ""
    yield Observation(
        kind="own neighbours",
        numbers={data.name_of(c): estimate for c, estimate in own.items()},
        text=f"Of the {K} nearest neighbours of a point in the plane "
        f"{format_percent(neighbours.same)} are of the same {data.noun}{extremes}.",
        see=SEE,
        intuition=_nearness(own) if data.is_mnist else "",
    )


def _tied(neighbours: Neighbours, ranked: Sequence[int]) -> list[int]:
    """Return the first class and those whose share is not different beyond the noise."""
    first = ranked[0]
    tied = [first]
    for c in ranked[1:]:
        lead = neighbours.lead(first, c)
        if lead.is_positive or lead.is_negative:
            break
        tied.append(c)
    return tied


def _named(classes: Sequence[int], own: dict[int, Estimate], data: DatasetRecord) -> str:
    return listing(
        f"{data.many_of(c)} ({format_percent(own[c].value, decimals=0)})" for c in sorted(classes)
    )


def _nearness(own: dict[int, Estimate]) -> str:
    """Say that the order follows how alike the images of a digit are, if it does."""
    from scipy import stats

    shares = [own[digit].value for digit in range(CLASSES)]
    result = stats.spearmanr(shares, mnist_lore.NEAREST_RATIO)
    if result.statistic < CORRELATED or result.pvalue > SIGNIFICANT:
        return ""
    top = int(np.argmax(mnist_lore.NEAREST_RATIO))
    times = f"{mnist_lore.NEAREST_RATIO[top]:.0f} times"
    return (
        "The more the images of a digit resemble one another rather than those of other digits, "
        f"the more it stands apart: in pixels the nearest other {top} is {times} as near to a "
        f"{top} as the nearest other digit is (in MSE, medians over the test set). Over the ten "
        "digits this ratio and the share of own neighbours have a rank correlation of "
        f"{result.statistic:.2f}."
    )


def overlaps(neighbours: Neighbours, data: DatasetRecord) -> Iterator[Observation]:
    """Name the pairs of classes that overlap."""
    mutual = {pair: neighbours.mutual(*pair) for pair in combinations(range(CLASSES), 2)}
    ranked = sorted(mutual, key=lambda pair: -mutual[pair])
    mixed = [pair for pair in ranked if round(mutual[pair], 2) >= OVERLAP][:MAX_PAIRS]
    numbers = {data.pair(*pair): Estimate(mutual[pair]) for pair in mixed or ranked[:1]}
    if not mixed:
        yield Observation(
            kind="no overlap",
            numbers=numbers,
            text=f"No two {data.nouns} have {format_percent(OVERLAP, decimals=0)} of each other "
            "among their neighbours.",
            see=SEE,
        )
        return
    lead = neighbours.mutual_lead(ranked[0], ranked[1])
    a, b = mixed[0]
    shares = neighbours.shares
    first = (
        f"{capitalized(data.many_of(a))} and {data.many_of(b)} overlap"
        f"{' most' if lead.is_positive else ''}: {format_percent(shares[a, b], decimals=0)} of the "
        f"neighbours of {data.many_of(a)} are {data.many_of(b)}, and "
        f"{format_percent(shares[b, a], decimals=0)} the other way"
    )
    others = listing(
        f"{data.name_of(c)} and {data.name_of(d)} ({format_percent(mutual[c, d], decimals=0)})"
        for c, d in mixed[1:]
    )
    yield Observation(
        kind="overlap",
        numbers=numbers,
        text=f"{first}.{f' So do {others}, averaged over both ways.' if others else ''}",
        see=SEE,
        intuition=_alike_in_pixels(neighbours, (a, b)) if data.is_mnist else "",
    )


def _alike_in_pixels(neighbours: Neighbours, pair: tuple[int, int]) -> str:
    """Say that digits overlap in the plane that are neighbours in pixels, if they do."""
    from scipy import stats

    a, b = pair
    upper = np.triu_indices(CLASSES, 1)
    pixels = np.array(mnist_lore.PIXEL_NEIGHBOURS)
    result = stats.spearmanr(
        (neighbours.shares + neighbours.shares.T)[upper], (pixels + pixels.T)[upper]
    )
    if result.statistic < CORRELATED or result.pvalue > SIGNIFICANT:
        return ""
    also = f", {a} and {b} first of all" if mnist_lore.most_alike(a, b) else ""
    plane, image = neighbours.mutual(a, b), mnist_lore.mutual(a, b)
    most = (
        f" In pixels only {format_percent(image)} of the neighbours of {a}s and {b}s are of the "
        "other digit, so most of this overlap is not in the images but in their two numbers."
        if image < plane / 2
        else ""
    )
    return (
        f"Digits overlap more if their images are alike in pixels{also}. Over all pairs "
        "the shares in the plane and in pixels have a rank correlation of "
        f"{result.statistic:.2f}.{most}"
    )


def votes(study: Study) -> Iterator[Observation]:
    """Say whether nearest neighbours name the class better in the larger latent space."""
    known = [group for group in study.sound if group.mean("knn_accuracy") is not None]
    for small, large in pairwise(known):
        if small.setting.latent_size < large.setting.latent_size:
            yield from _votes(small, large)


def _votes(small: Group, large: Group) -> Iterator[Observation]:
    before, after = small.mean("knn_accuracy"), large.mean("knn_accuracy")
    if before is None or after is None:
        return
    labels = large.first.labels
    gain = share_difference(after, before, 0 if labels is None else len(labels))
    if not (gain.is_positive or gain.is_negative):
        return
    sizes = f"{large.setting.latent_size} dimensions", f"{small.setting.latent_size}"
    better = _falls(small, large)
    contrast = ", although the error is lower" if gain.is_negative and better else ""
    yield Observation(
        kind="10-NN",
        numbers={"gain": gain},
        text=f"In {sizes[0]} the {K} nearest training codes name the {large.first.dataset.noun} "
        f"{'more' if gain.is_positive else 'less'} often than in {sizes[1]} "
        f"({100 * after:.1f}% against {100 * before:.1f}% of the test images){contrast}.",
        see=("table-summary",),
        intuition=_why(small, large, gain, bool(contrast)),
    )


def _falls(small: Group, large: Group) -> bool:
    before, after = small.mean("final_test_mse"), large.mean("final_test_mse")
    return before is not None and after is not None and after < before


def _why(small: Group, large: Group, gain: Estimate, contrast: bool) -> str:
    data = large.first.dataset
    noun, nouns = data.noun, data.nouns
    if contrast:
        return (
            f"The loss asks for small errors in pixels, not for codes of one {noun} to lie "
            "together: a better reconstruction need not be a better representation."
        )
    if gain.is_positive and small.setting.latent_size == 2:
        return (
            f"Two numbers chosen for a small error in pixels do not keep the {nouns} apart as well "
            f"as {large.setting.latent_size} do: what overlaps in the plane need not overlap with "
            "more coordinates."
        )
    return ""
