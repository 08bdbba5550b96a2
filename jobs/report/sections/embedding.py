"""Part 3, the two-dimensional embedding: which digits stand apart and which overlap.

Judged by neighbours, not by eye: row d of the neighbour table holds the shares of the digits among
the 10 nearest other test codes of the test images of digit d.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jobs.report import charts
from jobs.report.analysis.study import Study
from jobs.report.blocks import (
    Block,
    Figure,
    Heading,
    Observation,
    Paragraph,
    Ref,
    Table,
    Text,
    observed,
)
from jobs.report.records import TrainingRecord
from jobs.report.wording import format_percent, format_threshold, listing, with_article

STANDS_APART = 0.90
"""A digit stands apart when at least this share of its neighbours is of its own kind."""
OVERLAP = 0.10
"""Two digits overlap when, averaged over both, this share of neighbours is of the other kind."""
MOST_PAIRS = 4
"""Overlapping pairs named, the strongest first."""

SHAPES = {
    (4, 9): "a 4 and a 9 differ only in whether the top is closed",
    (7, 9): "a 7 and a 9 share the long right stroke and differ in the loop at the top",
    (3, 5): "a 3 and a 5 share the lower bow and differ in the top stroke",
    (3, 8): "a 3 is an 8 that is open on the left",
    (5, 8): "a 5 written with a closed bow is nearly an 8",
    (4, 7): "a 4 and a 7 share the right stroke",
    (2, 3): "a 2 and a 3 share the upper bow",
}
"""What two digits have in common on paper."""


def blocks(study: Study) -> Iterator[Block]:
    """Yield part 3; nothing if no training recorded codes."""
    training = study.for_embedding
    if training is None:
        return
    shares = neighbour_shares(training)
    yield Heading("Part 3: The two-dimensional embedding")
    yield Paragraph(_introduction(shares is not None, training.manifold is not None))
    yield _scatter(training)
    if shares is not None:
        yield _table(shares)
    if training.manifold is not None:
        yield Figure(
            key="figure-manifold",
            picture=training.manifold,
            alt="Decoded pictures on a grid over the latent plane; digits change into one another.",
            caption="What the decoder makes of a regular grid of points of the same plane, from "
            "the 1st to the 99th percentile of the codes on each axis.",
            width=0.45,
            floats=True,
        )
    yield from observed(observations(study))


def observations(study: Study) -> Iterator[Observation]:
    """Yield what holds of the embedding, and of the neighbours in all latent spaces."""
    training = study.for_embedding
    if training is None:
        return
    shares = neighbour_shares(training)
    if shares is not None:
        yield from apart(shares)
        yield from overlaps(shares)
    yield from votes(study)


def _introduction(with_table: bool, with_manifold: bool) -> Text:
    """Say what the figures and the table show, by their numbers."""
    text: tuple[str | Ref, ...] = (
        "The encoder takes every test image to a point; ",
        Ref("figure-embedding"),
        " shows them all, and no label was used to place them.",
    )
    if with_table:
        text += (
            " How the digits mix there is counted, not judged by eye, in ",
            Ref("table-neighbours"),
            ": for the images of each digit, whose points lie next to theirs.",
        )
    if with_manifold:
        text += (
            " ",
            Ref("figure-manifold"),
            " goes the other way: it decodes points of the plane, whether or not an image lies "
            "there.",
        )
    return text


def _scatter(training: TrainingRecord) -> Figure:
    setting = training.spec.setting
    plain = setting.latent_size == 2
    codes = "latent codes" if plain else "first two principal components of the latent codes"
    images = 0 if training.labels is None else len(training.labels)
    return Figure(
        key="figure-embedding",
        picture=charts.embedding(training),
        alt=f"Scatter plot of the {codes} of {images:,} test images, one colour a digit.",
        caption=f"The {codes} of the {images:,} test images in setting {setting.name} "
        f"(seed {training.spec.seed}), one dot an image, one colour a digit.",
        width=0.68,
    )


def _table(shares: NDArray[np.float64]) -> Table:
    """Return the shares of digits among the neighbours of each digit, in percent."""
    rows = [
        [str(digit), *(f"{100 * share:.0f}" if share >= 0.005 else "·" for share in row)]
        for digit, row in enumerate(shares)
    ]
    return Table(
        key="table-neighbours",
        caption="Digits among the 10 nearest other test images in the plane, in percent (a dot: "
        "less than half a percent). On the diagonal: neighbours of the same digit.",
        columns=(("Image of a", "left"), *((str(digit), "right") for digit in range(10))),
        rows=rows,
    )


def neighbour_shares(training: TrainingRecord) -> NDArray[np.float64] | None:
    """Return the neighbour table, shape (10, 10); None when it is not recorded or not finite."""
    shares = training.neighbours
    usable = shares is not None and shares.shape == (10, 10) and np.isfinite(shares).all()
    return shares if usable else None


def apart(neighbours: NDArray[np.float64]) -> Iterator[Observation]:
    """Name the digits that stand apart, and the one that does least."""
    own = np.diag(neighbours)
    ranked = np.argsort(-own, kind="stable")
    standing = [int(digit) for digit in ranked if own[digit] >= STANDS_APART]
    least = int(ranked[-1])
    named = listing(f"{digit} ({format_percent(own[digit])})" for digit in standing)
    if standing:
        text = (
            f"In the plane {named} {'stand' if len(standing) > 1 else 'stands'} apart: at least "
            f"{format_threshold(STANDS_APART)} of the 10 nearest neighbours are the same digit"
        )
    else:
        text = (
            f"No digit stands apart in the plane: even for {ranked[0]} only "
            f"{format_percent(own[ranked[0]])} of the 10 nearest neighbours are the same digit"
        )
    if least not in standing:
        text += f"; {least} is mixed most, with {format_percent(own[least])}"
    yield Observation(
        kind="apart",
        text=f"{text}.",
        see=("figure-embedding", "table-neighbours"),
        intuition=_apart_intuition(standing),
    )


def _apart_intuition(standing: Sequence[int]) -> str:
    if not standing:
        return ""
    return (
        "No label was used in training. Digits that stand apart do so because their images are far "
        "from all others in pixels, and two coordinates are enough to keep them there."
    )


def overlaps(neighbours: NDArray[np.float64]) -> Iterator[Observation]:
    """Name the pairs of digits that overlap most."""
    mutual = {
        (a, b): float(neighbours[a, b] + neighbours[b, a]) / 2
        for a, b in combinations(range(10), 2)
    }
    ranked = sorted(mutual, key=lambda pair: -mutual[pair])
    mixed = [pair for pair in ranked if mutual[pair] >= OVERLAP][:MOST_PAIRS]
    see = ("figure-embedding", "table-neighbours")
    if not mixed:
        a, b = ranked[0]
        yield Observation(
            kind="overlaps",
            text=(
                f"No two digits overlap much: {a} and {b} come closest, with "
                f"{format_percent(mutual[a, b])} of each other among their neighbours."
            ),
            see=see,
        )
        return
    a, b = mixed[0]
    text = (
        f"{a} and {b} overlap most: {format_percent(neighbours[a, b])} of the neighbours of a {a} "
        f"are {b}s, and {format_percent(neighbours[b, a])} of those of {with_article(b)} are {a}s"
    )
    others = listing(f"{c} and {d} ({format_percent(mutual[c, d])})" for c, d in mixed[1:])
    text += f"; then follow, averaged over both directions, {others}" if others else ""
    yield Observation(
        kind="overlaps",
        text=f"{text}.",
        see=see,
        intuition=_overlap_intuition(mixed),
    )


def _overlap_intuition(mixed: Sequence[tuple[int, int]]) -> str:
    shapes = [SHAPES[pair] for pair in mixed if pair in SHAPES]
    if not shapes:
        return ""
    return (
        "The network puts side by side what looks alike, since similar codes decode to similar "
        f"pictures: {listing(shapes)}. "
        "Where two dimensions are not enough, such digits share ground."
    )


def votes(study: Study) -> Iterator[Observation]:
    """State how well neighbours in the latent space tell the digit, by latent size."""
    known = [
        (group, share)
        for group in study.groups
        if (share := group.mean("knn_accuracy")) is not None
    ]
    if not known:
        return
    parts = listing(
        f"{100 * share:.1f}% in {group.label} ({group.setting.latent_size} dimensions)"
        for group, share in known
    )
    growing = len(known) > 1 and known[0][1] < known[-1][1]
    yield Observation(
        kind="votes",
        text=(
            "A vote of the 10 nearest training codes in the whole latent space names the right "
            f"digit for {parts} of the test images."
        ),
        see=("table-summary",),
        intuition=(
            "What overlaps in the plane need not overlap in the data: with more coordinates the "
            "same images can be told apart. The overlap is the price of the projection to two "
            "numbers."
            if growing and known[0][0].setting.latent_size == 2
            else ""
        ),
    )
