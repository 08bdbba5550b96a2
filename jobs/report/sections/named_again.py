"""Part 1: which reconstructions a classifier takes for another class than the image's."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.estimate import Estimate
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.dataset import DatasetRecord
from jobs.report.wording import capitalized, format_percent, listing

FEWEST = 20
"""Reconstructions that are named alike before a change of class is told."""
MAX_CHANGES = 3
"""Changes of class that are told of one network."""

Counts = NDArray[np.int64]


def changes(study: Study) -> Iterator[Observation]:
    """Say how many reconstructions change their class, and which change most often."""
    known = [(g, g.first.reconstructed_as) for g in study.sound]
    shares = {
        group.name(group.first): _changed(counts)
        for group, counts in known
        if counts is not None and counts.any()
    }
    if not shares:
        return
    data = study.dataset
    listed = listing(f"{format_percent(share)} in {label}" for label, share in shares.items())
    text = (
        f"Of the test images whose {data.noun} the classifier names, it names another for the "
        f"reconstruction of {listed}."
    )
    for group, counts in known:
        if counts is not None and (most := _most(counts)):
            told = listing(_told(a, b, counts, data) for a, b in most)
            text += f" {capitalized(group.name(group.first))}: {told}."
            break
    yield Observation(
        kind="reconstructed as another class",
        numbers={label: Estimate(share) for label, share in shares.items()},
        text=text,
        see=("figure-reconstructions",),
    )


def _changed(counts: Counts) -> float:
    return float(1 - np.trace(counts) / counts.sum())


def _most(counts: Counts) -> list[tuple[int, int]]:
    """Return the most frequent changes (from, to) of a network, of those that are not few."""
    others = counts - np.diag(np.diag(counts))
    order = np.argsort(-others.ravel(), kind="stable")[:MAX_CHANGES]
    pairs = [(int(i) // len(counts), int(i) % len(counts)) for i in order]
    return [pair for pair in pairs if others[pair] >= FEWEST]


def _told(a: int, b: int, counts: Counts, data: DatasetRecord) -> str:
    share = format_percent(counts[a, b] / counts[a].sum())
    return f"{share} of the {data.many_of(a)} come back as {data.many_of(b)}"
