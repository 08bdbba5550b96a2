"""Part 3, the two-dimensional embedding: which classes stand apart and which overlap.

Judged by neighbours, not by eye: for each class, whose points are the 10 nearest in the plane.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np

from jobs.artifacts import figures
from jobs.report import charts
from jobs.report.analysis.estimate import Estimate, over_seeds, values_over_seeds
from jobs.report.analysis.groups import PLANE, Group, setting_name
from jobs.report.analysis.neighbours import CLASSES, K, Neighbours
from jobs.report.analysis.noise import rank_correlations, share_difference
from jobs.report.analysis.seeds import ranged, shown, with_seeds
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
"""Overlapping pairs that are named; one more if it is the last."""
MAX_TIED = 3
"""Classes that share the first or the last place; if more do, none is named."""
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
    group = with_seeds(study.groups, training)
    yield Paragraph(_introduction(training, study.neighbours is not None))
    yield _scatter(study, training)
    if study.neighbours is not None:
        yield _table(study.own_planes, group)
    yield from planes.blocks(study)
    if training.manifold is not None:
        yield Figure(
            key="figure-manifold",
            picture=training.manifold,
            alt="Decoded pictures on a grid over the latent plane.",
            caption="Decoded pictures of a regular grid of points of the plane of "
            f"{shown([group])}, from the 1st to the 99th percentile of the codes on each axis.",
            width=figures.MANIFOLD_SHARE,
        )
    yield from explorer.blocks(study)
    yield from part_ending(study, 3, observations(study), QUESTION)


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the embedding, and of the neighbours in all latent spaces."""
    training = study.for_embedding
    if training is not None and study.neighbours is not None:
        yield from purity(study.own_planes, training.dataset)
        yield from overlaps(study.own_planes, training.dataset, _projected(training))
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


def _table(planes_shown: Sequence[Neighbours], group: Group) -> Table:
    """Return the shares of classes among the neighbours of each class, in percent."""
    data = group.first.dataset
    shares = np.mean([plane.shares for plane in planes_shown], axis=0)
    rows = [
        [data.name_of(c), *(f"{percent:.0f}" if percent else "·" for percent in row)]
        for c, row in enumerate(np.floor(100 * shares + 0.5))  # half a percent is told as one
    ]
    seeds = f", mean over {len(planes_shown)} seeds" * (len(planes_shown) > 1)
    return Table(
        key="table-neighbours",
        caption=f"The {K} nearest other test images in the plane of {group.label} by "
        f"{data.noun}, in percent{seeds} (a dot: less than half a percent). On the diagonal: the "
        f"same {data.noun}.",
        columns=(("Images", "left"), *((data.name_of(c), "right") for c in range(CLASSES))),
        rows=rows,
    )


def purity(planes_shown: Sequence[Neighbours], data: DatasetRecord) -> Iterator[Observation]:
    """Name the classes most and least among their own, in every seed beyond the noise."""
    own = {c: [plane.own(c) for plane in planes_shown] for c in range(CLASSES)}
    most, least = _extreme(planes_shown, -1), _extreme(planes_shown, 1)
    parts = [
        f"{which} for {_named(classes, own, data)}"
        for which, classes in (("highest", most), ("lowest", least))
        if 0 < len(classes) <= MAX_TIED
    ]
    extremes = f"; this is {listing(parts)}" if parts and not set(most) & set(least) else ""
    same = ranged([plane.same for plane in planes_shown], _one_decimal)
    yield Observation(
        kind="own neighbours",
        numbers={data.name_of(c): over_seeds(each) for c, each in own.items()},
        text=f"Of the {K} nearest neighbours of a point in the plane {same} are of the same "
        f"{data.noun}{extremes}.",
        see=SEE,
        intuition=_nearness(own) if data.is_mnist else "",
    )


