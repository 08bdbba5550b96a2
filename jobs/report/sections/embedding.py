"""Part 3, the two-dimensional embedding: which digits stand apart and which overlap.

Judged by neighbours, not by eye: row d of the neighbour table holds the shares of the digits among
the 10 nearest other test codes of the test images of digit d.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.groups import Group
from jobs.report.records import TrainingRecord
from jobs.report.wording import Finding, a_digit, listing, percent, threshold

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


def findings(training: TrainingRecord, groups: Sequence[Group]) -> Iterator[Finding]:
    """Yield what holds of the embedding that this training's codes make."""
    neighbours = neighbour_shares(training)
    if neighbours is not None:
        yield from apart(neighbours)
        yield from overlaps(neighbours)
    yield from votes(groups)


def neighbour_shares(training: TrainingRecord) -> NDArray[np.float64] | None:
    """Return the neighbour table, shape (10, 10); None when it is not recorded or not finite."""
    shares = training.neighbours
    usable = shares is not None and shares.shape == (10, 10) and np.isfinite(shares).all()
    return shares if usable else None


def apart(neighbours: NDArray[np.float64]) -> Iterator[Finding]:
    """Name the digits that stand apart, and the one that does least."""
    own = np.diag(neighbours)
    ranked = np.argsort(-own, kind="stable")
    standing = [int(digit) for digit in ranked if own[digit] >= STANDS_APART]
    least = int(ranked[-1])
    named = listing(f"{digit} ({percent(own[digit])})" for digit in standing)
    if standing:
        text = (
            f"In the plane {named} {'stand' if len(standing) > 1 else 'stands'} apart: at least "
            f"{threshold(STANDS_APART)} of the 10 nearest neighbours are the same digit"
        )
    else:
        text = (
            f"No digit stands apart in the plane: even for {ranked[0]} only "
            f"{percent(own[ranked[0]])} of the 10 nearest neighbours are the same digit"
        )
    if least not in standing:
        text += f"; {least} is mixed most, with {percent(own[least])}"
    yield Finding(f"{text}.", ("figure-embedding", "table-neighbours"), _apart_intuition(standing))


def _apart_intuition(standing: Sequence[int]) -> str:
    if not standing:
        return ""
    return (
        "No label was used in training. Digits that stand apart do so because their images are far "
        "from all others in pixels, and two coordinates are enough to keep them there."
    )


def overlaps(neighbours: NDArray[np.float64]) -> Iterator[Finding]:
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
        yield Finding(
            f"No two digits overlap much: {a} and {b} come closest, with {percent(mutual[a, b])} "
            "of each other among their neighbours.",
            see,
        )
        return
    a, b = mixed[0]
    text = (
        f"{a} and {b} overlap most: {percent(neighbours[a, b])} of the neighbours of a {a} are "
        f"{b}s, and {percent(neighbours[b, a])} of those of {a_digit(b)} are {a}s"
    )
    others = listing(f"{c} and {d} ({percent(mutual[c, d])})" for c, d in mixed[1:])
    text += f"; then follow, averaged over both directions, {others}" if others else ""
    yield Finding(f"{text}.", see, _overlap_intuition(mixed))


def _overlap_intuition(mixed: Sequence[tuple[int, int]]) -> str:
    shapes = [SHAPES[pair] for pair in mixed if pair in SHAPES]
    if not shapes:
        return ""
    return (
        "The network puts side by side what looks alike, since similar codes decode to similar "
        f"pictures: {listing(shapes)}. "
        "Where two dimensions are not enough, such digits share ground."
    )


def votes(groups: Sequence[Group]) -> Iterator[Finding]:
    """State how well neighbours in the latent space tell the digit, by latent size."""
    known = [
        (group, share) for group in groups if (share := group.mean("knn_accuracy")) is not None
    ]
    if not known:
        return
    parts = listing(
        f"{100 * share:.1f}% in {group.label} ({group.setting.latent_size} dimensions)"
        for group, share in known
    )
    growing = len(known) > 1 and known[0][1] < known[-1][1]
    yield Finding(
        "A vote of the 10 nearest training codes in the whole latent space names the right digit "
        f"for {parts} of the test images.",
        ("table-summary",),
        "What overlaps in the plane need not overlap in the data: with more coordinates the same "
        "images can be told apart. The overlap is the price of the projection to two numbers."
        if growing and known[0][0].setting.latent_size == 2
        else "",
    )
