"""Part 1: which reconstructions a classifier takes for another class than the image's."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.report.analysis.estimate import values_over_seeds
from jobs.report.analysis.groups import Group
from jobs.report.analysis.seeds import ranged
from jobs.report.analysis.study import Study
from jobs.report.blocks import Observation
from jobs.report.dataset import DatasetRecord
from jobs.report.wording import format_count, listing

FEWEST = 20
"""Reconstructions that are named alike before a change of class is told."""
MAX_CHANGES = 3
"""Changes of class that are told of one network."""

Counts = NDArray[np.int64]


def changes(study: Study) -> Iterator[Observation]:
    """Say how many reconstructions change their class, and which do so often."""
    known = {group.label: counts for group in study.sound if (counts := _counts(group))}
    if not known:
        return
    data = study.dataset
    shares = {label: list(map(_changed, counts)) for label, counts in known.items()}
    listed = listing(f"{ranged(each)} in {label}" for label, each in shares.items())
    right = [int(each.sum()) for counts in known.values() for each in counts]
    where = " of images (see Generating images)" * any(t.generated for t in study.records.trainings)
    text = (
        f"Of the {ranged(right, _whole)} test images that a classifier{where} gets right, it "
        f"misclassifies the reconstruction of {listed}."
    )
    for label, counts in known.items():
        if most := _most(counts):
            told = listing(_told(a, b, counts, data) for a, b in most)
            mean = " mean" * (len(counts) > 1)
            text += f" Among the largest{mean} shares in {label}: {told}."
            break
    yield Observation(
        kind="reconstructed as another class",
        numbers={label: values_over_seeds(each) for label, each in shares.items()},
        text=text,
    )


def _counts(group: Group) -> list[Counts]:
    """Return the counts of each seed that has any."""
    each = [training.reconstructed_as for training in group.trainings]
    return [counts for counts in each if counts is not None and counts.any()]


def _whole(number: float) -> str:
    return format_count(round(number))


def _changed(counts: Counts) -> float:
    return float(1 - np.trace(counts) / counts.sum())


def _shares(counts: Sequence[Counts]) -> NDArray[np.float64]:
    """Return of each seed the shares of the classes that reconstructions of a class have."""
    stack = np.array(counts)
    return np.asarray(stack / np.maximum(stack.sum(axis=2, keepdims=True), 1))


def _most(counts: Sequence[Counts]) -> list[tuple[int, int]]:
    """Return the changes (from, to) of the highest shares, of those that are not few."""
    classes = len(counts[0])
    shares = np.mean(_shares(counts), axis=0) * (np.mean(counts, axis=0) >= FEWEST)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares.ravel(), kind="stable")[:MAX_CHANGES]
    pairs = [(int(i) // classes, int(i) % classes) for i in order]
    return [pair for pair in pairs if shares[pair] > 0]


def _told(a: int, b: int, counts: Sequence[Counts], data: DatasetRecord) -> str:
    share = ranged(_shares(counts)[:, a, b].tolist())
    return f"{share} of these {data.many_of(a)} are taken for {data.many_of(b)}"