def _extreme(planes_shown: Sequence[Neighbours], sign: int) -> list[int]:
    """Return the classes with the least own share times the sign; none if the seeds disagree."""
    found = [
        sorted(_tied(plane, sorted(range(CLASSES), key=lambda c: sign * plane.own(c).value)))
        for plane in planes_shown
    ]
    return found[0] if all(classes == found[0] for classes in found) else []


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


def _named(classes: Sequence[int], own: dict[int, list[Estimate]], data: DatasetRecord) -> str:
    shares = {c: ranged([share.value for share in own[c]], _whole, inside=True) for c in classes}
    return listing(f"{data.many_of(c)} ({share})" for c, share in shares.items())


def _whole(share: float) -> str:
    return format_percent(share, decimals=0)


def _one_decimal(share: float) -> str:
    """Return a share as the tables of the planes have it."""
    return format_percent(share, decimals=1)


def _nearness(own: dict[int, list[Estimate]]) -> str:
    """Say that the order follows how alike the images of a digit are, if it does in every seed."""
    shares = [[share.value for share in own[digit]] for digit in range(CLASSES)]
    correlations = rank_correlations(np.array(shares).T, mnist_lore.NEAREST_RATIO)
    if not correlations:
        return ""
    top = int(np.argmax(mnist_lore.NEAREST_RATIO))
    times = f"{mnist_lore.NEAREST_RATIO[top]:.0f} times"
    return (
        "The more the images of a digit resemble one another rather than those of other digits, "
        f"the more it stands apart: in pixels the MSE from a {top} to the nearest image of another "
        f"digit is {times} that to the nearest other {top} (medians over the test set). Over the "
        "ten digits this ratio and the share of own neighbours have a rank correlation of "
        f"{ranged(correlations, '{:.2f}'.format)}."
    )


def overlaps(
    planes_shown: Sequence[Neighbours], data: DatasetRecord, projected: str = ""
) -> Iterator[Observation]:
    """Name the pairs of classes that overlap in every seed, and say of what they are shown."""
    pairs = combinations(range(CLASSES), 2)
    mutual = {pair: [plane.mutual(*pair) for plane in planes_shown] for pair in pairs}
    ranked = sorted(mutual, key=lambda pair: -sum(mutual[pair]))
    mixed = [pair for pair in ranked if min(mutual[pair]) >= OVERLAP]
    numbers = {
        data.pair(*pair): values_over_seeds(mutual[pair])
        for pair in mixed[:MAX_PAIRS] or ranked[:1]
    }
    if mixed:
        yield Observation(
            kind="overlap",
            numbers=numbers,
            text=_overlaps(planes_shown, mixed, data) + projected,
            see=SEE,
            intuition=_alike_in_pixels(planes_shown, mixed[0]) if data.is_mnist else "",
        )
    elif all(max(shares) < OVERLAP for shares in mutual.values()):
        yield Observation(
            kind="no overlap",
            numbers=numbers,
            text=f"No two {data.nouns} have {_whole(OVERLAP)} of each other among their "
            "neighbours.",
            see=SEE,
        )


def _projected(training: TrainingRecord) -> str:
    """Say how little of the codes a plane shows that is not their whole space."""
    codes = training.codes
    if codes is None or codes.shape[1] <= PLANE:
        return ""
    variances = np.linalg.svd(codes - codes.mean(axis=0), compute_uv=False) ** 2
    kept = format_percent(float(variances[:PLANE].sum() / variances.sum()))
    return (
        f" This is so in the projection, which keeps {kept} of the variance of the codes, and need "
        "not be so among the codes themselves."
    )


def _overlaps(
    planes_shown: Sequence[Neighbours], mixed: Sequence[tuple[int, int]], data: DatasetRecord
) -> str:
    a, b = mixed[0]
    most = " most" * all(plane.most_mixed((a, b)) for plane in planes_shown)
    there, back = (
        ranged([float(plane.shares[side]) for plane in planes_shown], _whole)
        for side in ((a, b), (b, a))
    )
    text = (
        f"{capitalized(data.many_of(a))} and {data.many_of(b)} overlap{most}: {there} of the "
        f"neighbours of {data.many_of(a)} are {data.many_of(b)}, and {back} the other way."
    )
    named = mixed[: MAX_PAIRS if len(mixed) > MAX_PAIRS + 1 else len(mixed)]
    others = [
        f"{data.name_of(c)} and {data.name_of(d)} "
        f"({ranged([plane.mutual(c, d) for plane in planes_shown], _whole, inside=True)})"
        for c, d in named[1:]
    ]
    if len(mixed) > len(named):
        others.append(f"{len(mixed) - len(named)} more")
    every = " in every seed" * (len(planes_shown) > 1)
    so_do = f"Other pairs that overlap{every}: {listing(others)}, averaged over both ways."
    return f"{text} {so_do}" if others else text


def _alike_in_pixels(planes_shown: Sequence[Neighbours], pair: tuple[int, int]) -> str:
    """Say that digits overlap in the plane that are neighbours in pixels, if they do."""
    a, b = pair
    upper = np.triu_indices(CLASSES, 1)
    pixels = np.array(mnist_lore.PIXEL_NEIGHBOURS)
    shares = np.array([(plane.shares + plane.shares.T)[upper] for plane in planes_shown])
    correlations = rank_correlations(shares, (pixels + pixels.T)[upper].tolist())
    if not correlations:
        return ""
    also = f", in which {a}s and {b}s are most alike" if mnist_lore.most_alike(a, b) else ""
    image = mnist_lore.mutual(a, b)
    most = (
        f" In pixels only {format_percent(image)} of the neighbours of {a}s and {b}s are of the "
        "other digit: the images can be told apart, and most of this overlap arises when they are "
        "reduced to two numbers."
        if all(image < plane.mutual(a, b) / 2 for plane in planes_shown)
        else ""
    )
    return (
        f"Digits overlap more if their images are alike in pixels{also}. Over all pairs "
        "the shares in the plane and in pixels have a rank correlation of "
        f"{ranged(correlations, '{:.2f}'.format)}.{most}"
    )


def votes(study: Study) -> Iterator[Observation]:
    """Say whether nearest neighbours name the class better in the larger latent space."""
    known = [group for group in study.sound if group.mean("knn_accuracy") is not None]
    for small, large in pairwise(known):
        if small.setting.latent_size < large.setting.latent_size:
            yield from _votes(small, large, study.controlled)


def _votes(small: Group, large: Group, controlled: bool) -> Iterator[Observation]:
    before, after = (group.values("knn_accuracy") for group in (small, large))
    labels = large.first.labels
    images = 0 if labels is None else len(labels)
    gain = over_seeds([share_difference(b, a, images) for a in before for b in after])
    if not (gain.is_positive or gain.is_negative):
        return
    sizes = [f"{g.label} ({g.setting.latent_size} dimensions)" for g in (large, small)]
    other = "" if controlled else "; their hidden layers differ as well"
    contrast = ", although the error is lower" if gain.is_negative and _falls(small, large) else ""
    shares = [_one_decimal(float(np.mean(each))) for each in (after, before)]
    yield Observation(
        kind="10-NN",
        numbers={"gain": gain},
        text=f"In {sizes[0]} the {K} nearest training codes name the {large.first.dataset.noun} "
        f"{'more' if gain.is_positive else 'less'} often than in {sizes[1]} "
        f"({shares[0]} against {shares[1]} of the test images){contrast}{other}.",
        see=("table-summary",),
        intuition=_why(small, large, gain, bool(contrast)),
    )


def _falls(small: Group, large: Group) -> bool:
    """Return whether the error of every seed is lower in the larger size."""
    before, after = (group.values("final_test_mse") for group in (small, large))
    return bool(before and after) and max(after) < min(before)


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
